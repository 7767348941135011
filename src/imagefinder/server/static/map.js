// Map view: a 2-D projection of the catalogue, similar images near each other.

import * as api from "./api.js";
import { $, h, plural, setText } from "./dom.js";
import { ImageMap } from "./image-map.js";
import { thumbnail } from "./image-card.js";
import { hrefWith, navigate, searchHref } from "./router.js";

const SIDE = 96; // pixels of a thumbnail
const COLUMNS = 32; // thumbnails in a row of the sprites
const AT_ONCE = 6; // thumbnails that are loaded side by side

let requested = null; // the latest request; responses to earlier ones are ignored
let map = null;

export function init() {
  $("map-form").addEventListener("change", ({ currentTarget: { elements } }) =>
    navigate(hrefWith({ by: elements.by.value, limit: elements.limit.value }), true),
  );
  $("map-form").addEventListener("submit", (event) => event.preventDefault());
  $("zoom-in").addEventListener("click", () => map?.zoomIn());
  $("zoom-out").addEventListener("click", () => map?.zoomOut());
  $("fit").addEventListener("click", () => map?.fit());
}

export async function render(params, { encoder }) {
  const { elements } = $("map-form");
  elements.by.value = params.get("by") ?? "tsne";
  elements.limit.value = params.get("limit") ?? "300";
  const query = { encoder, by: elements.by.value, limit: elements.limit.value };
  const own = (requested = {}); // also of the same map: one comes back while it is computed
  clear();
  $("map-progress").hidden = false;
  try {
    const result = await api.map(query);
    if (requested !== own) return;
    renderMap(result, encoder);
  } catch (error) {
    if (requested === own) setText($("map-error"), error.message);
  }
  if (requested === own) $("map-progress").hidden = true;
}

function clear() {
  map?.close();
  map = null;
  $("map-canvas").hidden = true;
  $("map-canvas").removeAttribute("aria-busy");
  $("map-details").replaceChildren();
  setText($("map-status"), null);
  setText($("map-error"), null);
}

function renderMap({ points, total, gone }, encoder) {
  const sampled = points.length + gone < total ? `, a random sample of ${total.toLocaleString("en")}` : "";
  const missing = gone ? `; ${plural(gone, "file")} missing` : "";
  setText($("map-status"), `${plural(points.length, "image")}${sampled}${missing}.`);
  const none = points.map(() => 0); // until the thumbnails are there
  const data = { side: SIDE, columns: COLUMNS, x: points.map(({ column }) => column), y: points.map(({ row }) => row), width: none, height: [...none] };
  const sprites = h("canvas", { width: SIDE * COLUMNS, height: SIDE * Math.ceil(points.length / COLUMNS) });
  $("map-canvas").hidden = !points.length;
  if (!points.length) return;
  map = new ImageMap($("map-canvas"), {
    data,
    sprites,
    onDetails: (one) => showDetails(points[one], encoder),
    onOpen: (one) => navigate(searchHref({ id: points[one].id, encoder })),
  });
  loadSprites(map, points, encoder);
}

function showDetails(point, encoder) {
  if (!point) return $("map-details").replaceChildren();
  const name = point.name ?? point.id;
  const link = h("a", { class: "button", href: searchHref({ id: point.id, encoder }), "aria-label": `Search with ${name}` }, "Search");
  $("map-details").replaceChildren(thumbnail({ ...point, metadata: {} }, encoder, 320), h("strong", {}, name), link);
}

/** Draw all thumbnails into the sprites, some at a time, until another map takes its place. */
function loadSprites(own, points, encoder) {
  const pen = own.sprites.getContext("2d");
  const numbers = points.keys();
  const work = async () => {
    for (const one of numbers) {
      if (own !== map) return;
      const image = await loaded(points[one], encoder).catch(() => null); // no file: a plain square
      if (!image) continue;
      pen.drawImage(image, ...own.spriteOf(one));
      [own.data.width[one], own.data.height[one]] = [image.naturalWidth, image.naturalHeight];
      URL.revokeObjectURL(image.src);
      own.requestDraw();
    }
  };
  $("map-canvas").setAttribute("aria-busy", "true");
  Promise.all(Array.from({ length: AT_ONCE }, work)).then(() => own === map && $("map-canvas").removeAttribute("aria-busy"));
}

async function loaded({ id }, encoder) {
  const image = new Image();
  image.src = await api.displayUrl(api.thumbnailUrl(id, encoder, SIDE));
  await image.decode();
  return image;
}
