// What is searched with: the pictures and words of the address, shown, and as a form.

import * as api from "./api.js";
import { named } from "./cards.js";
import { croppable } from "./crop.js";
import { $, h } from "./dom.js";
import { asking, go, varied } from "./place.js";
import { upload } from "./uploads.js";

/** Pictures and words that an address asks with. Throws if an upload is not there any more. */
export async function questionOf(asked, encoder) {
  const uploads = asked.getAll("upload").map((number) => {
    const kept = upload(number);
    if (!kept) throw new Error("The picture was forgotten when the page was loaded anew. Please choose it again.");
    return { field: "image", value: kept.file, name: kept.file.name || "picture", url: kept.url };
  });
  const stored = asked.getAll("id").map(async (id) => {
    const picture = await api.picture(id, encoder);
    const url = await api.shown(api.small(id, encoder, 1024));
    return { field: "id", value: id, name: named(picture), url, size: [picture.width, picture.height] };
  });
  const links = asked.getAll("url").map((link) => ({ field: "url", value: link, name: link, url: null }));
  const pictures = [...uploads, ...(await Promise.all(stored)), ...links];
  return { pictures, text: asked.get("text") };
}

export const isAsked = ({ pictures, text }) => pictures.length > 0 || Boolean(text);

/** In words, for headings. */
export function wording({ pictures, text }) {
  return [...pictures.map((picture) => picture.name), ...(text ? [`“${text}”`] : [])].join(" and ");
}

/** The fields of the pictures alone. */
export function form({ pictures }) {
  const data = new FormData();
  for (const { field, value } of pictures) data.append(field, value);
  return data;
}

/** Show it in the panel; a single picture can be cropped there. */
export function showQuestion(question, asked) {
  const panel = $("asked");
  panel.hidden = !isAsked(question);
  const [only, ...others] = question.pictures;
  const single = only?.url && !others.length;
  const shown = single ? [frame(only, asked)] : question.pictures.map(tile);
  const words = question.text && h("p", { class: "chips" }, h("span", { class: "chip" }, `“${question.text}”`));
  const clear = h("button", { type: "button", class: "plain", onclick: () => go(asking({})) }, "Clear");
  panel.replaceChildren(...shown, ...(words ? [words] : []), h("p", { class: "row" }, single ? parts(asked) : [], clear));
}

let cropping = null;

function frame(picture, asked) {
  const shown = h("img", { src: picture.url, alt: `The query: ${picture.name}`, draggable: "false" });
  const over = h("div", { class: "frame" }, shown);
  const unseen = h("p", { class: "quiet" }, `${picture.name} (this browser cannot show it)`);
  shown.addEventListener("error", () => over.replaceWith(unseen));
  const size = () => picture.size ?? [shown.naturalWidth, shown.naturalHeight];
  cropping = croppable(over, (part) => go(varied({ crop: part && pixels(part, size()) })));
  shown.addEventListener("load", () => {
    const crop = asked.get("crop");
    cropping.show(crop && shares(crop, size()));
  });
  return over;
}

function parts(asked) {
  const whole = () => go(varied({ crop: null }));
  return [
    h("button", { type: "button", class: "plain", onclick: () => cropping.begin() }, "Choose a part"),
    asked.get("crop") && h("button", { type: "button", class: "plain", onclick: whole }, "Whole picture"),
  ];
}

const tile = (picture) =>
  picture.url ? h("img", { class: "tile", src: picture.url, alt: picture.name }) : h("p", { class: "name" }, picture.name);

/** Left, top, width and height as the server wants them: within the picture, one pixel at least. */
function pixels([left, top, width, height], [across, down]) {
  const x = Math.min(Math.floor(left * across), across - 1);
  const y = Math.min(Math.floor(top * down), down - 1);
  const wide = Math.max(1, Math.min(Math.round(width * across), across - x));
  const high = Math.max(1, Math.min(Math.round(height * down), down - y));
  return [x, y, wide, high].join();
}

function shares(crop, [across, down]) {
  const [left, top, width, height] = crop.split(",").map(Number);
  return [left / across, top / down, width / across, height / down];
}
