// Map view: a 2-D projection of the catalogue, similar images near each other.

import * as api from "./api.js";
import { $, h, plural, setText } from "./dom.js";
import { thumbnail } from "./image-card.js";
import { hrefWith, navigate, searchHref } from "./router.js";

const MARGIN = 0.03; // of the map, on each side
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

let requested = null; // the latest request; responses to earlier ones are ignored

export function init() {
  $("map-form").addEventListener("change", ({ currentTarget, target }) => {
    if (target === $("zoom")) return zoom();
    const { by, limit } = currentTarget.elements;
    navigate(hrefWith({ by: by.value, limit: limit.value }), true);
  });
  $("zoom").addEventListener("input", zoom);
  $("points").addEventListener("keydown", moveFocus);
}

export async function render(params, { encoder }) {
  const { elements } = $("map-form");
  elements.by.value = params.get("by") ?? "tsne";
  elements.limit.value = params.get("limit") ?? "300";
  const query = { encoder, by: elements.by.value, limit: elements.limit.value };
  const own = JSON.stringify(query);
  requested = own;
  $("points").replaceChildren();
  setText($("map-status"), null);
  setText($("map-error"), null);
  $("map-progress").hidden = false;
  try {
    const result = await api.map(query);
    if (requested !== own) return;
    renderPoints(result, encoder);
  } catch (error) {
    if (requested === own) setText($("map-error"), error.message);
  }
  if (requested === own) $("map-progress").hidden = true;
}

function renderPoints({ points, total, gone }, encoder) {
  const [left, top] = [scale(points.map(({ x }) => x)), scale(points.map(({ y }) => y))];
  $("points").replaceChildren(
    ...points.map((point, number) => {
      const image = { ...point, metadata: {} };
      const link = h("a", { href: searchHref({ id: point.id, encoder }), "aria-label": `Search with ${point.name ?? point.id}`, title: point.name, tabindex: number ? "-1" : "0" }, thumbnail(image, encoder, 96));
      Object.assign(link.style, { left: left(point.x), top: top(point.y) });
      return h("li", {}, link);
    }),
  );
  const sampled = points.length + gone < total ? `, a random sample of ${total.toLocaleString("en")}` : "";
  const missing = gone ? `; ${plural(gone, "file")} missing` : "";
  setText($("map-status"), `${plural(points.length, "image")}${sampled}${missing}.`);
  zoom();
}

/** Stretch coordinates over the whole map; only neighborhoods matter, not distances. */
function scale(values) {
  const [min, max] = [Math.min(...values), Math.max(...values)];
  return (value) => `${100 * (MARGIN + (1 - 2 * MARGIN) * ((value - min) / (max - min || 1)))}%`;
}

function zoom() {
  const view = $("viewport");
  const x = (view.scrollLeft + view.clientWidth / 2) / view.scrollWidth;
  const y = (view.scrollTop + view.clientHeight / 2) / view.scrollHeight;
  $("points").style.width = `${100 * $("zoom").value}%`;
  view.scrollTo(x * view.scrollWidth - view.clientWidth / 2, y * view.scrollHeight - view.clientHeight / 2);
}

/** Arrow keys focus the nearest image in their direction. */
function moveFocus(event) {
  const direction = DIRECTIONS[event.key];
  if (!direction) return;
  event.preventDefault();
  const from = center(event.target);
  const costs = [...$("points").querySelectorAll("a")].map((link) => {
    const [x, y] = center(link).map((value, axis) => value - from[axis]);
    const forward = x * direction[0] + y * direction[1];
    const sideways = Math.abs(x * direction[1]) + Math.abs(y * direction[0]);
    return [forward > 0 ? forward + 2 * sideways : Infinity, link];
  });
  const [cost, next] = costs.reduce((best, one) => (one[0] < best[0] ? one : best));
  if (cost < Infinity) next.focus();
}

function center(link) {
  return [link.offsetLeft + link.offsetWidth / 2, link.offsetTop + link.offsetHeight / 2];
}
