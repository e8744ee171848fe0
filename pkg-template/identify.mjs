/**
 * Who the visitor is: what a site tells becomes digests in the reader, and the value itself is let go with the call.
 *
 * Nothing is read while neither storing nor sharing is permitted. Digests are the session's; the only verbatim ids here
 * are those of partners (`eids`), which are of no use otherwise: they live as long as the page, and are handed out while
 * sharing is permitted.
 */
import { decode, encode } from "./storage.mjs";

const KEY = "petitfour.identifiers";

/** Numbers of `identity::Namespace`, for what is told under its own name. */
const NAMESPACES = { userId: 1, email: 2, phone: 3, crmId: 4, idfa: 5, gaid: 6, uid2: 12, id5: 13 };
const FIELDS = [...Object.keys(NAMESPACES), "eids", "partner"];

/** Either of these makes reading worth while: store, share. */
const READING = 0b1001;
const SHARE = 0b1000;

/** Bytes of one digest with its code. */
const ONE = 33;

/** No identifier has more characters, and no address that is worth reading: the rest is not copied into the module. */
const LONGEST = 4096;

const CLICK = /[?&](gclid|fbclid|ttclid|msclkid|dclid)=/;

const spelled = (value) => String(value).slice(0, LONGEST);

/**
 * `permissions` gives the session's bits, `settled` resolves when they are known; `tell` hands digests to the session,
 * `restore` stored bytes, `traits` what is said beside identifiers.
 */
export function openIdentity(host, store, report, { permissions, settled, tell, restore, traits }) {
  let eids = [];
  let written = null;
  let newer = false;

  const module = async (name) => {
    try {
      return await host[name]();
    } catch {
      throw `${name}/missing`;
    }
  };
  const reading = async () => {
    const reader = await module("reader");
    return reader.open();
  };

  const hold = async (list) => {
    const { read, recognisable } = await module("eids");
    const known = read(list);
    if (permissions() & SHARE) eids = known.eids;
    return { ...known, pairs: recognisable(known.eids) };
  };

  return {
    /** `(userId, traits)`, or `(identifiers, traits)`; what is no identifier of either is a trait. */
    async identify(first, second, quiet) {
      const said = { ...second, ...(typeof first === "object" ? first : { userId: first }) };
      const fields = FIELDS.filter((field) => (said[field] ?? null) !== null);
      const { limitAdTracking, phoneCountry, ...rest } = said;
      const others = Object.entries(rest).filter(([name, value]) => !FIELDS.includes(name) && /^(string|number|boolean)$/.test(typeof value));
      if (others.length) traits(Object.fromEntries(others), quiet);
      const accepted = new Set();
      const refused = [];
      const refuse = (field, code) => {
        refused.push({ field, code });
        // That a visitor permits nothing is no fault of the site.
        if (code !== "identity/permission") report(code);
      };
      await settled();
      try {
        if (fields.length && !(permissions() & READING)) throw "identity/permission";
        const reader = fields.length && (await reading());
        const found = [];
        const take = (field, read) => {
          if (read.length % ONE) return refuse(field, reader.refusal(read[0]));
          found.push(read);
          accepted.add(field);
        };
        for (const field of fields) {
          const value = said[field];
          if (field === "eids") {
            const known = await hold(value);
            new Set(known.refused.map(({ code }) => code)).forEach((code) => refuse(field, code));
            if (known.eids.length) accepted.add(field);
            for (const [source, id] of known.pairs) take(field, reader.partner(source, id));
          } else if (field === "partner") {
            for (const { source, id } of [value].flat()) take(field, reader.partner(spelled(source ?? ""), spelled(id ?? "")));
          } else {
            let text = spelled(value);
            // The rules of Unicode are the browser's. Base64 of a ready digest has no "@", and means something else in lower case.
            if (field === "email" && text.includes("@")) text = text.toLowerCase();
            // Neither is an identifier: how a number is written, and what the system says of ads.
            const country = field === "phone" && (phoneCountry ?? "") !== "" && +phoneCountry;
            take(
              field,
              Number.isInteger(country) && country < 1000
                ? reader.phone(text, country)
                : reader.identify(NAMESPACES[field], text, /^(1|true)$/i.test(limitAdTracking)),
            );
          }
        }
        if (found.length) tell(found);
      } catch (code) {
        accepted.clear();
        fields.forEach((field) => refuse(field, typeof code === "string" ? code : "reader/failed"));
      }
      return { accepted: [...accepted], refused };
    },

    /** Takes the click ids out of the page's address, if there are any and they may be shared. */
    async look() {
      const address = host.address?.().slice(0, LONGEST);
      if (!CLICK.test(address)) return;
      await settled();
      if (!(permissions() & SHARE)) return;
      const read = (await reading()).clicks(address);
      if (read.length) tell([read]);
    },

    /** Partners' ids, verbatim: a list takes the place of the last one. Empty unless sharing is permitted. */
    async eids(list) {
      await settled();
      if (list) (await hold(list)).refused.forEach(({ code }) => report(code));
      if (!(permissions() & SHARE)) eids = [];
      return structuredClone(eids);
    },

    /** Hands what `tell` was given to `session`, one by one. */
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
