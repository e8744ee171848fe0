//! The engine decides as the campaign file says: random segments and random histories through a whole session, against
//! the interpreter of `support` over a plain list of what happened.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use petitfour::consent::Permissions;
use petitfour::engine::{Engine, Reason, Session};
use petitfour::event::Event;
use petitfour::time::{Moment, Timestamp};
use proptest::prelude::*;
use support::{About, Rule, Value, Visitor, asked, compiled, file, holds, rule, text, write};

const HOUR: u64 = 3_600_000;
/// 2026-03-02, a Monday.
const START: u64 = 1_772_409_600_000;

/// What a visitor did, and what is said of them.
#[derive(Clone, Debug)]
struct History {
    /// Hours after the start, whether the drink was water.
    views: Vec<(u64, bool)>,
    city: Option<&'static str>,
    temperature: Option<f64>,
    plan: Option<&'static str>,
    age: Option<f64>,
    now: u64,
    offset_hours: i16,
}

fn history() -> impl Strategy<Value = History> {
    let views = proptest::collection::vec((0u64..24 * 100, any::<bool>()), 0..24);
    let said = (proptest::option::of(text()), proptest::option::of(text()));
    let numbers = (proptest::option::of(-3i8..30), proptest::option::of(-3i8..30));
    (views, said, numbers, 0u64..400, -12i16..=14).prop_map(|(mut views, said, numbers, after, offset_hours)| {
        views.sort_unstable();
        let now = views.last().map_or(0, |(hour, _)| *hour) + after;
        let (temperature, age) = (numbers.0.map(f64::from), numbers.1.map(f64::from));
        History { views, city: said.0, temperature, plan: said.1, age, now, offset_hours }
    })
}

impl History {
    fn moment(&self, hour: u64) -> Moment {
        Moment { now: Timestamp(START + hour * HOUR), offset_minutes: self.offset_hours * 60 }
    }

    /// What the documentation says that each thing is worth now.
    fn visitor(&self) -> Visitor {
        let local = |hour: u64| (START + hour * HOUR).saturating_add_signed(i64::from(self.offset_hours) * 3_600_000);
        let day = |hour: u64| local(hour) / (24 * HOUR);
        let mut visitor = Visitor::new();
        let texts = [(About::City, self.city), (About::Plan, self.plan)];
        visitor.extend(texts.into_iter().filter_map(|(about, text)| Some((about, Value::Text(text?)))));
        let numbers = [(About::Temperature, self.temperature), (About::Age, self.age)];
        visitor.extend(numbers.into_iter().filter_map(|(about, number)| Some((about, Value::Number(number?)))));
        for water in [false, true] {
            for days in [0u16, 1, 7, 90] {
                let within = |hour: u64| days == 0 || day(hour) + u64::from(days) > day(self.now);
                let count = self.views.iter().filter(|(hour, is)| (*is || !water) && within(*hour)).count();
                visitor.insert(About::Views { water, days }, Value::Number(count as f64));
            }
        }
        if let Some((last, _)) = self.views.last() {
            visitor.insert(About::LastView, Value::Number((self.now - last) as f64));
        }
        visitor.insert(About::Hour, Value::Number((local(self.now) / HOUR % 24) as f64));
        visitor.insert(About::Weekday, Value::Number(((day(self.now) + 3) % 7 + 1) as f64));
        visitor
    }

    /// The same through the engine.
    fn session(&self, engine: &Arc<Engine>) -> Session {
        let mut session = Session::new(engine.clone(), [7; 32]);
        session.consent(Permissions::from_bits(0b1111), self.moment(0));
        for (hour, water) in &self.views {
            let category = if *water { "water" } else { "soda" };
            session.record(&Event::parse("view", [("category", category)], None).unwrap(), self.moment(*hour));
        }
        if let Some(city) = self.city {
            session.set_context_text("city", city);
        }
        if let Some(temperature) = self.temperature {
            session.set_context_number("temperature", temperature);
        }
        if let Some(plan) = self.plan {
            session.set_trait_text("plan", plan, self.moment(self.now));
        }
        if let Some(age) = self.age {
            session.set_trait_number("age", age, self.moment(self.now));
        }
        session
    }
}

/// Strengths and visits have laws of their own, which the engine's tests check.
fn plain(rule: &Rule) -> bool {
    asked(rule).into_iter().all(|ask| !matches!(ask, Rule::Ask(About::Interest(_) | About::Visits, _)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("PETITFOUR_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(128)
    ))]

    #[test]
    fn the_engine_chooses_the_first_campaign_whose_segment_holds(
        rules in proptest::collection::vec(rule().prop_filter("plain", plain), 1..40),
        histories in proptest::collection::vec(history(), 1..8),
    ) {
        let (catalog, kept, _) = compiled(rules);
        let engine = Arc::new(Engine::load(catalog.bytes().to_vec()).unwrap());
        for history in &histories {
            let visitor = history.visitor();
            let mut session = history.session(&engine);
            let decision = session.decide("hero", history.moment(history.now));
            let chosen = decision.campaign.and_then(|at| catalog.campaign(at));
            let chosen = chosen.map(|campaign| catalog.string(campaign.name()).to_owned());
            let wanted = kept.iter().find(|(_, rule)| holds(rule, &visitor));
            let told = wanted.map(|(_, rule)| write(rule));
            prop_assert_eq!(chosen, wanted.map(|(id, _)| format!("c{id}")), "{:?}\n{:?}\n{}", history, told, file(&kept));
            let reason = if wanted.is_some() { Reason::Chosen } else { Reason::Fallback };
            prop_assert_eq!(decision.reason, reason);
        }
    }
}
