/**
 * Several writers at once, in a real browser: tabs in processes of their own, tabs that share one, and an edge that sees
 * nothing but cookies. Every event is counted once, whoever recorded it and whoever holds the profile meanwhile.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, ready, until } from "./support/browser.mjs";
import { edge } from "./support/edge.mjs";
import { serve } from "./support/server.mjs";
import { bundle, pkg } from "./support/stage.mjs";
import { claim } from "./tools/claim.mjs";

let browser, atEdge;
before(async () => {
  browser = await launch();
  atEdge = await edge(pkg, bundle.bytes);
});
after(() => browser.close());

const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>tabs</title>
<script src="/before.js"></script>
<script src="/pkg/script.js" data-bundle="/bundle.pf4" data-timeout="8000" data-cookie async></script>`;
const before_ = 'window.petitfour = [["consent", { store: true, personalise: true }]];';

/** A site whose server records `?events=` of them for each request to `/edge`. */
async function site(t) {
  const tally = { edge: 0, refused: [] };
  const server = await serve({
    "/": html,
    "/before.js": before_,
    "/bundle.pf4": bundle.bytes,
    "/pkg": pkg,
    "/edge": async (request, response) => {
      const events = Number(new URL(request.url, "http://x").searchParams.get("events"));
      const { set, errors, answer } = await atEdge(request.headers.cookie, (client) => {
        for (let event = 0; event < events; event++) client.track("viewed");
        return client.profile().then(total);
      });
      tally.edge += events;
      tally.refused.push(...errors);
      response.setHeader("set-cookie", set);
      response.end(String(answer));
    },
  });
  t.after(server.close);
  const context = await browser.newContext();
  t.after(() => context.close());
  return { context, tally, url: server.url };
}

const total = (profile) => profile?.counters.find(({ name }) => name === "viewed")?.total ?? 0;

async function visit(context, url) {
  const page = await context.newPage();
  page.codes = [];
  await page.exposeFunction("__code", (code) => page.codes.push(code));
  await page.addInitScript(() => {
    document.addEventListener("petitfour:error", ({ detail }) => window.__code(detail.code));
    document.addEventListener("petitfour:ready", ({ detail }) => (window.__ready = detail));
  });
  await page.goto(url);
  await ready(page);
  return page;
}

/** Records so many events, some of them in one go and some apart. */
const record = (page, events) =>
  page.evaluate(async (events) => {
    for (let event = 0; event < events; event++) {
      if (!window.petitfour.track("viewed")) throw new Error("refused");
      if (event % 3 === 0) await new Promise((resolve) => setTimeout(resolve, event % 5));
    }
  }, events);

/** Headless browsers never hide a tab, so the page is told what a browser would tell it. */
const turn = (page, state) =>
  page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);

const counted = async (page) => total(await page.evaluate(() => window.petitfour.profile()));

/** What the stored profile says, once nothing waits any more: read by a page that comes last. */
async function settled(context, url, enough) {
  const page = await visit(context, url);
  const end = Date.now() + 15_000;
  let count;
  for (;;) {
    count = await counted(page);
    const waiting = await notes(page);
    if ((count >= enough && !waiting.length) || Date.now() > end) {
      assert.deepEqual(waiting, [], "every note was taken in and removed");
      return { page, count };
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const notes = (page) =>
  page.evaluate(() => [
    ...Object.keys(localStorage).filter((key) => /^petitfour\.(note|edge)\./.test(key)),
    ...document.cookie.split("; ").filter((pair) => /^petitfour\.(note\.)?[0-9a-f]{16}=/.test(pair)),
  ]);

/** Asks the edge, as the page does with its cookies. */
const ask = (page, events) => page.evaluate(async (events) => Number(await (await fetch(`/edge?events=${events}`)).text()), events);

const renderers = async () => {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  return processInfo.filter(({ type }) => type === "renderer").length;
};

test("two tabs and an edge that write at once for a thousand events lose none", async (t) => {
  const { context, tally, url } = await site(t);
  const before = await renderers();
  const first = await visit(context, url);
  const second = await visit(context, url);
  assert.ok((await renderers()) >= before + 2, "the tabs run in processes of their own");
  let recorded = 0;
  const tab = async (page, rounds) => {
    for (let round = 0; round < rounds; round++) {
      await record(page, 40);
      recorded += 40;
      if (round % 4 === 1) {
        await page.reload();
        await ready(page);
      } else if (round % 4 === 3) {
        await turn(page, "hidden");
        await record(page, 5);
        recorded += 5;
        await turn(page, "visible");
      }
    }
  };
  const requests = async (page, times) => {
    for (let time = 0; time < times; time++) {
      await ask(page, 2).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const third = await visit(context, url);
  await Promise.all([tab(first, 10), tab(second, 9), requests(third, 70)]);
  const rest = 1000 - recorded - tally.edge;
  assert.ok(rest > 0, String(rest));
  await Promise.all([record(first, rest >> 1), record(second, rest - (rest >> 1))]);
  // The page goes while its last event is young.
  await Promise.all([first.close(), second.close(), third.close()]);
  const { count } = await settled(context, url, 1000);
  assert.deepEqual(tally.refused, []);
  assert.ok(tally.edge >= 100, String(tally.edge));
  assert.equal(count, 1000);
  claim("tabs.lost", 1000 - count);
});

test("two tabs of one process lose none either", async (t) => {
  const { context, url } = await site(t);
  const first = await visit(context, url);
  const [second] = await Promise.all([first.waitForEvent("popup"), first.evaluate(() => void window.open("/"))]);
  await until(second, () => window.petitfour?.loaded?.());
  await Promise.all([record(first, 150), record(second, 150)]);
  await turn(first, "hidden");
  await Promise.all([record(first, 50), record(second, 50)]);
  await Promise.all([first.close(), second.close()]);
  assert.equal((await settled(context, url, 400)).count, 400);
});

test("a tab sees what another has counted", async (t) => {
  const { context, url } = await site(t);
  const first = await visit(context, url);
  const second = await visit(context, url);
  await record(first, 3);
  await record(second, 4);
  for (const page of [first, second]) {
    await until(page, async () => (await window.petitfour.profile()).counters.find(({ name }) => name === "viewed")?.total === 7);
  }
});

test("two edge requests from one cookie, answered side by side, are both counted, and the next one sees them", async (t) => {
  const { context, url } = await site(t);
  const page = await visit(context, url);
  await record(page, 1);
  await until(page, () => document.cookie.includes("petitfour=") && localStorage.getItem("petitfour.profile"));
  const cookies = await page.evaluate(() => document.cookie);
  const viewed = (client) => (client.track("viewed"), client.profile().then(total));
  const [one, other] = await Promise.all([atEdge(cookies, viewed), atEdge(cookies, viewed)]);
  assert.deepEqual([one.answer, other.answer], [2, 2], "each knows the profile that its request carried");
  const set = [...one.set, ...other.set];
  assert.equal(set.length, 2);
  for (const cookie of set) assert.match(cookie, /^petitfour\.[0-9a-f]{16}=[A-Za-z0-9+/=]+; Path=\/; Max-Age=34128000; SameSite=Lax$/);
  const both = `${cookies}; ${set.map((cookie) => cookie.split(";")[0]).join("; ")}`;
  const third = await atEdge(both, (client) => client.profile().then(total));
  assert.deepEqual([third.answer, third.set], [3, []], "it sees both notes, and does nothing of its own");
  await page.evaluate((set) => set.forEach((cookie) => (document.cookie = cookie)), set);
  assert.equal((await settled(context, url, 3)).count, 3);
});

test("a note that nobody can read is removed, and one that a newer engine wrote is left to it", async (t) => {
  const { context, url } = await site(t);
  const page = await visit(context, url);
  await record(page, 1);
  await page.evaluate(() => {
    localStorage.setItem("petitfour.note.0123456789abcdef", btoa("\x01 of nothing"));
    localStorage.setItem("petitfour.note.fedcba9876543210", btoa("\x7f of tomorrow"));
  });
  await page.reload();
  await ready(page);
  await until(page, () => !localStorage.getItem("petitfour.note.0123456789abcdef"));
  assert.deepEqual(page.codes, ["note/damaged"]);
  assert.ok(await page.evaluate(() => localStorage.getItem("petitfour.note.fedcba9876543210")));
  assert.equal(await counted(page), 1);
});

test("when one tab forgets the visitor, all do, and no note or cookie is left", async (t) => {
  const { context, url } = await site(t);
  const first = await visit(context, url);
  const second = await visit(context, url);
  const third = await visit(context, url);
  await Promise.all([first, second, third].map((page) => record(page, 5)));
  await second.evaluate(() => window.petitfour.forget());
  for (const page of [first, second, third]) await until(page, () => !window.petitfour.consent().store);
  await first.waitForTimeout(300);
  for (const page of [first, second, third]) {
    assert.deepEqual(await page.evaluate(() => [Object.keys(localStorage), document.cookie]), [[], ""]);
  }
  assert.deepEqual(await context.cookies(), []);
});

test("a tab that crashed while it held the profile keeps nobody else from it for long", async (t) => {
  const { context, url } = await site(t);
  const first = await visit(context, url);
  await record(first, 2);
  await until(first, () => localStorage.getItem("petitfour.hold"));
  await first.goto("chrome://crash").catch(() => {});
  const { page, count } = await settled(context, url, 2);
  assert.equal(count, 2);
  await record(page, 1);
  await until(page, () => Object.keys(localStorage).every((key) => !/^petitfour\.(note|edge)\./.test(key)), undefined, 6_000);
  assert.equal(await counted(page), 3);
});
