//! A bundle's bits mean what the campaign file says: random segments on random visitors, compiled and looked up, against
//! the interpreter of `support`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use petitfour::catalog::{Catalog, Section};
use petitfour_compiler::{Source, compile};
use proptest::prelude::*;
use proptest::sample::select;
use support::{About, NUMBERS, Rule, Value, Visitor, asked, bins, compiled, file, holds, rule, text, write};

// ---- reading the bundle ----------------------------------------------------------------------------------------------

/// Names of the campaigns whose conjuncts accept the bins: bit by bit, as the format says.
fn matching(catalog: &Catalog, bins: &[u16]) -> Vec<String> {
    let bit = |row: &[[u8; 8]], bit: usize| u64::from_le_bytes(row[bit / 64]) >> (bit % 64) & 1 == 1;
    let accepted = |conjunct: usize| {
        catalog
            .attributes()
            .zip(bins)
            .all(|(attribute, bin)| catalog.bin_row(&attribute, *bin).is_none_or(|row| bit(row, conjunct)))
    };
    let mut names = Vec::new();
    for campaign in catalog.campaigns() {
        let own = campaign.first_conjunct()..campaign.first_conjunct() + campaign.conjunct_count();
        if own.clone().any(accepted) {
            names.push(catalog.string(campaign.name()).to_owned());
        }
        for conjunct in own {
            let owner = catalog.conjunct_campaign(conjunct).and_then(|at| catalog.campaign(at)).unwrap();
            assert_eq!(owner.key(), campaign.key());
            assert!(bit(catalog.bit_row(Section::Masks, 0), conjunct), "the placement's mask has every campaign");
        }
    }
    names
}

/// A visitor: of everything that may be missing, some is.
fn visitor() -> impl Strategy<Value = Visitor> {
    let near = (select(&NUMBERS[..]), 0u8..3).prop_map(|(number, step)| match step {
        0 => number,
        1 => number.next_up(),
        _ => number.next_down(),
    });
    let texts = [Just(About::City).boxed(), Just(About::Plan).boxed()];
    let said = texts.map(|about| (about, proptest::option::of(prop_oneof![text(), Just("Elsewhere")])));
    let numbers = (proptest::option::of(near.clone()), proptest::option::of(near));
    let counts = proptest::collection::vec(0u8..9, 8);
    let recency = proptest::option::of(0u16..100);
    let strengths = (0u16..4_000, 0u16..4_000);
    let moment = (0u8..24, 1u8..8, 1u8..10);
    (said, numbers, counts, recency, strengths, moment).prop_map(
        |(said, numbers, counts, recency, strengths, moment)| {
            let mut visitor = Visitor::new();
            for (about, text) in said {
                visitor.extend(text.map(|text| (about, Value::Text(text))));
            }
            visitor.extend(numbers.0.map(|number| (About::Temperature, Value::Number(number))));
            visitor.extend(numbers.1.map(|number| (About::Age, Value::Number(number))));
            for (at, count) in counts.into_iter().enumerate() {
                let about = About::Views { water: at % 2 == 1, days: [0, 1, 7, 90][at / 2] };
                visitor.insert(about, Value::Number(f64::from(count)));
            }
            visitor.extend(recency.map(|hours| (About::LastView, Value::Number(f64::from(hours)))));
            visitor.insert(About::Interest("water"), Value::Number(f64::from(strengths.0)));
            visitor.insert(About::Interest("tea"), Value::Number(f64::from(strengths.1)));
            visitor.insert(About::Hour, Value::Number(f64::from(moment.0)));
            visitor.insert(About::Weekday, Value::Number(f64::from(moment.1)));
            visitor.insert(About::Visits, Value::Number(f64::from(moment.2)));
            visitor
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("PETITFOUR_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(128)
    ))]

    #[test]
    fn compiled_bits_equal_a_direct_reading_of_the_segments(
        rules in proptest::collection::vec(rule(), 1..90),
        visitors in proptest::collection::vec(visitor(), 1..24),
    ) {
        let (catalog, kept, impossible) = compiled(rules);
        for visitor in &visitors {
            let bins = bins(&catalog, visitor);
            let mut found = matching(&catalog, &bins);
            found.sort();
            let mut wanted: Vec<String> =
                kept.iter().filter(|(_, rule)| holds(rule, visitor)).map(|(id, _)| format!("c{id}")).collect();
            wanted.sort();
            prop_assert_eq!(found, wanted, "visitor {:?}\n{}", visitor, file(&kept));
        }
        for rule in &impossible {
            let never = |rule: &Rule| visitors.iter().all(|visitor| !holds(rule, visitor));
            prop_assert!(never(rule) || asked(rule).into_iter().any(never), "refused without cause: {}", write(rule));
        }
    }

    #[test]
    fn the_same_source_gives_the_same_bytes(rules in proptest::collection::vec(rule(), 1..20)) {
        let (_, kept, _) = compiled(rules);
        let source = [Source { name: "c.yaml".to_owned(), text: file(&kept) }];
        let twice = [compile(&source, &|_| None).bundle, compile(&source, &|_| None).bundle];
        prop_assert_eq!(&twice[0], &twice[1]);
    }
}
