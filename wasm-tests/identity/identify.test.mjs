/**
 * Identifiers in a real browser: the digests that partners publish come out of the shipped module, and nothing of what
 * was typed is to be found anywhere afterwards.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { launch, ready, until } from "../support/browser.mjs";
import { inClone } from "../support/files.mjs";
import { pkg, stage } from "../support/stage.mjs";
import { MATCHED, PREBID } from "./fixtures.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const VECTORS = JSON.parse(readFileSync(inClone("tests", "vectors", "hash", "vectors.json"), "utf8"));
const ALL = { store: true, personalise: true, measure: true, share: true };
const sha256 = (text) => createHash("sha256").update(text).digest();

/** Bits of forms, in a code's three high bits. */
const PLAIN = 1;
const UID2 = 2;
const GOOGLE = 4;
const PLUS = 1;
const BARE = 2;

/** `[input, namespace, form, digest in hex, country]` of every published vector of an address or a number. */
function published() {
  const { uid2, google_enhanced_conversions: google, meta_capi: meta } = VECTORS;
  const phone = ({ input, normalized, sha256_hex }) => {
    // Printed with two digits exchanged (docs/identity.md): the digest is that of the printed form.
    if (input === "65 1243 5678") return [normalized, 3, PLUS, sha256_hex];
    const australian = input.endsWith(" [AU]");
    return [input.replace(" [AU]", ""), 3, PLUS, sha256_hex, australian ? 61 : 0];
  };
  return [
    ...uid2.email.map(({ input, sha256_hex }) => [input, 2, UID2, sha256_hex]),
    ...uid2.phone.map(phone),
    ...google.cases.filter(({ field }) => !field).map(({ input, sha256_hex }) => [input, 2, GOOGLE, sha256_hex]),
    ...google.cases.filter(({ field }) => field === "phone").map(({ input, sha256_hex }) => [input, 3, PLUS, sha256_hex]),
    ...meta.cases.filter(({ field }) => field === "em").map(({ input, sha256_hex }) => [input, 2, PLAIN, sha256_hex]),
    ...meta.cases.filter(({ field }) => field === "ph").map(({ input, sha256_hex }) => [input, 3, BARE, sha256_hex]),
    ...meta.passthrough.map(({ input, output }) => [input, 2, PLAIN, output]),
  ];
}

/** What the published ones do not try: letters and digits of other scripts. */
const UNICODE = [
  ["ÄRGER@Straße.de", 2, PLAIN, "ärger@straße.de"],
  ["ΟΔΟΣ@example.gr", 2, PLAIN, "οδος@example.gr"],
  ["\ufeff ИВАН@почта.рф\u00a0", 2, PLAIN, "иван@почта.рф"],
  ["İ@example.com", 2, PLAIN, "i\u0307@example.com"],
  ["+４４ ２０ ７９４６ ０９５８", 3, BARE, "442079460958"],
  ["＋٤٤ ٢٠ ٧٩٤٦ ٠٩٥٨", 3, PLUS, "+442079460958"],
].map(([input, namespace, form, normal]) => [input, namespace, form, sha256(normal).toString("hex")]);

test("every published vector of an address or a number holds in the browser, and so does Unicode", async (t) => {
  const { page, complaints } = await stage(t, browser);
  const cases = [...published(), ...UNICODE];
  assert.equal(cases.length, 13 + 3 + 2 + 1 + 1 + 2 + 1 + UNICODE.length);
  const read = await page.evaluate(async (cases) => {
    const { open } = await import("/pkg/reader.mjs");
    const reader = await open();
    const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return cases.map(([input, namespace, , , country]) => {
      const text = input.includes("@") ? input.toLowerCase() : input;
      const bytes = country === undefined ? reader.identify(namespace, text, false) : reader.phone(text, country);
      return Array.from({ length: bytes.length / 33 }, (_, n) => [bytes[n * 33], hex(bytes.subarray(n * 33 + 1, n * 33 + 33))]);
    });
  }, cases);
  cases.forEach(([input, namespace, form, digest], number) => {
    const served = read[number].find(([code]) => (code & 31) === namespace && (code >> 5) & form);
    assert.equal(served?.[1], digest, input);
  });
  for (const { field, input } of VECTORS.meta_capi.reject.filter(({ field }) => field === "em")) {
    const { refused } = await page.evaluate(async (email) => {
      await window.petitfour.consent({ share: true });
      return window.petitfour.identify({ email });
    }, input);
    assert.deepEqual(refused, [{ field: "email", code: "identity/malformed" }], input);
  }
  const [{ input, wrong_unnormalized_b64: wrong }] = VECTORS.uid2.negative;
  assert.equal(sha256(input).toString("base64"), wrong, "what nobody may be sent");
  assert.deepEqual(complaints, []);
});

/** A page with a collector that only listens. */
async function heard(t, { address = "", before = "", consent = ALL } = {}) {
  const bodies = [];
  const requests = [];
  const listen = (request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      bodies.push(Buffer.concat(parts));
      response.end();
    });
  };
  const place = await stage(t, browser, {
    attributes: 'data-collector="/v1/sync"',
    before: `window.petitfour = [["consent", ${JSON.stringify(consent)}]];${before}`,
    mounts: { "/v1/sync": listen },
  });
  const { page } = place;
  page.on("request", (request) => requests.push(`${request.method()} ${request.url()} ${JSON.stringify(request.headers())} ${request.postData() ?? ""}`));
  if (address) await page.goto(place.url + address);
  await ready(page);
  return { ...place, bodies, requests };
}

const identify = (page, ...given) => page.evaluate((given) => window.petitfour.identify(...given), given);
const flush = (page) => page.evaluate(() => window.petitfour.flush());
const kept = (page) => page.evaluate(() => localStorage.getItem("petitfour.identifiers"));
const keptBytes = async (page) => Buffer.from((await kept(page)) ?? "", "base64");

/** Codes of the identifiers of these digests that left. */
const left = (bodies, ...digests) => digests.flatMap((digest) => bodies.flatMap((body) => (body.includes(digest) ? [body[body.indexOf(digest) - 1]] : [])));

test("what was typed is nowhere afterwards: not stored, not logged, not sent", async (t) => {
  const { page, bodies, requests, console, complaints, context } = await heard(t);
  const typed = { userId: "customer-4711", crmId: "crm-0815", email: "Jane.Doe+Secret@GMail.com", phone: "+44 20 7946 0958" };
  const partner = { source: "partner.example", id: "partner-secret" };
  const { accepted, refused } = await identify(page, { ...typed, partner, idfa: "6D92078A-8246-4BA4-AE5B-76104861E7DC" }, { email: "Jane.Doe+Secret@GMail.com" });
  assert.deepEqual([accepted.sort(), refused], [["crmId", "email", "idfa", "partner", "phone", "userId"], []]);
  await identify(page, { email: "Jane.Doe secret typo", phone: "020 7946 0958" });
  await flush(page);
  await page.goto("about:blank");
  await page.goBack();
  await ready(page);
  const places = await page.evaluate(async () => ({
    local: JSON.stringify({ ...localStorage }),
    session: JSON.stringify({ ...sessionStorage }),
    cookie: document.cookie,
    databases: JSON.stringify(await indexedDB.databases()),
    caches: JSON.stringify(await caches.keys()),
    page: document.documentElement.outerHTML,
    global: Object.getOwnPropertyNames(window.petitfour).map((name) => String(window.petitfour[name])).join(),
    errors: String(window.petitfour.errors()),
  }));
  const cookies = JSON.stringify(await context.cookies());
  const stored = (await keptBytes(page)).toString("latin1");
  const haystack = [...Object.values(places), stored, cookies, ...console, ...requests, ...bodies.map((body) => body.toString("latin1"))].join("\n").toLowerCase();
  for (const needle of ["jane", "secret", "gmail", "7946", "2079460958", "4711", "0815", "6d92078a", "typo"]) {
    for (const spelling of [needle, Buffer.from(needle).toString("base64").replace(/=+$/, "").toLowerCase(), encodeURIComponent(needle)]) {
      assert.ok(!haystack.includes(spelling), `${needle} is found`);
    }
  }
  // The search would find it: the digests are where they belong.
  assert.ok(stored.includes(sha256("janedoe@gmail.com").toString("latin1")));
  const codes = left(bodies, sha256("janedoe@gmail.com"), sha256("jane.doe+secret@gmail.com"), sha256("+442079460958"), sha256("442079460958"));
  assert.deepEqual(codes, [2 | ((UID2 | GOOGLE) << 5), 2 | (PLAIN << 5), 3 | (PLUS << 5), 3 | (BARE << 5)]);
  assert.deepEqual(left(bodies, sha256("customer-4711"), sha256("partner.example\npartner-secret")), [1, 14]);
  assert.deepEqual(complaints, []);
});

test("without share the device remembers and nothing leaves; without store it is the other way round; without both nothing is read", async (t) => {
  const digest = sha256("customer-4711");
  const quiet = await heard(t, { consent: { store: true, measure: true } });
  assert.deepEqual((await identify(quiet.page, "customer-4711")).accepted, ["userId"]);
  await flush(quiet.page);
  assert.ok((await keptBytes(quiet.page)).includes(digest));
  assert.deepEqual(left(quiet.bodies, digest), []);

  const fleeting = await heard(t, { consent: { share: true } });
  await identify(fleeting.page, "customer-4711");
  await flush(fleeting.page);
  assert.equal(await fleeting.page.evaluate(() => localStorage.length), 0);
  assert.deepEqual(left(fleeting.bodies, digest), [1]);

  const closed = await heard(t, { consent: { measure: true } });
  const answer = await identify(closed.page, { userId: "customer-4711", email: "jane@shop.example.org" });
  assert.deepEqual(answer.refused, [{ field: "userId", code: "identity/permission" }, { field: "email", code: "identity/permission" }]);
  assert.deepEqual(closed.codes, []);
  assert.ok(!closed.requests.some((line) => line.includes("reader")));
});

test("an identifier is sent once a day, though told on every page, and goes when sharing is withdrawn", async (t) => {
  const { page, bodies } = await heard(t);
  const [first, second] = [sha256("customer-1"), sha256("customer-2")];
  for (let visit = 0; visit < 3; visit++) {
    await identify(page, "customer-1");
    await identify(page, "customer-1");
    await flush(page);
    await page.reload();
    await ready(page);
  }
  assert.equal(left(bodies, first).length, 1);
  await identify(page, "customer-2");
  await page.evaluate(() => window.petitfour.consent({ share: false }));
  assert.ok(!(await keptBytes(page)).includes(first));
  await flush(page);
  assert.deepEqual(left(bodies, second), [], "what waited did not leave");
  await page.evaluate(() => window.petitfour.forget());
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), []);
});

test("calls of Segment's shape say the same, and what is no identifier is a trait", async (t) => {
  const { page, codes } = await heard(t);
  assert.deepEqual(await identify(page, "customer-1", { email: "jane@shop.example.org", plan: "gold" }), { accepted: ["userId", "email"], refused: [] });
  assert.deepEqual(codes, ["trait/unknown"], "the bundle has no trait of that name, and the address was not tried as one");
  assert.deepEqual((await identify(page, null, { phone: "+44 20 7946 0958" })).accepted, ["phone"]);
  assert.deepEqual((await identify(page, { phone: "020 7946 0958", phoneCountry: 44 })).accepted, ["phone"]);
  const zeroes = "00000000-0000-0000-0000-000000000000";
  const mobile = "6D92078A-8246-4BA4-AE5B-76104861E7DC";
  for (const [told, code] of [
    [{ userId: "null" }, "identity/placeholder"],
    [{ userId: "" }, "identity/placeholder"],
    [{ crmId: {} }, "identity/placeholder"],
    [{ email: "test@test.com" }, "identity/placeholder"],
    [{ email: sha256("").toString("hex") }, "identity/placeholder"],
    [{ phone: "650 561 1234" }, "identity/malformed"],
    [{ idfa: zeroes }, "identity/limited"],
    [{ gaid: mobile, limitAdTracking: true }, "identity/limited"],
    [{ userId: "x".repeat(100_000) }, "identity/long"],
    [{ partner: { source: "", id: "1" } }, "identity/malformed"],
  ]) {
    const { accepted, refused } = await identify(page, told);
    assert.deepEqual([accepted, refused], [[], [{ field: Object.keys(told)[0], code }]]);
  }
  assert.deepEqual(await identify(page, { gaid: mobile, limitAdTracking: "0", uid2: "raw-uid2", id5: "ID5*x" }), { accepted: ["gaid", "uid2", "id5"], refused: [] });
});

test("click ids are read from the address while sharing is open, and only then is the reader fetched for them", async (t) => {
  const click = sha256("Cj0KCQ_x-1.2");
  const address = "/?utm_source=a&gclid=Cj0KCQ_x-1.2#top";
  const open = await heard(t, { address });
  await until(open.page, () => localStorage.getItem("petitfour.identifiers"));
  await flush(open.page);
  assert.deepEqual(left(open.bodies, click), [7]);
  const stored = await open.page.evaluate(() => JSON.stringify({ ...localStorage }));
  assert.ok(!stored.includes("Cj0KCQ"));

  const plain = await heard(t, { address: "/?utm_source=gclid" });
  await plain.page.evaluate(() => window.petitfour.page());
  assert.ok(!plain.requests.some((line) => line.includes("reader")));

  const later = await heard(t, { address, consent: { store: true } });
  await later.page.evaluate(() => window.petitfour.page());
  assert.equal(await kept(later.page), null);
  await later.page.evaluate(() => window.petitfour.consent({ share: true }));
  await until(later.page, () => localStorage.getItem("petitfour.identifiers"));
});

test("partners' ids come back verbatim while sharing is open, and live no longer than the page", async (t) => {
  const { page, bodies, complaints } = await heard(t);
  const eids = (...given) => page.evaluate((given) => window.petitfour.eids(...given), given);
  assert.deepEqual(await eids(PREBID), PREBID);
  assert.deepEqual(await eids(), PREBID);
  assert.deepEqual(await eids({ user: { ext: { eids: MATCHED } } }), MATCHED);
  assert.deepEqual(await identify(page, { eids: PREBID }), { accepted: ["eids"], refused: [] });
  await flush(page);
  // Steady ids are recognised by their digest, those that are encrypted anew are not.
  assert.deepEqual(left(bodies, sha256("adserver.org\na-unified-id")), [14]);
  assert.deepEqual(left(bodies, sha256("ID5*abc_-"), sha256("A4AAAB/token+==")), []);
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage }));
  for (const { uids } of PREBID) for (const { id } of uids) assert.ok(id.length < 5 || !stored.includes(id));
  await page.evaluate(() => window.petitfour.consent({ share: false }));
  assert.deepEqual(await eids(), []);
  assert.deepEqual(await eids(PREBID), []);
  await page.evaluate(() => window.petitfour.consent({ share: true }));
  assert.deepEqual(await eids(), [], "withdrawn is gone");
  assert.deepEqual(complaints, []);
});

test("eids go into a bid request and come out of it in the browser too, in both versions", async (t) => {
  const { page } = await stage(t, browser);
  for (const version of ["2.6", "2.5", "both"]) {
    const round = await page.evaluate(
      async ([eids, version]) => {
        const { read, write } = await import("/pkg/eids.mjs");
        const user = write({ id: "u" }, read(eids).eids, { share: true, version });
        const withheld = write(user, eids, { share: false, version });
        return { again: read(JSON.parse(JSON.stringify({ user }))), withheld };
      },
      [[...MATCHED, ...PREBID], version],
    );
    assert.deepEqual(round.again, { eids: [...MATCHED, ...PREBID], refused: [] });
    assert.deepEqual(round.withheld, { id: "u" });
  }
});

test("the engine and eids.mjs refuse the same words", async () => {
  const { open } = await import(pathToFileURL(join(pkg, "reader.node.mjs")));
  const { read } = await import(pathToFileURL(join(pkg, "eids.mjs")));
  const reader = await open();
  const source = readFileSync(inClone("src", "identity", "placeholder.rs"), "utf8");
  const words = /const WORDS: &str = "([^"]*)"/.exec(source)[1].replace(/\\\s+/g, "").split("|");
  assert.ok(words.length > 20);
  const refusedByEngine = (id) => reader.refusal(reader.partner("a.example", id)[0]) === "identity/placeholder";
  const refusedHere = (id) => read([{ source: "a.example", uids: [{ id }] }]).refused[0]?.code === "identity/placeholder";
  const odd = ["0", "-", "0-0", "", " ", "''", '"', "'", "{{x}}", "${x}", "%%X%%", "<% x %>", '"{{x}}"', "{x}", "%x", "user1", "nobody2", "x", "'a'", '""0""'];
  for (const word of [...words, ...odd]) {
    for (const id of [word, word.toUpperCase(), ` ${word}\n`, `"${word}"`, `'"${word}'"`, `"${word}`, `${word}'`, `${word}x`, `x${word}`]) {
      assert.equal(refusedHere(id), refusedByEngine(id), JSON.stringify(id));
    }
  }
  assert.ok(words.every(refusedByEngine));
});
