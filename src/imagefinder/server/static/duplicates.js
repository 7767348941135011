// Duplicates view: groups of near-duplicates.

import * as api from "./api.js";
import { $, h, plural, setText } from "./dom.js";
import { imageCard } from "./image-card.js";
import { href, navigate } from "./router.js";

let server = null;
let onChange = () => {};

export function init(stats, changed) {
  server = stats;
  onChange = changed;
  $("duplicates-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const { threshold, verify } = event.target.elements;
    const to = href("copies", { threshold: threshold.value, verify: verify.value });
    if (to === location.hash) dispatchEvent(new Event("route"));
    else navigate(to);
  });
}

/** Search as the URL says; without parameters, only show the form. */
export async function render(params, { encoder }) {
  const verify = params.get("verify");
  const { elements } = $("duplicates-form");
  elements.threshold.value = params.get("threshold") ?? "";
  elements.verify.value = verify ?? "pixels";
  $("groups").replaceChildren();
  setText($("duplicates-status"), null);
  setText($("duplicates-error"), null);
  if (!verify) return;
  $("duplicates-progress").hidden = false;
  try {
    const result = await api.duplicates({ encoder, threshold: params.get("threshold"), verify });
    setText($("duplicates-status"), summary(result));
    $("groups").replaceChildren(...result.groups.map((group) => groupCards(group, encoder)));
  } catch (error) {
    setText($("duplicates-error"), error.message);
  }
  $("duplicates-progress").hidden = true;
}

function summary({ groups, total, threshold }) {
  const scores = `at least ${threshold.toFixed(2)} similar`;
  if (!total) return `No copies ${scores}.`;
  const first = groups.length < total ? `; showing the first ${groups.length}` : "";
  return `${plural(total, "group")} of copies ${scores}${first}.`;
}

function groupCards({ best, why, copies }, encoder) {
  const onRemove = server.writable ? onChange : null;
  const reason = copies.length ? `best: ${why}` : `${best.places} identical files`;
  const card = (image, note) => {
    const details = [note, `${image.width} × ${image.height}`].map((text) => h("p", { class: "muted" }, text));
    return imageCard(image, { encoder, details, onRemove });
  };
  return h(
    "ol",
    { class: "grid group" },
    card(best, reason),
    copies.map((copy) => card(copy, `${copy.verdict}, score ${copy.score.toFixed(3)}`)),
  );
}
