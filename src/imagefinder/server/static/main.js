// The page: which view is shown, and by which encoder.

import * as api from "./api.js";
import * as catalogue from "./catalogue.js";
import * as copies from "./copies.js";
import { $, h, say } from "./dom.js";
import * as map from "./map.js";
import { go, here, varied, whenever } from "./place.js";
import * as search from "./search.js";

const VIEWS = { search, catalogue, copies, map };

let server = null;
let shown = null;

async function start() {
  try {
    server = await api.stats();
  } catch (error) {
    say($("broken"), error.message);
    return;
  }
  for (const view of Object.values(VIEWS)) view.begin(server, search.forget);
  $("encoder").append(...server.catalogues.map(({ encoder }) => h("option", {}, encoder)));
  $("encoders").hidden = server.catalogues.length < 2;
  $("encoder").addEventListener("change", ({ target }) => go(varied({ encoder: target.value })));
  for (const link of document.querySelectorAll("nav a, .brand")) {
    link.addEventListener("click", (event) => stay(event, link));
  }
  // what is dropped beside a place for it must not take the page away
  for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    $("main").focus();
  });
  whenever(arrive);
}

function arrive() {
  const { view, asked } = here();
  const holding = server.catalogues.find(({ encoder }) => encoder === asked.get("encoder")) ?? server.catalogues[0];
  $("encoder").value = holding.encoder;
  for (const name of Object.keys(VIEWS)) $(name).hidden = name !== view;
  for (const link of document.querySelectorAll("nav a")) {
    const current = link.hash === `#${view}`;
    current ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  }
  // what had the focus may be gone: those who use the keyboard go on from here
  if (shown !== view && shown !== null) $("main").focus({ preventScroll: true });
  if (view !== "search") document.title = `${view[0].toUpperCase()}${view.slice(1)} | ImageFinder`;
  shown = view;
  VIEWS[view].show(asked, holding);
}

/** A view is opened for the encoder that is chosen. */
function stay(event, link) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const encoder = here().asked.get("encoder");
  go(encoder ? `${link.hash}?${new URLSearchParams({ encoder })}` : link.hash);
}

start();
