// Lightbox: one image, large, with its facts, its neighbors, and what can be done with it.

import * as api from "./api.js";
import { $, announce, button, h, setText } from "./dom.js";
import { factsOf } from "./facts.js";
import { thumbnail, titleOf } from "./image-card.js";
import { removeSoon } from "./removal.js";
import { canGoBack, currentRoute, goBack, hrefWith, navigate, searchHref } from "./router.js";
import { Zoom } from "./zoom.js";

const NEIGHBORS = 12;
const SHARP = 1024; // the longer side of the largest thumbnail

let zoom = null;
let shown = null; // the image of the URL
let place = null; // where it is: the catalogue, and the view with its images
let target = null; // the number of the image that one is on the way to
let isWritable = false;
let controller = new AbortController();

export function init({ writable }) {
  isWritable = writable;
  const dialog = $("lightbox");
  zoom = new Zoom($("stage"), { onZoom: sharpen, onSwipe: step });
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    leave();
  });
  // a browser may close it without asking
  dialog.addEventListener("close", () => currentRoute().shown && leave());
  // also when what had the focus is gone, as the last image's button to the next
  addEventListener("keydown", (event) => isOnTop(dialog) && onKey(event));
  // a view may know only now where the image is among others
  for (const kind of ["listed", "hidden"]) addEventListener(kind, () => dialog.open && showSteps());
  $("lightbox-close").addEventListener("click", leave);
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
}

const isOnTop = (dialog) => dialog.open && document.querySelectorAll("dialog[open]").length === 1;

/**
 * Open, change or close it, as the URL says. `view` may have `images`, and `actionsOf` an image;
 * `returns` says whether the view is as it was when it was opened.
 */
export async function render(id, { catalogue, view, returns }) {
  controller.abort();
  target = null;
  const dialog = $("lightbox");
  if (!id) return close(dialog, returns);
  setText($("lightbox-error"), null);
  if (!dialog.open) dialog.showModal();
  controller = new AbortController();
  const { signal } = controller;
  place = { encoder: catalogue.encoder, images: view.images?.(), actionsOf: view.actionsOf };
  shown = place.images?.find(id) ?? { id, metadata: {} };
  if (shown.width) show(shown);
  showNeighbors(id, signal);
  try {
    const image = { ...shown, ...(await api.getImage(id, place.encoder)) };
    if (signal.aborted) return;
    if (!shown.width) show(image);
    shown = image;
    showFacts(image);
  } catch (error) {
    if (!signal.aborted) fail(error);
  }
}

function close(dialog, returns) {
  if (!dialog.open) return;
  dialog.close();
  $("picture").replaceChildren();
  target = null;
  if (returns) place.images?.focus(shown.id);
  shown = null;
}

/** Close it at once: what is typed next is meant for the view behind it. */
function leave() {
  controller.abort();
  close($("lightbox"), true);
  if (canGoBack()) goBack();
  else navigate(hrefWith({}), true);
}

function fail(error) {
  $("lightbox-title").textContent = "This image cannot be shown";
  $("picture").replaceChildren();
  setText($("lightbox-error"), error.message);
  for (const part of ["facts", "lightbox-actions"]) $(part).replaceChildren();
}

function show(image) {
  const { encoder, actionsOf } = place;
  $("lightbox-title").textContent = titleOf(image);
  $("picture").replaceChildren(thumbnail(image, encoder, SHARP));
  zoom.reset();
  showFacts(image);
  $("lightbox-actions").replaceChildren(
    h("a", { class: "button strong", href: searchHref({ id: image.id, encoder }) }, "Search from this"),
    ...(actionsOf?.(image) ?? []),
    button("Download", () => download(image, encoder)),
    ...(isWritable ? [button("Remove", () => remove(image, encoder), null, "plain danger")] : []),
  );
  showSteps();
  announce(titleOf(image));
}

/** Facts that are there already stay: one of them may be focused or pressed. */
function showFacts(image) {
  const facts = factsOf(image);
  const { children } = $("facts");
  const isSame = facts.length === children.length && facts.every((one, place) => one.isEqualNode(children[place]));
  if (!isSame) $("facts").replaceChildren(...facts);
}

function showSteps() {
  const number = placeOfShown();
  $("previous").disabled = number < 1;
  $("next").disabled = number < 0 || number + 1 >= place.images.count;
}

const placeOfShown = () => (shown && place.images?.indexOf(shown.id)) ?? -1;

/** Go to the image that many further on, also from one that is still on its way; Back still closes the lightbox. */
async function step(by) {
  const from = target ?? placeOfShown();
  const own = from + by;
  if (from < 0 || own < 0 || own >= place.images.count) return;
  target = own;
  try {
    const image = await place.images.at(own);
    if (image && target === own) navigate(hrefWith({ show: image.id }), true);
  } catch (error) {
    if (target === own) setText($("lightbox-error"), error.message);
  }
  if (target === own) target = null;
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const actions = {
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    "+": () => zoom.in(),
    "=": () => zoom.in(),
    "-": () => zoom.out(),
    0: () => zoom.reset(),
  };
  if (!actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
}

/** The file itself in place of its thumbnail, once one looks closer and if the browser shows it. */
async function sharpen(scale) {
  const image = $("picture").querySelector("img");
  const isSmall = shown && Math.max(shown.width, shown.height) <= SHARP;
  if (scale === 1 || !image || isSmall || image.dataset.file) return;
  image.dataset.file = "yes";
  const file = new Image();
  try {
    file.src = await api.displayUrl(api.fileUrl(shown.id, place.encoder));
    await file.decode();
    if (image.isConnected) image.src = file.src;
  } catch {
    URL.revokeObjectURL(file.src); // only the server reads the format, or there is no file: the thumbnail stays
  }
}

async function showNeighbors(id, signal) {
  const strip = $("neighbors");
  strip.replaceChildren();
  const form = new FormData();
  for (const [name, value] of Object.entries({ id, k: NEIGHBORS + 1, encoder: place.encoder })) form.append(name, value);
  try {
    const { hits } = await api.search(form, signal);
    const others = hits.filter((hit) => hit.id !== id).slice(0, NEIGHBORS);
    if (!signal.aborted) strip.replaceChildren(...others.map(neighbor));
  } catch {
    // the image itself says what is wrong
  }
  $("neighbors-title").hidden = !strip.children.length;
}

function neighbor(hit) {
  const to = hrefWith({ show: hit.id });
  const follow = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    navigate(to, true);
  };
  return h("li", {}, h("a", { href: to, onclick: follow, "aria-label": `Show ${titleOf(hit)}` }, thumbnail(hit, place.encoder)));
}

function remove(image, encoder) {
  leave();
  removeSoon([image], encoder);
}

async function download(image, encoder) {
  const path = api.fileUrl(image.id, encoder);
  try {
    h("a", { href: await api.displayUrl(path), download: image.name ?? image.id }).click();
  } catch (error) {
    setText($("lightbox-error"), error.message);
  }
}
