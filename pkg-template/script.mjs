/**
 * The script tag: finds the placements of a page, keeps their space, and shows what is decided.
 *
 *     <script src="/pkg/script.js" data-bundle="/bundle.pf4" data-collector="/v1/sync" async></script>
 *     <div data-petitfour="hero">default content</div>
 *
 * Built to one file with: esbuild script.mjs --bundle --minify --format=iife --target=es2022
 *
 * From the first line a placement is invisible but keeps its space, so nothing flickers and nothing moves. It
 * becomes visible with its creative, or with its default content after `data-timeout` (200 ms) or any failure;
 * then it stays as it is for this view, since a creative that jumps in late is worse than none.
 */
import init, { Session } from "./petitfour.js";
import { createClient } from "./core.mjs";
import { believed, bundleBytes, createHost, fetched, instantiate } from "./host.mjs";
import { enrich, render, shows } from "./render.mjs";
import { hear } from "./sources.mjs";

/** Media Rating Council: a display impression is half of its pixels for one second. */
const VIEWABLE = { share: 0.5, wait: 1000 };

const PLACEMENT = "[data-petitfour]";
const CONTEXT = "data-pf-context-";

/** On a placement that a server has filled: the number of its decision (docs/adr/0010-the-edge-hands-over.md). */
const HANDED = "data-pf-decision";

function run(script) {
  const began = performance.now();
  performance.mark("petitfour:start");
  const told = script?.dataset ?? {};
  const beside = (file) => new URL(file, script?.src || document.baseURI).href;

  const bring = (file) => () => import(/* @vite-ignore */ /* webpackIgnore: true */ beside(file));
  const { client, start, report } = createClient(
    createHost(
      { collector: told.collector, cookie: told.cookie !== undefined, keep: told.keep },
      { lens: bring("lens.mjs"), reader: bring("reader.mjs"), identify: bring("identify.mjs") },
    ),
  );

  /** Placements by element: what they show, how to undo it, and how far their exposure is. */
  const views = new Map();
  let state = "loading";
  let shown = 0;

  // ---- placements --------------------------------------------------------------------------------------------

  const reveal = (view) => {
    const { element, hidden, decision } = view;
    element.style.visibility = hidden;
    if (!handed(view)) element.setAttribute("data-pf-shown", decision?.creative ?? "default");
  };

  /** Filled by a server, and not taken over yet. It is visible from the first byte. */
  const handed = ({ element, decision }) =>
    !decision && element.hasAttribute(HANDED) && !element.querySelector("[data-pf-void]");

  /** Takes over what a server decided: nothing changes on the page but slots of markup, which only a browser can clean. */
  const take = (view) => {
    const { petitfour, pfDecision, pfShown, pfPreview } = view.element.dataset;
    view.decision = {};
    if (!pfDecision || pfPreview !== undefined) return;
    view.decision = client.adopt(petitfour, pfDecision, pfShown);
    const { content } = view.decision;
    if (content) enrich(view.element, content);
    view.undo = () => view.element.removeAttribute(HANDED);
    view.stands = () => view.element.hasAttribute(HANDED) && (!content || shows(view.element, content));
    shown++;
    watcher.observe(view.element);
  };

  const show = (view) => {
    if (handed(view)) return take(view);
    view.undo?.();
    view.undo = view.stands = null;
    clearTimeout(view.timer);
    watcher.unobserve(view.element);
    const decision = client.decide(view.element.dataset.petitfour);
    view.decision = decision;
    view.clicked = false;
    if (decision.content) {
      try {
        view.undo = render(view.element, decision.content);
        shown++;
      } catch {
        report("render/failed");
      }
    }
    reveal(view);
    // Not chosen, not shown: a placement with its own content has no exposure to confirm.
    if (view.undo) watcher.observe(view.element);
  };

  const meet = (element) => {
    if (views.has(element)) return;
    const view = { element, hidden: element.style.visibility };
    views.set(element, view);
    if (handed(view)) client.loaded() && guarded(() => take(view));
    else if (state === "loading") element.style.visibility = "hidden";
    else if (state === "ready") guarded(() => show(view));
    else reveal(view);
  };

  const find = (root) => {
    if (root.matches?.(PLACEMENT)) meet(root);
    root.querySelectorAll?.(PLACEMENT).forEach(meet);
  };

  /** Decides again for every placement: after `page`, or when the page's facts have changed. */
  const refresh = () => {
    if (!client.loaded()) return;
    state = "ready";
    find(document);
    for (const [element, view] of views) {
      if (element.isConnected) guarded(() => show(view));
      else views.delete(element);
    }
  };

  const guarded = (fn) => {
    try {
      fn();
    } catch {
      report("render/failed");
    }
  };

  // ---- exposure and clicks -----------------------------------------------------------------------------------

  const tick = (view) => {
    clearTimeout(view.timer);
    if (view.seen && document.visibilityState === "visible") {
      view.timer = setTimeout(() => {
        watcher.unobserve(view.element);
        view.seen = false;
        if (view.stands?.() === false) {
          // What a framework put there is its own: neither its sight nor a click on it is ours.
          view.undo = null;
          report("handover/replaced");
        } else client.exposed(view.decision);
      }, VIEWABLE.wait);
    }
  };

  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const view = views.get(entry.target);
        if (!view) continue;
        view.seen = entry.intersectionRatio >= VIEWABLE.share;
        tick(view);
      }
    },
    { threshold: VIEWABLE.share },
  );

  document.addEventListener("visibilitychange", () => views.forEach(tick));

  document.addEventListener(
    "click",
    (event) => {
      const view = views.get(event.target.closest?.(PLACEMENT));
      if (!view?.undo || view.clicked) return;
      view.clicked = true;
      client.outcome("click", view.decision);
    },
    true,
  );

  if (told.region) client.consent({ region: told.region });

  // ---- what the page says without code -----------------------------------------------------------------------

  const said = {};
  for (const { name, value } of document.documentElement.attributes) {
    if (name.startsWith(CONTEXT)) said[name.slice(CONTEXT.length)] = value;
  }
  if (told.context) {
    try {
      Object.assign(said, JSON.parse(told.context));
    } catch {
      report("context/format");
    }
  }
  client.context(said);

  // ---- the way in --------------------------------------------------------------------------------------------

  const called = window.petitfour;
  const push = (...calls) => {
    for (const [name, ...given] of calls) {
      if (typeof client[name] === "function") client[name](...given);
      else report("call/unknown");
    }
  };
  window.petitfour = Object.assign(client, { push, refresh });
  if (Array.isArray(called)) push(...called);
  hear(client, told.sources, bring("mapping.mjs"), report);

  const settle = (next) => {
    if (state !== "loading") return;
    state = next;
    clearTimeout(patience);
    views.forEach((view) => guarded(() => (next === "ready" ? show(view) : reveal(view))));
  };

  const patience = setTimeout(() => {
    report("load/timeout");
    settle("late");
  }, Number(told.timeout ?? 200));

  const observer = new MutationObserver((changes) => {
    for (const { addedNodes } of changes) addedNodes.forEach(find);
  });
  observer.observe(document.documentElement, { childList: true, subtree: true });
  find(document);
  addEventListener("DOMContentLoaded", () => {
    find(document);
    // From here on only `refresh` looks for placements, so a busy page pays nothing.
    observer.disconnect();
  });
  if (document.readyState !== "loading") observer.disconnect();

  start(
    instantiate(init, Session, fetched(told.wasm ?? beside("petitfour_bg.wasm"), "wasm/missing")),
    believed(bundleBytes(told.bundle), told.key, bring("signature.mjs")),
  ).then(() => {
    const late = state === "late";
    settle(client.loaded() ? "ready" : "failed");
    if (client.loaded()) views.forEach((view) => handed(view) && guarded(() => take(view)));
    client.on("page", refresh);
    const { duration } = performance.measure("petitfour:creative", "petitfour:start");
    if (told.debug !== undefined) {
      const what = late ? "default content, the engine was late:" : `${shown} of ${views.size} placements`;
      console.info(`petitfour: ${what} after ${duration.toFixed(1)} ms (${(began + duration).toFixed(0)} ms after the page began)`);
    }
    const detail = { loaded: client.loaded(), late, creative: duration, placements: views.size, shown };
    document.dispatchEvent(new CustomEvent("petitfour:ready", { detail }));
  });
}

try {
  run(document.currentScript);
} catch {
  console.warn("petitfour: script/failed");
}
