/**
 * The shop: shelf, basket, and the line under each placement that says why it shows what it shows.
 *
 * The placements themselves need no code here; the script tag fills them. This file only tells the engine what
 * happens (`track`, `context`, `feed`) and asks for a new look (`refresh`).
 */
import { DRINKS, PLACES, REASONS, SHOPS, WEATHER } from "./drinks.mjs";
import { openCounter } from "./counter.mjs";
import { all, h, one, plain } from "./element.mjs";

const { scene } = window;
const basket = [];
let counter;

/** Until the script has come, its queue takes the calls; `push` is the one door that both have. */
const tell = (...call) => window.petitfour.push(call);
const ready = () => typeof window.petitfour.loaded === "function" && window.petitfour.loaded();

function look(drink) {
  tell("track", "product_viewed", { product: drink.id, category: drink.category });
  toast(`You looked at ${drink.name.toLowerCase()}.`);
  change();
}

function buy(drink) {
  basket.push(drink);
  one("[data-basket]").textContent = String(basket.length);
  tell("track", "purchase", { product: drink.id, category: drink.category, value: drink.price });
  toast(`${drink.name} is in your basket.`);
  change();
}

/** Something is different: decide again, then say so everywhere. */
function change() {
  if (ready()) window.petitfour.refresh();
  draw();
  counter?.draw();
}

/** Tells the engine what is true now. */
function stage() {
  const { city, shop, temperature, weather } = scene;
  tell("context", { city, shop, temperature, weather });
  tell("timezone", scene.zone(scene.hour));
  change();
}

function shelve(shop, drink, level) {
  scene.levels[shop][drink] = level;
  tell("feed", "shelf", shop, { [drink]: level });
  change();
}

function draw() {
  const shop = SHOPS.find(({ id }) => id === scene.shop);
  one('[data-scene="shop"]').textContent = `${shop?.name ?? scene.shop}, ${scene.city}`;
  one('[data-scene="sky"]').textContent = `${scene.temperature}° and ${WEATHER[scene.weather] ?? scene.weather}`;
  DRINKS.forEach(shelf);
  for (const strip of all("[data-because]")) because(strip);
}

function shelf(drink) {
  const there = scene.levels[scene.shop]?.[drink.id] > 0;
  const card = one(`#${drink.id}`);
  card.classList.toggle("out", !there);
  card.querySelector(".drink-out").hidden = there;
  card.querySelector(".buy").disabled = !there;
}

function because(strip) {
  const placement = strip.dataset.because;
  const decision = scene.decisions[placement];
  const reason = decision?.reason ?? "nothing";
  strip.dataset.reason = reason;
  strip.setAttribute("aria-label", `Why does “${PLACES[placement]}” show this?`);
  const words =
    reason === "chosen"
      ? [h("b", {}, plain(decision.campaign)), " was chosen. See why"]
      : reason === "holdout"
        ? [h("b", {}, plain(decision.withheld ?? "A campaign")), " was held back on purpose. See why"]
        : reason === "fallback"
          ? [h("b", {}, "No campaign fits"), ", so the house speaks. See why"]
          : [REASONS[reason]?.[1] ?? plain(reason)];
  strip.replaceChildren(h("span", {}, ...words));
}

let falling;
function toast(words) {
  const line = one("[data-toast]");
  line.textContent = words;
  line.classList.add("up");
  clearTimeout(falling);
  falling = setTimeout(() => line.classList.remove("up"), 2200);
}

function begin() {
  counter = openCounter({ scene, stage, shelve, look, change, toast });
  for (const strip of all("[data-because]")) strip.addEventListener("click", () => counter.open("why"));
  window.petitfour.on("error", () => counter.draw());
  window.petitfour.on("sent", () => counter.draw());
  window.petitfour.on("exposure", () => counter.draw());
  draw();
  counter.draw();
}

one("[data-grid]").addEventListener("click", ({ target }) => {
  const { look: looked, buy: bought } = target.dataset;
  const drink = DRINKS.find(({ id }) => id === (looked ?? bought));
  if (drink) (looked ? look : buy)(drink);
});

draw();
// Loaded, or failed for good: either way there is something to show behind the counter.
if (ready()) begin();
else document.addEventListener("petitfour:ready", begin, { once: true });
