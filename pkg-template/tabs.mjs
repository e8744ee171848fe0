/**
 * What is remembered, shared by all tabs of the site: the profile, the visitor's choice, and notes.
 *
 * Of all tabs one *holds* the profile and writes it: the one that has the Web Lock `petitfour`. It lets go when it is
 * hidden or left, so that the visible tab writes and the back/forward cache stays open to both. Every other tab, and
 * every edge request, writes a note of its own, which the holder takes in: first the profile is written, then the note
 * is removed (docs/adr/0006-one-writer-and-notes.md). Without Web Locks every tab holds, and they take turns.
 *
 * Browsers carry what one process writes to the others a little later, and may hand over the lock sooner. So a holder
 * leaves its name in `petitfour.hold` as long as it may write, and whoever comes next waits until it is gone.
 *
 * A profile that another tab has removed means that the visitor was forgotten there, and is forgotten here too.
 */
import { EDGE, NOTE, NOTES, decode, encode } from "./storage.mjs";

const PROFILE = "petitfour.profile";
const CONSENT = "petitfour.consent";
const HOLD = "petitfour.hold";
const KEPT = "petitfour.kept";

/** Notes of an edge that are taken in at a time. Each has a name of its own, and a profile remembers sixteen: most are for tabs. */
const EDGES = 6;

/** A tab that lives takes out of its note what was taken in, at once. Whose note stands unchanged for so long is gone. */
const PATIENCE = 1000;

/** How often, a tenth of a second apart, one looks whether the last holder has said goodbye. It may have crashed. */
const LOOKS = 20;

/**
 * `may` says whether storing is permitted. `engine` is the session's part: `restore`, `absorb`, `hold`, `dot`; `drain`
 * carries its effects out; `gone` is called when another tab has forgotten the visitor; `act` runs a function as a call
 * from outside, with its effects.
 */
export function openProfile(host, store, report, may, engine) {
  let written = null;
  let choice = null;
  let chose = false;
  let newer = false;
  let noted = null;
  let holds = !host.turn && host.holds;
  let granted = false;
  let claimed = false;
  let stop = null;
  let empty = null;
  let kept = null;
  let taken = new Map();
  let before = new Map();
  let sweeping = false;
  let room = 0;
  let foreseen = false;

  const own = () => (host.turn ? NOTE : EDGE) + engine.dot();

  const take = (bytes) => {
    const code = engine.restore(bytes);
    report(code);
    // A newer engine wrote it, in another tab or before a roll-back: this one leaves it as it is.
    newer = code === "profile/format";
  };

  const read = (text) => {
    try {
      take(decode(text));
    } catch {
      report("profile/format");
    }
  };

  // ---- notes -------------------------------------------------------------------------------------------------

  const absorb = (key, text) => {
    const edge = key.startsWith(EDGE);
    if (!text || newer || key === own() || taken.get(key) === text) return;
    if (edge && host.turn && room-- <= 0) return schedule();
    let code = "note/damaged";
    try {
      code = engine.absorb(decode(text));
    } catch {}
    if (code === "note/format") return;
    // Whoever holds tells of it, once: they remove it.
    if (!holds) return;
    if (code === "note/damaged") report(code);
    engine.drain();
    // An edge does not come back to what it wrote.
    if (edge) return store.remove(key);
    taken.set(key, text);
    schedule();
  };

  const gather = () => {
    if (!may()) return;
    store.settle();
    if (holds || !host.turn) for (const key of store.names()) absorb(key, store.read(key));
  };

  /** Knows what the edge of this page noted before anything is decided here, though whoever holds will take it in. */
  const foresee = () => {
    if (holds || newer) return;
    const edges = store.names().filter((key) => key.startsWith(EDGE));
    for (const key of edges.slice(0, EDGES)) {
      try {
        engine.absorb(decode(store.read(key)));
        foreseen = true;
      } catch {}
    }
  };

  const schedule = () => {
    if (sweeping) return;
    sweeping = true;
    before = new Map(taken);
    host.later(PATIENCE, () => engine.act(sweep));
  };

  /** Removes what stood unchanged since it was taken in, and goes on as long as there is any. */
  const sweep = () => {
    for (const [key, text] of before) {
      if (taken.get(key) !== text) continue;
      if (holds && store.read(key) === text) store.remove(key);
      taken.delete(key);
    }
    room = EDGES;
    gather();
    sweeping = false;
    if (taken.size || room < 0) schedule();
    room = 0;
  };

  // ---- who writes --------------------------------------------------------------------------------------------

  const ask = () => {
    if (host.turn && !host.hidden()) {
      stop ??= host.turn(() => {
        granted = true;
        engine.act(() => assume(LOOKS));
      });
    }
  };

  const assume = (looks) => {
    if (!granted || holds) return;
    if (looks && may() && store.read(HOLD)) return host.later(100, () => engine.act(() => assume(looks - 1)));
    // What it foresaw the last holder may have taken in too: two copies that both have it would count it twice when they meet.
    if (foreseen && written) read(written);
    engine.hold((holds = true));
    const other = may() && store.other(PROFILE);
    if (other && other !== written) read(other);
    restoreKept();
    // And takes it in for good at once: what the edge has shown must not be unknown here for as long as notes wait.
    room = foreseen ? EDGES : 0;
    foreseen = false;
    gather();
    room = 0;
  };

  const leave = () => {
    if (host.turn && holds) engine.hold((holds = false));
    if (claimed) store.remove(HOLD);
    claimed = granted = false;
    stop?.();
    stop = null;
  };

  // ---- what a server keeps -----------------------------------------------------------------------------------

  /** Asks for the copy that outlives the browser's own storage; `empty` is what that answer belongs to. */
  const recall = async () => {
    const asked = (empty = {});
    const answer = await host.keep("GET");
    const bytes = answer.status === 200 && new Uint8Array(await answer.arrayBuffer());
    if (!bytes || asked !== empty) return;
    kept = bytes;
    engine.act(restoreKept);
  };

  const restoreKept = () => {
    if (!kept || !holds || !may()) return;
    take(kept);
    kept = null;
  };

  const hand = () => {
    const day = String(Math.floor(host.now() / 864e5));
    if (!host.keep || !holds || !may() || !written || newer || store.read(KEPT) === day) return;
    store.write(KEPT, day);
    const failed = () => {
      store.remove(KEPT);
      report("keep/failed");
    };
    host.keep("POST", decode(written)).then(({ ok }) => ok || failed(), failed);
  };

  return {
    /** The session is there, and knows nothing yet. */
    open() {
      if (!holds) engine.hold(false);
      ask();
    },
    /** What an earlier page knew of consent; `null` when nothing is remembered. */
    chosen: () => (choice = store.read(CONSENT)),
    /** Remembers it; without the permission to store not even that. */
    choose(told) {
      if (!may()) return;
      // Once on each page in any case: it may be in the cookie alone.
      if (told !== choice || (host.leave && !chose)) store.write(CONSENT, (choice = told));
      chose = true;
      gather();
    },
    /** Nothing may be kept until somebody has answered; what is there stays, and is taken in anew then. */
    rest() {
      written = noted = null;
    },
    /** Takes in what another page or tab has written. */
    pull() {
      if (!may()) return;
      // Forgotten in another tab: what this one may have written since goes too.
      if (chose && store.read(CONSENT) === null) return engine.gone();
      const stored = store.read(PROFILE);
      if (!empty && !stored && host.keep) recall().catch(() => report("keep/failed"));
      empty ??= {};
      if (stored !== written) {
        written = stored;
        if (!stored) return engine.gone();
        read(stored);
        foresee();
      }
      if (store.watches()) gather();
    },
    persist(bytes) {
      const next = encode(bytes);
      // An equal text would wake nobody, but costs a disk write.
      if (next === written || newer || !may()) return;
      if (host.turn && !claimed) claimed = store.write(HOLD, "1");
      store.write(PROFILE, (written = next));
    },
    note(bytes) {
      const key = own();
      const had = noted && store.read(key) !== null;
      noted = bytes.length ? encode(bytes) : null;
      if (!noted) store.remove(key);
      else if (had || store.names().length < NOTES) store.write(key, noted);
      else report("note/dropped");
    },
    /** Another tab wrote `value`, or removed what was there. */
    heard(key, value) {
      if (!may()) return;
      if (!holds) {
        // What was added while the holder removed it is not lost.
        if (noted && key === own() && value !== noted) store.write(key, noted);
      } else if (key === PROFILE) {
        // Overwritten since, by this tab: its counts still count.
        if (value && value !== written) read(value);
      } else if (/note|edge/.test(key)) absorb(key, value);
      else if (!key) gather();
    },
    /** Hidden or going: the visible tab writes from here on. */
    leave() {
      hand();
      leave();
    },
    back() {
      ask();
      gather();
    },
    erase() {
      written = choice = noted = kept = null;
      newer = chose = false;
      empty = {};
      taken = new Map();
      // The choice goes first: a tab that hears that the profile is gone must not find a choice to begin it anew by.
      for (const key of [CONSENT, PROFILE, HOLD, KEPT, ...store.names()]) store.remove(key);
      claimed = false;
      host.keep?.("DELETE").catch(() => report("keep/failed"));
    },
  };
}
