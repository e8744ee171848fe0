/** A server decides and fills the page; the browser takes over: one decision, one exposure, and only of what was seen. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { build } from "esbuild";
import { launch, open, ready, shift, until } from "./support/browser.mjs";
import { compileText } from "./support/bundle.mjs";
import { collector } from "./support/collector.mjs";
import { inClone, unpacked } from "./support/files.mjs";
import { serve } from "./support/server.mjs";

const bundle = compileText(`
petitfour: 1
version: 1
site: handover
consent: { default: [store, personalise, measure, share] }
placements: { hero: { fallback: house }, side: {} }
fallbacks: { house: { headline: House } }
campaigns:
  - { id: water, placements: [hero], caps: { day: 1 }, creatives: [{ id: water-a, headline: Still water, link: "#water", text: "<b>Cold</b> & clear" }] }
`);
const pkg = unpacked();
const { load } = await import(join(pkg, "node.mjs"));

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

/** As an edge writes it: ADR 10. */
const hero = ({ id, creative, content }, tag = "") =>
  `<section data-petitfour="hero" data-pf-decision="${id}" data-pf-shown="${creative ?? "default"}"${tag}>` +
  `<h1 data-pf-text="headline">${escaped(content?.headline ?? "own")}</h1><a data-pf-href="link" href="${content?.link ?? ""}">go</a>` +
  `<p data-pf-html="text">${escaped((content?.text ?? "").replace(/<[^>]*>/g, ""))}</p></section>`;

const html = (body, { script = "", cookie = "" } = {}) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>handover</title>
<script src="/pkg/script.js" data-bundle="/bundle.pf4" data-collector="/v1/sync" data-timeout="8000"${cookie} async></script></head>
<body>${body}<p>after</p>${script}</body></html>`;

/**
 * A site whose server decides for each page: `page(decision)` gives its HTML. The pseudonym of a first visit goes to the
 * browser as a cookie; what the server decided goes to the collector when the page is out.
 */
async function stage(t, page, files = {}) {
  const origin = await collector(t, { bundle: bundle.path });
  const decisions = [];
  const personalise = async (request, response) => {
    if (request.url !== "/") return response.writeHead(404).end();
    const cookies = new Map((request.headers.cookie ?? "").split("; ").filter(Boolean).map((pair) => pair.split(/=(.*)/s)));
    const answer = new Map();
    const client = await load({
      bundle: bundle.bytes,
      storage: null,
      hold: !cookies.has("petitfour"),
      collector: `${origin.url}/v1/sync`,
      cookie: {
        read: () => [...cookies].map((pair) => pair.join("=")).join("; "),
        write(cookie) {
          const [name, value] = cookie.split(";")[0].split(/=(.*)/s);
          cookies.set(name, value);
          answer.set(name, cookie);
        },
      },
    });
    // Until something is counted a new visitor has nothing to keep: that they are here is something.
    if (!cookies.has("petitfour")) client.page();
    const decision = client.decide("hero");
    decisions.push(decision);
    response.setHeader("set-cookie", [...answer.values()]);
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(page(decision));
    await client.flush();
  };
  const pass = async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const answer = await fetch(`${origin.url}/v1/sync`, { method: "POST", body: Buffer.concat(parts) }).catch(() => undefined);
    if (!answer) return request.socket.destroy();
    response.writeHead(answer.status, { "content-type": "application/octet-stream" }).end(Buffer.from(await answer.arrayBuffer()));
  };
  const site = await serve({ "/": personalise, "/bundle.pf4": bundle.bytes, "/pkg": pkg, "/v1/sync": pass, ...files });
  t.after(site.close);
  const tab = await open(browser, { viewport: { width: 800, height: 600 } });
  t.after(() => tab.context.close());
  const totals = async () => {
    await tab.page.evaluate(() => petitfour.flush());
    return (await origin.counts()).totals;
  };
  return { ...tab, url: site.url, decisions, totals };
}

const seen = (page) =>
  until(page, () => {
    window.exposures ??= [];
    if (!window.listening) petitfour.on("exposure", ({ id }) => exposures.push(id));
    return (window.listening = true);
  });
/** Long enough for an exposure that must not come. */
const second = (page) => page.waitForTimeout(1_600);
const confirmed = (page) => until(page, () => window.exposures.length > 0);
const exposures = (page) => page.evaluate(() => window.exposures);
const settled = async (check) => {
  for (const end = Date.now() + 8_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const found = await check();
    if (found || Date.now() > end) return found;
  }
};

test("what the server decided is there before any script, is confirmed once, and is decided nowhere else", async (t) => {
  const { page, url, decisions, totals, complaints } = await stage(t, (decision) => html(hero(decision)));
  const raw = await (await fetch(url)).text();
  assert.match(raw, /Still water/);
  await page.goto(url);
  await ready(page);
  await seen(page);
  await confirmed(page);
  const decision = decisions.at(-1);
  assert.deepEqual(await exposures(page), [decision.id]);
  assert.equal(await shift(page), 0);
  assert.equal(await page.evaluate(() => document.querySelector("section").style.visibility), "", "never hidden");
  assert.equal(await page.evaluate(() => document.querySelector("p").innerHTML), "<b>Cold</b> &amp; clear", "markup that a browser has cleaned");
  assert.ok(await settled(async () => (await totals()).exposures === 1));
  const { decisions: decided, visitors } = await totals();
  assert.deepEqual([decided, visitors], [2, 2], "two requests of the server, of two visitors; none of the page's own");
  assert.deepEqual(complaints, []);

  // The cap of one a day is in the page's profile, and in the cookie that the server gave: both know this visitor.
  assert.equal(await page.evaluate(() => petitfour.decide("hero").reason), "fallback");
  const { caps } = await page.evaluate(() => petitfour.profile());
  assert.deepEqual(caps.map(({ campaign, total }) => [campaign, total]), [["water", 1]]);
});

test("the browser goes on as the visitor that the server gave it", async (t) => {
  const { page, context, url } = await stage(t, (decision) => html(hero(decision)));
  await page.goto(url);
  await ready(page);
  const { visitor } = await page.evaluate(() => petitfour.profile());
  const cookie = (await context.cookies()).find(({ name }) => name === "petitfour").value;
  const kept = Buffer.from(cookie, "base64");
  assert.ok(kept.toString("hex").includes(visitor), "the pseudonym is that of the cookie");
});

test("a click on what the server filled is an outcome of its decision", async (t) => {
  const { page, url, totals } = await stage(t, (decision) => html(hero(decision)));
  await page.goto(url);
  await ready(page);
  await page.click("h1");
  await page.click("h1");
  assert.ok(await settled(async () => (await totals()).outcomes === 1));
});

test("where nothing was chosen, and for a preview, nothing is confirmed and nothing is decided again", async (t) => {
  const { page, url, totals } = await stage(t, (decision) =>
    html(`<section data-petitfour="side" data-pf-decision="" data-pf-shown="default">own</section>${hero(decision, " data-pf-preview")}`),
  );
  await page.goto(url);
  await ready(page);
  await seen(page);
  await second(page);
  assert.deepEqual(await exposures(page), []);
  assert.equal((await totals()).decisions, 1, "the server's");
  assert.equal(await page.evaluate(() => document.querySelector("section").textContent), "own");
});

test("after `refresh` the page decides for itself", async (t) => {
  const { page, url, decisions } = await stage(t, (decision) => html(hero(decision)));
  await page.goto(url);
  await ready(page);
  await seen(page);
  await page.evaluate(() => petitfour.refresh());
  await confirmed(page);
  const [id] = await exposures(page);
  assert.ok(id && id !== decisions.at(-1).id);
  assert.equal(await page.evaluate(() => document.querySelector("section").hasAttribute("data-pf-decision")), false);
});

test("a creative that the page's bundle does not know is confirmed while its mark stands", async (t) => {
  const { page, url } = await stage(t, () => html(hero({ id: "00000000000000a7", creative: "of-tomorrow", content: { headline: "Tomorrow" } })));
  await page.goto(url);
  await ready(page);
  await seen(page);
  await confirmed(page);
  assert.deepEqual(await exposures(page), ["00000000000000a7"]);
});

// ---- React -----------------------------------------------------------------------------------------------------

const react = async (mode, body) =>
  (
    await build({
      stdin: {
        contents: `import { createElement as h, useEffect, useState } from "react";
import { hydrateRoot } from "react-dom/client";
const read = () => { const it = document.querySelector("section"); return { ...it.dataset, headline: it.querySelector("h1").textContent }; };
${body}`,
        resolveDir: inClone("wasm-tests"),
        loader: "js",
      },
      bundle: true,
      minify: true,
      write: false,
      format: "iife",
      define: { "process.env.NODE_ENV": JSON.stringify(mode) },
    })
  ).outputFiles[0].text;

const rooted = (decision) =>
  html(
    `<div id="root"><section data-petitfour="hero" data-pf-decision="${decision.id}" data-pf-shown="${decision.creative}"><h1 data-pf-text="headline">${decision.content.headline}</h1></section></div>`,
    { script: '<script src="/app.js"></script>' },
  );

const SECTION = `const Section = ({ decision, shown, headline }) =>
  h("section", { "data-petitfour": "hero", "data-pf-decision": decision, "data-pf-shown": shown }, h("h1", { "data-pf-text": "headline" }, headline));`;

for (const mode of ["development", "production"]) {
  test(`React, ${mode}: what it hydrates with the server's decision is confirmed`, async (t) => {
    const app = await react(mode, `${SECTION}
const { pfDecision, pfShown, headline } = read();
hydrateRoot(document.getElementById("root"), h(Section, { decision: pfDecision, shown: pfShown, headline }));`);
    const { page, url, decisions, complaints } = await stage(t, rooted, { "/app.js": app });
    await page.goto(url);
    await ready(page);
    await seen(page);
    await confirmed(page);
    assert.deepEqual(await exposures(page), [decisions.at(-1).id]);
    assert.deepEqual(complaints, []);
  });

  const over = (when) => react(mode, `
const hydrate = () => hydrateRoot(document.getElementById("root"), h("section", { "data-petitfour": "hero" }, h("h1", { "data-pf-text": "headline" }, "own")), { onRecoverableError() {} });
${when}`);

  // After the hand-over, not once the engine is there: what is hydrated between the two is the page's own, as in the next test.
  test(`React, ${mode}: what it hydrates over with its own is not, whatever the server wrote`, async (t) => {
    const { page, url, totals } = await stage(t, rooted, { "/app.js": await over('if (window.__ready) hydrate(); else document.addEventListener("petitfour:ready", hydrate);') });
    await page.goto(url);
    await ready(page);
    await seen(page);
    await second(page);
    assert.equal(await page.evaluate(() => document.querySelector("h1").textContent), "own");
    assert.deepEqual(await exposures(page), []);
    assert.equal((await totals()).exposures ?? 0, 0);
  });

  test(`React, ${mode}: what it puts there while the page is still parsed is a placement of the page's own`, async (t) => {
    const { page, url, decisions } = await stage(t, rooted, { "/app.js": await over("hydrate();") });
    await page.goto(url);
    await ready(page);
    await seen(page);
    await confirmed(page);
    assert.equal(await page.evaluate(() => document.querySelector("h1").textContent), "Still water");
    const [id, ...others] = await exposures(page);
    assert.ok(id && id !== decisions.at(-1).id);
    assert.deepEqual(others, []);
  });

  test(`React, ${mode}: what it writes into the same element before a second is over is not`, async (t) => {
    const app = await react(mode, `${SECTION}
function App() {
  const [given, change] = useState(read);
  useEffect(() => { setTimeout(() => change((it) => ({ ...it, headline: "own" })), 300); }, []);
  return h(Section, { decision: given.pfDecision, shown: given.pfShown, headline: given.headline });
}
hydrateRoot(document.getElementById("root"), h(App));`);
    const { page, url, codes } = await stage(t, rooted, { "/app.js": app });
    await page.goto(url);
    await ready(page);
    await seen(page);
    assert.ok(await settled(() => codes.length > 0));
    assert.equal(await page.evaluate(() => document.querySelector("h1").textContent), "own");
    assert.deepEqual(await exposures(page), []);
    assert.deepEqual(codes, ["handover/replaced"]);
  });
}
