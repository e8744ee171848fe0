/**
 * A page that says what it has to say to Segment and to GA4, and nothing to us: the snippets as the vendors hand them
 * out, calls as their manuals have them. The tag is added, nothing else is changed, and the profile fills by the table of
 * `docs/sources.md`.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open, ready, until } from "./support/browser.mjs";
import { compileText } from "./support/bundle.mjs";
import { modules, unpacked } from "./support/files.mjs";
import { serve } from "./support/server.mjs";

const EVENTS = ["page", "view_item", "view_item/item", "add_to_cart", "add_to_cart/item", "purchase", "purchase/item", "Product Viewed", "Order Completed", "Order Completed/item"];
const TRAITS = ["plan", "address.city", "group", "group.industry"];

const bundle = compileText(`
petitfour: 1
version: 1
site: sources
consent: { default: [store, personalise, measure, share] }
traits: { age: { type: number }, ${TRAITS.map((name) => `${name}: { type: text }`)} }
events: { ${EVENTS.map((event) => `${event}: {}`)} }
affinities:
  drink: { event: purchase/item, property: category, half_life: 7 days, values: [water, tea, soda] }
  taste: { event: Order Completed/item, property: category, half_life: 7 days, values: [water, tea, soda] }
placements: { bare: {} }
campaigns:
  - id: asks            # an event is counted for whoever asks about it
    placements: [bare]
    when:
      all:
        - any: [${EVENTS.map((event) => `{ event: ${event}, at_least: 999 }`)}]
        - any: [${TRAITS.map((name) => `{ trait: ${name}, is: nobody }`)}, { trait: age, is: -1 }]
    creatives: [{ id: never, headline: never }]
`);
const pkg = unpacked();
const SEGMENT_VERSION = "5.2.0";

/** Queues calls until the library has come: the shape of Segment's snippet, the page of each call at its end. */
const segmentSnippet = `(function () {
  var analytics = (window.analytics = window.analytics || []);
  if (analytics.initialize || analytics.invoked) return;
  analytics.invoked = true;
  analytics.methods = ["identify", "group", "track", "page", "alias", "screen", "reset", "on", "once", "off", "ready"];
  analytics.factory = function (method) {
    return function () {
      if (window.analytics.initialized) return window.analytics[method].apply(window.analytics, arguments);
      var given = Array.prototype.slice.call(arguments);
      if (["track", "screen", "alias", "group", "page", "identify"].indexOf(method) > -1) {
        given.push({ __t: "bpc", c: undefined, p: location.pathname, u: location.href, s: location.search, t: document.title, r: document.referrer });
      }
      given.unshift(method);
      analytics.push(given);
      return analytics;
    };
  };
  for (var i = 0; i < analytics.methods.length; i++) analytics[analytics.methods[i]] = analytics.factory(analytics.methods[i]);
  analytics._writeKey = "key";
  analytics._cdn = location.origin + "/cdn";
  analytics._loadOptions = { integrations: { "Segment.io": { apiHost: location.host + "/api", protocol: "http" } } };
  analytics.SNIPPET_VERSION = "${SEGMENT_VERSION}";
  window.loadSegment = function () {
    var script = document.createElement("script");
    script.src = "/cdn/standalone.js";
    document.head.appendChild(script);
  };
  analytics.page();
})();`;

const ga4Snippet = `window.dataLayer = window.dataLayer || [];
function gtag() { dataLayer.push(arguments); }
gtag("js", new Date());
gtag("config", "G-TEST");`;

const tag = (attributes) => `<script src="/pkg/script.js" data-bundle="/bundle.pf4" data-timeout="8000" ${attributes} async></script>`;
const html = (attributes, order) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>sources</title>
${order === "first" ? tag(attributes).replace(" async", "") : ""}<script>${segmentSnippet}</script><script>${ga4Snippet}</script>
${order === "first" ? "" : tag(attributes)}</head><body><p data-petitfour="bare">own</p></body></html>`;

const settings = JSON.stringify({ integrations: { "Segment.io": { apiKey: "key", unbundledIntegrations: [], addBundledMetadata: true } }, plan: { track: {}, identify: {}, group: {} } });

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

async function site(t, { attributes = "", order = "last" } = {}) {
  const told = [];
  const server = await serve(
    {
      "/": html(attributes, order),
      "/bundle.pf4": bundle.bytes,
      "/pkg": pkg,
      "/cdn": join(modules, "@segment", "analytics-next", "dist", "umd"),
      "/cdn/v1/projects/key/settings": (_, response) => response.setHeader("content-type", "application/json").end(settings),
      "/api": (request, response) => {
        let body = "";
        request.on("data", (part) => (body += part));
        request.on("end", () => {
          told.push(JSON.parse(body));
          response.setHeader("content-type", "application/json").end("{}");
        });
      },
    },
    { policy: null },
  );
  t.after(server.close);
  const tab = await open(browser);
  t.after(() => tab.context.close());
  await tab.page.goto(server.url);
  await ready(tab.page);
  return { ...tab, told };
}

const counters = async (page) =>
  Object.fromEntries((await page.evaluate(() => window.petitfour.profile())).counters.map(({ name, total }) => [name, total]));
const texts = async (page) => (await page.evaluate(() => window.petitfour.profile())).traits.map(({ name }) => name).sort();

const shopsWithGtag = (page) =>
  page.evaluate(() => {
    const water = { item_id: "water-still", item_name: "Still", item_category: "water", price: 1.5, quantity: 2 };
    const tea = { item_id: "tea-iced", item_name: "Iced tea", item_category: "tea", price: 2, quantity: 1 };
    gtag("event", "view_item", { currency: "EUR", value: 1.5, items: [water] });
    dataLayer.push({ ecommerce: null });
    dataLayer.push({ event: "add_to_cart", ecommerce: { currency: "EUR", value: 5, items: [water, tea] } });
    gtag("event", "purchase", { transaction_id: "T1", currency: "EUR", value: 5, items: [water, tea] });
    dataLayer.push({ event: "gtm.click" });
    gtag("set", "user_properties", { plan: "gold", age: 44 });
    gtag("set", { user_id: "customer-17" });
  });

test("a data layer fills the profile: what was in it before the tag came, gtag's calls and a tag manager's objects", async (t) => {
  const { page, codes, complaints } = await site(t);
  await shopsWithGtag(page);
  assert.deepEqual(await counters(page), {
    page: 1,
    view_item: 1,
    "view_item/item": 1,
    add_to_cart: 1,
    "add_to_cart/item": 2,
    purchase: 1,
    "purchase/item": 2,
  });
  assert.deepEqual(await texts(page), ["age", "plan"]);
  const { affinities } = await page.evaluate(() => window.petitfour.profile());
  assert.deepEqual(affinities.map(({ value }) => value).sort(), ["tea", "water"], "every item's category counts");
  assert.equal(await page.evaluate(() => dataLayer.length), 9, "the layer holds what the page put there");
  assert.deepEqual([codes, complaints], [[], []]);
});

const saysToSegment = (page) =>
  page.evaluate(() => {
    analytics.identify("customer-17", { email: "someone@somewhere.org", plan: "gold", address: { city: "Lyon" }, unknown: true });
    analytics.group("soda-club", { industry: "drinks" });
    analytics.track("Product Viewed", { product_id: "water-still", category: "water" });
    analytics.track("Order Completed", { revenue: 5, products: [{ product_id: "water-still", category: "water" }, { product_id: "tea-iced", category: "tea" }] });
    analytics.alias("customer-17");
  });

const SAID = { page: 1, "Product Viewed": 1, "Order Completed": 1, "Order Completed/item": 2 };

test("a snippet's queue fills the profile, and stays as it is for the library", async (t) => {
  const { page, codes, complaints } = await site(t);
  const before = await page.evaluate(() => analytics.length);
  await saysToSegment(page);
  assert.deepEqual(await counters(page), SAID);
  assert.deepEqual(await texts(page), ["address.city", "group", "group.industry", "plan"]);
  assert.equal(await page.evaluate(() => analytics.length), before + 5);
  assert.deepEqual([codes, complaints], [[], []]);
});

for (const order of ["first", "last"]) {
  test(`Segment's own library gets every call once, and so do we, with the tag standing ${order}`, async (t) => {
    const { page, told, complaints } = await site(t, { order });
    await saysToSegment(page);
    await page.evaluate(() => loadSegment());
    await until(page, () => !Array.isArray(analytics) && analytics.initialized);
    await page.evaluate(() => analytics.track("Product Viewed", { product_id: "tea-iced", category: "tea" }));
    await page.evaluate(() => analytics.page("Shop", "Tea"));
    const kinds = () => told.map(({ type, event }) => event ?? type).sort();
    const wanted = ["Order Completed", "Product Viewed", "Product Viewed", "alias", "group", "identify", "page", "page"];
    for (let time = 0; time < 100 && kinds().length < wanted.length; time++) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(kinds(), wanted, "Segment was told each once");
    assert.deepEqual(await counters(page), { ...SAID, page: 2, "Product Viewed": 2 });
    assert.deepEqual(complaints, []);
  });
}

test("parts can be turned off", async (t) => {
  const none = await site(t, { attributes: 'data-sources="none"' });
  await shopsWithGtag(none.page);
  await saysToSegment(none.page);
  assert.deepEqual(await counters(none.page), {});
  const segment = await site(t, { attributes: 'data-sources="segment"' });
  await shopsWithGtag(segment.page);
  await saysToSegment(segment.page);
  assert.deepEqual(await counters(segment.page), SAID);
});

test("without permission to store, what the sources say leaves no trace", async (t) => {
  const { page } = await site(t);
  await page.evaluate(() => petitfour.consent({ store: false, measure: false, share: false }));
  await shopsWithGtag(page);
  await saysToSegment(page);
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), []);
});

test("a faulty entry reaches neither us nor the page's own push", async (t) => {
  const { page, complaints } = await site(t);
  const lengths = await page.evaluate(() => {
    const before = dataLayer.length;
    const trap = { get event() { throw new Error("trap"); } };
    return [dataLayer.push(null, undefined, 7, trap, [], ["event"], { event: "view_item" }) - before];
  });
  assert.deepEqual(lengths, [7]);
  assert.equal((await counters(page)).view_item, 1);
  assert.deepEqual(complaints, []);
});
