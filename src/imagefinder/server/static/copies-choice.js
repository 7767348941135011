// The files that are chosen to be removed: by a rule or by hand, as a list or a script.

import * as api from "./api.js";
import { filesOf, keptBy } from "./copies-groups.js";
import { $, announce, plural, setText } from "./dom.js";
import { fileSize } from "./units.js";

const chosen = new Set(); // paths
let groups = () => [];
let rule = "";

/** `current` gives the groups that are shown. */
export function init(current) {
  groups = current;
  $("keep").addEventListener("change", ({ target }) => chooseBy(target.value));
  $("copy-list").addEventListener("click", copyList);
  $("download-script").addEventListener("click", downloadScript);
  $("clear-chosen").addEventListener("click", () => chooseBy(""));
  $("groups").addEventListener("change", ({ target }) => target.matches(".choose") && chooseFile(target));
}

export const isChosen = (path) => chosen.has(path);

export function clear() {
  chosen.clear();
  show();
}

/** Choose the files of a new group, as the present rule says. */
export function applyRule(group) {
  const kept = new Set(keptBy(rule, group).map(({ path }) => path));
  if (!kept.size) return;
  for (const { path } of filesOf(group)) {
    if (kept.has(path)) chosen.delete(path);
    else if (path) chosen.add(path);
  }
}

function chooseBy(value) {
  rule = value;
  $("keep").value = value;
  chosen.clear();
  groups().forEach(applyRule);
  show();
}

function chooseFile(box) {
  const group = groups().find((one) => filesOf(one).some(({ path }) => path === box.value));
  const left = filesOf(group).filter(({ path }) => !chosen.has(path) && path !== box.value);
  if (box.checked && !left.length) {
    box.checked = false;
    return say("One file of each group stays: keep another one first.");
  }
  if (box.checked) chosen.add(box.value);
  else chosen.delete(box.value);
  show();
}

/** Show what is chosen: the boxes, the count and what would be free. */
export function show() {
  for (const box of $("groups").querySelectorAll(".choose")) box.checked = chosen.has(box.value);
  const files = removable();
  $("chosen").hidden = !files.length;
  const bytes = files.reduce((sum, { image }) => sum + image.size, 0);
  $("chosen-count").textContent = `${plural(files.length, "file")} to remove, ${fileSize(bytes)}`;
  setText($("chosen-note"), null);
}

/** The chosen files that are still shown, each with the one that stays. */
function removable() {
  const found = new Map();
  for (const group of groups()) {
    const files = filesOf(group);
    const kept = files.find(({ path }) => !chosen.has(path));
    for (const file of files) if (kept && chosen.has(file.path)) found.set(file.path, { ...file, kept: kept.path });
  }
  return [...found.values()];
}

async function copyList() {
  const paths = removable().map(({ path }) => path);
  if (paths.some((path) => path.includes("\n"))) return say("A name has a line break in it: download the script instead.");
  try {
    await navigator.clipboard.writeText(`${paths.join("\n")}\n`);
    say(`${plural(paths.length, "path")} copied.`);
  } catch {
    say("The browser does not let this page copy: download the script instead.");
  }
}

async function downloadScript() {
  try {
    const files = removable().map(({ path, kept }) => ({ path, kept }));
    api.save(await api.removalScript(files, $("encoder").value), "remove-copies.sh");
    say("Read the script, then run it: it moves the files to a folder, or deletes them. Nothing is removed before.");
  } catch (error) {
    say(error.message);
  }
}

function say(text) {
  setText($("chosen-note"), text);
  announce(text);
}
