/**
 * Consent as pages have it: platforms by the IAB's own libraries, Global Privacy Control, Consent Mode, the page's call,
 * in a real browser. What is permitted, what is stored, and what is asked of the network.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch, ready } from "./support/browser.mjs";
import { EVERYTHING, NOTHING, PLATFORMS, STUB, gppString, tcString } from "./support/platforms.mjs";
import { bundle, pkg, stage } from "./support/stage.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const ALL = { store: true, personalise: true, measure: true, share: true };
const NONE = { store: false, personalise: false, measure: false, share: false };
const READER = "petitfour_reader_bg.wasm";

const GTAG = `window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments); }`;

/** A page whose first script is `said`; `visit(said)` loads it again with another one. */
async function page(t, said, options = {}) {
  let script = said;
  const answer = (_, response) => {
    response.setHeader("content-type", "text/javascript");
    response.end(`${PLATFORMS}\n${script}`);
  };
  const place = await stage(t, browser, { ...options, mounts: { "/before.js": answer, ...options.mounts } });
  await ready(place.page);
  place.asked = [];
  place.page.on("request", (request) => place.asked.push(new URL(request.url()).pathname.split("/").at(-1)));
  place.visit = async (next) => {
    script = next ?? script;
    place.asked = [];
    await place.page.reload();
    await ready(place.page);
  };
  return place;
}

/** Waits until exactly this is permitted. */
const permits = async ({ page }, expected) => {
  const state = () => page.evaluate(() => JSON.stringify(window.petitfour.consent()));
  for (let look = 0; look < 100 && (await state()) !== JSON.stringify(expected); look++) await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(JSON.parse(await state()), expected);
};

/** Waits until everything that was said is judged. */
const judged = ({ page }) => page.evaluate(() => window.petitfour.signals());
const keys = ({ page }) => page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("petitfour.")).sort());
const profile = ({ page }) => page.evaluate(() => localStorage.getItem("petitfour.profile"));
const views = async ({ page }) => (await page.evaluate(() => window.petitfour.profile())).counters.find(({ name }) => name === "viewed")?.total ?? 0;

test("consent to every purpose opens everything, and is not judged again while the string stays", async (t) => {
  const place = await page(t, `${STUB} setTimeout(() => tcf(${JSON.stringify(EVERYTHING)}), 100);`);
  await permits(place, ALL);
  assert.deepEqual((await judged(place)).heard, ["tcf"]);
  await place.page.evaluate(() => window.petitfour.track("viewed"));
  assert.ok((await keys(place)).includes("petitfour.profile"));
  await place.visit();
  await permits(place, ALL);
  assert.equal(await views(place), 1, "the profile of the page before is there");
  assert.deepEqual(place.asked.filter((file) => file === READER), []);
  // Another string is judged anew.
  await place.visit(`${STUB} tcf(${JSON.stringify(tcString([1, 7, 8]))});`);
  await permits(place, { ...NONE, store: true, measure: true });
  assert.deepEqual(place.asked.filter((file) => file === READER), [READER]);
  assert.equal(await views(place), 1);
  assert.deepEqual([place.complaints, place.codes], [[], []]);
});

test("a refusal stores nothing, on every page", async (t) => {
  const place = await page(t, `${STUB} tcf(${JSON.stringify(NOTHING)});`);
  for (let visit = 0; visit < 2; visit++) {
    const verdict = await judged(place);
    assert.deepEqual(verdict, { ...NONE, heard: ["tcf"], fault: null });
    await place.page.evaluate(() => window.petitfour.track("viewed"));
    assert.deepEqual(await keys(place), []);
    assert.equal(await place.page.textContent("h1"), "Out you go", "what the moment says still decides");
    await place.visit();
  }
});

test("consent that is withdrawn after having been given empties the device", async (t) => {
  const place = await page(t, `tcf(${JSON.stringify(EVERYTHING)});`);
  await permits(place, ALL);
  await place.page.evaluate(() => window.petitfour.track("viewed"));
  assert.notDeepEqual(await keys(place), []);
  // The platform shows its dialogue again: nothing was said yet.
  await place.page.evaluate((text) => window.tcf(text, true), EVERYTHING);
  await judged(place);
  await permits(place, ALL);
  await place.page.evaluate((text) => window.tcf(text), NOTHING);
  await permits(place, NONE);
  assert.deepEqual(await keys(place), []);
});

test("withdrawn between two pages it empties the device too", async (t) => {
  const place = await page(t, `tcf(${JSON.stringify(EVERYTHING)});`);
  await permits(place, ALL);
  await place.page.evaluate(() => window.petitfour.track("viewed"));
  await place.visit(`tcf(${JSON.stringify(NOTHING)});`);
  await judged(place);
  assert.deepEqual(await keys(place), []);
});

test("a platform that has not answered permits nothing and erases nothing", async (t) => {
  const place = await page(t, `tcf(${JSON.stringify(EVERYTHING)});`);
  await permits(place, ALL);
  await place.page.evaluate(() => window.petitfour.track("viewed"));
  const stored = await profile(place);
  for (const silent of [STUB, `${STUB} tcf("", true);`, `tcf(${JSON.stringify(NOTHING)}, true);`, ""]) {
    await place.visit(silent);
    assert.deepEqual(await judged(place), { ...NONE, heard: [], fault: null }, silent);
    await place.page.evaluate(() => window.petitfour.track("viewed"));
    assert.equal(await profile(place), stored, silent);
  }
  await place.visit(`${STUB} tcf(${JSON.stringify(EVERYTHING)});`);
  await permits(place, ALL);
  assert.equal(await views(place), 1, "nothing that came before the answer was counted");
});

test("a platform that comes after the tag is found", async (t) => {
  const place = await page(t, `window.come = () => { ${STUB} setTimeout(() => tcf(${JSON.stringify(EVERYTHING)}), 300); };`);
  assert.deepEqual(await judged(place), { ...NONE, heard: [], fault: null });
  await place.page.evaluate(() => window.come());
  await permits(place, ALL);
});

test("where the GDPR does not apply the string is left out", async (t) => {
  const place = await page(t, `tcf(null); window.petitfour = [["consent", { store: true }]];`);
  assert.deepEqual(await judged(place), { ...NONE, store: true, heard: ["choice"], fault: null });
});

test("GPP: before an objection everything is open, an objection closes, and an older platform's answer is not repeated", async (t) => {
  const [free, sold] = [gppString({}), gppString({ SaleOptOut: 1 })];
  const place = await page(t, `gpp(${JSON.stringify(free)});`);
  await permits(place, ALL);
  assert.deepEqual((await judged(place)).heard, ["us"]);
  await place.page.evaluate((text) => window.gpp(text), sold);
  await permits(place, { ...ALL, share: false });
  await place.visit(`gpp(${JSON.stringify(sold)});`);
  await permits(place, { ...ALL, share: false });
  assert.deepEqual(place.asked.filter((file) => file === READER), []);
  assert.deepEqual(place.complaints, []);
});

test("the legacy US Privacy string is heard", async (t) => {
  const place = await page(t, `window.__uspapi = (command, version, callback) => callback({ version: 1, uspString: "1YYN" }, true);`);
  await permits(place, { ...ALL, share: false });
});

test("Global Privacy Control narrows what holds", async (t) => {
  const init = () => Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true });
  const place = await page(t, `gpp(${JSON.stringify(gppString({}))});`, { init });
  await permits(place, { ...NONE, store: true, measure: true });
  assert.deepEqual((await judged(place)).heard, ["us", "gpc"]);
  await place.page.evaluate(() => window.petitfour.consent({ store: true, personalise: true, measure: true, share: true }));
  await permits(place, { ...NONE, store: true, measure: true });
});

test("Consent Mode: denied by default, granted by an update, taken back by another", async (t) => {
  const denied = `${GTAG} gtag("consent", "default", { ad_storage: "denied", analytics_storage: "denied", ad_user_data: "denied", ad_personalization: "denied" });`;
  const granted = `gtag("consent", "update", { analytics_storage: "granted", ad_personalization: "granted" });`;
  const place = await page(t, denied);
  assert.deepEqual(await judged(place), { ...NONE, heard: ["consent_mode"], fault: null });
  assert.deepEqual(await keys(place), []);
  await place.page.evaluate(() => window.gtag("consent", "update", { analytics_storage: "granted", ad_personalization: "granted" }));
  await permits(place, { ...ALL, share: false });
  await place.page.evaluate(() => window.petitfour.track("viewed"));
  // Every page begins with the default: it closes, but it is not the visitor's word.
  await place.visit(denied);
  await judged(place);
  assert.deepEqual(await place.page.evaluate(() => window.petitfour.consent()), NONE);
  assert.ok(await profile(place), "a default erases nothing");
  await place.visit(`${denied} ${granted}`);
  await permits(place, { ...ALL, share: false });
  assert.equal(await views(place), 1);
  assert.deepEqual(place.asked.filter((file) => file === READER), []);
  await place.page.evaluate(() => window.gtag("consent", "update", { analytics_storage: "denied", ad_personalization: "denied" }));
  assert.deepEqual(await judged(place), { ...NONE, heard: ["consent_mode"], fault: null });
  assert.deepEqual(await keys(place), []);
});

test("an update that comes late is waited for: the default before it is neither judged nor a withdrawal", async (t) => {
  const denied = `${GTAG} gtag("consent", "default", { analytics_storage: "denied", ad_user_data: "denied" });`;
  const update = `gtag("consent", "update", { analytics_storage: "granted" });`;
  const place = await page(t, `${denied} ${update}`);
  await permits(place, { ...NONE, store: true, measure: true });
  await place.visit(`${denied} window.late = () => { ${update} };`);
  await judged(place);
  await permits(place, NONE);
  await place.page.evaluate(() => window.late());
  await permits(place, { ...NONE, store: true, measure: true });
  assert.deepEqual(place.asked.filter((file) => file === READER), []);
});

test("a platform's refusal empties the device, whatever Consent Mode has by default", async (t) => {
  const granted = `${GTAG} gtag("consent", "default", { ad_storage: "granted", analytics_storage: "granted", ad_user_data: "granted", ad_personalization: "granted" });`;
  const place = await page(t, `${granted} tcf(${JSON.stringify(EVERYTHING)});`);
  await permits(place, ALL);
  await place.page.evaluate((text) => window.tcf(text), NOTHING);
  await judged(place);
  await permits(place, NONE);
  assert.deepEqual(await keys(place), []);
});

test("the page's own call needs no reader, and is remembered", async (t) => {
  const place = await page(t, "");
  await place.visit("window.petitfour = [['consent', { store: true, personalise: true }]];");
  await permits(place, { ...NONE, store: true, personalise: true });
  await place.visit("");
  await permits(place, { ...NONE, store: true, personalise: true });
  assert.deepEqual(place.asked.filter((file) => /reader/.test(file)), []);
  assert.deepEqual(await place.page.evaluate(() => window.petitfour.consent({ store: false })), { ...NONE, personalise: true });
  assert.deepEqual(await keys(place), []);
});

test("whoever has spoken has to agree", async (t) => {
  const place = await page(t, `tcf(${JSON.stringify(tcString([1, 7, 8]))});`);
  await permits(place, { ...NONE, store: true, measure: true });
  await place.page.evaluate(() => window.petitfour.consent({ store: true, personalise: true, measure: false, share: true }));
  await permits(place, { ...NONE, store: true });
  await place.page.evaluate((text) => window.tcf(text), EVERYTHING);
  await permits(place, { ...ALL, measure: false });
  // The page's word is remembered beside the platform's.
  await place.visit(`tcf(${JSON.stringify(EVERYTHING)});`);
  await permits(place, { ...ALL, measure: false });
});

test("in a region of consent that nobody objected opens nothing", async (t) => {
  const place = await page(t, `gpp(${JSON.stringify(gppString({}))});`, { attributes: `data-region="opt_in"` });
  assert.deepEqual(await judged(place), { ...NONE, heard: ["us", "region"], fault: null });
});

test("a string that cannot be read permits nothing, says why, and erases nothing", async (t) => {
  const place = await page(t, `tcf(${JSON.stringify(EVERYTHING)});`);
  await permits(place, ALL);
  const stored = await profile(place);
  const broken = `window.__tcfapi = (command, version, callback) => callback({ gdprApplies: true, eventStatus: "tcloaded", tcString: "CAA" }, true);`;
  await place.visit(broken);
  assert.deepEqual(await judged(place), { ...NONE, heard: [], fault: "consent/tcf_truncated" });
  assert.deepEqual(place.codes, ["consent/tcf_truncated"]);
  assert.equal(await profile(place), stored);
});

test("a reader that is blocked permits nothing: reader/missing", async (t) => {
  for (const file of ["reader.mjs", "petitfour_reader.js", READER]) {
    const missing = (_, response) => response.writeHead(404).end("not found");
    const place = await page(t, `tcf(${JSON.stringify(EVERYTHING)});`, { mounts: { [`/pkg/${file}`]: missing } });
    await judged(place);
    assert.deepEqual(await place.page.evaluate(() => [window.petitfour.consent(), window.petitfour.errors()]), [NONE, ["reader/missing"]], file);
    assert.deepEqual(await keys(place), []);
    assert.equal(await place.page.textContent("h1"), "Out you go");
    assert.deepEqual(place.complaints, []);
  }
});

test("what happens while a verdict is under way counts under it", async (t) => {
  const slow = (file) => async (_, response) => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    response.setHeader("content-type", "text/javascript");
    response.end(file);
  };
  const mounts = { "/pkg/reader.mjs": slow(readFileSync(`${pkg}/reader.mjs`)) };
  const calls = `window.petitfour = [["track", "viewed"]];`;
  const place = await page(t, `${calls} tcf(${JSON.stringify(EVERYTHING)});`, { mounts });
  await permits(place, ALL);
  assert.equal(await views(place), 1);
  const refused = await page(t, `${calls} tcf(${JSON.stringify(NOTHING)});`, { mounts });
  await judged(refused);
  assert.deepEqual(await keys(refused), []);
});

test("after forget() what was said before opens nothing any more", async (t) => {
  const place = await page(t, `tcf(${JSON.stringify(EVERYTHING)});`);
  await permits(place, ALL);
  await place.page.evaluate(() => (window.petitfour.track("viewed"), window.petitfour.forget(), window.petitfour.track("viewed")));
  await judged(place);
  await permits(place, NONE);
  assert.deepEqual(await keys(place), []);
});

test("forget() while a platform is silent has the origin forget the pseudonym that is stored", async (t) => {
  const bodies = [];
  const collect = (request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      bodies.push(Buffer.concat(parts).toString("hex"));
      response.end();
    });
  };
  const place = await page(t, `${STUB} tcf(${JSON.stringify(EVERYTHING)});`, {
    attributes: `data-collector="/v1/sync"`,
    mounts: { "/v1/sync": collect },
  });
  await permits(place, ALL);
  const { visitor } = await place.page.evaluate(async () => {
    window.petitfour.decide("hero");
    await window.petitfour.flush();
    return window.petitfour.profile();
  });
  assert.ok(bodies.some((body) => body.includes(visitor)));
  await place.visit(STUB);
  bodies.length = 0;
  await place.page.evaluate(() => window.petitfour.forget());
  for (let look = 0; look < 100 && !bodies.length; look++) await new Promise((resolve) => setTimeout(resolve, 30));
  assert.ok(bodies.some((body) => body.includes(visitor)), "the tombstone names the visitor who was there");
  assert.deepEqual(await keys(place), []);
});

test("what came under sharing waits with it, and is not let go for want of an answer", async (t) => {
  const said = `${GTAG} window.petitfour = window.petitfour || []; window.petitfour.push(["consent", { store: true, personalise: true, measure: true, share: true }]);`;
  const place = await page(t, said);
  await permits(place, ALL);
  await place.page.evaluate(() => window.petitfour.identify({ userId: "u-1" }));
  const kept = () => place.page.evaluate(() => localStorage.getItem("petitfour.identifiers"));
  const before = await kept();
  assert.ok(before);
  // A default that denies sharing is no answer of the visitor's: the update may come.
  const denied = `gtag("consent", "default", { analytics_storage: "granted", personalization_storage: "granted", ad_user_data: "denied" });`;
  await place.visit(`${said} ${denied}`);
  await permits(place, { ...ALL, share: false });
  assert.equal(await kept(), before);
});

test("a server judges what the request says", async () => {
  const { load } = await import(`${pkg}/node.mjs`);
  const client = await load({ bundle: bundle.bytes, storage: null });
  assert.deepEqual(await client.signals({ tcf: EVERYTHING, gdpr: true }), { ...ALL, heard: ["tcf"], fault: null });
  assert.deepEqual(client.consent({ gpc: true }), { ...NONE, store: true, measure: true }, "the reader is there: judged at once");
  assert.deepEqual(client.consent({ tcf: null, gdpr: null, gpp: gppString({}), gpp_sections: [7], gpc: false }), ALL);
  assert.deepEqual(client.consent({ gpp: null, gpp_sections: null }), NONE);
  assert.deepEqual(client.errors(), []);
});
