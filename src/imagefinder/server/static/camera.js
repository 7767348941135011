// Camera dialog for computers with a webcam.

import { $, openDialog, setText } from "./dom.js";

/** Take a photo: a File, or null if cancelled. */
export async function takePhoto() {
  const video = $("video");
  setText($("camera-error"), null);
  $("shutter").disabled = true;
  const dialog = new AbortController(); // aborted once it is closed
  const closed = openDialog($("camera")).finally(() => dialog.abort());
  const camera = navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  show(camera, video, dialog.signal);
  const photo = (await closed) === "yes" ? currentFrame(video) : null;
  video.srcObject = null;
  forget(camera);
  return photo;
}

/** Show what the camera sees, unless the dialog is closed before the camera is allowed or starts. */
async function show(camera, video, signal) {
  try {
    const stream = await camera;
    if (signal.aborted) return;
    video.srcObject = stream;
    await video.play();
    if (!signal.aborted) $("shutter").disabled = false;
  } catch {
    if (!signal.aborted) setText($("camera-error"), "No access to the camera. Allow it in the browser, or choose a file.");
  }
}

/** Stop the camera, now or when the browser's question about it is answered. */
function forget(camera) {
  camera.then((stream) => stream.getTracks().forEach((track) => track.stop()), () => {});
}

async function currentFrame(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
  return new File([blob], "photograph.jpg", { type: "image/jpeg" });
}
