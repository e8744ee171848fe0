/**
 * What a real browser does to storage: it forbids it, fills it, empties it, freezes the page that uses it. A visitor who may be
 * remembered is, as long as anything is left to remember by, and is decided for in any case.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, launchWith, ready, until } from "./support/browser.mjs";
import { collector } from "./support/collector.mjs";
import { scratch } from "./support/files.mjs";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { serve } from "./support/server.mjs";
import { bundle, pkg, showsTheCreative, stage } from "./support/stage.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const AGREE = 'window.petitfour = [["consent", { store: true, personalise: true }]];';

const viewed = (page) =>
  page.evaluate(async () => (await window.petitfour.profile()).counters.find(({ name }) => name === "viewed")?.total ?? 0);
const track = (page, times = 1) =>
  page.evaluate((times) => {
    for (let time = 0; time < times; time++) window.petitfour.track("viewed");
  }, times);
const keys = (page) => page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("petitfour.")).sort());
const cookies = (context) => context.cookies().then((all) => all.map(({ name }) => name).sort());

/** Waits until this tab writes the profile. */
const holds = (page) => until(page, () => navigator.locks.query().then(({ held }) => held.length === 1));

async function again(page) {
  await page.reload();
  await ready(page);
}

// ---- either alone ----------------------------------------------------------------------------------------------

test("with data-cookie either alone is enough to be remembered: the cookie, or localStorage", async (t) => {
  const place = await stage(t, browser, { before: AGREE, attributes: "data-cookie" });
  const { page, context } = place;
  await showsTheCreative(place);
  await holds(page);
  await track(page, 3);
  assert.deepEqual(await cookies(context), ["petitfour", "petitfour.consent"]);
  await page.goto(`${place.url}/none`);
  await page.evaluate(() => localStorage.clear());
  await page.goto(place.url);
  await ready(page);
  assert.equal(await viewed(page), 3, "by the cookie");
  await holds(page);
  await track(page);
  assert.ok((await keys(page)).includes("petitfour.profile"), "and localStorage has it again");
  await context.clearCookies();
  await again(page);
  assert.equal(await viewed(page), 4, "by localStorage");
  await holds(page);
  await track(page);
  assert.deepEqual(await cookies(context), ["petitfour", "petitfour.consent"], "and the cookie is there again");
  assert.deepEqual(place.complaints, []);
});

test("without data-cookie nothing is in a cookie, and the keys are those that are documented", async (t) => {
  const place = await stage(t, browser, { before: AGREE });
  await showsTheCreative(place);
  await holds(place.page);
  await track(place.page);
  assert.deepEqual(await cookies(place.context), []);
  assert.deepEqual(await keys(place.page), ["petitfour.consent", "petitfour.hold", "petitfour.profile"]);
});

test("where localStorage is forbidden the cookie remembers, and the queue stays in memory", async (t) => {
  const place = await stage(t, browser, {
    before: 'window.petitfour = [["consent", { store: true, personalise: true, measure: true }]];',
    attributes: 'data-collector="/v1/sync"',
    mounts: { "/v1/sync": (_, response) => response.writeHead(503).end() },
    init: () => Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } }),
  });
  const { page, context } = place;
  await showsTheCreative(place);
  await holds(page);
  await track(page, 2);
  await again(page);
  assert.equal(await viewed(page), 2);
  assert.deepEqual(await cookies(context), ["petitfour", "petitfour.consent"]);
  const [{ value, expires, sameSite, path }] = (await context.cookies()).filter(({ name }) => name === "petitfour");
  assert.ok(value.length <= 3928);
  assert.ok(expires * 1000 - Date.now() > 390 * 864e5);
  assert.deepEqual([sameSite, path], ["Lax", "/"]);
  await page.evaluate(() => window.petitfour.forget());
  assert.deepEqual(await cookies(context), []);
  assert.deepEqual(place.complaints, []);
});

test("a site whose cookies are long already gets none of ours, and is told", async (t) => {
  const place = await stage(t, browser, {
    before: `for (let n = 0; n < 3; n++) document.cookie = "own" + n + "=" + "x".repeat(2080);${AGREE}`,
    attributes: "data-cookie",
  });
  await showsTheCreative(place);
  await holds(place.page);
  await track(place.page);
  assert.deepEqual((await cookies(place.context)).filter((name) => name.startsWith("petitfour")), []);
  assert.deepEqual(place.codes, ["cookie/refused"]);
  assert.ok((await keys(place.page)).includes("petitfour.profile"));
});

// ---- full, forbidden -------------------------------------------------------------------------------------------

test("a full localStorage: the cookie takes over, nothing old is left beside it, and it goes back when there is room", async (t) => {
  const place = await stage(t, browser, { before: AGREE });
  const { page, context } = place;
  await showsTheCreative(place);
  await holds(page);
  await track(page, 2);
  await page.evaluate(() => {
    let filler = "x".repeat(1 << 20);
    for (let number = 0; filler; ) {
      try {
        localStorage.setItem(`full${number}`, filler);
        number++;
      } catch {
        filler = filler.slice(0, filler.length >> 1);
      }
    }
  });
  await track(page, 3);
  // One more thing to remember, so that the profile needs room that is not there.
  await page.evaluate(() => window.petitfour.exposed(window.petitfour.decide("hero", { weather: "rain" })));
  assert.deepEqual(place.codes, ["storage/full"]);
  assert.ok((await cookies(context)).includes("petitfour"));
  assert.ok(!(await keys(page)).includes("petitfour.profile"), "an elder copy is not left");
  await again(page);
  assert.equal(await viewed(page), 5);
  await page.evaluate(() => Object.keys(localStorage).forEach((key) => key.startsWith("full") && localStorage.removeItem(key)));
  await again(page);
  await holds(page);
  await track(page);
  assert.ok((await keys(page)).includes("petitfour.profile"));
  assert.deepEqual(await cookies(context), []);
  await again(page);
  assert.equal(await viewed(page), 6);
  assert.deepEqual(place.complaints, []);
});

test("a browser whose visitor forbids cookies decides, counts and caps for as long as the page lives, and keeps nothing", async (t) => {
  const server = await serve({
    "/": `<!doctype html><html lang="en" data-pf-context-weather="rain"><meta charset="utf-8"><title>t</title><script src="/before.js"></script>
      <script src="/pkg/script.js" data-bundle="/bundle.pf4" data-cookie data-keep="/v1/keep" data-timeout="8000" async></script>`,
    "/before.js": `${AGREE} document.addEventListener("petitfour:ready", ({ detail }) => (window.__ready = detail));
      window.codes = []; document.addEventListener("petitfour:error", ({ detail }) => window.codes.push(detail.code));`,
    "/bundle.pf4": bundle.bytes,
    "/pkg": pkg,
    "/v1/keep": (_, response) => response.writeHead(204, { "set-cookie": "petitfour_kept=AQID; Path=/v1/keep" }).end(),
  });
  t.after(server.close);
  const context = await launchWith({ profile: { default_content_setting_values: { cookies: 2 } } });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(server.url);
  await ready(page);
  assert.equal(await page.evaluate(() => { try { return !!localStorage; } catch { return false; } }), false, "it is forbidden indeed");
  await track(page, 2);
  const seen = await page.evaluate(() => [1, 2, 3].map(() => {
    const decision = window.petitfour.decide("hero", { weather: "rain" });
    window.petitfour.exposed(decision);
    return decision.campaign;
  }));
  assert.deepEqual(seen, ["seen-before", "seen-before", null]);
  assert.deepEqual(await context.cookies(), []);
  const codes = await page.evaluate(() => window.codes);
  assert.ok(codes.includes("storage/blocked") && codes.every((code) => /^(storage|cookie)\//.test(code)), String(codes));
  await again(page);
  assert.equal(await viewed(page), 0, "the next page knows nobody");
});

// ---- frozen, left ----------------------------------------------------------------------------------------------

/** A browser that freezes pages, a page of it, and another one to go to; pages that ask not to be stored are not frozen. */
async function freezing(t) {
  const storable = (html) => (_, response) => response.setHeader("cache-control", "no-cache").setHeader("content-type", "text/html").end(html);
  const server = await serve({
    "/": storable(`<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title><script src="/before.js"></script>
      <script src="/pkg/script.js" data-bundle="/bundle.pf4" data-timeout="8000" async></script>`),
    "/other": storable("<!doctype html><title>other</title>"),
    "/before.js": AGREE,
    "/bundle.pf4": bundle.bytes,
    "/pkg": pkg,
  });
  t.after(server.close);
  const frozen = await launch({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  t.after(() => frozen.close());
  const context = await frozen.newContext();
  const visit = async () => {
    const page = await context.newPage();
    await page.goto(server.url);
    await until(page, () => window.petitfour?.loaded?.());
    return page;
  };
  const page = await visit();
  await holds(page);
  await page.evaluate(() => {
    window.stayed = true;
    addEventListener("pageshow", ({ persisted }) => (window.persisted = persisted));
  });
  await track(page, 2);
  await page.goto(`${server.url}/other`);
  return { page, visit };
}

const counts = (page, total) =>
  until(page, async (total) => (await window.petitfour.profile()).counters.find(({ name }) => name === "viewed")?.total === total, total);

test("a page that comes back from the back/forward cache has missed nothing, and was let into it", async (t) => {
  const { page, visit } = await freezing(t);
  const second = await visit();
  await holds(second);
  await track(second, 3);
  assert.equal(await viewed(second), 5, "the frozen page keeps nobody from writing");
  await page.goBack({ waitUntil: "commit" });
  assert.deepEqual(await page.evaluate(() => [window.stayed, window.persisted]), [true, true]);
  await track(page);
  await counts(page, 6);
  await counts(second, 6);
});

test("who is forgotten while a page is frozen is forgotten there too", async (t) => {
  const { page, visit } = await freezing(t);
  const second = await visit();
  await second.evaluate(() => window.petitfour.forget());
  await page.goBack({ waitUntil: "commit" });
  assert.equal(await page.evaluate(() => window.stayed), true);
  await until(page, () => !window.petitfour.consent().store);
  await track(page);
  await page.waitForTimeout(200);
  assert.deepEqual(await keys(page), []);
});

test("what is recorded while the page goes is kept", async (t) => {
  const place = await stage(t, browser, { before: AGREE });
  const { page } = place;
  await showsTheCreative(place);
  await holds(page);
  await page.evaluate(() => addEventListener("pagehide", () => window.petitfour.track("viewed")));
  await again(page);
  await counts(page, 1);
});

// ---- what a server keeps ---------------------------------------------------------------------------------------

async function shop(t, before) {
  const www = scratch("www");
  writeFileSync(join(www, "index.html"), `<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title><script src="/before.js"></script>
    <script src="/pkg/script.js" data-bundle="/bundle.pf4" data-keep="/v1/keep" data-timeout="8000" async></script>`);
  writeFileSync(join(www, "other.html"), "<!doctype html><title>other</title>");
  writeFileSync(join(www, "before.js"), `document.addEventListener("petitfour:ready", ({ detail }) => (window.__ready = detail)); ${before}`);
  const origin = await collector(t, { bundle: bundle.path, www: [www, `/pkg=${pkg}`] });
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const asked = [];
  page.on("request", (request) => request.url().endsWith("/v1/keep") && asked.push(request.method()));
  await page.goto(origin.url);
  await ready(page);
  return { origin, context, page, asked };
}

const cookie = async (context, { url }) => (await context.cookies(`${url}/v1/keep`)).find(({ name }) => name === "petitfour_kept");

/** Leaves the page and comes back, as the next visit does. */
const leave = async (page, { url }) => {
  await page.goto(`${url}/other.html`);
  await page.waitForTimeout(200);
};

test("the collector's cookie brings back whom the browser has forgotten, asked for once a day and by nobody else", async (t) => {
  const { origin, context, page, asked } = await shop(t, AGREE);
  await holds(page);
  await track(page, 4);
  await leave(page, origin);
  const kept = await cookie(context, origin);
  assert.deepEqual([kept.httpOnly, kept.path, kept.sameSite], [true, "/v1/keep", "Lax"]);
  await page.goto(origin.url);
  await ready(page);
  await holds(page);
  await track(page);
  await leave(page, origin);
  assert.equal((await cookie(context, origin)).value, kept.value, "once a day is enough");

  // Seven days later, in Safari.
  await page.evaluate(() => localStorage.clear());
  await page.goto(origin.url);
  await ready(page);
  await counts(page, 4);
  assert.ok((await keys(page)).includes("petitfour.profile"));
  await page.evaluate(() => window.petitfour.forget());
  await page.waitForTimeout(300);
  assert.deepEqual(asked, ["GET", "GET", "DELETE"], "asked for when there is nothing, here at first and after it was lost");
  assert.equal(await cookie(context, origin), undefined);
  await page.goto(origin.url);
  await ready(page);
  await page.waitForTimeout(200);
  assert.equal(await viewed(page), 0, "who is forgotten does not come back");
});

test("without the permission to store nothing is handed in and nothing is asked for", async (t) => {
  const { origin, context, page, asked } = await shop(t, "window.petitfour = [];");
  await track(page, 2);
  await leave(page, origin);
  await page.goto(origin.url);
  await ready(page);
  assert.deepEqual(asked, []);
  assert.equal(await cookie(context, origin), undefined);
});
