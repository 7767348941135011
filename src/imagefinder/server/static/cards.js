// A stored image as a card: what it looks like, what is known of it, what can be done with it.

import * as api from "./api.js";
import { $, announce, asked, h } from "./dom.js";
import { asking } from "./place.js";

/** What an image is called. */
export const named = (image) => String(image.metadata.title ?? image.name ?? image.id);

/** An <img> of a stored image; one that has no file says so. */
export function thumbnail(image, encoder, side) {
  const shown = h("img", { alt: named(image), loading: "lazy", decoding: "async" });
  const gone = () => shown.replaceWith(h("span", { class: "gone" }, "no file to show"));
  shown.addEventListener("error", gone);
  api.shown(api.small(image.id, encoder, side)).then((url) => (shown.src = url), gone);
  return shown;
}

/** The card; `more` goes below its name, `actions` are buttons of its own. */
export function card(image, { encoder, more = [], actions = [], removed = null, filter = null }) {
  const name = named(image);
  const item = h(
    "li",
    { class: "card", "data-id": image.id },
    h(
      "a",
      { class: "look", href: asking({ id: image.id, encoder }), "aria-label": `Search from ${name}` },
      thumbnail(image, encoder),
    ),
    h("p", { class: "name", title: name }, name),
    more,
    chips(image.metadata, filter),
    h(
      "p",
      { class: "row" },
      actions,
      h("button", { type: "button", class: "plain", "aria-label": `Open ${name}`, onclick: () => opened(image, encoder) }, "Open"),
      removed && h("button", { type: "button", class: "plain danger", "aria-label": `Delete ${name}`, onclick: remove }, "Delete"),
    ),
  );

  async function remove() {
    $("sure").textContent = `Delete ${name}?`;
    if ((await asked($("confirm"))) !== "yes") return;
    try {
      await api.remove(image.id, encoder);
    } catch (error) {
      item.append(h("p", { class: "bad", role: "alert" }, error.message));
      return;
    }
    item.remove();
    announce(`${name} is deleted.`);
    removed(image.id);
  }
  return item;
}

/** The file in a tab of its own. */
async function opened(image, encoder) {
  const path = api.file(image.id, encoder);
  const tab = open("", "_blank");
  tab.opener = null;
  tab.location = await api.shown(path).catch(() => path);
}

function chips(metadata, filter) {
  const told = Object.entries(metadata).filter(([name, value]) => name !== "title" && value !== null && typeof value !== "object");
  if (!told.length) return null;
  return h(
    "p",
    { class: "chips" },
    told.map(([name, value]) =>
      filter
        ? h("button", { type: "button", class: "chip", title: `Only ${name}: ${value}`, onclick: () => filter(name, value) }, `${name}: ${value}`)
        : h("span", { class: "chip" }, `${name}: ${value}`),
    ),
  );
}
