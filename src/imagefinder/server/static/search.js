// Searching: the question, how it is asked, and what is found.

import * as api from "./api.js";
import { card, named } from "./cards.js";
import { compare } from "./compare.js";
import { $, announce, h, plural, say } from "./dom.js";
import { pastes, photographs, takes } from "./intake.js";
import { asking, go, varied } from "./place.js";
import { form, isAsked, questionOf, showQuestion, wording } from "./question.js";
import { keep } from "./uploads.js";

const USUAL = 12;
const BEGINNINGS = 12;

const answers = new Map(); // by address, so that Back shows at once what was found
let running = new AbortController();
let server = null;

export function begin(stats) {
  server = stats;
  $("options").open = matchMedia("(min-width: 48rem)").matches;
  const withFiles = (files) => go(asking({ upload: files.slice(0, 16).map(keep) }));
  const withLink = (url) => go(asking({ url }));
  takes($("search"), $("choose"), withFiles, withLink);
  pastes(withFiles, withLink);
  photographs(withFiles);
  for (const [id, field] of [["link", "url"], ["words", "text"]]) {
    $(id).addEventListener("submit", (event) => {
      event.preventDefault();
      go(asking({ [field]: event.target.elements[field].value.trim() }));
    });
  }
  $("link").hidden = !stats.fetches;
  const vary = (changes) => go(varied(changes), true);
  $("k").addEventListener("change", ({ target }) => target.validity.valid && vary({ k: target.value }));
  $("threshold").addEventListener("input", showLeast);
  $("threshold").addEventListener("change", ({ target }) => vary({ threshold: Number(target.value) || null }));
  $("matches").addEventListener("change", ({ target }) => vary({ matches: target.checked ? "yes" : null }));
  $("rerank").addEventListener("change", ({ target }) => vary({ rerank: target.value }));
}

/** What was found may have changed. */
export const forget = () => answers.clear();

/** Ask what the address asks. */
export async function show(asked, holding) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const encoder = holding.encoder;
  $("searching").hidden = false;
  $("hits").setAttribute("aria-busy", "true");
  try {
    showControls(asked, holding);
    const question = await questionOf(asked, encoder);
    if (signal.aborted) return;
    showQuestion(question, asked);
    if (isAsked(question)) await answer(question, asked, encoder, signal);
    else await beginnings(encoder, holding.images);
    say($("refused"), null);
  } catch (error) {
    if (signal.aborted) return;
    $("hits").replaceChildren();
    say($("verdict"), null);
    $("found").textContent = "";
    say($("refused"), error.message);
  }
  $("searching").hidden = true;
  $("hits").removeAttribute("aria-busy");
}

function showControls(asked, holding) {
  $("words").hidden = !holding.text;
  $("only").hidden = !holding.calibrated;
  $("reranked").hidden = !holding.local;
  $("k").value = asked.get("k") ?? USUAL;
  $("threshold").value = asked.get("threshold") ?? 0;
  $("matches").checked = asked.has("matches");
  $("rerank").value = asked.get("rerank") ?? "";
  $("link").elements.url.value = asked.get("url") ?? "";
  $("words").elements.text.value = asked.get("text") ?? "";
  showLeast();
  showFilter(asked);
}

function showLeast() {
  const least = Number($("threshold").value);
  $("least").textContent = least ? least.toFixed(2) : "any";
  $("threshold").setAttribute("aria-valuetext", least ? least.toFixed(2) : "any score");
}

function showFilter(asked) {
  const where = JSON.parse(asked.get("where") ?? "{}");
  const without = (name) => Object.fromEntries(Object.entries(where).filter(([other]) => other !== name));
  $("filter").replaceChildren(
    ...Object.entries(where).map(([name, value]) =>
      h("button", { type: "button", class: "chip", "aria-label": `No longer only ${name}: ${value}`, onclick: () => filterBy(without(name)) }, `${name}: ${value} ✕`),
    ),
  );
}

function filterBy(where) {
  go(varied({ where: Object.keys(where).length ? JSON.stringify(where) : null }));
}

async function answer(question, asked, encoder, signal) {
  const own = asked.getAll("id");
  if (!answers.has(location.hash)) {
    answers.set(location.hash, await api.search(request(question, asked, encoder, own.length), signal));
  }
  const { hits, matches } = answers.get(location.hash);
  // a stored image finds itself first; it is shown beside already
  const others = hits.filter((hit) => !own.includes(hit.id)).slice(0, Number(asked.get("k") ?? USUAL));
  document.title = `${wording(question)} | ImageFinder`;
  $("found").textContent = others.length ? `Similar to ${wording(question)}` : "Nothing found";
  say($("verdict"), verdict(others, matches !== null));
  const clicked = $("hits").contains(document.activeElement);
  $("hits").replaceChildren(...others.map((hit) => found(hit, question, asked, encoder)));
  if (clicked) $("found").focus({ preventScroll: true });
  announce(others.length ? `${plural(others.length, "image")} found, the nearest ${named(others[0])}` : "Nothing found");
}

function request(question, asked, encoder, own) {
  const data = form(question);
  const k = Math.min(Number(asked.get("k") ?? USUAL) + own, 1000);
  const fields = {
    k,
    encoder,
    text: question.text,
    crop: asked.get("crop"),
    threshold: asked.get("threshold"),
    matches_only: asked.has("matches") ? "true" : null,
    rerank: asked.get("rerank"),
    where: asked.get("where"),
  };
  for (const [name, value] of Object.entries(fields)) if (value) data.append(name, value);
  return data;
}

function verdict(others, calibrated) {
  const judged = calibrated || others.some((hit) => hit.verified !== null);
  if (!judged) return others.length ? null : "Nothing scores that high.";
  const close = others.filter((hit) => hit.match || hit.verified).length;
  if (close) return `${plural(close, "match", "matches")}.`;
  return others.length ? "No close match. These are the nearest all the same." : "No close match.";
}

function found(hit, question, asked, encoder) {
  const [only, ...rest] = question.images;
  const beside = only?.url && !rest.length && !question.text;
  const where = JSON.parse(asked.get("where") ?? "{}");
  return card(hit, {
    encoder,
    more: [score(hit)],
    actions: beside ? [h("button", { type: "button", class: "plain", "aria-label": `Compare with ${named(hit)}`, onclick: () => compare({ url: only.url, form: () => form(question) }, hit, encoder) }, "Compare")] : [],
    removed: server.writable ? forget : null,
    filter: (name, value) => filterBy({ ...where, [name]: value }),
  });
}

function score(hit) {
  const counted = hit.correspondences === null ? null : h("span", { class: "quiet" }, plural(hit.correspondences, "local match", "local matches"));
  return h(
    "p",
    { class: "score" },
    h("meter", { min: 0, max: 1, value: hit.score, "aria-label": "Score" }),
    h("span", {}, hit.score.toFixed(3)),
    badge(hit),
    counted,
  );
}

function badge(hit) {
  if (hit.verified) return h("span", { class: "badge good" }, "verified");
  if (hit.match === null) return null;
  const share = hit.probability === null ? "" : ` ${Math.round(100 * hit.probability)} %`;
  return h("span", { class: hit.match ? "badge good" : "badge" }, hit.match ? `match${share}` : "no match");
}

/** What one may begin with. */
async function beginnings(encoder, count) {
  document.title = "ImageFinder";
  const { images } = count ? await api.page(encoder, null, BEGINNINGS) : { images: [] };
  $("found").textContent = images.length ? "Or begin with one of these" : "The catalogue is empty";
  const remedy = server.writable ? "Add images in the view Catalogue, or run imagefinder add FOLDER." : "Run imagefinder add FOLDER.";
  say($("verdict"), images.length ? null : remedy);
  $("hits").replaceChildren(...images.map((image) => card(image, { encoder })));
}
