/**
 * Petit Four on six ways in, all through the package as it is shipped (`pkg/`).
 *
 * - `object`: a plain visitor object, by a host that knows its attributes: `visitor.country` and so on, each text through a
 *   Map from text to bin, written into the numeric block.
 * - `generic`: the same by a host that has only a list of names, `visitor[name]`, which V8 cannot cache.
 * - `ready`: the block is copied from numbers made beforehand; every attribute is new to the engine each time.
 * - `again`: the same visitor once more.
 * - `measured`: as `object`, with every permission open, so that each decision is queued for the origin and the effects
 *   are drained.
 * - `package`: the public `decide(placement, context)`, which reads the clock and returns an object with the content.
 *
 * One session serves all visitors, as one browser would: so holdouts fall for one pseudonym, not for a thousand. Every
 * candidate's bucket is computed all the same. `session` makes single ones for the check of the answers.
 */
import { readFile } from "node:fs/promises";
import init, { Session } from "../../../pkg/petitfour.js";
import { load } from "../../../pkg/node.mjs";

/** 2026-06-15T12:00:00Z, the moment of the native part too. Nothing in the workload depends on it. */
const NOW = 1781524800000;
const NONE = 0xffffffff;

/** Stands for an attribute that no campaign asks about: what is written there is nobody's. */
const absent = { at: -1, bins: new Map() };

let memory;

/** Instantiates the module, once. */
export async function start() {
  const wasm = await readFile(new URL("../../../pkg/petitfour_bg.wasm", import.meta.url));
  ({ memory } = await init({ module_or_path: wasm }));
}

/** A session with its views and names resolved, as a host keeps them. */
export function openSession(bundle, seed, { stringAttrs, numberAttrs }) {
  const session = new Session(bundle, seed);
  const resolve = (name) => session.attribute(name);
  const texts = stringAttrs.map((name) => ({ name, at: resolve(name), bins: new Map() })).filter(({ at }) => at >= 0);
  const numbers = numberAttrs.map((name) => ({ name, at: resolve(name) })).filter(({ at }) => at >= 0);
  const placement = session.placement("main");
  const names = [];
  let buffer, input, output;

  const refresh = () => {
    ({ buffer } = memory);
    input = new Float64Array(buffer, session.input(), session.attributes());
    output = new Uint32Array(buffer, session.output(), 16);
  };
  refresh();

  const intern = ({ at, bins }, text) => {
    const bin = session.intern(at, text);
    bins.set(text, bin);
    if (buffer !== memory.buffer) refresh();
    return bin;
  };

  const tell = (visitor) => {
    if (buffer !== memory.buffer) refresh();
    for (let place = 0; place < texts.length; place++) {
      const text = texts[place];
      const value = visitor[text.name];
      const bin = text.bins.get(value) ?? intern(text, value);
      input[text.at] = bin;
    }
    for (let place = 0; place < numbers.length; place++) {
      const { at, name } = numbers[place];
      input[at] = visitor[name];
    }
  };

  const [country, region, city, device, browser, os, lang, channel, utmcampaign, segment, plan, category] = stringAttrs.map(
    (name) => texts.find((text) => text.name === name) ?? absent,
  );
  const [age, visits, sessions, pageviews, cartvalue, orders, ltv, dayssince] = numberAttrs.map(
    (name) => numbers.find((number) => number.name === name) ?? absent,
  );
  const bin = (text, value) => text.bins.get(value) ?? (text === absent ? 0 : intern(text, value));

  const tellKnown = (visitor) => {
    if (buffer !== memory.buffer) refresh();
    input[country.at] = bin(country, visitor.country);
    input[region.at] = bin(region, visitor.region);
    input[city.at] = bin(city, visitor.city);
    input[device.at] = bin(device, visitor.device);
    input[browser.at] = bin(browser, visitor.browser);
    input[os.at] = bin(os, visitor.os);
    input[lang.at] = bin(lang, visitor.lang);
    input[channel.at] = bin(channel, visitor.channel);
    input[utmcampaign.at] = bin(utmcampaign, visitor.utmcampaign);
    input[segment.at] = bin(segment, visitor.segment);
    input[plan.at] = bin(plan, visitor.plan);
    input[category.at] = bin(category, visitor.category);
    input[age.at] = visitor.age;
    input[visits.at] = visitor.visits;
    input[sessions.at] = visitor.sessions;
    input[pageviews.at] = visitor.pageviews;
    input[cartvalue.at] = visitor.cartvalue;
    input[orders.at] = visitor.orders;
    input[ltv.at] = visitor.ltv;
    input[dayssince.at] = visitor.dayssince;
  };

  const answer = () => {
    const campaign = output[1];
    return campaign === NONE ? null : (names[campaign] ??= session.name(0, campaign));
  };

  const decide = () => {
    session.decide(placement, NOW, 0);
    if (buffer !== memory.buffer) refresh();
    return answer();
  };

  return {
    session,
    tell,
    tellKnown,
    decide,
    block: () => input.slice(),
    fill(block) {
      if (buffer !== memory.buffer) refresh();
      input.set(block);
    },
    free: () => session.free(),
  };
}

export async function open(workload, visitors) {
  const seed = new Uint8Array(32).fill(7);
  const session = () => openSession(workload.bundle, seed, workload);

  const plain = session();
  const object = (visitor) => {
    plain.tellKnown(visitor);
    return plain.decide();
  };

  const listed = session();
  const generic = (visitor) => {
    listed.tell(visitor);
    return listed.decide();
  };

  const filled = session();
  const blocks = new Map(
    visitors.map((visitor) => {
      filled.tell(visitor);
      return [visitor, filled.block()];
    }),
  );
  // A list, not the Map, in the timed part: the visitor's number is what a host has at hand.
  const list = [...blocks.values()];
  let next = 0;
  const ready = () => {
    filled.fill(list[next]);
    next = next + 1 === list.length ? 0 : next + 1;
    return filled.decide();
  };

  const still = session();
  still.tell(visitors[0]);
  const again = () => still.decide();

  const open = session();
  open.session.consent(0b1111, NOW, 0);
  const measured = (visitor) => {
    open.tellKnown(visitor);
    const answer = open.decide();
    for (let effect; (effect = open.session.poll()); ) if (effect < 3) open.session.payload();
    return answer;
  };

  const client = await load({ bundle: workload.bundle, storage: null });
  const contexts = new Map(visitors.map(({ id, ...context }) => [id, context]));
  const whole = (visitor) => client.decide("main", contexts.get(visitor.id)).campaign;

  return { object, generic, ready, again, measured, package: whole };
}

/** Median milliseconds to open a session over a bundle, the module being there. */
export function loadTime(bundle) {
  const times = [];
  for (let turn = 0; turn < 51; turn++) {
    const began = performance.now();
    const session = new Session(bundle, new Uint8Array(32).fill(turn));
    times.push(performance.now() - began);
    session.free();
  }
  return times.sort((a, b) => a - b)[25];
}
