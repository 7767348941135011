// Where one is: a view and what it was asked, in the address, so that Back and links work.

const VIEWS = ["search", "catalogue", "copies", "map"];
const STANDING = ["encoder", "k", "threshold", "matches", "rerank", "where"];

/** What the address says: `{view, asked}`, with `asked` as URLSearchParams. */
export function here() {
  const [view, query] = location.hash.slice(1).split("?");
  return { view: VIEWS.includes(view) ? view : "search", asked: new URLSearchParams(query) };
}

/** The address of a view. Names with a list appear as often as it is long; empty ones not at all. */
export function address(view, asked = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) {
    for (const one of [value].flat()) {
      if (one !== null && one !== undefined && one !== "") query.append(name, one);
    }
  }
  return `#${view}${query.size ? `?${query}` : ""}`;
}

/** The address of a new question, which is asked as the one before was: so many, so close. */
export function asking(question) {
  const { view, asked } = here();
  const standing = view === "search" ? STANDING : ["encoder"];
  return address("search", { ...Object.fromEntries(standing.map((name) => [name, asked.get(name)])), ...question });
}

/** The same place with some things asked in another way. */
export function varied(changes) {
  const { view, asked } = here();
  const all = Object.fromEntries([...asked.keys()].map((name) => [name, asked.getAll(name)]));
  return address(view, { ...all, ...changes });
}

/** Go there; `replace` where it is the same question, asked in another way. */
export function go(to, replace = false) {
  if (to === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  dispatchEvent(new Event("place"));
}

/** Call back for each place that one comes to, and for the first. */
export function whenever(arrived) {
  addEventListener("place", arrived);
  addEventListener("hashchange", arrived);
  arrived();
}
