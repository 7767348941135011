// Copies view: groups of near-duplicates, which appear as the server finds them.

import * as api from "./api.js";
import * as choice from "./copies-choice.js";
import { groupElement } from "./copies-group.js";
import { filesOf, folderOf, imagesOf, spareBytes, withImage, withoutImage, withoutKnown } from "./copies-groups.js";
import { $, announce, button, h, openDialog, plural, setText } from "./dom.js";
import { titleOf } from "./image-card.js";
import { remember, withdraw } from "./not-copies.js";
import { pairElement } from "./pair.js";
import { href, navigate } from "./router.js";
import { fileSize } from "./units.js";

const STEP = 24; // groups that are put into the page at a time

let server = null;
let onChange = () => {};
let search = null; // {address, encoder, groups, begun, finished, controller}
let isMoreNear = null; // watches for the end of what is in the page

export function init(stats, changed) {
  server = stats;
  onChange = changed;
  choice.init(() => search?.groups ?? []);
  $("keep-rule").hidden = !stats.shows_paths;
  $("no-paths").hidden = stats.shows_paths;
  isMoreNear = new IntersectionObserver(([end]) => end.isIntersecting && showGroups(), { rootMargin: "100%" });
  $("copies-form").addEventListener("submit", (event) => event.preventDefault());
  $("copies-form").addEventListener("change", ({ target, currentTarget: { elements } }) => {
    if (target === elements.keep || !elements.threshold.validity.valid) return;
    navigate(href("copies", { encoder: $("encoder").value, threshold: elements.threshold.value, verify: elements.verify.value }), true);
  });
  $("search-again").addEventListener("click", () => begin(search.params, search.catalogue));
}

/** The groups of the address: those that are known, or else a new search. */
export function render(params, catalogue) {
  const address = `${catalogue.encoder} ${params.get("threshold") ?? ""} ${params.get("verify") ?? "pixels"}`;
  if (search?.address === address) return;
  const { elements } = $("copies-form");
  elements.threshold.value = params.get("threshold") ?? "";
  elements.threshold.placeholder = catalogue.calibrated ? "as calibrated" : "any";
  for (const [name, isOffered] of [["geometry", catalogue.local], ["none", catalogue.calibrated]]) {
    elements.verify.querySelector(`[value=${name}]`).hidden = !isOffered;
  }
  elements.verify.value = params.get("verify") ?? "pixels";
  return begin(params, catalogue, address);
}

async function begin(params, catalogue, address = search.address) {
  search?.controller.abort();
  const own = { address, params, catalogue, encoder: catalogue.encoder, groups: [], shown: 0, controller: new AbortController() };
  search = own;
  choice.clear();
  $("groups").replaceChildren();
  for (const id of ["copies-error", "copies-status", "copies-undo"]) setText($(id), null);
  $("copies-progress").hidden = false;
  $("search-again").hidden = true;
  isMoreNear.disconnect();
  isMoreNear.observe($("groups-end"));
  const query = { encoder: own.encoder, threshold: params.get("threshold"), verify: params.get("verify") };
  try {
    for await (const line of api.streamDuplicates(query, own.controller.signal)) take(own, line);
    if (!own.finished) throw new Error("The search has ended early. Is the server still running?");
  } catch (error) {
    if (own !== search) return;
    setText($("copies-error"), error.message);
  }
  if (own !== search) return;
  $("copies-progress").hidden = true;
  $("search-again").hidden = false;
  showStatus();
  announce($("copies-status").textContent);
}

function take(own, { begun, group, share, finished, error }) {
  if (own !== search) return;
  if (error) throw new Error(error);
  if (begun) own.begun = begun;
  if (finished) own.finished = finished;
  if (share) $("copies-progress").value = share;
  const shown = group && withoutKnown(group);
  if (shown) addGroup(shown);
}

function addGroup(group) {
  const ids = new Set(imagesOf(group).map(({ id }) => id));
  // an image with identical files may turn out to have copies too
  for (const earlier of search.groups.filter((one) => !one.copies.length && ids.has(one.best.id))) dropGroup(earlier);
  search.groups.push(group);
  choice.applyRule(group);
  if (search.shown < STEP) showGroups();
  showStatus();
  showFolders(group);
}

/** Put the next groups into the page. */
function showGroups() {
  if (!search) return;
  const next = search.groups.slice(search.shown, search.shown + STEP);
  $("groups").append(...next.map((group) => groupElement(group, search.encoder, actions())));
  search.shown += next.length;
  choice.show();
}

const actions = () => ({ compare, notCopy, remove: server.writable ? remove : null });

function showStatus() {
  const { groups, finished, begun } = search;
  if (!begun) return;
  const exact = groups.filter(({ copies }) => !copies.length).length;
  const near = groups.length - exact;
  const spare = groups.reduce((sum, group) => sum + spareBytes(group), 0);
  const counts = [near && `${plural(near, "image")} with copies`, exact && `${plural(exact, "image")} with exact files only`, spare && `${fileSize(spare)} to spare`];
  const found = groups.length ? counts.filter(Boolean).join(", ") : "No copies";
  const notes = finished ? [finished.unseen && `${plural(finished.unseen, "image")} could not be read`, finished.undecided && `${plural(finished.undecided, "pair")} show too little to be compared`] : ["still searching"];
  setText($("copies-status"), `${[`${found}${groups.length || finished ? "" : " yet"}`, ...notes.filter(Boolean)].join("; ")}.`);
}

/** Offer the folders of the files, to keep what lies in one of them. */
function showFolders(group) {
  const known = new Set([...$("keep").options].map(({ value }) => value));
  for (const { path } of filesOf(group)) {
    const value = path && `in:${folderOf(path)}`;
    if (!value || known.has(value)) continue;
    known.add(value);
    $("keep").append(h("option", { value }, `in ${folderOf(path)}`));
  }
}

function dropGroup(group) {
  change(group, null);
}

/** Put another group, or none, in a group's place. */
function change(group, next) {
  const place = search.groups.indexOf(group);
  const element = $("groups").children[place];
  search.groups.splice(place, 1, ...(next ? [next] : []));
  if (place < search.shown) {
    if (next) element.replaceWith(groupElement(next, search.encoder, actions()));
    else element.remove();
    if (!next) search.shown -= 1;
  }
  choice.show();
  showStatus();
}

/** The group that has an image, as it is now: an answer may come after another has changed it, or after a new search. */
const groupWith = ({ id }) => search.groups.find((one) => imagesOf(one).some((image) => image.id === id));

async function notCopy({ best }, copy) {
  const where = { encoder: search.encoder, writable: server.writable };
  try {
    await remember(best.id, copy.id, where);
  } catch (error) {
    return setText($("copies-error"), error.message);
  }
  const group = groupWith(copy);
  if (group?.best.id !== best.id) return;
  const place = search.groups.indexOf(group);
  change(group, withoutImage(group, copy.id));
  const undo = async () => {
    await withdraw(best.id, copy.id, where);
    setText($("copies-undo"), null);
    if (groupWith(copy)) return;
    const now = groupWith(best);
    if (now) change(now, withImage(now, copy, group));
    else restore(group, place);
  };
  sayWithUndo(`${titleOf(copy)} is remembered as no copy of ${titleOf(best)}${server.writable ? "" : ", in this browser"}. `, undo);
}

function restore(group, place) {
  search.groups.splice(place, 0, group);
  const element = groupElement(group, search.encoder, actions());
  $("groups").insertBefore(element, $("groups").children[place] ?? null);
  search.shown += 1;
  choice.show();
  showStatus();
}

function sayWithUndo(text, undo) {
  setText($("copies-undo"), text);
  const again = button("Undo", () => undo().catch((error) => setText($("copies-error"), error.message)));
  $("copies-undo").append(again);
  // of who pressed the button that is gone, not of who has gone on
  if (document.activeElement === document.body) again.focus();
}

async function remove(image) {
  $("confirm-title").textContent = `Remove ${titleOf(image)} from the catalogue?`;
  if ((await openDialog($("confirm"))) !== "yes") return;
  const { encoder } = search;
  try {
    await api.deleteImage(image.id, encoder);
  } catch (error) {
    return setText($("copies-error"), error.message);
  }
  onChange();
  setText($("copies-undo"), null); // it may be about this image
  const group = search.encoder === encoder && groupWith(image);
  if (group) change(group, withoutImage(group, image.id));
  announce(`${titleOf(image)} removed.`);
}

/** Compare a copy with the best of its group, below them. */
function compare(group, copy) {
  const section = $("groups").children[search.groups.indexOf(group)];
  const opener = document.activeElement;
  section.querySelector(".pair")?.remove();
  section.append(pairElement(group.best, copy, search.encoder, () => opener.focus()));
  section.querySelector(".pair input").focus();
}
