// Browsing what is stored, and adding to it.

import * as api from "./api.js";
import { card } from "./cards.js";
import { $, announce, h, plural, say } from "./dom.js";
import { takes } from "./intake.js";

let next = null;
let listed = null; // the encoder whose images are shown
let turn = 0; // counts up with each list that is begun, so that an earlier one ends
let changed = () => {};
let server = null;

/** `told` hears of each change. */
export function begin(stats, told) {
  server = stats;
  changed = told;
  $("more").addEventListener("click", () => more(listed));
  $("adding").hidden = !stats.writable;
  if (stats.writable) takes($("adding"), $("add"), added);
}

/** Show the catalogue of an encoder, from its beginning. */
export async function show(asked, { encoder }) {
  listed = encoder;
  await refresh();
}

async function refresh() {
  turn += 1;
  next = null;
  $("images").replaceChildren();
  counted(listed);
  await more(listed);
}

async function counted(encoder) {
  try {
    const holding = (await api.stats()).catalogues.find((one) => one.encoder === encoder);
    $("count").textContent = plural(holding.images, "image");
  } catch {
    $("count").textContent = "Catalogue";
  }
}

async function more(encoder) {
  const mine = turn;
  say($("unlisted"), null);
  $("images").setAttribute("aria-busy", "true");
  $("more").disabled = true; // one press, one page
  try {
    const page = await api.page(encoder, next);
    if (turn !== mine) return;
    next = page.next;
    $("images").append(...page.images.map((image) => shown(image, encoder)));
    if (!$("images").children.length) $("images").append(empty());
  } catch (error) {
    say($("unlisted"), error.message);
  }
  $("more").hidden = !next;
  $("more").disabled = false;
  $("images").removeAttribute("aria-busy");
}

function shown(image, encoder) {
  const size = h("p", { class: "quiet" }, `${image.width} × ${image.height}`);
  const removed = () => {
    changed();
    counted(encoder);
  };
  return card(image, { encoder, more: [size], removed: server.writable ? removed : null });
}

function empty() {
  const remedy = server.writable ? "Drop some above, or run " : "Run ";
  return h("li", { class: "empty" }, "No images yet. ", remedy, h("code", {}, "imagefinder add FOLDER"), ".");
}

async function added(files) {
  const failed = [];
  let done = 0;
  let fresh = 0;
  $("failed").replaceChildren();
  $("added").hidden = false;
  $("adds").max = files.length;
  const tell = () => {
    $("adds").value = done;
    $("addsaid").textContent = `${done} of ${files.length}`;
  };
  tell();
  for (const file of files) {
    try {
      fresh += await add(file);
    } catch (error) {
      failed.push(h("li", {}, `${file.name}: ${error.message}`));
    }
    done += 1;
    tell();
  }
  const before = done - fresh - failed.length;
  const told = [`${plural(fresh, "image")} added`, before && `${before} known before`, failed.length && `${failed.length} refused`];
  $("addsaid").textContent = told.filter(Boolean).join(", ");
  announce($("addsaid").textContent);
  $("failed").replaceChildren(...failed);
  changed();
  refresh();
}

async function add(file) {
  if (file.size > server.max_upload) {
    throw new Error(`it is larger than the ${plural(server.max_upload, "byte")} that this server takes`);
  }
  const form = new FormData();
  form.append("image", file);
  form.append("encoder", listed);
  return api.add(form);
}
