//! Are the arms alike in what was known before? In a trial they are, but for chance: a column that differs was written after the treatment, or nobody drew.

use petitfour_training::Values;
use serde::Serialize;

use crate::estimate::moments;
use crate::trial::Trial;

/// Standard errors from which on a difference is no chance: one in 16,000 of all columns, levels and arms.
pub const SUSPECT: f64 = 4.0;

/// A column that differs between an arm and the control.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Imbalance {
    /// The column.
    pub column: String,
    /// Its level, or `missing`; of numbers, nothing.
    pub level: Option<String>,
    /// The arm.
    pub arm: usize,
    /// How many standard errors it is higher in that arm.
    pub errors: f64,
}

/// For each column that differs by [`SUSPECT`] standard errors and more, where it does most, the worst column first.
#[must_use]
pub fn imbalances(trial: &Trial) -> Vec<Imbalance> {
    let mut found = Vec::new();
    for column in &trial.table.columns {
        let mut worst: Option<Imbalance> = None;
        let mut look = |level: Option<String>, of: &dyn Fn(f64) -> Option<f64>| {
            let values: Vec<Vec<f64>> = (0..trial.arms.len())
                .map(|arm| {
                    let rows = trial.rows_of(&[arm]).into_iter();
                    rows.filter_map(|row| of(column.values.get(row).copied().unwrap_or(f64::NAN))).collect()
                })
                .collect();
            let Some((control, treated)) = values.split_first() else { return };
            for (place, treated) in treated.iter().enumerate() {
                let errors = errors(treated, control);
                if errors.abs() >= SUSPECT && worst.as_ref().is_none_or(|worst| errors.abs() > worst.errors.abs()) {
                    worst =
                        Some(Imbalance { column: column.name.clone(), level: level.clone(), arm: place + 1, errors });
                }
            }
        };
        match &column.kind {
            Values::Numbers => look(None, &|value| (!value.is_nan()).then_some(value)),
            Values::Levels(levels) if levels.len() <= 100 => {
                for (number, level) in levels.iter().enumerate() {
                    look(Some(level.clone()), &|value| Some(f64::from(u8::from(value == number as f64))));
                }
            }
            Values::Levels(_) => {}
        }
        look(Some("missing".to_owned()), &|value| Some(f64::from(u8::from(value.is_nan()))));
        found.extend(worst);
    }
    found.sort_by(|one: &Imbalance, other: &Imbalance| other.errors.abs().total_cmp(&one.errors.abs()));
    found
}

/// The difference of two means in standard errors; of few rows, none.
fn errors(one: &[f64], other: &[f64]) -> f64 {
    let (Some(first), Some(second)) = (moments(one), moments(other)) else { return 0.0 };
    let variance = first.1 / one.len() as f64 + second.1 / other.len() as f64;
    if variance > 0.0 && one.len() >= 30 && other.len() >= 30 { (first.0 - second.0) / variance.sqrt() } else { 0.0 }
}
