/**
 * What one visit costs on the wire: fifty events of a recorded visitor, told to us and told to Segment's library, each with its
 * defaults, in the same browser, counted at the socket.
 *
 * The visit is the last fifty events of one visit of `data/otto` (session 3), at their recorded times under a clock that the test
 * moves on, so that timers run as in the hour that it took. The recording knows no pages; it is cut into five page loads of ten
 * events. Both libraries hear the same calls with the same properties: `page()` on each page, `track()` for each event.
 * Besides, we decide for two placements on each page and report what was decided, seen and bought; Segment is given nothing to
 * decide. Segment's library comes from this machine instead of its CDN; its settings name this machine as the endpoint; nothing
 * else is set.
 *
 * Counted are requests that carry events: request line, headers and body. Scripts, settings and bundles are not.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { launch, until } from "./support/browser.mjs";
import { compile } from "./support/bundle.mjs";
import { collector } from "./support/collector.mjs";
import { inClone, modules, unpacked } from "./support/files.mjs";
import { wire } from "./support/wire.mjs";
import { claim } from "./tools/claim.mjs";

const SESSION = 3;
const FIRST = 150;
const EVENTS = 50;
const PAGES = 5;
const NAMES = { clicks: "product_viewed", carts: "added_to_cart", orders: "purchase" };

const lines = gunzipSync(readFileSync(inClone("data", "otto", "sessions.jsonl.gz"))).toString().split("\n").filter(Boolean);
const { events } = lines.map((line) => JSON.parse(line)).find(({ session }) => session === SESSION);
const visit = events.slice(FIRST, FIRST + EVENTS).map(({ aid, ts, type }) => ({
  at: ts,
  event: NAMES[type],
  properties: { item: aid, shelf: `shelf-${String(aid % 12).padStart(2, "0")}` },
}));

const pkg = unpacked();
const segment = join(modules, "@segment", "analytics-next", "dist", "umd");
const example = compile(inClone("examples", "otto"));
const TYPES = { js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm" };
const file = (folder, name) => ({ type: TYPES[name.split(".").pop()], body: readFileSync(join(folder, name)) });

const html = (head) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>visit</title>${head}</head>
<body><section data-petitfour="recommendation" style="height:9rem"><b data-pf-text="headline">own</b></section>
<section data-petitfour="offer" style="height:9rem"><b data-pf-text="headline">own</b></section></body></html>`;

const ours = html(`<script>window.petitfour = [["consent", { store: true, personalise: true, measure: true, share: true }], ["page"]];</script>
<script src="/pkg/script.js" data-bundle="/bundle.pf4" data-collector="/v1/sync" data-timeout="60000" async></script>`);

const theirs = html(`<script>
var analytics = (window.analytics = []);
analytics.methods = ["identify", "group", "track", "page", "alias", "on", "once", "off", "ready"];
analytics.methods.forEach(function (method) {
  analytics[method] = function () { analytics.push([method].concat([].slice.call(arguments))); return analytics; };
});
analytics._writeKey = "key";
analytics._cdn = location.origin + "/cdn";
analytics.page();
</script><script src="/cdn/standalone.js" async></script>`);

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

/** Plays the visit on a site; `loaded` says when a page's library is there, `track` tells it an event. */
async function play(t, site, { loaded, track, settled }) {
  t.after(site.close);
  const context = await browser.newContext({ timezoneId: "Europe/Berlin" });
  t.after(() => context.close());
  await context.clock.install({ time: visit[0].at - 10_000 });
  const page = await context.newPage();
  const each = EVENTS / PAGES;
  let now = visit[0].at - 10_000;
  const pass = async (until) => {
    // Frames, requests and answers take real time, and the clock stands still meanwhile.
    await page.waitForTimeout(60);
    await page.clock.runFor(until - now);
    now = until;
    await page.waitForTimeout(60);
  };
  for (let number = 0; number < PAGES; number++) {
    await page.goto(`${site.url}/`);
    for (let time = 0; !(await page.evaluate(loaded)); time++) {
      assert.ok(time < 200, "the library is there within ten seconds");
      await page.clock.runFor(1);
      now += 1;
      await page.waitForTimeout(50);
    }
    // Half of a placement in view for a second of the visitor's time is an exposure: it needs frames.
    await page.waitForTimeout(400);
    for (const { at, event, properties } of visit.slice(number * each, (number + 1) * each)) {
      await pass(Math.max(at, now + 1));
      await page.evaluate(track, [event, properties]);
    }
    // The visitor goes on to the next page half way to the next event.
    const next = visit[(number + 1) * each]?.at ?? now + 30_000;
    await pass(Math.max(now + 1, Math.round((now + next) / 2)));
  }
  await page.goto(`${site.url}/elsewhere`);
  for (let time = 0; !(await settled()); time++) {
    assert.ok(time < 100, "everything has arrived");
    await page.waitForTimeout(100);
  }
}

const sum = (requests) => requests.reduce((all, { bytes }) => all + bytes, 0);
const told = {};

test("Segment's library with its defaults sends each event in a request of its own", async (t) => {
  const settings = { "Segment.io": { apiKey: "key", apiHost: "", protocol: "http", unbundledIntegrations: [], addBundledMetadata: true } };
  const site = await wire(({ path }) => {
    settings["Segment.io"].apiHost = `${new URL(site.url).host}/api`;
    if (path === "/") return { body: theirs };
    if (path.endsWith("/settings")) return { type: "application/json", body: JSON.stringify({ integrations: settings, plan: {} }) };
    if (path.startsWith("/cdn/")) return file(segment, path.slice(5));
    return { type: "application/json", body: '{"success":true}' };
  });
  const calls = () => site.requests.filter(({ method, path }) => method === "POST" && path.startsWith("/api/"));
  await play(t, site, {
    loaded: () => !!window.analytics?.initialized,
    track: ([event, properties]) => void window.analytics.track(event, properties),
    settled: () => calls().length >= EVENTS + PAGES,
  });
  const kinds = calls().map(({ path }) => path.split("/").pop());
  assert.deepEqual([kinds.filter((kind) => kind === "t").length, kinds.filter((kind) => kind === "p").length], [EVENTS, PAGES]);
  told.segment = { requests: calls().length, bytes: sum(calls()) };
});

test("we send at most a twentieth of it", async (t) => {
  const origin = await collector(t, { bundle: example.path });
  const site = await wire(async ({ path, body }) => {
    if (path === "/") return { body: ours };
    if (path === "/bundle.pf4") return { type: "application/octet-stream", body: example.bytes };
    if (path.startsWith("/pkg/")) return file(pkg, path.slice(5));
    if (path !== "/v1/sync") return {};
    const answer = await fetch(`${origin.url}/v1/sync`, { method: "POST", body });
    return { status: answer.status, type: "application/octet-stream", body: Buffer.from(await answer.arrayBuffer()) };
  });
  const purchases = visit.filter(({ event }) => event === "purchase").length;
  let totals;
  await play(t, site, {
    loaded: () => !!window.petitfour?.loaded?.() && document.querySelectorAll("[data-pf-shown]").length === 2,
    track: ([event, properties]) => void window.petitfour.track(event, properties),
    settled: async () => {
      ({ totals } = await origin.counts());
      return totals.decisions >= 2 * PAGES && totals.exposures >= 2 * PAGES && (totals.outcomes ?? 0) >= purchases;
    },
  });
  assert.deepEqual([totals.decisions, totals.exposures, totals.outcomes ?? 0, totals.visitors], [2 * PAGES, 2 * PAGES, purchases, 1]);
  const calls = site.requests.filter(({ method, path }) => method === "POST" && path === "/v1/sync");
  told.ours = { requests: calls.length, bytes: sum(calls) };
  const ratio = told.segment.bytes / told.ours.bytes;
  for (const [who, { requests, bytes }] of Object.entries(told)) t.diagnostic(`${who}: ${bytes} bytes in ${requests} requests`);
  t.diagnostic(`a ${ratio.toFixed(1)}th; bodies of ours: ${calls.map(({ body }) => body.length).join(", ")}`);
  claim("sync.visit.segment_bytes", told.segment.bytes);
  claim("sync.visit.bytes", told.ours.bytes);
  claim("sync.visit.ratio", Math.round(ratio * 10) / 10);
  assert.ok(ratio >= 20, `${told.ours.bytes} of ${told.segment.bytes} bytes`);
});
