//! The arithmetic of docs/scale-training.md is made again from the figures that it begins with, and those that this machine can measure are
//! measured (`cargo test -p petitfour-cli --test sizing -- --ignored --nocapture`; what training spends its time in is optimised in
//! the build of tests too, see `profile.dev.package` in `Cargo.toml`).

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use petitfour::hash::xxh64;
use serde_json::Value;

/// A row of a table of the page whose first cell is a name: what is written as its value, and its last cell.
struct Line {
    name: String,
    written: String,
    why: String,
}

fn lines() -> Vec<Line> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/scale-training.md");
    let line = |line: &str| {
        let cells: Vec<&str> =
            line.strip_prefix("| `")?.trim_end().trim_end_matches('|').split('|').map(str::trim).collect();
        let [name, written, .., why] = cells.as_slice() else { return None };
        let name = name.strip_suffix('`')?.to_owned();
        Some(Line { name, written: written.replace(',', ""), why: (*why).to_owned() })
    };
    fs::read_to_string(page).unwrap().lines().filter_map(line).collect()
}

/// Sums, products and powers over names, with `sqrt(…)`.
struct Formula<'f> {
    rest: &'f str,
    known: &'f BTreeMap<String, f64>,
}

impl Formula<'_> {
    fn take(&mut self, sign: char) -> bool {
        self.rest = self.rest.trim_start();
        let taken = self.rest.strip_prefix(sign);
        self.rest = taken.unwrap_or(self.rest);
        taken.is_some()
    }

    fn sum(&mut self) -> f64 {
        let mut sum = self.product();
        loop {
            if self.take('+') {
                sum += self.product();
            } else if self.take('-') {
                sum -= self.product();
            } else {
                return sum;
            }
        }
    }

    fn product(&mut self) -> f64 {
        let mut product = self.power();
        loop {
            if self.take('*') {
                product *= self.power();
            } else if self.take('/') {
                product /= self.power();
            } else {
                return product;
            }
        }
    }

    fn power(&mut self) -> f64 {
        let base = self.atom();
        if self.take('^') { base.powf(self.atom()) } else { base }
    }

    fn atom(&mut self) -> f64 {
        if self.take('(') {
            let sum = self.sum();
            assert!(self.take(')'), "`)` is missing before {:?}", self.rest);
            return sum;
        }
        let end =
            self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if word == "sqrt" {
            return self.atom().sqrt();
        }
        let known = word.parse().ok().or_else(|| self.known.get(word).copied());
        known.unwrap_or_else(|| panic!("the page has no figure called {word:?} before this one"))
    }
}

/// Half of the last digit that is written.
fn half_a_digit(written: &str) -> f64 {
    let decimals = written.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    // Zeros at the end of a large whole number are not digits that were meant.
    let zeros = if decimals == 0 { written.len() - written.trim_end_matches('0').len() } else { 0 };
    0.500_001 * 10_f64.powi(zeros as i32 - decimals as i32)
}

#[test]
fn the_arithmetic_of_the_page_is_that_of_its_assumptions() {
    let mut known = BTreeMap::new();
    let (mut wrong, mut made) = (String::new(), 0);
    for Line { name, written, why } in lines() {
        let value: f64 = written.parse().unwrap_or_else(|_| panic!("`{name}`: {written:?} is no number"));
        let mut value = value;
        if let Some(formula) = why.strip_prefix("`= ").and_then(|formula| formula.strip_suffix('`')) {
            let mut formula = Formula { rest: formula, known: &known };
            let found = formula.sum();
            assert!(formula.rest.trim().is_empty(), "`{name}`: {:?} is left over", formula.rest);
            println!("{name} = {found}");
            if (found - value).abs() > half_a_digit(&written) {
                writeln!(wrong, "`{name}`: the page says {written}, its formula comes to {found}").unwrap();
            }
            (value, made) = (found, made + 1);
        }
        assert!(known.insert(name.clone(), value).is_none(), "`{name}` is there twice");
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(made > 20, "{made} formulas");
}

#[test]
fn a_formula_is_read_as_it_is_written() {
    let known = BTreeMap::from([("a_1".to_owned(), 3.0), ("b".to_owned(), 4.0)]);
    let read = |rest| Formula { rest, known: &known }.sum();
    assert_eq!(
        (read("a_1 + b * 2"), read("(a_1 + b) * 2 - 1e3"), read("sqrt(a_1 ^ 2 + b^2) / 2")),
        (11.0, -986.0, 2.5)
    );
    assert_eq!(
        [half_a_digit("12"), half_a_digit("1200"), half_a_digit("0.10")].map(|half| (half * 1e4) as i64),
        [5_000, 500_001, 50]
    );
}

/// What a command took: what it printed, seconds of all its threads, and its peak in MB.
fn spent(arguments: &[&str]) -> (Value, f64, f64) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_petitfour"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let read = std::thread::spawn(move || {
        let mut told = String::new();
        out.read_to_string(&mut told).unwrap();
        told
    });
    let (mut seconds, mut peak) = (0.0_f64, 0.0_f64);
    let process = format!("/proc/{}", child.id());
    while child.try_wait().unwrap().is_none() {
        let stat = fs::read_to_string(format!("{process}/stat")).unwrap_or_default();
        let ticks = stat.rsplit(')').next().map_or(0.0, |rest| {
            rest.split_whitespace().skip(11).take(2).filter_map(|tick| tick.parse::<f64>().ok()).sum::<f64>()
        });
        // A hundred ticks a second, as Linux tells programs.
        seconds = seconds.max(ticks / 100.0);
        let status = fs::read_to_string(format!("{process}/status")).unwrap_or_default();
        let kilobytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().trim_end_matches(" kB").parse::<f64>().ok());
        peak = peak.max(kilobytes.unwrap_or_default() / 1_000.0);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(child.wait().unwrap().success(), "{arguments:?}");
    (serde_json::from_str(&read.join().unwrap()).unwrap(), seconds, peak)
}

/// A number from 0 to 1.
fn draw(row: usize, salt: u64) -> f64 {
    xxh64(&row.to_le_bytes(), salt) as f64 / u64::MAX as f64
}

/// Rows of 20 numbers, three of which matter: `came` in one of a hundred.
fn rows(path: &Path, many: usize, chance: impl Fn(usize) -> bool) {
    let mut text = (0..20).map(|column| format!("n{column},")).collect::<String>() + "weight,came\n";
    for row in 0..many {
        let values: Vec<f64> = (0..20).map(|column| draw(row, column)).collect();
        let score = 2.0 * values[0] + 2.0 * values[1] * values[2] - 6.0;
        let came = draw(row, 99) < 1.0 / (1.0 + (-score).exp());
        let kept = chance(row);
        if !came && !kept {
            continue;
        }
        for value in values {
            write!(text, "{value:.4},").unwrap();
        }
        writeln!(text, "{},{}", if came { 1 } else { WEIGHT.with(std::cell::Cell::get) }, u8::from(came)).unwrap();
    }
    fs::write(path, text).unwrap();
}

std::thread_local! {
    /// What a row counts that was left in of several.
    static WEIGHT: std::cell::Cell<u32> = const { std::cell::Cell::new(1) };
}

#[test]
#[ignore = "it measures for minutes, best on a machine that does nothing else"]
fn what_training_and_evaluation_take() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let began = Instant::now();
    for many in [50_000, 100_000, 200_000] {
        rows(Path::new(&at("rows.csv")), many, |_| true);
        let (card, seconds, peak) = spent(&[
            "train",
            &at("rows.csv"),
            "--target",
            "came",
            "--drop",
            "weight",
            "--trees",
            "100",
            "--out",
            &at("model"),
            "--json",
        ]);
        let auc = &card["trees"]["measures"]["auc"];
        println!(
            "train {many} rows, 20 columns, {} trees: {seconds:.1} s, {peak:.0} MB, AUC {auc}",
            card["grown"]["trees"]
        );
    }
    let (_, seconds, peak) = spent(&[
        "train",
        &at("rows.csv"),
        "--target",
        "came",
        "--drop",
        "weight",
        "--trees",
        "100",
        "--sample",
        "20000",
        "--out",
        &at("model"),
        "--json",
    ]);
    println!("train a sample of 20,000 of 200,000 rows: {seconds:.1} s, {peak:.0} MB");
    let mut log = "visitor,action,probability,reward\n".to_owned();
    for row in 0..200_000 {
        let action = (draw(row, 5) * 4.0) as u8;
        writeln!(log, "{},{action},0.25,{}", row / 4, u8::from(draw(row, 6) < 0.01 + 0.002 * f64::from(action)))
            .unwrap();
    }
    fs::write(at("log.csv"), log).unwrap();
    let (_, seconds, peak) = spent(&["evaluate", &at("log.csv"), "--policy", "always:3", "--json"]);
    println!("evaluate 200,000 rounds: {seconds:.1} s, {peak:.0} MB; all of it {:?}", began.elapsed());
}

#[test]
#[ignore = "it measures for minutes"]
fn what_a_sample_and_one_in_ten_of_those_who_did_not_are_worth() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    // The bank's calls in an order of our own: the last 6,000 are held out of every line of the curve.
    let packed =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/bank/bank-additional-full.csv.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    let (names, calls) = text.split_once('\n').unwrap();
    let calls: Vec<&str> = calls.lines().collect();
    let held = 6_000;
    for many in [1_500, 6_000, calls.len() - held] {
        let mut told = Vec::new();
        for seed in 0..3 {
            let mut order: Vec<usize> = (0..calls.len()).collect();
            order.sort_by_key(|row| xxh64(&row.to_le_bytes(), 1_000));
            let (learn, last) = order.split_at(calls.len() - held);
            let mut learn = learn.to_vec();
            learn.sort_by_key(|row| xxh64(&row.to_le_bytes(), seed));
            learn.truncate(many);
            let rows: Vec<&str> = learn.iter().chain(last).map(|row| calls[*row]).collect();
            fs::write(at("rows.csv"), format!("{names}\n{}\n", rows.join("\n"))).unwrap();
            let share = format!("{}%", 100.0 * held as f64 / (held + many) as f64);
            let (card, ..) = spent(&[
                "train",
                &at("rows.csv"),
                "--target",
                "y",
                "--positive",
                "yes",
                "--order-is-time",
                "--drop",
                "duration",
                "--holdout",
                &share,
                "--seed",
                &seed.to_string(),
                "--out",
                &at("model"),
                "--json",
            ]);
            let auc = |model: &str| card[model]["measures"]["auc"].as_f64().unwrap();
            told.push((auc("trees"), auc("linear"), card["trees"]["measures"]["auc_error"].as_f64().unwrap()));
        }
        let mean = |of: &dyn Fn(&(f64, f64, f64)) -> f64| told.iter().map(of).sum::<f64>() / told.len() as f64;
        println!(
            "{many} rows: trees {:.4}, regression {:.4}; standard error of one measurement {:.4}",
            mean(&|one| one.0),
            mean(&|one| one.1),
            mean(&|one| one.2)
        );
    }
    // All rows, and one in ten of those who did not, each of which counts as ten.
    for one_in in [1_u32, 10, 50] {
        WEIGHT.with(|weight| weight.set(one_in));
        rows(Path::new(&at("rows.csv")), 200_000, |row| draw(row, 55) < 1.0 / f64::from(one_in));
        let (card, seconds, _) = spent(&[
            "train",
            &at("rows.csv"),
            "--target",
            "came",
            "--weight",
            "weight",
            "--trees",
            "200",
            "--out",
            &at("model"),
            "--json",
        ]);
        let measures = &card["trees"]["measures"];
        println!(
            "one in {one_in} of those who did not: {} rows, {seconds:.1} s, AUC {} (standard error {}), mean answer {} where {} did",
            card["rows_used"], measures["auc"], measures["auc_error"], measures["mean"], measures["rate"]
        );
    }
}
