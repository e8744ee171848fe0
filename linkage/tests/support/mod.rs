//! What the tests share: the sets with their truth, and the record of a figure.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use petitfour_linkage::{Kind, Mapping, Options, Resolution, Table, resolve, score::Score};

/// A set of records and the person of each row.
pub struct Set {
    pub table: Table,
    pub labels: Vec<String>,
}

impl Set {
    /// Opens a set without its keys and labels; `None`, aloud, where it is in none of the folders.
    pub fn open(file: &str, label: &str, without: &str) -> Option<Self> {
        let root = root();
        let folders = match std::env::var_os("PETITFOUR_DATA") {
            Some(folder) => vec![PathBuf::from(folder)],
            None => vec![root.join("data/people"), root.join("../shared/data")],
        };
        let path = folders.iter().map(|folder| folder.join(file)).find(|path| path.is_file());
        let Some(path) = path else {
            eprintln!("SKIPPED: {file} is in none of the folders; name one with PETITFOUR_DATA");
            return None;
        };
        let whole = Table::open(&path).expect("a table");
        let at = whole.column(label).expect("a label");
        let kept: Vec<usize> = (0..whole.columns().len())
            .filter(|column| {
                let name = whole.columns()[*column].as_str();
                *column != at && name != without && Kind::of(name) != Kind::RecordId
            })
            .collect();
        let mut table = Table::new(kept.iter().map(|column| whole.columns()[*column].as_str())).expect("columns");
        for row in whole.rows() {
            table.push(kept.iter().map(|column| row[*column].as_str())).expect("a row");
        }
        let labels = (0..whole.len()).map(|row| truth(whole.field(row, at))).collect();
        Some(Self { table, labels })
    }

    /// Resolves it; what came of it, how right that is, and seconds.
    pub fn resolve(&self) -> (Resolution, Score, f64) {
        let started = Instant::now();
        let resolution = resolve(&self.table, &Options { mapping: Mapping::default() }).expect("people");
        let seconds = started.elapsed().as_secs_f64();
        let score = Score::new(&resolution.clusters, &self.labels);
        println!(
            "precision {:.4}, recall {:.4}, F1 {:.4}, {} candidate pairs, {seconds:.1} s",
            score.precision(),
            score.recall(),
            score.f1(),
            resolution.candidates
        );
        (resolution, score, seconds)
    }

    /// Only the rows that are wanted, in that order.
    pub fn only(&self, rows: &[usize]) -> Self {
        let mut table = Table::new(self.table.columns().iter().cloned()).expect("columns");
        for row in rows {
            table.push(self.table.rows()[*row].iter().cloned()).expect("a row");
        }
        Self { table, labels: rows.iter().map(|row| self.labels[*row].clone()).collect() }
    }
}

/// `rec-17-dup-2` of the febrl sets is a record of person 17; any other label is the person.
fn truth(label: &str) -> String {
    match label.split('-').collect::<Vec<_>>().as_slice() {
        ["rec", person, "org" | "dup", ..] => (*person).to_owned(),
        _ => label.to_owned(),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Writes a figure to `target/claims/<name>.json` in the repository's root, where `cargo xtask claims` reads it.
pub fn claim(name: &str, value: f64, unit: &str, bound: &str, holds: bool) {
    let root = root();
    let folder = root.join("target").join("claims");
    fs::create_dir_all(&folder).expect("target can be written");
    let measured = serde_json::json!({
        "name": name, "value": value, "unit": unit, "bound": bound, "holds": holds,
        "command": "cargo test -p petitfour-linkage --test people",
        "date": run("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"], &root),
        "commit": run("git", &["rev-parse", "HEAD"], &root),
    });
    let text = serde_json::to_string_pretty(&measured).expect("plain values");
    fs::write(folder.join(format!("{name}.json")), text).expect("target can be written");
}

/// Claims that a value is at least `least`.
pub fn claim_at_least(name: &str, value: f64, least: f64) {
    claim(name, value, "share", &format!(">= {least}"), value >= least);
    assert!(value >= least, "{name} is {value}, below {least}");
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
