/** A page's queue is heard from its beginning, and goes on working as its owner made it. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { observe } from "../pkg-template/layer.mjs";

test("what was pushed before and after is told to everybody, once and in order", () => {
  globalThis.layerA = ["before"];
  const [one, other] = [[], []];
  observe("layerA", (entry) => one.push(entry));
  globalThis.layerA.push("between", "both");
  observe("layerA", (entry) => other.push(entry));
  globalThis.layerA.push("after");
  assert.deepEqual(one, ["before", "between", "both", "after"]);
  assert.deepEqual(other, one);
});

test("a queue that the page begins later is the one that is observed", () => {
  const heard = [];
  observe("layerB", (entry) => heard.push(entry));
  const layerB = (globalThis.layerB = globalThis.layerB || []);
  layerB.push("later");
  assert.deepEqual(heard, ["later"]);
});

test("the owner's push keeps its answer and its faults, and a listener's faults stay with the listener", () => {
  const heard = [];
  globalThis.layerC = [];
  globalThis.layerC.push = function (entry) {
    if (entry === "bad") throw new Error("the owner's");
    Array.prototype.push.call(this, entry);
    return "own answer";
  };
  observe("layerC", () => {
    throw new Error("the listener's");
  });
  observe("layerC", (entry) => heard.push(entry));
  assert.equal(globalThis.layerC.push("good"), "own answer");
  assert.throws(() => globalThis.layerC.push("bad"), /the owner's/);
  assert.deepEqual(heard, ["good", "bad"]);
});

test("a variable of that name that is no queue is left alone", () => {
  globalThis.layerD = "text";
  observe("layerD", assert.fail);
  assert.equal(globalThis.layerD, "text");
});

test("a queue that takes another's place is heard from its beginning", () => {
  const heard = [];
  globalThis.layerE = ["first"];
  observe("layerE", (entry) => heard.push(entry));
  globalThis.layerE = ["second"];
  globalThis.layerE.push("third");
  assert.deepEqual(heard, ["first", "second", "third"]);
});
