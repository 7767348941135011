// HTTP API client. Error responses become an Error with the server's explanation.

import { $, h, openDialog, setText } from "./dom.js";

const KEY = "imagefinder-key";

export const stats = () => getJson("v1/stats");
export const getImage = (id, encoder) => getJson(imageUrl(id, "", { encoder }));
export const listImages = (query, signal) => getJson(`v1/images?${params(query)}`, { signal });
export const folders = (encoder, parent) => getJson(`v1/folders?${params({ encoder, parent })}`);
/** What a search for copies finds, as it is found. */
export async function* streamDuplicates(query, signal) {
  const { body } = await request(`v1/duplicates/stream?${params(query)}`, { signal });
  let rest = "";
  for await (const text of chunks(body.pipeThrough(new TextDecoderStream()))) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}
export function rememberNotCopies(ids, encoder) {
  const body = new FormData();
  body.append("encoder", encoder);
  for (const id of ids) body.append("id", id);
  return getJson("v1/duplicates/decisions", { method: "POST", body });
}
export const withdrawNotCopies = ([one, other], encoder) =>
  getJson(`v1/duplicates/decisions?${params({ encoder })}&id=${one}&id=${other}`, { method: "DELETE" });
/** A shell script that removes files, as a Blob. */
export async function removalScript(files, encoder) {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ files });
  return (await request(`v1/duplicates/script?${params({ encoder })}`, { method: "POST", body, headers })).blob();
}
export const map = (query) => getJson(`v1/map?${params(query)}`);
export const search = (body, signal) => getJson("v1/search", { method: "POST", body, signal });
/** `{url, size}` of an uploaded image that the browser cannot display. */
export async function preview(file, encoder) {
  const body = new FormData();
  body.append("image", file);
  body.append("encoder", encoder);
  const response = await request("v1/preview", { method: "POST", body });
  const size = ["Image-Width", "Image-Height"].map((name) => Number(response.headers.get(name)));
  return { url: URL.createObjectURL(await response.blob()), size };
}
export const compare = (body, signal) => getJson("v1/compare", { method: "POST", body, signal });
/** Add an image; true if it is new. */
export const addImage = async (body) =>
  (await request("v1/images", { method: "POST", body })).status === 201;
export const deleteImage = (id, encoder) =>
  request(imageUrl(id, "", { encoder }), { method: "DELETE" });

export const fileUrl = (id, encoder) => imageUrl(id, "/file", { encoder });
export const thumbnailUrl = (id, encoder, side = 320) => imageUrl(id, "/thumbnail", { encoder, side });

/** A URL for <img>: the path itself or, as <img> sends no API key, that of a downloaded blob. */
export async function displayUrl(path) {
  if (!sessionStorage.getItem(KEY)) return path;
  return URL.createObjectURL(await (await request(path)).blob());
}

/** Save a Blob as a file. */
export function save(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the download has begun by then
}

const imageUrl = (id, part, query) => `v1/images/${id}${part}?${params(query)}`;

function params(values) {
  return new URLSearchParams(Object.entries(values).filter(([, value]) => value));
}

/** The parts of a stream; not every browser iterates over one. */
async function* chunks(stream) {
  const reader = stream.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

async function getJson(path, options) {
  return (await request(path, options)).json();
}

async function request(path, options = {}) {
  const key = sessionStorage.getItem(KEY);
  const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not respond. Is it still running?");
  }
  if (response.ok) return response;
  if (response.status === 401) {
    await askForKey(key);
    return request(path, options);
  }
  const problem = await response.json().catch(() => ({}));
  throw new Error(problem.detail ?? `the server responded with ${response.status}`);
}

let pending = null;

/** Show the key dialog once, however many requests wait for it; `rejected` is the key they sent. */
async function askForKey(rejected) {
  if (sessionStorage.getItem(KEY) !== rejected) return; // entered in the meantime
  setText($("key-error"), rejected ? "This is not a key of this server, or it has been revoked." : null);
  pending ??= openDialog($("key")).then((result) => {
    const input = $("key").querySelector("input");
    if (result === "yes") sessionStorage.setItem(KEY, input.value.trim());
    input.value = "";
    pending = null;
    if (result !== "yes") throw new Error("This server requires an API key.");
  });
  await pending;
}
