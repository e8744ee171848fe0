/**
 * Reads what a site tells of its visitor into digests, when it does: fetched on demand, as the reader is that it asks.
 * Nothing is kept here, and the value is let go with the call.
 */
import { read as readEids, recognisable } from "./eids.mjs";

/** Numbers of `identity::Namespace`, for what is told under its own name. */
const NAMESPACES = { userId: 1, email: 2, phone: 3, crmId: 4, idfa: 5, gaid: 6, uid2: 12, id5: 13 };

/** No identifier has more characters: the rest is not copied into the module. */
const LONGEST = 4096;

const spelled = (value) => String(value).slice(0, LONGEST);

const opened = async (host) => {
  try {
    return await (await host.reader()).open();
  } catch {
    throw "reader/missing";
  }
};

/** Partners' ids in any shape. */
export const eids = readEids;

/** Digests of the click ids in an address. */
export const clicks = async (host, address) => (await opened(host)).clicks(address);

/** Digests of the identifiers `fields` of what was `said`: `{ accepted, refused, found, known }`, `known` being partners' ids. */
export async function read(host, said, fields) {
  const reader = await opened(host);
  const accepted = new Set();
  const refused = [];
  const found = [];
  let known;
  const take = (field, read) => {
    // One byte is the number of a refusal; digests are longer.
    if (read.length === 1) return refused.push({ field, code: reader.refusal(read[0]) });
    found.push(read);
    accepted.add(field);
  };
  for (const field of fields) {
    const value = said[field];
    if (field === "eids") {
      const list = readEids(value);
      known = list.eids;
      new Set(list.refused.map(({ code }) => code)).forEach((code) => refused.push({ field, code }));
      if (known.length) accepted.add(field);
      for (const [source, id] of recognisable(known)) take(field, reader.partner(source, id));
    } else if (field === "partner") {
      for (const { source, id } of [value].flat().filter(Boolean)) take(field, reader.partner(spelled(source ?? ""), spelled(id ?? "")));
    } else {
      let text = spelled(value);
      // The rules of Unicode are the browser's. Base64 of a ready digest has no "@", and means something else in lower case.
      if (field === "email" && text.includes("@")) text = text.toLowerCase();
      const { phoneCountry, limitAdTracking } = said;
      const country = field === "phone" && (phoneCountry ?? "") !== "" && +phoneCountry;
      take(
        field,
        Number.isInteger(country) && country < 1000
          ? reader.phone(text, country)
          : reader.identify(NAMESPACES[field], text, /^(1|true)$/i.test(limitAdTracking)),
      );
    }
  }
  return { accepted: [...accepted], refused, found, known };
}
