// The query: its images and text, from the URL to the panel and to a form.

import * as api from "./api.js";
import { croppable } from "./crop.js";
import { $, button, h, openDialog } from "./dom.js";
import { titleOf } from "./image-card.js";
import { hrefWith, navigate, searchHref } from "./router.js";
import { getUpload } from "./uploads.js";

/** `{images, text}` of the URL's parameters. Throws if an upload is no longer in memory. */
export async function loadQuery(params, encoder) {
  const uploads = params.getAll("upload").map((number) => {
    const upload = getUpload(number);
    if (!upload) throw new Error("Reloading the page discarded the image. Please choose it again.");
    const { file, url, size } = upload;
    const onError = () => showPreview(upload, encoder);
    return { field: "image", value: file, name: file.name || "image", url, size, onError };
  });
  const stored = params.getAll("id").map(async (id) => {
    const image = await api.getImage(id, encoder);
    const url = await api.displayUrl(api.thumbnailUrl(id, encoder, 1024));
    return { field: "id", value: id, name: titleOf(image), url, size: [image.width, image.height] };
  });
  const links = params.getAll("url").map((link) => ({ field: "url", value: link, name: link, url: null }));
  const images = [...uploads, ...(await Promise.all(stored)), ...links];
  return { images, text: params.get("text") };
}

/** The server's preview of an upload that the browser cannot display; without one, just its name. */
async function showPreview(upload, encoder) {
  if (upload.size === undefined) Object.assign(upload, await api.preview(upload.file, encoder).catch(() => ({ url: null, size: null })));
  return upload;
}

export const isEmpty = ({ images, text }) => !images.length && !text;

/** For headings. */
export function describe({ images, text }) {
  return [...images.map((image) => image.name), ...(text ? [`“${text}”`] : [])].join(" and ");
}

/** A form with the images only. */
export function imageForm({ images }) {
  const data = new FormData();
  for (const { field, value } of images) data.append(field, value);
  return data;
}

/** Show the query in its bar; a part of a single image can be chosen. */
export function renderQuery(query, params) {
  const panel = $("query");
  panel.hidden = isEmpty(query);
  const [first, ...others] = query.images;
  const single = first?.url && !others.length;
  const images = single ? [partOf(first, params, () => part.remove())] : query.images.map((image) => tile(image));
  const text = query.text && h("span", { class: "chip" }, `“${query.text}”`);
  const part = single && button("Choose a part", () => choosePart(first, params, images[0].querySelector("img")));
  if (part) {
    part.style.visibility = "hidden"; // until there is something to draw on; the buttons beside it stay in place
    images[0].querySelector("img").addEventListener("load", () => (part.style.visibility = ""));
  }
  const whole = params.get("crop") && button("Whole image", () => navigate(hrefWith({ crop: null })));
  panel.replaceChildren(...[...images, text, part, whole, button("Clear", () => navigate(searchHref({})))].filter(Boolean));
}

/** A small image of the query, with the box of its part. */
function partOf(image, params, onFail) {
  const img = tile(image, onFail);
  const frame = h("div", { class: "shown-part" }, img);
  const crop = params.get("crop");
  if (crop) img.addEventListener("load", () => frame.append(boxAt(toFractions(crop, sizeOf(image, img)))));
  return frame;
}

function boxAt(region) {
  const box = h("div", { class: "box" });
  const [left, top, width, height] = region.map((fraction) => `${100 * fraction}%`);
  Object.assign(box.style, { left, top, width, height });
  return box;
}

const sizeOf = (image, img) => image.size ?? [img.naturalWidth, img.naturalHeight];

/**
 * Ask for a box in a dialog, and search with it. The box is there and focused at once, so that no key
 * goes to a button; `img`, which is loaded, is the image in the query's bar.
 */
async function choosePart(image, params, img) {
  const size = sizeOf(image, img);
  const frame = h("div", { class: "frame" }, h("img", { src: image.url, alt: `The query: ${image.name}`, draggable: "false" }));
  const [width, height] = size;
  Object.assign(frame.style, { width: `min(${width}px, ${(60 * width) / height}vh)`, aspectRatio: `${width} / ${height}` });
  const crop = params.get("crop");
  const cropper = croppable(frame, () => $("part").close("yes"));
  $("part-frame").replaceChildren(frame);
  const closed = openDialog($("part"));
  cropper.begin(crop && toFractions(crop, size));
  if ((await closed) === "yes") navigate(hrefWith({ crop: toPixels(cropper.region(), size) }));
}

/** A small image: itself, or else the server's preview, or else its name; `onFail` is called if that is all. */
function tile(image, onFail = () => {}) {
  if (!image.url) return nameOf(image);
  const [width, height] = image.size ?? [];
  const img = h("img", { class: "tile", alt: `The query: ${image.name}`, width, height });
  img.addEventListener("error", async () => {
    const { url, size } = image.onError ? await image.onError() : { url: null, size: null };
    Object.assign(image, { url, size, onError: null });
    if (url) img.src = url;
    else {
      img.replaceWith(nameOf(image));
      onFail();
    }
  });
  img.src = image.url;
  return img;
}

const nameOf = (image) => h("p", { class: "name" }, image.name);

/** The API's crop: left, top, width and height, inside the image and at least one pixel. */
function toPixels([left, top, width, height], [columns, rows]) {
  const x = Math.min(Math.floor(left * columns), columns - 1);
  const y = Math.min(Math.floor(top * rows), rows - 1);
  const w = Math.max(1, Math.min(Math.round(width * columns), columns - x));
  const h = Math.max(1, Math.min(Math.round(height * rows), rows - y));
  return [x, y, w, h].join();
}

function toFractions(crop, [columns, rows]) {
  const [left, top, width, height] = crop.split(",").map(Number);
  return [left / columns, top / rows, width / columns, height / rows];
}
