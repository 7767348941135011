// Camera dialog for computers with a webcam.

import { $, openDialog, setText } from "./dom.js";

/** Take a photo: a File, or null if cancelled. */
export async function takePhoto() {
  const video = $("video");
  setText($("camera-error"), null);
  $("shutter").disabled = true;
  const closed = openDialog($("camera"));
  const camera = navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  const isCancelled = await Promise.race([camera.then(() => false, () => false), closed.then(() => true)]);
  if (isCancelled) return forget(camera);
  await show(camera, video);
  const photo = (await closed) === "yes" ? await currentFrame(video) : null;
  video.srcObject = null;
  forget(camera);
  return photo;
}

async function show(camera, video) {
  try {
    video.srcObject = await camera;
    await video.play();
    $("shutter").disabled = false;
  } catch {
    setText($("camera-error"), "No access to the camera. Allow it in the browser, or choose a file.");
  }
}

/** Stop the camera, now or when the browser's question about it is answered. */
function forget(camera) {
  camera.then((stream) => stream.getTracks().forEach((track) => track.stop()), () => {});
  return null;
}

async function currentFrame(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
  return new File([blob], "photograph.jpg", { type: "image/jpeg" });
}
