/**
 * The shop in a real browser, from the packed package, served by the collector under its strict policy: what a visitor
 * and a marketer would do, one after the other, and what the collector heard of it.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch, open, ready, shift, until } from "./support/browser.mjs";
import { compile } from "./support/bundle.mjs";
import { collector } from "./support/collector.mjs";
import { inClone, unpacked } from "./support/files.mjs";
import { claim } from "./tools/claim.mjs";

const HOT = "/?city=Lyon&temperature=31&weather=sunny&hour=15";
const pictures = inClone("target", "screenshots");
let browser, origin, tab, page;
let passed = 0;

before(async () => {
  mkdirSync(pictures, { recursive: true });
  const bundle = compile(inClone("examples", "soda"));
  origin = await collector(null, { bundle: bundle.path, www: [inClone("www"), `/pkg=${unpacked()}`] });
  browser = await launch();
  tab = await open(browser, { viewport: { width: 1280, height: 800 } });
  ({ page } = tab);
});
after(async () => {
  await browser?.close();
  await origin?.stop();
});

/** A step of the story. Those after a step that failed would only fail for its sake. */
const step = (name, work) =>
  test(name, async () => {
    await work();
    assert.deepEqual(tab.complaints, [], "nothing is thrown into the page, and the policy is kept");
    passed++;
  });

/** Opens an address; a machine that is too busy for the page's patience gets another chance. */
async function visit(page, address) {
  for (let time = 0; ; time++) {
    await page.goto(origin.url + address);
    const told = await ready(page);
    if (!told.late || time === 4) return told;
  }
}

const shown = (placement) => page.getAttribute(`[data-petitfour=${placement}]`, "data-pf-shown");
const headline = (placement) => page.textContent(`[data-petitfour=${placement}] [data-pf-text=headline]`);
const shows = (placement, creative) =>
  until(page, ([placement, creative]) => document.querySelector(`[data-petitfour=${placement}]`).dataset.pfShown === creative, [placement, creative]);
const stored = () => page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("petitfour")).sort());
const tabOf = (name) => page.click(`#tab-${name}`);
const why = (placement) => page.evaluate(async (placement) => {
  const { campaigns } = await window.petitfour.explain(placement);
  return Object.fromEntries(campaigns.map(({ campaign, reason }) => [campaign, reason]));
}, placement);

/** Writes down in the page what it decided and showed while measuring was permitted, to be held against the collector. */
const tally = () =>
  page.evaluate(() => {
    window.tally = { decisions: {}, exposures: {} };
    const note = (kind, { campaign }) => {
      if (campaign && window.petitfour.consent().measure) window.tally[kind][campaign] = (window.tally[kind][campaign] ?? 0) + 1;
    };
    window.petitfour.on("decision", (decision) => note("decisions", decision));
    window.petitfour.on("exposure", (decision) => note("exposures", decision));
  });

/** Brings the advertisement into view and waits until it counts as seen. */
async function see(placement) {
  await page.locator(`[data-petitfour=${placement}]`).scrollIntoViewIfNeeded();
  await page.evaluate(
    (placement) =>
      new Promise((resolve) => {
        const stop = window.petitfour.on("exposure", (decision) => {
          if (decision.placement !== placement) return;
          stop();
          resolve();
        });
      }),
    placement,
  );
}

step("the tag fills every placement, keeps the policy, and nothing moves", async () => {
  const told = await visit(page, HOT);
  assert.deepEqual([told.loaded, told.late, told.placements, told.shown], [true, false, 3, 3]);
  assert.match(await shown("hero"), /^water-(blue|green)$/);
  assert.equal(await shown("ad"), "house-ad");
  assert.equal(await shown("recommendation"), "sparkling-crisp");
  assert.deepEqual(tab.codes, []);
  assert.ok(tab.console.some((line) => /petitfour: 3 of 3 placements after [\d.]+ ms/.test(line)), "the time is printed");
  await page.screenshot({ path: `${pictures}/shop-1280.png`, fullPage: true });
  assert.equal(await shift(page), 0);
});

step("before anyone has agreed nothing is written and nothing leaves", async () => {
  await page.click("[data-look=iced-tea]");
  await page.click("[data-look=iced-tea]");
  assert.equal(await shown("recommendation"), "sparkling-crisp");
  assert.deepEqual(await stored(), []);
  assert.equal((await origin.counts()).totals.syncs ?? 0, 0);
  assert.equal((await why("ad"))["lemonade-ad"], "permission");
});

step("with permission the profile learns from clicks, and the next decision follows", async () => {
  await tally();
  for (const permission of ["store", "personalise", "measure"]) await page.check(`[data-permission=${permission}]`, { force: true });
  await until(page, () => localStorage.getItem("petitfour.profile"));
  assert.match(await shown("ad"), /^lemonade-/);
  const before = await page.evaluate(() => localStorage.getItem("petitfour.profile"));
  await page.click("[data-look=iced-tea]");
  assert.notEqual(await page.evaluate(() => localStorage.getItem("petitfour.profile")), before);
  assert.equal(await shown("recommendation"), "sparkling-crisp");
  await page.click("[data-look=iced-tea]");
  await shows("recommendation", "tea-again");
  assert.equal(await headline("recommendation"), "Because you looked twice");
  await tabOf("memory");
  await until(page, () => /Tea/.test(document.querySelector("[data-profile]").textContent));
  const { affinities } = await page.evaluate(() => window.petitfour.profile());
  assert.deepEqual(affinities.map(({ value }) => value), ["tea"]);
  await page.screenshot({ path: `${pictures}/shop-1280-memory.png` });
});

step("a decision for another weather leaves what is remembered where it was", async () => {
  const asked = await page.evaluate(() =>
    [undefined, { weather: "rain" }, undefined].map((context) => window.petitfour.decide("recommendation", context).creative),
  );
  assert.deepEqual([asked[0], asked[2]], ["tea-again", "tea-again"]);
});

step("a cap of three a day lets the advertisement go after it was seen three times", async () => {
  for (let time = 1; time <= 3; time++) {
    assert.match(await shown("ad"), /^lemonade-/, `before exposure ${time}`);
    await see("ad");
    // Something happens, so the page decides anew.
    await page.click("[data-look=soda-classic]");
  }
  await shows("ad", "house-ad");
  assert.equal((await why("ad"))["lemonade-ad"], "cap_day");
});

step("an empty shelf changes what is promoted, and a full one changes it back", async () => {
  await tabOf("stock");
  await page.click('[data-stock="bellecour/water-still"]');
  await shows("hero", "sparkling-rescue");
  assert.equal((await why("hero"))["water-in-the-heat"], "stock_out");
  await page.click('[data-stock="bellecour/water-still"]');
  await until(page, () => /^water-(blue|green)$/.test(document.querySelector("[data-petitfour=hero]").dataset.pfShown));
  await page.click('[data-stock="bellecour/water-still"]');
  await shows("hero", "sparkling-rescue");
});

step("the why is true: each campaign of the place with what refused it, in words", async () => {
  await tabOf("why");
  const panel = await until(page, () => document.querySelector('[data-why-of="hero"]')?.innerText);
  assert.match(panel, /Sparkling when still is gone/);
  assert.match(panel, /Water in the heat\s*\n*.*water-still is below what it asks for/i);
  const lines = await page.$$eval('[data-why-of="ad"] li', (items) => items.map((item) => [item.dataset.reason, item.innerText]));
  const lemonade = lines.find(([, text]) => /Lemonade ad/i.test(text));
  assert.equal(lemonade[0], "cap_day");
  assert.match(lemonade[1], /3 of 3 times today/i);
  assert.deepEqual(await why("hero"), {
    "diet-for-its-fans": "segment",
    "water-is-back": "segment",
    "water-in-the-heat": "stock_out",
    "last-bottles": "stock_out",
    "sparkling-when-still-is-gone": "chosen",
    "water-for-water-lovers": "segment",
    "diet-soda-today": "segment",
  });
  await page.screenshot({ path: `${pictures}/shop-1280-why.png` });
});

step("a click on a creative is an outcome of that decision", async () => {
  const before = (await origin.counts()).totals.clicks ?? 0;
  await page.click("[data-petitfour=recommendation] a");
  await page.evaluate(() => window.petitfour.flush());
  const { totals, campaigns } = await heard(({ totals }) => (totals.clicks ?? 0) > before);
  assert.equal(totals.clicks, before + 1);
  assert.equal(campaigns.find(({ name }) => name === "more-of-your-tea").clicks, 1);
});

step("the collector counted what was decided and seen, no more and no less", async () => {
  await page.evaluate(() => window.petitfour.flush());
  const told = await page.evaluate(() => window.tally);
  const sum = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);
  const { campaigns } = await heard(({ campaigns }) => campaigns.reduce((sum, { decisions }) => sum + decisions, 0) >= sum(told.decisions));
  for (const kind of ["decisions", "exposures"]) {
    const counted = Object.fromEntries(campaigns.filter((campaign) => campaign[kind] > 0).map((campaign) => [campaign.name, campaign[kind]]));
    assert.deepEqual(counted, told[kind], kind);
  }
  assert.equal(told.exposures["lemonade-ad"], 3);
});

step("who comes back is remembered: the taste, and the cap", async () => {
  const told = await visit(page, HOT);
  assert.equal(told.late, false);
  assert.equal(await shown("recommendation"), "tea-again");
  assert.equal(await shown("ad"), "house-ad");
  assert.equal((await why("ad"))["lemonade-ad"], "cap_day");
  assert.equal(await shift(page), 0);
});

step("who asks to be forgotten is, here and after coming back", async () => {
  await tabOf("memory");
  await page.click("[data-forget]");
  assert.deepEqual(await stored(), []);
  await shows("recommendation", "sparkling-crisp");
  assert.equal((await why("ad"))["lemonade-ad"], "permission");
  await visit(page, HOT);
  assert.equal(await shown("recommendation"), "sparkling-crisp");
  assert.deepEqual(await stored(), []);
});

step("a phone shows the same shop, and the counter as a sheet", async () => {
  const phone = await open(browser, { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
  const told = await visit(phone.page, HOT);
  assert.equal(told.shown, 3);
  await phone.page.screenshot({ path: `${pictures}/shop-390.png`, fullPage: true });
  const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `nothing is wider than the phone: ${wide}`);
  assert.equal(await shift(phone.page), 0);
  await phone.page.tap('[data-counter="open"]');
  await phone.page.tap("#tab-why");
  await until(phone.page, () => document.querySelectorAll("[data-why-of]").length === 3);
  await phone.page.waitForTimeout(400);
  await phone.page.screenshot({ path: `${pictures}/shop-390-why.png` });
  assert.deepEqual(phone.complaints, []);
  await phone.context.close();
});

step("who looks for what is gone is told when it is there again, in one press each", async () => {
  const visitor = await open(browser, { viewport: { width: 1280, height: 800 } });
  await visit(visitor.page, HOT);
  const hero = (creative) => until(visitor.page, (creative) => document.querySelector("[data-petitfour=hero]").dataset.pfShown === creative, creative);
  await visitor.page.click('[data-story="wanted"]');
  await hero("sparkling-rescue");
  await visitor.page.click('[data-story="back"]');
  await hero("water-is-back-a");
  await visitor.page.click("#tab-why");
  await until(visitor.page, () => /water is back/i.test(document.querySelector('[data-why-of="hero"] .why-won')?.textContent));
  await visitor.page.click("#tab-memory");
  await until(visitor.page, () => /deprived\s*told/i.test(document.querySelector("[data-profile]").textContent));
  await visitor.page.click("#tab-scene");
  await visitor.page.click('[data-story="twin"]');
  await until(visitor.page, () => /^water-(blue|green)$/.test(document.querySelector("[data-petitfour=hero]").dataset.pfShown));
  assert.deepEqual(visitor.complaints, []);
  await visitor.context.close();
});

step("a shelf that runs short asks for more where the file says so, and tells why", async () => {
  const visitor = await open(browser, { viewport: { width: 1280, height: 800 } });
  await visit(visitor.page, HOT);
  await visitor.page.click('[data-story="short"]');
  await until(visitor.page, () => /€1\.45 each/.test(document.querySelector("[data-petitfour=hero]").innerText));
  assert.match(await visitor.page.innerText("[data-petitfour=hero]"), /The last 3 bottles of still water/);
  // The next word on the shelf reaches what is shown already.
  await visitor.page.evaluate(() => {
    window.petitfour.feed("shelf", "triana", { "water-still": 2 });
    window.petitfour.feed("prices", "", { "water-still": 190 });
    window.petitfour.refresh();
  });
  await until(visitor.page, () => /last 2 bottles[^]*€2\.00 each/.test(document.querySelector("[data-petitfour=hero]").innerText));
  await visitor.page.click("#tab-why");
  await until(visitor.page, () => /its base is €1\.90, it is short, it does not rise over its ceiling/i.test(document.querySelector(".why-price")?.textContent));
  assert.deepEqual(visitor.complaints, []);
  await visitor.context.close();
});

step("the collector's page shows the counts to a person", async () => {
  await page.goto(`${origin.url}/collector/campaigns`);
  assert.match(await page.textContent("body"), /more-of-your-tea/);
  await page.screenshot({ path: `${pictures}/collector-1280.png`, fullPage: true });
});

test("the story is counted", () => claim("browser.shop", passed));

/** The collector's counts, once they are as told; messages gather for some seconds before they leave. */
async function heard(enough, patience = 15_000) {
  const end = Date.now() + patience;
  for (;;) {
    const counts = await origin.counts();
    if (enough(counts) || Date.now() > end) return counts;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
