// Compare dialog: two images, with lines between corresponding keypoints.

import * as api from "./api.js";
import { $, h, openDialog, plural, setText } from "./dom.js";
import { titleOf } from "./image-card.js";
import { imageForm } from "./query.js";

const HEIGHT = 400;
const GAP = 12;

/** Compare the first image of a query, which may be loading, and a stored image. */
export async function compare(loading, hit, encoder) {
  const pair = $("pair");
  const status = h("p", { role: "status" }, "Matching local features…");
  const progress = h("progress", { "aria-label": "Comparing" });
  pair.replaceChildren(status, progress);
  $("compare-title").textContent = `Compare with ${titleOf(hit)}`;
  const controller = new AbortController();
  openDialog($("compare")).then(() => controller.abort());
  try {
    const query = await loading;
    const urls = [query.images[0].url, await api.displayUrl(api.thumbnailUrl(hit.id, encoder, 1024))];
    const images = await Promise.all(urls.map(loadImage));
    if (controller.signal.aborted) return; // the dialog may be that of another comparison now
    const drawing = draw(images);
    pair.append(drawing.svg);
    const form = imageForm(query);
    form.append("id", hit.id);
    const result = await api.compare(form, controller.signal);
    drawing.addLines(result.pairs);
    setText(status, summary(result));
  } catch (error) {
    setText(status, error.message);
  }
  progress.remove();
}

function summary({ verdict, correspondences, features }) {
  const counts = `${plural(correspondences, "correspondence")} between ${features.join(" and ")} local features`;
  return `${verdict[0].toUpperCase()}${verdict.slice(1)}: ${counts} fit one geometric transformation.`;
}

function loadImage(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("One of the images cannot be displayed."));
    image.src = url ?? ""; // none: an error
  });
}

/** Both images in one SVG: side by side or, on a narrow screen, one above the other. */
function draw(images) {
  const narrow = matchMedia("(max-width: 40rem)").matches;
  let end = 0;
  const boxes = images.map((image) => {
    const scale = HEIGHT / (narrow ? image.naturalWidth : image.naturalHeight);
    const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
    const box = { x: narrow ? 0 : end, y: narrow ? end : 0, width, height };
    end += (narrow ? height : width) + GAP;
    return box;
  });
  const size = narrow ? [HEIGHT, end - GAP] : [end - GAP, HEIGHT];
  const svg = svgElement("svg", { viewBox: `0 0 ${size.join(" ")}`, role: "img", "aria-label": "The query and the hit" });
  svg.append(...images.map((image, side) => svgElement("image", { href: image.src, ...boxes[side] })));
  return {
    svg,
    addLines(pairs) {
      const group = svgElement("g", { class: "lines" });
      const at = (box, x, y) => [box.x + x * box.width, box.y + y * box.height];
      for (const [x, y, toX, toY] of pairs) {
        const [x1, y1] = at(boxes[0], x, y);
        const [x2, y2] = at(boxes[1], toX, toY);
        const ends = [[x1, y1], [x2, y2]].map(([cx, cy]) => svgElement("circle", { cx, cy, r: 2.5 }));
        group.append(svgElement("line", { x1, y1, x2, y2 }), ...ends);
      }
      svg.append(group);
    },
  };
}

function svgElement(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
