/** A small static server on loopback, with the policy that the product promises to work under. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

/** No inline script, no eval but wasm, and no string may reach an injection sink. */
export const STRICT =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; require-trusted-types-for 'script'";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/**
 * Serves `mounts`: path prefixes to folders, to text or bytes, or to functions `(request, response)`. The longest
 * prefix wins. The answer is `{ url, close }`.
 */
export async function serve(mounts, { policy = STRICT } = {}) {
  const prefixes = Object.keys(mounts).sort((a, b) => b.length - a.length);
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://x").pathname);
    const prefix = prefixes.find((prefix) => path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`));
    const mount = mounts[prefix];
    if (policy) response.setHeader("content-security-policy", policy);
    response.setHeader("cache-control", "no-store");
    if (typeof mount === "function") return mount(request, response);
    if (typeof mount === "string" && !mount.startsWith("/")) {
      response.setHeader("content-type", TYPES[extname(path)] ?? TYPES[".html"]);
      return response.end(mount);
    }
    if (mount instanceof Uint8Array) return response.end(mount);
    let file = mount === undefined ? null : join(mount, normalize(path.slice(prefix.length)));
    if (file && existsSync(file) && statSync(file).isDirectory()) file = join(file, "index.html");
    if (!file || !existsSync(file)) return response.writeHead(404).end("not found");
    response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${server.address().port}`, close };
}
