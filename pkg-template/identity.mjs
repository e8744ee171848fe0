/**
 * Who the visitor is, as far as every page needs it: what is kept, and the way to what reads (`identify.mjs`), which is
 * fetched when somebody is identified.
 *
 * Nothing is read while neither storing nor sharing is permitted. Digests are the session's; the only verbatim ids here
 * are those of partners (`eids`), which are of no use otherwise: they live as long as the page, and are handed out while
 * sharing is permitted.
 */
import { decode, encode } from "./storage.mjs";

const KEY = "petitfour.identifiers";

const FIELDS = ["userId", "email", "phone", "crmId", "idfa", "gaid", "uid2", "id5", "eids", "partner"];

/** What says how an identifier is to be read, and is none. */
const BESIDE = ["limitAdTracking", "phoneCountry"];

/** Either of these makes reading worth while: store, share. */
const READING = 0b1001;
const SHARE = 0b1000;

/** Bytes of one digest with its code. */
const ONE = 33;

/** Characters of an address that are looked at. */
const LONGEST = 4096;

const CLICK = /[?&](gclid|fbclid|ttclid|msclkid|dclid)=/;

/**
 * `permissions` gives the session's bits, `settled` resolves when they are known; `tell` hands digests to the session,
 * `restore` stored bytes, `traits` what is said beside identifiers.
 */
export function openIdentity(host, store, report, { permissions, settled, tell, restore, traits }) {
  let eids = [];
  let written = null;
  let newer = false;

  const reading = async () => {
    try {
      return await host.identify();
    } catch {
      throw "identify/missing";
    }
  };

  const hold = (known) => {
    if (known && permissions() & SHARE) eids = known;
  };

  return {
    /** `(userId, traits)`, or `(identifiers, traits)`; what is no identifier of either is a trait. */
    async identify(first, second, quiet) {
      const said = { ...second, ...(typeof first === "object" ? first : { userId: first }) };
      const fields = FIELDS.filter((field) => (said[field] ?? null) !== null);
      const others = Object.entries(said).filter(
        ([name, value]) => ![...FIELDS, ...BESIDE].includes(name) && /^(string|number|boolean)$/.test(typeof value),
      );
      if (others.length) traits(Object.fromEntries(others), quiet);
      const all = (code) => ({ accepted: [], refused: fields.map((field) => ({ field, code })) });
      await settled();
      if (!fields.length) return all();
      // That a visitor permits nothing is no fault of the site.
      if (!(permissions() & READING)) return all("identity/permission");
      try {
        const { found, known, ...answer } = await (await reading()).read(host, said, fields);
        hold(known);
        if (found.length) tell(found);
        answer.refused.forEach(({ code }) => report(code));
        return answer;
      } catch (error) {
        const code = typeof error === "string" ? error : "reader/missing";
        report(code);
        return all(code);
      }
    },

    /** Takes the click ids out of the page's address, if there are any and they may be shared. */
    async look() {
      const address = host.address?.().slice(0, LONGEST);
      if (!CLICK.test(address)) return;
      await settled();
      if (!(permissions() & SHARE)) return;
      const read = await (await reading()).clicks(host, address);
      if (read.length) tell([read]);
    },

    /** Partners' ids, verbatim: a list takes the place of the last one. Empty unless sharing is permitted. */
    async eids(list) {
      await settled();
      if (list) {
        const known = (await reading()).eids(list);
        known.refused.forEach(({ code }) => report(code));
        hold(known.eids);
      }
      if (!(permissions() & SHARE)) eids = [];
      return structuredClone(eids);
    },

    /** Hands what `tell` was given to `each`, one by one. */
    hand(found, each) {
      for (const read of found) {
        for (let at = 0; at < read.length; at += ONE) each(read.subarray(at, at + ONE));
      }
    },

    /** Takes in what another page or tab has written. */
    pull() {
      const stored = store.read(KEY);
      if (!stored || stored === written || !(permissions() & 1)) return;
      written = stored;
      let code;
      try {
        code = restore(decode(stored));
      } catch {
        code = "identity/damaged";
      }
      newer = code === "identity/format";
      report(code);
    },

    /** Sharing is withdrawn: partners' ids go, and do not come back with it. */
    unshare() {
      eids = [];
    },

    /** Nothing may be kept until somebody has answered; what is there stays, and is taken in anew then. */
    rest() {
      written = null;
    },

    persist(bytes) {
      const next = encode(bytes);
      if (next !== written && !newer) store.write(KEY, (written = next));
    },

    erase() {
      eids = [];
      written = null;
      newer = false;
      store.remove(KEY);
    },
  };
}
