// Images that are there more than once.

import * as api from "./api.js";
import { card } from "./cards.js";
import { $, h, plural, say } from "./dom.js";
import { address, go } from "./place.js";

let server = null;
let changed = () => {};

export function begin(stats, told) {
  server = stats;
  changed = told;
  $("look").addEventListener("submit", (event) => {
    event.preventDefault();
    const { threshold, verify } = event.target.elements;
    const to = address("copies", { threshold: threshold.value, verify: verify.value });
    if (to === location.hash) dispatchEvent(new Event("place"));
    else go(to);
  });
}

/** Look for copies as the address says; nothing is looked for until it says how. */
export async function show(asked, { encoder }) {
  const verify = asked.get("verify");
  const { elements } = $("look");
  elements.threshold.value = asked.get("threshold") ?? "";
  elements.verify.value = verify ?? "pixels";
  $("groups").replaceChildren();
  say($("said"), null);
  say($("unseen"), null);
  if (!verify) return;
  $("looking").hidden = false;
  try {
    const found = await api.copies({ encoder, threshold: asked.get("threshold"), verify });
    say($("said"), told(found));
    $("groups").replaceChildren(...found.groups.map((group) => shown(group, encoder)));
  } catch (error) {
    say($("unseen"), error.message);
  }
  $("looking").hidden = true;
}

function told({ groups, total, threshold }) {
  if (!total) return `No copies from a score of ${threshold.toFixed(2)} on.`;
  const first = groups.length < total ? `, the first ${groups.length} of them here` : "";
  return `${plural(total, "image")} with copies, from a score of ${threshold.toFixed(2)} on${first}.`;
}

function shown({ best, why, copies }, encoder) {
  const removed = server.writable ? changed : null;
  const praise = copies.length ? `best: ${why}` : `the same file in ${best.places} places`;
  const about = (image, said) => [h("p", { class: "quiet" }, said), h("p", { class: "quiet" }, `${image.width} × ${image.height}`)];
  return h(
    "ol",
    { class: "grid group" },
    card(best, { encoder, more: about(best, praise), removed }),
    copies.map((copy) => card(copy, { encoder, more: about(copy, `score ${copy.score.toFixed(3)}`), removed })),
  );
}
