//! The soda story of `examples/soda`, told scene by scene: when does the shop show water instead of diet soda?

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use petitfour::consent::Permissions;
use petitfour::engine::{Engine, Reason, Session};
use petitfour::event::Event;
use petitfour::time::{Moment, Timestamp};
use petitfour_compiler::{Source, compile};

const HOUR: u64 = 3_600_000;
/// 2026-07-04, a Saturday, in the afternoon.
const AFTERNOON: u64 = 1_783_177_200_000;
const DRINKS: [&str; 8] = [
    "water-still",
    "water-sparkling",
    "soda-classic",
    "soda-diet",
    "soda-orange",
    "lemonade",
    "iced-tea",
    "iced-coffee",
];

/// One visitor in the shop of Bellecour, with full shelves and every permission.
struct Visit {
    session: Session,
    now: u64,
}

impl Visit {
    fn begin(temperature: f64, weather: &str) -> Self {
        Self::of(7, temperature, weather)
    }

    fn of(seed: u8, temperature: f64, weather: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/soda");
        let text = std::fs::read_to_string(folder.join("campaigns.yaml")).unwrap();
        let files = |name: &str| std::fs::read(folder.join(name)).ok();
        let compiled = compile(&[Source { name: "campaigns.yaml".to_owned(), text }], &files);
        assert_eq!(compiled.diagnostics, []);
        let engine = Engine::load(compiled.bundle.unwrap()).unwrap();
        let mut visit = Self { session: Session::new(Arc::new(engine), [seed; 32]), now: AFTERNOON };
        visit.permit(0b1111);
        visit.session.set_context_text("shop", "bellecour");
        visit.session.set_context_text("weather", weather);
        visit.session.set_context_number("temperature", temperature);
        for drink in DRINKS {
            visit.stock(drink, 24);
        }
        visit
    }

    fn moment(&self) -> Moment {
        Moment { now: Timestamp(self.now), offset_minutes: 0 }
    }

    fn permit(&mut self, bits: u8) {
        self.session.consent(Permissions::from_bits(bits), self.moment());
    }

    fn stock(&mut self, drink: &str, level: i32) {
        assert!(self.session.feed("shelf", "bellecour", drink, level, Timestamp(self.now)));
    }

    fn does(&mut self, event: &str, product: &str, category: &str) {
        let event = Event::parse(event, [("product", product), ("category", category)], Some(2.0)).unwrap();
        self.session.record(&event, self.moment());
    }

    /// Decides, looks, and names the campaign; the fallback's creative when there is none.
    fn sees(&mut self, placement: &str) -> String {
        let decision = self.session.decide(placement, self.moment());
        let catalog = self.session.engine().catalog();
        let name = match decision.campaign.and_then(|at| catalog.campaign(at)) {
            Some(campaign) => catalog.string(campaign.name()).to_owned(),
            None => {
                assert_eq!(decision.reason, Reason::Fallback);
                catalog.string(catalog.creative(decision.creative.unwrap()).unwrap().name()).to_owned()
            }
        };
        self.session.exposed(decision.id, self.moment());
        name
    }
}

#[test]
fn in_the_heat_it_is_water_and_on_a_mild_day_diet_soda() {
    assert_eq!(Visit::begin(31.0, "sunny").sees("hero"), "water-in-the-heat");
    assert_eq!(Visit::begin(15.0, "cloudy").sees("hero"), "diet-soda-today");
    assert_eq!(Visit::begin(-3.0, "snow").sees("hero"), "house-hero");
}

#[test]
fn when_the_still_water_is_gone_the_substitute_is_shown_and_then_the_house() {
    let mut visit = Visit::begin(31.0, "sunny");
    visit.stock("water-still", 2);
    assert_eq!(visit.sees("hero"), "sparkling-when-still-is-gone");
    visit.stock("water-sparkling", 0);
    assert_eq!(visit.sees("hero"), "house-hero");
    visit.stock("water-still", 24);
    assert_eq!(visit.sees("hero"), "water-in-the-heat");
}

#[test]
fn a_word_of_the_shelf_that_is_three_hours_old_does_not_count() {
    let mut visit = Visit::begin(31.0, "sunny");
    visit.now += 3 * HOUR;
    assert_eq!(visit.sees("hero"), "house-hero");
}

#[test]
fn who_keeps_coming_back_to_diet_soda_gets_it_even_in_the_heat() {
    let mut visit = Visit::begin(31.0, "sunny");
    visit.does("product_viewed", "soda-diet", "soda");
    assert_eq!(visit.sees("hero"), "water-in-the-heat");
    visit.does("product_viewed", "soda-diet", "soda");
    assert_eq!(visit.sees("hero"), "diet-for-its-fans");
    // Without the permission to personalise, the same visitor is anyone.
    visit.permit(0b1101);
    assert_eq!(visit.sees("hero"), "water-in-the-heat");
}

#[test]
fn two_look_alikes_on_a_mild_day_differ_by_what_they_like() {
    let mut visit = Visit::begin(15.0, "cloudy");
    visit.does("product_viewed", "water-still", "water");
    visit.does("product_viewed", "water-sparkling", "water");
    assert_eq!(visit.sees("hero"), "water-for-water-lovers");
}

#[test]
fn the_lemonade_is_shown_three_times_a_day_to_one_visitor() {
    let mut visit = Visit::begin(31.0, "sunny");
    let seen: Vec<String> = (0..4).map(|_| visit.sees("ad")).collect();
    assert_eq!(seen, ["lemonade-ad", "lemonade-ad", "lemonade-ad", "house-ad"]);
    visit.now += 24 * HOUR;
    assert_eq!(visit.sees("ad"), "lemonade-ad");
}

#[test]
fn without_permission_to_store_there_is_no_capped_ad() {
    let mut visit = Visit::begin(31.0, "sunny");
    visit.permit(0);
    assert_eq!(visit.sees("ad"), "house-ad");
    assert_eq!(visit.sees("hero"), "water-in-the-heat");
}

#[test]
fn two_purchases_earn_thanks_but_for_the_tenth_that_is_held_out() {
    let thanked = (0..60).filter(|seed| {
        let mut visit = Visit::of(*seed, 31.0, "sunny");
        visit.does("purchase", "lemonade", "lemonade");
        visit.does("purchase", "iced-tea", "tea");
        visit.sees("ad") == "thank-you"
    });
    let thanked = thanked.count();
    assert!((45..60).contains(&thanked), "{thanked} of 60");
}

#[test]
fn who_has_not_bought_for_two_weeks_is_asked_back_once_a_day() {
    let mut visit = Visit::begin(31.0, "sunny");
    visit.does("purchase", "lemonade", "lemonade");
    visit.now += 15 * 24 * HOUR;
    assert_eq!(visit.sees("ad"), "come-back");
    assert_ne!(visit.sees("ad"), "come-back");
}

#[test]
fn the_morning_is_for_iced_coffee() {
    let mut visit = Visit::begin(18.0, "cloudy");
    visit.now -= 8 * HOUR;
    for drink in DRINKS {
        visit.stock(drink, 24);
    }
    assert_eq!(visit.sees("recommendation"), "morning-iced-coffee");
}

#[test]
fn who_looks_at_tea_twice_is_poured_one() {
    let mut visit = Visit::begin(31.0, "sunny");
    visit.does("product_viewed", "iced-tea", "tea");
    visit.does("product_viewed", "iced-tea", "tea");
    assert_eq!(visit.sees("recommendation"), "more-of-your-tea");
}

#[test]
fn the_models_weigh_the_moment() {
    assert_eq!(Visit::begin(31.0, "sunny").sees("recommendation"), "pick-sparkling");
    assert_eq!(Visit::begin(11.0, "rain").sees("recommendation"), "pick-orange");
}
