// Entry point: routing between views, and the choice of catalogue.

import * as api from "./api.js";
import * as catalogue from "./catalogue.js";
import * as copies from "./copies.js";
import { $, h, setText } from "./dom.js";
import * as lightbox from "./lightbox.js";
import * as map from "./map.js";
import * as removal from "./removal.js";
import { currentRoute, hrefWith, navigate, onRoute } from "./router.js";
import * as search from "./search.js";
import * as selection from "./selection.js";
import * as shownMetadata from "./shown-metadata.js";

const VIEWS = { search, catalogue, copies, map };

let server = null;
let previous = null; // route

async function start() {
  listen();
  try {
    server = await api.stats();
  } catch (error) {
    setText($("startup-error"), error.message);
    return;
  }
  shownMetadata.init(server);
  for (const view of Object.values(VIEWS)) view.init(server, search.clearCache);
  if (!server.maps) document.querySelector("nav [href='#map']").hidden = true;
  lightbox.init(server);
  selection.init(server);
  removal.init();
  $("encoder").append(...server.catalogues.map(({ encoder }) => h("option", {}, encoder)));
  $("encoders").hidden = server.catalogues.length < 2;
  $("encoder").addEventListener("change", ({ target }) => navigate(hrefWith({ encoder: target.value })));
  onRoute(renderRoute);
}

/** What works while the server has not answered yet. */
function listen() {
  for (const link of document.querySelectorAll("nav a, .brand")) {
    link.addEventListener("click", (event) => keepEncoder(event, link));
  }
  // a file dropped outside a drop zone must not replace the page
  for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    $("main").focus();
  });
}

function renderRoute() {
  const { view, params, shown } = currentRoute();
  const current = server.catalogues.find(({ encoder }) => encoder === params.get("encoder")) ?? server.catalogues[0];
  $("encoder").value = current.encoder;
  for (const name of Object.keys(VIEWS)) $(name).hidden = name !== view;
  for (const link of document.querySelectorAll("nav a")) {
    link.removeAttribute("aria-current");
    if (link.hash !== `#${view}`) continue;
    link.setAttribute("aria-current", "page");
    document.title = `${link.textContent} | ImageFinder`;
  }
  // the focused element may be hidden now: keyboard users continue from the new view
  if (previous && previous.view !== view) {
    VIEWS[previous.view].leave?.();
    $("main").focus({ preventScroll: true });
  }
  // one has scrolled since: that is no other listing
  const route = { view, shown, address: hrefWith({ at: null }) };
  const stays = previous?.address === route.address;
  if (!stays) closeDialogs();
  if (!stays || previous.shown === shown) VIEWS[view].render(params, current);
  lightbox.render(shown, { catalogue: current, view: VIEWS[view], returns: stays });
  previous = route;
}

/** What a dialog asks is about the view that was there; the API's key is for any. */
function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog[open]:not(#lightbox, #key)")) dialog.close();
}

/** Follow a link between views without losing the chosen encoder. */
function keepEncoder(event, link) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const encoder = currentRoute().params.get("encoder");
  navigate(encoder ? `${link.hash}?${new URLSearchParams({ encoder })}` : link.hash);
}

start();
