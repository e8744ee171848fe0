//! What calibration does to a model: learned on the rows that say when to stop, measured on those held out.

use petitfour_models::calibration::{Calibration, Held};
use serde::Serialize;

use crate::linear::probability;
use crate::measure::Measures;
use crate::table::Table;

/// A calibration, and how far its answers are from what came, on rows that neither it nor the model saw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibrated {
    /// A line and a table.
    #[serde(skip)]
    pub calibration: Calibration,
    /// Answers as they are.
    pub before: Reliability,
    /// By the line.
    pub line: Reliability,
    /// By the table.
    pub table: Reliability,
}

/// How far answers are from what came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Reliability {
    /// Mean distance of answer and rate over ten bins of one size.
    pub calibration_error: f64,
    /// Mean square of answer minus truth.
    pub brier: f64,
    /// Mean of -ln of what was said of what happened.
    pub log_loss: f64,
}

impl Calibrated {
    /// Learns from the log-odds of `seen` and measures on those of `held`: numbers of rows, each with its log-odds.
    pub(crate) fn of(table: &Table, seen: &[(usize, f64)], held: &[(usize, f64)]) -> Option<Self> {
        let told = |rows: &[(usize, f64)]| -> Vec<Held> {
            let told =
                |(row, odds): &(usize, f64)| Some((*odds, *table.truth.get(*row)? > 0.5, *table.weights.get(*row)?));
            rows.iter().filter_map(told).collect()
        };
        let calibration = Calibration::of(&told(seen))?;
        let held = told(held);
        let (truth, weights): (Vec<f64>, Vec<f64>) =
            held.iter().map(|(_, truth, weight)| (f64::from(*truth), *weight)).unzip();
        let measured = |answer: &dyn Fn(f64) -> f64| {
            let answers: Vec<f64> = held.iter().map(|(odds, ..)| answer(*odds)).collect();
            let Measures { calibration_error, brier, log_loss, .. } = Measures::of(&answers, &truth, &weights);
            Reliability { calibration_error, brier, log_loss }
        };
        let Calibration { line, table } = &calibration;
        let (before, line, table) =
            (measured(&probability), measured(&|odds| line.answer(odds)), measured(&|odds| table.answer(odds)));
        Some(Self { calibration, before, line, table })
    }
}
