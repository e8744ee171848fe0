/** What the shop sells, where, and in which weather: the plain facts behind the demonstration. */

export const DRINKS = [
  { id: "water-still", name: "Still water", category: "water", price: 1.2 },
  { id: "water-sparkling", name: "Sparkling water", category: "water", price: 1.4 },
  { id: "soda-classic", name: "Classic soda", category: "soda", price: 2.2 },
  { id: "soda-diet", name: "Diet soda", category: "soda", price: 2.2 },
  { id: "soda-orange", name: "Orange soda", category: "soda", price: 2.3 },
  { id: "lemonade", name: "Lemonade", category: "lemonade", price: 2.8 },
  { id: "iced-tea", name: "Iced tea", category: "tea", price: 2.6 },
  { id: "iced-coffee", name: "Iced coffee", category: "coffee", price: 3.4 },
];

export const SHOPS = [
  { id: "bellecour", name: "Bellecour", city: "Lyon" },
  { id: "grunerlokka", name: "Grünerløkka", city: "Oslo" },
  { id: "triana", name: "Triana", city: "Seville" },
  { id: "mile-end", name: "Mile End", city: "Montreal" },
];

export const WEATHER = { sunny: "sunny", cloudy: "cloudy", rain: "rainy", snow: "snowing", heatwave: "a heatwave" };

/**
 * A scene in one press: `empty` is a shelf in the shop of that city, `few` one with three bottles, `wants` what the visitor looks for there,
 * `stranger` somebody of whom nothing is known.
 */
export const STORIES = {
  heat: { city: "Seville", temperature: 39, weather: "heatwave", hour: 15 },
  gone: { city: "Lyon", temperature: 31, weather: "sunny", hour: 15, empty: "water-still" },
  wanted: { city: "Lyon", temperature: 31, weather: "sunny", hour: 15, empty: "water-still", wants: "water-still" },
  back: { city: "Lyon", temperature: 31, weather: "sunny", hour: 15 },
  twin: { city: "Lyon", temperature: 31, weather: "sunny", hour: 15, stranger: true },
  short: { city: "Seville", temperature: 31, weather: "sunny", hour: 15, few: "water-still" },
  snow: { city: "Oslo", temperature: -4, weather: "snow", hour: 17 },
  morning: { city: "Montreal", temperature: 14, weather: "cloudy", hour: 8 },
};

export const PLACES = { hero: "Top of the page", recommendation: "For you", ad: "Advertisement" };

/** Each reason of the engine in words, and a mark for the list. */
export const REASONS = {
  chosen: ["✓", "Chosen"],
  outranked: ["↓", "It fits, but another one counts for more"],
  permission: ["⊘", "Needs a permission that is closed"],
  schedule: ["◷", "Not in its dates"],
  segment: ["≠", "Meant for another visitor or another moment"],
  stock_out: ["∅", "Not on the shelf of this shop"],
  stock_unknown: ["?", "Nobody knows what is on the shelf"],
  stock_stale: ["⌛", "The shelf was counted too long ago"],
  cap_hour: ["■", "Seen often enough this hour"],
  cap_day: ["■", "Seen often enough today"],
  cap_week: ["■", "Seen often enough this week"],
  cap_total: ["■", "Seen often enough for good"],
  holdout: ["◌", "This visitor is in the group left alone, to measure what the campaign is worth"],
  fallback: ["⌂", "No campaign fits: the house speaks for itself"],
  nothing: ["–", "Nothing was decided: the page keeps its own content"],
};
