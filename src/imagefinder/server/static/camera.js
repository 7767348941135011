// The computer's camera, in a dialog.

import { $, asked, say } from "./dom.js";

/** A photograph as a File, or null if none was taken. */
export async function photograph() {
  const video = $("live");
  say($("dark"), null);
  $("shutter").disabled = true;
  const closed = asked($("camera"));
  let stream = null;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    video.srcObject = stream;
    await video.play();
    $("shutter").disabled = false;
  } catch {
    say($("dark"), "The camera cannot be used. Allow it in the browser, or choose a file.");
  }
  const taken = (await closed) === "yes" && stream ? await still(video) : null;
  stream?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  return taken;
}

async function still(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
  return new File([blob], "photograph.jpg", { type: "image/jpeg" });
}
