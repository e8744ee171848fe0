//! Every rule over examples that can be worked by hand, and what is refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use petitfour_attribution::{Basis, By, Detail, Paths, Rule, RuleError, Windows, read};
use support::{log, paths};

const HOUR: i64 = 3_600_000;

/// Three orders worth 10 together by one way, one worth 4 by another; two people came and bought nothing.
const TABLE: &str = "path,total_conversions,total_conversion_value,total_null
search > mail > direct,3,10,0
mail > mail,1,4,1
direct,0,0,1
";

fn conversions(rule: &Rule, paths: &Paths) -> Vec<f64> {
    rule.credit(paths).unwrap().channels.iter().map(|sum| (sum.conversions * 1e9).round() / 1e9).collect()
}

fn values(rule: &Rule, paths: &Paths) -> Vec<f64> {
    rule.credit(paths).unwrap().channels.iter().map(|sum| (sum.value * 1e9).round() / 1e9).collect()
}

#[test]
fn rules_of_one_path() {
    let paths = paths(TABLE);
    assert_eq!(paths.channels, ["search", "mail", "direct"]);
    assert_eq!(conversions(&Rule::First, &paths), [3.0, 1.0, 0.0]);
    assert_eq!(values(&Rule::First, &paths), [10.0, 4.0, 0.0]);
    assert_eq!(conversions(&Rule::Last, &paths), [0.0, 1.0, 3.0]);
    assert_eq!(conversions(&Rule::LastNonDirect { direct: "direct".to_owned() }, &paths), [0.0, 4.0, 0.0]);
    assert_eq!(conversions(&Rule::Linear, &paths), [1.0, 2.0, 1.0]);
    // 40, 20, 40 of three; two of one channel have all of it.
    assert_eq!(conversions(&Rule::Position { first: 0.4, last: 0.4 }, &paths), [1.2, 1.6, 1.2]);
    assert_eq!(values(&Rule::Position { first: 0.5, last: 0.25 }, &paths), [5.0, 6.5, 2.5]);
    assert_eq!(conversions(&Rule::Position { first: 0.0, last: 0.0 }, &paths), [0.0, 4.0, 0.0]);
}

#[test]
fn rules_of_all_paths() {
    let paths = paths(TABLE);
    // Six passes and four outcomes. Without search: 3/6 of people are left, of whom 2/6 begin with mail. From mail, seen 3 + 2 + 2 times, 2 of
    // 7 stay there, 3 go to direct, 1 buys and 1 leaves: of whoever leaves mail, 3/5 go to direct and 1/5 buys. From direct 3 of 4 buy.
    // From mail: 1/5 + 3/5·3/4 = 13/20; without direct 1/5. From the beginning: (3 + 2)/6 · 13/20 + 1/6 · 3/4 = 2/3.
    let rule = Rule::Markov { order: 1 };
    let Detail::Removal(removal) = rule.credit(&paths).unwrap().detail else { unreachable!("a removal effect") };
    let without = |rate: f64| 1.0 - rate / (2.0 / 3.0);
    let effects = [
        without(2.0 / 6.0 * 13.0 / 20.0 + 1.0 / 6.0 * 3.0 / 4.0),
        without(1.0 / 6.0 * 3.0 / 4.0),
        without(5.0 / 6.0 / 5.0),
    ];
    for (one, other) in removal.effects.iter().zip(effects) {
        assert!((one - other).abs() < 1e-11, "{:?} {effects:?}", removal.effects);
    }
    let sum: f64 = effects.iter().sum();
    let credits = conversions(&rule, &paths);
    assert!(credits.iter().zip(effects).all(|(credit, effect)| (credit - 4.0 * effect / sum).abs() < 1e-8));

    // Three outcomes to three channels, one to mail alone.
    assert_eq!(conversions(&Rule::Shapley, &paths), [1.0, 2.0, 1.0]);
    assert_eq!(
        values(&Rule::Shapley, &paths),
        [10.0 / 3.0, 10.0 / 3.0 + 4.0, 10.0 / 3.0].map(|value: f64| (value * 1e9).round() / 1e9)
    );

    // Worths: mail 1/2, direct 0, mail and direct 1/3, search adds to them only as the third: all 2/3. Orders of three, six passes:
    // search: 2/6 · (2/3 − 1/3); mail: with direct before 1/6 · 1/3, with search before 1/6 · 1/2, first 2/6 · 1/2, last 2/6 · 2/3.
    let rated = conversions(&Rule::ShapleyRate { seed: 0 }, &paths);
    let search = 6.0 * (1.0 / 3.0) * (1.0 / 3.0);
    let mail = 6.0 * (1.0 / 18.0 + 1.0 / 12.0 + 1.0 / 6.0 + 2.0 / 9.0);
    let expected = [search, mail, 4.0 - search - mail];
    assert!(rated.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-8), "{rated:?} {expected:?}");
}

#[test]
fn a_channel_that_loses_customers_is_credited_with_less_than_nothing_by_rates_alone() {
    let paths = paths("path,total_conversions,total_null\na,5,5\na > b,1,9\n");
    assert_eq!(conversions(&Rule::Shapley, &paths), [5.5, 0.5]);
    let rated = conversions(&Rule::ShapleyRate { seed: 0 }, &paths);
    // Alone a has 1/2 and b nothing, together they have 6/20.
    assert_eq!(rated, [20.0 * (0.5 + 0.3) / 2.0, 20.0 * (0.3 - 0.5) / 2.0]);
}

/// Two weeks of one person, and one day of another.
const LOG: &str = "time,person,kind,channel,campaign,device,value
2026-06-03T10:00:00Z,anna,outcome,,,phone,50
2026-06-01T10:00:00Z,anna,click,search,,laptop,
2026-06-01T22:00:00Z,anna,view,video,spring,laptop,
2026-06-03T09:00:00Z,anna,view,site,spring,phone,
2026-06-03T09:30:00Z,anna,click,mail,,phone,
2026-06-03T10:00:00Z,bert,view,video,spring,tv,
2026-06-03T11:00:00Z,anna,click,mail,summer,phone,
2026-06-05T11:00:00Z,anna,outcome,,,,30
2026-06-06T11:00:00Z,anna,outcome,,,,7
";

#[test]
fn a_log_is_cut_into_paths_by_windows_and_every_touch_is_taken_once() {
    let log = log(LOG);
    assert_eq!((log.persons(), log.touches(), log.outcomes().conversions), (2, 6, 3.0));
    let paths = log.paths(By::Channel, Windows::default());
    let told: Vec<(Vec<&str>, u64, f64, u64)> = paths
        .paths
        .iter()
        .map(|path| {
            let names = path.touches.iter().map(|touch| paths.channels[touch.channel as usize].as_str());
            (names.collect(), path.conversions, path.value, path.nulls)
        })
        .collect();
    // The video was seen 36 hours before the first order: too long ago. The third order has nothing since the second.
    assert_eq!(
        told,
        [(vec!["search", "site", "mail"], 1, 50.0, 0), (vec!["mail"], 1, 30.0, 0), (vec!["video"], 0, 0.0, 1),]
    );
    assert_eq!((paths.expired, paths.across_devices), (1, 1));
    assert_eq!((paths.unattributed.conversions, paths.unattributed.value), (1.0, 7.0));

    let wider = log.paths(By::Channel, Windows { view: 36 * HOUR, click: 1 });
    let lengths: Vec<usize> = wider.paths.iter().map(|path| path.touches.len()).collect();
    // The last ms counts. The click of the second order is too old now, and a path that ended in nothing.
    assert_eq!((lengths, wider.unattributed.conversions), (vec![2, 1, 1], 2.0));

    let campaigns = log.paths(By::Campaign, Windows::default());
    assert_eq!(campaigns.channels, ["(search)", "spring", "(mail)", "summer"]);
    assert_eq!(log.paths(By::Device, Windows::default()).channels, ["laptop", "phone", "tv"]);
}

#[test]
fn time_decays_by_half_lives() {
    let paths = log(
        "person,time,kind,channel,value\np,2026-06-01,click,a,\np,2026-06-08,click,b,\np,2026-06-15,click,c,\np,2026-06-20,outcome,,70\n",
    )
    .paths(By::Channel, Windows::default());
    // 1 : 2 : 4, whenever the outcome was.
    assert_eq!(values(&Rule::TimeDecay { half_life: 7 * 24 * HOUR }, &paths), [10.0, 20.0, 40.0]);
    let ancient = Rule::TimeDecay { half_life: 1 };
    assert_eq!(values(&ancient, &paths), [0.0, 0.0, 70.0]);
}

#[test]
fn a_holdout_says_what_was_caused() {
    // Of 100 for whom mail was chosen 30 bought, 25 of them within the week; of 50 from whom it was withheld 10 bought.
    let mut text = "person,time,kind,channel\n".to_owned();
    let mut row = |who: String, day: u32, kind: &str, channel: &str| {
        text.push_str(&format!("{who},2026-06-{day:02},{kind},{channel}\n"));
    };
    for who in 0..100 {
        row(format!("t{who}"), 2, "chosen", "mail");
        if who % 2 == 0 {
            row(format!("t{who}"), 2, "view", "mail");
        }
        if who < 30 {
            row(format!("t{who}"), if who < 25 { 8 } else { 9 }, "outcome", "");
        }
    }
    for who in 0..50 {
        row(format!("h{who}"), 2, "held_out", "mail");
        if who < 10 {
            row(format!("h{who}"), 3, "outcome", "");
        }
        // Before it: not counted.
        row(format!("h{who}"), 1, "outcome", "");
    }
    row("both".to_owned(), 2, "chosen", "mail");
    row("both".to_owned(), 3, "held_out", "mail");
    row("other".to_owned(), 3, "view", "video");
    let lifts = log(&text).lifts(By::Channel, 7 * 24 * HOUR);
    assert_eq!(lifts.len(), 1, "of video nothing was withheld");
    let lift = &lifts[0];
    assert_eq!((lift.channel.as_str(), lift.basis, lift.mixed), ("mail", Basis::Chosen, 1));
    assert_eq!((lift.treated.persons, lift.treated.outcomes), (100, 25));
    assert_eq!((lift.held_out.persons, lift.held_out.outcomes), (50, 10));
    let [persons, from, to] = lift.incremental().unwrap();
    assert!((persons - 5.0).abs() < 1e-9 && from < 0.0 && to > 10.0, "{persons} {from} {to}");

    let touched = log(&text.replace("chosen", "view")).lifts(By::Channel, 7 * 24 * HOUR);
    assert_eq!(touched[0].basis, Basis::Touched);
}

#[test]
fn a_rule_that_cannot_say_anything_says_why() {
    let paths = paths(TABLE);
    let code = |rule: Rule| rule.credit(&paths).unwrap_err().code();
    assert_eq!(code(Rule::TimeDecay { half_life: HOUR }), "rule/times");
    assert_eq!(code(Rule::TimeDecay { half_life: 0 }), "rule/half-life");
    assert_eq!(code(Rule::LastNonDirect { direct: "nobody".to_owned() }), "rule/direct");
    assert_eq!(code(Rule::Markov { order: 0 }), "rule/order");
    for (first, last) in [(0.6, 0.6), (-0.1, 0.5), (f64::NAN, 0.1)] {
        assert_eq!(Rule::Position { first, last }.credit(&paths).unwrap_err(), RuleError::Parts);
    }
}

#[test]
fn without_outcomes_there_is_nothing_to_give() {
    let none = paths("path,total_conversions,total_null\na > b,0,4\nc,0,0\n");
    for rule in [Rule::First, Rule::Linear, Rule::Markov { order: 2 }, Rule::Shapley, Rule::ShapleyRate { seed: 1 }] {
        assert_eq!(conversions(&rule, &none), [0.0; 3], "{}", rule.name());
    }
    assert_eq!(conversions(&Rule::Linear, &paths("path,total_conversions\n")), [0.0; 0]);
}

#[test]
fn what_does_not_read_is_told_with_line_field_and_remedy() {
    let fault = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
    let starts = [
        ("path,total_conversions\na > b,1\na,two\n", "line 3: `total_conversions` is `two`; write a whole number"),
        ("path,total_conversions\na,-1\n", "line 2: `total_conversions` is `-1`; write a whole number"),
        (
            "path,total_conversions\na,99999999999999\n",
            "line 2: `total_conversions` is `99999999999999`; write a whole number",
        ),
        ("path,total_conversions\na >  > b,1\n", "line 2: `path` lacks a channel"),
        ("path,total_conversions\n,1\n", "line 2: `path` lacks a channel"),
        (
            "path,total_conversions,total_conversion_value\na,1,inf\n",
            "line 2: `total_conversion_value` is `inf`; write a number",
        ),
        (
            "path,total_conversions,total_conversion_value\na,0,3\n",
            "line 2: `total_conversion_value` is there without a conversion",
        ),
        ("path,total_conversions,total_null\na,1\n", "line 2: 2 fields where the first line has 3; quote fields"),
        ("path,conversions\na,1\n", "line 1: `total_conversions` is not among the columns"),
        ("person,kind\nanna,view\n", "line 1: `time` is not among the columns"),
        (
            "person,time,kind,channel\nanna,20260601,view,a\n",
            "line 2: `time` is `20260601`; write it as 2026-06-01T09:30:00Z",
        ),
        ("person,time,kind,channel\nanna,2026-06-01,seen,a\n", "line 2: `kind` is `seen`; write one of view, click"),
        ("person,time,kind,channel\n,2026-06-01,view,a\n", "line 2: `person` is empty"),
        ("person,time,kind,channel\nanna,2026-06-01,view,\n", "line 2: `channel` is empty"),
        ("person,time,kind,channel,value\nanna,2026-06-01,view,a,3\n", "line 2: `value` is that of a touch"),
        ("person,time,kind,channel,value\nanna,2026-06-01,outcome,,NaN\n", "line 2: `value` is `NaN`; write a number"),
        ("who,when\nanna,1\n", "line 1: there is neither a column `path` nor a column `person`"),
        ("", "line 1: there are no names of columns"),
    ];
    for (text, start) in starts {
        assert!(fault(text).starts_with(start), "{text:?}: {}", fault(text));
    }
    let fault = read(&b"path,total_conversions\n\xff,1\n"[..]).unwrap_err();
    assert_eq!((fault.line, fault.what.as_str()), (Some(2), "bytes that are no UTF-8"));
    let open = format!("path,total_conversions\n\"{}", "a > ".repeat(5 << 20));
    assert!(read(open.as_bytes()).unwrap_err().to_string().contains("a quote may not have been closed"));
}

#[test]
fn tables_are_read_as_others_write_them() {
    let same = paths(TABLE);
    assert_eq!(paths(&TABLE.replace(',', ";").replace("path", "\u{feff}Path")), same);
    assert_eq!(paths(&TABLE.replace(" > ", ">").replace(",0,", ",0.0,")), same);
    assert_eq!(paths("total_conversions\tpath\n1\t\"a > b\"\n").channels, ["a", "b"]);
}
