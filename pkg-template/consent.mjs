/**
 * What the visitor permits, from all that is said of it: signals are gathered, judged together by the reader, and the
 * verdict is remembered, so that a visitor of whom nothing new is said needs no reader.
 *
 * Three rules. While something was said and not judged, or somebody has yet to speak, nothing is permitted. Nothing is
 * erased for want of an answer: only a verdict withdraws. What cannot be read or judged permits nothing.
 */
import { MODE } from "./platforms.mjs";

export const PERMISSIONS = ["store", "personalise", "measure", "share"];

/** Names of signals, as `Signals::hear` of the engine has them. */
const NAMES = ["region", "gdpr", "tcf", "gpp", "gpp_sections", "us_privacy", "gpc", ...MODE];

/** Who was heard, by the bits of `Heard`. */
const HEARD = ["tcf", "us", "us_privacy", "gpc", "consent_mode", "choice", "region", "canada"];

const CHOICE = 32;

/** Signals by who gives them; a page that heard one before waits for it. */
const KINDS = [["tcf", "gdpr"], ["gpp"], ["us_privacy"], MODE];
const KIND_OF_MODE = 8;

/** Changes whenever the reader comes to judge otherwise: verdicts of an older one are then not believed. */
const EDITION = 1;

/** A list becomes numbers with commas. */
const spelled = (value) => String(typeof value === "boolean" ? +value : value ?? "").replaceAll("\0", "");

const bitsOf = (open) => PERMISSIONS.reduce((bits, name, bit) => bits | (open(name, bit) ? 1 << bit : 0), 0);

export const opened = (bits) => Object.fromEntries(PERMISSIONS.map((name, bit) => [name, (bits >> bit) % 2 === 1]));

/**
 * `remembered` gives what an earlier page kept, `keep` keeps it where storing is permitted, `permit(bits, kept, gently)`
 * opens and closes the session's permissions, `replay` carries out what was called while a verdict was awaited.
 */
export function openConsent(host, report, { remembered, keep, permit, replay }) {
  const signals = new Map();
  const waiting = new Set();
  let told = {};
  let policy, fallback, reader, loading, judging, verdict, lost, failed, scheduled, provisional;
  let kept = 0;
  let expected = 0;
  let state = { heard: [], fault: null };

  const text = (names = NAMES) => names.filter((name) => signals.get(name)).flatMap((name) => [name, signals.get(name)]).join("\0");
  const kinds = () => KINDS.reduce((bits, names, bit) => bits | (text(names) ? 1 << bit : 0), 0);

  /** The page's own word; what it did not name is as the bundle has it. `null` where it said nothing. */
  const choice = () =>
    Object.keys(told).length ? bitsOf((name, bit) => told[name] ?? (fallback >> bit) % 2) : null;

  /** Bits, choice, who was heard, kinds of signals, hash. */
  const recall = () => {
    const [bits, chosen, heard, kinds, hash] = (remembered() ?? "").split(".");
    return { bits: +bits, choice: chosen ? +chosen : null, heard, kinds: +kinds, hash };
  };

  /** Nothing is permitted, and nothing is erased, until there is an answer. */
  const pause = (fault = null) => {
    state = { heard: [], fault };
    permit(0, kept, true);
  };

  const apply = (next) => {
    const { bits, heard, hash, fault } = next;
    report(fault);
    state = { heard: HEARD.filter((_, bit) => (heard >> bit) % 2), fault: fault || null };
    // What a fault closes, or a default of Consent Mode alone, is not the visitor's word.
    const gently = !!fault || !!(provisional && !(kept & ~next.others));
    permit(bits, kept, gently);
    if (gently && kept & ~bits) return;
    kept = bits;
    if (bits & 1) keep([bits, choice() ?? "", ...(hash ? [heard, kinds(), hash] : [])].join("."));
  };

  const load = () => (loading ??= Promise.resolve(host.reader?.()).then((module) => module.open()).then((opened) => (reader = opened)));

  const judge = (hash) => {
    const chosen = choice() === null ? [] : ["choice", choice()];
    const ask = (names) => {
      const said = [text(names), ...chosen].filter((part) => part !== "").join("\0");
      return said ? reader.permissions(policy, said) : 15;
    };
    const answer = ask(NAMES);
    // What all but Consent Mode permit.
    const others = ask(NAMES.filter((name) => !MODE.includes(name))) & 15;
    verdict = { bits: answer & 15, others, heard: (answer >> 8) & 255, fault: reader.fault((answer >> 16) & 255), hash };
    apply(verdict);
  };

  /** Whether somebody who spoke on an earlier page is still to be heard on this one; a default is no answer yet. */
  const missing = () => expected & (~kinds() | (provisional ? KIND_OF_MODE : 0));

  const settle = () => {
    const said = text();
    if (!policy) {
      // Nobody knows this visitor: the reader will be needed, and may as well come beside the engine.
      if (said && remembered() === null) load().catch(() => (loading = null));
      return;
    }
    const hash = digest(policy, `${EDITION}\0${said}\0${choice()}`);
    const was = judging;
    judging = null;
    if (waiting.size || (missing() && verdict?.hash !== hash)) pause();
    else if (!said) apply({ bits: choice() ?? fallback, heard: choice() === null ? 0 : CHOICE });
    else if (said === lost) permit(0, 15, false);
    else if (verdict?.hash === hash) apply(verdict);
    else if (reader) judge(hash);
    else if (failed === hash) pause("reader/missing");
    else {
      pause();
      judging = load().then(guarded, () => {
        loading = null;
        failed = hash;
        report("reader/missing");
        guarded();
      });
    }
    if (was && !judging) replay();
  };

  /** Outside of any call: nothing may reach the page. */
  const guarded = () => {
    try {
      settle();
    } catch {
      report("call/failed");
    }
  };

  const soon = () => {
    scheduled ??= Promise.resolve().then(() => {
      scheduled = null;
      guarded();
    });
  };

  const hear = (said) => {
    for (const name of NAMES) if (name in said) signals.set(name, spelled(said[name]));
    failed = null;
  };

  host.listen?.({
    hear(said, isProvisional) {
      provisional = isProvisional ?? provisional;
      hear(said);
      soon();
    },
    wait(name, on) {
      if (on) waiting.add(name);
      else waiting.delete(name);
      soon();
    },
    done() {
      expected = 0;
      soon();
    },
  });

  return {
    /** Whether calls that would change the session have to wait for a verdict. */
    judging: () => !!judging,
    /** A call of the page: permissions by name, signals by name, or both. */
    say(said) {
      for (const name of PERMISSIONS) {
        if (name in said) {
          told[name] = !!said[name];
          lost = null;
        }
      }
      hear(said);
      settle();
    },
    /** The session is there. */
    start(rules, open) {
      const known = recall();
      kept = known.bits;
      verdict = known.hash && known;
      expected = host.listen && known.kinds;
      if (known.choice !== null) told = { ...opened(known.choice), ...told };
      [policy, fallback] = [rules, open];
      settle();
    },
    /** The visitor was forgotten, here or in another tab: what was said before opens nothing any more. */
    forget() {
      told = {};
      verdict = null;
      kept = 0;
      expected = 0;
      lost = text();
      if (lost) permit(0, 15, false);
    },
    /** Another tab may have been told something else. */
    elsewhere() {
      const known = recall();
      if (known.choice === null || known.choice === choice()) return;
      told = opened(known.choice);
      settle();
    },
    /** Resolves when everything that was said has been judged: who was heard, and what could not be read. */
    async judged() {
      await scheduled;
      await judging;
      return state;
    },
  };
}

/** 64 bits of bytes and text; for telling texts apart, not for secrets. */
const digest = (bytes, text) => {
  let [one, two] = [0x811c9dc5, 0x9747b28c];
  const mix = (unit) => {
    one = Math.imul(one ^ unit, 0x01000193);
    two = Math.imul(two ^ unit, 0x5bd1e995);
    two ^= two >>> 15;
  };
  bytes.forEach(mix);
  for (let at = 0; at < text.length; at++) mix(text.charCodeAt(at));
  return (one >>> 0).toString(36) + "-" + (two >>> 0).toString(36);
};
