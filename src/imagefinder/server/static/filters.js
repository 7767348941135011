// Filters by metadata: those of the URL as chips that can be removed, and new ones.

import { button } from "./dom.js";
import { currentRoute, href, hrefWith, navigate } from "./router.js";

const SYMBOLS = { eq: "=", ne: "≠", lt: "<", lte: "≤", gt: ">", gte: "≥", in: "=", not_in: "≠" };
const FILTERED = ["search", "catalogue"]; // views

/** The conditions of an address; none of one that is no filter, which the server then says. */
export function filterOf(params) {
  try {
    const where = JSON.parse(params.get("where") || "{}");
    return where instanceof Object && !Array.isArray(where) ? where : {};
  } catch {
    return {};
  }
}

/** Show the filters of the URL, each as a chip that removes it. */
export function showFilter(element, params) {
  element.replaceChildren(...conditions(filterOf(params)).map(chip));
}

/** The URL with one more filter, of the current view or else of the catalogue. */
export function withFilter(name, operator, value) {
  const { view, params } = currentRoute();
  const isHere = FILTERED.includes(view);
  const where = isHere ? filterOf(params) : {};
  if (operator === "eq") where[name] = value instanceof Object ? { eq: value } : value;
  else where[name] = { ...(where[name] instanceof Object ? where[name] : {}), [operator]: value };
  const changes = { where: JSON.stringify(where), at: null };
  return isHere ? hrefWith(changes) : href("catalogue", { encoder: params.get("encoder"), ...changes });
}

/** Only what can be said in a few words: no address of the web, no object, no long text. */
export const isFilterable = (value) =>
  ["number", "boolean"].includes(typeof value) || (typeof value === "string" && value.length <= 80 && value !== "" && !isLink(value));

export const isLink = (value) => typeof value === "string" && /^(https?:)?\/\/\S+$/i.test(value) && URL.canParse(value, location);

export const hostOf = (link) => new URL(link, location).host;

function conditions(where) {
  return Object.entries(where).flatMap(([name, value]) => {
    if (!(value instanceof Object)) return [{ name, operator: "eq", value }];
    return Object.entries(value).map(([operator, one]) => ({ name, operator, value: one }));
  });
}

function chip({ name, operator, value }) {
  const text = `${name} ${SYMBOLS[operator] ?? operator} ${textOf(value)}`;
  return button(`${text} ✕`, () => navigate(without(name, operator)), `Remove the filter ${text}`, "chip");
}

function textOf(value) {
  if (Array.isArray(value)) return value.map(textOf).join(" or ");
  if (isLink(value)) return hostOf(value);
  return value instanceof Object ? JSON.stringify(value) : value;
}

function without(name, operator) {
  const where = filterOf(currentRoute().params);
  if (where[name] instanceof Object) delete where[name][operator];
  if (!(where[name] instanceof Object) || !Object.keys(where[name]).length) delete where[name];
  return hrefWith({ where: Object.keys(where).length ? JSON.stringify(where) : null, at: null });
}
