/**
 * A note as nobody honest writes one: it says what only the origin may say. Bytes by docs/formats/profile.md; its seal is a plain
 * XXH64, which keeps out damage and not a visitor.
 */
const [P1, P2, P3, P4, P5] = [11400714785074694791n, 14029467366897019727n, 1609587929392839161n, 9650029242287828579n, 2870177450012600261n];
const word = (number) => BigInt.asUintN(64, number);
const turned = (number, by) => word((number << by) | (word(number) >> (64n - by)));

/** XXH64 with seed 0 (the xxHash specification, 0.1.1). */
export function xxh64(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const mixed = (lane, input) => word(turned(word(lane + input * P2), 31n) * P1);
  let at = 0;
  let hash = P5;
  if (bytes.length >= 32) {
    const lanes = [word(P1 + P2), P2, 0n, word(-P1)];
    for (; at + 32 <= bytes.length; at += 32) lanes.forEach((lane, place) => (lanes[place] = mixed(lane, view.getBigUint64(at + 8 * place, true))));
    hash = [1n, 7n, 12n, 18n].reduce((sum, by, place) => word(sum + turned(lanes[place], by)), 0n);
    for (const lane of lanes) hash = word((hash ^ mixed(0n, lane)) * P1 + P4);
  }
  hash = word(hash + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8) hash = word(turned(hash ^ mixed(0n, view.getBigUint64(at, true)), 27n) * P1 + P4);
  for (; at + 4 <= bytes.length; at += 4) hash = word(turned(hash ^ word(BigInt(view.getUint32(at, true)) * P1), 23n) * P2 + P3);
  for (; at < bytes.length; at++) hash = word(turned(hash ^ word(BigInt(bytes[at]) * P5), 11n) * P1);
  hash = word((hash ^ (hash >> 33n)) * P2);
  hash = word((hash ^ (hash >> 29n)) * P3);
  return hash ^ (hash >> 32n);
}

const varint = (number) => (number < 128 ? [number] : [(number % 128) | 128, ...varint(Math.floor(number / 128))]);

/** A note over `profile` (bytes) under the name `dot` (16 hexadecimal digits), which says that its visitor is in `segment`. */
export function forged(profile, dot, segment, now = Date.now()) {
  const head = new DataView(new ArrayBuffer(28));
  head.setUint8(0, 1);
  head.setUint32(1, profile.readUInt32LE(1), true);
  head.setBigUint64(5, BigInt(`0x${dot}`), true);
  head.setUint32(13, 0, true);
  head.setUint32(17, now % 2 ** 32, true);
  head.setUint16(21, Math.floor(now / 2 ** 32), true);
  // The fifth kind of change is to join; then the segment's key.
  head.setUint8(23, 5);
  head.setUint32(24, Number(xxh64(Buffer.from(segment)) & 0xffffffffn), true);
  const body = Buffer.from([...new Uint8Array(head.buffer), ...varint(0), 0, 0, ...varint(Math.floor(now / 60_000)), ...varint(1)]);
  const seal = Buffer.alloc(4);
  seal.writeUInt32LE(Number(xxh64(body) & 0xffffffffn));
  return Buffer.concat([body, seal]);
}
