// The server's answers. Each refusal becomes an Error that says what to do.

import { $, asked } from "./dom.js";

const KEY = "imagefinder-key";

export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export const stats = () => json("v1/stats");
export const image = (id, encoder) => json(`v1/images/${id}?${query({ encoder })}`);
export const page = (encoder, cursor, limit = 60) =>
  json(`v1/images?${query({ encoder, cursor, limit })}`);
export const copies = (asked) => json(`v1/duplicates?${query(asked)}`);
export const map = (asked) => json(`v1/map?${query(asked)}`);
export const search = (form, signal) => json("v1/search", { method: "POST", body: form, signal });
export const compare = (form) => json("v1/compare", { method: "POST", body: form });
/** Whether it is new. */
export const add = async (form) =>
  (await answered("v1/images", { method: "POST", body: form })).status === 201;
export const remove = (id, encoder) =>
  answered(`v1/images/${id}?${query({ encoder })}`, { method: "DELETE" });

export const file = (id, encoder) => `v1/images/${id}/file?${query({ encoder })}`;
export const small = (id, encoder, side = 320) =>
  `v1/images/${id}/thumbnail?${query({ encoder, side })}`;

/** What an <img> can show: the address itself, or where a key is needed, what is there. */
export async function shown(path) {
  if (!sessionStorage.getItem(KEY)) return path;
  return URL.createObjectURL(await (await answered(path)).blob());
}

function query(given) {
  return new URLSearchParams(Object.entries(given).filter(([, value]) => value));
}

async function json(path, options) {
  return (await answered(path, options)).json();
}

async function answered(path, options = {}) {
  const key = sessionStorage.getItem(KEY);
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "The server does not answer. Is it still running?");
  }
  if (answer.ok) return answer;
  if (answer.status === 401) {
    await unlocked(key);
    return answered(path, options);
  }
  const problem = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, problem.detail ?? `the server answered ${answer.status}`);
}

let asking = null;

/** Ask for a key once, however many requests wait for it; `refused` is the one they came with. */
async function unlocked(refused) {
  if (sessionStorage.getItem(KEY) !== refused) return; // another has been given since
  asking ??= asked($("key")).then((said) => {
    const field = $("key").querySelector("input");
    if (said === "yes") sessionStorage.setItem(KEY, field.value.trim());
    field.value = "";
    asking = null;
    if (said !== "yes") throw new Refused(401, "This server asks for a key.");
  });
  await asking;
}
