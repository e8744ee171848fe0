//! What is said of rows that nothing can be learned from, and what is learned from others.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

use petitfour_training::{By, ClassWeight, Kind, Settings, Split, Study, Values};
use proptest::prelude::*;
use support::{plan, written};

mod support;

/// `count` rows of a number, a text and a truth that follows both; each line by `line`.
fn rows(count: usize, line: impl Fn(usize, f64, &str, bool) -> String) -> String {
    let mut text = String::from("id,degrees,weather,came\n");
    for row in 0..count {
        let degrees = (row * 7_919 % 400) as f64 / 10.0;
        let weather = ["rain", "snow", "sun"][row * 31 % 3];
        let came = (row * 104_729 % 100) as f64 * 0.5 < degrees + if weather == "sun" { 10.0 } else { -5.0 };
        text.push_str(&line(row, degrees, weather, came));
        text.push('\n');
    }
    text
}

fn plain(count: usize) -> String {
    rows(count, |row, degrees, weather, came| format!("{},{degrees},{weather},{came}", row % 50))
}

#[test]
fn bad_rows_are_told_with_their_place_and_a_remedy() {
    let told = |text: &str, plan: &petitfour_training::Plan| written(text, plan).unwrap_err().to_string();
    let came = plan("came", "", &[]);
    let cases = [
        (
            plain(50).replace("\n3,15.7,", "\n3,inf,"),
            "line 5: `degrees` is infinite; leave the field empty where the value is not known",
        ),
        (
            plain(50).replacen(",rain,", ",rain,maybe", 1),
            "`came` is `false`, `maybefalse`, `true`; say with --positive which of them is to be learned",
        ),
        (
            plain(50).replace("true", "false"),
            "`came` is `false` in every row: there is nothing to learn; bring rows of both kinds",
        ),
        (
            plain(50).replacen(",rain,true", ",rain,", 1),
            "line 17: `came`, which is to be learned, is missing; leave rows out that do not say it",
        ),
        (plain(50).replacen("id,", "degrees,", 1), "two columns are called `degrees`; give each a name of its own"),
        (plain(50) + "1,2\n", "line 52: CSV error: record 51 (line: 52, byte: "),
        ("id,came\n".to_owned(), "there are no rows"),
        (String::new(), "there is no column `came`; there are "),
    ];
    for (text, fault) in cases {
        let told = told(&text, &came);
        assert!(told.starts_with(fault), "{told}");
    }
    let mut missing = came.clone();
    missing.target = "bought".to_owned();
    assert_eq!(told(&plain(50), &missing), "there is no column `bought`; there are id, degrees, weather, came");
    let stray = plain(50).replacen("\n3,15.7,", "\n3,warm,", 1);
    assert_eq!(
        told(&stray, &came),
        "line 5: `degrees` is `warm`, where 49 of 50 values are numbers; leave the field empty where the value is not known"
    );
    let mut weighed = came.clone();
    weighed.weight = Some("degrees".to_owned());
    let negative = plain(50).replacen("\n3,", "\n3,-", 1);
    assert_eq!(told(&negative, &weighed), "line 5: `degrees`, which says what a row counts, is no number from 0 on");
    let mut timed = came.clone();
    timed.time = Some("weather".to_owned());
    assert_eq!(
        told(&plain(50), &timed),
        "line 2: `weather`, which says when a row was, is no number and no `YYYY-MM-DD…`"
    );
    let mut never = came.clone();
    never.positive = Some("perhaps".to_owned());
    assert_eq!(told(&plain(50), &never), "`came` is never `perhaps`; it is `false`, `true`");
}

#[test]
fn an_identifier_is_refused_unless_it_is_kept_and_a_measurement_is_none() {
    let told = |text: &str| written(text, &plan("came", "", &[])).unwrap_err().to_string();
    let numbered = rows(200, |row, degrees, weather, came| format!("{},{degrees},{weather},{came}", row + 1));
    assert_eq!(
        told(&numbered),
        "`id` has 200 different values in 200 rows, as an identifier has: a model would learn them by heart; leave it out with --drop id, or say --keep id if it is measured"
    );
    let named = rows(200, |row, degrees, weather, came| format!("visitor-{row},{degrees},{weather},{came}"));
    assert!(told(&named).starts_with("`id` has 200 different values"), "{}", told(&named));
    let mut kept = plan("came", "", &[]);
    kept.keep = vec!["id".to_owned()];
    assert_eq!(written(&numbered, &kept).unwrap().columns.len(), 3);
    assert_eq!(written(&numbered, &plan("came", "", &["id"])).unwrap().columns.len(), 2);
    let measured = rows(200, |row, degrees, weather, came| format!("{},{degrees},{weather},{came}", row as f64 + 0.25));
    assert!(written(&measured, &plan("came", "", &[])).is_ok());
}

#[test]
fn a_column_that_says_nothing_is_left_out_and_told() {
    let text = rows(60, |_, degrees, weather, came| format!("7,{degrees},{weather},{came}"));
    let table = written(&text, &plan("came", "", &[])).unwrap();
    assert_eq!(table.notes, ["Left out, because every row has the same value: id."]);
    let fault = written(&text, &plan("came", "", &["degrees", "weather"])).unwrap_err();
    assert_eq!(fault.to_string(), "no column is left to learn from; drop fewer columns");
}

#[test]
fn holes_and_texts_are_learned_from() {
    let text = rows(60, |row, degrees, weather, came| {
        let (degrees, weather) = (
            if row % 5 == 0 { "NaN".to_owned() } else { degrees.to_string() },
            if row % 7 == 0 { "" } else { weather },
        );
        format!("{},{degrees},{weather},{came}", row % 9)
    });
    let table = written(&text, &plan("came", "", &[])).unwrap();
    assert_eq!(table.columns[2].kind, Values::Levels(["rain", "snow", "sun"].map(str::to_owned).to_vec()));
    let holes = |column: usize| table.columns[column].values.iter().filter(|value| value.is_nan()).count();
    assert_eq!((holes(0), holes(1), holes(2)), (0, 12, 9));
    assert_eq!(table.columns[2].level(1), Some("snow"));
}

#[test]
fn the_newest_rows_are_held_out_and_rows_of_one_time_stay_together() {
    let text = rows(200, |row, degrees, weather, came| {
        format!("2026-{:02}-{:02},{degrees},{weather},{came}", 1 + row * 37 % 12, 1 + row * 37 % 28)
    });
    let mut timed = plan("came", "", &[]);
    timed.time = Some("id".to_owned());
    let table = written(&text, &timed).unwrap();
    let split = Split::of(&table, By::Time, 0.2, 1).unwrap();
    let times = table.times.as_ref().unwrap();
    let (mut newest, mut oldest) = (0.0_f64, f64::INFINITY);
    split.learned().iter().for_each(|row| newest = newest.max(times[*row]));
    split.holdout.iter().for_each(|row| oldest = oldest.min(times[*row]));
    assert!(newest < oldest && (40..60).contains(&split.holdout.len()), "{newest} {oldest}");
    assert_eq!(split.learned().len() + split.holdout.len(), 200);
    let fault = Split::of(&written(&plain(60), &plan("came", "", &[])).unwrap(), By::Random, 0.1, 1).unwrap_err();
    assert!(fault.to_string().ends_with("at least 10 of either kind are needed: bring more rows"), "{fault}");
}

#[test]
fn a_sample_is_honest_and_keeps_the_order() {
    let mut sampled = plan("came", "", &["weather"]);
    sampled.keep = vec!["id".to_owned()];
    let text = rows(5_000, |row, degrees, weather, came| format!("{row},{degrees},{weather},{came}"));
    let mut counts = vec![0_u32; 10];
    for seed in 0..20 {
        let table = written(&text, &petitfour_training::Plan { most: 500, seed, ..sampled.clone() }).unwrap();
        assert_eq!((table.len(), table.rows_read), (500, 5_000));
        let ids = &table.columns[0].values;
        assert!(ids.is_sorted(), "the order of the file");
        ids.iter().for_each(|id| counts[*id as usize / 500] += 1);
    }
    // 1,000 of each tenth are expected; six standard deviations are 180.
    assert!(counts.iter().all(|count| (820..1_180).contains(count)), "{counts:?}");
}

#[test]
fn weights_count_rows_and_weights_of_kinds_leave_answers_probabilities() {
    let table = written(&plain(3_000), &plan("came", "", &["id"])).unwrap();
    let plain = Study::of(&table, &Settings::default(), &mut |_| {}).unwrap();
    for class_weight in [ClassWeight::Balanced, ClassWeight::Times(5.0)] {
        let weighed = Study::of(&table, &Settings { class_weight, ..Settings::default() }, &mut |_| {}).unwrap();
        for (one, other) in [(&plain.trees_held, &weighed.trees_held), (&plain.linear_held, &weighed.linear_held)] {
            assert!((one.mean - other.mean).abs() < 0.04, "{} {}", one.mean, other.mean);
            assert!((one.auc - other.auc).abs() < 0.03, "{} {}", one.auc, other.auc);
        }
    }
}

#[test]
fn what_is_trained_again_has_seen_all_rows_and_as_many_trees() {
    let table = written(&plain(2_000), &plan("came", "", &["id"])).unwrap();
    let first = Study::of(&table, &Settings::default(), &mut |_| {}).unwrap();
    let again = Study::of(&table, &Settings { refit: true, ..Settings::default() }, &mut |_| {}).unwrap();
    assert_eq!(first.trees_held, again.trees_held, "what was measured is the same");
    assert_eq!(first.forest.trees.len(), again.forest.trees.len());
    assert_ne!(first.forest, again.forest);
    assert_eq!(
        Study::of(&table, &Settings::default(), &mut |_| {}).unwrap(),
        first,
        "the same rows and seeds make the same models"
    );
}

#[test]
fn where_there_is_nothing_to_learn_it_says_so() {
    let text = rows(1_000, |row, _, weather, _| {
        format!("{},{},{weather},{}", row % 50, row * 7_919 % 397, row * 104_729 % 101 < 50)
    });
    let table = written(&text, &plan("came", "", &[])).unwrap();
    let study = Study::of(&table, &Settings::default(), &mut |_| {}).unwrap();
    assert!(study.held().auc - 3.0 * study.held().auc_error < 0.5, "{}", study.held().auc);
    assert!(study.leaks.is_empty());
}

#[test]
fn a_twin_of_the_target_is_told_even_where_there_are_two_of_it() {
    let text = rows(1_000, |row, _, weather, came| {
        let told = if came != (row % 200 == 0) { "y" } else { "n" };
        format!("{told},{},{weather},{came}", f64::from(u8::from(came != (row % 150 == 1))) * 3.5)
    });
    let table = written(&text, &plan("came", "", &[])).unwrap();
    let study = Study::of(&table, &Settings::default(), &mut |_| {}).unwrap();
    let mut told: Vec<&str> = study.leaks.iter().map(|leak| leak.name.as_str()).collect();
    told.sort_unstable();
    assert_eq!(told, ["degrees", "id"]);
}

#[test]
fn a_straight_line_is_found_by_the_regression() {
    // Log-odds 0.2 · degrees - 4, and one more where the sun shines.
    let mut random = 1_u64;
    let mut draw = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut text = String::from("degrees,weather,came\n");
    for _ in 0..20_000 {
        let (degrees, sun) = (draw() * 40.0, draw() < 0.5);
        let sum = 0.2 * degrees - 4.0 + if sun { 1.0 } else { 0.0 };
        let came = draw() < 1.0 / (1.0 + (-sum).exp());
        text.push_str(&format!("{degrees},{},{}\n", if sun { "sun" } else { "rain" }, u8::from(came)));
    }
    let table = written(&text, &plan("came", "", &[])).unwrap();
    let study = Study::of(&table, &Settings::default(), &mut |_| {}).unwrap();
    let petitfour_training::Term::Number { weight, .. } = &study.linear.terms[0] else { panic!("{:?}", study.linear) };
    assert!((weight - 0.2).abs() < 0.01, "{weight}");
    let petitfour_training::Term::Levels { levels, .. } = &study.linear.terms[1] else { panic!("{:?}", study.linear) };
    assert!((levels[1].1 - levels[0].1 - 1.0).abs() < 0.15, "{levels:?}");
    assert!(study.linear_held.calibration_error < 0.03 && study.linear_held.auc >= study.trees_held.auc - 0.005);
    assert!(study.recommended == Kind::Linear || study.trees_held.auc > study.linear_held.auc);
}

proptest! {
    /// Whatever is in a file: it is refused, or is a table.
    #[test]
    fn no_file_makes_it_panic(place in 0_usize..1_000, length in 0_usize..12, put in "[0-9,;\"a-z.\n\\-]{0,12}") {
        let text = plain(60);
        let place = place.min(text.len());
        let end = (place + length).min(text.len());
        let _ = written(&format!("{}{put}{}", &text[..place], &text[end..]), &plan("came", "", &[]));
    }
}
