/** Node servers, from the packed tarball: they decide, fill what they send as it streams, and hand over to the browser. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { serve as serveHono } from "@hono/node-server";
import express from "express";
import { Hono } from "hono";
import { createElement as h } from "react";
import { renderToPipeableStream } from "react-dom/server";
import { launch, open, ready } from "./support/browser.mjs";
import { compileText } from "./support/bundle.mjs";
import { collector, key } from "./support/collector.mjs";
import { modules as installed, scratch, unpacked } from "./support/files.mjs";

const bundle = compileText(`
petitfour: 1
version: 3
site: server
consent: { default: [store, personalise, measure] }
placements: { hero: { fallback: house }, side: {} }
fallbacks: { house: { headline: House } }
campaigns:
  - { id: water, placements: [hero], creatives: [{ id: water-a, headline: "Still <i>&\\"water\\"", text: "<b>Cold</b>", link: "javascript:alert(1)", image: "/w.svg" }] }
`);
const SLOTS = `<div data-petitfour="hero"><h1 data-pf-text="headline">own <b>h1</b></h1><p data-pf-html="text">own</p><a data-pf-href="link" href="/own">go</a><img data-pf-src="image" data-pf-alt="alt" src="/own.svg" alt="own"><b data-pf-text="cta">own</b></div>`;
const FILLED =
  /<div data-petitfour="hero" data-pf-decision="[0-9a-f]{16}" data-pf-shown="water-a"><h1 data-pf-text="headline">Still &lt;i&gt;&amp;"water"<\/h1><p data-pf-html="text">Cold<\/p><a data-pf-href="link" href="\/own">go<\/a><img data-pf-src="image" data-pf-alt="alt" src="\/w.svg" alt=""><b data-pf-text="cta" hidden="">own<\/b><\/div>/;

// As a project has it: the package, and parse5's rewriter beside it.
const project = scratch("server");
mkdirSync(join(project, "node_modules"));
const packaged = unpacked();
symlinkSync(packaged, join(project, "node_modules", "petitfour"));
mkdirSync(join(packaged, "node_modules"));
symlinkSync(join(installed, "parse5-html-rewriting-stream"), join(packaged, "node_modules", "parse5-html-rewriting-stream"));
const { openServer } = await import(pathToFileURL(join(packaged, "server.mjs")).href);

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

const listen = async (t, handler) => {
  const server = createServer(handler);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${server.address().port}`;
};
const page = (url, headers = {}) => fetch(url, { headers: { accept: "text/html", ...headers } });

/** One decision and one exposure of one visitor, however a server renders. */
async function handsOver(t, make) {
  const data = scratch("collector");
  const secret = key(data, "server", "--kind", "server");
  const house = await collector(t, { bundle: bundle.path, data, www: [`/pkg=${packaged}`] });
  const petitfour = await openServer({ bundle: bundle.path, collector: house.url, key: secret });
  const pass = async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const answer = await fetch(house.url + request.url, { method: request.method, body: parts.length ? Buffer.concat(parts) : undefined }).catch(() => null);
    if (!answer) return request.socket.destroy();
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "application/octet-stream" }).end(Buffer.from(await answer.arrayBuffer()));
  };
  const url = await make(petitfour, pass);
  const tab = await open(browser);
  t.after(() => tab.context.close());
  await tab.page.goto(url);
  await ready(tab.page);
  let seen;
  for (const end = Date.now() + 10_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200))) {
    await tab.page.evaluate(() => petitfour.flush());
    seen = (await house.counts()).totals;
    if (seen.exposures && seen.decisions) break;
  }
  assert.deepEqual([seen.visitors, seen.decisions, seen.exposures], [1, 1, 1]);
  assert.deepEqual([tab.codes, tab.complaints], [[], []]);
}
const TAG = `<script src="/pkg/script.js" data-bundle="/bundle.pf4" data-collector="/v1/sync" data-cookie data-timeout="8000" async></script>`;
const OWN = /^\/(pkg|v1|bundle)/;

test("Express: a page is filled as it is written, and handed over", async (t) => {
  await handsOver(t, (petitfour, pass) => {
    const app = express();
    app.use((request, response, next) => (OWN.test(request.url) ? pass(request, response) : next()));
    app.use(petitfour.express());
    app.get("/", (_, response) => response.send(`<!doctype html>${TAG}${SLOTS}`));
    return listen(t, app);
  });
});

test("Hono: a page is filled as it is written, and handed over", async (t) => {
  await handsOver(t, async (petitfour, pass) => {
    const app = new Hono();
    app.use(petitfour.hono());
    app.get("/", (c) => c.html(`<!doctype html>${TAG}${SLOTS}`));
    const pages = await new Promise((resolve) => {
      const server = serveHono({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => resolve(`http://127.0.0.1:${port}`));
      t.after(() => {
        server.close();
        server.closeAllConnections();
      });
    });
    return listen(t, async (request, response) => {
      if (OWN.test(request.url)) return pass(request, response);
      const answer = await fetch(pages + request.url, { headers: { accept: request.headers.accept, cookie: request.headers.cookie ?? "" } });
      for (const cookie of answer.headers.getSetCookie()) response.appendHeader("set-cookie", cookie);
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") }).end(await answer.text());
    });
  });
});

test("React on the server: a component that decides itself is handed over, and its markup is left alone", async (t) => {
  await handsOver(t, (petitfour, pass) => {
    const Hero = ({ visit }) => {
      const decision = visit.decide("hero");
      const field = (name) => decision.content?.[name];
      return h("section", { "data-petitfour": "hero", ...Object.fromEntries(visit.marks(decision)) }, h("h1", { "data-pf-text": "headline" }, field("headline")));
    };
    const app = express();
    app.use((request, response, next) => (OWN.test(request.url) ? pass(request, response) : next()));
    app.get("/", (request, response) => {
      const visit = petitfour.visit(request, { base: "http://127.0.0.1/" });
      const shell = h("html", null, h("head", null, h("script", { src: "/pkg/script.js", "data-bundle": "/bundle.pf4", "data-collector": "/v1/sync", "data-cookie": "", "data-timeout": "8000", async: true })), h("body", null, h(Hero, { visit })));
      const { pipe } = renderToPipeableStream(shell, {
        onShellReady() {
          response.writeHead(200, [["content-type", "text/html"], ...visit.cookies().map((cookie) => ["set-cookie", cookie])].flat());
          pipe(response);
        },
      });
      response.on("finish", () => visit.end());
    });
    return listen(t, app);
  });
});

test("what is written is as the Worker writes it, wherever a chunk ends", async (t) => {
  const petitfour = await openServer({ bundle: bundle.bytes });
  const whole = Buffer.from(`<!doctype html><p>é</p>${SLOTS}<p>☕</p><div data-petitfour="hero"><p>own</p></div><div data-petitfour="side">own</div><div data-petitfour="hero" data-pf-plain>own <div>deep</div></div><script>"<div data-petitfour=hero>"</script>`);
  const middleware = petitfour.express();
  const url = await listen(t, (request, response) =>
    middleware(request, response, async () => {
      const at = Number(request.url.slice(1));
      response.writeHead(200, { "content-type": "text/html; charset=utf-8", etag: '"x"', "cache-control": "public" });
      response.write(whole.subarray(0, at));
      await new Promise((resolve) => setTimeout(resolve, 1));
      response.end(whole.subarray(at));
    }),
  );
  const answers = new Set();
  for (let at = 1; at < whole.length; at++) answers.add((await (await page(`${url}/${at}`)).text()).replaceAll(/data-pf-decision="[0-9a-f]{16}"/g, 'data-pf-decision="0000000000000000"'));
  assert.equal(answers.size, 1);
  const [text] = answers;
  assert.match(text, FILLED);
  assert.match(text, /^<!doctype html><p>é<\/p>/);
  assert.match(text, /<p>own<\/p><template data-pf-void><\/template><\/div><div data-petitfour="side" data-pf-decision="" data-pf-shown="default">own<\/div>/);
  assert.match(text, /data-pf-plain="" [^>]*><div class="pf-creative"><img class="pf-image" alt="" src="\/w.svg"><strong class="pf-headline">Still &lt;i&gt;&amp;&quot;water&quot;<\/strong><span class="pf-text">&lt;b&gt;Cold&lt;\/b&gt;<\/span><\/div><\/div><script>"<div data-petitfour=hero>"<\/script>$/);
  const { headers } = await page(`${url}/9`);
  assert.deepEqual([headers.get("etag"), headers.get("cache-control"), headers.get("x-petitfour")], [null, "private, no-cache", "edge"]);
});

test("what is no page, compressed already or of another charset passes as it is, and says why", async (t) => {
  const petitfour = await openServer({ bundle: bundle.bytes });
  const app = express();
  app.use(petitfour.express());
  app.get("/data", (_, response) => response.json({ html: SLOTS }));
  app.get("/gone", (_, response) => response.status(404).send(SLOTS));
  app.get("/latin", (_, response) => response.set("content-type", "text/html; charset=iso-8859-1").end(Buffer.from("<p>\xe9", "latin1")));
  const url = await listen(t, app);
  assert.deepEqual(await (await page(`${url}/data`)).json(), { html: SLOTS });
  const gone = await page(`${url}/gone`);
  assert.deepEqual([gone.status, await gone.text(), gone.headers.get("x-petitfour")], [404, SLOTS, null]);
  const latin = await page(`${url}/latin`);
  assert.deepEqual([latin.headers.get("x-petitfour"), Buffer.from(await latin.arrayBuffer()).toString("latin1")], ["edge/charset", "<p>\xe9"]);
});

test("a server is told of a bundle that is none when it starts; a newer one is taken, an older one is not", async () => {
  await assert.rejects(openServer({ bundle: Buffer.from("<!doctype html>") }), (code) => code === "bundle/foreign");
  const { edge } = await openServer({ bundle: bundle.bytes });
  const of = (version) => compileText(`{ petitfour: 1, version: ${version}, site: server, placements: { hero: { fallback: a } }, fallbacks: { a: { headline: "${version}" } } }`).bytes;
  assert.equal(await edge.use(of(2)), "bundle/version");
  assert.equal(await edge.use(Buffer.from("PF4B")), "bundle/truncated");
  assert.equal(edge.version(), 3);
  assert.equal(await edge.use(of(4)), null);
  const visit = edge.visit({});
  assert.equal(visit.decide("hero").content.headline, "4");
  visit.end();
});

test("a visit goes on over the bundle that it began with", async () => {
  const { edge } = await openServer({ bundle: bundle.bytes });
  const visit = edge.visit({});
  const newer = compileText(`
petitfour: 1
version: 4
site: server
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: Newer } }
`);
  assert.equal(await edge.use(newer.bytes), null);
  assert.equal(visit.decide("hero").content.headline, 'Still <i>&"water"');
  assert.equal(visit.decide("side").creative, null);
  visit.end();
  const next = edge.visit({});
  assert.equal(next.decide("hero").content.headline, "Newer");
  next.end();
});

test("no bundle below the lowest version is used, signed or not", async () => {
  for (const minimum of [4, NaN]) await assert.rejects(openServer({ bundle: bundle.bytes, minimum }), (code) => code === "bundle/version");
  const { edge } = await openServer({ bundle: bundle.bytes, minimum: 3 });
  assert.equal(edge.version(), 3);
});

test("what the site's own code throws leaves the page as it is", async (t) => {
  const { express: middleware, hono } = await openServer({ bundle: bundle.bytes });
  const context = () => {
    throw new Error("no weather");
  };
  const app = express();
  app.use(middleware({ context }));
  app.get("/", (_, response) => response.type("html").send(SLOTS));
  const server = app.listen(0, "127.0.0.1");
  const other = new Hono();
  other.use(hono({ context }));
  other.get("/", (c) => c.html(SLOTS));
  const second = serveHono({ fetch: other.fetch, port: 0, hostname: "127.0.0.1" });
  await Promise.all([server, second].map((each) => each.listening || new Promise((resolve) => each.once("listening", resolve))));
  t.after(() => [server, second].forEach((each) => each.close()));
  for (const each of [server, second]) {
    const answer = await fetch(`http://127.0.0.1:${each.address().port}/`, { headers: { accept: "text/html" } });
    assert.deepEqual([answer.status, answer.headers.get("x-petitfour"), await answer.text()], [200, "edge/failed", SLOTS]);
  }
});

test("a newer bundle and what the shelves hold come from the collector, behind an answer", async (t) => {
  const newer = compileText(`
petitfour: 1
version: 4
site: server
consent: { default: [store, personalise, measure] }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: None left } }
context: { shop: { type: text, values: [bellecour, vaise] } }
feeds: { shelf: { place: shop } }
campaigns:
  - { id: water, placements: [hero], stock: { feed: shelf, item: still, at_least: 1, max_age: 2 hours, otherwise: skip }, creatives: [{ id: water-b, headline: There is water }] }
`);
  const data = scratch("collector");
  const shelf = join(data, "shelf.csv");
  writeFileSync(shelf, "bellecour,still,40\nvaise,still,0\n");
  const house = await collector(t, { bundle: newer.path, data, more: ["--feed", `shelf=${shelf}`] });
  const petitfour = await openServer({ bundle: bundle.bytes, collector: house.url, key: key(data, "edge", "--kind", "server"), feeds: ["shelf"] });
  const shown = (shop) => {
    const visit = petitfour.visit({ headers: {} }, { context: { shop } });
    const { content } = visit.decide("hero");
    visit.end();
    return content.headline;
  };
  assert.match(shown("bellecour"), /^Still/);
  for (const end = Date.now() + 8_000; shown("bellecour") !== "There is water" && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual([shown("bellecour"), shown("vaise")], ["There is water", "None left"]);
});
