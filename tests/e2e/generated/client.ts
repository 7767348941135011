// Uploads, searches, filters and deletes by the generated types; prints what it found as JSON.

import { openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import createClient from "openapi-fetch";
import type { paths } from "./schema";

const [baseUrl = "", image = "", mode = ""] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl });

function form(body: object): FormData {
  const data = new FormData();
  for (const [name, given] of Object.entries(body))
    for (const value of [given].flat())
      value instanceof Blob ? data.append(name, value, "new.png") : data.append(name, String(value));
  return data;
}

async function names(k: number, where?: object): Promise<(string | null)[]> {
  const { data, error } = await client.POST("/v1/search", {
    body: { image: [await openAsBlob(image)], k, ...(where && { where: JSON.stringify(where) }) },
    bodySerializer: form,
  });
  if (error) throw new Error(error.detail);
  return data.hits.map((hit) => hit.name);
}

async function batch(lines: object[]): Promise<(number | undefined)[]> {
  const { data, error } = await client.POST("/v1/images/batch", {
    body: new Blob([lines.map((line) => JSON.stringify(line)).join("\n")]),
    bodySerializer: (body: Blob) => body,
    headers: { "Content-Type": "application/x-ndjson" },
    parseAs: "text",
  });
  if (error) throw new Error(error.detail);
  return data.trimEnd().split("\n").map((line) => JSON.parse(line).status);
}

if (mode === "read") {
  console.log(JSON.stringify({ found: await names(3) }));
} else {
  const { data, error } = await client.POST("/v1/images", {
    body: { image: await openAsBlob(image), metadata: JSON.stringify({ room: "attic" }) },
    bodySerializer: form,
  });
  if (error) throw new Error(error.detail);
  if (!data) throw new Error("an answer without the record was not asked for");
  const filtered = await names(3, { room: "attic" });
  const params = { path: { id: data.id } };
  const small = await client.GET("/v1/images/{id}/thumbnail", { params, parseAs: "blob" });
  const deleted = await client.DELETE("/v1/images/{id}", { params });
  const missing = await client.GET("/v1/images/{id}", { params });
  console.log(
    JSON.stringify({
      id: data.id,
      filtered,
      thumbnail: small.data?.type,
      deleted: deleted.response.status,
      missing: missing.error?.status,
      batch: await batch([{ data: (await readFile(image)).toString("base64") }, {}]),
    }),
  );
}
