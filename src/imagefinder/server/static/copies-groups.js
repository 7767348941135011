// Groups of copies as the server finds them: plain values, without the page.

import { areNotCopies } from "./not-copies.js";

/** All images of a group, the best first. */
export const imagesOf = ({ best, copies }) => [best, ...copies];

/** The files of a group that exist, each with its image; links and what is gone are no copies. */
export const filesOf = (group) =>
  imagesOf(group).flatMap((image) =>
    image.files.filter(({ state }) => state === "file").map((file) => ({ ...file, image })),
  );

export const folderOf = (path) => path.slice(0, path.lastIndexOf("/")) || "/";

/** What would be free if only one file stayed, the best image's first. */
export function spareBytes(group) {
  return filesOf(group).slice(1).reduce((sum, { image }) => sum + image.size, 0);
}

/** Without the copies that this browser knows to be none; null if nothing is left. */
export function withoutKnown(group) {
  const copies = group.copies.filter(({ id }) => !areNotCopies(group.best.id, id));
  return stillGroup({ ...group, copies });
}

/** Without one image; null if nothing is left that is there more than once. */
export function withoutImage(group, id) {
  if (group.best.id !== id) return stillGroup({ ...group, copies: group.copies.filter((copy) => copy.id !== id) });
  const [best, ...copies] = group.copies;
  return best ? stillGroup({ ...group, best, copies }) : null;
}

/** With a copy again, in the place that it had in an earlier group. */
export function withImage(group, copy, earlier) {
  const ids = new Set([...group.copies, copy].map(({ id }) => id));
  return { ...group, copies: earlier.copies.filter(({ id }) => ids.has(id)) };
}

const stillGroup = (group) => (group.copies.length || filesOf(group).length > 1 ? group : null);

/** The files that stay by a rule: none where it says nothing. */
export function keptBy(rule, group) {
  const files = filesOf(group);
  if (rule.startsWith("in:")) {
    const folder = rule.slice(3);
    return files.filter(({ path }) => path?.startsWith(folder === "/" ? folder : `${folder}/`));
  }
  const order = ORDERS[rule];
  return order ? [...files].sort(order).slice(0, 1) : []; // stable: of equals the better stays
}

const time = ({ modified }) => (modified ? Date.parse(modified) : 0);

const ORDERS = {
  best: () => 0,
  newest: (one, other) => time(other) - time(one),
  oldest: (one, other) => time(one) - time(other),
  largest: (one, other) => other.image.size - one.image.size,
};
