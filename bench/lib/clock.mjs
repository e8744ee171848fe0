/**
 * Rounds: in each, every subject decides for its visitors, one subject after the other, so that whatever else the machine
 * does falls on all of them. A figure is the median over rounds of the mean over visitors, or the tenth percentile.
 *
 * The clock is the processor's time of this process, not the wall's: where a machine is shared, a slow subject's turn is
 * longer than a slice of time and would be charged for the others' slices too, which would flatter the fast ones.
 */

/** Slow subjects take every n-th visitor, so that a round stays short; fast ones take all. */
const STRIDES = [1, 5, 20, 50];

/** What one subject may take of a round. */
const SLOT_MS = 25;

const WARM_MS = 400;

/** `decide(visitor)` may answer with a promise. Returns the subject with what `time` needs. */
export function subject(name, title, decide) {
  return { name, title, decide, times: [], asynchronous: false, visitors: [] };
}

/** Microseconds of processor time, all threads. */
const spent = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

async function pass({ decide, visitors, asynchronous }) {
  let chosen = 0;
  const began = spent();
  if (asynchronous) for (const visitor of visitors) chosen += (await decide(visitor)) !== null;
  else for (let place = 0; place < visitors.length; place++) chosen += decide(visitors[place]) !== null;
  return { chosen, ns: ((spent() - began) * 1e3) / visitors.length };
}

/** Warms every subject up, then times `rounds` rounds. Fills in `ns` of each: p10, median, and visitors in a round. */
export async function time(subjects, visitors, rounds) {
  for (const each of subjects) {
    each.asynchronous = typeof each.decide(visitors[0])?.then === "function";
    each.visitors = visitors.filter((_, place) => place % 50 === 0);
    // Warm before the stride is chosen, or the first calls of a fast subject would pass for a slow one's.
    const began = performance.now();
    // The least of many short passes: one that was interrupted says nothing of the subject.
    let ns = Infinity;
    do ns = Math.min(ns, (await pass(each)).ns);
    while (performance.now() - began < WARM_MS);
    const stride = STRIDES.find((stride) => (ns * visitors.length) / stride / 1e6 < SLOT_MS) ?? STRIDES.at(-1);
    each.visitors = visitors.filter((_, place) => place % stride === 0);
    await pass(each);
  }
  for (let round = 0; round < rounds; round++) {
    for (const each of subjects) each.times.push((await pass(each)).ns);
  }
  for (const each of subjects) {
    const sorted = each.times.sort((a, b) => a - b);
    const at = (share) => sorted[Math.floor(sorted.length * share)];
    each.ns = { p10: at(0.1), median: at(0.5), visitors: each.visitors.length };
  }
}
