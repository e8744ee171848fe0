//! What a model loses on its way to a device, on rows of which it is known what came.

use std::io::Write as _;
use std::path::Path;

use anyhow::{anyhow, bail};
use petitfour_models::{BORDERS, Forest, Link, Rows, metric};
use serde::Serialize;

use super::calibration::Crossed;
use super::device::Device;
use crate::simulate::{recorded::unzipped, summary::grouped};

/// How to keep it, and what it may lose.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Compare it on the rows with what a device makes of it, with leaves of this many bits: 8 or 16
    #[arg(long, value_name = "BITS", requires_all = ["rows", "target"], conflicts_with_all = ["why", "importance"], value_parser = ["8", "16"])]
    quantise: Option<String>,
    /// The column that says what came: 1 or true
    #[arg(long, value_name = "COLUMN", requires = "quantise")]
    target: Option<String>,
    /// What that column says of those that count, where it is another word
    #[arg(long, value_name = "WORD", requires = "target")]
    positive: Option<String>,
    /// Bounds of one feature beyond which some share a border
    #[arg(long, value_name = "N", default_value_t = BORDERS, requires = "quantise", value_parser = clap::value_parser!(u16).range(1..=4096))]
    borders: u16,
    /// By how much AUC and log loss may move: .002 with 8 bits, .0005 with 16, unless given
    #[arg(long, value_name = "DIFFERENCE", requires = "quantise", value_parser = difference)]
    tolerance: Option<f64>,
}

/// What moved.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    rows: usize,
    positives: usize,
    /// Of trees.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaf_bits: Option<u8>,
    /// Of a regression.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Steps>,
    /// As trained, and on the device.
    auc: [Option<f64>; 2],
    log_loss: [f64; 2],
    calibration_error: [f64; 2],
    /// Log-odds.
    largest_score_change: f64,
    mean_score_change: f64,
    model_bytes: usize,
    model_brotli: usize,
    border_bytes: usize,
    border_brotli: usize,
    tolerance: f64,
    within: bool,
    /// Columns with texts that the model has not seen in training, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unseen: Vec<String>,
    /// What calibration would do to the device's scores.
    #[serde(skip_serializing_if = "Option::is_none")]
    calibrated: Option<Crossed>,
}

/// What steps make of a regression's lines.
#[derive(Debug, Serialize)]
struct Steps {
    /// Borders of a number at most.
    borders: u16,
    /// Log-odds that a score may move by, for numbers that training saw.
    bound: f64,
    /// Rows with a number beyond those, which is taken for the nearest of them.
    beyond: usize,
}

impl Options {
    /// The report, where one is asked for.
    pub(crate) fn report(&self, model: &[u8], forest: &Forest, rows: Option<&Path>) -> anyhow::Result<Option<Report>> {
        let (Some(bits), Some(target), Some(rows)) = (&self.quantise, &self.target, rows) else { return Ok(None) };
        let bits: u8 = bits.parse()?;
        let Link::Logistic { slope } = forest.link else {
            bail!("{}", Forest::NO_LOG_ODDS);
        };
        let name = rows.display();
        let told = |fault| anyhow!("{name}: {fault}");
        let mut device = Device::of(model, &forest.features, bits, usize::from(self.borders))?;
        let mut read = Rows::with_target(unzipped(rows)?, &forest.features, target).map_err(told)?;
        let (mut row, mut truths) = (Vec::new(), Vec::new());
        let mut beyond = 0;
        // Log-odds, then probabilities; as trained, then on the device.
        let (mut odds, mut answers) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        while read.next_row(&mut row).map_err(told)? {
            truths.push(
                self.came(read.target()).map_err(|what| anyhow!("{name}: line {}: `{target}` {what}", read.line()))?,
            );
            beyond += usize::from(
                forest.terms.iter().any(|term| row.get(term.feature).is_some_and(|value| term.is_beyond(*value))),
            );
            let (score, probability) = device.score(&row);
            let [whole, small] = &mut odds;
            whole.push(forest.raw(&row) * slope);
            small.push(f64::from(score) / 65_536.0);
            let [whole, small] = &mut answers;
            whole.push(forest.answer(&row));
            small.push(f64::from(probability) / 65_536.0);
        }
        let positives = truths.iter().filter(|truth| **truth).count();
        let auc = odds.each_ref().map(|odds| metric::auc(odds, &truths));
        if positives == 0 || positives == truths.len() {
            bail!(
                "{name}: `{target}` says the same of all {} rows, so that nothing can be compared",
                grouped(truths.len() as u64)
            );
        }
        let log_loss = answers.each_ref().map(|answers| metric::log_loss(answers, &truths));
        let [whole, small] = &odds;
        let moved: Vec<f64> = whole.iter().zip(small).map(|(one, other)| (one - other).abs()).collect();
        let tolerance = self.tolerance.unwrap_or(if bits == 8 { 0.002 } else { 0.000_5 });
        let off = |[one, other]: [f64; 2]| (other - one).abs() <= tolerance;
        let (data, borders) = device.bytes();
        Ok(Some(Report {
            rows: truths.len(),
            positives,
            leaf_bits: forest.terms.is_empty().then_some(bits),
            steps: (!forest.terms.is_empty()).then(|| Steps {
                borders: self.borders,
                bound: forest.stepping(usize::from(self.borders)),
                beyond,
            }),
            auc,
            log_loss,
            calibration_error: answers.each_ref().map(|answers| metric::calibration_error(answers, &truths)),
            largest_score_change: moved.iter().copied().fold(0.0, f64::max),
            mean_score_change: moved.iter().sum::<f64>() / moved.len() as f64,
            model_bytes: data.len(),
            model_brotli: brotli(data)?,
            border_bytes: borders.len(),
            border_brotli: brotli(borders)?,
            tolerance,
            within: off(auc.map(Option::unwrap_or_default)) && off(log_loss),
            unseen: read.unseen().collect(),
            calibrated: Crossed::of(small, &truths),
        }))
    }
}

impl Options {
    /// Whether a row is one of those that count.
    fn came(&self, said: Option<&str>) -> Result<bool, String> {
        let said = said.ok_or("does not say what came; leave such rows out")?;
        match (&self.positive, said) {
            (Some(positive), said) => Ok(said == positive),
            (None, "1" | "1.0" | "true" | "True" | "TRUE") => Ok(true),
            (None, "0" | "0.0" | "false" | "False" | "FALSE") => Ok(false),
            (None, other) => {
                let cut: String = other.chars().take(40).collect();
                Err(format!("is `{cut}`; say with `--positive` which word counts"))
            }
        }
    }
}

/// A difference of 0 or more.
fn difference(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number: &f64| *number >= 0.0).ok_or_else(|| "a number of 0 or more is needed".to_owned())
}

impl Report {
    /// Whether it may be shipped.
    pub(crate) fn is_within(&self) -> bool {
        self.within
    }

    /// For people.
    pub(crate) fn print(&self) {
        let rows = grouped(self.rows as u64);
        let kept = match (self.leaf_bits, &self.steps) {
            (Some(bits), _) => format!("leaves of {bits} bits"),
            (None, steps) => {
                format!("lines in steps, between {} borders at most", steps.as_ref().map_or(0, |steps| steps.borders))
            }
        };
        println!("\n{rows} rows, {} came true; {kept}\n", grouped(self.positives as u64));
        println!("{:<20}{:>12}{:>15}{:>12}", "", "as trained", "on the device", "moved");
        let line =
            |what: &str, [one, other]: [f64; 2]| println!("{what:<20}{one:>12.5}{other:>15.5}{:>+12.5}", other - one);
        line("AUC", self.auc.map(Option::unwrap_or_default));
        line("log loss", self.log_loss);
        line("calibration error", self.calibration_error);
        println!(
            "\nA score moved by {:.5} log-odds in the mean, by {:.5} at most.",
            self.mean_score_change, self.largest_score_change
        );
        if let Some(Steps { bound, beyond, .. }) = &self.steps {
            println!("For numbers that training saw it moves by no more than {bound:.5}.");
            if *beyond > 0 {
                let have = if *beyond == 1 { "row has" } else { "rows have" };
                println!(
                    "{} {have} a number beyond those, which the device takes for the nearest of them.",
                    grouped(*beyond as u64)
                );
            }
        }
        for unseen in &self.unseen {
            println!("{unseen}.");
        }
        if let Some(calibrated) = &self.calibrated {
            calibrated.print();
        }
        println!(
            "\nIn the bundle: {} bytes for the model ({} after brotli), {} for their borders ({}).",
            grouped(self.model_bytes as u64),
            grouped(self.model_brotli as u64),
            grouped(self.border_bytes as u64),
            grouped(self.border_brotli as u64)
        );
        if self.within {
            println!("Neither AUC nor log loss moved by more than {}.", self.tolerance);
        } else {
            println!(
                "Refused: AUC or log loss moved by more than {}; keep leaves in 16 bits, allow more `--borders`, or a larger `--tolerance`.",
                self.tolerance
            );
        }
    }
}

fn brotli(bytes: &[u8]) -> anyhow::Result<usize> {
    let mut small = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut small, 4096, 11, 22);
    writer.write_all(bytes)?;
    drop(writer);
    Ok(small.len())
}
