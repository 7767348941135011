// Two images side by side, with lines between what corresponds.

import * as api from "./api.js";
import { $, asked, h, plural, say } from "./dom.js";
import { named } from "./cards.js";

const HEIGHT = 400;
const GAP = 12;

/** Show a question, `{url, form}` with the form's own fields, beside a stored image. */
export async function compare(question, hit, encoder) {
  const pair = $("pair");
  const told = h("p", { role: "status" }, "Looking for what corresponds…");
  const loading = h("progress", { "aria-label": "Comparing" });
  pair.replaceChildren(told, loading);
  $("compared").textContent = `Side by side: ${named(hit)}`;
  asked($("compare"));
  try {
    const urls = [question.url, await api.shown(api.small(hit.id, encoder, 1024))];
    const images = await Promise.all(urls.map(loaded));
    const drawn = drawing(images);
    pair.append(drawn.svg);
    const form = question.form();
    form.append("id", hit.id);
    const found = await api.compare(form);
    drawn.lines(found.pairs);
    say(told, verdict(found));
  } catch (error) {
    say(told, error.message);
  }
  loading.remove();
}

function verdict({ matches, verified, features }) {
  const counted = `${plural(matches, "pair")} of ${features.join(" and ")} local features`;
  return verified
    ? `The same thing: ${counted} agree on one geometry.`
    : `No sign of the same thing: ${counted} agree.`;
}

function loaded(url) {
  return new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => failed(new Error("One of the images cannot be shown."));
    image.src = url;
  });
}

/** Both in one drawing, beside or (on a narrow page) above each other. */
function drawing(images) {
  const narrow = matchMedia("(max-width: 40rem)").matches;
  let end = 0;
  const places = images.map((image) => {
    const scale = HEIGHT / (narrow ? image.naturalWidth : image.naturalHeight);
    const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
    const place = { x: narrow ? 0 : end, y: narrow ? end : 0, width, height };
    end += (narrow ? height : width) + GAP;
    return place;
  });
  const size = narrow ? [HEIGHT, end - GAP] : [end - GAP, HEIGHT];
  const svg = drawn("svg", { viewBox: `0 0 ${size.join(" ")}`, role: "img", "aria-label": "The query and the image found" });
  svg.append(...images.map((image, side) => drawn("image", { href: image.src, ...places[side] })));
  return {
    svg,
    lines(pairs) {
      const group = drawn("g", { class: "lines" });
      const at = (place, x, y) => [place.x + x * place.width, place.y + y * place.height];
      for (const [x, y, toX, toY] of pairs) {
        const [x1, y1] = at(places[0], x, y);
        const [x2, y2] = at(places[1], toX, toY);
        group.append(drawn("line", { x1, y1, x2, y2 }), drawn("circle", { cx: x1, cy: y1, r: 2.5 }), drawn("circle", { cx: x2, cy: y2, r: 2.5 }));
      }
      svg.append(group);
    },
  };
}

function drawn(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
