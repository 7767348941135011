// Images that are said to be no copies: remembered by the catalogue, or else by this browser.

import * as api from "./api.js";

const NAME = "imagefinder-not-copies";

/** Whether this browser remembers that two images are no copies. */
export const areNotCopies = (one, other) => own().includes(pair(one, other));

/** Remember that two images are no copies; for everyone, if the server lets one write. */
export async function remember(one, other, { encoder, writable }) {
  if (writable) await api.rememberNotCopies([one, other], encoder);
  else keep([...own(), pair(one, other)]);
}

/** Take that back. */
export async function withdraw(one, other, { encoder, writable }) {
  if (writable) await api.withdrawNotCopies([one, other], encoder);
  else keep(own().filter((known) => known !== pair(one, other)));
}

const pair = (one, other) => [one, other].sort().join(" ");

function own() {
  try {
    return JSON.parse(localStorage.getItem(NAME)) ?? [];
  } catch {
    return []; // no storage, or not what was stored
  }
}

const keep = (pairs) => localStorage.setItem(NAME, JSON.stringify([...new Set(pairs)]));
