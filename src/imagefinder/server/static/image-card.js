// Image card: the thumbnail of a stored image; its name and actions on hover, focus and long press.

import * as api from "./api.js";
import { $, announce, button, h, openDialog } from "./dom.js";
import { searchHref } from "./router.js";

const HOLD = 450; // milliseconds of a long press

/** The title in its metadata, its file name, or its id. */
export const titleOf = (image) => String(image.metadata.title ?? image.name ?? image.id);

/** An <img> of a stored image, replaced by a note if there is no file. */
export function thumbnail(image, encoder, side = devicePixelRatio > 1.3 ? 512 : 320) {
  const img = h("img", { alt: titleOf(image), decoding: "async", draggable: "false" });
  const fail = () => img.replaceWith(h("span", { class: "no-file" }, "no file"));
  img.addEventListener("error", fail);
  img.addEventListener("load", () => URL.revokeObjectURL(img.src));
  api.displayUrl(api.thumbnailUrl(image.id, encoder, side)).then((url) => (img.src = url), fail);
  return img;
}

/** `details` go below the title, `actions` are extra buttons; `onRemove` adds a button that removes. */
export function imageCard(image, { encoder, details = [], actions = [], onRemove = null }) {
  const title = titleOf(image);
  const card = h(
    "li",
    { class: "card", "data-id": image.id },
    h(
      "a",
      { class: "preview", href: searchHref({ id: image.id, encoder }), "aria-label": `Search with ${title}` },
      thumbnail(image, encoder),
    ),
    h(
      "div",
      { class: "over" },
      h("p", { class: "name", title }, title),
      details,
      h(
        "p",
        { class: "row" },
        actions,
        button("Open", () => open(image, encoder), `Open ${title}`),
        onRemove && button("Remove", remove, `Remove ${title}`, "plain danger"),
      ),
    ),
  );
  onHold(card, () => card.classList.add("held"));

  async function remove() {
    $("confirm-title").textContent = `Remove ${title} from the catalogue?`;
    if ((await openDialog($("confirm"))) !== "yes") return;
    try {
      await api.deleteImage(image.id, encoder);
    } catch (error) {
      card.append(h("p", { class: "note bad", role: "alert" }, error.message));
      return;
    }
    card.remove();
    announce(`${title} removed.`);
    onRemove(image.id);
  }
  return card;
}

/** Call back when a finger rests on an element; the click that follows is no click. */
function onHold(element, callback) {
  let timer = null;
  let isHeld = false;
  const stop = () => clearTimeout(timer);
  element.addEventListener("pointerdown", (event) => {
    isHeld = false;
    if (event.pointerType === "mouse") return;
    timer = setTimeout(() => {
      isHeld = true;
      callback();
    }, HOLD);
  });
  for (const kind of ["pointerup", "pointercancel", "pointermove"]) element.addEventListener(kind, stop);
  element.addEventListener("contextmenu", (event) => isHeld && event.preventDefault());
  element.addEventListener("click", (event) => isHeld && event.target.closest("a") && event.preventDefault(), true);
}

// a tap elsewhere puts the actions away
addEventListener("pointerdown", ({ target }) => {
  for (const card of document.querySelectorAll(".held")) if (!card.contains(target)) card.classList.remove("held");
});

async function open(image, encoder) {
  const path = api.fileUrl(image.id, encoder);
  const tab = window.open("", "_blank");
  tab.opener = null;
  tab.location = await api.displayUrl(path).catch(() => path);
}
