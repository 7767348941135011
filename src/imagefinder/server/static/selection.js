// Selection: several images of a grid, and one bar of what can be done with them.

import { save } from "./api.js";
import { $, announce, h, plural } from "./dom.js";
import { titleOf } from "./image-card.js";
import { removeSoon } from "./removal.js";
import { navigate, searchHref } from "./router.js";

const MOST = 1000;
const MOST_QUERIES = 16; // of one search

let chosen = new Map(); // images by their ids; another map once nothing is selected
let last = null; // id of the image that was toggled last: where a range begins
let place = { grid: null, encoder: null };

export function init(server) {
  const actions = { "selection-search": search, "selection-list": downloadList, "selection-remove": remove, "selection-clear": clear };
  for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);
  $("selection-remove").hidden = !server.writable;
  addEventListener("removed", ({ detail }) => forget(detail));
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open], :popover-open")) clear();
  });
}

/** Nothing is selected, and what will be is of this grid. */
export function begin(grid, encoder) {
  clear();
  place = { grid, encoder };
}

/** The box that selects an image, with Shift all up to it; Space on its card does the same. */
export function boxOf(image, card) {
  const box = h("input", { type: "checkbox", "aria-label": `Select ${titleOf(image)}` });
  box.checked = chosen.has(image.id);
  card.classList.toggle("chosen", box.checked);
  box.addEventListener("click", (event) => toggle(image, box.checked, event.shiftKey));
  card.addEventListener("keydown", (event) => {
    if (event.key !== " " || !event.target.matches(".preview")) return;
    event.preventDefault();
    toggle(image, !chosen.has(image.id), event.shiftKey);
  });
  return h("label", { class: "pick" }, box);
}

async function toggle(image, isChosen, isRange) {
  const [before, from] = [chosen, last];
  last = image.id;
  const images = isRange ? await range(from, image) : [image];
  if (before !== chosen) return; // cleared while they were loaded
  for (const one of images) {
    if (!isChosen) chosen.delete(one.id);
    else if (chosen.size < MOST) chosen.set(one.id, one);
  }
  show();
  announce(chosen.size < MOST ? `${plural(chosen.size, "image")} selected` : `${MOST} images selected, which are the most`);
}

async function range(from, image) {
  const { grid } = place;
  const ends = [grid.indexOf(from), grid.indexOf(image.id)].sort((one, other) => one - other);
  if (ends[0] < 0) return [image];
  const images = [];
  try {
    for (let number = ends[0]; number <= Math.min(ends[1], ends[0] + MOST); number += 1) images.push(await grid.at(number));
  } catch (error) {
    grid.onError(error);
    return [image];
  }
  return images.filter(Boolean);
}

function forget(ids) {
  for (const id of ids) chosen.delete(id);
  show();
}

function clear() {
  if (chosen.size && $("selection").contains(document.activeElement)) place.grid.focus(last);
  chosen = new Map();
  last = null;
  show();
}

function show() {
  for (const card of document.querySelectorAll(".card:has(.pick)")) {
    const isChosen = chosen.has(card.dataset.id);
    card.classList.toggle("chosen", isChosen);
    card.querySelector(".pick input").checked = isChosen;
  }
  document.body.classList.toggle("selecting", chosen.size > 0);
  $("selection").hidden = !chosen.size;
  $("selection-count").textContent = `${chosen.size.toLocaleString("en")} selected`;
  $("selection-search").disabled = chosen.size > MOST_QUERIES;
  $("selection-search").title = chosen.size > MOST_QUERIES ? `A search takes at most ${MOST_QUERIES} images` : "";
}

function search() {
  const { encoder } = place;
  const id = [...chosen.keys()];
  clear();
  navigate(searchHref({ id, encoder }));
}

function remove() {
  const images = [...chosen.values()];
  const { encoder } = place;
  clear();
  removeSoon(images, encoder);
}

/** A table (CSV) of the images, with their places if the server tells them. */
function downloadList() {
  const rows = [...chosen.values()].flatMap(({ id, name, paths }) => (paths?.length ? paths : [name]).map((file) => [id, asPath(file ?? "")]));
  const text = [["id", "file"], ...rows].map((row) => row.map(quoted).join()).join("\r\n");
  save(new Blob([text, "\r\n"], { type: "text/csv" }), "images.csv");
}

/** A path of the same file that a spreadsheet does not take for a formula. */
const asPath = (file) => (/^[=+\-@\t\r\n＝＋－＠]/.test(file) ? `./${file}` : file);

const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
