// Removal of images from the catalogue, which can be undone until it is done, some seconds later.

import * as api from "./api.js";
import { $, announce, plural } from "./dom.js";
import { forget, hide, unhide } from "./hidden.js";
import { titleOf } from "./image-card.js";

const PATIENCE = 8000; // milliseconds

let pending = null; // {images, encoder, timer}
let turn = Promise.resolve(); // until what was asked for before is done

export function init() {
  $("undo").addEventListener("click", undo);
  $("remove-now").addEventListener("click", finish);
  const toast = $("toast");
  // there is time to read it and to reach its buttons
  for (const kind of ["pointerenter", "focusin"]) toast.addEventListener(kind, () => clearTimeout(pending?.timer));
  for (const kind of ["pointerleave", "focusout"]) toast.addEventListener(kind, wait);
}

/** Hide images, and remove them unless that is undone. Who leaves the page before then keeps them. */
export async function removeSoon(images, encoder) {
  hide(idsOf(images));
  await inTurn(async () => {
    await removePending();
    pending = { images, encoder };
    say(`Removing ${nameOf(images)} from the catalogue.`, true);
    wait();
  });
}

/** One after the other: a removal that takes long neither loses the next nor answers for it. */
function inTurn(step) {
  turn = turn.then(step, step);
  return turn;
}

function wait() {
  if (!pending) return;
  clearTimeout(pending.timer);
  pending.timer = setTimeout(finish, PATIENCE);
}

function undo() {
  if (!pending) return;
  const { images, timer } = pending;
  clearTimeout(timer);
  pending = null;
  unhide(idsOf(images));
  say(`${nameOf(images)} kept.`, false);
}

/** Remove what the notice asks about, and nothing that is asked for later; without a question, close it. */
function finish() {
  const asked = pending;
  if (asked) inTurn(() => asked === pending && removePending());
  else $("toast").hidden = true;
}

async function removePending() {
  if (!pending) return;
  const { images, encoder, timer } = pending;
  clearTimeout(timer);
  pending = null;
  say(`Removing ${nameOf(images)}…`, false);
  const failures = [];
  const removed = [];
  for (const image of images) {
    try {
      await api.deleteImage(image.id, encoder);
      removed.push(image.id);
    } catch (error) {
      failures.push({ image, error });
    }
  }
  forget(removed);
  unhide(failures.map(({ image }) => image.id));
  const kept = failures.map(({ image }) => image);
  say(failures.length ? `${nameOf(kept)} not removed: ${failures[0].error.message}` : `${nameOf(images)} removed.`, false);
}

function say(text, isPending) {
  $("toast").hidden = false;
  $("toast-text").textContent = text;
  $("undo").hidden = !isPending;
  $("remove-now").textContent = isPending ? "Remove now" : "Close";
  announce(text);
}

const idsOf = (images) => images.map(({ id }) => id);
const nameOf = (images) => (images.length === 1 ? titleOf(images[0]) : plural(images.length, "image"));
