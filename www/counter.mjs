/**
 * Behind the counter: what a marketer may turn, and what the engine answers, in pictures and plain words.
 *
 * Everything shown here comes from the package's public calls: `consent`, `explain`, `profile`, `on("sent")`.
 */
import { DRINKS, PLACES, REASONS, SHOPS, STORIES } from "./drinks.mjs";
import { all, count, h, one, plain } from "./element.mjs";

const DAY = 864e5;
const TONES = { water: "#58c7e0", soda: "#ff8a70", lemonade: "#ffd84d", tea: "#e9a15a", coffee: "#c9a27e" };

export function openCounter({ scene, stage, shelve, look, change, toast }) {
  const engine = window.petitfour;
  const counter = one("#counter");
  const tabs = all('[role="tab"]');
  const sent = { messages: 0, bytes: 0, refused: 0 };
  let shown = "scene";
  let turn = 0;

  engine.on("sent", ({ bytes, status }) => {
    sent.messages++;
    sent.bytes += bytes;
    if (status >= 400) sent.refused++;
  });

  // ---- tabs and sheet ----------------------------------------------------------------------------------------

  function select(name) {
    shown = name;
    for (const tab of tabs) {
      const mine = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(mine));
      tab.tabIndex = mine ? 0 : -1;
      one(`#${tab.getAttribute("aria-controls")}`).hidden = !mine;
    }
    draw();
  }

  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => select(tab.id.slice(4)));
    tab.addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const next = tabs[(index + step + tabs.length) % tabs.length];
      next.focus();
      select(next.id.slice(4));
    });
  });

  const sheet = (open) => counter.classList.toggle("open", open);
  for (const button of all("[data-counter]")) {
    button.addEventListener("click", () => sheet(button.dataset.counter === "open"));
  }
  addEventListener("keydown", ({ key }) => key === "Escape" && sheet(false));

  // ---- scene -------------------------------------------------------------------------------------------------

  for (const input of all("[data-permission]")) {
    input.addEventListener("change", () => {
      engine.consent({ [input.dataset.permission]: input.checked });
      change();
    });
  }

  const choices = ["city", "shop", "weather"];
  for (const kind of choices) {
    for (const input of all(`[data-choice="${kind}"] input`)) input.addEventListener("change", () => choose(kind, input.value));
  }

  function choose(kind, id) {
    scene[kind] = id;
    // Another city has another shop nearby; a visitor may still pick one further away.
    if (kind === "city") scene.shop = scene.shops[id];
    stage();
  }

  for (const button of all("[data-story]")) {
    button.addEventListener("click", () => {
      const { empty, few, wants, stranger, ...told } = STORIES[button.dataset.story];
      if (stranger) engine.forget();
      Object.assign(scene, told, { shop: scene.shops[told.city] });
      // A story begins with full shelves, so that the one before it leaves nothing behind.
      for (const [shop, levels] of Object.entries(scene.levels)) {
        for (const drink of Object.keys(levels)) {
          const here = shop === scene.shop;
          const level = here && drink === empty ? 0 : here && drink === few ? 3 : 24;
          if (levels[drink] !== level) shelve(shop, drink, level);
        }
      }
      stage();
      if (wants) {
        // What somebody looked for is remembered, or nobody could come back to it.
        engine.consent({ store: true, personalise: true });
        look(DRINKS.find(({ id }) => id === wants));
      }
      toast(button.textContent);
    });
  }

  for (const slider of all("[data-slider]")) {
    slider.addEventListener("input", () => {
      scene[slider.dataset.slider] = Number(slider.value);
      stage();
    });
  }

  function drawScene() {
    const permissions = engine.consent();
    for (const input of all("[data-permission]")) input.checked = permissions[input.dataset.permission] === true;
    for (const kind of choices) {
      for (const input of all(`[data-choice="${kind}"] input`)) input.checked = input.value === scene[kind];
    }
    const hour = scene.hour ?? new Date().getHours();
    one('[data-slider="temperature"]').value = scene.temperature;
    one('[data-slider="hour"]').value = hour;
    one('[data-shows="temperature"]').textContent = `${scene.temperature} °C`;
    one('[data-shows="hour"]').textContent = `${String(hour).padStart(2, "0")}:00${scene.hour === null ? " (now)" : ""}`;
  }

  // ---- why ---------------------------------------------------------------------------------------------------

  async function drawWhy() {
    const mine = ++turn;
    const answers = await Promise.all(Object.keys(PLACES).map((placement) => engine.explain(placement)));
    if (mine !== turn) return;
    const faults = answers[0].errors;
    one("[data-why]").replaceChildren(
      ...(faults.length ? [h("p", { class: "fault" }, `Reported on this page: ${faults.join(", ")}`)] : []),
      ...answers.map(why),
    );
  }

  function why(answer) {
    const { placement, reason, campaign, campaigns, said } = answer;
    const decision = scene.decisions[placement];
    const image = decision?.campaign === campaign ? decision?.content?.image : null;
    const [, words] = REASONS[reason] ?? ["", plain(reason)];
    const won = campaigns.find((one) => one.campaign === campaign);
    const others = campaigns.filter((one) => one !== won);
    return h(
      "article",
      { class: "why", "data-why-of": placement },
      h("p", { class: "why-place" }, PLACES[placement]),
      h(
        "div",
        { class: "why-won" },
        image && h("img", { src: image, alt: "" }),
        h("div", {}, h("b", {}, campaign ? plain(campaign) : "The house’s own"), h("span", {}, campaign ? "Chosen: " + (won?.detail || words) : words)),
      ),
      said?.prices.length > 0 && h("p", { class: "why-price" }, ...said.prices.map((price) => h("span", {}, sentence(price)))),
      h("ul", {}, ...others.map(refusal)),
    );
  }

  const refusal = ({ campaign, reason, detail }) => {
    const [mark, words] = REASONS[reason] ?? ["·", plain(reason)];
    // The engine's sentence names the condition that failed; for the plain cases the shop's own words are enough.
    const note = detail && !["outranked", "holdout"].includes(reason) ? sentence(detail) : words;
    return h("li", { "data-reason": reason }, h("i", { "aria-hidden": "true" }, mark), h("span", {}, plain(campaign)), h("small", {}, note));
  };

  /** The engine's sentence, which names things as the campaign file does, in the words of this shop. */
  const sentence = (detail) => {
    const said = detail
      .replace(/\d+\.\d{6,}/g, (number) => String(Number(Number(number).toPrecision(6))))
      .replace(/(\w+\[[^\]]*\]|product_viewed|purchase|ad_clicked)/g, (name) => `“${event(name)}”`);
    return said.charAt(0).toUpperCase() + said.slice(1);
  };

  // ---- stock -------------------------------------------------------------------------------------------------

  function drawShelf() {
    const head = SHOPS.map(({ id, name }) => h("th", { scope: "col", class: id === scene.shop ? "here" : null }, name));
    const rows = DRINKS.map(({ id, name }) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, h("span", {}, h("img", { src: `art/${id}.svg`, alt: "" }), name)),
        ...SHOPS.map((shop) => {
          const level = scene.levels[shop.id][id];
          return h(
            "td",
            {},
            h(
              "button",
              {
                type: "button",
                "data-stock": `${shop.id}/${id}`,
                "aria-pressed": String(level > 0),
                "aria-label": `${name} in ${shop.name}: ${level > 0 ? `${level} left` : "none left"}`,
                onclick: () => shelve(shop.id, id, level > 0 ? 0 : 24),
              },
              String(level),
            ),
          );
        }),
      ),
    );
    const focused = document.activeElement?.dataset?.stock;
    one("[data-shelf]").replaceChildren(h("thead", {}, h("tr", {}, h("td", {}), ...head)), h("tbody", {}, ...rows));
    if (focused) one(`[data-stock="${focused}"]`)?.focus();
  }

  // ---- memory ------------------------------------------------------------------------------------------------

  async function drawMemory() {
    const mine = ++turn;
    const profile = await engine.profile();
    if (mine !== turn) return;
    one("[data-profile]").replaceChildren(...memory(profile));
    one("[data-sent]").replaceChildren(...messages());
  }

  function memory(profile) {
    if (!profile) return [h("p", { class: "empty" }, "The engine is not loaded, so nothing is remembered.")];
    const { bytes, max_bytes, affinities, counters, caps, traits, journeys } = profile;
    const counted = counters.filter(({ total }) => total > 0);
    const seen = caps.filter(({ total }) => total > 0);
    if (!engine.consent().store && !affinities.length && !counted.length) {
      return [h("p", { class: "empty" }, "Nothing. “Remember me” is off, so no profile is kept and nothing is written on this device.")];
    }
    const strongest = Math.max(1e-9, ...affinities.map(({ strength }) => strength));
    return [
      group("Interests", affinities, "None yet. Look at a few drinks.", ({ value, strength }) =>
        h(
          "div",
          { class: "meter" },
          h("div", {}, h("span", {}, plain(value)), h("small", {}, `${Math.round((100 * strength) / strongest)} %`)),
          bar(strength / strongest, TONES[value]),
        ),
      ),
      group("Counted", counted, "Nothing yet.", ({ name, total, days }) =>
        h("div", { class: "tally" }, h("span", {}, event(name), h("small", {}, `${count(total, "time")}, last seven days`)), week(days)),
      ),
      group("Campaigns seen", seen, "None yet: half of it must be visible for a second.", seenOften),
      journeys.length > 0 && group("On the way", journeys, "", ({ name, step }) => h("div", { class: "tally" }, h("span", {}, plain(name)), h("b", {}, plain(step)))),
      traits.length > 0 && group("Said of you", traits, "", ({ name, value }) => h("div", { class: "tally" }, h("span", {}, plain(name)), h("b", {}, String(value)))),
      h(
        "div",
        { class: "meter" },
        h("div", {}, h("span", {}, "Size of all this"), h("small", {}, `${bytes.toLocaleString("en")} of ${max_bytes.toLocaleString("en")} bytes`)),
        bar(bytes / max_bytes, "#9df0d2"),
      ),
    ].filter(Boolean);
  }

  /** One campaign and the cap that is nearest to being reached. */
  const seenOften = ({ campaign, hour, day, week, total, caps = [] }) => {
    const [nearest] = [[hour, "this hour"], [day, "today"], [week, "in seven days"], [total, "in all"]]
      .map(([times, when], index) => ({ times, when, most: caps[index] }))
      .filter(({ most }) => most)
      .sort((one, other) => other.times / other.most - one.times / one.most);
    if (!nearest) return h("div", { class: "tally" }, h("span", {}, plain(campaign), h("small", {}, "No limit")), h("b", {}, String(total)));
    const { times, most, when } = nearest;
    return h(
      "div",
      { class: "meter" },
      h("div", {}, h("span", {}, plain(campaign)), h("small", {}, `${times} of ${most} ${when}`)),
      bar(times / most, times >= most ? "#ff6a4f" : "#b9a4f5"),
    );
  };

  const group = (title, list, empty, line) =>
    h("div", { class: "group" }, h("p", {}, title), ...(list.length ? list.map(line) : [h("p", { class: "empty" }, empty)]));

  const bar = (share, tone = "#ff8a70") =>
    h("div", { class: "track" }, h("i", { "--share": `${Math.min(100, Math.max(2, 100 * share))}%`, "--tone": tone }));

  /** `product_viewed[category=water]` as a person would say it. */
  const event = (name) => {
    const [, what, value] = /^([^[]+)(?:\[[^=]+=(.+)\])?$/.exec(name) ?? [null, name];
    const said = { product_viewed: "Looked at", purchase: "Bought", ad_clicked: "Clicked an ad", page: "Opened a page" }[what] ?? plain(what);
    if (value) return `${said} ${plain(value).toLowerCase()}`;
    return { product_viewed: "Looked at a drink", purchase: "Bought a drink" }[what] ?? said;
  };

  const week = (days) => {
    const now = Date.now();
    const today = Math.floor((now - new Date(now).getTimezoneOffset() * 6e4) / DAY);
    const newest = Math.max(today, ...days.map(({ day }) => day));
    const counts = Array.from({ length: 7 }, (_, back) => days.find(({ day }) => day === newest - 6 + back)?.count ?? 0);
    const most = Math.max(1, ...counts);
    return h(
      "div",
      { class: "days", role: "img", "aria-label": `By day: ${counts.join(", ")}` },
      ...counts.map((number) => h("i", { class: number ? null : "none", "--share": `${(100 * number) / most}%` })),
    );
  };

  function messages() {
    const figures = [
      [sent.messages, sent.messages === 1 ? "message" : "messages"],
      [sent.bytes, "bytes in all"],
      [sent.messages ? Math.round(sent.bytes / sent.messages) : 0, "bytes each"],
    ];
    return [
      h("div", { class: "numbers" }, ...figures.map(([number, words]) => h("div", {}, h("b", {}, number.toLocaleString("en")), h("span", {}, words)))),
      engine.consent().measure && h("p", { class: "hint" }, "Gathered for five seconds, or a minute once an answer has come, then sent in one piece."),
      !engine.consent().measure && h("p", { class: "hint" }, "“Count what I saw” is off: nothing leaves."),
      sent.refused > 0 && h("p", { class: "fault" }, `${count(sent.refused, "message")} refused by the collector`),
    ].filter(Boolean);
  }

  one("[data-sign]").addEventListener("submit", async (submitted) => {
    submitted.preventDefault();
    const form = submitted.target;
    const { accepted, refused } = await engine.identify({ email: new FormData(form).get("email") });
    form.reset();
    one("[data-signed]").textContent = accepted.length
      ? "Signed in. Only the scrambled form was kept; the address itself is gone."
      : refused[0]?.code === "identity/permission"
        ? "Nothing may be kept or shared, so the address was not even looked at."
        : "That is not an address of one person, so it was refused.";
    change();
  });

  one("[data-forget]").addEventListener("click", () => {
    engine.forget();
    toast("Forgotten. Nothing is kept on this device.");
    change();
  });

  // ---- drawing -----------------------------------------------------------------------------------------------

  const panels = { scene: drawScene, why: drawWhy, stock: drawShelf, memory: drawMemory };

  function draw() {
    panels[shown]();
  }

  return {
    draw,
    open(name) {
      sheet(true);
      select(name);
    },
  };
}
