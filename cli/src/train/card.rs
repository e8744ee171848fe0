//! What a model card says, for people and for machines.

use petitfour_training::{
    Asked, Bin, By, Calibrated, Drift, FALL, Kind, Leak, MOVED, Measures, Settings, Study, Table,
};
use serde::Serialize;

/// Where the rows came from, and when they were learned from.
#[derive(Debug, Serialize)]
pub(super) struct Origin {
    pub files: Vec<String>,
    /// Of all files one after the other, hexadecimal.
    pub sha256: String,
    /// `YYYY-MM-DD`.
    pub date: String,
}

/// A model card.
#[derive(Debug, Serialize)]
pub(super) struct Card {
    pub origin: Origin,
    pub target: String,
    pub positive: String,
    pub rows_read: u64,
    pub rows_used: usize,
    pub dropped: Vec<String>,
    pub parts: Parts,
    pub recommended: Kind,
    pub trees: Model,
    pub linear: Model,
    /// What calibration does to the recommended model.
    pub calibrated: Option<Calibrated>,
    pub grown: Grown,
    pub columns: Vec<Asked>,
    pub drift: Drift,
    pub leaks: Vec<Leak>,
    pub warnings: Vec<String>,
    pub notes: Vec<String>,
    pub settings: Settings,
}

/// How rows were parted.
#[derive(Debug, Serialize)]
pub(super) struct Parts {
    pub by: By,
    pub learned_from: usize,
    pub said_when_to_stop: usize,
    pub held_out: usize,
}

/// One model.
#[derive(Debug, Serialize)]
pub(super) struct Model {
    pub file: &'static str,
    /// On the rows held out.
    pub measures: Measures,
}

/// The size of the trees.
#[derive(Debug, Serialize)]
pub(super) struct Grown {
    pub trees: usize,
    pub leaves: usize,
}

/// Distance of answers and rates from which on a card warns.
const OFF: f64 = 0.05;

impl Card {
    pub(super) fn of(table: &Table, study: &Study, settings: &Settings, origin: Origin, dropped: &[String]) -> Self {
        let (target, positive) = table.target.clone();
        Self {
            origin,
            target,
            positive,
            rows_read: table.rows_read,
            rows_used: table.len(),
            dropped: dropped.to_vec(),
            parts: Parts {
                by: study.split.by,
                learned_from: study.split.train.len(),
                said_when_to_stop: study.split.validation.len(),
                held_out: study.split.holdout.len(),
            },
            recommended: study.recommended,
            trees: Model { file: "model.txt", measures: study.trees_held.clone() },
            linear: Model { file: "linear.json", measures: study.linear_held.clone() },
            calibrated: study.calibrated.clone(),
            grown: Grown { trees: study.forest.trees.len(), leaves: study.forest.leaves() },
            columns: study.columns.clone(),
            drift: study.drift.clone(),
            leaks: study.leaks.clone(),
            warnings: warnings(table, study),
            notes: table.notes.clone(),
            settings: *settings,
        }
    }

    /// The file of the model to take.
    pub(super) fn file(&self) -> &'static str {
        self.best().file
    }

    /// The model to take.
    pub(super) fn best(&self) -> &Model {
        match self.recommended {
            Kind::Trees => &self.trees,
            Kind::Linear => &self.linear,
        }
    }

    /// The calibration of the model to take.
    pub(super) fn calibration(&self) -> &[Bin] {
        &self.best().measures.calibration
    }
}

fn warnings(table: &Table, study: &Study) -> Vec<String> {
    let mut told = Vec::new();
    for leak in &study.leaks {
        let without = leak.without.map_or_else(String::new, |without| {
            format!(" without it the trees fall from {:.3} to {without:.3};", study.trees_seen.auc)
        });
        told.push(format!(
            "`{0}` may know what it is to tell: alone it has AUC {1:.3},{without} if it is written after or because of `{2}`, train with --drop {0}",
            leak.name, leak.alone, table.target.0
        ));
    }
    if study.split.by == By::Random {
        told.push(
            "rows were parted at random, which flatters: what comes later is less like them; name a column with --time, or say --order-is-time"
                .to_owned(),
        );
    }
    if study.drift.alarm {
        told.push(drifted(&study.drift));
    }
    let held = study.held();
    if held.auc - 2.0 * held.auc_error <= 0.5 {
        told.push(format!(
            "AUC {:.3} ± {:.3} is no better than chance: there may be nothing to learn, or too few rows",
            held.auc,
            2.0 * held.auc_error
        ));
    } else if held.log_loss >= held.log_loss_of_rate {
        told.push(format!(
            "log loss {:.4} is no better than that of always saying the rate, {:.4}: take the order of the answers, not the answers",
            held.log_loss, held.log_loss_of_rate
        ));
    }
    if held.calibration_error > OFF {
        told.push(format!(
            "answers are {:.1} points off the rates in the mean: they rank, and are no probabilities; train again on newer rows",
            held.calibration_error * 100.0
        ));
    }
    told
}

fn drifted(drift: &Drift) -> String {
    let mut why = Vec::new();
    let moved: Vec<String> =
        drift.moved().take(5).map(|column| format!("{} ({:.2})", column.name, column.stability_index)).collect();
    if !moved.is_empty() {
        let more = drift.moved().count() - moved.len();
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        why.push(format!("stability index {MOVED} or more of {}{rest}", moved.join(", ")));
    }
    if drift.fall > drift.bound {
        why.push(format!("AUC falls by {:.3}, more than {FALL} and than chance explains", drift.fall));
    }
    format!(
        "drift: the rows held out are not as those that were learned from: {}; the rate went from {:.1}% to {:.1}%; train again often, on what is newest",
        why.join("; "),
        drift.rates.0 * 100.0,
        drift.rates.1 * 100.0
    )
}
