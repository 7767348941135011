// Image card: thumbnail, title, metadata and actions of a stored image.

import * as api from "./api.js";
import { $, announce, button, h, openDialog } from "./dom.js";
import { searchHref } from "./router.js";

/** The title in its metadata, its file name, or its id. */
export const titleOf = (image) => String(image.metadata.title ?? image.name ?? image.id);

/** An <img> of a stored image, replaced by a note if there is no file. */
export function thumbnail(image, encoder, side) {
  const img = h("img", { alt: titleOf(image), loading: "lazy", decoding: "async" });
  const fail = () => img.replaceWith(h("span", { class: "no-file" }, "no file"));
  img.addEventListener("error", fail);
  api.displayUrl(api.thumbnailUrl(image.id, encoder, side)).then((url) => (img.src = url), fail);
  return img;
}

/** `details` go below the title, `actions` are extra buttons; `onRemove` adds a delete button. */
export function imageCard(image, { encoder, details = [], actions = [], onRemove = null, onFilter = null }) {
  const title = titleOf(image);
  const card = h(
    "li",
    { class: "card", "data-id": image.id },
    h(
      "a",
      { class: "preview", href: searchHref({ id: image.id, encoder }), "aria-label": `Search with ${title}` },
      thumbnail(image, encoder),
    ),
    h("p", { class: "name", title }, title),
    details,
    chips(image.metadata, onFilter),
    h(
      "p",
      { class: "row" },
      actions,
      button("Open", () => open(image, encoder), `Open ${title}`),
      onRemove && button("Delete", remove, `Delete ${title}`, "plain danger"),
    ),
  );

  async function remove() {
    $("confirm-title").textContent = `Delete ${title}?`;
    if ((await openDialog($("confirm"))) !== "yes") return;
    try {
      await api.deleteImage(image.id, encoder);
    } catch (error) {
      card.append(h("p", { class: "bad", role: "alert" }, error.message));
      return;
    }
    card.remove();
    announce(`${title} deleted.`);
    onRemove(image.id);
  }
  return card;
}

async function open(image, encoder) {
  const path = api.fileUrl(image.id, encoder);
  const tab = window.open("", "_blank");
  tab.opener = null;
  tab.location = await api.displayUrl(path).catch(() => path);
}

function chips(metadata, onFilter) {
  const fields = Object.entries(metadata).filter(([name, value]) => name !== "title" && typeof value !== "object");
  if (!fields.length) return null;
  return h(
    "p",
    { class: "chips" },
    fields.map(([name, value]) => {
      const text = `${name}: ${value}`;
      return onFilter
        ? button(text, () => onFilter(name, value), `Only ${text}`, "chip")
        : h("span", { class: "chip" }, text);
    }),
  );
}
