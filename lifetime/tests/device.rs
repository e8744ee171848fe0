//! A model for campaign files says on the device what it was made to say.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails here has failed")]

use std::fmt::Write as _;
use std::sync::Arc;

use petitfour::consent::Permissions;
use petitfour::engine::{Engine, Session};
use petitfour::event::Event;
use petitfour::time::Moment;
use petitfour_compiler::{Source, compile, render};
use petitfour_lifetime::fit::{self, Fit};
use petitfour_lifetime::{BgNbd, Columns, Device, Purchases, Seen};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const CAMPAIGNS: &str = "petitfour: 1
version: 1
events: { order: {} }
models: { returns: { file: returns.json } }
placements: { hero: {} }
campaigns: [{ id: back, placements: [hero], model: returns, creatives: [{ id: b, t: x }] }]
";
/// Noon of the first day, 2025-01-01, and a day.
const NOON: u64 = 1_735_732_800_000;
const DAY: u64 = 86_400_000;

/// Days of the year on which people buy, each at a rhythm of their own until they are gone.
fn people() -> Vec<Vec<u64>> {
    let mut chance = StdRng::seed_from_u64(11);
    let life = |_| {
        let (mut day, rhythm, leaves) =
            (chance.random_range(0..90), chance.random_range(3..150), chance.random_range(0..500));
        let (mut days, first) = (Vec::new(), day);
        while day < 365 && day <= first + leaves {
            days.push(day);
            day += 1 + chance.random_range(0..2 * rhythm);
        }
        days
    };
    (0..1_500).map(life).collect()
}

fn purchases(people: &[Vec<u64>]) -> Purchases {
    let mut lines = String::from("customer,date\n");
    for (person, days) in people.iter().enumerate() {
        for day in days {
            let (month, of) = (day / 31 + 1, day % 31 + 1);
            // Only days that every month has: what matters here is that the file is read.
            if of <= 28 {
                let _ = writeln!(lines, "{person},2025-{month:02}-{of:02}");
            }
        }
    }
    Purchases::read(lines.as_bytes(), &Columns::default()).unwrap()
}

#[test]
fn a_session_that_saw_the_purchases_answers_the_chance_that_the_trees_give() {
    let people = people();
    let purchases = purchases(&people);
    let cohort = purchases.cohort(purchases.last().unwrap(), 0).unwrap();
    let fit: Fit<BgNbd, 4> = fit::process(&cohort.histories()).unwrap();
    let device = Device::follow(&purchases, &cohort, &fit.model, 28).unwrap();
    println!("{:?}", device.closeness);
    let file = device.write("order");
    let source = Source { name: "test.yaml".to_owned(), text: CAMPAIGNS.to_owned() };
    let compiled = compile(&[source], &|name| (name == "returns.json").then(|| file.clone().into_bytes()));
    let told = |fault| render::diagnostic(fault, &compiled.sources, false);
    assert!(compiled.bundle.is_some(), "{:?}", compiled.diagnostics.iter().map(told).collect::<Vec<_>>());
    let engine = Arc::new(Engine::load(compiled.bundle.unwrap()).unwrap());
    let (mut compared, mut chances) = (0, (1.0_f64, 0.0_f64));
    for (person, days) in people.iter().enumerate().take(300) {
        let mut session = Session::new(engine.clone(), [person as u8; 32]);
        let at = |day: u64| Moment::utc(NOON + day * DAY);
        session.consent(Permissions::ALL, at(days[0]));
        let mut waiting = days.iter().peekable();
        for today in [days[0], days[0] + 20, days[0] + 61, 200, 300, 364, 450] {
            while let Some(day) = waiting.next_if(|day| **day <= today) {
                session.record(&Event::parse("order", [], None).unwrap(), at(*day));
            }
            let past: Vec<u64> = days.iter().copied().filter(|day| *day <= today).collect();
            let Some(last) = past.last().filter(|_| today >= days[0]) else { continue };
            let within = |window: u64| past.iter().filter(|day| **day + window > today).count() as u32;
            let seen =
                Seen { ever: past.len() as u32, recent: within(90), latest: within(28), silent: (today - last) as u32 };
            let answered = f64::from(session.rank_at(0, at(today))[0].chance.unwrap()) / 65_536.0;
            let wanted = device.chance(&seen);
            assert!((answered - wanted).abs() < 2e-4, "{seen:?}: the device says {answered}, the trees {wanted}");
            (compared, chances) = (compared + 1, (chances.0.min(wanted), chances.1.max(wanted)));
        }
    }
    println!("{compared} moments, chances from {:.4} to {:.4}", chances.0, chances.1);
    assert!(compared > 1_500 && chances.1 - chances.0 > 0.5);
}
