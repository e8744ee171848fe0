//! Answers that are probabilities again: by what `petitfour train` wrote, or by the rows at hand, each half of them by the other.

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use petitfour_models::calibration::{Calibration, Held, Line};
use petitfour_models::{Forest, Link, metric};
use serde::{Deserialize, Serialize};

/// What `petitfour train` writes: a calibration, and of which model it is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Calibrating {
    pub(crate) model: String,
    #[serde(flatten)]
    pub(crate) calibration: Calibration,
}

impl Calibrating {
    /// Reads it, for a model whose sum is log-odds.
    pub(super) fn read(path: &Path, forest: &Forest) -> anyhow::Result<Self> {
        let name = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        let read: Self = serde_json::from_str(&text)
            .map_err(|error| anyhow!("{name}: no calibration: {error}; `petitfour train` writes one"))?;
        if !read.calibration.is_monotone() {
            bail!("{name}: its table does not ascend; train the model anew");
        }
        if forest.link != (Link::Logistic { slope: 1.0 }) {
            bail!("{name}: the model's sum is not log-odds, of which a calibration is");
        }
        Ok(read)
    }

    /// The probability of log-odds, by the table.
    pub(super) fn answer(&self, odds: f64) -> f64 {
        self.calibration.table.answer(odds)
    }
}

/// What calibration does to scores whose outcome is known.
#[derive(Debug, Serialize)]
pub(super) struct Crossed {
    /// Of all rows: what a campaign file may say.
    line: Line,
    /// As they are, by a line and by a table.
    calibration_error: [f64; 3],
    brier: [f64; 3],
    log_loss: [f64; 3],
}

impl Crossed {
    /// Every second row is answered by what the others taught, and the others by them.
    pub(super) fn of(odds: &[f64], truths: &[bool]) -> Option<Self> {
        let half = |which: usize| -> Vec<Held> {
            let rows = odds.iter().zip(truths).enumerate().filter(|(row, _)| row % 2 == which);
            rows.map(|(_, (odds, truth))| (*odds, *truth, 1.0)).collect()
        };
        let (even, odd) = (half(0), half(1));
        let all: Vec<Held> = even.iter().chain(&odd).copied().collect();
        let (of_even, of_odd) = (Calibration::of(&even)?, Calibration::of(&odd)?);
        let line = Calibration::of(&all)?.line;
        let truths: Vec<bool> = all.iter().map(|(_, truth, _)| *truth).collect();
        let taught = || {
            all.iter().enumerate().map(|(row, (odds, ..))| (if row < even.len() { &of_odd } else { &of_even }, *odds))
        };
        let plain = Line { slope: 1.0, intercept: 0.0 };
        let answers: [Vec<f64>; 3] = [
            taught().map(|(_, odds)| plain.answer(odds)).collect(),
            taught().map(|(by, odds)| by.line.answer(odds)).collect(),
            taught().map(|(by, odds)| by.table.answer(odds)).collect(),
        ];
        let each = |measure: fn(&[f64], &[bool]) -> f64| answers.each_ref().map(|answers| measure(answers, &truths));
        Some(Self {
            line,
            calibration_error: each(metric::calibration_error),
            brier: each(metric::brier),
            log_loss: each(metric::log_loss),
        })
    }

    /// For people.
    pub(super) fn print(&self) {
        println!("\n{:<20}{:>12}{:>15}{:>12}", "on the device", "as it is", "by a line", "by a table");
        for (what, [plain, line, table]) in
            [("calibration error", self.calibration_error), ("Brier", self.brier), ("log loss", self.log_loss)]
        {
            println!("{what:<20}{plain:>12.5}{line:>15.5}{table:>12.5}");
        }
        let Line { slope, intercept } = self.line;
        println!(
            "Each half of the rows by what the other half taught. The line of all of them: `calibrate: {{ slope: {slope:.4}, intercept: {intercept:.4} }}`."
        );
    }
}
