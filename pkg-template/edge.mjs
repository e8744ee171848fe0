/**
 * The edge: decides for a page before it reaches the browser (docs/adr/0010-the-edge-hands-over.md).
 *
 * One edge is one isolate or server process: it holds a bundle, opened once, and answers many visitors over it. A visit is one
 * request. It is lean and synchronous, straight over the engine's sessions, since nothing may stand between a visitor and the
 * page; and it does no I/O: what the host has to set, send or fetch are values. Rewriters bring the markup: `rewriter.mjs` of a
 * Worker, `filler.mjs` of a Node server.
 *
 * Nothing is thrown at a host that serves a page. What is wrong becomes a code, and the origin's page goes through.
 */
import { codeOf, hex, text } from "./core.mjs";
import { verify } from "./signature.mjs";
import { decode, encode } from "./storage.mjs";
import { ANSWER, TOLD, openPreview, openSecrets, openTold, sealTold, toldCookie } from "./seal.mjs";
import { plain, slot } from "./slots.mjs";

/** Bytes of a request's cookies that are looked at. Browsers send no more than 180 cookies of 4 KB; ours are two or three. */
const COOKIES = 16384;

/** Notes of a request that are taken in. */
const NOTES = 16;

/** Placements of one page that are decided for: a page with more has a loop in it. */
const PLACEMENTS = 64;

/** Distinct texts remembered for an attribute, and verdicts on consent; and the longest that is remembered. */
const KNOWN = 1024;
const LONGEST = 256;

const NONE = 0xffffffff;
/** Where a profile has its pseudonym: docs/formats/profile.md. */
const VISITOR = 5;
const STORE = 1;
const MEASURE = 4;
const AGE = 34128000;
const SIGNALS = { "euconsent-v2": "tcf", usprivacy: "us_privacy" };

/** Remembers up to {@link KNOWN} answers of `fn`; past it the map starts again. */
const remembering = (fn) => {
  const known = new Map();
  return (key) => {
    let answer = known.get(key);
    if (answer === undefined) {
      answer = fn(key);
      if (key.length > LONGEST) return answer;
      if (known.size >= KNOWN) known.clear();
      known.set(key, answer);
    }
    return answer;
  };
};

/** A number as it is written in an address; words and other bases are none. */
const numberOf = (value) => (/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value) ? Number(value) : NaN);

/** What the page, or a server of the site, has judged: a number of two digits at most, up to a dot; null where there is none. What cannot be read permits nothing. */
const judgedIn = (cookies) => {
  const kept = cookies.get("petitfour.consent");
  if (kept === undefined) return null;
  const [bits] = kept.split(".");
  return /^\d{1,2}$/.test(bits) ? bits & 15 : 0;
};

/** The cookies of a header that concern us: a map by name; null when there is too much of them. */
function cookiesOf(header) {
  const found = new Map();
  if (!header) return found;
  if (header.length > COOKIES) return null;
  for (const pair of header.split("; ")) {
    const at = pair.indexOf("=");
    if (at < 0) continue;
    const name = pair.slice(0, at);
    // The first of a name is the one with the longest path, as servers read them.
    if ((name.startsWith("petitfour") || SIGNALS[name]) && !found.has(name)) found.set(name, pair.slice(at + 1));
  }
  return found;
}

/** A bundle, opened: what is looked up by name is looked up once. */
function openBundle(Session, bytes) {
  const root = new Session(bytes, new Uint8Array(32));
  const attributes = remembering((name) => {
    const index = root.attribute(text(name));
    return { index, bin: index >= 0 && root.is_text(index) ? remembering((value) => root.intern(index, value)) : null };
  });
  return {
    root,
    count: root.attributes(),
    version: root.bundle_version(),
    policy: root.policy(),
    placement: remembering((name) => root.placement(text(name))),
    creative: remembering((name) => root.creative(text(name))),
    campaign: remembering((index) => (index === NONE ? null : root.name(0, index))),
    named: remembering((index) => (index === NONE ? null : root.name(1, index))),
    /** What a creative says to everybody. */
    content: remembering((index) => (index === NONE ? null : said(root, index, 0, 0))),
    measure(name, value) {
      const { index, bin } = attributes(name);
      if (index < 0 || value === null || value === undefined) return null;
      return [index, bin ? bin(text(value)) : numberOf(value)];
    },
  };
}

/** What a creative says, asked of a session at a moment. */
const said = (session, index, now, offset) => Object.freeze(JSON.parse(session.content(index, now, offset) || "null"));

/**
 * Opens an edge over the engine's `Session` and `memory`. `reader` judges consent signals; without it a request that brings
 * any is permitted nothing. `keys` are pinned: no bundle is used that none of them signed, nor one below version `minimum`. With `secrets` memberships are
 * believed from the sealed cookie alone. `random(32)` gives entropy, `report(code)` hears what nobody else is told.
 */
export async function createEdge({ Session, memory, bundle, keys, minimum = 0, secrets, reader, random = (count) => crypto.getRandomValues(new Uint8Array(count)), report = () => {} }) {
  const sealed = secrets ? await openSecrets(secrets) : null;
  const believed = async (bytes) => {
    if (keys) await verify(bytes, keys, minimum);
    const opened = openBundle(Session, bytes);
    // Whatever is no number lets nothing in.
    if (!(opened.version >= minimum)) throw "bundle/version";
    return opened;
  };
  let open = await believed(bundle);
  let verdicts = verdictsOf();
  /** What the feeds said, by feed, place and item: another bundle hears it again. */
  const shelves = new Map();

  function verdictsOf() {
    return remembering((said) => {
      if (!said) return open.policy[0];
      if (!reader) return 0;
      const answer = reader.permissions(open.policy, said);
      // A fault permits nothing.
      return (answer >> 16) & 255 ? 0 : answer & 15;
    });
  }

  /** What the visitor permits: by what the page has judged, and by what the request says, which narrows it. */
  function permissions(cookies, { gpc, region }) {
    const said = [];
    if (region) said.push("region", region);
    for (const name in SIGNALS) if (cookies.get(name)) said.push(SIGNALS[name], cookies.get(name).replaceAll("\0", ""));
    if (gpc) said.push("gpc", "1");
    const judged = judgedIn(cookies);
    if (judged === null) return verdicts(said.join("\0"));
    // The page's verdict knows more than the request, but for what was said since: it is the visitor's word, and what else is
    // said narrows it.
    return said.length ? verdicts([...said, "choice", judged].join("\0")) & judged : judged;
  }

  /**
   * One request: `cookie` the header's text, `now` in Unix ms, `offset` minutes east of UTC, `context` what is true of the
   * moment, `gpc` whether `Sec-GPC: 1` was sent, `region` what the law asks there, `secure` whether cookies go by https only.
   */
  function visit({ cookie, told: origin = null, preview = null, now = Date.now(), offset = 0, context = {}, gpc = false, region = null, secure = false, base = "https://example.invalid/" }) {
    const { root, count, placement, creative: place, campaign, named, content, measure, policy } = open;
    const set = new Map();
    const codes = [];
    const fault = (code) => {
      if (code && code !== "note/known" && !codes.includes(code)) codes.push(code);
    };
    let cookies = cookiesOf(cookie);
    if (!cookies) {
      fault("cookie/size");
      cookies = new Map();
    }
    const session = root.sibling(random(32));
    const bits = codes.length ? 0 : permissions(cookies, { gpc, region });
    const bake = (name, bytes) => set.set(name, `${name}=${encode(bytes)}; Path=/; Max-Age=${AGE}; SameSite=Lax${secure ? "; Secure" : ""}`);
    const messages = [];

    /** Carries out what the session asks for: cookies while the answer's head is open, messages for afterwards. */
    const drain = () => {
      for (let effect; (effect = session.poll()); ) {
        if (effect === 1) bake("petitfour", session.payload());
        else if (effect === 2) messages.push(session.payload());
        else if (effect === 5) bake(`petitfour.${session.dot()}`, session.payload());
      }
    };

    if (bits !== policy[0]) session.consent(bits, now, offset);
    if (bits & STORE) {
      const stored = cookies.get("petitfour");
      let known = false;
      let ours = false;
      if (stored) {
        try {
          session.hold(false, now, offset);
          const bytes = decode(stored);
          const code = session.restore(bytes);
          known = !code;
          fault(code);
          ours = !!origin?.visitor.every((byte, place) => byte === bytes[VISITOR + place]);
        } catch {
          fault("profile/malformed");
        }
      }
      if (known) {
        let notes = 0;
        for (const [name, value] of cookies) {
          if (!/^petitfour\.[0-9a-f]{16}$/.test(name) || ++notes > NOTES) continue;
          try {
            fault(session.absorb(decode(value), now, offset));
          } catch {
            fault("note/malformed");
          }
        }
        if (sealed) {
          // Whoever writes these cookies could have written memberships into any of them, notes too.
          session.doubt_members();
          if (ours) fault(session.answer(origin.answer, now, offset));
        }
      } else {
        // Nobody is known by this request: a pseudonym is given, which the page will go on with.
        session.hold(true, now, offset);
        session.consent(bits & ~STORE, now, offset);
        session.consent(bits, now, offset);
        drain();
      }
    }
    const fill = () => {
      let input = new Float64Array(memory.buffer, session.input(), count);
      for (const name in context) {
        const found = measure(name, context[name]);
        // Interning a text may have grown the memory under the block.
        if (input.buffer !== memory.buffer) input = new Float64Array(memory.buffer, session.input(), count);
        if (found) input[found[0]] = found[1];
      }
    };
    // Journeys move before the head of the answer goes: what is decided at this moment moves none of them again.
    fill();
    session.look(now, offset);
    drain();
    let decided = 0;

    /** Shown because somebody asked to see it: nothing is decided, and nothing counted. */
    const previewed = (placement) => {
      const creative = preview.get(placement);
      const index = place(creative);
      if (index < 0) fault("preview/unknown");
      return { ...nothing(placement), ...(index < 0 ? {} : { creative, content: said(session, index, now, offset) }), preview: true };
    };

    const nothing = (placement) => ({ placement, campaign: null, creative: null, content: null, id: "" });

    return {
      codes,
      permissions: bits,
      /** `Set-Cookie` values. Complete before the first byte of the page: deciding changes nothing that is kept. */
      cookies: () => [...set.values()],
      /** Records an event, before the head of the answer goes. */
      track(event, value = NaN) {
        if (!session.record(text(event), "", value, now, offset)) return;
        session.look(now, offset);
        drain();
      },
      /** Decides for a placement. Always an answer. */
      decide(name) {
        const index = placement(name);
        if (index < 0 || ++decided > PLACEMENTS) {
          fault(index < 0 ? "placement/unknown" : "edge/placements");
          return nothing(name);
        }
        if (preview?.has(name)) return previewed(name);
        session.decide(index, now, offset);
        const [, chosen, creative, high, low, , , composed] = new Uint32Array(memory.buffer, session.output(), 8);
        if (creative === NONE) return nothing(name);
        const says = composed ? said(session, creative, now, offset) : content(creative);
        return { placement: name, campaign: campaign(chosen), creative: named(creative), content: says, id: hex(high) + hex(low) };
      },
      /** What a placement's start tag gets for a decision. */
      marks: ({ id, creative, preview }) => [
        ["data-pf-decision", id],
        ["data-pf-shown", creative ?? "default"],
        ...(preview ? [["data-pf-preview", ""]] : []),
      ],
      /** What a slot gets: see `slots.mjs`. */
      slot: (tag, field, content) => slot(tag, field, content, base),
      plain: (content) => plain(content, base),
      /** Messages for the collector. The visit is over. */
      end() {
        if (bits & MEASURE) session.flush();
        drain();
        session.free();
        return messages;
      },
    };
  }

  return {
    visit,
    /** What the sealed cookie of a request says, for {@link visit}: `{ told, code }`. Before the visit, since WebCrypto answers later. */
    async told(cookie, now = Date.now()) {
      const text = sealed && cookiesOf(cookie)?.get(TOLD);
      if (!text) return { told: null, code: null };
      try {
        return { told: await openTold(sealed, text, now), code: null };
      } catch (error) {
        return { told: null, code: codeOf(error, "seal/format") };
      }
    },
    /** What a page's address asks to see (`?pf_preview=`), for {@link visit}: `{ preview, code }`. */
    async previewed(text, now = Date.now()) {
      if (!text) return { preview: null, code: null };
      if (!sealed) return { preview: null, code: "seal/key" };
      try {
        return { preview: await openPreview(sealed, text, now), code: "preview" };
      } catch (error) {
        return { preview: null, code: codeOf(error, "seal/format") };
      }
    },
    /**
     * `Set-Cookie` for what a collector answered to a page's sync that passed through here, or `null`. Only where the page keeps a
     * profile in a cookie, and storing was not refused.
     */
    async seal(cookie, message, answer, { now = Date.now(), secure = false } = {}) {
      const cookies = sealed && cookiesOf(cookie);
      if (!cookies) return null;
      const kept = cookies.has("petitfour") && (judgedIn(cookies) ?? STORE) & STORE;
      const value = kept ? await sealTold(sealed, message, answer, now) : null;
      if (value) return toldCookie(value, secure);
      // What is too long to seal may have taken back what was sealed before.
      return cookies.has(TOLD) && (!kept || answer.length > ANSWER) ? toldCookie(null, secure) : null;
    },
    version: () => open.version,
    /** Takes another bundle, unless it is an older one or no pinned key has signed it: its code, or nothing. */
    async use(bytes) {
      let next;
      try {
        next = await believed(bytes);
      } catch (error) {
        return codeOf(error, "bundle/foreign");
      }
      if (next.version < open.version) {
        next.root.free();
        return "bundle/version";
      }
      // Visits that are under way go on over the old one, which goes with the last of them.
      open = next;
      verdicts = verdictsOf();
      for (const [, row] of shelves) open.root.feed(...row);
      return null;
    },
    /** Takes in levels of a feed: `[place, item, level, as of]` each. */
    feed(name, levels) {
      let known = true;
      for (const [place, item, ...level] of levels) {
        const told = [text(name), text(place ?? ""), text(item), ...level];
        if (!open.root.feed(...told)) known = false;
        else shelves.set(told.slice(0, 3).join("\0"), told);
      }
      if (!known) report("feed/unknown");
      return known;
    },
  };
}

export { codeOf };
export { PREVIEW } from "./seal.mjs";
export { asksForPage, forOrigin, hinders, personal, say } from "./head.mjs";
export { createOutbox } from "./reports.mjs";
export { createSupply } from "./supply.mjs";
