// Two images compared in place: side by side or one over the other, at the same zoom.

import * as api from "./api.js";
import { button, h } from "./dom.js";
import { titleOf } from "./image-card.js";

const MOST = 8; // times as large as it fits
const SIDE = 1024; // pixels of what is shown first; the whole file where that is not enough

let numbers = 0;

/** An element that compares the best image of a group with a copy; `onClose` is called when it is closed. */
export function pairElement(best, copy, encoder, onClose) {
  const name = `pair-${(numbers += 1)}`;
  const images = [best, copy].map((image) => picture(image, encoder));
  const panes = images.map((image) => h("div", { class: "pane", tabindex: "0", role: "group", "aria-label": image.alt }, image));
  const stage = h("div", { class: "panes" }, panes);
  const zoom = h("input", { type: "range", min: "1", max: MOST, step: "0.25", value: "1", "aria-label": "Zoom" });
  const share = h("input", { type: "range", min: "0", max: "100", value: "50", "aria-label": "How much of the best is shown" });
  const modes = [["beside", "Side by side"], ["over", "Over each other"]].map(([mode, text]) => {
    const choice = h("input", { type: "radio", name, value: mode, checked: mode === "beside" });
    choice.addEventListener("change", () => show(mode));
    return h("label", { class: "check" }, choice, text);
  });
  const wipe = h("label", {}, "Best", share, "Copy");
  const bar = h("p", { class: "row" }, modes, h("label", {}, "Zoom", zoom), wipe, button("Close", close));
  const element = h("div", { class: "pair", role: "region", "aria-label": `${titleOf(best)} and ${titleOf(copy)}` }, bar, stage);
  stage.style.setProperty("--shape", `${best.width} / ${best.height}`);
  for (const [one, other] of [panes, [...panes].reverse()]) one.addEventListener("scroll", () => follow(one, other));
  element.addEventListener("keydown", (event) => event.key === "Escape" && close());
  zoom.addEventListener("input", () => zoomTo(panes, images, Number(zoom.value)));
  share.addEventListener("input", () => stage.style.setProperty("--share", `${share.value}%`));
  show("beside");

  function show(mode) {
    stage.className = `panes ${mode}`;
    wipe.hidden = mode !== "over";
    // one pane with both images moves them together
    panes[mode === "over" ? 0 : 1].append(images[1]);
    panes[1].hidden = mode === "over";
  }

  function close() {
    element.remove();
    onClose();
  }
  return element;
}

function picture(image, encoder) {
  const img = h("img", { alt: titleOf(image), draggable: "false" });
  api.displayUrl(api.thumbnailUrl(image.id, encoder, SIDE)).then((url) => (img.src ||= url), () => {});
  img.whole = Math.max(image.width, image.height) > SIDE ? () => api.displayUrl(api.fileUrl(image.id, encoder)) : null;
  return img;
}

/** Enlarge both, so that what is in the middle stays there. */
function zoomTo(panes, images, factor) {
  for (const pane of panes) {
    const [x, y] = [(pane.scrollLeft + pane.clientWidth / 2) / pane.scrollWidth, (pane.scrollTop + pane.clientHeight / 2) / pane.scrollHeight];
    pane.style.setProperty("--zoom", factor);
    pane.scrollTo(x * pane.scrollWidth - pane.clientWidth / 2, y * pane.scrollHeight - pane.clientHeight / 2);
  }
  if (factor > 1) for (const image of images) showWhole(image);
}

/** The file itself instead of its preview, if this browser can show it. */
async function showWhole(image) {
  const load = image.whole;
  image.whole = null;
  if (!load) return;
  try {
    const file = new Image();
    file.src = await load();
    await file.decode();
    image.src = file.src;
  } catch {
    // it stays at the size of its preview
  }
}

function follow(one, other) {
  if (other.hidden || (other.scrollLeft === one.scrollLeft && other.scrollTop === one.scrollTop)) return;
  other.scrollTo(one.scrollLeft, one.scrollTop);
}
