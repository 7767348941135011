// Catalogue view: all images, in an order, by folder, words and metadata; and more of them.

import * as api from "./api.js";
import { Blocks } from "./blocks.js";
import { $, button, h, plural, setText } from "./dom.js";
import { showFilter, withFilter } from "./filters.js";
import { folderList } from "./folder-tree.js";
import { Grid } from "./grid.js";
import { imageCard, titleOf } from "./image-card.js";
import { acceptFiles } from "./image-input.js";
import { removeSoon } from "./removal.js";
import { currentRoute, hrefWith, navigate } from "./router.js";
import * as selection from "./selection.js";
import { addFiles } from "./uploading.js";

const FIRST = 200; // images
const ORDERS = { added: "desc", date: "desc", name: "asc", size: "desc" };

let encoder = null; // whose images are listed
let controller = new AbortController();
let onChange = () => {};
let server = null;
let grid = null;
let tree = null; // of which encoder the folders are shown

/** `changed` is called after each addition. */
export function init(stats, changed) {
  server = stats;
  onChange = changed;
  grid = new Grid($("images"), { onError: showError, onRest: keepPlace });
  $("add-zone").hidden = !stats.writable;
  if (stats.writable) acceptFiles($("add-zone"), $("add-files"), upload);
  $("sort").addEventListener("change", ({ target }) => change({ sort: target.value, order: null }));
  $("order").addEventListener("click", () => change({ order: $("order").dataset.other }));
  $("look").addEventListener("submit", (event) => {
    event.preventDefault();
    change({ words: $("look").elements.words.value.trim() });
  });
  $("condition").addEventListener("submit", addCondition);
  $("show-folders").hidden = !stats.shows_paths;
  addEventListener("removed", ({ detail }) => detail.size && forget(detail));
}

/** Images are removed; where none is left of what was listed, the listing says so; one on its way may still have them. */
function forget(ids) {
  if ($("count").dataset.count) countUp(-ids.size);
  if (!grid.count || $("images").hasAttribute("aria-busy")) relist();
}

/** What is listed has changed; what is being typed or selected and the lightbox stay as they are. */
function relist() {
  const { view, params } = currentRoute();
  if (view === "catalogue") return load(params);
}

/** What the lightbox goes through. */
export const images = () => grid;

/** List what the URL says. */
export async function render(params, catalogue) {
  encoder = catalogue.encoder;
  selection.begin(grid, encoder);
  showControls(params);
  await load(params);
}

async function load(params) {
  controller.abort();
  controller = new AbortController();
  const { signal } = controller;
  setText($("list-error"), null);
  $("images").setAttribute("aria-busy", "true");
  try {
    await list(params, signal);
  } catch (error) {
    if (signal.aborted) return;
    grid.clear();
    showError(error);
  }
  $("images").removeAttribute("aria-busy");
}

/** The first images say how many there are; the others come as one scrolls. */
async function list(params, signal) {
  grid.wait(FIRST / 4);
  const query = queryOf(params);
  const first = await api.listImages({ ...query, limit: FIRST }, signal);
  if (signal.aborted) return;
  const load = async (offset, limit, stop) => (await api.listImages({ ...query, offset, limit }, stop)).images;
  const blocks = new Blocks(first.total, load);
  blocks.put(0, first.images);
  countUp(first.total, 0);
  grid.show(blocks, card, Number(params.get("at")) || 0);
  if (!first.total) $("images").append(h("li", { class: "empty" }, ...nothing(params, first.detail)));
}

function queryOf(params) {
  const sort = params.get("sort") in ORDERS ? params.get("sort") : "added";
  const given = Object.fromEntries(["order", "words", "folder", "where"].map((name) => [name, params.get(name)]));
  return { encoder, sort, ...given, order: given.order ?? ORDERS[sort] };
}

function showControls(params) {
  const { sort, order, words, folder } = queryOf(params);
  $("sort").value = sort;
  $("order").textContent = order === "asc" ? "↑" : "↓";
  $("order").dataset.other = order === "asc" ? "desc" : "asc";
  $("order").setAttribute("aria-label", order === "asc" ? "Ascending; change to descending" : "Descending; change to ascending");
  $("look").elements.words.value = words ?? "";
  showFilter($("list-filter"), params);
  if (words) $("list-filter").prepend(chip(`“${words}”`, { words: null }));
  if (folder) $("list-filter").prepend(chip(`in ${folder}`, { folder: null }));
  if (server.shows_paths) showFolders(folder);
}

const chip = (text, changes) => button(`${text} ✕`, () => change(changes), `Remove the filter ${text}`, "chip");

async function showFolders(folder) {
  const own = `${encoder} ${folder}`;
  if (tree === own) return;
  tree = own;
  const choose = (path) => {
    $("folders").hidePopover();
    change({ folder: path });
  };
  try {
    const list = await folderList(encoder, folder, choose);
    if (tree === own) $("folder-tree").replaceChildren(list);
  } catch (error) {
    if (tree !== own) return;
    tree = null; // to be asked for again
    $("folder-tree").replaceChildren(h("p", { class: "bad" }, error.message));
  }
}

/** Another listing, from its start. */
const change = (changes) => navigate(hrefWith({ at: null, ...changes }));

function addCondition(event) {
  event.preventDefault();
  const { name, operator, value } = $("condition").elements;
  const number = Number(value.value);
  $("filters").hidePopover();
  navigate(withFilter(name.value.trim(), operator.value, value.value.trim() !== "" && Number.isFinite(number) ? number : value.value));
  $("condition").reset();
}

/** The URL says where one is, so that Back and a reload lead there. */
function keepPlace(number) {
  if (currentRoute().view !== "catalogue" || currentRoute().shown) return;
  history.replaceState(history.state, "", hrefWith({ at: number || null }));
}

function countUp(by, from = Number($("count").dataset.count)) {
  $("count").dataset.count = from + by;
  $("count").textContent = plural(from + by, "image");
}

function showError(error) {
  setText($("list-error"), error.message);
}

function card(image) {
  const remove = server.writable && button("Remove", () => removeSoon([image], encoder), `Remove ${titleOf(image)}`, "plain danger");
  return imageCard(image, { encoder, actions: [remove], boxOf: selection.boxOf });
}

function nothing(params, detail) {
  if (detail) return [`Nothing here: ${detail}.`];
  if (params.get("words")) return ["No name and no metadata have these words."];
  const advice = server.writable ? "Drop some above, or run " : "Run ";
  return ["No images yet. ", advice, h("code", {}, "imagefinder add FOLDER"), "."];
}

async function upload(files) {
  await addFiles(files, encoder, server.max_upload);
  onChange();
  await relist();
}
