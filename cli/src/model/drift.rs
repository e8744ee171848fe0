//! What counts for a model over many rows, and whether they are still like those of before.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{anyhow, bail};
use petitfour_models::contribution::Explainer;
use petitfour_models::drift::{self, Stability, Tally, Verdict};
use petitfour_models::{Forest, Rows};
use serde::Serialize;

use super::why::bar;
use crate::simulate::{recorded::unzipped, summary::grouped};

/// Bins of the old scores.
const TENTHS: usize = 10;

/// What many rows come to.
struct Seen {
    rows: u64,
    scores: Vec<f64>,
    /// For each feature: the sum of its contributions, of their sizes, and its values in the model's bins.
    features: Vec<(f64, f64, Tally)>,
}

/// The answer to `--importance`.
#[derive(Debug, Serialize)]
struct Importance {
    rows: u64,
    mean_score: f64,
    /// The largest first.
    features: Vec<Weight>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<Drift>,
}

#[derive(Debug, Serialize)]
struct Weight {
    feature: String,
    /// The mean size of its contributions, in units of the score.
    mean_size: f64,
    /// The mean of its contributions.
    mean: f64,
}

/// How the rows differ from those of before.
#[derive(Debug, Serialize)]
struct Drift {
    old_rows: u64,
    old_mean_score: f64,
    /// Of the score, by tenths of the old ones.
    score: Index,
    /// The largest index first; features that the model never asks are left out.
    features: Vec<Shift>,
}

#[derive(Debug, Serialize)]
struct Shift {
    feature: String,
    #[serde(flatten)]
    index: Index,
    /// By how much its mean contribution moved; these add up to how far the mean score did.
    mean_shift: f64,
}

#[derive(Debug, Serialize)]
struct Index {
    psi: f64,
    bins: usize,
    /// What the index stays below in 95 of 100 cases where nothing has changed.
    noise: f64,
    verdict: &'static str,
}

/// What counts over the rows of a file, beside those of another one where there is one: as text, or JSON.
pub(super) fn told(
    explainer: &Explainer<'_>,
    rows: &Path,
    against: Option<&Path>,
    json: bool,
) -> anyhow::Result<String> {
    let seen = Seen::of(explainer, rows)?;
    let old = against.map(|path| Seen::of(explainer, path)).transpose()?;
    let importance = Importance::of(explainer.forest(), &seen, old.as_ref());
    Ok(if json { serde_json::to_string_pretty(&importance)? } else { importance.told() })
}

impl Seen {
    fn of(explainer: &Explainer<'_>, path: &Path) -> anyhow::Result<Self> {
        let forest = explainer.forest();
        let name = path.display();
        let told = |fault| anyhow!("{name}: {fault}");
        let mut rows = Rows::open(unzipped(path)?, &forest.features).map_err(told)?;
        let features = (0..forest.features.len()).map(|feature| (0.0, 0.0, Tally::of(forest, feature))).collect();
        let mut seen = Self { rows: 0, scores: Vec::new(), features };
        let mut row = Vec::new();
        while rows.next_row(&mut row).map_err(told)? {
            seen.rows += 1;
            seen.scores.push(forest.raw(&row));
            let parts = seen.features.iter_mut().zip(explainer.contributions(&row)).zip(&row);
            for (((sum, sizes, tally), contribution), value) in parts {
                *sum += contribution;
                *sizes += contribution.abs();
                tally.add(*value);
            }
        }
        if seen.rows == 0 {
            bail!("{name} has no row");
        }
        Ok(seen)
    }

    fn mean(&self, sum: f64) -> f64 {
        sum / self.rows as f64
    }

    fn mean_score(&self) -> f64 {
        self.mean(self.scores.iter().sum())
    }
}

impl Importance {
    fn of(forest: &Forest, seen: &Seen, old: Option<&Seen>) -> Self {
        let named = forest.features.iter().zip(&seen.features);
        let mut features: Vec<Weight> = named
            .clone()
            .map(|(feature, (sum, sizes, _))| Weight {
                feature: feature.name.clone(),
                mean_size: seen.mean(*sizes),
                mean: seen.mean(*sum),
            })
            .collect();
        features.sort_by(|one, other| other.mean_size.total_cmp(&one.mean_size));
        let drift = old.map(|old| {
            let asked = |number: usize| {
                forest.terms.iter().any(|term| term.feature == number)
                    || forest.trees.iter().any(|tree| tree.splits.iter().any(|split| split.feature == number))
            };
            let both = named.zip(&old.features).enumerate().filter(|(number, _)| asked(*number));
            let mut shifts: Vec<Shift> = both
                .map(|(_, ((feature, (sum, _, tally)), (old_sum, _, old_tally)))| Shift {
                    feature: feature.name.clone(),
                    index: Index::of(drift::stability(old_tally, tally)),
                    mean_shift: seen.mean(*sum) - old.mean(*old_sum),
                })
                .collect();
            shifts.sort_by(|one, other| other.index.psi.total_cmp(&one.index.psi));
            let score = Index::of(scores(&old.scores, &seen.scores));
            Drift { old_rows: old.rows, old_mean_score: old.mean_score(), score, features: shifts }
        });
        Self { rows: seen.rows, mean_score: seen.mean_score(), features, drift }
    }

    fn told(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "mean size of contributions over {} rows, in units of the score\n", grouped(self.rows));
        let wide = self.features.iter().map(|weight| weight.feature.chars().count()).max().unwrap_or_default();
        let most = self.features.first().map_or(0.0, |weight| weight.mean_size);
        for Weight { feature, mean_size, .. } in &self.features {
            let _ = writeln!(out, "{feature:<wide$}  {mean_size:8.4}  {}", bar(*mean_size, most));
        }
        let Some(drift) = &self.drift else { return out };
        let Drift { old_rows, old_mean_score, score, features } = drift;
        let _ = writeln!(
            out,
            "\ndrift against {} old rows: population stability index over the model's own bins, look from {}, drifted from {}",
            grouped(*old_rows),
            drift::LOOK,
            drift::DRIFTED
        );
        let _ = writeln!(
            out,
            "mean score {:.4}, before {old_mean_score:.4}: {:+.4}\n",
            self.mean_score,
            self.mean_score - old_mean_score
        );
        let _ = writeln!(out, "{:<wide$}  {:>8}  {:>8}  {:>4}  {:>8}  verdict", "", "index", "chance", "bins", "shift");
        let score_shift = self.mean_score - old_mean_score;
        let rows = features.iter().map(|shift| (shift.feature.as_str(), &shift.index, shift.mean_shift));
        for (feature, Index { psi, bins, noise, verdict }, shift) in
            [("the score", score, score_shift)].into_iter().chain(rows)
        {
            let _ = writeln!(out, "{feature:<wide$}  {psi:8.4}  {noise:8.4}  {bins:>4}  {shift:+8.4}  {verdict}");
        }
        let _ = writeln!(out, "\n{}", drift.summary());
        out
    }
}

impl Drift {
    /// The verdicts in a sentence.
    fn summary(&self) -> String {
        let those = |wanted: &str| {
            let found = self.features.iter().filter(|shift| shift.index.verdict == wanted);
            found.map(|shift| shift.feature.as_str()).collect::<Vec<_>>().join(", ")
        };
        let mut said = vec![
            match self.score.verdict {
                "steady" => "Scores are spread as before.",
                "look" => "Scores are spread otherwise than before: look at what has changed.",
                "drifted" => "Scores are spread quite otherwise than before: train anew, or find what has changed.",
                _ => "There are too few rows to tell whether scores are spread as before.",
            }
            .to_owned(),
        ];
        for (verdict, told) in [
            ("drifted", "Other people than before by"),
            ("look", "To look at"),
            ("cannot tell", "Too few rows to tell of"),
        ] {
            let names = those(verdict);
            if !names.is_empty() {
                said.push(format!("{told}: {names}."));
            }
        }
        said.join(" ")
    }
}

impl Index {
    fn of(found: Stability) -> Self {
        let verdict = match found.verdict() {
            Verdict::Steady => "steady",
            Verdict::Look => "look",
            Verdict::Drifted => "drifted",
            Verdict::CannotTell => "cannot tell",
        };
        Self { psi: found.index, bins: found.bins, noise: found.noise, verdict }
    }
}

/// Scores by tenths of the old ones.
fn scores(old: &[f64], new: &[f64]) -> Stability {
    let mut sorted = old.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut borders: Vec<f64> =
        (1..TENTHS).filter_map(|tenth| sorted.get(tenth * sorted.len() / TENTHS).copied()).collect();
    borders.dedup();
    let (mut before, mut after) = (Tally::between(borders.clone()), Tally::between(borders));
    old.iter().for_each(|score| before.add(*score));
    new.iter().for_each(|score| after.add(*score));
    drift::stability(&before, &after)
}
