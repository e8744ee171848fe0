/**
 * A hostile bundle: whatever a creative says, no script of it runs, with and without a policy that would stop it. The
 * canary is a property of the window that every attempt would set.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, ready, until } from "./support/browser.mjs";
import { compileText } from "./support/bundle.mjs";
import { pkg } from "./support/stage.mjs";
import { STRICT, serve } from "./support/server.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const SCRIPT = "<script>window.canary = 1</script>";
const PICTURE = '<img src="x" onerror="window.canary = 2">';
const MARKUP = `<b onclick="window.canary = 3">bold</b>${SCRIPT}${PICTURE}<svg onload="window.canary = 4"></svg><iframe srcdoc="<script>parent.canary = 5</script>"></iframe><a href="javascript:window.canary = 6">x</a>`;

/** Addresses that would run script, in the disguises that parsers take off. */
const ADDRESSES = [
  "javascript:window.canary=10",
  "JaVaScRiPt:window.canary=11",
  "  javascript:window.canary=12",
  "java\\tscript:window.canary=13",
  "java\\nscript:window.canary=14",
  "\\u0001javascript:window.canary=15",
  "data:text/html,<script>parent.canary=16</script>",
  "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='parent.canary=17'/>",
  "vbscript:window.canary=18",
  "blob:null/0",
  "file:///etc/passwd",
];

const creative = (address) => `headline: '${SCRIPT}', text: '${PICTURE}', markup: ${JSON.stringify(MARKUP)}, image: "${address}", link: "${address}", alt: '" onerror="window.canary=7', cta: '${SCRIPT}'`;

const places = ADDRESSES.map((address, number) => ({ address, slots: `slots-${number}`, plain: `plain-${number}` }));
const campaigns = `petitfour: 1
version: 1
placements:
${places.map(({ slots, plain }) => `  ${slots}: { fallback: f-${slots} }\n  ${plain}: { fallback: f-${plain} }`).join("\n")}
fallbacks:
${places.map(({ slots, plain, address }) => `  f-${slots}: { ${creative(address)} }\n  f-${plain}: { ${creative(address)} }`).join("\n")}
`;

const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>canary</title>
<script src="/pkg/script.js" data-bundle="/bundle.pf4" data-timeout="8000" async></script>
${places.map(({ slots, plain }) => `<section data-petitfour="${slots}"><h2 data-pf-text="headline">d</h2><p data-pf-html="markup">d</p>
  <a data-pf-href="link" href="#own">l</a><img data-pf-src="image" data-pf-alt="alt" src="/own.svg"><iframe data-pf-src="image" title="f"></iframe>
  <script type="text/plain" data-pf-text="cta"></script><style data-pf-html="markup"></style></section><div data-petitfour="${plain}">d</div>`).join("\n")}
</html>`;

const LAX = "";
for (const [under, policy] of [["the strict policy", STRICT.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")], ["no policy at all", LAX]]) {
  test(`under ${under} nothing that a creative says runs`, async (t) => {
    const server = await serve({ "/": html, "/bundle.pf4": compileText(campaigns).bytes, "/pkg": pkg, "/own.svg": '\n<svg xmlns="http://www.w3.org/2000/svg"/>' }, { policy });
    t.after(server.close);
    const { page, complaints, codes } = await open(browser);
    t.after(() => page.context().close());
    await page.goto(server.url);
    await ready(page);
    await until(page, (count) => document.querySelectorAll("[data-pf-shown^=f-]").length === count, places.length * 2);

    const written = await page.evaluate(() => ({
      addresses: [...document.querySelectorAll("[data-petitfour] a, [data-petitfour] img, [data-petitfour] iframe")].flatMap((element) =>
        ["href", "src"].map((name) => element.getAttribute(name)).filter((value) => value !== null),
      ),
      scripts: document.querySelectorAll("[data-petitfour] script:not([type='text/plain']), [data-petitfour] iframe[srcdoc]").length,
      handlers: [...document.querySelectorAll("[data-petitfour] *")].flatMap((element) => element.getAttributeNames().filter((name) => name.startsWith("on"))),
      script: document.querySelector("[data-petitfour] script[type='text/plain']").textContent,
      headline: document.querySelector("[data-petitfour] h2").textContent,
      plain: document.querySelector("[data-petitfour=plain-0]").textContent,
    }));
    const dangerous = written.addresses.filter((address) => !/^(#|\/|https?:|mailto:|tel:|data:image\/)/.test(address));
    assert.deepEqual(dangerous, []);
    assert.deepEqual([written.scripts, written.handlers, written.script], [0, [], ""]);
    assert.equal(written.headline, SCRIPT, "it is shown as it is written");
    assert.ok(written.plain.includes(PICTURE));

    // What would need a hand: every link is clicked, every picture is given time.
    for (const link of await page.locator("[data-petitfour] a:visible").all()) await link.click({ noWaitAfter: true, force: true });
    await page.waitForTimeout(300);
    assert.equal(await page.evaluate(() => window.canary), undefined);
    // A browser reports to the policy what its own sanitizer then takes out; that nothing runs without one is the proof.
    assert.deepEqual(complaints.filter((complaint) => !complaint.startsWith("policy:")), []);
    assert.deepEqual(codes, []);
  });
}
