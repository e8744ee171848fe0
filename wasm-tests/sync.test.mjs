/** What goes between a page and the collector, in a real browser: by which way, what is answered, and what is forgotten. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, ready, until } from "./support/browser.mjs";
import { compileText } from "./support/bundle.mjs";
import { collector } from "./support/collector.mjs";
import { unpacked } from "./support/files.mjs";
import { serve } from "./support/server.mjs";

const bundle = compileText(`
petitfour: 1
version: 1
site: sync
consent: { default: [store, personalise, measure, share] }
events: { purchase: { outcome: true } }
memberships: { club_gold: {} }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: House } }
campaigns:
  - { id: gold, placements: [hero], when: { member: club_gold }, creatives: [{ id: gold-a, headline: For gold }] }
`);
const pkg = unpacked();
const html = (before = "") => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>sync</title>${before}
<script src="/pkg/script.js" data-bundle="/bundle.pf4" data-collector="/v1/sync" data-timeout="8000"></script></head>
<body><p data-petitfour="hero"><b data-pf-text="headline">own</b></p></body></html>`;

/** A consent platform's last word, on a page that comes later. */
const REFUSE = `"use strict";
window.dataLayer = [];
function gtag() { dataLayer.push(arguments); }
gtag("consent", "update", { ad_storage: "denied", ad_user_data: "denied", ad_personalization: "denied", analytics_storage: "denied", personalization_storage: "denied" });`;

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

/** A page whose requests to the collector pass through here; `way.open` false: none gets through. */
async function stage(t) {
  const origin = await collector(t, { bundle: bundle.path });
  const way = { open: true, taken: [] };
  const pass = async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    if (!way.open) return request.socket.destroy();
    // Written down first: the collector may count a message before its answer is here.
    way.taken.push({ mode: request.headers["sec-fetch-mode"], referer: request.headers.referer, bytes: Buffer.concat(parts) });
    // A page says its last word when its test is over and the collector is gone: like any proxy, this one then hangs up.
    const answer = await fetch(`${origin.url}/v1/sync`, { method: "POST", body: Buffer.concat(parts) }).catch(() => undefined);
    if (!answer) return request.socket.destroy();
    response.writeHead(answer.status, { "content-type": "application/octet-stream" }).end(Buffer.from(await answer.arrayBuffer()));
  };
  const server = await serve({ "/": html(), "/refuses": html('<script src="/refuse.js"></script>'), "/refuse.js": REFUSE, "/agrees": html('<script src="/agree.js"></script>'), "/agree.js": REFUSE.replaceAll("denied", "granted"), "/other": "<!doctype html><title>elsewhere</title>", "/bundle.pf4": bundle.bytes, "/pkg": pkg, "/v1/sync": pass });
  t.after(server.close);
  const tab = await open(browser);
  t.after(() => tab.context.close());
  await tab.page.goto(server.url);
  await ready(tab.page);
  return { ...tab, origin, way, url: server.url };
}

const waits = async (fn, patience = 10_000) => {
  const end = Date.now() + patience;
  for (let found; !(found = await fn()); ) {
    if (Date.now() > end) throw new Error(`still not: ${fn}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
const totals = async (origin) => (await origin.counts()).totals;
const words = (page) => page.evaluate(() => (localStorage.getItem("petitfour.queue") ?? "").split(" "));

test("a page that is left sends one beacon, and the answer to the next message confirms it without its being sent again", async (t) => {
  const { page, origin, way, url, complaints } = await stage(t);
  await page.evaluate(() => petitfour.track("purchase", { value: 5 }));
  await page.goto(`${url}/other`);
  await waits(async () => (await totals(origin)).outcomes === 1);
  assert.deepEqual(way.taken.map(({ mode }) => mode), ["no-cors"], "a beacon, and nothing else");
  await page.goto(url);
  await ready(page);
  assert.deepEqual((await words(page)).slice(1).map((word) => word[0]), ["~"], "unconfirmed until an answer comes");
  await page.evaluate(() => petitfour.flush());
  await until(page, () => !localStorage.getItem("petitfour.queue").includes(" "));
  assert.deepEqual(way.taken.map(({ mode }) => mode), ["no-cors", "cors"], "the first message did not go twice");
  assert.equal(way.taken[1].referer, undefined, "nor does the page's address");
  assert.equal((await totals(origin)).syncs, 2);
  assert.deepEqual(complaints, []);
});

test("after an answer a page view is one request, made when it is left", async (t) => {
  const { page, origin, way, url } = await stage(t);
  await page.evaluate(() => petitfour.flush());
  await waits(async () => (await totals(origin)).syncs === 1);
  for (let view = 0; view < 3; view++) {
    await page.goto(url);
    await ready(page);
    await page.evaluate(() => petitfour.track("purchase"));
    // Beyond the five seconds that a first page gathers for.
    if (view === 0) await page.waitForTimeout(6_000);
  }
  await page.goto(`${url}/other`);
  await waits(async () => (await totals(origin)).outcomes === 3);
  assert.deepEqual(way.taken.map(({ mode }) => mode), ["cors", "no-cors", "no-cors", "no-cors"]);
});

test("who is forgotten is forgotten at the collector too, and leaves no key here", async (t) => {
  const { page, origin, way } = await stage(t);
  await page.evaluate(async () => {
    petitfour.track("purchase");
    await petitfour.flush();
  });
  assert.equal((await totals(origin)).visitors, 1);
  const before = await page.evaluate(async () => (await petitfour.profile()).visitor);
  await page.evaluate(() => petitfour.forget());
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage).filter((key) => key !== "petitfour.profile")), []);
  await waits(async () => !(await totals(origin)).visitors);
  const { decisions, outcomes, syncs } = await totals(origin);
  assert.deepEqual([decisions, outcomes, syncs], [0, 0, 0]);
  const sent = way.taken.length;
  await page.evaluate(() => petitfour.forget());
  await page.waitForTimeout(300);
  assert.equal(way.taken.length, sent, "under the new pseudonym nothing was sent, so there is nothing to forget");
  assert.notEqual(await page.evaluate(async () => (await petitfour.profile()).visitor), before);
});

test("the page may go at once: the tombstone is still delivered, and what was queued is not", async (t) => {
  const { page, origin, url } = await stage(t);
  await page.evaluate(() => petitfour.flush());
  await waits(async () => (await totals(origin)).visitors === 1);
  await page.evaluate((url) => {
    petitfour.track("purchase");
    petitfour.forget();
    location.href = `${url}/other`;
  }, url);
  await waits(async () => !(await totals(origin)).visitors);
  assert.equal((await totals(origin)).outcomes ?? 0, 0);
});

test("a collector that cannot be reached hears of it when it can, while the page lives, and nothing of it is stored", async (t) => {
  const { page, origin, way } = await stage(t);
  await page.evaluate(() => petitfour.flush());
  await waits(async () => (await totals(origin)).visitors === 1);
  way.open = false;
  await page.evaluate(() => petitfour.consent({ store: false, measure: false, share: false }));
  await page.waitForTimeout(500);
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), []);
  way.open = true;
  await waits(async () => !(await totals(origin)).visitors);
});

test("withdrawing to measure takes what was measured, and leaves the identifiers", async (t) => {
  const { page, origin } = await stage(t);
  await page.evaluate(async () => {
    petitfour.track("purchase");
    await petitfour.identify({ userId: "customer-17" });
    await petitfour.flush();
  });
  await waits(async () => (await totals(origin)).identities > 0);
  await page.evaluate(() => petitfour.consent({ measure: false }));
  await waits(async () => !(await totals(origin)).outcomes);
  const { decisions, identities, visitors } = await totals(origin);
  assert.deepEqual([decisions, identities > 0, visitors], [0, true, 1]);
  await page.evaluate(() => petitfour.consent({ share: false }));
  await waits(async () => !(await totals(origin)).identities);
});

test("a consent platform that agrees on a later page finds the visitor of before", async (t) => {
  const { page, url } = await stage(t);
  const visitor = () => page.evaluate(async () => (await petitfour.profile()).visitor);
  const before = await visitor();
  await page.goto(`${url}/agrees`);
  await ready(page);
  await until(page, () => petitfour.consent().measure);
  assert.equal(await visitor(), before);
});

test("what a consent platform withdraws on a later page is deleted too, under the pseudonym of before", async (t) => {
  const { page, origin, url } = await stage(t);
  await page.evaluate(() => petitfour.flush());
  await waits(async () => (await totals(origin)).visitors === 1);
  await page.goto(`${url}/refuses`);
  await ready(page);
  await waits(async () => !(await totals(origin)).visitors);
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), []);
});

test("a segment that the CRM says is answered to the device, and the next decision follows it", async (t) => {
  const { page, origin, complaints } = await stage(t);
  assert.equal(await page.evaluate(() => petitfour.decide("hero").reason), "fallback");
  const visitor = await page.evaluate(async () => (await petitfour.profile()).visitor);
  const enrolled = await fetch(`${origin.url}/v1/memberships`, {
    method: "POST",
    headers: { "content-type": "text/csv" },
    body: `visitor,${visitor},club_gold,in\n`,
  });
  assert.equal(enrolled.status, 200);
  await page.evaluate(() => petitfour.flush());
  await until(page, () => petitfour.decide("hero").campaign === "gold");
  await page.reload();
  await ready(page);
  assert.equal(await page.textContent("b"), "For gold", "and it is remembered");
  assert.deepEqual(complaints, []);
});
