/**
 * What goes wrong around the package, one thing at a time: the page shows its default content, a stable code says what
 * happened, and nothing is thrown into the page. What can go on does.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, ready, until } from "./support/browser.mjs";
import { collector } from "./support/collector.mjs";
import { STRICT } from "./support/server.mjs";
import { bundle, pkg, showsTheCreative, showsTheDefault, stage } from "./support/stage.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const altered = (change) => {
  const bytes = bundle.bytes.slice();
  change(new DataView(bytes.buffer), bytes);
  return bytes;
};
const missing = (_, response) => response.writeHead(404).end("not found");

const WRONG = [
  ["a bundle that is missing", "bundle/missing", { "/bundle.pf4": missing }],
  ["a bundle behind an error of the server", "bundle/missing", { "/bundle.pf4": (_, response) => response.writeHead(500).end() }],
  ["a bundle whose connection breaks", "bundle/missing", { "/bundle.pf4": (_, response) => response.destroy() }],
  ["an empty bundle", "bundle/truncated", { "/bundle.pf4": new Uint8Array() }],
  ["a bundle that is cut within its head", "bundle/truncated", { "/bundle.pf4": bundle.bytes.slice(0, 40) }],
  ["a bundle that is cut", "bundle/truncated", { "/bundle.pf4": bundle.bytes.slice(0, -1) }],
  ["a bundle of a newer format", "bundle/format", { "/bundle.pf4": altered((view) => view.setUint16(4, 2, true)) }],
  ["a bundle with one bit turned over", "bundle/damaged", { "/bundle.pf4": altered((_, bytes) => (bytes[bytes.length - 9] ^= 4)) }],
  ["random bytes for a bundle", "bundle/foreign", { "/bundle.pf4": new Uint8Array(randomBytes(4096)) }],
  ["a web page in the bundle's place", "bundle/foreign", { "/bundle.pf4": "<!doctype html><title>Not found</title>" }],
  ["a module that is missing", "wasm/missing", { "/pkg/petitfour_bg.wasm": missing }],
  ["a module that is cut", "wasm/format", { "/pkg/petitfour_bg.wasm": new Uint8Array(readFileSync(join(pkg, "petitfour_bg.wasm")).subarray(0, 5000)) }],
];

for (const [what, code, mounts] of WRONG) {
  test(`${what}: ${code}`, async (t) => {
    const place = await stage(t, browser, { mounts });
    await showsTheDefault(place, code);
    });
}

test("a policy that forbids WebAssembly: wasm/blocked", async (t) => {
  const place = await stage(t, browser, { policy: STRICT.replace(" 'wasm-unsafe-eval'", "") });
  await showsTheDefault(place, "wasm/blocked", { violations: true });
});

test("a tag without a bundle: bundle/missing", async (t) => {
  const html = `<!doctype html><title>t</title><script src="/pkg/script.js"></script><div data-petitfour="hero"><h1>default</h1></div><p data-petitfour="bare">own</p>`;
  const place = await stage(t, browser, { mounts: { "/": html } });
  await showsTheDefault(place, "bundle/missing");
});

test("an engine that comes late leaves the default content of this view, and works for the rest", async (t) => {
  let answer;
  const late = (_, response) => (answer = () => response.end(bundle.bytes));
  const place = await stage(t, browser, { attributes: 'data-timeout="200"', mounts: { "/": patient(), "/bundle.pf4": late } });
  const { page } = place;
  await until(page, () => document.querySelector("[data-petitfour=hero]").dataset.pfShown === "default");
  assert.equal(await page.locator("h1").isVisible(), true);
  assert.deepEqual(place.codes, ["load/timeout"]);
  answer();
  const told = await ready(page);
  assert.deepEqual([told.loaded, told.late, told.shown], [true, true, 0]);
  assert.equal(await page.textContent("h1"), "default");
  assert.equal(await page.evaluate(() => window.petitfour.decide("hero").campaign), "sun");
  assert.deepEqual(place.complaints, []);
});

/** The page with the patience that is the default. */
function patient() {
  return `<!doctype html><html data-pf-context-weather="sunny"><title>t</title><script src="/pkg/script.js" data-bundle="/bundle.pf4" async></script>
    <div data-petitfour="hero"><h1 data-pf-text="headline">default</h1></div>`;
}

test("a bundle that never comes: the default content shows after 200 ms", async (t) => {
  const place = await stage(t, browser, { mounts: { "/": patient(), "/bundle.pf4": () => {} } });
  const { page } = place;
  const shown = await until(page, () => {
    const hero = document.querySelector("[data-petitfour=hero]");
    return hero.dataset.pfShown === "default" && getComputedStyle(hero).visibility === "visible";
  });
  assert.equal(shown, true);
  assert.deepEqual(place.codes, ["load/timeout"]);
});

test("a forbidden localStorage still decides, counts and caps, for as long as the page lives", async (t) => {
  const place = await stage(t, browser, {
    init: () => Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } }),
    before: 'window.petitfour = [["consent", { store: true, personalise: true }], ["track", "viewed"], ["track", "viewed"]];',
  });
  await showsTheCreative(place);
  assert.deepEqual(await seenTwice(place.page), ["seen-before", "seen-before", null]);
  assert.deepEqual(place.codes, ["storage/blocked"]);
  assert.deepEqual(place.complaints, []);
});

test("a full localStorage still decides, counts and caps, for as long as the page lives", async (t) => {
  const place = await stage(t, browser, {
    init: () => {
      let filler = "x".repeat(1 << 20);
      for (let number = 0; filler; ) {
        try {
          localStorage.setItem(`full${number}`, filler);
          number++;
        } catch {
          filler = filler.slice(0, filler.length >> 1);
        }
      }
    },
    before: 'window.petitfour = [["consent", { store: true, personalise: true }], ["track", "viewed"], ["track", "viewed"]];',
  });
  await showsTheCreative(place);
  assert.deepEqual(await seenTwice(place.page), ["seen-before", "seen-before", null]);
  assert.deepEqual(place.codes, ["storage/full"]);
  assert.deepEqual(place.complaints, []);
});

/** Which campaign three decisions bring, each seen: the capped one twice a day. */
const seenTwice = (page) =>
  page.evaluate(() =>
    [1, 2, 3].map(() => {
      const decision = window.petitfour.decide("hero", { weather: "rain" });
      window.petitfour.exposed(decision);
      return decision.campaign;
    }),
  );

test("a stored profile and a queue that are damaged are let go, and a new profile is begun", async (t) => {
  const place = await stage(t, browser, {
    init: () => {
      if (localStorage.length) return;
      localStorage.setItem("petitfour.profile", "AQID not base64 at all!");
      localStorage.setItem("petitfour.consent", "7.7");
      localStorage.setItem("petitfour.queue", "%%% AAAA %%%");
    },
    attributes: 'data-collector="/v1/sync"',
    mounts: { "/v1/sync": (_, response) => response.writeHead(400).end() },
  });
  await showsTheCreative(place);
  await place.page.evaluate(() => window.petitfour.track("viewed"));
  assert.match(await place.page.evaluate(() => localStorage.getItem("petitfour.profile")), /^[A-Za-z0-9+/]+=*$/);
  await until(place.page, () => !(localStorage.getItem("petitfour.queue") ?? "").includes("%"));
  assert.ok(place.codes.some((code) => code.startsWith("profile/")), String(place.codes));
  assert.deepEqual(place.complaints, []);
});

test("calls that make no sense are answered, not thrown", async (t) => {
  const place = await stage(t, browser);
  await showsTheCreative(place);
  const answers = await place.page.evaluate(async () => {
    const { petitfour } = window;
    petitfour.push(["dance"], ["track"], ["context", null], ["on", "error", () => { throw new Error("mine"); }], ["track", "x".repeat(300)]);
    return [
      petitfour.decide("no such place").reason,
      petitfour.decide(undefined).reason,
      petitfour.decide("hero", { colour: "red", weather: Symbol.iterator.toString() }).reason,
      petitfour.track("viewed", { deep: { er: 1 }, circle: window, text: "\0\0" }),
      petitfour.exposed({ id: "zz" }),
      petitfour.outcome("click", null, "much"),
      (await petitfour.identify({ email: "anonymous", userId: "0000" })).refused.length,
      (await petitfour.explain("no such place")).campaigns.length,
      petitfour.feed("no such feed", null, { x: "many" }),
    ];
  });
  assert.deepEqual(answers, ["nothing", "nothing", "fallback", true, false, null, 2, 0, false].map((each) => each ?? undefined));
  assert.deepEqual(place.complaints, []);
});

// ---- the collector ---------------------------------------------------------------------------------------------

const AGREE = 'window.petitfour = [["consent", { store: true, measure: true }]];';

/** The address that the page sends to: a door to the collector that a test opens, closes, or lets answers get lost at. */
function door() {
  const state = { to: null, loses: false, posts: 0 };
  const mount = (asked, response) => {
    state.posts++;
    const { to, loses } = state;
    if (!to) return response.destroy();
    const passed = request(`${to}/v1/sync`, { method: "POST", headers: asked.headers }, (answer) => {
      if (loses) return answer.resume().on("end", () => response.destroy());
      response.writeHead(answer.statusCode);
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    asked.pipe(passed);
  };
  return { state, mount };
}

/** The first word of the queue is no message. */
const queued = (page) => page.evaluate(() => (localStorage.getItem("petitfour.queue") ?? "").split(" ").slice(1).filter(Boolean).length);
const delivered = (page, patience) => until(page, () => !(localStorage.getItem("petitfour.queue") ?? "").includes(" "), undefined, patience);

/** Decides so many times, a message for each. */
const decideAndFlush = (page, times) =>
  page.evaluate(async (times) => {
    for (let time = 0; time < times; time++) {
      window.petitfour.decide("hero");
      await window.petitfour.flush();
    }
  }, times);

async function counted(origin, enough) {
  for (let time = 0; ; time++) {
    const { totals } = await origin.counts();
    if ((totals.decisions ?? 0) >= enough || time === 150) return totals;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("what a collector that is down did not get waits, over reloads, and is counted once when it is back", async (t) => {
  const origin = await collector(t, { bundle: bundle.path });
  const { state, mount } = door();
  const place = await stage(t, browser, { before: AGREE, attributes: 'data-collector="/v1/sync"', mounts: { "/v1/sync": mount } });
  const { page } = place;
  await showsTheCreative(place);
  await decideAndFlush(page, 5);
  assert.equal(await queued(page), 5);
  assert.deepEqual(place.codes, ["collector/unreachable"]);
  await page.reload();
  await showsTheCreative(place);
  await decideAndFlush(page, 5);
  // Two placements were decided for by each of the two page views, in messages of their own or with the first of ours.
  const waiting = await queued(page);
  assert.ok(waiting >= 10, String(waiting));
  state.to = origin.url;
  await page.reload();
  await showsTheCreative(place);
  await page.evaluate(() => window.petitfour.flush());
  const totals = await counted(origin, 16);
  assert.equal(totals.decisions, 16, "ten by hand and two for each of three page views");
  assert.equal(totals.repeated ?? 0, 0);
  assert.equal(totals.visitors, 1);
  await delivered(page);
  assert.deepEqual(place.complaints, []);
});

test("an answer that is lost on the way makes a message come twice and count once", async (t) => {
  const origin = await collector(t, { bundle: bundle.path });
  const { state, mount } = door();
  Object.assign(state, { to: origin.url, loses: true });
  const place = await stage(t, browser, { before: AGREE, attributes: 'data-collector="/v1/sync"', mounts: { "/v1/sync": mount } });
  const { page } = place;
  await showsTheCreative(place);
  await decideAndFlush(page, 1);
  assert.equal(await queued(page), 1);
  assert.equal((await counted(origin, 3)).decisions, 3);
  state.loses = false;
  await delivered(page);
  const { decisions, syncs } = (await origin.counts()).totals;
  assert.deepEqual([decisions, syncs], [3, 1]);
  assert.ok(state.posts >= 2, "it did come twice");
  assert.deepEqual(place.complaints, []);
});

test("the queue keeps the newest sixty-four messages, says so, and delivers them all", async (t) => {
  const origin = await collector(t, { bundle: bundle.path });
  const { state, mount } = door();
  const place = await stage(t, browser, { before: AGREE, attributes: 'data-collector="/v1/sync"', mounts: { "/v1/sync": mount } });
  const { page } = place;
  await showsTheCreative(place);
  await decideAndFlush(page, 70);
  assert.equal(await queued(page), 64);
  assert.ok(place.codes.includes("queue/dropped"));
  state.to = origin.url;
  await page.reload();
  await delivered(page, 20_000);
  const { syncs, repeated } = (await origin.counts()).totals;
  assert.equal(syncs, 64);
  assert.equal(repeated ?? 0, 0);
  assert.deepEqual(place.complaints, []);
});

test("a collector that asks for time is given it", async (t) => {
  let posts = 0;
  const asks = (_, response) => (posts++ ? response.writeHead(200).end() : response.writeHead(503, { "retry-after": "2" }).end());
  const place = await stage(t, browser, { before: AGREE, attributes: 'data-collector="/v1/sync"', mounts: { "/v1/sync": asks } });
  const { page } = place;
  await showsTheCreative(place);
  await decideAndFlush(page, 1);
  await page.waitForTimeout(1500);
  assert.equal(posts, 1);
  await delivered(page);
  assert.equal(posts, 2);
});

test("a refusal that is final is not repeated", async (t) => {
  let posts = 0;
  const refuses = (_, response) => (posts++, response.writeHead(413).end());
  const place = await stage(t, browser, { before: AGREE, attributes: 'data-collector="/v1/sync"', mounts: { "/v1/sync": refuses } });
  await showsTheCreative(place);
  await decideAndFlush(place.page, 1);
  await delivered(place.page);
  assert.ok(place.codes.includes("collector/refused"));
  assert.equal(posts, 1);
});

test("a profile that a newer engine wrote is left as it is", async (t) => {
  const before = `if (!localStorage.length) { localStorage.setItem("petitfour.consent", "15.15"); localStorage.setItem("petitfour.profile", btoa("\\x03 of tomorrow")); }`;
  const place = await stage(t, browser, { before });
  await showsTheCreative(place);
  await place.page.evaluate(() => window.petitfour.track("viewed"));
  assert.equal(await place.page.evaluate(() => atob(localStorage.getItem("petitfour.profile"))), "\x03 of tomorrow");
  assert.ok(place.codes.includes("profile/format"));
});
