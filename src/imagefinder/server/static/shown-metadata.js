// Shown metadata: all, or those that the owner chose by `--show`, in that order.

import { plural } from "./dom.js";

const MOST_LINES = 3; // on a card

let chosen = [];

export function init({ shows }) {
  chosen = shows;
}

/** The [name, value] pairs that are shown of an image's or an item's metadata. */
export function shownOf(metadata) {
  if (!chosen.length) return Object.entries(metadata);
  return chosen.filter((name) => Object.hasOwn(metadata, name)).map((name) => [name, metadata[name]]);
}

/** What an item is called: its id, its file's name, or its number. */
export const itemName = (item, index) => item.id ?? item.name ?? `Item ${index + 1}`;

/** What a card always says: the chosen metadata, of each item if there are several. */
export function linesOf({ metadata, items = [] }) {
  if (!chosen.length) return items.length ? [plural(items.length, "item")] : [];
  if (!items.length) return [valuesOf(metadata)].filter(Boolean);
  const lines = items.map((item, index) => [itemName(item, index), valuesOf(item.metadata)].filter(Boolean).join(": "));
  const others = lines.splice(lines.length > MOST_LINES ? MOST_LINES - 1 : MOST_LINES);
  return others.length ? [...lines, `and ${others.length} more`] : lines;
}

const valuesOf = (metadata) =>
  shownOf(metadata)
    .filter(([, value]) => !(value instanceof Object) && value !== "" && value !== null)
    .map(([, value]) => String(value))
    .join(" · ");
