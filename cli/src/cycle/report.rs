//! Everything that a run found, for the page and as JSON. No clock is in it: the same log, options and seed give the same bytes.

use serde::Serialize;

use super::Arguments;
use super::drift::{Drift, Part, Shipped};
use super::judge::Judged;
use super::learn::Learned;
use super::replay::Replayed;
use super::rounds::Rounds;
use crate::train::digest;

/// What a run found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub logs: Vec<String>,
    /// Of all logs one after the other, hexadecimal.
    pub sha256: String,
    pub seed: u64,
    pub order_is_time: bool,
    pub explore: f64,
    pub rounds: usize,
    pub candidates: usize,
    pub outcomes: usize,
    /// How many different things pages told.
    pub situations: usize,
    pub columns: Vec<String>,
    pub features: Vec<String>,
    /// Was every candidate as likely as any other?
    pub uniform: bool,
    pub least_probability: f64,
    pub most_probability: f64,
    pub model: Model,
    pub device: Device,
    pub judged: Judged,
    pub replayed: Replayed,
    pub notes: Vec<String>,
}

/// What was learned.
#[derive(Debug, Serialize)]
pub(super) struct Model {
    pub trees: usize,
    pub leaves: usize,
    /// Trees that helped; 0 where none does.
    pub best: usize,
    pub rounds: usize,
    pub outcomes: usize,
    /// Log loss by the number of trees, of rounds from which they were kept.
    pub losses: Vec<f64>,
    pub asked: Vec<(String, usize)>,
    pub weights_cut: Option<f64>,
    /// The same of the other half.
    pub other_best: usize,
    pub other_outcomes: usize,
}

/// What ships.
#[derive(Debug, Serialize)]
pub(super) struct Device {
    pub bits: u8,
    pub bundle_bytes: usize,
    pub bundle_brotli: usize,
    pub parts: Vec<Part>,
    pub drift: Vec<Drift>,
}

impl Report {
    pub(super) fn of(
        arguments: &Arguments,
        rounds: &Rounds,
        learned: &Learned,
        shipped: &Shipped,
        judged: Judged,
        replayed: Replayed,
    ) -> anyhow::Result<Self> {
        let probabilities = || rounds.log.rounds().iter().map(|round| round.probability);
        let own = &learned.shipped;
        Ok(Self {
            logs: arguments.logs.iter().map(|path| path.display().to_string()).collect(),
            sha256: digest(&arguments.logs)?,
            seed: arguments.seed,
            order_is_time: arguments.order_is_time,
            explore: arguments.explore,
            rounds: rounds.log.rounds().len(),
            candidates: rounds.actions.len(),
            outcomes: rounds.log.outcomes().count,
            situations: rounds.situations,
            columns: rounds.columns.iter().map(|column| column.name.clone()).collect(),
            features: rounds.features.iter().map(|column| column.name.clone()).collect(),
            uniform: rounds.is_uniform(),
            least_probability: probabilities().fold(f64::INFINITY, f64::min),
            most_probability: probabilities().fold(0.0, f64::max),
            model: Model {
                trees: own.forest.trees.len(),
                leaves: own.forest.leaves(),
                best: own.best,
                rounds: own.rounds,
                outcomes: own.outcomes,
                losses: own.losses.clone(),
                asked: own.asked(),
                weights_cut: own.cut,
                other_best: learned.other.best,
                other_outcomes: learned.other.outcomes,
            },
            device: Device {
                bits: shipped.bits,
                bundle_bytes: shipped.size.0,
                bundle_brotli: shipped.size.1,
                parts: shipped.parts.clone(),
                drift: shipped.drift.clone(),
            },
            judged,
            replayed,
            notes: rounds.notes.clone(),
        })
    }

    pub(super) fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
