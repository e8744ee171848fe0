/**
 * The profile in the browser's storage, shared with the other tabs of the site.
 *
 * Two tabs write one key. So before a write the stored text is read, and when another tab has written it since,
 * it is merged into the session first; the merge gives the same bytes whoever does it, so the tabs converge.
 * A store that is full, forbidden or absent is replaced by memory: the visitor is then forgotten with the page,
 * but is still decided for.
 */
export const PROFILE = "petitfour.profile";
export const QUEUE = "petitfour.queue";

export const encode = (bytes) => {
  let characters = "";
  for (const byte of bytes) characters += String.fromCharCode(byte);
  return btoa(characters);
};
export const decode = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** Wraps anything shaped like `Storage` so that no call throws; what it refuses is kept in memory. */
export function openStore(storage, report) {
  const memory = new Map();
  const attempt = (code, fn) => {
    try {
      return storage ? fn() : undefined;
    } catch (error) {
      report(error?.name === "QuotaExceededError" ? "storage/full" : code);
    }
  };
  return {
    read: (key) => memory.get(key) ?? attempt("storage/blocked", () => storage.getItem(key)) ?? null,
    write(key, value) {
      const kept = attempt("storage/blocked", () => (storage.setItem(key, value), true));
      if (kept) memory.delete(key);
      else memory.set(key, value);
    },
    remove(key) {
      memory.delete(key);
      attempt("storage/blocked", () => storage.removeItem(key));
    },
  };
}

/** The profile's key: `merge` takes stored bytes into the session, `may` says whether storing is permitted. */
export function openProfile(host, report, may, merge) {
  const store = (host.store ??= openStore(host.storage, report));
  let written = null;
  let latest = null;
  let waiting = false;

  const take = (stored) => {
    written = stored;
    let bytes;
    try {
      bytes = decode(stored);
    } catch {
      return report("profile/format");
    }
    merge(bytes);
  };

  const save = () => {
    if (!latest) return (waiting = false);
    const stored = store.read(PROFILE);
    // `waiting` stays set, so that the merge leaves its bytes in `latest` instead of asking for another save.
    waiting = true;
    if (stored && stored !== written) take(stored);
    waiting = false;
    const bytes = latest;
    latest = null;
    if (!bytes || !may()) return;
    const next = encode(bytes);
    // An equal text is not written: it would wake nobody, but it costs a disk write.
    if (next !== stored) store.write(PROFILE, next);
    written = next;
  };

  return {
    /** Takes what an earlier page stored. */
    open() {
      const stored = store.read(PROFILE);
      if (stored) take(stored);
    },
    /** Writes after the calls of this turn, so that ten events cost one write. */
    persist(bytes) {
      latest = bytes;
      if (waiting) return;
      waiting = true;
      queueMicrotask(save);
    },
    save,
    erase() {
      latest = written = null;
      store.remove(PROFILE);
    },
    /** Another tab changed `key`. True when the profile was removed there. */
    changed(key, value) {
      if (key !== PROFILE && key !== null) return false;
      if (value && value !== written) take(value);
      return !value && written !== null;
    },
  };
}
