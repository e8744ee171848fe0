/**
 * Cookies that only an edge can write: an HMAC over what they say, by secrets that only edges know.
 *
 * The text form is `name.payload.code`: the secret's name, the payload and 32 bytes of HMAC-SHA-256 in base64url. The code covers the purpose,
 * the name and the payload, so that what was sealed for one purpose opens for no other. WebCrypto compares in constant time.
 */

import { base64url } from "./signature.mjs";

/** Characters of a sealed text: browsers keep cookies of 4,096 bytes. */
const LONGEST = 4000;

/** Texts that were opened, so that a visitor's second page costs no HMAC. */
const KNOWN = 1024;

const write = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const utf8 = new TextEncoder();

function covered(purpose, name, payload) {
  const head = utf8.encode(`${purpose}\0${name}\0`);
  const whole = new Uint8Array(head.length + payload.length);
  whole.set(head);
  whole.set(payload, head.length);
  return whole;
}

/**
 * Secrets as one text, `name:secret` with commas between, each secret at least 32 bytes in base64url and no name twice: the first seals, all open. So a new one
 * is put in front, and the old one goes when no cookie of its is left. Throws `seal/secret` when the text is none.
 */
export async function openSecrets(text) {
  const keys = new Map();
  for (const pair of text.split(",")) {
    const [, name, secret] = /^([\w-]{1,32}):([\w-]{43,})$/.exec(pair.trim()) ?? [];
    if (!name || keys.has(name)) throw "seal/secret";
    let bytes;
    try {
      bytes = base64url(secret);
    } catch {
      throw "seal/secret";
    }
    keys.set(name, await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]));
  }
  const [first] = keys;
  const opened = new Map();

  return {
    /** Bytes to a text that {@link open} opens for the same purpose; `null` when they are too many for a cookie. */
    async seal(purpose, payload) {
      const [name, key] = first;
      const code = new Uint8Array(await crypto.subtle.sign("HMAC", key, covered(purpose, name, payload)));
      const text = `${name}.${write(payload)}.${write(code)}`;
      return text.length > LONGEST ? null : text;
    },
    /** What was sealed. Throws `seal/format`, `seal/key` for a secret that is not known any more, `seal/code` for what was not sealed so. */
    async open(purpose, text) {
      const known = `${purpose} ${text}`;
      const found = opened.get(known);
      if (found) return found;
      const [, name, payload, code] = (text.length <= LONGEST && /^([\w-]{1,32})\.([\w-]*)\.([\w-]{43})$/.exec(text)) || [];
      if (!name) throw "seal/format";
      const key = keys.get(name);
      if (!key) throw "seal/key";
      let bytes, mark;
      try {
        [bytes, mark] = [base64url(payload), base64url(code)];
      } catch {
        throw "seal/format";
      }
      if (!(await crypto.subtle.verify("HMAC", key, mark, covered(purpose, name, bytes)))) throw "seal/code";
      if (opened.size >= KNOWN) opened.clear();
      opened.set(known, bytes);
      return bytes;
    },
  };
}

// ---- what the origin told ----------------------------------------------------------------------------------------

export const TOLD = "petitfour_sealed";

/** Days for which the origin's word is taken; an answer to each sync renews it. */
const DAYS = 30;
const MINUTE = 60_000;

/** Bytes of an answer that are sealed: an answer of all its lists is longer than a cookie. */
export const ANSWER = 1024;

/** The pseudonym in a sync message: behind the magic, the format, and two numbers of as many bytes as they need. */
function visitorOf(message) {
  if (message[0] !== 0x50 || message[1] !== 0x46 || message[2] !== 0x34 || message[3] !== 0x53) return null;
  let at = 5;
  for (let number = 0; number < 2; number++) {
    const begin = at;
    while (message[at] > 127 && at - begin < 10) at++;
    at++;
  }
  return at + 16 <= message.length ? message.subarray(at, at + 16) : null;
}

/** The cookie's value for a collector's `answer` to `message`: format 1, minutes since 1970, pseudonym, the answer. `null`: nothing to seal. */
export async function sealTold(secrets, message, answer, now) {
  const visitor = visitorOf(message);
  if (!visitor || !answer.length || answer.length > ANSWER) return null;
  const payload = new Uint8Array(21 + answer.length);
  payload[0] = 1;
  new DataView(payload.buffer).setUint32(1, now / MINUTE, true);
  payload.set(visitor, 5);
  payload.set(answer, 21);
  return secrets.seal(TOLD, payload);
}

/** What {@link sealTold} sealed: `{ visitor, answer }`. Throws as `open`, and `seal/expired`. */
export async function openTold(secrets, text, now) {
  const payload = await secrets.open(TOLD, text);
  if (payload[0] !== 1 || payload.length < 22) throw "seal/format";
  const age = now / MINUTE - new DataView(payload.buffer, payload.byteOffset).getUint32(1, true);
  if (!(age < DAYS * 1440)) throw "seal/expired";
  return { visitor: payload.subarray(5, 21), answer: payload.subarray(21) };
}

/** `Set-Cookie` of it; without a value it goes. */
export const toldCookie = (value, secure) =>
  `${TOLD}=${value ?? ""}; Path=/; Max-Age=${value ? DAYS * 86400 : 0}; SameSite=Lax; HttpOnly${secure ? "; Secure" : ""}`;

// ---- previews ----------------------------------------------------------------------------------------------------

/** Names the query parameter of a preview, and is the purpose that it is sealed for. */
export const PREVIEW = "pf_preview";

/**
 * What a preview shows, as `petitfour preview` sealed it: a map of creatives by placement. Format 1, the minute at which it ends, then
 * `placement=creative` lines. Throws as `open`, and `seal/expired`.
 */
export async function openPreview(secrets, text, now) {
  const payload = await secrets.open(PREVIEW, text);
  if (payload[0] !== 1 || payload.length < 5) throw "seal/format";
  if (now / MINUTE >= new DataView(payload.buffer, payload.byteOffset).getUint32(1, true)) throw "seal/expired";
  const lines = new TextDecoder().decode(payload.subarray(5)).split("\n");
  return new Map(lines.map((line) => line.split("=")).filter(({ length }) => length === 2));
}
