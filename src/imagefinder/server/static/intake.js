// The ways in which images arrive: dropped, pasted, chosen, photographed.

import { $ } from "./dom.js";
import { photograph } from "./camera.js";

/** Let files be dropped on an element or chosen by an input; links may be dropped where wanted. */
export function takes(zone, input, files, link = null) {
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", (event) => {
    if (!zone.contains(event.relatedTarget)) zone.classList.remove("over");
  });
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    arrived(event.dataTransfer, files, link);
  });
  input.addEventListener("change", () => {
    if (input.files.length) files([...input.files]);
    input.value = ""; // the same file may be chosen again
  });
}

/** Let images and links be pasted anywhere but into a field. */
export function pastes(files, link) {
  document.addEventListener("paste", (event) => {
    const field = event.target.closest?.("input, textarea");
    if (field && !event.clipboardData.files.length) return;
    if (arrived(event.clipboardData, files, link)) event.preventDefault();
  });
}

/** Photograph with the camera of a phone, or of this computer. */
export function photographs(files) {
  const capture = $("capture");
  capture.addEventListener("change", () => {
    if (capture.files.length) files([...capture.files]);
    capture.value = "";
  });
  $("photograph").addEventListener("click", async () => {
    const phone = matchMedia("(pointer: coarse)").matches || !navigator.mediaDevices;
    if (phone) return capture.click();
    const taken = await photograph();
    if (taken) files([taken]);
  });
}

function arrived(data, files, link) {
  if (data.files.length) {
    files([...data.files]);
    return true;
  }
  const text = (data.getData("text/uri-list") || data.getData("text/plain")).trim();
  const isLink = link && /^https?:\/\/\S+$/.test(text);
  if (isLink) link(text);
  return isLink;
}
