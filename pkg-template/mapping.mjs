/**
 * What Segment's calls and GA4's entries mean here: each becomes `track`, `page` or `identify` of the client, which ask
 * for the visitor's permission like any other. The table is in `docs/sources.md`.
 *
 * Fetched when a page first says something (`sources.mjs`): a page that speaks to neither does not pay for it.
 */

/** Items of one event that become events of their own; a list of search results may have hundreds. */
const ITEMS = 16;

/** What the engine takes in one event. A longer value is left out, so that the event itself is not refused. */
const PROPERTIES = 64;
const BYTES = 256;

const { assign, entries, fromEntries } = Object;
const coder = new TextEncoder();
const isObject = (value) => !!value && typeof value === "object";
const isText = (value) => typeof value === "string" || typeof value === "number";
const fits = ([name, value]) => coder.encode(name).length <= BYTES && /^(number|boolean|string)$/.test(typeof value) && coder.encode(value).length <= BYTES;

/** The values that the engine can use, of all objects together; the later one's count. */
const plain = (...objects) => fromEntries(entries(assign({}, ...objects)).filter(fits).slice(0, PROPERTIES));

/** Values one level down too, under names such as `address.city`. */
const flat = (object) =>
  plain(
    ...entries(object).map(([name, value]) =>
      isObject(value) ? fromEntries(entries(value).map(([inner, value]) => [`${name}.${inner}`, value])) : { [name]: value },
    ),
  );

/** An item under one set of names, whichever vendor named it. */
const item = (told) => plain(...entries(told).map(([name, value]) => ({ [name.replace(/^(item|product)_/, "").replace(/^id$/, "product")]: value })));

/** A number by which a text is known again, without keeping it: it may hold an address. */
const mark = (text) => [...text].reduce((sum, letter) => (Math.imul(sum, 31) + letter.codePointAt()) | 0, text.length);

/** Opens the mapping over a client; the answer takes a call of Segment's by its method, or `ga4` and an entry. */
export function open(client) {
  let pager;
  let measured;
  let last;

  /** Both may say that a page was seen. Whoever says it first goes on saying it, so that one page counts once. */
  const page = (source, { user_id, ...told }) => {
    if ((pager ??= source) === source) client.page(plain(told));
  };

  /** Items become events beside the event, never in its place: its count and its worth stay those of the site. */
  const track = (name, told) => {
    const list = told.items ?? told.products;
    const items = Array.isArray(list) ? list.filter(isObject).slice(0, ITEMS).map(item) : [];
    client.track(name, plain(items.length === 1 && items[0], told));
    items.forEach((each) => client.track(`${name}/item`, each));
  };

  const identify = (identifiers, traits) => {
    // Some sites say it again with every event, and each time would be a digest to send.
    const said = mark(JSON.stringify([identifiers, traits]));
    if (said === last) return;
    last = said;
    // What was not taken, because nobody had permitted it yet, is told again when the page repeats it.
    client.identify(identifiers, flat(traits), true).then(({ accepted }) => {
      if (!accepted.length && said === last) last = undefined;
    });
  };

  const segment = (method, given) => {
    const [first, second] = given;
    const texts = given.slice(0, 2).filter(isText);
    const told = isObject(given[texts.length]) ? given[texts.length] : {};
    if (method === "track") track(String(first), isObject(second) ? second : {});
    else if (method === "alias") identify({ userId: first }, {});
    else if (method === "group") identify({}, { ...flat({ group: isObject(first) ? first : (second ?? {}) }), ...(isText(first) && { group: first }) });
    else if (method === "identify") {
      const { email, phone, ...traits } = isObject(first) ? first : (second ?? {});
      identify({ userId: isText(first) ? first : null, email, phone }, traits);
    } else page("segment", { ...(texts.length && { name: texts.at(-1) }), ...(texts[1] && { category: first }), ...told });
  };

  const event = (name, told) => {
    if (name === "page_view") page("ga4", told);
    else track(name, told);
  };

  const know = ({ user_id, user_data, user_properties }) => {
    const { email, phone_number } = isObject(user_data) ? user_data : {};
    if (user_id ?? email ?? phone_number ?? user_properties) {
      identify({ userId: user_id, email, phone: phone_number }, isObject(user_properties) ? user_properties : {});
    }
  };

  const ga4 = (entry) => {
    if (typeof entry?.[0] === "string") {
      const [command, name, given] = entry;
      const told = isObject(given) ? given : {};
      if (command === "event") event(name, told);
      else if (command === "set") know(isObject(name) ? name : { [name]: given });
      else if (command === "config" && /^G-/.test(name)) {
        know(told);
        // Two properties on one page see it once; only the first one's word counts.
        if ((measured ??= name) === name && told.send_page_view !== false) page("ga4", told);
      }
    } else if (isObject(entry)) {
      const { event: name, ecommerce, ...told } = entry;
      know(told);
      // What a tag manager says to itself begins so.
      if (isText(name) && !/^gtm\./.test(name)) event(name, { ...told, ...ecommerce });
    }
  };

  return (method, told) => (method === "ga4" ? ga4(told) : segment(method, told));
}
