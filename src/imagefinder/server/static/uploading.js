// Uploading: adding images to the catalogue, one after the other.

import * as api from "./api.js";
import { $, announce, h, plural } from "./dom.js";

let queue = null; // of the files on their way, each with its encoder: more may be given meanwhile
let adding = null; // a promise, until all are added

/** Add files to the catalogue of an encoder, after those on their way, and say what has come of each. */
export async function addFiles(files, encoder, maxBytes) {
  const added = files.map((file) => ({ file, encoder }));
  if (queue) queue.push(...added);
  else adding = addAll((queue = added), maxBytes).finally(() => (queue = null));
  await adding;
}

async function addAll(files, maxBytes) {
  const errors = [];
  let added = 0;
  $("add-errors").replaceChildren();
  $("add-status").hidden = false;
  for (const [done, { file, encoder }] of files.entries()) {
    $("add-progress").max = files.length;
    $("add-progress").value = done;
    $("add-text").textContent = `${done} of ${files.length}`;
    try {
      added += await addFile(file, encoder, maxBytes);
    } catch (error) {
      errors.push(h("li", {}, `${file.name}: ${error.message}`));
    }
  }
  $("add-progress").value = files.length;
  const known = files.length - added - errors.length;
  const counts = [`${plural(added, "image")} added`, known && `${known} already in the catalogue`, errors.length && `${errors.length} failed`];
  $("add-text").textContent = counts.filter(Boolean).join(", ");
  announce($("add-text").textContent);
  $("add-errors").replaceChildren(...errors);
}

async function addFile(file, encoder, maxBytes) {
  if (file.size > maxBytes) {
    throw new Error(`larger than the ${plural(maxBytes, "byte")} that this server accepts`);
  }
  const form = new FormData();
  form.append("image", file);
  form.append("encoder", encoder);
  return api.addImage(form);
}
