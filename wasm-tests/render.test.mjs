/** A hostile bundle in the browser: no script of it runs, with and without a policy that would stop it. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, ready, until } from "./support/browser.mjs";
import { compileText } from "./support/bundle.mjs";
import { campaigns, harmless, html, places } from "./support/hostile.mjs";
import { pkg } from "./support/stage.mjs";
import { STRICT, serve } from "./support/server.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const LAX = "";
const TAG = '<script src="/pkg/script.js" data-bundle="/bundle.pf4" data-timeout="8000" async></script>';
for (const [under, policy] of [["the strict policy", STRICT.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")], ["no policy at all", LAX]]) {
  test(`under ${under} nothing that a creative says runs`, async (t) => {
    const server = await serve({ "/": html(TAG), "/bundle.pf4": compileText(campaigns).bytes, "/pkg": pkg, "/own.svg": '\n<svg xmlns="http://www.w3.org/2000/svg"/>' }, { policy });
    t.after(server.close);
    const { page, complaints, codes } = await open(browser);
    t.after(() => page.context().close());
    await page.goto(server.url);
    await ready(page);
    await until(page, (count) => document.querySelectorAll("[data-pf-shown^=f-]").length === count, places.length * 2);

    await harmless(page);
    // A browser reports to the policy what its own sanitizer then takes out; that nothing runs without one is the proof.
    assert.deepEqual(complaints.filter((complaint) => !complaint.startsWith("policy:")), []);
    assert.deepEqual(codes, []);
  });
}
