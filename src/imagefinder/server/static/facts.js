// Facts about an image, as a list: file, size, place and metadata, whose values filter.

import { h, plural } from "./dom.js";
import { titleOf } from "./image-card.js";
import { hostOf, isFilterable, isLink, withFilter } from "./filters.js";

/** The children of a <dl>. */
export function factsOf(image) {
  const own = { title: image.name === titleOf(image) ? null : image.name, ...measures(image) };
  const { title, ...others } = own;
  const known = Object.entries({ File: title, ...others }).filter(([, value]) => value != null);
  return [
    ...known.flatMap(([name, value]) => row(name, [value])),
    ...(image.paths ?? []).flatMap((path) => row("Place", [path])),
    ...Object.entries(image.metadata).flatMap(([name, value]) => row(name, [valueOf(name, value)])),
  ];
}

function measures({ width, height, size, places, paths, score, verdict }) {
  return {
    Pixels: `${width.toLocaleString("en")} × ${height.toLocaleString("en")}`,
    Size: size == null ? null : bytes(size),
    Files: places > 1 && !paths ? plural(places, "identical file") : null,
    Similarity: score == null ? null : `${score.toFixed(3)}${verdict ? `, ${verdict}` : ""}`,
  };
}

const row = (name, value) => [h("dt", {}, name), h("dd", {}, value)];

function valueOf(name, value) {
  if (isLink(value)) return h("a", { href: value, target: "_blank", rel: "noopener noreferrer" }, hostOf(value));
  if (!isFilterable(value)) return typeof value === "string" ? value : JSON.stringify(value);
  return h("a", { href: withFilter(name, "eq", value), title: `Only ${name} = ${value}` }, String(value));
}

function bytes(size) {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(size, 1)) / 3), units.length - 1);
  return `${(size / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}
