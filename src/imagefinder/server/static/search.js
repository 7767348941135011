// Search view: query, options and hits.

import * as api from "./api.js";
import { compare } from "./compare.js";
import { $, announce, button, h, plural, setText } from "./dom.js";
import { filterOf, showFilter } from "./filters.js";
import { Grid } from "./grid.js";
import { imageCard, titleOf } from "./image-card.js";
import { acceptFiles, acceptPaste, acceptPhotos } from "./image-input.js";
import { describe, imageForm, isEmpty, loadQuery, renderQuery } from "./query.js";
import { removeSoon } from "./removal.js";
import { hrefWith, navigate, searchHref } from "./router.js";
import * as selection from "./selection.js";
import { storeUpload } from "./uploads.js";

const DEFAULT_K = 24;
const MAX_K = 1000;
const MAX_IMAGES = 16;

let cache = new Map(); // responses by URL, so that Back is instant
let controller = new AbortController();
let server = null;
let grid = null;
let comparison = null; // of an image with the query, if that is one image

export function init(stats) {
  server = stats;
  grid = new Grid($("hits"));
  const onFiles = (files) => navigate(searchHref({ upload: files.slice(0, MAX_IMAGES).map(storeUpload) }));
  const onLink = (url) => navigate(searchHref({ url }));
  acceptFiles($("search"), $("choose"), onFiles, onLink);
  acceptPaste(onFiles, onLink);
  acceptPhotos(onFiles);
  for (const [id, field] of [["link", "url"], ["words", "text"]]) {
    $(id).addEventListener("submit", (event) => {
      event.preventDefault();
      navigate(searchHref({ [field]: event.target.elements[field].value.trim() }));
    });
  }
  $("link").hidden = !stats.fetches;
  $("threshold").addEventListener("input", showThreshold);
  const option = (id, value) =>
    $(id).addEventListener("change", ({ target }) => target.validity.valid && navigate(hrefWith({ [id]: value(target) }), true));
  option("k", (input) => input.value);
  option("threshold", (input) => Number(input.value) || null);
  option("matches", (input) => (input.checked ? "yes" : null));
  option("rerank", (select) => select.value);
  addEventListener("removed", clearCache);
}

/** What the lightbox goes through, and what it offers besides. */
export const images = () => grid;
export const actionsOf = (image) => (comparison ? [button("Compare with the query", () => comparison(image))] : []);

/** The catalogue has changed, so cached responses may be wrong, and those on their way too. */
export function clearCache() {
  cache = new Map();
}

/** Run the search of the URL. */
export async function render(params, catalogue) {
  controller.abort();
  controller = new AbortController();
  const { signal } = controller;
  const encoder = catalogue.encoder;
  selection.begin(grid, encoder);
  const loading = loadQuery(params, encoder);
  comparison = comparisonWith(loading, params, encoder); // at once: the lightbox offers it too
  $("search-progress").hidden = false;
  $("hits").setAttribute("aria-busy", "true");
  try {
    showOptions(params, catalogue);
    $("search").classList.toggle("asked", hasQuery(params));
    if (!cache.has(hrefWith({}))) grid.wait(kOf(params));
    const query = await loading;
    if (signal.aborted) return;
    renderQuery(query, params);
    if (isEmpty(query)) await renderExamples(encoder, signal);
    else await renderHits(query, params, encoder, signal);
    if (signal.aborted) return;
    setText($("search-error"), null);
  } catch (error) {
    if (signal.aborted) return;
    grid.clear();
    setText($("summary"), null);
    $("found").textContent = "";
    setText($("search-error"), error.message);
  }
  settle();
}

/** Another view is shown: it is not told what is found here. */
export function leave() {
  controller.abort();
  settle();
}

function settle() {
  $("search-progress").hidden = true;
  $("hits").removeAttribute("aria-busy");
}

function showOptions(params, catalogue) {
  $("words").hidden = !catalogue.text;
  $("rerank-option").hidden = !catalogue.local;
  $("k").value = kOf(params);
  $("threshold").value = params.get("threshold") ?? 0;
  $("matches").checked = params.has("matches");
  $("rerank").value = params.get("rerank") ?? "";
  $("link").elements.url.value = params.get("url") ?? "";
  $("words").elements.text.value = params.get("text") ?? "";
  showThreshold();
  showFilter($("filter"), params);
}

function showThreshold() {
  const threshold = Number($("threshold").value);
  const text = threshold ? threshold.toFixed(2) : "any";
  $("threshold-value").textContent = text;
  $("threshold").setAttribute("aria-valuetext", text);
}

const kOf = (params) => Math.min(Math.max(Math.trunc(Number(params.get("k"))) || DEFAULT_K, 1), MAX_K);
const hasQuery = (params) => ["id", "upload", "url", "text"].some((name) => params.has(name));

async function renderHits(query, params, encoder, signal) {
  const ids = params.getAll("id");
  const response = await cached(hrefWith({}), () => api.search(searchForm(query, params, encoder, ids.length), signal));
  if (signal.aborted) return;
  // a stored query image is its own first hit, and already shown in the panel
  const hits = response.hits.filter((hit) => !ids.includes(hit.id)).slice(0, kOf(params));
  document.title = `${describe(query)} | ImageFinder`;
  const nothing = hits.length ? null : "Nothing found";
  $("found").textContent = nothing ?? `Similar to ${describe(query)}`;
  setText($("summary"), response.detail ?? summary(hits, response.matches !== null));
  const elsewhere = !document.activeElement || document.activeElement === document.body;
  grid.set(hits, (hit) => hitCard(hit, encoder));
  if (elsewhere) $("found").focus({ preventScroll: true });
  announce(nothing ?? `${plural(hits.length, "image")} found, the most similar is ${titleOf(hits[0])}`);
}

/** What was answered before, or else is now; kept, unless the catalogue has changed since it was asked for. */
async function cached(address, ask) {
  const own = cache;
  if (!own.has(address)) own.set(address, await ask());
  return own.get(address);
}

function searchForm(query, params, encoder, extra) {
  const data = imageForm(query);
  const fields = {
    k: Math.min(kOf(params) + extra, MAX_K),
    encoder,
    text: query.text,
    crop: params.get("crop"),
    threshold: params.get("threshold"),
    matches_only: params.has("matches") ? "true" : null,
    rerank: params.get("rerank"),
    where: params.get("where"),
  };
  for (const [name, value] of Object.entries(fields)) if (value) data.append(name, value);
  return data;
}

function summary(hits, verified) {
  if (!verified) return null;
  const matches = hits.filter((hit) => hit.match).length;
  if (matches) return `${matches.toLocaleString("en")} of the same image or thing`;
  return hits.length ? "None is the same image or thing; these are the most similar." : "None is the same image or thing.";
}

function hitCard(hit, encoder) {
  const compareTo = comparison && button("Compare", () => comparison(hit), `Compare with ${titleOf(hit)}`);
  return showRegion(card(hit, encoder, [score(hit)], [compareTo]), hit);
}

function card(image, encoder, details = [], actions = []) {
  const remove = server.writable && button("Remove", () => removeSoon([image], encoder), `Remove ${titleOf(image)}`, "plain danger");
  return imageCard(image, { encoder, details, actions: [...actions, remove], boxOf: selection.boxOf });
}

/** What compares an image with a query of one image that is at hand, even while that is loading; else null. */
function comparisonWith(loading, params, encoder) {
  const images = [...params.getAll("id"), ...params.getAll("upload")];
  if (images.length !== 1 || params.has("url") || params.has("text")) return null;
  return (image) => compare(loading, image, encoder);
}

function score(hit) {
  return h("p", { class: "score" }, h("span", { title: scoreHelp(hit) }, hit.score.toFixed(3)), badge(hit));
}

const scoreHelp = ({ correspondences }) =>
  correspondences === null ? "Similarity; 1 is identical" : `Similarity; ${plural(correspondences, "correspondence")}`;

/** The verdict, where it says something. */
const badge = (hit) => hit.match && h("span", { class: "badge", title: odds(hit) }, hit.verdict);

const odds = ({ probability }) => (probability === null ? "" : `${Math.floor(1000 * probability) / 10} %`);

function showRegion(card, { region, width, height }) {
  if (!region) return card;
  const [x, y, w, h] = region.map(Number);
  const svg = `<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="xMidYMid slice" aria-hidden="true"><path d="M${x} ${y}h${w}v${h}h-${w}z"/></svg>`;
  card.querySelector(".preview").insertAdjacentHTML("beforeend", svg);
  return card;
}

/** Without a query: some images to start from. */
async function renderExamples(encoder, signal) {
  document.title = "ImageFinder";
  const { images } = await api.listImages({ encoder, sort: "added", limit: DEFAULT_K }, signal);
  if (signal.aborted) return;
  $("found").textContent = images.length ? "Or start with one of these" : "The catalogue is empty";
  const advice = server.writable ? "Add images in the Catalogue view, or run imagefinder add FOLDER." : "Run imagefinder add FOLDER.";
  setText($("summary"), images.length ? null : advice);
  grid.set(images, (image) => card(image, encoder));
}
