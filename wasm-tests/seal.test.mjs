/** The origin's word of a visitor, sealed at the edge: who writes another profile into the cookie gains nothing by it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { launch, open, ready, until } from "./support/browser.mjs";
import { compileText } from "./support/bundle.mjs";
import { collector, key } from "./support/collector.mjs";
import { fastly, viceroy } from "./support/fastly.mjs";
import { binary, scratch, unpacked } from "./support/files.mjs";
import { forged } from "./support/note.mjs";
import { shopfront } from "./support/site.mjs";
import { worker } from "./support/worker.mjs";

const pkg = unpacked();
const { openSecrets, openTold, sealTold } = await import(pathToFileURL(join(pkg, "seal.mjs")).href);
const secret = (byte) => Buffer.alloc(32, byte).toString("base64url");

test("a secret that is put in front seals, and those behind it still open", async () => {
  const old = await openSecrets(`a:${secret(1)}`);
  const both = await openSecrets(`b:${secret(2)},a:${secret(1)}`);
  const bytes = Uint8Array.of(1, 2, 3);
  assert.deepEqual(await both.open("x", await old.seal("x", bytes)), bytes);
  const fresh = await both.seal("x", bytes);
  assert.match(fresh, /^b\./);
  await assert.rejects(old.open("x", fresh), (code) => code === "seal/key");
  await assert.rejects(both.open("y", fresh), (code) => code === "seal/code", "sealed for something else");
  for (const text of ["", "a", `a:${"A".repeat(42)}`, `:${secret(1)}`]) await assert.rejects(openSecrets(text), (code) => code === "seal/secret");
});

test("whatever character is another, it does not open, and it ends with its time", async () => {
  const secrets = await openSecrets(`a:${secret(1)}`);
  const message = Uint8Array.from([0x50, 0x46, 0x34, 0x53, 1, 0xff, 1, 7, ...Array(16).fill(9), 0]);
  const now = 1_780_315_200_000;
  const text = await sealTold(secrets, message, Uint8Array.of(5, 6), now);
  const { visitor, answer } = await openTold(secrets, text, now);
  assert.deepEqual([[...visitor], [...answer]], [Array(16).fill(9), [5, 6]]);
  await assert.rejects(openTold(secrets, text, now + 31 * 86_400_000), (code) => code === "seal/expired");
  for (let at = 0; at < text.length; at++) {
    const other = text[at] === "A" ? "B" : "A";
    // The last character of a block has bits that say nothing.
    const same = (await openTold(secrets, text.slice(0, at) + other + text.slice(at + 1), now).catch((code) => code)) ?? "";
    if (typeof same !== "string") assert.ok(at === text.length - 1 || text[at + 1] === ".", `character ${at}`);
    else assert.match(same, /^seal\//);
    await assert.rejects(openTold(secrets, text.slice(0, at), now), (code) => /^seal\//.test(code));
  }
  assert.equal(await sealTold(secrets, message, new Uint8Array(2_000), now), null, "too long for a cookie");
  assert.equal(await sealTold(secrets, Uint8Array.of(1, 2, 3), Uint8Array.of(1), now), null, "no message");
});

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

for (const [host, edge] of [["workerd", worker(pkg)], ...(viceroy ? [["Fastly", fastly]] : [])]) {
  test(`${host}: a membership that the origin told is sealed on its way and decides at the edge; one that was written into the cookie does not`, async (t) => {
    const bundle = compileText(`
petitfour: 1
version: 1
site: sealed
consent: { default: [store, personalise, measure] }
memberships: { gold: {} }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: House } }
campaigns:
  - { id: gold, placements: [hero], when: { member: gold }, creatives: [{ id: gold-a, headline: For gold }] }
`);
    const data = scratch("collector");
    const write = key(data, "edge", "--kind", "server");
    const house = await collector(t, { bundle: bundle.path, data, www: [`/pkg=${pkg}`] });
    const html = `<!doctype html><script src="/pkg/script.js" data-bundle="/bundle.pf4" data-collector="/v1/sync" data-cookie data-timeout="8000" async></script><div data-petitfour="hero"><h1 data-pf-text="headline">own</h1></div>`;
    const site = await shopfront(t, html, house);
    const given = { bundle: bundle.bytes, origin: site.url, collector: house.url, key: write };
    const { url } = await edge(t, { ...given, seals: `a:${secret(1)}` });
    const open_ = await edge(t, given);

    const tab = await open(browser);
    t.after(() => tab.context.close());
    await tab.page.goto(url);
    await ready(tab.page);
    const visitor = await tab.page.evaluate(async () => (await petitfour.profile()).visitor);
    const enrolled = await fetch(`${house.url}/v1/memberships`, { method: "POST", headers: { "content-type": "text/csv" }, body: `visitor,${visitor},gold,in\n` });
    assert.equal(enrolled.status, 200);
    await tab.page.evaluate(() => {
      petitfour.decide("hero");
      return petitfour.flush();
    });
    await until(tab.page, () => petitfour.decide("hero").campaign === "gold");
    // The profile's cookie has it now too, and there the visitor could have written it.
    await tab.page.evaluate(() => petitfour.track("looked"));
    const cookies = Object.fromEntries((await tab.context.cookies()).map((cookie) => [cookie.name, cookie]));
    assert.equal(cookies.petitfour_sealed.httpOnly, true);
    const ask = async (where, jar) => {
      const answer = await fetch(where, { headers: { accept: "text/html", cookie: Object.entries(jar).map((pair) => pair.join("=")).join("; ") } });
      return [/<h1[^>]*>([^<]*)/.exec(await answer.text())[1], answer.headers.get("x-petitfour")];
    };
    const petitfour = cookies.petitfour.value;
    const petitfour_sealed = cookies.petitfour_sealed.value;
    assert.deepEqual(await ask(url, { petitfour, petitfour_sealed }), ["For gold", "edge"]);
    assert.deepEqual(await ask(url, { petitfour }), ["House", "edge"], "the profile alone is not believed");
    assert.deepEqual(await ask(open_.url, { petitfour }), ["For gold", "edge"], "where nobody seals it is");
    assert.deepEqual(await ask(url, { petitfour, petitfour_sealed: `${petitfour_sealed.slice(0, -3)}AAA` }), ["House", "seal/code"]);
    // Another visitor's seal: theirs says nothing of this one.
    const other = await fetch(url, { headers: { accept: "text/html" } });
    const stranger = /petitfour=([^;]+)/.exec(other.headers.getSetCookie()[0])[1];
    assert.deepEqual(await ask(url, { petitfour: stranger, petitfour_sealed }), ["House", "edge"]);
    // Nor does a note: the visitor can write one too, and whatever they like into it.
    const dot = "0123456789abcdef";
    const noted = { petitfour: stranger, [`petitfour.${dot}`]: forged(Buffer.from(stranger, "base64"), dot, "gold").toString("base64") };
    assert.deepEqual(await ask(open_.url, noted), ["For gold", "edge"], "where nobody seals it is believed");
    assert.deepEqual(await ask(url, noted), ["House", "edge"]);
  });

  test(`${host}: a preview that was sealed shows its creative to whoever has the address, for its time, and is not counted`, async (t) => {
    const bundle = compileText(`
petitfour: 1
version: 1
site: preview
consent: { default: [store, personalise, measure] }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: House } }
campaigns:
  - { id: autumn, placements: [hero], schedule: { from: 2039-01-01 }, creatives: [{ id: autumn-a, headline: Not yet }] }
`);
    const folder = scratch("secrets");
    writeFileSync(join(folder, "seals.txt"), `b:${secret(2)},a:${secret(1)}\n`);
    writeFileSync(join(folder, "others.txt"), `b:${secret(3)}\n`);
    const query = (file, ...given) =>
      execFileSync(binary("petitfour", "PETITFOUR_CLI"), ["preview", "--secret", join(folder, file), ...given], { encoding: "utf8" }).trim();
    const data = scratch("collector");
    const write = key(data, "edge", "--kind", "server");
    const house = await collector(t, { bundle: bundle.path, data, www: [`/pkg=${pkg}`] });
    const html = `<!doctype html><script src="/pkg/script.js" data-bundle="/bundle.pf4" data-collector="/v1/sync" data-cookie data-timeout="8000" async></script><div data-petitfour="hero"><h1 data-pf-text="headline">own</h1></div>`;
    const site = await shopfront(t, html, house);
    const { url } = await edge(t, { bundle: bundle.bytes, origin: site.url, collector: house.url, key: write, seals: `b:${secret(2)},a:${secret(1)}` });
    const ask = async (asked) => {
      const answer = await fetch(`${url}/${asked}`, { headers: { accept: "text/html" } });
      return [/<h1[^>]*>([^<]*)/.exec(await answer.text())[1], answer.headers.get("x-petitfour")];
    };
    const show = query("seals.txt", "--show", "hero=autumn-a");
    assert.deepEqual(await ask(show), ["Not yet", "preview"]);
    assert.deepEqual(await ask(`${show}A`), ["House", "seal/format"]);
    assert.deepEqual(await ask(query("others.txt", "--show", "hero=autumn-a")), ["House", "seal/code"]);
    assert.throws(() => query("seals.txt", "--show", "hero=autumn-a", "--hours", "0"), /1\.\.=720|not in 1/);
    assert.deepEqual(await ask("?pf_preview=%3Cscript%3E"), ["House", "seal/format"]);
    assert.throws(() => query("seals.txt", "--show", "hero"), /PLACEMENT=CREATIVE/);

    const tab = await open(browser);
    t.after(() => tab.context.close());
    await tab.page.goto(`${url}/${show}`);
    await ready(tab.page);
    await tab.page.waitForTimeout(1_600);
    await tab.page.evaluate(() => petitfour.flush());
    assert.equal(await tab.page.textContent("h1"), "Not yet");
    assert.equal((await house.counts()).totals.exposures ?? 0, 0);
  });
}
