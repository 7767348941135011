// The query: its images and text, from the URL to the panel and to a form.

import * as api from "./api.js";
import { croppable } from "./crop.js";
import { $, button, h } from "./dom.js";
import { titleOf } from "./image-card.js";
import { hrefWith, navigate, searchHref } from "./router.js";
import { getUpload } from "./uploads.js";

/** `{images, text}` of the URL's parameters. Throws if an upload is no longer in memory. */
export async function loadQuery(params, encoder) {
  const uploads = params.getAll("upload").map((number) => {
    const upload = getUpload(number);
    if (!upload) throw new Error("Reloading the page discarded the image. Please choose it again.");
    return { field: "image", value: upload.file, name: upload.file.name || "image", url: upload.url };
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

/** Show the query in its panel; a single image can be cropped there. */
export function renderQuery(query, params) {
  const panel = $("query");
  panel.hidden = isEmpty(query);
  const [first, ...others] = query.images;
  const single = first?.url && !others.length;
  const images = single ? [cropFrame(first, params)] : query.images.map(tile);
  const text = query.text && h("p", { class: "chips" }, h("span", { class: "chip" }, `“${query.text}”`));
  const clear = button("Clear", () => navigate(searchHref({})));
  panel.replaceChildren(...images, ...(text ? [text] : []), h("p", { class: "row" }, single ? cropButtons(params) : [], clear));
}

let cropper = null;

function cropFrame(image, params) {
  const img = h("img", { src: image.url, alt: `The query: ${image.name}`, draggable: "false" });
  const frame = h("div", { class: "frame" }, img);
  const fallback = h("p", { class: "muted" }, `${image.name} (this browser cannot display it)`);
  img.addEventListener("error", () => frame.replaceWith(fallback));
  const size = () => image.size ?? [img.naturalWidth, img.naturalHeight];
  cropper = croppable(frame, (region) => navigate(hrefWith({ crop: region && toPixels(region, size()) })));
  img.addEventListener("load", () => {
    const crop = params.get("crop");
    cropper.show(crop && toFractions(crop, size()));
  });
  return frame;
}

function cropButtons(params) {
  return [
    button("Crop", () => cropper.begin()),
    params.get("crop") && button("Remove crop", () => navigate(hrefWith({ crop: null }))),
  ];
}

const tile = (image) =>
  image.url ? h("img", { class: "tile", src: image.url, alt: image.name }) : h("p", { class: "name" }, image.name);

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
