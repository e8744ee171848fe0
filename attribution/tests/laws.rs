//! What holds of every table and every log.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::fmt::Write as _;

use petitfour_attribution::{By, Detail, MAX_ORDER, Paths, Rule, Source, Windows, read};
use proptest::prelude::*;
use support::{log, paths, walked};

type Row = (Vec<u8>, u64, i32, u64);

/// Paths over so many channels.
fn rows(channels: u8) -> impl Strategy<Value = Vec<Row>> {
    let row = (prop::collection::vec(0..channels, 1..9), 0_u64..5, -50_i32..500, 0_u64..9);
    prop::collection::vec(row, 1..25)
}

fn table(rows: &[Row]) -> Paths {
    let mut text = "path,total_conversions,total_conversion_value,total_null\n".to_owned();
    for (touches, conversions, value, nulls) in rows {
        let touches: Vec<String> = touches.iter().map(|touch| format!("c{touch}")).collect();
        let value = if *conversions == 0 { 0.0 } else { f64::from(*value) / 8.0 };
        writeln!(text, "{},{conversions},{value},{nulls}", touches.join(" > ")).unwrap();
    }
    paths(&text)
}

/// Persons, hours, kinds, channels.
fn told() -> impl Strategy<Value = Vec<(u8, u32, u8, u8)>> {
    prop::collection::vec((0_u8..6, 0_u32..2_000, 0_u8..5, 0_u8..5), 0..80)
}

fn logged(rows: &[(u8, u32, u8, u8)]) -> String {
    let mut text = "person,time,kind,channel,campaign,device,value\n".to_owned();
    for (person, hour, kind, channel) in rows {
        let at = 1_780_000_000_000 + i64::from(*hour) * 3_600_000;
        let kind = ["view", "click", "outcome", "chosen", "held_out"][usize::from(*kind)];
        let value = if kind == "outcome" { hour % 7 } else { 0 };
        writeln!(text, "p{person},{at},{kind},c{channel},,d{},{value}", channel % 2).unwrap();
    }
    text
}

fn rules(direct: &str) -> Vec<Rule> {
    let mut rules = vec![
        Rule::First,
        Rule::Last,
        Rule::LastNonDirect { direct: direct.to_owned() },
        Rule::Linear,
        Rule::Position { first: 0.4, last: 0.4 },
        Rule::Position { first: 0.0, last: 1.0 },
        Rule::Shapley,
        Rule::ShapleyRate { seed: 3 },
    ];
    rules.extend((1..=MAX_ORDER).map(|order| Rule::Markov { order }));
    rules
}

fn adds_up(paths: &Paths, rule: &Rule) -> Result<(), TestCaseError> {
    let total = paths.total();
    let channels = rule.credit(paths).unwrap().channels;
    let conversions: f64 = channels.iter().map(|credit| credit.conversions).sum();
    let value: f64 = channels.iter().map(|credit| credit.value).sum();
    let near = |sum: f64, total: f64| (sum - total).abs() <= 1e-9 * (1.0 + total.abs());
    prop_assert!(near(conversions, total.conversions), "{}: {conversions} of {}", rule.name(), total.conversions);
    prop_assert!(near(value, total.value), "{}: {value} of {}", rule.name(), total.value);
    Ok(())
}

proptest! {
    #[test]
    fn credits_of_a_table_add_up(rows in rows(6)) {
        let paths = table(&rows);
        for rule in rules(&paths.channels[0]) {
            adds_up(&paths, &rule)?;
        }
    }

    #[test]
    fn credits_of_a_log_and_what_has_no_path_add_up(rows in told(), view in 0_i64..100, click in 0_i64..1_000) {
        let log = log(&logged(&rows));
        let windows = Windows { view: view * 3_600_000, click: click * 3_600_000 };
        for by in [By::Channel, By::Campaign, By::Device] {
            let paths = log.paths(by, windows);
            let (all, total) = (log.outcomes(), paths.total());
            prop_assert_eq!(all.conversions, total.conversions + paths.unattributed.conversions);
            prop_assert!((all.value - total.value - paths.unattributed.value).abs() < 1e-9);
            let taken: usize = paths.paths.iter().map(|path| path.touches.len()).sum();
            prop_assert!(taken <= log.touches(), "no touch is taken twice");
            prop_assert!(paths.paths.iter().all(|path| path.touches.is_sorted_by_key(|touch| touch.at)));
            adds_up(&paths, &Rule::TimeDecay { half_life: 7 * 86_400_000 })?;
            for rule in rules(paths.channels.first().map_or("", String::as_str)) {
                if !paths.channels.is_empty() {
                    adds_up(&paths, &rule)?;
                }
            }
            for lift in log.lifts(by, 7 * 86_400_000) {
                prop_assert!(lift.treated.outcomes <= lift.treated.persons && lift.held_out.outcomes <= lift.held_out.persons);
            }
        }
    }

    #[test]
    fn a_log_is_the_same_in_any_order(mut rows in told(), turn in 0_usize..80) {
        // Rows of the same person, moment and kind may change places.
        rows.sort_unstable();
        rows.dedup_by_key(|(person, hour, ..)| (*person, *hour));
        let one = log(&logged(&rows));
        let turn = turn.min(rows.len());
        rows.rotate_left(turn);
        let other = log(&logged(&rows));
        let told = |paths: Paths| {
            let mut told: Vec<String> = paths
                .paths
                .iter()
                .map(|path| {
                    let names = path.touches.iter().map(|touch| (&paths.channels[touch.channel as usize], touch.at));
                    format!("{:?} {} {} {}", names.collect::<Vec<_>>(), path.conversions, path.value, path.nulls)
                })
                .collect();
            told.sort();
            told
        };
        prop_assert_eq!(told(one.paths(By::Channel, Windows::default())), told(other.paths(By::Channel, Windows::default())));
    }

    #[test]
    fn shapley_beyond_all_sets_still_adds_up_and_is_the_same_again(rows in rows(20)) {
        let paths = table(&rows);
        let rule = Rule::ShapleyRate { seed: 9 };
        adds_up(&paths, &rule)?;
        let (one, other) = (rule.credit(&paths).unwrap(), rule.credit(&paths).unwrap());
        prop_assert_eq!(&one, &other);
        let players = rows.iter().filter(|row| row.1 + row.3 > 0).flat_map(|row| row.0.clone());
        let players = players.collect::<std::collections::BTreeSet<_>>().len();
        prop_assert_eq!(matches!(one.detail, Detail::Drawn(_)), players > petitfour_attribution::EXACT);
    }

    #[test]
    fn a_solved_chain_is_what_walking_comes_to(rows in rows(4), order in 1..=MAX_ORDER) {
        let paths = table(&rows);
        let detail = Rule::Markov { order }.credit(&paths).unwrap().detail;
        let Detail::Removal(removal) = detail else { unreachable!("a removal effect") };
        for (one, other) in removal.effects.iter().zip(walked(&paths, order.into())) {
            prop_assert!((one - other).abs() < 1e-9, "{:?}", removal);
        }
    }

    #[test]
    fn bytes_from_outside_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(bytes.as_slice());
    }

    #[test]
    fn lines_that_are_nearly_right_never_panic(
        head in prop::sample::select(vec!["path,total_conversions,total_null", "person;time;kind;channel;value", "path\ttotal_conversions"]),
        lines in prop::collection::vec("(a > b|a >|anna|view|outcome|2026-06-0[0-9]|[0-9]{8,13}|-?[0-9.e]{0,6}|[,;\t\"]|\n){1,9}", 0..8),
    ) {
        match read(format!("{head}\n{}", lines.join("\n")).as_bytes()) {
            Ok(Source::Paths(paths)) => adds_up(&paths, &Rule::Linear)?,
            Ok(Source::Log(log)) => adds_up(&log.paths(By::Channel, Windows::default()), &Rule::Last)?,
            Err(fault) => prop_assert!(fault.line.is_some(), "{}", fault),
        }
    }
}
