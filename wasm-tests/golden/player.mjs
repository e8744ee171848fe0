/**
 * Plays golden scenarios through the shipped module, in any host, and writes the lines that `tests/support/player.rs`
 * writes natively. The format of scenarios is described in `tests/golden/README.md`; what a person expects of them is
 * checked natively, so here only bytes count.
 */
const NONE = 0xffffffff;
const REASONS =
  "chosen outranked permission schedule segment stock_out stock_unknown stock_stale cap_hour cap_day cap_week cap_total holdout fallback nothing pace".split(" ");
const BITS = { none: 0, store: 1, personalise: 2, measure: 4, share: 8, all: 15 };
const SEED = "5eed";

/** Plays all scenarios of a theme; `bundles` are bytes by name, `engine` is `{ Session, memory, Lens }`. */
export function play(theme, bundles, engine) {
  return theme.scenarios.map((scenario) => perform(scenario, theme.campaigns, bundles, engine) + "\n").join("");
}

function perform(scenario, campaigns, bundles, { Session, memory, Lens }) {
  const lines = [];
  const sessions = new Map();
  const decisions = new Map();
  const kept = new Map();
  const bundle = bundles[scenario.campaigns ?? campaigns];
  let session, name, now, offset;

  const begin = (next, visitor) => {
    name = next;
    if (!sessions.has(name)) sessions.set(name, new Session(bundle, seed(visitor)));
    session = sessions.get(name);
  };

  const decision = (label) => decisions.get(`${name}/${label}`);

  const named = (kind, index) => (index === NONE ? "-" : session.name(kind, index));

  const tell = (attribute, value) => {
    const index = session.attribute(attribute);
    if (index < 0) return false;
    const isText = session.is_text(index);
    if (value !== null && isText !== (typeof value === "string")) return false;
    const bin = value === null ? NaN : isText ? session.intern(index, value) : value;
    new Float64Array(memory.buffer, session.input(), session.attributes())[index] = bin;
    return true;
  };

  const say = (trait, value) =>
    typeof value === "number"
      ? session.trait_number(trait, value, now, offset)
      : session.trait_text(trait, value, now, offset);

  const decide = (placement, label) => {
    const index = session.placement(placement);
    // The engine takes any number; one that no placement has is what a name that no placement has comes to.
    const reason = session.decide(index < 0 ? NONE : index, now, offset);
    const out = new Uint32Array(memory.buffer, session.output(), 16);
    const id = word(out[3]) + word(out[4]);
    decisions.set(`${name}/${label}`, [out[3], out[4]]);
    const [campaign, creative, withheld] = [named(0, out[1]), named(1, out[2]), named(0, out[6])];
    if (out[0] !== reason) throw new Error(`the block says ${out[0]}, the call ${reason}`);
    const answer = `${REASONS[reason]} ${campaign} ${creative} id=${id} p=${out[5]} withheld=${withheld}`;
    return out[7] ? `${answer} says ${session.content(out[2], now, offset)}` : answer;
  };

  const explain = (placement) => {
    const lens = new Lens(bundle, session.snapshot());
    const answer = lens.explain(placement, now, offset);
    lens.free();
    return JSON.stringify(answer);
  };

  const act = (step) => {
    if (step.session) return begin(step.session, step.seed ?? SEED), [`session ${step.session}`, "ok"];
    if (step.consent) {
      const bits = step.consent.split(" ").reduce((bits, permission) => bits | BITS[permission], 0);
      session.consent(bits, now, offset);
      return [`consent ${step.consent}`, session.permissions()];
    }
    if (step.context) return ["context", sorted(step.context).map(([key, value]) => tell(key, value)).join(" ")];
    if (step.track !== undefined) {
      const properties = sorted(step.with ?? {}).flat().join("\0");
      return [`track ${step.track}`, session.record(step.track, properties, step.value ?? NaN, now, offset)];
    }
    if (step.traits) return ["traits", sorted(step.traits).map(([key, value]) => say(key, value)).join(" ")];
    if (step.feed) {
      const asOf = step.as_of ? Date.parse(step.as_of) : now;
      const told = ([item, level]) => session.feed(step.feed, step.place ?? "", item, level, asOf);
      return [`feed ${step.feed}`, sorted(step.levels).map(told).join(" ")];
    }
    if (step.clock) {
      session.shift(Date.parse(step.clock), zone(step.clock));
      return [`clock ${step.clock}`, "ok"];
    }
    if (step.identify) {
      session.identify(Uint8Array.of(step.identify, ...seed(step.digest)), now, offset);
      return [`identify ${step.identify}`, "ok"];
    }
    if (step.decide) return [`decide ${step.decide}`, decide(step.decide, step.name ?? step.decide)];
    if (step.see) return [`see ${step.see}`, session.exposed(...decision(step.see), now, offset)];
    if (step.outcome) {
      session.outcome(step.outcome, ...(step.of ? decision(step.of) : [0, 0]), step.value ?? NaN, now, offset);
      return [`outcome ${step.outcome}`, "ok"];
    }
    if (step.keep) return kept.set(step.keep, profileOf(session.snapshot())), [`keep ${step.keep}`, "ok"];
    if (step.restore) {
      const bytes = Uint8Array.from(kept.get(step.restore) ?? unhex(step.restore)).slice(0, step.cut);
      for (const [at, byte] of Object.entries(step.set ?? {})) bytes[at] = byte;
      return [`restore ${step.restore}`, session.restore(bytes) || "ok"];
    }
    if (step.wake) return session.wake(now, offset), ["wake", "ok"];
    if (step.flush) return session.flush(), ["flush", "ok"];
    if (step.forget) return session.forget(now, offset), ["forget", "ok"];
    throw new Error(`a step does nothing: ${JSON.stringify(step)}`);
  };

  const effects = () => {
    for (let kind; (kind = session.poll()); ) {
      if (kind === 1) lines.push(`  persist ${hex(session.payload())}`);
      else if (kind === 2) lines.push(`  send ${hex(session.payload())}`);
      else if (kind === 3) lines.push(`  wake ${session.at()}`);
      else if (kind === 6) lines.push(`  identifiers ${hex(session.payload())}`);
      else lines.push("  erase");
    }
  };

  begin("first", scenario.seed ?? SEED);
  lines.push(`# ${scenario.name}`, `bundle ${scenario.campaigns ?? campaigns} ${session.bundle_hash()}`);
  scenario.steps.forEach((step, index) => {
    if (step.at) [now, offset] = [Date.parse(step.at), zone(step.at)];
    for (let time = 0; time < (step.times ?? 1); time++) {
      if (time) now += step.every ?? 0;
      const [verb, answer] = act(step);
      lines.push(`${index + 1} @${now}${offset < 0 ? "" : "+"}${offset} ${verb}: ${answer}`);
      effects();
      if (step.decide && step.why) lines.push(`  why ${explain(step.decide)}`);
    }
  });
  for (const [label, each] of [...sessions].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const snapshot = each.snapshot();
    lines.push(`end ${label} profile ${hex(profileOf(snapshot))}`, `end ${label} snapshot ${hex(snapshot)}`);
    each.free();
  }
  return lines.join("\n") + "\n";
}

/** The profile within a snapshot: after the bundle's hash (a varint) and the permissions, with its length before it. */
function profileOf(snapshot) {
  let at = 0;
  const varint = () => {
    for (let shift = 0n, value = 0n; ; shift += 7n) {
      const byte = snapshot[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  varint();
  at++;
  const length = Number(varint());
  return snapshot.slice(at, at + length);
}

/** Minutes from UTC that a point in time is written with. */
function zone(text) {
  const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)$/.exec(text) ?? ["", "+", 0, 0];
  return (sign === "-" ? -1 : 1) * (hours * 60 + Number(minutes)) || 0;
}

const sorted = (object) => Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1));
const word = (number) => number.toString(16).padStart(8, "0");
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));

/** 32 bytes from hexadecimal digits that are repeated. */
function seed(text) {
  const bytes = unhex(text);
  return Uint8Array.from({ length: 32 }, (_, at) => bytes[at % bytes.length]);
}
