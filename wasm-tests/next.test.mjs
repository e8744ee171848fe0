/** Next.js, built and served from the packed package: a server component decides, React hydrates it, the browser takes over. */
import assert from "node:assert/strict";
import { spawn, execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { launch, open, ready } from "./support/browser.mjs";
import { compileText } from "./support/bundle.mjs";
import { collector, key } from "./support/collector.mjs";
import { modules as installed, scratch, unpacked } from "./support/files.mjs";

const bundle = compileText(`
petitfour: 1
version: 3
site: next
consent: { default: [store, personalise, measure] }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: House } }
campaigns:
  - { id: water, placements: [hero], creatives: [{ id: water-a, headline: Still water }] }
`);

const FILES = {
  "package.json": '{ "private": true, "type": "module" }',
  "next.config.mjs": 'export default { serverExternalPackages: ["petitfour"], turbopack: { root: import.meta.dirname }, outputFileTracingRoot: import.meta.dirname };',
  "app/layout.jsx": `export default ({ children }) => (
  <html lang="en">
    <head><script src="/pkg/script.js" data-bundle="/bundle.pf4" data-collector="/v1/sync" data-cookie="" data-timeout="8000" async /></head>
    <body>{children}</body>
  </html>
);`,
  "app/page.jsx": `import { headers } from "next/headers";
import { visitOf } from "petitfour/server";
import { Counter } from "./counter.jsx";
export default async function Page() {
  const visit = visitOf(await headers());
  const decision = visit.decide("hero");
  return (
    <section data-petitfour="hero" {...Object.fromEntries(visit.marks(decision))}>
      <h1 data-pf-text="headline">{decision.content?.headline ?? "own"}</h1>
      <Counter />
    </section>
  );
}`,
  "app/counter.jsx": `"use client";
import { useEffect, useState } from "react";
export function Counter() {
  const [hydrated, set] = useState("no");
  useEffect(() => set("yes"), []);
  return <i id="hydrated">{hydrated}</i>;
}`,
  "server.mjs": `import { createServer } from "node:http";
import next from "next";
import { openServer } from "petitfour/server";
const { BUNDLE, COLLECTOR, KEY } = process.env;
const petitfour = await openServer({ bundle: BUNDLE, collector: COLLECTOR, key: KEY });
const app = next({ dev: false, dir: import.meta.dirname });
await app.prepare();
const handle = app.getRequestHandler();
const pass = async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const answer = await fetch(COLLECTOR + request.url, { method: request.method, body: parts.length ? Buffer.concat(parts) : undefined });
  response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "application/octet-stream" }).end(Buffer.from(await answer.arrayBuffer()));
};
const server = createServer((request, response) => {
  if (/^\\/(pkg|v1|bundle)/.test(request.url)) return pass(request, response).catch(() => request.socket.destroy());
  if (request.url === "/") petitfour.attach(request, response);
  handle(request, response);
}).listen(0, "127.0.0.1", () => console.log("http://127.0.0.1:" + server.address().port));
`,
};

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

test("Next.js: what a server component decided is hydrated, confirmed once and decided nowhere else", async (t) => {
  const folder = scratch("next");
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  // Its bundler stays below its own folder, so what it needs is copied there.
  const needed = ["next", "@next", "@swc", "styled-jsx", "client-only", "postcss", "nanoid", "picocolors", "source-map-js", "caniuse-lite", "baseline-browser-mapping", "react", "react-dom", "scheduler", "parse5-html-rewriting-stream", "parse5-sax-parser", "parse5", "entities"];
  for (const name of needed) if (existsSync(join(installed, name))) cpSync(join(installed, name), join(folder, "node_modules", name), { recursive: true });
  const packaged = unpacked();
  cpSync(packaged, join(folder, "node_modules", "petitfour"), { recursive: true });
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };
  execFileSync(process.execPath, [join(folder, "node_modules", "next", "dist", "bin", "next"), "build"], { cwd: folder, env, stdio: "pipe" });

  const data = scratch("collector");
  const secret = key(data, "server", "--kind", "server");
  const house = await collector(t, { bundle: bundle.path, data, www: [`/pkg=${packaged}`] });
  const server = spawn(process.execPath, ["server.mjs"], { cwd: folder, env: { ...env, BUNDLE: bundle.path, COLLECTOR: house.url, KEY: secret }, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => server.kill());
  let url;
  for await (const line of createInterface(server.stdout)) if ((url = /^http:\S+/.exec(line)?.[0])) break;
  assert.ok(url, "the server has started");
  const raw = await (await fetch(url)).text();
  assert.match(raw, /data-pf-decision="[0-9a-f]{16}" data-pf-shown="water-a"><h1 data-pf-text="headline">Still water<\/h1>/);

  const tab = await open(browser);
  t.after(() => tab.context.close());
  await tab.page.goto(url);
  await ready(tab.page);
  let seen;
  for (const end = Date.now() + 10_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200))) {
    await tab.page.evaluate(() => petitfour.flush());
    seen = (await house.counts()).totals;
    if (seen.exposures && seen.decisions === 2) break;
  }
  assert.equal(await tab.page.textContent("#hydrated"), "yes");
  assert.deepEqual([seen.visitors, seen.decisions, seen.exposures], [2, 2, 1], "one of the browser, one of the raw request before it");
  assert.deepEqual([tab.codes, tab.complaints], [[], []]);
});
