/**
 * The outside world of a client, built from web standards: clock, entropy, storage, network, timers.
 *
 * Browsers, Node 20 and Workers all have these; what only a page has (document, localStorage, beacons) is used
 * where it exists. Nothing here decides anything.
 */

import { listen } from "./platforms.mjs";

/** One line in the console and one event on the page for each distinct code. */
function announce(code) {
  console.warn(`petitfour: ${code}`);
  const { document } = globalThis;
  document?.dispatchEvent(new CustomEvent("petitfour:error", { detail: { code } }));
}

const timer = (wait, fn) => {
  const id = setTimeout(fn, Math.min(Math.max(wait, 0), 0x7fffffff));
  // A timer must not keep a Node process alive; in a browser the id is a number.
  id.unref?.();
  return id;
};

/** The host for `options` as `load` takes them; `modules` bring those that are loaded on demand, `lens`, `reader` and `identify`. */
export function createHost({ collector, storage, cookie, keep, hold, lens, reader }, modules) {
  const page = globalThis.document;
  const url = collector && String(collector);
  const secure = globalThis.location?.protocol === "https:" ? "; Secure" : "";
  let waking;
  const host = {
    lens: lens ?? modules.lens,
    reader: reader ?? modules.reader,
    identify: modules.identify,
    report: announce,
    now: () => Date.now(),
    offset: (now) => -new Date(now).getTimezoneOffset(),
    random: (count) => crypto.getRandomValues(new Uint8Array(count)),
    storage: () => (storage === undefined ? page && localStorage : storage),
    // At an edge a jar of the request's cookies; in a page `true` also writes what localStorage has.
    cookies: cookie?.read ? cookie : page && { read: () => page.cookie, write: (text) => (page.cookie = text + secure) },
    both: !!cookie,
    holds: hold !== false,
    later: timer,
    wake(wait, fn) {
      clearTimeout(waking);
      waking = timer(wait, fn);
    },
  };
  // Bytes without a type need no preflight; no cookie travels along, nor the address of the page. A site with an edge has asked for cookies: its
  // own go to its own address, where the edge may answer with one.
  if (url) {
    const given = { method: "POST", keepalive: true, credentials: cookie ? "same-origin" : "omit", referrerPolicy: "no-referrer" };
    host.post = (body) => fetch(url, { ...given, body });
  }
  if (!page) return host;
  host.address = () => location.href;
  if (url) host.beacon = (body) => navigator.sendBeacon(url, body);
  host.listen = listen;
  if (keep) {
    const headers = { "content-type": "application/octet-stream" };
    host.keep = (method, body) => fetch(keep, { method, body, headers, keepalive: true, credentials: "same-origin" });
  }
  host.hidden = () => page.visibilityState === "hidden";
  host.leave = (going, back) => {
    addEventListener("pagehide", going);
    addEventListener("pageshow", ({ persisted }) => persisted && back());
    page.addEventListener("visibilitychange", () => (host.hidden() ? going() : back()));
  };
  host.elsewhere = (changed) =>
    addEventListener("storage", ({ key, newValue }) => {
      if (!key || key.startsWith("petitfour.")) changed(key, newValue);
    });
  // Asks for the lock that only one tab has; the answer gives it back, or the place in the queue for it.
  if (navigator.locks && hold !== false) {
    host.turn = (granted) => {
      const asking = new AbortController();
      let release;
      const has = () => {
        if (asking.signal.aborted) return;
        granted();
        return new Promise((resolve) => (release = resolve));
      };
      // Where cookies are forbidden so are locks, and then there is nothing that tabs share.
      navigator.locks.request("petitfour", { signal: asking.signal }, has).catch(has);
      return () => (release ?? (() => asking.abort()))();
    };
  }
  return host;
}

/** Fetches `url`; anything but a good answer is `code`. */
export async function fetched(url, code) {
  let answer;
  try {
    answer = await fetch(url);
  } catch {
    throw code;
  }
  if (!answer.ok) throw code;
  return answer;
}

/** The bundle's bytes, from bytes or an address. */
export async function bundleBytes(bundle, read = async (url) => (await fetched(url, "bundle/missing")).arrayBuffer()) {
  if (!bundle) throw "bundle/missing";
  if (ArrayBuffer.isView(bundle)) return new Uint8Array(bundle.buffer, bundle.byteOffset, bundle.byteLength);
  if (bundle instanceof ArrayBuffer) return new Uint8Array(bundle);
  return new Uint8Array(await read(bundle));
}

/** A bundle's bytes, believed by the pinned `key` where there is one; `bring` brings what verifies. */
export const believed = async (bundle, key, bring) => {
  const bytes = await bundle;
  if (key) await (await bring()).verify(bytes, key);
  return bytes;
};

/** Instantiates through the glue's `init`; `source` is a module or a promised response, both still under way. */
export async function instantiate(init, Session, source) {
  try {
    const { memory } = await init({ module_or_path: source });
    return { Session, memory };
  } catch (error) {
    if (typeof error === "string") throw error;
    // Browsers word a policy's refusal each in their own way, but all name the policy.
    const refused = !globalThis.WebAssembly || /security policy|csp|unsafe-eval|disallowed|blocked/i.test(error?.message);
    throw refused ? "wasm/blocked" : "wasm/format";
  }
}
