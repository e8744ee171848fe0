//! The two sets of `data/`, as tables.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use petitfour_training::{Csv, Fault, Plan, Table, gather};

pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data").join(name)
}

pub fn plan(target: &str, positive: &str, drop: &[&str]) -> Plan {
    Plan {
        target: target.to_owned(),
        positive: (!positive.is_empty()).then(|| positive.to_owned()),
        drop: drop.iter().map(|name| (*name).to_owned()).collect(),
        keep: Vec::new(),
        weight: None,
        time: None,
        most: 1_000_000,
        seed: 1,
    }
}

/// A CSV file, gzip'd.
pub fn zipped(path: &Path, plan: &Plan) -> Table {
    let mut open = || Ok(Box::new(Csv::open(MultiGzDecoder::new(File::open(path).unwrap()))?) as _);
    gather(&mut open, plan, &mut |_| {}).unwrap()
}

/// A CSV file that is written here.
pub fn written(text: &str, plan: &Plan) -> Result<Table, Fault> {
    let text = text.to_owned();
    gather(&mut || Ok(Box::new(Csv::open(std::io::Cursor::new(text.clone().into_bytes()))?) as _), plan, &mut |_| {})
}

pub fn shoppers(drop: &[&str]) -> Table {
    zipped(&data("shoppers/online_shoppers_intention.csv.gz"), &plan("Revenue", "", drop))
}

pub fn bank(drop: &[&str]) -> Table {
    zipped(&data("bank/bank-additional-full.csv.gz"), &plan("y", "yes", drop))
}
