/*
 * What the shop's own server knows when the page begins: where the visitor is, the weather there, and what is on
 * the shelves. It stands before the tag and only fills the queue, so the first decision already knows it.
 *
 * The scene may be set in the address, for a link or a test: ?city=Oslo&temperature=-3&weather=snow&hour=9
 */
"use strict";
window.petitfour = window.petitfour || [];
window.scene = (() => {
  const asked = new URLSearchParams(location.search);
  const shops = { Lyon: "bellecour", Oslo: "grunerlokka", Seville: "triana", Montreal: "mile-end" };
  const drinks = ["water-still", "water-sparkling", "soda-classic", "soda-diet", "soda-orange", "lemonade", "iced-tea", "iced-coffee"];
  const city = asked.get("city") in shops ? asked.get("city") : "Lyon";

  /** The offset from UTC that makes it `hour` o'clock; null is the device's own time. */
  const zone = (hour) => {
    if (hour === null) return null;
    let offset = (hour - new Date().getUTCHours()) * 60;
    if (offset > 840) offset -= 1440;
    if (offset < -720) offset += 1440;
    return offset;
  };

  const scene = {
    city,
    shop: asked.get("shop") || shops[city],
    temperature: Number(asked.get("temperature") ?? 31),
    weather: asked.get("weather") || "sunny",
    hour: asked.has("hour") ? Number(asked.get("hour")) : null,
    shops,
    zone,
    levels: {},
    decisions: {},
  };
  for (const shop of Object.values(shops)) scene.levels[shop] = Object.fromEntries(drinks.map((drink) => [drink, 24]));

  const { temperature, weather, shop } = scene;
  window.petitfour.push(
    ["on", "decision", (decision) => (scene.decisions[decision.placement] = decision)],
    ["context", { city, shop, temperature, weather }],
    ["timezone", zone(scene.hour)],
    ...Object.entries(scene.levels).map(([place, levels]) => ["feed", "shelf", place, levels]),
    // In cents: what a bottle is sold for, and what it costs the house.
    ["feed", "prices", "", { "water-still": 120 }],
    ["feed", "costs", "", { "water-still": 60 }],
  );
  return scene;
})();
