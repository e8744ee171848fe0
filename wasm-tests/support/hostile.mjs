/** A hostile bundle: whatever a creative says, no script of it may run. The canary is a property of the window that every attempt would set. */
import assert from "node:assert/strict";

export const SCRIPT = "<script>window.canary = 1</script>";
export const PICTURE = '<img src="x" onerror="window.canary = 2">';
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

export const places = ADDRESSES.map((address, number) => ({ address, slots: `slots-${number}`, plain: `plain-${number}` }));
export const campaigns = `petitfour: 1
version: 1
placements:
${places.map(({ slots, plain }) => `  ${slots}: { fallback: f-${slots} }\n  ${plain}: { fallback: f-${plain} }`).join("\n")}
fallbacks:
${places.map(({ slots, plain, address }) => `  f-${slots}: { ${creative(address)} }\n  f-${plain}: { ${creative(address)} }`).join("\n")}
`;

/** A page of every slot; `script` is its tag, `attributes` what placements without slots have. */
export const html = (script, attributes = "") => `<!doctype html><html lang="en"><meta charset="utf-8"><title>canary</title>
${script}
${places.map(({ slots, plain }) => `<section data-petitfour="${slots}"><h2 data-pf-text="headline">d</h2><p data-pf-html="markup">d</p>
  <a data-pf-href="link" href="#own">l</a><img data-pf-src="image" data-pf-alt="alt" src="/own.svg"><iframe data-pf-src="image" title="f"></iframe>
  <script type="text/plain" data-pf-text="cta"></script><style data-pf-html="markup"></style></section><div data-petitfour="${plain}" ${attributes}>d</div>`).join("\n")}
</html>`;

/** Nothing dangerous was written into the page, and nothing of it runs. */
export async function harmless(page) {
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
}
