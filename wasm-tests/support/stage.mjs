/** A page with the script tag and two placements, to go wrong in one way at a time. */
import assert from "node:assert/strict";
import { open, ready } from "./browser.mjs";
import { small } from "./bundle.mjs";
import { unpacked } from "./files.mjs";
import { STRICT, serve } from "./server.mjs";

export const bundle = small();
export const pkg = unpacked();

const page = (attributes) => `<!doctype html><html lang="en" data-pf-context-weather="sunny"><head><meta charset="utf-8"><title>stage</title>
<script src="/before.js"></script>
<script src="/pkg/script.js" data-bundle="/bundle.pf4" data-timeout="8000" ${attributes} async></script></head>
<body><div data-petitfour="hero"><h1 data-pf-text="headline">default</h1></div><p data-petitfour="bare">the page's own</p></body></html>`;

/**
 * Opens the page until the test `t` ends. `attributes` go on the tag, `before` is script that runs before it, `mounts` are served over or
 * instead of what there is, `init` runs before anything else.
 */
export async function stage(t, browser, { attributes = "", before = "", mounts = {}, policy = STRICT, init, given, context } = {}) {
  const server = await serve({ "/": page(attributes), "/before.js": `"use strict";\n${before}`, "/bundle.pf4": bundle.bytes, "/pkg": pkg, ...mounts }, { policy });
  t.after(server.close);
  const tab = await open(browser, context);
  t.after(() => tab.context.close());
  if (init) await tab.page.addInitScript(init, given);
  await tab.page.goto(server.url);
  return { ...tab, url: server.url };
}

/** What a page shows when all went well. */
export async function showsTheCreative({ page }) {
  const told = await ready(page);
  assert.equal(told.loaded, true);
  assert.equal(await page.textContent("h1"), "Out you go");
}

/** What a page shows, says and answers when `code` kept the engine away. */
export async function showsTheDefault({ page, codes, console, complaints }, code, { violations = false } = {}) {
  const told = await ready(page);
  assert.equal(told.loaded, false);
  assert.equal(await page.textContent("h1"), "default");
  assert.equal(await page.locator("h1").isVisible(), true);
  assert.equal(await page.locator("[data-petitfour=bare]").isVisible(), true);
  assert.equal(await page.getAttribute("[data-petitfour=hero]", "data-pf-shown"), "default");
  assert.deepEqual(codes, [code], "one event");
  assert.deepEqual(console.filter((line) => line.includes("petitfour")), [`warning: petitfour: ${code}`], "one line");
  const answers = await page.evaluate(async () => ({
    why: await window.petitfour.explain("hero"),
    profile: await window.petitfour.profile(),
    decision: window.petitfour.decide("hero").reason,
    tracked: window.petitfour.track("viewed"),
    permissions: window.petitfour.consent({ store: true }),
    identified: await window.petitfour.identify({ email: "someone@somewhere.org" }),
    exposed: window.petitfour.exposed("0000000000000001"),
    fed: window.petitfour.feed("shelf", "x", { y: 1 }),
    forgotten: window.petitfour.forget(),
    flushed: await window.petitfour.flush(),
  }));
  assert.deepEqual(answers.why.errors, [code]);
  assert.deepEqual([answers.why.reason, answers.why.campaigns, answers.profile, answers.decision], ["nothing", [], null, "nothing"]);
  assert.deepEqual([answers.tracked, answers.exposed], [false, false]);
  assert.deepEqual(complaints.filter((complaint) => !violations || !complaint.startsWith("policy:")), [], "nothing is thrown into the page");
}
