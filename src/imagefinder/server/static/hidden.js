// Hidden images: those about to be removed from the catalogue, which no grid shows.

export const hidden = new Set(); // ids

export function hide(ids) {
  for (const id of ids) hidden.add(id);
  dispatchEvent(new Event("hidden"));
}

export function unhide(ids) {
  for (const id of ids) hidden.delete(id);
  dispatchEvent(new Event("hidden"));
}

/** They are removed: there is nothing left to hide. */
export function forget(ids) {
  dispatchEvent(new CustomEvent("removed", { detail: new Set(ids) }));
  unhide(ids);
}
