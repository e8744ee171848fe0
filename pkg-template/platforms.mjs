/**
 * The page's ears: what consent platforms, the browser and Google's tags say of consent.
 *
 * Everything is passed on as it was said; what it permits is judged elsewhere. Nothing of the page is changed but the
 * `push` of its `dataLayer`. A platform whose stub is there and that has not come to its answer is waited for.
 *
 * Absent on purpose: traps on `__tcfapi` and its like, since stubs ask whether they are the first; pages in a frame of
 * another site, which have to pass on what they were told.
 */
import { observe } from "./layer.mjs";

/** Google's kinds of storage and use. */
export const MODE =
  "ad_storage analytics_storage ad_user_data ad_personalization functionality_storage personalization_storage security_storage".split(" ");

/** Stubs may come after us: looked for after 50 ms, 100 ms, 200 ms … 25.6 s, and when the page has loaded. */
const FIRST_LOOK = 50;
const LAST_LOOK = 25_600;

/**
 * Begins to listen. `hear(said, provisional)` takes signals by name, `wait(name, on)` that somebody has yet to speak,
 * `done` is called when no further platform is looked for.
 */
export function listen({ hear, wait, done }) {
  const tcf = (api) =>
    api("addEventListener", 2, (data, success) => {
      if (!success || !data) return;
      const { gdprApplies: gdpr, tcString: tcf, eventStatus } = data;
      // While its dialogue is open a platform gives out the string from before; that is no answer yet.
      if (gdpr !== false && (!tcf || eventStatus === "cmpuishown")) return;
      hear({ gdpr, tcf });
      wait("__tcfapi", false);
    });

  const gpp = (api) => {
    const told = (ping) => {
      if (ping?.signalStatus !== "ready") return;
      hear({ gpp: ping.gppString, gpp_sections: ping.applicableSections });
      wait("__gpp", false);
    };
    api("addEventListener", (event) => told(event?.pingData));
    api("ping", told);
  };

  const usp = (api) =>
    api("getUSPData", 1, (data, success) => {
      if (!success || !data) return;
      hear({ us_privacy: data.uspString });
      wait("__uspapi", false);
    });

  const met = {};
  const meet = (name, ask, again) => {
    const api = globalThis[name];
    if (typeof api !== "function" || (met[name] === api && !again)) return;
    if (!met[name]) wait(name, true);
    met[name] = api;
    try {
      ask(api);
    } catch {
      // It has not spoken, so it is waited for.
    }
  };

  const find = () => {
    meet("__tcfapi", tcf);
    meet("__gpp", gpp);
    // The only one that tells nobody when its answer changes.
    meet("__uspapi", usp, true);
  };

  const look = (pause) => {
    find();
    setTimeout(pause > LAST_LOOK ? done : look, pause, pause * 2);
  };

  if (navigator.globalPrivacyControl) hear({ gpc: true });
  const updated = new Set();
  observe("dataLayer", (entry) => {
    if (entry?.[0] !== "consent" || !/^(default|update)$/.test(entry[1])) return;
    const said = {};
    for (const state of MODE) {
      const value = entry[2]?.[state];
      if (value !== "granted" && value !== "denied") continue;
      if (entry[1] === "update") updated.add(state);
      // A default never takes an update back, and whether one for some regions holds here is not known.
      else if (updated.has(state) || (value === "granted" && entry[2].region)) continue;
      said[state] = value;
    }
    hear(said, !updated.size);
  });
  look(FIRST_LOOK);
  addEventListener("load", find);
}
