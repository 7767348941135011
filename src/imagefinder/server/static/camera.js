// Camera dialog for computers with a webcam.

import { $, openDialog, setText } from "./dom.js";

/** Take a photo: a File, or null if cancelled. */
export async function takePhoto() {
  const video = $("video");
  setText($("camera-error"), null);
  $("shutter").disabled = true;
  const closed = openDialog($("camera"));
  let stream = null;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    video.srcObject = stream;
    await video.play();
    $("shutter").disabled = false;
  } catch {
    setText($("camera-error"), "No access to the camera. Allow it in the browser, or choose a file.");
  }
  const photo = (await closed) === "yes" && stream ? await currentFrame(video) : null;
  stream?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  return photo;
}

async function currentFrame(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
  return new File([blob], "photograph.jpg", { type: "image/jpeg" });
}
