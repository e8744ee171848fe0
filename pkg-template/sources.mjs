/**
 * What a site already says to its analytics, heard as it is: Segment's calls and GA4's data layer.
 *
 * Nothing is sent or stored here, and the site's own analytics get every call unchanged. What a call means is another
 * file (`mapping.mjs`), fetched when the first one is heard; what is said until it is there waits for it.
 */
import { listen, observe, watch } from "./layer.mjs";

/** The calls of Segment's that say something of a visitor. `reset` is not among them: see the table in `docs/sources.md`. */
const METHODS = ["track", "page", "screen", "identify", "group", "alias"];

/** Calls that wait for the mapping, at most: as many as the client keeps while the engine is on its way. */
const WAITING = 256;

/**
 * Begins to hear. `only` names what is heard: `segment`, `ga4`, both, or `none`; both when it is absent. `mapping`
 * fetches the file that understands it.
 */
export function hear(client, only = "segment ga4", mapping, report) {
  const waiting = [];
  let understand;

  const say = (...call) => {
    if (understand) return understand(...call);
    if (waiting.length < WAITING && waiting.push(call) > 1) return;
    mapping().then(
      ({ open }) => {
        understand = open(client);
        for (const call of waiting.splice(0)) {
          try {
            understand(...call);
          } catch {
            // One call that cannot be understood does not silence the others.
          }
        }
      },
      () => report("sources/missing"),
    );
  };

  /** What the snippet queues and what it calls later; a library that has loaded calls neither queue nor stub. */
  const queued = (call) => METHODS.includes(call?.[0]) && say(call[0], own([...call].slice(1)));
  let queue = false;
  const library = (analytics) => {
    for (const method of METHODS) {
      const called = analytics[method];
      if (typeof called !== "function") continue;
      analytics[method] = function (...given) {
        // What was queued comes once more when the library has loaded, marked by the snippet or by the library.
        try {
          if (!queue || own(given) === given) say(method, own(given));
        } catch {
          // The page's own call goes through whatever we make of it.
        }
        return called.apply(this, given);
      };
    }
  };

  if (/segment/.test(only)) {
    watch("analytics", (analytics) => {
      if (!Array.isArray(analytics)) return library(analytics);
      queue = true;
      listen(analytics, queued);
    });
  }
  if (/ga4/.test(only)) observe("dataLayer", (entry) => say("ga4", entry));
}

/** A call's arguments without the page that newer snippets and libraries add at the end of what they queue. */
const own = (given) => (given.at(-1)?.__t === "bpc" ? given.slice(0, -1) : given);
