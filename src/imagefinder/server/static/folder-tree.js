// Folder tree: where the images lie, read one level at a time.

import * as api from "./api.js";
import { button, h } from "./dom.js";

/** The <ul> of the folders in one, or of the first ones; `onChoose` is called with a path. */
export async function folderList(encoder, chosen, onChoose, parent = null) {
  const { folders } = await api.folders(encoder, parent);
  return h("ul", { class: "folders" }, folders.map((folder) => branch(folder, { encoder, chosen, onChoose })));
}

function branch({ path, images }, { encoder, chosen, onChoose }) {
  const isOpen = chosen !== null && (chosen === path || chosen.startsWith(path + separatorOf(path)));
  const name = path.slice(path.lastIndexOf(separatorOf(path)) + 1) || path;
  const choose = button(name, () => onChoose(path), null, "plain name");
  if (chosen === path) choose.setAttribute("aria-current", "true");
  const inner = h("div", {});
  let expanded = null; // an object of its own each time: an answer may come once it is closed or opened again
  const toggle = button("", () => show(!expanded), `Folders in ${name}`, "plain toggle");
  const show = async (isShown) => {
    const own = (expanded = isShown && {});
    toggle.setAttribute("aria-expanded", isShown);
    inner.replaceChildren();
    if (!isShown) return;
    const list = await folderList(encoder, chosen, onChoose, path).catch((error) => h("p", { class: "bad" }, error.message));
    const isEmpty = list.matches("ul") && !list.childElementCount;
    if (own === expanded) inner.replaceChildren(isEmpty ? h("p", { class: "muted" }, "No folders in it.") : list);
  };
  show(isOpen);
  return h("li", {}, h("p", { class: "folder" }, toggle, choose, h("span", { class: "muted" }, images.toLocaleString("en"))), inner);
}

const separatorOf = (path) => (path.includes("/") ? "/" : "\\");
