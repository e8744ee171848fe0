//! The public sets whose truth is known, resolved without labels by one set of rules and one threshold.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on says why by panicking"
)]

mod support;

use std::collections::BTreeSet;

use petitfour_linkage::{Options, Table, resolve};
use support::{Set, claim, claim_at_least};

const FEBRL1: (&str, &str) = ("febrl/dataset1.csv.gz", "rec_id");
const FEBRL3: (&str, &str) = ("febrl/dataset3.csv.gz", "rec_id");
const FAKE: (&str, &str) = ("splink/fake_1000.csv.gz", "cluster");
const HISTORICAL: (&str, &str) = ("splink/historical_50k_half.csv.gz", "cluster");

fn open((file, label): (&str, &str)) -> Option<Set> {
    Set::open(file, label, "")
}

#[test]
fn a_thousand_records_with_one_duplicate_each_are_resolved() {
    let Some(set) = open(FEBRL1) else { return };
    claim_at_least("identity.febrl1.f1", set.resolve().1.f1(), 0.995);
}

#[test]
fn five_thousand_records_with_several_duplicates_are_resolved_with_and_without_a_number() {
    let Some(set) = open(FEBRL3) else { return };
    let (resolution, score, _) = set.resolve();
    claim_at_least("identity.febrl3.f1", score.f1(), 0.995);
    claim("identity.febrl3.candidates", resolution.candidates as f64, "pairs", "stated", true);
    let Some(without) = Set::open(FEBRL3.0, FEBRL3.1, "soc_sec_id") else { return };
    claim_at_least("identity.febrl3.f1_without_number", without.resolve().1.f1(), 0.98);
}

#[test]
fn records_with_many_gaps_are_resolved_without_false_merges() {
    let Some(set) = open(FAKE) else { return };
    let (resolution, score, _) = set.resolve();
    claim_at_least("identity.fake_1000.f1", score.f1(), 0.68);
    claim_at_least("identity.fake_1000.precision", score.precision(), 0.98);
    claim("identity.fake_1000.candidates", resolution.candidates as f64, "pairs", "stated", true);
}

#[test]
fn real_people_of_the_past_are_resolved() {
    let Some(set) = open(HISTORICAL) else { return };
    let (resolution, score, seconds) = set.resolve();
    claim_at_least("identity.historical.f1", score.f1(), 0.80);
    claim("identity.historical.precision", score.precision(), "share", "stated", true);
    claim("identity.historical.recall", score.recall(), "share", "stated", true);
    claim("identity.historical.candidates", resolution.candidates as f64, "pairs", "stated", true);
    claim("identity.historical.seconds", seconds, "s", "stated", true);
}

#[test]
fn people_who_are_all_different_are_left_apart() {
    let (mut people, mut pairs) = (0, 0);
    for which in [FEBRL3, FAKE, HISTORICAL] {
        let Some(set) = open(which) else { continue };
        let mut seen = BTreeSet::new();
        let firsts: Vec<usize> = (0..set.labels.len()).filter(|row| seen.insert(set.labels[*row].clone())).collect();
        people += firsts.len();
        pairs += set.only(&firsts).resolve().1.found_pairs;
    }
    println!("{pairs} false pairs among {people} people");
    claim("identity.different.false_pairs", pairs as f64, "pairs", "<= 10", pairs <= 10);
    assert!(pairs <= 10, "{pairs} pairs among people who are all different");
}

/// One record of each person, with a column more.
fn strangers_with(column: &str, value: impl Fn(usize) -> String) -> Option<Set> {
    let set = open(FEBRL1)?;
    let mut seen = BTreeSet::new();
    let firsts: Vec<usize> = (0..set.labels.len()).filter(|row| seen.insert(set.labels[*row].clone())).collect();
    let set = set.only(&firsts);
    let columns = set.table.columns().iter().map(String::as_str).chain([column]);
    let mut table = Table::new(columns).expect("columns");
    for (at, row) in set.table.rows().iter().enumerate() {
        table.push(row.iter().cloned().chain([value(at)])).expect("a row");
    }
    Some(Set { table, labels: set.labels })
}

#[test]
fn strangers_who_share_an_inbox_stay_strangers() {
    let inbox = |at: usize| {
        if at.is_multiple_of(2) { "kiosk@shop.example".to_owned() } else { format!("guest{at}@shop.example") }
    };
    let Some(set) = strangers_with("email", inbox) else { return };
    assert_eq!(set.resolve().1.found_pairs, 0);
}

#[test]
fn a_record_that_is_half_of_either_does_not_chain_two_people() {
    let Some(set) = open(FEBRL1) else { return };
    let columns = set.table.columns();
    let full = |row: &&Vec<String>| row.iter().all(|field| !field.is_empty());
    let mut complete = set.table.rows().iter().enumerate().filter(|(_, row)| full(row));
    let (at, one) = complete.next().expect("a complete record");
    let (_, two) = complete.find(|(other, _)| set.labels[*other] != set.labels[at]).expect("another person's");
    let personal = ["given_name", "surname", "date_of_birth"];
    let hybrid: Vec<String> = (0..columns.len())
        .map(|column| if personal.contains(&columns[column].as_str()) { &one[column] } else { &two[column] }.clone())
        .collect();
    let mut table = set.table.clone();
    let first = table.len();
    for row in [one, one, one, one, two, two, two, two, &hybrid] {
        table.push(row.iter().cloned()).expect("a row");
    }
    let clusters = resolve(&table, &Options::default()).expect("people").clusters;
    let of = |row: usize| clusters.iter().position(|rows| rows.contains(&row));
    assert_eq!(of(first), of(first + 3), "copies are one person's");
    assert_eq!(of(first + 4), of(first + 7), "copies are one person's");
    assert_ne!(of(first), of(first + 4), "the hybrid chained two people");
}

#[test]
fn shuffled_rows_give_the_same_people() {
    for which in [FEBRL1, FAKE] {
        let Some(set) = open(which) else { continue };
        let n = set.labels.len();
        // 7,919 is prime and divides neither count, so that this is a permutation.
        let order: Vec<usize> = (0..n).map(|at| (at * 7_919 + 13) % n).collect();
        let shuffled = set.only(&order);
        let contents = |set: &Set| {
            let (resolution, ..) = set.resolve();
            let mut people: Vec<Vec<Vec<String>>> = resolution
                .clusters
                .iter()
                .map(|rows| {
                    let mut contents: Vec<_> = rows.iter().map(|row| set.table.rows()[*row].clone()).collect();
                    contents.sort();
                    contents
                })
                .collect();
            people.sort();
            people
        };
        assert!(contents(&set) == contents(&shuffled), "{}: another order gave other people", which.0);
    }
}

#[test]
fn edges_connect_exactly_the_clusters_and_their_bits_make_their_probability() {
    let Some(set) = open(FAKE) else { return };
    let (resolution, ..) = set.resolve();
    let mut root: Vec<usize> = (0..set.labels.len()).collect();
    fn find(root: &mut [usize], mut row: usize) -> usize {
        while root[row] != row {
            root[row] = root[root[row]];
            row = root[row];
        }
        row
    }
    for edge in &resolution.edges {
        assert!(edge.left < edge.right && edge.probability >= petitfour_linkage::THRESHOLD);
        let bits = edge.prior + edge.evidence.iter().map(|weight| weight.bits).sum::<f64>();
        assert!((edge.probability - 1.0 / (1.0 + (-bits).exp2())).abs() < 1e-9);
        let (a, b) = (find(&mut root, edge.left), find(&mut root, edge.right));
        root[a.max(b)] = a.min(b);
    }
    for rows in &resolution.clusters {
        let roots: BTreeSet<usize> = rows.iter().map(|row| find(&mut root, *row)).collect();
        assert_eq!(roots.len(), 1, "a cluster that its edges do not connect");
    }
    let distinct: BTreeSet<usize> = (0..root.len()).map(|row| find(&mut root, row)).collect();
    assert_eq!(distinct.len(), resolution.clusters.len(), "edges between clusters");
}
