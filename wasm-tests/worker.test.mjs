/** The Worker in a real workerd, and its template. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { compileText } from "./support/bundle.mjs";
import { SLOTS, contract, small } from "./support/edges.mjs";
import { inClone, modules as installed, scratch, unpacked } from "./support/files.mjs";
import { origin, page } from "./support/site.mjs";
import { modules, worker, workerd } from "./support/worker.mjs";
import { claim } from "./tools/claim.mjs";

const pkg = unpacked();

contract("workerd", worker(pkg), pkg);

test("workerd: a bundle in the KV namespace is used, and one that is none or older is not", async (t) => {
  const site = await origin(t, page(SLOTS));
  const built = await modules(pkg, small.bytes);
  const newer = compileText(`
petitfour: 1
version: 9
site: edge
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: From the namespace } }
`);
  const shown = async (kept) => {
    const { url, host } = await workerd(t, built, { ORIGIN: site.url }, { kvNamespaces: ["BUNDLES"] });
    if (kept) await (await host.getKVNamespace("BUNDLES")).put("bundle", kept.buffer.slice(kept.byteOffset, kept.byteOffset + kept.byteLength));
    return /<h1[^>]*>([^<]*)/.exec(await (await fetch(url, { headers: { accept: "text/html" } })).text())[1];
  };
  assert.equal(await shown(newer.bytes), "From the namespace");
  assert.match(await shown(Buffer.from("no bundle")), /^Still/);
  assert.match(await shown(null), /^Still/);
});

test("the template holds a strict TypeScript project, and wrangler packs it", () => {
  const folder = scratch("template");
  cpSync(inClone("edge", "cloudflare"), folder, { recursive: true });
  writeFileSync(join(folder, "src", "bundle.pf4"), small.bytes);
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(pkg, join(folder, "node_modules", "petitfour"));
  symlinkSync(join(installed, "@cloudflare"), join(folder, "node_modules", "@cloudflare"));
  const tool = (path, ...given) =>
    execFileSync(process.execPath, [join(installed, path), ...given], {
      cwd: folder,
      encoding: "utf8",
      stdio: "pipe",
      env: { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false", WRANGLER_LOG_PATH: join(folder, "log") },
    });
  assert.equal(tool("typescript/bin/tsc", "--project", "."), "");
  const said = tool("wrangler/bin/wrangler.js", "deploy", "--dry-run", "--outdir", "out");
  const [, raw, gzip] = /Total Upload: ([\d.]+) KiB \/ gzip: ([\d.]+) KiB/.exec(said);
  claim("edge.worker.gzip", Math.round(Number(gzip) * 1024));
  assert.ok(Number(raw) > 0);
});
