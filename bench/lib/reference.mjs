/**
 * What the workload means: the first campaign, in order, whose tree accepts the visitor and whose rollout takes them in.
 *
 * Engines without a rollout of their own are given `inRollout`; those with one use theirs, so answers are compared only
 * where every rollout is 100 %. `../src/workload.rs` is the same in Rust.
 */

/** MurmurHash3, x86, 32 bits, of an ASCII text. */
export function murmur3(text, seed = 0) {
  const { length } = text;
  const byte = (at) => text.charCodeAt(at) & 255;
  const mix = (k) => {
    k = Math.imul(k, 0xcc9e2d51);
    return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  };
  let hash = seed | 0;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    hash ^= mix(byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24));
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  if (at < length) {
    let tail = 0;
    for (let last = length - 1; last >= at; last--) tail = (tail << 8) | byte(last);
    hash ^= mix(tail);
  }
  hash ^= length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export const inRollout = ({ id, rollout }, visitor) =>
  rollout >= 100 || murmur3(`${id}:${visitor}`) % 10000 < rollout * 100;

export function accepts(tree, visitor) {
  if (tree.attr === undefined) {
    if (tree.op === "and") {
      for (const part of tree.args) if (!accepts(part, visitor)) return false;
      return true;
    }
    for (const part of tree.args) if (accepts(part, visitor)) return true;
    return false;
  }
  const value = visitor[tree.attr];
  switch (tree.op) {
    case "eq":
      return value === tree.value;
    case "in":
      return tree.value.includes(value);
    case "gt":
      return value > tree.value;
    case "gte":
      return value >= tree.value;
    case "lt":
      return value < tree.value;
    case "lte":
      return value <= tree.value;
    default:
      throw new Error(`the workload has an operator ${tree.op}`);
  }
}

/** Names of the campaigns whose trees accept the visitor, in order. */
export const targets = ({ campaigns }, visitor) =>
  campaigns.filter(({ tree }) => accepts(tree, visitor)).map(({ id }) => id);

/** The answer, every rollout at 100 %. */
export const firstTarget = ({ campaigns }, visitor) =>
  campaigns.find(({ tree }) => accepts(tree, visitor))?.id ?? null;

/** A tree in JsonLogic, `name` giving the path of an attribute. */
export function jsonLogic(tree, name = (attribute) => attribute) {
  if (tree.attr === undefined) return { [tree.op]: tree.args.map((part) => jsonLogic(part, name)) };
  const operator = { eq: "===", in: "in", gt: ">", gte: ">=", lt: "<", lte: "<=" }[tree.op];
  return { [operator]: [{ var: name(tree.attr) }, tree.value] };
}
