// What is searched with: the images and words of the address, shown, and as a form.

import * as api from "./api.js";
import { named } from "./cards.js";
import { croppable } from "./crop.js";
import { $, h } from "./dom.js";
import { asking, go, varied } from "./place.js";
import { upload } from "./uploads.js";

/** Images and words that an address asks with. Throws if an upload is not there any more. */
export async function questionOf(asked, encoder) {
  const uploads = asked.getAll("upload").map((number) => {
    const kept = upload(number);
    if (!kept) throw new Error("The image was forgotten when the page was loaded anew. Please choose it again.");
    return { field: "image", value: kept.file, name: kept.file.name || "image", url: kept.url };
  });
  const stored = asked.getAll("id").map(async (id) => {
    const image = await api.image(id, encoder);
    const url = await api.shown(api.small(id, encoder, 1024));
    return { field: "id", value: id, name: named(image), url, size: [image.width, image.height] };
  });
  const links = asked.getAll("url").map((link) => ({ field: "url", value: link, name: link, url: null }));
  const images = [...uploads, ...(await Promise.all(stored)), ...links];
  return { images, text: asked.get("text") };
}

export const isAsked = ({ images, text }) => images.length > 0 || Boolean(text);

/** In words, for headings. */
export function wording({ images, text }) {
  return [...images.map((image) => image.name), ...(text ? [`“${text}”`] : [])].join(" and ");
}

/** The fields of the images alone. */
export function form({ images }) {
  const data = new FormData();
  for (const { field, value } of images) data.append(field, value);
  return data;
}

/** Show it in the panel; a single image can be cropped there. */
export function showQuestion(question, asked) {
  const panel = $("asked");
  panel.hidden = !isAsked(question);
  const [only, ...others] = question.images;
  const single = only?.url && !others.length;
  const shown = single ? [frame(only, asked)] : question.images.map(tile);
  const words = question.text && h("p", { class: "chips" }, h("span", { class: "chip" }, `“${question.text}”`));
  const clear = h("button", { type: "button", class: "plain", onclick: () => go(asking({})) }, "Clear");
  panel.replaceChildren(...shown, ...(words ? [words] : []), h("p", { class: "row" }, single ? parts(asked) : [], clear));
}

let cropping = null;

function frame(image, asked) {
  const shown = h("img", { src: image.url, alt: `The query: ${image.name}`, draggable: "false" });
  const over = h("div", { class: "frame" }, shown);
  const unseen = h("p", { class: "quiet" }, `${image.name} (this browser cannot show it)`);
  shown.addEventListener("error", () => over.replaceWith(unseen));
  const size = () => image.size ?? [shown.naturalWidth, shown.naturalHeight];
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
    asked.get("crop") && h("button", { type: "button", class: "plain", onclick: whole }, "Whole image"),
  ];
}

const tile = (image) =>
  image.url ? h("img", { class: "tile", src: image.url, alt: image.name }) : h("p", { class: "name" }, image.name);

/** Left, top, width and height as the server wants them: within the image, one pixel at least. */
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
