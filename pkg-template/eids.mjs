/**
 * Extended identifiers, OpenRTB's `eids`: read as they are, written back as they were.
 *
 * A partner's id is of use to that partner alone, and only verbatim: its `ext`, its `atype`, fields that this file has
 * never heard of. So nothing is renamed or filled in; what is checked is that an id is one, and that there is a bound.
 * Nothing is kept here and nothing sent: whoever calls holds the list while the page lives, and writes it into an
 * auction while sharing is permitted (`write` asks).
 *
 * Absent on purpose: fetching or refreshing ids, and any id of our own.
 */

/** Sources at most; Prebid has some seventy id modules, and no page runs half of them. */
export const SOURCES = 64;
/** Ids of one source. */
export const UIDS = 16;
/** Characters of one id: encrypted ones reach several hundred, envelopes more. */
export const CHARACTERS = 2048;
/** Characters of one source's entry as JSON. */
const ENTRY = 8192;

/** Encrypted anew at every refresh: the same person has another text next hour, so its digest would recognise nobody. */
const ROTATING = new Set(["uidapi.com", "euid.eu", "id5-sync.com", "liveramp.com"]);

/** What stands where an id should; ID5 answers "0" when it may not say. The list of `identity::placeholder` in the engine, to which a test holds it. */
const PLACEHOLDER =
  /^([0-]*|null|undefined|none|nil|nan|n\/?a|anonymous|unknown|guest|user|user_?id|test|true|false|id|email|distinct_?id|not_authenticated|opt-?out|void|\(not set\)|\[object object\]|nobody)$|^(\{\{|\$\{|%%|<%)/i;

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Reads whatever holds extended identifiers: an array of them (`pbjs.getUserIdsAsEids()`), a bid request, its `user`
 * (2.6 `eids`, 2.5 `ext.eids`; the former alone where both are there, as Prebid Server does), an identity of UID2 or
 * EUID, an answer of ID5, Prebid's `getUserIds()` for these.
 *
 * Answers `{ eids, refused }`: copies in the order they came, and `{ source, code }` for what was left out. An entry
 * loses only the ids that are none; one without any is left out whole.
 */
export function read(value) {
  const eids = [];
  const refused = [];
  for (const entry of entries(value)) {
    const source = isObject(entry) && typeof entry.source === "string" ? entry.source : null;
    const refuse = (code) => refused.length < SOURCES && refused.push({ source: source?.slice(0, 253) ?? null, code });
    if (eids.length === SOURCES) {
      refuse("identity/long");
      break;
    }
    if (!source?.trim() || source.length > 253 || !Array.isArray(entry.uids)) {
      refuse("identity/malformed");
      continue;
    }
    let copy;
    try {
      const json = JSON.stringify(entry);
      if (json.length > ENTRY) {
        refuse("identity/long");
        continue;
      }
      copy = JSON.parse(json);
    } catch {
      refuse("identity/malformed");
      continue;
    }
    const codes = [];
    const uids = copy.uids.slice(0, UIDS).filter((uid) => {
      const code = fault(uid?.id);
      if (code) codes.push(code);
      return !code;
    });
    if (copy.uids.length > UIDS) codes.push("identity/long");
    // No ids at all is a shape of its own; an empty list says that the partner had none to give.
    if (!copy.uids.length) codes.push("identity/placeholder");
    codes.forEach(refuse);
    if (uids.length) eids.push(Object.assign(copy, { uids }));
  }
  return { eids, refused };
}

/**
 * `user` of a bid request with these identifiers in place of any it had; the given one is not changed.
 *
 * `share` is the visitor's permission: without it the user leaves with no identifier at all, whoever put it there.
 * `version` is "2.6" (`user.eids`), "2.5" (`user.ext.eids`) or "both".
 */
export function write(user, eids, { share, version = "2.6" }) {
  const { eids: _, ext, ...rest } = user ?? {};
  const { eids: __, ...others } = isObject(ext) ? ext : {};
  const written = share === true && eids.length ? structuredClone(eids) : null;
  if (written && version !== "2.5") rest.eids = written;
  if (written && version !== "2.6") others.eids = structuredClone(eids);
  if (Object.keys(others).length || (isObject(ext) && !ext.eids)) rest.ext = others;
  return rest;
}

/** Whose shape an entry has: "uid2", "euid", "id5", or null for any other partner's. */
export function scheme({ source }) {
  return { "uidapi.com": "uid2", "euid.eu": "euid", "id5-sync.com": "id5" }[source.trim().toLowerCase()] ?? null;
}

/** What may be hashed to recognise somebody again: `[source, id]` for each id that stays the same. Rotating ids are left out. */
export function recognisable(eids) {
  const steady = eids.filter(({ source }) => !ROTATING.has(source.trim().toLowerCase()));
  return steady.flatMap(({ source, uids }) => uids.map(({ id }) => [source, id]));
}

function fault(id) {
  if (typeof id !== "string") return "identity/malformed";
  if (id.length > CHARACTERS) return "identity/long";
  let bare = id.trim();
  while (/^["'].*["']$/s.test(bare)) bare = bare.slice(1, -1);
  return PLACEHOLDER.test(bare) ? "identity/placeholder" : null;
}

function entries(value) {
  if (Array.isArray(value)) return value;
  if (!isObject(value)) return [];
  const user = isObject(value.user) ? value.user : value;
  for (const list of [user.eids, user.ext?.eids]) if (Array.isArray(list)) return list;
  if (isObject(value.user)) return [];
  return [...uid2(value), ...id5(value)];
}

/** An identity as UID2's and EUID's servers give it to a page, or Prebid's `userId.uid2`. */
function uid2(value) {
  const entry = (source, id) => ({ source, uids: [{ id, atype: 3 }] });
  const found = [];
  // Both services answer in one shape, and nothing in it says which of them: a page of EUID's names it.
  if ("advertising_token" in value) found.push(entry("uidapi.com", value.advertising_token));
  for (const [key, source] of [["uid2", "uidapi.com"], ["euid", "euid.eu"]]) {
    if (isObject(value[key])) found.push(entry(source, value[key].advertising_token ?? value[key].id));
  }
  return found;
}

/** An answer of ID5's server, of today's shape (`ids` with entries ready made) and of before, or Prebid's `userId.id5id`. */
function id5(value) {
  const ready = Object.values(isObject(value.ids) ? value.ids : {}).map((each) => each?.eid).filter(isObject);
  if (ready.length) return ready;
  const [id, ext] = isObject(value.id5id) ? [value.id5id.uid, value.id5id.ext] : [value.universal_uid, value.ext];
  if (id === undefined) return [];
  return [{ source: "id5-sync.com", uids: [isObject(ext) ? { id, atype: 1, ext } : { id, atype: 1 }] }];
}
