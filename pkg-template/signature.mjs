/**
 * Believes a bundle that a pinned key has signed, by WebCrypto: in browsers, Workers and Node.
 *
 * The layout is in docs/formats/bundle.md: the signature (ECDSA over P-256 with SHA-256, 64 bytes) is the last section and the end of
 * the file, over everything before it with the eight bytes of the hash taken as zero.
 */

const HEADER = 64;
const ENTRY = 16;
const SIGNATURE = 64;
/** `SIGN`, as a number that is read from its bytes. */
const KIND = 0x4e474953;

/** Keys by their text: importing one takes longer than verifying with it. */
const imported = new Map();

/** A public key, 87 characters of base64url: `{ id, key }`. */
function read(text) {
  if (!imported.has(text)) imported.set(text, open(text.trim()).catch(() => null));
  return imported.get(text);
}

/** Bytes of a base64url text. */
export const base64url = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));

async function open(text) {
  const point = base64url(text);
  const key = await crypto.subtle.importKey("raw", point, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
  return { id: new DataView(await crypto.subtle.digest("SHA-256", point)).getBigUint64(0, true), key };
}

/** Where the signature begins, or -1. */
function signatureOf(bytes, view) {
  if (bytes.length < HEADER + ENTRY || view.getUint32(0, true) !== 0x42344650) return -1;
  const last = HEADER + ENTRY * (view.getUint16(6, true) - 1);
  if (last < HEADER || last + ENTRY > bytes.length || view.getUint32(last, true) !== KIND) return -1;
  const start = view.getUint32(last + 4, true);
  return view.getUint32(last + 8, true) === SIGNATURE && start + SIGNATURE === bytes.length ? start : -1;
}

/**
 * Answers the version of a bundle that one of `keys` (a list, or texts with commas between) signed. Throws `bundle/unsigned`,
 * `bundle/key`, `bundle/signature`, `bundle/version` for one below `minimum`, or `key/malformed`.
 */
export async function verify(bytes, keys, minimum = 0) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = signatureOf(bytes, view);
  if (start < 0) throw "bundle/unsigned";
  const pinned = await Promise.all((Array.isArray(keys) ? keys : keys.split(",")).map(read));
  // Whoever pins something that is no key is told, and not left with the others alone.
  if (pinned.includes(null)) throw "key/malformed";
  const found = pinned.find((each) => each.id === view.getBigUint64(32, true));
  if (!found) throw "bundle/key";
  const message = Uint8Array.from(bytes.subarray(0, start)).fill(0, 24, 32);
  const good = await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, found.key, bytes.subarray(start), message);
  if (!good) throw "bundle/signature";
  const version = Number(view.getBigUint64(16, true));
  if (version < minimum) throw "bundle/version";
  return version;
}
