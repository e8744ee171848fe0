/**
 * The client: one visitor's session, as a page or a server calls it.
 *
 * Everything that touches the outside (clock, random numbers, storage, network, timers) arrives in `host`, so
 * the same file runs in a browser, in Node and in a Worker, and in a test without any of them. Two rules:
 *
 * - Nothing is thrown at the caller. A fault becomes a stable code, reported once, and the default content stays.
 * - The way of a decision carries numbers only: a block of f64 goes in, a block of u32 comes out. Text crosses
 *   into the module once per distinct value (`intern`) and out once per creative (`content`).
 *
 * Closures instead of a class, because a minifier can shorten local names but not property names.
 */
import { PERMISSIONS, openConsent, opened } from "./consent.mjs";
import { openIdentity } from "./identity.mjs";
import { openOutbox } from "./queue.mjs";
import { openStore } from "./storage.mjs";
import { openProfile } from "./tabs.mjs";

/** What a decision, or the refusal of one campaign, can say, by the engine's code. */
export const REASONS =
  "chosen outranked permission schedule segment stock_out stock_unknown stock_stale cap_hour cap_day cap_week cap_total holdout fallback nothing pace".split(" ");

/** Under measure and share something leaves. */
const SENDING = 0b1100;
const SHARE = 0b1000;
const NONE = 0xffffffff;
const NOTHING = 14;

/** Calls kept while the engine is on its way. A page that makes more has a loop, and memory is the visitor's. */
const PENDING = 256;

/** Milliseconds for which the first decision waits for a verdict on consent that is under way. */
const PATIENCE = 60;

/** Distinct values remembered for one text attribute; past it the map starts again. */
const INTERNED = 1024;

/** Timers may fire a little before the clock says so; the engine would then have to be woken again. */
const EARLY = 5;

/** Time zones change their offset on quarters of an hour; asking the platform each time costs more than deciding. */
const QUARTER = 9e5;
/** Clocks change twice a year, seven months apart at most, and five at least: one look ahead meets one change. */
const HALF_YEAR = QUARTER * 14400;

/** As the engine takes it: NUL stands between texts there. */
export const text = (value) => String(value).replaceAll("\0", "");

/** Makes a client over `host`; it queues calls until `start` has brought the engine. */
export function createClient(host) {
  let session, memory, bundle;
  let buffer, input, output, base, overlaid;
  /** Permissions that were open before, and of which nobody has said yet whether they are. */
  let awaited = 0;
  let pending = [];
  let quarter = NaN;
  /** When the visitor's clock changes next, as far as was looked. */
  let change = 0;
  let offset = 0;
  let zone = null;
  let settle;
  const settled = new Promise((resolve) => (settle = resolve));
  const codes = new Set();
  const listeners = {};
  const placements = new Map();
  const attributes = new Map();
  const creatives = new Map();
  const names = new Map();

  const emit = (name, detail) => {
    for (const fn of listeners[name] ?? []) {
      try {
        fn(detail);
      } catch {
        report("listener/failed");
      }
    }
  };

  function report(code) {
    if (!code || codes.has(code)) return;
    codes.add(code);
    host.report?.(code);
    emit("error", { code });
  }

  /** A public call: its faults become a code and `otherwise`. */
  const guard = (fn, otherwise) => (...given) => {
    try {
      return fn(...given);
    } catch (error) {
      report(codeOf(error, "call/failed"));
      return otherwise;
    }
  };

  /**
   * A public call that changes the session: kept in order until there is one, and its effects carried out. While a verdict
   * on consent is under way it waits for it, unless it is `anyhow` about the moment and not about the visitor.
   */
  const mutating = (fn, otherwise, anyhow) => {
    const call = guard((...given) => {
      if (session && (anyhow || !consent.judging())) {
        profile.pull();
        const answer = fn(...given);
        drain();
        emit("change");
        return answer;
      }
      if (pending?.length < PENDING) pending.push({ anyhow, run: () => call(...given) });
      return otherwise;
    }, otherwise);
    return call;
  };

  const asynchronous = (fn, otherwise) => async (...given) => {
    try {
      return await fn(...given);
    } catch (error) {
      report(codeOf(error, "call/failed"));
      return otherwise(...given);
    }
  };

  const clock = () => {
    const now = host.now();
    if (!(now - quarter < QUARTER && now >= quarter)) {
      quarter = now - (now % QUARTER);
      offset = zone ?? host.offset(now);
    }
    if (session && now >= change) expectChange();
    return now;
  };

  /** Tells the engine when summer time begins or ends, which waits until a time of day must know: the quarter of an hour is found by halving. */
  const expectChange = () => {
    let [before, after] = [quarter, quarter + HALF_YEAR];
    change = after;
    const later = zone ?? host.offset(after);
    if (later !== offset) {
      while (after - before > QUARTER) {
        const middle = before + Math.floor((after - before) / 2 / QUARTER) * QUARTER;
        if (host.offset(middle) === offset) before = middle;
        else after = middle;
      }
      session.shift((change = after), later);
    }
  };

  const granted = () => session?.permissions() ?? 0;
  const may = () => granted() % 2 === 1;
  const store = openStore(host.storage, host.cookies, host.both, report);
  const profile = openProfile(host, store, report, may, {
    restore: (bytes) => session.restore(bytes),
    absorb: (bytes) => session.absorb(bytes, clock(), offset),
    hold: (holds) => session.hold(holds, clock(), offset),
    dot: () => session.dot(),
    drain: () => drain(),
    act: (fn) => mutating(fn, undefined, true)(),
    gone() {
      outbox.erase();
      session.forget(clock(), offset);
      consent.forget();
    },
  });
  const outbox = openOutbox(host, store, report, may, emit, {
    heard: mutating((bytes) => {
      const fault = session.answer(bytes, clock(), offset);
      if (!fault) emit("answer", { behind: session.behind() });
      return fault;
    }),
    has: (message) => session.received(message),
    leaves: () => !(awaited & SENDING) && granted() & SENDING,
  });

  /** Asks the collector to delete what came under `withdrawn`, if anything ever went there; before the session changes. */
  const bury = (withdrawn, kept) => {
    if (!host.post || !outbox.used()) return;
    if (kept & 1 && !may()) {
      // A verdict was awaited, and the stored pseudonym is not the session's: it has to be known once more.
      session.consent(1, clock(), offset);
      profile.pull();
    }
    outbox.bury(session.tombstone(withdrawn, clock(), offset));
  };

  /** Carries out what the session asks for; `gently`: nothing was withdrawn, so nothing is erased. */
  function drain(gently) {
    for (let effect; (effect = session.poll()); ) {
      if (effect === 1) profile.persist(session.payload());
      else if (effect === 2) outbox.add(session.payload());
      else if (effect === 3) host.wake?.(session.at() - host.now() + EARLY, wake);
      else if (effect === 5) profile.note(session.payload());
      else if (effect === 6) identity.persist(session.payload());
      else if (!gently) {
        profile.erase();
        identity.erase();
        outbox.erase();
      }
    }
  }

  const wake = mutating(() => session.wake(clock(), offset));

  // ---- decide ------------------------------------------------------------------------------------------------

  /** The cached views die when the module's memory grows, and only then. */
  function refresh() {
    buffer = memory.buffer;
    input = new Float64Array(buffer, session.input(), session.attributes());
    output = new Uint32Array(buffer, session.output(), 16);
    lay();
  }

  /** What was told of this moment; the rest of the block is the engine's, which fills it from the profile when that has changed. */
  function lay() {
    // A name that the bundle does not know stands at -1, where a typed array takes nothing.
    for (const { index } of attributes.values()) input[index] = base[index];
  }

  function attribute(name) {
    let known = attributes.get(name);
    if (known === undefined) {
      const index = session.attribute(name);
      if (index < 0) report("context/unknown");
      known = { index, bins: index >= 0 && session.is_text(index) ? new Map() : null };
      attributes.set(name, known);
    }
    return known;
  }

  function measure({ index, bins }, value) {
    if (value === null || value === undefined) return NaN;
    if (!bins) return value === "" ? NaN : Number(value);
    let bin = bins.get(value);
    if (bin === undefined) {
      bin = session.intern(index, text(value));
      if (bins.size >= INTERNED) bins.clear();
      bins.set(value, bin);
    }
    return bin;
  }

  function fill(block, values) {
    for (const name in values) {
      const known = attribute(name);
      if (known.index >= 0) block[known.index] = measure(known, values[name]);
    }
  }

  const name = (kind, index) => {
    if (index === NONE) return null;
    const key = index * 4 + kind;
    let known = names.get(key);
    if (known === undefined) names.set(key, (known = session.name(kind, index)));
    return known;
  };

  /** What a creative says; one that depends on the moment is `composed` anew each time. */
  const content = (index, composed) => {
    if (index === NONE) return null;
    let known = composed ? undefined : creatives.get(index);
    if (known === undefined) {
      known = Object.freeze(JSON.parse(session.content(index, clock(), offset) || "null"));
      if (!composed) creatives.set(index, known);
    }
    return known;
  };

  const nothing = (placement) => ({
    placement,
    campaign: null,
    creative: null,
    content: null,
    reason: REASONS[NOTHING],
    probability: 0,
    id: "",
    withheld: null,
  });

  function decide(placement, context) {
    if (!session) return nothing(placement);
    try {
      let index = placements.get(placement);
      if (index === undefined) {
        index = session.placement(text(placement));
        placements.set(placement, index);
      }
      if (index < 0) {
        report("placement/unknown");
        return nothing(placement);
      }
      if (buffer !== memory.buffer) refresh();
      if (overlaid) lay();
      if ((overlaid = !!context)) {
        fill(input, context);
        // Interning a new text may have grown the memory under the block.
        if (buffer !== memory.buffer) {
          refresh();
          fill(input, context);
        }
      }
      const reason = session.decide(index, clock(), offset);
      if (buffer !== memory.buffer) refresh();
      const [, campaign, creative, high, low, probability, withheld, composed] = output;
      const decision = {
        placement,
        campaign: name(0, campaign),
        creative: name(1, creative),
        content: content(creative, composed),
        reason: REASONS[reason] ?? REASONS[NOTHING],
        probability: probability / 65535,
        id: hex(high) + hex(low),
        withheld: name(0, withheld),
      };
      drain();
      if (listeners.decision) emit("decision", decision);
      return decision;
    } catch (error) {
      report(codeOf(error, "engine/failed"));
      return nothing(placement);
    }
  }

  /** Takes over what a server decided and the page shows: it is confirmed here, and not decided or counted again. */
  const adopt = mutating((placement, decision, creative) => {
    const index = session.creative(text(creative));
    // As a number without a sign, like the others that come out of the module.
    const campaign = session.adopt(...halves(decision), index) >>> 0;
    return {
      ...nothing(placement),
      campaign: name(0, campaign),
      creative,
      content: content(index, true),
      reason: "adopted",
      id: decision,
    };
  }, null, true);

  // ---- what is told ------------------------------------------------------------------------------------------

  const record = (event, properties) => {
    const parts = [];
    for (const key in properties) {
      const value = properties[key];
      // Only what a campaign file can ask for: nested values would be dropped by the engine anyway.
      if (/^(string|number|boolean)$/.test(typeof value)) parts.push(text(key), text(value));
    }
    const recorded = session.record(text(event), parts.join("\0"), worth(properties), clock(), offset);
    if (!recorded) report("event/refused");
    return recorded;
  };

  const track = mutating((event, properties) => record(event, properties), false);

  const page = mutating((properties) => {
    const recorded = record("page", properties);
    emit("page");
    look();
    return recorded;
  }, false);

  const context = mutating((values) => {
    fill(base, values);
    buffer = null; // the block is written again before the next decision
  }, undefined, true);

  const timezone = mutating((minutes) => {
    zone = minutes ?? null;
    quarter = NaN;
  }, undefined, true);

  const feed = mutating((feedName, place, levels, asOf = host.now()) => {
    let known = true;
    for (const item in levels) {
      known = session.feed(text(feedName), text(place ?? ""), text(item), levels[item], +asOf) && known;
    }
    if (!known) report("feed/unknown");
    return known;
  }, false, true);

  /**
   * Opens and closes permissions. What was condensed under one, and what `kept` says that was kept, may neither stay nor
   * leave once it is withdrawn; `gently`: it is not, there is only no answer yet.
   */
  const permit = (bits, kept, gently) => {
    const before = session.permissions();
    awaited = gently ? kept & ~bits : 0;
    if (gently && before & ~bits) {
      session.flush();
      drain();
    }
    const withdrawn = gently ? 0 : kept & ~bits;
    if (withdrawn & (SENDING | 1)) bury(withdrawn, kept);
    if (gently) session.rest(bits, clock(), offset);
    else session.consent(bits, clock(), offset);
    if (!gently && (before | kept) & ~bits & SENDING) outbox.drop();
    if (!(bits & 1)) {
      if (gently) [profile, identity].forEach((each) => each.rest());
      else if (kept & 1) [profile, identity, outbox].forEach((each) => each.erase());
    }
    // Before anything is counted: an elder profile may be there, and this replica goes on counting from it.
    profile.pull();
    // What came under sharing would be let go, and nobody has said that it shall be.
    if (!(awaited & SHARE)) identity.pull();
    if (!gently && !(bits & SHARE)) identity.unshare();
    drain(gently);
    outbox.settle();
    if (before !== bits) emit("change");
    if (bits & ~before & SHARE) look();
  };

  const consent = openConsent(host, report, {
    remembered: () => profile.chosen(),
    // The profile was written before, so that a tab that hears of the choice finds the profile.
    keep: (told) => profile.choose(told),
    permit,
    replay,
  });

  function replay(which = () => true) {
    const calls = pending;
    pending = calls.filter((call) => !which(call));
    calls.filter(which).forEach(({ run }) => run());
    outbox.pump();
  }

  const forget = mutating(() => {
    // A verdict may be awaited, and the stored pseudonym not be the session's: it is that one which has to be buried.
    bury(0b1111, 1);
    outbox.erase();
    session.forget(clock(), offset);
    consent.forget();
  });

  /** `quiet`: the site told them somebody else, so that the bundle does not know them is no fault. */
  const traits = mutating((values, quiet) => {
    for (const key in values) {
      const value = values[key];
      const told =
        (typeof value === "number" && session.trait_number(text(key), value, clock(), offset)) ||
        session.trait_text(text(key), text(value), clock(), offset);
      if (!told && !quiet) report("trait/unknown");
    }
  });

  const identity = openIdentity(host, store, report, {
    permissions: granted,
    settled: async () => {
      await settled;
      await consent.judged();
    },
    tell: mutating((found) => {
      if (!(awaited & SHARE)) identity.pull();
      identity.hand(found, (one) => session.identify(one, clock(), offset));
    }),
    restore: (bytes) => session.restore_identifiers(bytes, clock(), offset),
    traits,
  });

  const look = asynchronous(identity.look, () => undefined);

  const exposed = mutating((decision) => {
    const [high, low] = halves(decision);
    const counted = session.exposed(high, low, clock(), offset);
    if (counted) emit("exposure", decision);
    return counted;
  }, false);

  const outcome = mutating((event, decision, value = NaN) => {
    const [high, low] = halves(decision);
    session.outcome(text(event), high, low, value, clock(), offset);
  });

  // ---- what is shown to people -------------------------------------------------------------------------------

  const lens = async () => {
    await settled;
    if (!session) return null;
    if (!host.lens) throw "lens/missing";
    let opener;
    try {
      opener = await host.lens();
    } catch {
      throw "lens/missing";
    }
    return opener.open(bundle, session.snapshot());
  };

  const explain = asynchronous(
    async (placement) => {
      const glass = await lens();
      const answer = glass ? glass.explain(placement, clock(), offset) : unexplained(placement);
      glass?.free();
      return { ...answer, errors: [...codes] };
    },
    (placement) => ({ ...unexplained(placement), errors: [...codes] }),
  );

  const viewProfile = asynchronous(
    async () => {
      const glass = await lens();
      const answer = glass ? glass.profile(clock(), offset) : null;
      glass?.free();
      return answer;
    },
    () => null,
  );

  const client = {
    track,
    page,
    identify: asynchronous(identity.identify, () => ({ accepted: [], refused: [] })),
    eids: asynchronous(identity.eids, () => []),
    decide,
    adopt,
    exposed,
    outcome,
    explain,
    profile: viewProfile,
    context,
    timezone,
    feed,
    forget,
    /** Takes permissions by name and signals of consent; those that are not named stay. Always answers the state. */
    consent: guard((said) => {
      if (said) consent.say(said);
      return opened(granted());
    }, {}),
    /** As `consent`, and waits for the verdict: what is permitted, who was heard, what could not be read. */
    signals: asynchronous(async (said) => {
      if (said) consent.say(said);
      await settled;
      const judged = await consent.judged();
      return { ...opened(granted()), ...judged };
    }, () => ({ ...opened(0), heard: [], fault: null })),
    on(event, fn) {
      (listeners[event] ??= new Set()).add(fn);
      return () => listeners[event].delete(fn);
    },
    /** Sends what waits, now. At the edge: `waitUntil(client.flush())`. */
    flush: asynchronous(async () => {
      if (!session) return;
      session.flush();
      drain();
      await outbox.pump();
    }, () => undefined),
    /** Stable codes of everything that went wrong so far. */
    errors: () => [...codes],
    loaded: () => !!session,
  };

  /** Waits for module and bundle, opens the session, replays the calls made meanwhile. Never rejects. */
  const start = async (engine, bytes) => {
    try {
      // Both are awaited together: a bundle that fails first must not leave the other rejection unhandled.
      const [module, opened] = await Promise.all([engine, bytes]);
      memory = module.memory;
      bundle = opened;
      session = new module.Session(bundle, host.random(32));
      base = new Float64Array(session.attributes()).fill(NaN);
      profile.open();
      consent.start(session.policy(), session.permissions());
      const leave = mutating(() => {
        outbox.leave(() => {
          session.flush();
          drain();
        });
        profile.leave();
      }, undefined, true);
      // Frozen tabs hear nothing of the others: they look when they come back.
      const back = mutating(() => {
        profile.back();
        outbox.pump();
      }, undefined, true);
      host.leave?.(leave, back);
      // Another tab wrote: `mutating` has pulled, and the visitor's choice holds here too.
      host.elsewhere?.(mutating((key, value) => {
        profile.heard(key, value);
        consent.elsewhere();
      }));
      replay(({ anyhow }) => anyhow);
      // A verdict that is under way is worth a moment: what is decided before it knows nobody.
      if (consent.judging()) await Promise.race([consent.judged(), new Promise((resolve) => host.later(PATIENCE, resolve))]);
      else replay();
      if (outbox.fresh()) session.gather_long();
    } catch (error) {
      session = pending = null;
      report(codeOf(error, "engine/failed"));
    }
    settle();
    look();
    emit("ready", { loaded: !!session });
    return client;
  };

  return { client, start, report };
}

const unexplained = (placement) => ({ placement, reason: REASONS[NOTHING], campaign: null, creative: null, campaigns: [] });

/** The stable code of whatever was thrown: the engine throws its code as a string. */
export function codeOf(error, otherwise) {
  const code = error?.code ?? error;
  return typeof code === "string" && /^[a-z]+\/[a-z_-]+$/.test(code) ? code : otherwise;
}

/** By table: `toString(16)` of a number above 2^31 took longer than the decision itself. */
const BYTES = Array.from({ length: 256 }, (_, byte) => (byte + 256).toString(16).slice(1));
export const hex = (word) => BYTES[word >>> 24] + BYTES[(word >>> 16) & 255] + BYTES[(word >>> 8) & 255] + BYTES[word & 255];

const halves = (decision) => {
  const id = decision?.id ?? decision ?? "";
  return /^[0-9a-f]{16}$/.test(id) ? [parseInt(id.slice(0, 8), 16), parseInt(id.slice(8), 16)] : [0, 0];
};

/** The number of an event: `value`, or `revenue`, or `price` times `quantity`. NaN when there is none. */
const worth = (properties) => {
  const { value, revenue, price, quantity = 1 } = properties ?? {};
  return Number(value ?? revenue ?? (price === undefined ? NaN : price * quantity));
};
