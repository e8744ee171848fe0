/**
 * The pages of the collector in a real browser: coming in with the first token, what a viewer and what an admin can do, lift with its
 * interval, the path of evidence between two identifiers of a person; without a complaint of the policy, and by keyboard.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open, until } from "./support/browser.mjs";
import { collector } from "./support/collector.mjs";
import { inClone, scratch } from "./support/files.mjs";

const pictures = inClone("target", "screenshots");
const PAGES = ["", "/campaigns", "/segments", "/feeds", "/letters", "/deliveries", "/person", "/access"];
let browser, origin, folder, first;

/** The program that invents visitors and people: the one that the suite names, or where Cargo puts examples. */
function inventor() {
  const place = process.env.PETITFOUR_INVENTED ?? join(process.env.CARGO_TARGET_DIR ?? inClone("target"), "debug", "examples", "invented");
  if (!existsSync(place)) throw new Error("not built: run `cargo build -p petitfour-collector --example invented`");
  return place;
}

before(async () => {
  mkdirSync(pictures, { recursive: true });
  folder = scratch("dashboard");
  execFileSync(inventor(), [folder]);
  const more = ["--segments", join(folder, "segments.pf4"), ...["shelf", "price", "margin"].flatMap((feed) => ["--feed", `${feed}=${join(folder, feed)}.csv`])];
  origin = await collector(null, { bundle: join(folder, "bundle.pf4"), data: join(folder, "data"), closed: true, more });
  first = await waits(() => /login\?token=([0-9a-f]{64})/.exec(origin.lines.join("\n"))?.[1]);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await origin?.stop();
});

async function waits(fn, patience = 10_000) {
  const end = Date.now() + patience;
  for (let found; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    if ((found = await fn())) return found;
    if (Date.now() > end) throw new Error(`still not: ${fn}`);
  }
}

/** A tab of somebody who has come in with a token. */
async function tab(t, token, options = { viewport: { width: 1280, height: 900 } }) {
  const opened = await open(browser, options);
  t.after(() => opened.context.close());
  await opened.page.goto(`${origin.url}/collector/login?token=${token}`);
  await opened.page.click("text=To the overview");
  await opened.page.waitForSelector("#intake");
  return opened;
}

/** Nothing was thrown, refused by the policy, or written to the console as an error. */
function quiet({ complaints, console }) {
  assert.deepEqual(complaints, []);
  assert.deepEqual(console.filter((line) => line.startsWith("error") || line.startsWith("warning")), []);
}

/** Somebody is named on the page; their token. */
async function name(page, who, role) {
  await page.goto(`${origin.url}/collector/access`);
  await page.fill('form[action$="/access/add"] [name=name]', who);
  await page.selectOption('form[action$="/access/add"] [name=role]', role);
  await page.click("text=Make a token");
  return page.textContent("output");
}

const anna = async (page) => {
  await page.goto(`${origin.url}/collector/person`);
  await page.selectOption("[name=kind]", "user_id");
  await page.fill("[name=value]", "anna");
  await page.click("button:text-is(\"Find\")");
  await page.waitForSelector("#why");
};

test("the first token opens every page, and an admin names a viewer who sees less", async (t) => {
  const admin = await tab(t, first);
  const { page } = admin;
  assert.equal(new URL(page.url()).search, "", "the token is out of the address");
  for (const path of PAGES) {
    const answer = await page.goto(`${origin.url}/collector${path}`);
    assert.equal(answer.status(), 200, path);
    assert.equal(await page.locator("nav [aria-current=page]").count(), 1, path);
  }
  const token = await name(page, "Vera", "viewer");
  assert.match(token, /^[0-9a-f]{64}$/);
  await page.goto(`${origin.url}/collector/letters`);
  await page.click("summary >> nth=0");
  assert.ok(await page.isVisible("pre"), "an admin sees what was sent");
  quiet(admin);

  const viewer = await tab(t, token);
  assert.equal(await viewer.page.locator("nav >> text=Access").count(), 0);
  await viewer.page.goto(`${origin.url}/collector/letters`);
  assert.equal(await viewer.page.locator("summary").count(), 0, "a viewer does not");
  assert.ok(await viewer.page.isVisible("text=properties.revenue is no number"));
  await anna(viewer.page);
  assert.equal(await viewer.page.locator("text=Part these two").count(), 0);
  quiet(viewer);
  assert.equal((await viewer.page.goto(`${origin.url}/collector/access`)).status(), 403);
  assert.ok(await viewer.page.isVisible("text=This is for admins"));
  await viewer.page.click("text=Leave");
  await viewer.page.waitForSelector("text=Say who you are");
  await viewer.page.goto(`${origin.url}/collector`);
  assert.equal(new URL(viewer.page.url()).pathname, "/collector/login", "who has left stays outside");
});

test("lift is shown with its interval and said in a plain sentence", async (t) => {
  const opened = await tab(t, first);
  const { page } = opened;
  await page.goto(`${origin.url}/collector/campaigns`);
  const told = await (await page.request.get(`${origin.url}/v1/lift`)).json();
  const rows = page.locator("[data-lift]");
  assert.equal(await rows.count(), told.campaigns.filter(({ lift }) => lift.withheld.visitors > 0).length);
  const words = [];
  for (const { key, lift } of told.campaigns) {
    const row = page.locator(`[data-lift="${key}"]`);
    if (!(await row.count())) continue;
    const { difference, from, to } = lift.interval;
    const points = (share) => {
      const text = Math.abs(share * 100).toFixed(1);
      return text === "0.0" ? text : `${share < 0 ? "−" : "+"}${text}`;
    };
    assert.equal(await row.locator("td[data-label=difference] strong").textContent(), points(difference));
    assert.equal(await row.locator("td[data-label=difference] small").textContent(), `${points(from)} to ${points(to)}`);
    const said = await row.locator(".said").textContent();
    assert.equal(said.startsWith("No difference can be told yet"), from <= 0 && to >= 0, said);
    words.push(said.split(" ")[0]);
    // The whisker stands where the numbers say, on both sides of the zero line or on one.
    const [left, width] = await row.locator(".whisker").evaluate((bar) => [Number(bar.getAttribute("x")), Number(bar.getAttribute("width"))]);
    assert.equal(left < 500, from < 0);
    assert.equal(left + width > 500, to > 0);
  }
  assert.ok(words.includes("No") && words.includes("Of"), `${words}`);
  assert.ok((await page.locator(".funnel").count()) >= 4);
  await page.screenshot({ path: `${pictures}/dashboard-campaigns.png`, fullPage: true });
  quiet(opened);
});

test("a person's path of evidence is drawn and told, and an admin parts what was wrongly tied", async (t) => {
  const opened = await tab(t, first);
  const { page } = opened;
  await anna(page);
  const graph = page.locator(".graph");
  assert.ok((await graph.locator(".spot").count()) >= 7);
  assert.ok((await graph.locator(".spot.shared").count()) >= 1, "the kiosk's cookie is marked as shared");
  const from = await page.locator("[name=from] option", { hasText: "partner" }).getAttribute("value");
  const to = await page.locator("[name=to] option", { hasText: "device id" }).getAttribute("value");
  await page.selectOption("[name=from]", from);
  await page.selectOption("[name=to]", to);
  await page.click("text=Show the path");
  await page.waitForSelector("ol.steps");
  const steps = await page.locator("ol.steps li").allTextContents();
  assert.ok(steps.length >= 3, steps.join("\n"));
  assert.equal(await graph.locator(".tie.path").count(), steps.length, "as many lines as steps");
  assert.match(steps[0], /partner .* → card .*match table · from tv-partner · 91 % sure/s);
  await page.screenshot({ path: `${pictures}/dashboard-person.png`, fullPage: true });

  await page.click("text=Part these two >> nth=0");
  await page.waitForSelector("text=parted");
  await page.goto(`${page.url().split("#")[0]}?from=${from}&to=${to}`);
  assert.ok(await page.isVisible("text=not one person's"));
  await page.click("text=Let them be tied again");
  await page.waitForSelector("#why");
  assert.equal(await page.locator("text=parted").count(), 0);
  quiet(opened);
});

test("what comes in moves by itself, and stands still without script", async (t) => {
  const opened = await tab(t, first);
  const { page } = opened;
  const syncs = () => page.textContent("[data-total=syncs]");
  const before = await syncs();
  const body = readFileSync(join(folder, "syncs.bin"));
  // Some hundred messages, cut where one ends.
  let end = 0;
  for (let count = 0; count < 400; count++) end += 4 + body.readUInt32LE(end);
  const answer = await fetch(`${origin.url}/v1/syncs`, { method: "POST", headers: { authorization: `Bearer ${first}` }, body: body.subarray(0, end) });
  assert.equal(answer.status, 200);
  await waits(async () => (await syncs()) !== before);
  await until(page, () => document.getElementById("state").textContent === "Live.");
  quiet(opened);

  const still = await browser.newContext({ javaScriptEnabled: false });
  t.after(() => still.close());
  const plain = await still.newPage();
  await plain.goto(`${origin.url}/collector/login?token=${first}`);
  await plain.click("text=To the overview");
  assert.notEqual(await plain.textContent("[data-total=syncs]"), before);
  await plain.click("nav >> text=Campaigns");
  assert.ok(await plain.isVisible("[data-lift]"));
});

test("every page is reached and used by keyboard, and has its landmarks", async (t) => {
  const opened = await tab(t, first);
  const { page } = opened;
  for (const path of PAGES) {
    await page.goto(`${origin.url}/collector${path}`);
    const faults = await page.evaluate(() => {
      const found = [];
      for (const landmark of ["header", "nav", "main", "footer", "h1"]) if (document.querySelectorAll(landmark).length !== 1) found.push(landmark);
      for (const table of document.querySelectorAll("table")) if (!table.caption) found.push("a table without a caption");
      for (const field of document.querySelectorAll("input:not([type=hidden]), select")) if (!field.labels?.length) found.push(`no label: ${field.name}`);
      for (const svg of document.querySelectorAll("svg")) if (!svg.ariaHidden && !svg.ariaLabel) found.push("a picture that says nothing");
      return found;
    });
    assert.deepEqual(faults, [], path);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip", path);
  }
  // From the top: over the skip link and along the list of pages to campaigns.
  await page.goto(`${origin.url}/collector`);
  for (let press = 0; press < 3; press++) await page.keyboard.press("Tab");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, "solid", "where one stands is to be seen");
  await Promise.all([page.waitForURL("**/collector/campaigns"), page.keyboard.press("Enter")]);
  await page.goto(`${origin.url}/collector/person`);
  await page.focus("[name=kind]");
  await page.keyboard.type("user id");
  await page.keyboard.press("Tab");
  await page.keyboard.type("anna");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#why");
  quiet(opened);
});

test("pictures of every page are written, in light and dark, wide and narrow, and no text is too faint", async (t) => {
  for (const [name, options] of [
    ["light", { viewport: { width: 1280, height: 900 } }],
    ["dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }],
    ["narrow", { viewport: { width: 390, height: 844 } }],
  ]) {
    const opened = await tab(t, first, options);
    for (const path of PAGES) {
      await opened.page.goto(`${origin.url}/collector${path}`);
      await opened.page.screenshot({ path: `${pictures}/dashboard${path.replace("/", "-")}-${name}.png`, fullPage: true });
      const sideways = await opened.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert.ok(!sideways, `${path} runs out at the side: ${name}`);
      const faint = await opened.page.evaluate(contrasts);
      assert.deepEqual(faint, [], `${path} ${name}`);
    }
    quiet(opened);
  }
});

/** Texts whose contrast is below 4.5 to 1 (WCAG 2.2, level AA), as seen in the page. */
function contrasts() {
  const light = ([r, g, b]) => {
    const part = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const colour = (text) => text.match(/[\d.]+/g).map(Number);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found[3] !== 0) return found;
    }
    return [255, 255, 255];
  };
  const faint = new Set();
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.closest("svg, .hidden, .skip, option") || !element.checkVisibility()) continue;
    const [one, two] = [light(colour(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) faint.add(`${element.tagName} ${element.className} ${ratio.toFixed(2)}`);
  }
  return [...faint];
}
