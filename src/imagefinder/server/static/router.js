// Router: the view and its parameters live in the URL's hash.

const VIEWS = ["search", "catalogue", "copies", "map"];
const SEARCH_OPTIONS = ["encoder", "k", "threshold", "matches", "rerank", "where"];

let stepBack = null; // a promise, while the browser is on its way back

/** The current `{view, params, shown}`: URLSearchParams, and the image in the lightbox or null. */
export function currentRoute() {
  const [name, query] = location.hash.slice(1).split("?");
  const view = name === "duplicates" ? "copies" : name; // its earlier address
  const params = new URLSearchParams(query);
  const shown = params.get("show");
  params.delete("show");
  return { view: VIEWS.includes(view) ? view : "search", params, shown };
}

/** The URL of a view. A list repeats its parameter; empty values are left out. */
export function href(view, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of [value].flat()) {
      if (one != null && one !== "") query.append(name, one);
    }
  }
  return `#${view}${query.size ? `?${query}` : ""}`;
}

/** The URL of a new search with the current options. */
export function searchHref(query) {
  const { view, params } = currentRoute();
  const names = view === "search" ? SEARCH_OPTIONS : ["encoder"];
  return href("search", { ...Object.fromEntries(names.map((name) => [name, params.get(name)])), ...query });
}

/** The current URL with some parameters changed, and without the lightbox. */
export function hrefWith(changes) {
  const { view, params } = currentRoute();
  const all = Object.fromEntries([...params.keys()].map((name) => [name, params.getAll(name)]));
  return href(view, { ...all, ...changes });
}

/** Go to a URL; `replace` the history entry if only options change. */
export async function navigate(to, replace = false) {
  if (stepBack) await stepBack;
  if (to === location.hash) return;
  if (replace) history.replaceState(history.state, "", to);
  else history.pushState(null, "", to);
  dispatchEvent(new Event("route"));
}

/** Go back by one history entry, however often it is asked for before the browser has done it. */
export function goBack() {
  if (stepBack) return;
  stepBack = new Promise((done) => addEventListener("hashchange", done, { once: true })).then(() => (stepBack = null));
  history.back();
}

/** Whether the history entry before this one is of this page, as far as it is known. */
export const canGoBack = () => !history.state?.isFirst;

/** Call back for the current and every later route. */
export function onRoute(callback) {
  history.replaceState({ isFirst: true }, "");
  addEventListener("route", callback);
  addEventListener("hashchange", callback);
  callback();
}
