/** The outbox alone, over a host of paper: what goes by which way, what stays, and when it goes again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openOutbox } from "../pkg-template/queue.mjs";
import { encode } from "../pkg-template/storage.mjs";

const NOW = 1_780_315_200_000;
const message = (number, length = 40) => Uint8Array.from({ length }, (_, place) => (place === 0 ? number : 7));
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** An outbox, and everything that it does to the world. `answers` are given in turn, the last one for ever. */
function stage({ answers = [200], beacons = true, may = true, named = [], stored } = {}) {
  const place = { posts: [], beaconed: [], later: [], codes: [], heard: 0, leaves: true, now: NOW, named, keys: new Map(stored ? [["petitfour.queue", stored]] : []) };
  const host = {
    now: () => place.now,
    random: () => [128],
    later: (wait, fn) => place.later.push([wait, fn]),
    post: async (bytes) => {
      place.posts.push(bytes[0]);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      const status = await (typeof answer === "function" ? answer() : answer);
      if (!status) throw new Error("no answer");
      return { status, headers: new Headers(status === 503 ? { "retry-after": "30" } : {}), arrayBuffer: async () => new Uint8Array([1]).buffer };
    },
    beacon: (bytes) => {
      if (beacons) place.beaconed.push(bytes[0]);
      return beacons;
    },
  };
  const store = { read: (key) => place.keys.get(key) ?? null, write: (key, value) => place.keys.set(key, value), remove: (key) => place.keys.delete(key) };
  const engine = { heard: () => (place.heard++, ""), has: (bytes) => place.named.includes(bytes[0]), leaves: () => place.leaves };
  place.permit = (open) => (may = open);
  place.outbox = openOutbox(host, store, (code) => code && place.codes.push(code), () => may, () => {}, engine);
  place.words = () => place.keys.get("petitfour.queue")?.split(" ");
  return place;
}

test("while the page is there a message is fetched for its answer, and is gone when it is answered", async () => {
  const { outbox, posts, beaconed, words } = stage();
  outbox.add(message(1));
  await turn();
  assert.deepEqual([posts, beaconed], [[1], []]);
  assert.deepEqual(words(), [NOW.toString(36)], "when it was answered is all that stays");
  assert.equal(outbox.fresh(), true);
});

test("when the page goes what waits goes by beacon first, and what is being fetched goes too", async () => {
  const { outbox, posts, beaconed, words } = stage({ answers: [() => new Promise(() => {})] });
  outbox.add(message(1));
  outbox.leave(() => outbox.add(message(2)));
  await turn();
  assert.deepEqual([posts, beaconed], [[1], [1, 2]], "nothing is begun by fetch while leaving");
  assert.deepEqual(words().slice(1), [`~${encode(message(1))}`, `~${encode(message(2))}`], "no answer, so both stay");
  outbox.leave(() => {});
  assert.equal(beaconed.length, 2, "what has gone does not go with every change of tabs");
});

test("a browser that takes no beacon is given a fetch that outlives the page", async () => {
  const { outbox, posts } = stage({ beacons: false, answers: [0] });
  outbox.leave(() => outbox.add(message(1)));
  await turn();
  assert.deepEqual(posts, [1]);
});

test("all that goes with the page stays within what browsers let it carry; the rest waits", () => {
  const { outbox, beaconed, words } = stage({ answers: [() => new Promise(() => {})] });
  outbox.leave(() => [1, 2, 3].forEach((number) => outbox.add(message(number, 9 * 1024))));
  assert.deepEqual([beaconed, words().length], [[1, 2, 3], 4]);
  const more = stage();
  more.outbox.bury(message(9, 55 * 1024));
  more.outbox.leave(() => more.outbox.add(message(1, 9 * 1024)));
  assert.deepEqual(more.beaconed, [], "what is in flight counts");
});

test("the next answer confirms the beacons that it names, and the others go again", async () => {
  const { outbox, posts, words } = stage({ named: [1], stored: `0 ~${encode(message(1))} ~${encode(message(2))}` });
  outbox.add(message(3));
  await turn();
  assert.deepEqual(posts, [3, 2]);
  assert.equal(words().length, 1);
});

test("beacons are not sent again before an answer has left them out", async () => {
  const { outbox, posts, words } = stage({ stored: `0 ~${encode(message(1))}` });
  outbox.pump();
  await turn();
  assert.deepEqual([posts, words().length], [[], 2]);
});

test("an answer is fresh for five minutes, and not when the clock has gone back behind it", () => {
  const at = (ago) => stage({ stored: (NOW - ago).toString(36) }).outbox.fresh();
  assert.deepEqual([at(0), at(299_999), at(300_000), at(-1)], [true, true, false, false]);
});

test("a collector that asks for a pause gets it, also from a page that goes", async () => {
  const { outbox, posts, beaconed, later, words } = stage({ answers: [503, 200] });
  outbox.add(message(1));
  await turn();
  outbox.add(message(2));
  outbox.leave(() => {});
  await turn();
  assert.deepEqual([posts, beaconed], [[1], []]);
  assert.equal(later[0][0], 30_000);
  later[0][1]();
  await turn();
  assert.deepEqual([posts, words().length], [[1, 1, 2], 1]);
});

test("a tombstone is never stored, goes before everything, again until it is answered, and by beacon when the page goes", async () => {
  const { outbox, posts, beaconed, later, keys } = stage({ answers: [0, 200] });
  outbox.bury(message(9));
  outbox.erase();
  await turn();
  assert.deepEqual([posts, keys.size], [[9], 0]);
  outbox.leave(() => {});
  assert.deepEqual([beaconed, keys.size], [[9], 0]);
  later[0][1]();
  await turn();
  assert.deepEqual(posts, [9, 9]);
  outbox.leave(() => {});
  assert.deepEqual([beaconed, keys.size], [[9], 0], "answered: it is gone");
});

test("an answer to what was sent before the visitor was forgotten says nothing to who comes after", async () => {
  let answer;
  const place = stage({ answers: [() => new Promise((resolve) => (answer = resolve)), 200] });
  place.outbox.add(message(1));
  await turn();
  place.outbox.erase();
  answer(200);
  await turn();
  assert.deepEqual([place.heard, place.keys.size], [0, 0]);
});

test("that something was sent is known until the visitor is forgotten, and no longer", async () => {
  const { outbox, keys } = stage();
  assert.equal(outbox.used(), false);
  outbox.add(message(1));
  await turn();
  assert.equal(outbox.used(), true);
  outbox.drop();
  assert.equal(outbox.used(), true, "a withdrawal drops messages, not the knowledge");
  outbox.erase();
  assert.deepEqual([outbox.used(), keys.size], [false, 0]);
});

test("without permission to store what waits is in memory, and moves when it is given", async () => {
  const place = stage({ may: false, answers: [0] });
  place.outbox.add(message(1));
  await turn();
  assert.equal(place.keys.size, 0);
  place.permit(true);
  place.outbox.settle();
  assert.deepEqual(place.words(), ["0", encode(message(1))]);
});

test("while nothing may leave nothing goes, by either way, but the tombstone", async () => {
  const place = stage();
  place.leaves = false;
  place.outbox.add(message(1));
  place.outbox.bury(message(9));
  place.outbox.leave(() => {});
  await turn();
  assert.deepEqual([place.posts, place.beaconed], [[9], [9]]);
});

test("sixty-four messages wait at most, and the oldest go first", () => {
  const { outbox, codes, words } = stage({ answers: [() => new Promise(() => {})] });
  for (let number = 0; number < 70; number++) outbox.add(message(number));
  assert.equal(words().length, 65);
  assert.equal(words()[1], encode(message(6)));
  assert.ok(codes.includes("queue/dropped"));
});

test("what is no message is let go", async () => {
  const { outbox, posts, words } = stage({ stored: "%%% %%% AQID" });
  outbox.pump();
  await turn();
  assert.deepEqual([posts, words().length], [[1], 1]);
});
