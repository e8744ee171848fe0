//! Figures that were computed elsewhere, over paths of real people.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::HashMap;

use petitfour_attribution::{Credits, Detail, MAX_ORDER, Paths, Rule};
use support::{claim, path_data, shared, walked};

/// By channel, the fields as they are written.
type Table = HashMap<String, HashMap<String, String>>;

/// The table of reference.
fn reference() -> Option<Table> {
    let text = std::fs::read_to_string(shared("baselines/results/b6_attribution.csv")?).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let fields: HashMap<String, String> =
            names.iter().map(|name| (*name).to_owned()).zip(line.split(',').map(str::to_owned)).collect();
        (fields["channel"].clone(), fields)
    };
    Some(lines.map(row).collect())
}

fn both() -> Option<(Paths, Table)> {
    let (paths, reference) = (path_data()?, reference()?);
    assert_eq!((paths.channels.len(), paths.paths.len(), reference.len()), (11, 5_009, 11));
    assert_eq!((paths.total().conversions, paths.nulls()), (8_370.0, 29_810.0));
    Some((paths, reference))
}

/// A number as the table has it: six decimals at most.
fn written(number: f64) -> String {
    format!("{number:.6}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[test]
fn first_last_and_linear_are_the_table_to_its_last_digit() {
    let Some((paths, reference)) = both() else { return };
    let mut wrong = Vec::new();
    for rule in [Rule::First, Rule::Last, Rule::Linear] {
        let name = rule.name();
        let Credits { channels, .. } = rule.credit(&paths).unwrap();
        for (channel, credit) in paths.channels.iter().zip(channels) {
            let row = &reference[channel];
            for (ours, theirs) in [(credit.conversions, &row[&name]), (credit.value, &row[&format!("{name}_value")])] {
                if written(ours) != *theirs {
                    wrong.push(format!("{name} of {channel}: {ours} and {theirs}"));
                }
            }
        }
    }
    claim("attribution.first_last_linear.wrong", wrong.len() as f64, "fields", 0.0);
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn markov_of_order_one_to_three_is_the_table_to_what_it_is_rounded_to() {
    let Some((paths, reference)) = both() else { return };
    let mut most: f64 = 0.0;
    for order in 1..=3 {
        let Credits { channels, detail } = Rule::Markov { order }.credit(&paths).unwrap();
        let Detail::Removal(removal) = detail else { panic!("{detail:?}") };
        assert!(removal.bound <= 1e-12, "{}", removal.bound);
        let mut worst: f64 = 0.0;
        for ((channel, credit), effect) in paths.channels.iter().zip(channels).zip(removal.effects) {
            let field = |name: String| reference[channel][&name].parse::<f64>().unwrap();
            for (ours, theirs) in [
                (effect, field(format!("markov{order}_re"))),
                (credit.conversions, field(format!("markov{order}"))),
                (credit.value, field(format!("markov{order}_value"))),
            ] {
                worst = worst.max((ours - theirs).abs());
            }
        }
        println!(
            "order {order}: {} states, off by at most {worst:.2e}, known to {:.0e}",
            removal.states, removal.bound
        );
        most = most.max(worst);
    }
    claim("attribution.markov.off", most, "", 1e-6);
    // Six decimals are right to half of the last one.
    assert!(most < 5.000_1e-7, "{most:e}");
}

#[test]
fn markov_of_every_order_is_what_walking_comes_to() {
    let Some(paths) = path_data() else { return };
    let mut most: f64 = 0.0;
    for order in 1..=MAX_ORDER {
        let Detail::Removal(removal) = Rule::Markov { order }.credit(&paths).unwrap().detail else {
            panic!("a removal effect")
        };
        let walked = walked(&paths, order.into());
        let off = removal.effects.iter().zip(&walked).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max);
        println!("order {order}: {} states, off by at most {off:.1e}", removal.states);
        most = most.max(off);
    }
    claim("attribution.walked.off", most, "", 1e-10);
    assert!(most < 1e-10, "{most:e}");
}

#[test]
fn every_rule_gives_out_what_there_is() {
    let Some(paths) = path_data() else { return };
    let total = paths.total();
    let rules = [
        Rule::LastNonDirect { direct: "alpha".to_owned() },
        Rule::Position { first: 0.4, last: 0.4 },
        Rule::Markov { order: 4 },
        Rule::Shapley,
        Rule::ShapleyRate { seed: 1 },
    ];
    for rule in rules {
        let channels = rule.credit(&paths).unwrap().channels;
        let conversions: f64 = channels.iter().map(|credit| credit.conversions).sum();
        let value: f64 = channels.iter().map(|credit| credit.value).sum();
        println!(
            "{}: {:?}",
            rule.name(),
            channels.iter().map(|credit| written(credit.conversions)).collect::<Vec<_>>()
        );
        assert!((conversions - total.conversions).abs() < 1e-7, "{}: {conversions}", rule.name());
        assert!((value - total.value).abs() < 1e-7, "{}: {value}", rule.name());
    }
}
