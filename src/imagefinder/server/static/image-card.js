// Image card: the thumbnail of a stored image; its name and actions on hover, focus and long press.

import * as api from "./api.js";
import { button, h } from "./dom.js";
import { onLongPress } from "./long-press.js";
import { hrefWith, navigate, searchHref } from "./router.js";
import { linesOf } from "./shown-metadata.js";

/** The title in its metadata, its file name, or its id. */
export const titleOf = (image) => String(image.metadata.title ?? image.name ?? image.id);

/** An <img> of a stored image, replaced by a note if there is no file. */
export function thumbnail(image, encoder, side = devicePixelRatio > 1.3 ? 512 : 320) {
  const img = h("img", { alt: titleOf(image), decoding: "async", draggable: "false" });
  const fail = () => img.replaceWith(h("span", { class: "no-file" }, "no file"));
  img.addEventListener("error", fail);
  img.addEventListener("load", () => URL.revokeObjectURL(img.src));
  api.displayUrl(api.thumbnailUrl(image.id, encoder, side)).then((url) => (img.src ||= url), fail);
  return img;
}

/** `details` go below the title, `actions` are extra buttons, `boxOf` makes the box that selects it. */
export function imageCard(image, { encoder, details = [], actions = [], boxOf = null }) {
  const title = titleOf(image);
  const lines = linesOf(image);
  const card = h(
    "li",
    { class: "card", "data-id": image.id },
    h("a", { class: "preview", href: hrefWith({ show: image.id }), "aria-label": `Show ${title}` }, thumbnail(image, encoder)),
    h(
      "div",
      { class: "over" },
      !lines.some((line) => line.includes(title)) && h("p", { class: "name", title }, title),
      lines.map((line) => h("p", { class: "shown", title: line }, line)),
      details,
      h(
        "p",
        { class: "row" },
        button("Search", () => navigate(searchHref({ id: image.id, encoder })), `Search with ${title}`),
        actions,
      ),
    ),
  );
  if (boxOf) card.append(boxOf(image, card));
  onLongPress(card, () => card.classList.add("held"));
  return card;
}
