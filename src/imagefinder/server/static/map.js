// The catalogue on a plane, like images near each other.

import * as api from "./api.js";
import { thumbnail } from "./cards.js";
import { $, h, plural, say } from "./dom.js";
import { asking, go, varied } from "./place.js";

const EDGE = 0.03; // of the plane, around what lies on it
const AHEAD = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

let drawn = null; // the question that is answered on the page

export function begin() {
  $("lay").addEventListener("change", ({ currentTarget, target }) => {
    if (target === $("closer")) return closer();
    const { by, limit } = currentTarget.elements;
    go(varied({ by: by.value, limit: limit.value }), true);
  });
  $("closer").addEventListener("input", closer);
  $("plane").addEventListener("keydown", step);
}

export async function show(asked, { encoder }) {
  const { elements } = $("lay");
  elements.by.value = asked.get("by") ?? "tsne";
  elements.limit.value = asked.get("limit") ?? "300";
  const question = { encoder, by: elements.by.value, limit: elements.limit.value };
  drawn = JSON.stringify(question);
  const mine = drawn;
  $("plane").replaceChildren();
  say($("laid"), null);
  say($("unlaid"), null);
  $("laying").hidden = false;
  try {
    const found = await api.map(question);
    if (drawn !== mine) return;
    lay(found, encoder);
  } catch (error) {
    if (drawn === mine) say($("unlaid"), error.message);
  }
  if (drawn === mine) $("laying").hidden = true;
}

function lay({ points, total, gone }, encoder) {
  const [left, top] = [spread(points.map(({ x }) => x)), spread(points.map(({ y }) => y))];
  $("plane").replaceChildren(
    ...points.map((point, number) => {
      const image = { ...point, metadata: {} };
      const link = h("a", { href: asking({ id: point.id, encoder }), "aria-label": `Search from ${point.name ?? point.id}`, title: point.name, tabindex: number ? "-1" : "0" }, thumbnail(image, encoder, 96));
      Object.assign(link.style, { left: left(point.x), top: top(point.y) });
      return h("li", {}, link);
    }),
  );
  const chosen = points.length + gone < total ? ` of ${total.toLocaleString("en")}, chosen by lot` : "";
  const missing = gone ? `; ${gone} have no file to show` : "";
  say($("laid"), `${plural(points.length, "image")}${chosen}${missing}.`);
  closer();
}

/** From the least to the most, over the whole plane; how far is no more than how they lie. */
function spread(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return (value) => `${100 * (EDGE + (1 - 2 * EDGE) * ((value - least) / (most - least || 1)))}%`;
}

function closer() {
  const scroll = $("scroll");
  const middle = ["Left", "Top"].map((side) => {
    const [size, seen] = side === "Left" ? [scroll.scrollWidth, scroll.clientWidth] : [scroll.scrollHeight, scroll.clientHeight];
    return (scroll[`scroll${side}`] + seen / 2) / size;
  });
  $("plane").style.width = `${100 * $("closer").value}%`;
  scroll.scrollTo(middle[0] * scroll.scrollWidth - scroll.clientWidth / 2, middle[1] * scroll.scrollHeight - scroll.clientHeight / 2);
}

/** To the nearest image in the direction of an arrow. */
function step(event) {
  const ahead = AHEAD[event.key];
  if (!ahead) return;
  event.preventDefault();
  const from = centre(event.target);
  const scored = [...$("plane").querySelectorAll("a")].map((link) => {
    const [x, y] = centre(link).map((value, axis) => value - from[axis]);
    const forward = x * ahead[0] + y * ahead[1];
    const aside = Math.abs(x * ahead[1]) + Math.abs(y * ahead[0]);
    return [forward > 0 ? forward + 2 * aside : Infinity, link];
  });
  const [away, next] = scored.reduce((best, one) => (one[0] < best[0] ? one : best));
  if (away < Infinity) next.focus();
}

function centre(link) {
  return [link.offsetLeft + link.offsetWidth / 2, link.offsetTop + link.offsetHeight / 2];
}
