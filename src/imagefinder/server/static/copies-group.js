// One group of copies: its images side by side, with what tells them apart.

import { isChosen } from "./copies-choice.js";
import { filesOf, folderOf, imagesOf, spareBytes } from "./copies-groups.js";
import { button, h, plural } from "./dom.js";
import { thumbnail, titleOf } from "./image-card.js";
import { searchHref } from "./router.js";
import { day, fileSize } from "./units.js";

/**
 * The element of a group. `actions` are `compare(group, copy)`, `notCopy(group, copy)` and, on a
 * server that may be written to, `remove(image)`.
 */
export function groupElement(group, encoder, actions) {
  const { best, copies } = group;
  const name = titleOf(best);
  const heading = h("h2", {}, name, h("span", { class: "muted" }, countsOf(group)));
  const images = [bestImage(best, copies), ...copies.map((copy) => [copy, verdictOf(copy), copy.why])];
  const members = images.map(([image, verdict, why]) => memberElement(group, image, { verdict, why, encoder, actions }));
  return h("section", { class: copies.length ? "group" : "group exact", "aria-label": `Copies of ${name}`, "data-id": best.id }, heading, h("ol", { class: "members" }, members));
}

const bestImage = (best, copies) =>
  copies.length ? [best, `Best: ${copies[0].why[0]}`, []] : [best, plural(filesOf({ best, copies }).length, "identical file"), []];

function countsOf(group) {
  const images = imagesOf(group).length;
  const files = filesOf(group).length;
  const spare = spareBytes(group);
  const counts = [images > 1 && plural(images, "image"), files !== images && plural(files, "file"), spare && `${fileSize(spare)} to spare`];
  return counts.filter(Boolean).join(" · ");
}

function verdictOf({ verdict, probability, score }) {
  const odds = probability === null ? "" : `, ${Math.floor(1000 * probability) / 10} %`;
  return `${verdict[0].toUpperCase()}${verdict.slice(1)}${odds}, score ${score.toFixed(3)}`;
}

function memberElement(group, image, { verdict, why, encoder, actions }) {
  const title = titleOf(image);
  const isBest = image === group.best;
  const link = h("a", { class: "preview", href: searchHref({ id: image.id, encoder }), "aria-label": `Search with ${title}` }, thumbnail(image, encoder));
  const buttons = [
    !isBest && button("Compare", () => actions.compare(group, image), `Compare ${title} with the best`),
    !isBest && button("Not a copy", () => actions.notCopy(group, image), `${title} is not a copy`),
    actions.remove && button("Remove from catalogue", () => actions.remove(image), `Remove ${title} from the catalogue`, "plain danger"),
  ];
  return h(
    "li",
    { class: isBest ? "member best" : "member", "data-id": image.id },
    link,
    h("p", { class: "verdict" }, verdict),
    why.length > 0 && h("p", { class: "muted" }, `The best is better: ${why.join(", ")}`),
    h("p", { class: "muted" }, `${image.width} × ${image.height} · ${fileSize(image.size)}`),
    h("ul", { class: "files" }, image.files.map((file) => h("li", {}, fileElement(file)))),
    h("p", { class: "row" }, buttons),
  );
}

/** A file's name and place; with a box that chooses it to be removed, if its path is known. */
function fileElement({ name, path, modified, state }) {
  const notes = [path && folderOf(path), modified && day(modified), NOTES[state]].filter(Boolean).join(" · ");
  const texts = [h("span", { class: "file-name" }, name), h("span", { class: "muted" }, notes)];
  if (!path || state !== "file") return h("p", { class: "file" }, texts);
  const box = h("input", { type: "checkbox", class: "choose", value: path, "aria-label": `Remove ${path}` });
  box.checked = isChosen(path);
  return h("label", { class: "file" }, box, texts);
}

const NOTES = { file: null, link: "a link", gone: "no longer there" };
