/** A bundle is used where its author's key is pinned, and nothing else is: by the command line's own signatures, in every runtime. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { launch, open, ready } from "./support/browser.mjs";
import { compileText } from "./support/bundle.mjs";
import { binary, scratch, unpacked } from "./support/files.mjs";
import { serve } from "./support/server.mjs";
import { modules, workerd } from "./support/worker.mjs";

const folder = scratch("keys");
const petitfour = (...given) => execFileSync(binary("petitfour", "PETITFOUR_CLI"), given, { cwd: folder, encoding: "utf8", stdio: "pipe" });
const pair = (name) => {
  petitfour("keys", name);
  return { key: join(folder, `${name}.key`), public: readFileSync(join(folder, `${name}.pub`), "utf8").trim() };
};
const [author, other] = [pair("author"), pair("other")];
const made = (version) => compileText(`{ petitfour: 1, version: ${version}, site: signed, placements: { hero: { fallback: a } }, fallbacks: { a: { headline: "v${version}" } } }`);
const signed = (version, { key } = author) => {
  const { path } = made(version);
  petitfour("sign", path, "--key", key);
  return new Uint8Array(readFileSync(path));
};
const good = signed(5);
const altered = good.slice();
altered[altered.length - 100] ^= 1;
const FAULTS = { "bundle/unsigned": made(5).bytes, "bundle/key": signed(5, other), "bundle/signature": altered, "bundle/version": signed(3) };

const pkg = unpacked();
const { verify } = await import(pathToFileURL(join(pkg, "signature.mjs")).href);

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

test("WebCrypto believes what the command line signed, and nothing else", async () => {
  assert.equal(await verify(good, [other.public, author.public], 5), 5);
  assert.equal(await verify(good, `${other.public},${author.public}`), 5);
  for (const [code, bytes] of Object.entries(FAULTS)) await assert.rejects(verify(bytes, author.public, 5), (error) => error === code, code);
  for (let at = 0; at < good.length; at++) {
    if (at >= 24 && at < 32) continue;
    const turned = good.slice();
    turned[at] ^= 1 << (at % 8);
    await assert.rejects(verify(turned, author.public), (error) => /^bundle\//.test(error), `byte ${at}`);
    await assert.rejects(verify(good.subarray(0, at), author.public), (error) => error === "bundle/unsigned", `cut at ${at}`);
  }
});

test("bytes of Node's own kind are left as they are", async () => {
  const whole = Buffer.from(good);
  assert.equal(await verify(whole, author.public), 5);
  assert.ok(whole.equals(Buffer.from(good)));
  await assert.rejects(verify(whole, `junk,${author.public}`), (code) => code === "key/malformed");
});

test("the command line says who signed, keeps keys to their owner, and replaces none", () => {
  const path = join(folder, "bundle.pf4");
  writeFileSync(path, good);
  assert.match(petitfour("verify", path, "--public", "author.pub", "--minimum", "5"), /version 5, signed with [0-9a-f]{16}/);
  assert.equal(statSync(author.key).mode & 0o777, 0o600);
  assert.throws(() => petitfour("keys", "author"), /is there already/);
  assert.throws(() => petitfour("verify", path, "--public", "other.pub"), /bundle\/key/);
  assert.throws(() => petitfour("verify", path, "--public", "author.pub", "--minimum", "6"), /bundle\/version/);
  assert.throws(() => petitfour("sign", path, "--key", "author.pub"), /not a key/);
});

test("the script tag uses a bundle of the pinned author, and else keeps the page's own content", async (t) => {
  let bytes = good;
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title><script src="/pkg/script.js" data-bundle="/bundle.pf4" data-key="${author.public}" data-timeout="8000" async></script><div data-petitfour="hero"><h1 data-pf-text="headline">own</h1></div></html>`;
  const site = await serve({ "/": html, "/pkg": pkg, "/bundle.pf4": (_, response) => response.end(bytes) });
  t.after(site.close);
  const show = async () => {
    const tab = await open(browser);
    await tab.page.goto(site.url);
    await ready(tab.page);
    const shown = await tab.page.textContent("h1");
    await tab.context.close();
    assert.deepEqual(tab.complaints, []);
    return [shown, ...tab.codes];
  };
  assert.deepEqual(await show(), ["v5"]);
  for (const code of ["bundle/unsigned", "bundle/key", "bundle/signature"]) {
    bytes = FAULTS[code];
    assert.deepEqual(await show(), ["own", code]);
  }
});

test("a Worker with a pinned key fills no page by another's bundle, and keeps the last good one", async (t) => {
  const page = '<div data-petitfour="hero"><h1 data-pf-text="headline">own</h1></div>';
  let served = FAULTS["bundle/key"];
  const server = createServer((request, response) => {
    if (request.url === "/bundle.pf4") return response.writeHead(200, { etag: '"x"' }).end(served);
    response.writeHead(200, { "content-type": "text/html" }).end(page);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const ORIGIN = `http://127.0.0.1:${server.address().port}`;
  const bindings = { ORIGIN, BUNDLE_KEYS: author.public, BUNDLE_MINIMUM: "5" };
  const ask = async (url) => {
    const answer = await fetch(url, { headers: { accept: "text/html" } });
    return [/<h1[^>]*>([^<]*)/.exec(await answer.text())[1], answer.headers.get("x-petitfour")];
  };
  for (const [code, bytes] of Object.entries(FAULTS)) {
    const { url } = await workerd(t, await modules(pkg, bytes), bindings);
    assert.deepEqual(await ask(url), ["own", code]);
  }
  const { url } = await workerd(t, await modules(pkg, good), { ...bindings, COLLECTOR: ORIGIN });
  for (let time = 0; time < 3; time++, await new Promise((resolve) => setTimeout(resolve, 200))) assert.deepEqual(await ask(url), ["v5", "edge"]);
});
