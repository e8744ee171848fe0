/**
 * The heads of a page's request and answer: what an origin is not to see, and what is not true of a page made for one visitor.
 *
 * `headers` is shaped like the web's `Headers`: `get`, `set`, `append`, `delete`.
 */

/** What would make an origin's answer half a page, or none that could be joined with another visitor's. */
export const UNSENT = ["if-none-match", "if-modified-since", "range", "if-range"];

/** What was true of the origin's page, and of no other. */
const UNTRUE = ["etag", "last-modified", "content-length", "expires", "age", "surrogate-control", "cdn-cache-control", "cloudflare-cdn-cache-control", "accept-ranges", "content-digest", "content-md5", "digest", "repr-digest"];

/** A page is asked for: what a browser opens in a tab, or in a frame. `header` gives one by name. */
export const asksForPage = (method, header) =>
  method === "GET" && (/^(document|iframe|frame)$/.test(header("sec-fetch-dest") ?? "") || (header("accept") ?? "").includes("text/html"));

/** Why an answer is no page that can be filled: a code, "" for what is none at all, or null when it can be. `header` gives one by name. */
export function hinders(status, header) {
  const type = (header("content-type") ?? "").toLowerCase();
  if (status !== 200 || !type.startsWith("text/html")) return "";
  if (!/^(identity)?$/.test(header("content-encoding") ?? "")) return "edge/encoded";
  const charset = /charset=\s*["']?([\w-]+)/.exec(type)?.[1];
  return charset && !/^(utf-?8|us-ascii)$/.test(charset) ? "edge/charset" : null;
}

/** Makes a request's headers those of anybody, so that the origin's page is one for all: without conditions, and without our cookies. */
export function forOrigin(headers) {
  for (const name of UNSENT) headers.delete(name);
  const others = (headers.get("cookie") ?? "").split("; ").filter((pair) => pair && !pair.startsWith("petitfour"));
  if (others.length) headers.set("cookie", others.join("; "));
  else headers.delete("cookie");
}

/** `Server-Timing` and `x-petitfour`: what was wrong, or that nothing was. */
export function say(headers, codes) {
  headers.append("server-timing", `petitfour;desc="${codes[0] ?? "edge"}"`);
  headers.append("x-petitfour", codes.join(",") || "edge");
}

/** Makes an answer's headers those of a page for this visit alone. */
export function personal(headers, visit) {
  for (const name of UNTRUE) headers.delete(name);
  headers.set("cache-control", "private, no-cache");
  for (const cookie of visit.cookies()) headers.append("set-cookie", cookie);
  say(headers, visit.codes);
}
