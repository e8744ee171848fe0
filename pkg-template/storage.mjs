/**
 * Where things are kept on the device: localStorage and cookies behind one small interface.
 *
 * localStorage is used when it works. When it does not (forbidden, full, absent) cookies hold what fits them: the
 * profile, the choice and notes, never the queue. A site with an edge asks for both, and then either alone is enough
 * to be remembered. What neither takes lives in memory: the visitor is then forgotten with the page, but is still
 * decided for.
 */

/** 395 days: browsers cut what asks for more than 400. */
const AGE = 34128000;

/** All cookies of the site in one header: many servers stop at 8,190 bytes and answer the page with an error. */
const LINE = 6144;

/** Keys of notes that tabs wrote, and of those that an edge did; its cookies are named `petitfour.` and the rest. */
export const NOTE = "petitfour.note.";
export const EDGE = "petitfour.edge.";

/** Notes of each kind in localStorage. */
export const NOTES = 64;

export const encode = (bytes) => {
  let characters = "";
  for (const byte of bytes) characters += String.fromCharCode(byte);
  return btoa(characters);
};
export const decode = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** `jar` reads all cookies as one header line and writes one as `Set-Cookie` has it, as `document.cookie` does. */
const openCookies = ({ read, write }) => {
  const named = (key) => key.replace(/\.profile|\.edge/, "") + "=";
  const getItem = (key) => {
    const pair = read().split("; ").find((pair) => pair.startsWith(named(key)));
    return pair?.slice(named(key).length) || null;
  };
  return {
    getItem,
    setItem(key, value) {
      if (read().length - (getItem(key)?.length ?? 0) + value.length < LINE) {
        write(`${named(key)}${value}; Path=/; Max-Age=${AGE}; SameSite=Lax`);
      }
      // A refused cookie is refused in silence.
      if (getItem(key) !== value) throw 0;
    },
    removeItem(key) {
      if (getItem(key) !== null) write(named(key) + "; Path=/; Max-Age=0; SameSite=Lax");
    },
    names: () =>
      (read().match(/petitfour\.(note\.)?[0-9a-f]{16}(?==)/g) ?? []).map((name) => name.replace(/r\.(?!n)/, "r.edge.")),
  };
};

/**
 * Wraps what `open` gives, anything shaped like `Storage` or nothing, and `jar`, cookies or nothing, so that no call
 * throws. `open` is asked each time, since merely naming localStorage throws where it is forbidden. `both`: the profile
 * and the choice go to cookies too.
 */
export function openStore(open, jar, both, report) {
  const memory = new Map();
  const moved = new Set();
  const cookies = jar && openCookies(jar);
  let works = true;

  const local = (fn) => {
    try {
      const storage = open();
      works = !!storage;
      return storage ? fn(storage) : undefined;
    } catch (error) {
      works = false;
      report(error?.name === "QuotaExceededError" ? "storage/full" : "storage/blocked");
    }
  };
  const baked = (fn) => {
    try {
      return cookies && fn(cookies);
    } catch {
      report("cookie/refused");
    }
  };
  const get = (key) => (storage) => storage.getItem(key);
  const set = (key, value) => (storage) => (storage.setItem(key, value), true);
  const remove = (key) => (storage) => storage.removeItem(key);

  const names = () => [
    ...(local((storage) => Object.keys(storage).filter((key) => /^petitfour\.(note|edge)\./.test(key))) ?? []),
    ...(baked((cookies) => cookies.names()) ?? []),
  ];

  return {
    read: (key) => memory.get(key) ?? local(get(key)) ?? baked(get(key)) ?? null,
    /** The copy in the cookie, which localStorage may know nothing of. */
    other: (key) => baked(get(key)) ?? null,
    /** Whether cookies may hold news: nobody is told when one changes. */
    watches: () => cookies && (both || !works),
    /** Keys of notes. */
    names,
    /** Puts notes that came in cookies where all tabs hear of them, and requests do not carry them. */
    settle() {
      const room = NOTES - names().length;
      for (const key of baked((cookies) => cookies.names().slice(0, room)) ?? []) {
        const value = baked(get(key));
        // Another tab may have been here first.
        if (value && local(set(key, value))) baked(remove(key));
      }
    },
    /** Answers whether the value outlives the page. */
    write(key, value) {
      const stored = local(set(key, value));
      const shared = /profile|consent/.test(key);
      let kept = stored;
      if (stored ? both && shared : !/queue|hold|identifiers/.test(key)) {
        kept = baked(set(key, value)) || stored;
        // What could not be replaced must not stand beside what is newer.
        if (kept && !stored) local(remove(key));
        moved.delete(key);
      } else if (shared && !moved.has(key)) {
        // From a time when localStorage did not work.
        moved.add(key);
        baked(remove(key));
      }
      if (kept) memory.delete(key);
      else memory.set(key, value);
      return !!kept;
    },
    remove(key) {
      memory.delete(key);
      local(remove(key));
      baked(remove(key));
    },
  };
}
