// Catalogue view: list the stored images, and upload more.

import * as api from "./api.js";
import { $, announce, h, plural, setText } from "./dom.js";
import { Grid, skeletons } from "./grid.js";
import { imageCard } from "./image-card.js";
import { acceptFiles } from "./image-input.js";

const PAGE = 200;

let cursor = null;
let loading = false;
let encoder = null; // whose images are listed
let generation = 0; // incremented by each new listing, so that an earlier one stops
let onChange = () => {};
let server = null;
let grid = null;

/** `changed` is called after each addition or deletion. */
export function init(stats, changed) {
  server = stats;
  onChange = changed;
  grid = new Grid($("images"), { onEnd: () => cursor && !loading && loadMore() });
  $("add-zone").hidden = !stats.writable;
  if (stats.writable) acceptFiles($("add-zone"), $("add-files"), upload);
}

/** List the images of a catalogue from the start. */
export async function render(params, catalogue) {
  encoder = catalogue.encoder;
  await refresh();
}

async function refresh() {
  generation += 1;
  cursor = null;
  grid.set(...skeletons(60));
  updateCount();
  await loadMore(true);
}

async function updateCount() {
  try {
    const info = (await api.stats()).catalogues.find((one) => one.encoder === encoder);
    $("count").textContent = plural(info.images, "image");
  } catch {
    $("count").textContent = "Catalogue";
  }
}

async function loadMore(isFirst = false) {
  const current = generation;
  setText($("list-error"), null);
  $("images").setAttribute("aria-busy", "true");
  loading = true;
  try {
    const page = await api.listImages(encoder, cursor, PAGE);
    if (generation !== current) return;
    cursor = page.next;
    if (isFirst) grid.set(page.images, card);
    else grid.append(page.images);
    if (isFirst && !page.images.length) $("images").append(emptyNote());
  } catch (error) {
    if (generation !== current) return;
    cursor = null;
    if (isFirst) grid.clear();
    setText($("list-error"), error.message);
  }
  loading = false;
  $("images").removeAttribute("aria-busy");
  grid.request(); // the page may be taller than what came
}

function card(image) {
  const onRemove = (id) => {
    onChange();
    updateCount();
    grid.remove(id);
  };
  return imageCard(image, { encoder, onRemove: server.writable ? onRemove : null });
}

function emptyNote() {
  const advice = server.writable ? "Drop some above, or run " : "Run ";
  return h("li", { class: "empty" }, "No images yet. ", advice, h("code", {}, "imagefinder add FOLDER"), ".");
}

async function upload(files) {
  const errors = [];
  let added = 0;
  $("add-errors").replaceChildren();
  $("add-status").hidden = false;
  $("add-progress").max = files.length;
  for (const [done, file] of files.entries()) {
    $("add-progress").value = done;
    $("add-text").textContent = `${done} of ${files.length}`;
    try {
      added += await addFile(file);
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
  onChange();
  refresh();
}

async function addFile(file) {
  if (file.size > server.max_upload) {
    throw new Error(`larger than the ${plural(server.max_upload, "byte")} that this server accepts`);
  }
  const form = new FormData();
  form.append("image", file);
  form.append("encoder", encoder);
  return api.addImage(form);
}
