// Facts about an image, as a list: file, size, place and metadata, whose values filter.

import { h, plural } from "./dom.js";
import { titleOf } from "./image-card.js";
import { hostOf, isFilterable, isLink, withFilter } from "./filters.js";
import { itemName, shownOf } from "./shown-metadata.js";
import { fileSize } from "./units.js";

/** The children of a <dl>. */
export function factsOf(image) {
  const own = { title: image.name === titleOf(image) ? null : image.name, ...measures(image) };
  const { title, ...others } = own;
  const known = Object.entries({ File: title, ...others }).filter(([, value]) => value != null);
  return [
    ...known.flatMap(([name, value]) => row(name, [value])),
    ...(image.paths ?? []).flatMap((path) => row("Place", [path])),
    ...(image.items?.length ? image.items.flatMap(itemRow) : metadataRows(image.metadata)),
  ];
}

function measures({ width, height, size, places, paths, score, verdict }) {
  return {
    Pixels: `${width.toLocaleString("en")} × ${height.toLocaleString("en")}`,
    Size: size == null ? null : fileSize(size),
    Files: places > 1 && !paths ? plural(places, "identical file") : null,
    Similarity: score == null ? null : `${score.toFixed(3)}${verdict ? `, ${verdict}` : ""}`,
  };
}

const metadataRows = (metadata) => shownOf(metadata).flatMap(([name, value]) => row(name, [valueOf(name, value)]));

/** Several items share the image, each with its own metadata. */
const itemRow = (item, index) =>
  row(itemName(item, index), [h("dl", { class: "facts" }, ...metadataRows(item.metadata))]);

const row = (name, value) => [h("dt", {}, name), h("dd", {}, value)];

function valueOf(name, value) {
  if (isLink(value)) return h("a", { href: value, target: "_blank", rel: "noopener noreferrer" }, hostOf(value));
  if (!isFilterable(value)) return typeof value === "string" ? value : JSON.stringify(value);
  return h("a", { href: withFilter(name, "eq", value), title: `Only ${name} = ${value}` }, String(value));
}
