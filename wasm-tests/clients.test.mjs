/**
 * Segment's own clients, from npm and unmodified, against the collector in place of Segment: everything they were told is stored, and once.
 * Where the address and the key of a source are entered, the collector's are; nothing else is set but how many events go at once.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Analytics } from "@segment/analytics-node";
import { launch, open, until } from "./support/browser.mjs";
import { collector, key } from "./support/collector.mjs";
import { modules, scratch } from "./support/files.mjs";
import { serve } from "./support/server.mjs";

const EVENTS = 10_000;
/** Enough for a client that sends as fast as it can; the rate of a key has a test of its own. */
const RATE = ["--rate", "100000"];

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

const totals = async (origin) => (await origin.counts()).totals;

test(`@segment/analytics-node delivers ${EVENTS} events, each stored once`, async (t) => {
  const data = scratch("node-client");
  const writeKey = key(data, "shop", "--kind", "server", ...RATE);
  const origin = await collector(t, { data });
  const analytics = new Analytics({ writeKey, host: origin.url, flushAt: 20, maxEventsInBatch: 20 });
  const faults = [];
  analytics.on("error", (fault) => faults.push(fault));
  for (let n = 0; n < EVENTS; n++) {
    const who = { userId: `customer-${n % 500}`, anonymousId: `browser-${n % 700}` };
    if (n % 10 === 0) analytics.identify({ ...who, traits: { email: `customer-${n % 500}@example.com`, plan: "gold" } });
    else if (n % 10 === 1) analytics.page({ ...who, name: "Tea", properties: { url: "https://shop.example/tea?utm_source=mail" } });
    else analytics.track({ ...who, event: "Order Completed", properties: { revenue: 2.5, products: [{ product_id: "tea", price: 2.5, quantity: 1 }] } });
    // As a server's requests come: not all in one turn.
    if (n % 1_000 === 999) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await analytics.closeAndFlush();
  assert.deepEqual(faults, []);
  const { events, letters } = await totals(origin);
  assert.deepEqual([events, letters], [EVENTS, undefined]);
});

test("@segment/analytics-node waits as long as it is told when its key sends too much, and loses nothing", async (t) => {
  const data = scratch("node-rate");
  const writeKey = key(data, "slow", "--kind", "server", "--rate", "100");
  const origin = await collector(t, { data });
  const analytics = new Analytics({ writeKey, host: origin.url, flushAt: 20 });
  const answers = [];
  analytics.on("http_response", ({ status }) => answers.push(status));
  for (let n = 0; n < 240; n++) analytics.track({ userId: `customer-${n}`, event: "x" });
  await analytics.closeAndFlush({ timeout: 30_000 });
  assert.ok(answers.includes(429), "the key was too slow for it");
  assert.equal((await totals(origin)).events, 240);
});

/** A page with the library's own build, which speaks to the collector on another origin. */
async function page(t, { key: given, strategy }) {
  const data = scratch("browser-client");
  const told = { settings: "{}" };
  const server = await serve(
    {
      "/": `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>client</title><script src="/cdn/index.js"></script></head><body></body></html>`,
      "/cdn": join(modules, "@segment", "analytics-next", "dist", "umd"),
      "/cdn/v1/projects": (_, response) => response.setHeader("content-type", "application/json").end(told.settings),
    },
    { policy: null },
  );
  t.after(server.close);
  const writeKey = key(data, "web", "--kind", "browser", "--origin", server.url, ...given);
  const origin = await collector(t, { data });
  told.settings = JSON.stringify({ integrations: { "Segment.io": { apiKey: writeKey, unbundledIntegrations: [], addBundledMetadata: true } }, plan: { track: {}, identify: {}, group: {} } });
  const tab = await open(browser);
  t.after(() => tab.context.close());
  await tab.page.goto(`${server.url}/?gclid=click-1&utm_source=mail`);
  await until(tab.page, () => !!window.AnalyticsNext);
  await tab.page.evaluate(
    async ([writeKey, cdnURL, apiHost, deliveryStrategy]) => {
      const integrations = { "Segment.io": { apiHost, protocol: "http", ...(deliveryStrategy && { deliveryStrategy }) } };
      [window.analytics] = await AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnURL }, { integrations });
    },
    [writeKey, `${server.url}/cdn`, `${new URL(origin.url).host}/v1`, strategy],
  );
  return { ...tab, origin };
}

/** Tells the library of events, so many at a time as a lively page does. */
const tell = (page, from, to) =>
  page.evaluate(
    async ([from, to]) => {
      for (let n = from; n < to; n += 50) {
        const calls = [];
        for (let each = n; each < Math.min(n + 50, to); each++) {
          if (each % 100 === 0) calls.push(analytics.identify(`customer-${each % 500}`, { email: `customer-${each % 500}@example.com`, plan: "gold" }));
          else if (each % 100 === 1) calls.push(analytics.page("Tea"));
          else calls.push(analytics.track("Order Completed", { revenue: 2.5, products: [{ product_id: "tea", price: 2.5, quantity: 1 }] }));
        }
        await Promise.all(calls);
      }
    },
    [from, to],
  );

const arrive = async (origin, count, patience = 60_000) => {
  const end = Date.now() + patience;
  for (;;) {
    const { events = 0, letters } = await totals(origin);
    assert.equal(letters, undefined, "none is a dead letter");
    if (events >= count || Date.now() > end) return events;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

const PERMIT = ["--permit", "store,personalise,measure,share", ...RATE];

test(`@segment/analytics-next delivers ${EVENTS} events from a page of another origin, each stored once`, async (t) => {
  const { page: tab, origin, complaints } = await page(t, { key: PERMIT });
  await tell(tab, 0, EVENTS);
  assert.equal(await arrive(origin, EVENTS), EVENTS);
  // What is sent twice would be here by now.
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal((await totals(origin)).events, EVENTS);
  assert.deepEqual(complaints, []);
});

test("@segment/analytics-next delivers in batches too", async (t) => {
  const { page: tab, origin } = await page(t, { key: PERMIT, strategy: { strategy: "batching", config: { size: 50, timeout: 500 } } });
  await tell(tab, 0, 1_000);
  assert.equal(await arrive(origin, 1_000), 1_000);
});

test("of a page whose visitors permit nothing nothing is stored, and the client does not try again", async (t) => {
  const { page: tab, origin } = await page(t, { key: ["--permit", ""] });
  const asked = [];
  tab.on("response", (response) => response.url().startsWith(origin.url) && response.request().method() === "POST" && asked.push(response.status()));
  await tell(tab, 0, 10);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.equal((await totals(origin)).events, undefined);
  assert.deepEqual(asked, Array(10).fill(200));
});
