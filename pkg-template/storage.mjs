/**
 * What is kept on the device, shared with the other tabs of the site: the profile and the visitor's choice.
 *
 * One browser is one replica of the profile, so its tabs take turns: before anything is counted, what another tab
 * has written is taken in, and what was counted is written in the same call. A key that another tab has removed
 * means that the visitor was forgotten there, and is forgotten here too.
 *
 * A store that is full, forbidden or absent is replaced by memory: the visitor is then forgotten with the page,
 * but is still decided for.
 */
const PROFILE = "petitfour.profile";
const CONSENT = "petitfour.consent";

export const encode = (bytes) => {
  let characters = "";
  for (const byte of bytes) characters += String.fromCharCode(byte);
  return btoa(characters);
};
export const decode = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/**
 * Wraps what `open` gives, anything shaped like `Storage` or nothing, so that no call throws; what it refuses is
 * kept in memory. `open` is asked each time, since merely naming localStorage throws where it is forbidden.
 */
export function openStore(open, report) {
  const memory = new Map();
  const attempt = (fn) => {
    try {
      const storage = open();
      return storage ? fn(storage) : undefined;
    } catch (error) {
      report(error?.name === "QuotaExceededError" ? "storage/full" : "storage/blocked");
    }
  };
  return {
    read: (key) => memory.get(key) ?? attempt((storage) => storage.getItem(key)) ?? null,
    write(key, value) {
      if (attempt((storage) => (storage.setItem(key, value), true))) memory.delete(key);
      else memory.set(key, value);
    },
    remove(key) {
      memory.delete(key);
      attempt((storage) => storage.removeItem(key));
    },
  };
}

/**
 * The two keys over `store`. `may` says whether storing is permitted, `restore` takes stored bytes into the session,
 * `gone` is called when another tab has removed them.
 */
export function openProfile(store, report, may, restore, gone) {
  let written = null;
  let choice = null;
  let newer = false;

  return {
    /** What an earlier page knew of consent; `null` when nothing is remembered. */
    chosen: () => (choice = store.read(CONSENT)),
    /** Remembers it; without the permission to store not even that. */
    choose(told) {
      if (told !== choice && may()) store.write(CONSENT, (choice = told));
    },
    /** Nothing may be kept until somebody has answered; what is there stays, and is taken in anew then. */
    rest() {
      written = null;
    },
    /** Takes in what another page or tab has written. */
    pull() {
      if (!may()) return;
      const stored = store.read(PROFILE);
      if (stored === written) return;
      written = stored;
      if (!stored) return gone();
      try {
        // A newer engine wrote it, in another tab or before a roll-back: this one leaves it as it is.
        newer = restore(decode(stored)) === "profile/format";
      } catch {
        report("profile/format");
      }
    },
    persist(bytes) {
      const next = encode(bytes);
      // An equal text would wake nobody, but costs a disk write.
      if (next !== written && !newer && may()) store.write(PROFILE, (written = next));
    },
    erase() {
      written = choice = null;
      newer = false;
      // The choice goes first: a tab that hears that the profile is gone must not find a choice to begin it anew by.
      store.remove(CONSENT);
      store.remove(PROFILE);
    },
  };
}
