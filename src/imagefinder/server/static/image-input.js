// Image input: drag and drop, paste, file picker and camera.

import { takePhoto } from "./camera.js";
import { $ } from "./dom.js";

/** Accept files dropped on `zone` or chosen with `input`, and dropped links if `onLink` is given. */
export function acceptFiles(zone, input, onFiles, onLink = null) {
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("drag-over");
  });
  zone.addEventListener("dragleave", (event) => {
    if (!zone.contains(event.relatedTarget)) zone.classList.remove("drag-over");
  });
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("drag-over");
    accept(event.dataTransfer, onFiles, onLink);
  });
  input.addEventListener("change", () => {
    if (input.files.length) onFiles([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  });
}

/** Accept images and links pasted anywhere but into a text field. */
export function acceptPaste(onFiles, onLink) {
  document.addEventListener("paste", (event) => {
    const field = event.target.closest?.("input, textarea");
    if (field && !event.clipboardData.files.length) return;
    if (accept(event.clipboardData, onFiles, onLink)) event.preventDefault();
  });
}

export function acceptPhotos(onFiles) {
  const capture = $("capture");
  capture.addEventListener("change", () => {
    if (capture.files.length) onFiles([...capture.files]);
    capture.value = "";
  });
  $("photograph").addEventListener("click", async () => {
    const phone = matchMedia("(pointer: coarse)").matches || !navigator.mediaDevices;
    if (phone) return capture.click();
    const photo = await takePhoto();
    if (photo) onFiles([photo]);
  });
}

function accept(data, onFiles, onLink) {
  if (data.files.length) {
    onFiles([...data.files]);
    return true;
  }
  const text = (data.getData("text/uri-list") || data.getData("text/plain")).trim();
  const isLink = onLink && /^https?:\/\/\S+$/.test(text);
  if (isLink) onLink(text);
  return isLink;
}
