//! Scores made probabilities again, by rows of which it is known what came: by a line over log-odds, and by a monotone table.
//!
//! The table is the isotonic regression of what came on the score (Ayer, Brunk, Ewing, Reid and Silverman 1955), as Zadrozny and Elkan (2002)
//! calibrate classifiers: neighbours whose rates are in the wrong order are pooled until no two are. It takes any monotone form, and needs rows for
//! that. The line is Platt's (1999): two numbers, which a device adds to a model for nothing, since a line over a sum is one over each of its parts.
//!
//! Invariant: neither changes which of two rows scores higher; the table may let them score the same. No answer is 0 or 1.
//! Absent on purpose: choosing for the caller which rows to learn from; rows that the model learned from make either wrong.

use serde::{Deserialize, Serialize};

/// Steps of Newton's method, of which some eight are needed.
const ROUNDS: usize = 100;

/// What is learned from held-out scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Over log-odds.
    pub line: Line,
    /// Over log-odds.
    pub table: Table,
}

/// `1 / (1 + exp(-(slope · odds + intercept)))`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Below 1 where scores are too sure of themselves.
    pub slope: f64,
    /// Above 0 where more comes than is said.
    pub intercept: f64,
}

/// A monotone step function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// From these log-odds on, this probability; both ascend. Below the first, the first.
    pub steps: Vec<(f64, f64)>,
}

/// A score, whether it came true, and what the row counts.
pub type Held = (f64, bool, f64);

impl Calibration {
    /// Learns from log-odds of rows that the model did not learn from. Where all came out alike there is nothing to learn.
    #[must_use]
    pub fn of(held: &[Held]) -> Option<Self> {
        Some(Self { line: Line::of(held)?, table: Table::of(held)? })
    }

    /// Does the table calibrate: finite and ascending? The line falls where scores stood the wrong way round in the rows that it was learned from; what
    /// takes a line asks for a slope above 0 by itself.
    #[must_use]
    pub fn is_monotone(&self) -> bool {
        let ascends = |pair: &[(f64, f64)]| matches!(pair, [one, next] if one.0 < next.0 && one.1 <= next.1);
        !self.table.steps.is_empty()
            && self.table.steps.windows(2).all(ascends)
            && self.table.steps.iter().all(|(odds, rate)| odds.is_finite() && (0.0..=1.0).contains(rate))
    }
}

/// Weights of those that came true, and of the others; `None` where one is nothing.
fn kinds(held: &[Held]) -> Option<(f64, f64)> {
    let sum = |kind: bool| held.iter().filter(|(_, truth, _)| *truth == kind).map(|(.., weight)| weight).sum::<f64>();
    let (came, not) = (sum(true), sum(false));
    (came > 0.0 && not > 0.0).then_some((came, not))
}

impl Line {
    /// What log-odds become.
    #[must_use]
    pub fn odds(self, odds: f64) -> f64 {
        self.slope * odds + self.intercept
    }

    /// The probability.
    #[must_use]
    pub fn answer(self, odds: f64) -> f64 {
        1.0 / (1.0 + (-self.odds(odds)).exp())
    }

    /// The line of the greatest likelihood, by Newton's method; targets are drawn in by one row of either kind, as Platt has them.
    fn of(held: &[Held]) -> Option<Self> {
        let (came, not) = kinds(held)?;
        let target = |truth: bool| if truth { (came + 1.0) / (came + 2.0) } else { 1.0 / (not + 2.0) };
        let loss = |line: Self| -> f64 {
            let of = |(odds, truth, weight): &Held| {
                let sum = line.odds(*odds);
                weight * (sum.max(0.0) + (-sum.abs()).exp().ln_1p() - target(*truth) * sum)
            };
            held.iter().map(of).sum()
        };
        let mut line = Self { slope: 1.0, intercept: 0.0 };
        let mut least = loss(line);
        for _ in 0..ROUNDS {
            // Gradient and Hessian of the loss; a little is added to the diagonal, for scores that are all the same.
            let (mut g, mut h) = ([0.0; 2], [1e-9, 0.0, 1e-9]);
            for (odds, truth, weight) in held {
                let answer = line.answer(*odds);
                let (off, bend) = (weight * (answer - target(*truth)), weight * answer * (1.0 - answer));
                g = [g[0] + off * odds, g[1] + off];
                h = [h[0] + bend * odds * odds, h[1] + bend * odds, h[2] + bend];
            }
            let determinant = h[0] * h[2] - h[1] * h[1];
            let step = [(h[2] * g[0] - h[1] * g[1]) / determinant, (h[0] * g[1] - h[1] * g[0]) / determinant];
            let mut part = 1.0;
            let better = loop {
                let next = Self { slope: line.slope - part * step[0], intercept: line.intercept - part * step[1] };
                let own = loss(next);
                if own < least {
                    break Some((next, own));
                }
                part /= 2.0;
                if part < 1e-6 {
                    break None;
                }
            };
            let Some((next, own)) = better else { break };
            let gained = least - own;
            (line, least) = (next, own);
            if gained <= 1e-12 * least.abs() {
                break;
            }
        }
        Some(line)
    }
}

impl Table {
    /// The probability of log-odds.
    #[must_use]
    pub fn answer(&self, odds: f64) -> f64 {
        let after = self.steps.partition_point(|(from, _)| *from <= odds);
        self.steps.get(after.saturating_sub(1)).map_or(0.5, |(_, rate)| *rate)
    }

    /// Pools adjacent violators. A row of the common rate is put below all others and one above, so that no pool says never or always.
    fn of(held: &[Held]) -> Option<Self> {
        let (came, not) = kinds(held)?;
        let rate = came / (came + not);
        let mut sorted: Vec<&Held> = held.iter().filter(|(_, _, weight)| *weight > 0.0).collect();
        sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
        let least = sorted.first()?.0;
        let most = sorted.last()?.0;
        // Log-odds from which on, what came, and of how much.
        let mut pools: Vec<(f64, f64, f64)> = vec![(least - 1.0, rate, 1.0)];
        let alike = sorted.chunk_by(|one, other| one.0 == other.0).filter_map(|alike| {
            let came = alike.iter().filter(|(_, truth, _)| *truth).map(|(.., weight)| weight).sum::<f64>();
            Some((alike.first()?.0, came, alike.iter().map(|(.., weight)| weight).sum::<f64>()))
        });
        for mut pool in alike.chain(std::iter::once((most + 1.0, rate, 1.0))) {
            while let Some((from, came, all)) = pools.pop_if(|(_, came, all)| *came / *all >= pool.1 / pool.2) {
                pool = (from, came + pool.1, all + pool.2);
            }
            pools.push(pool);
        }
        // In so many decimals every number comes back from JSON as it was written.
        let mut steps: Vec<(f64, f64)> = Vec::with_capacity(pools.len());
        for (from, came, all) in pools {
            let step = ((from * 1e9).floor() / 1e9, (came / all * 1e12).round() / 1e12);
            steps.pop_if(|(before, _)| *before >= step.0);
            steps.push(step);
        }
        Some(Self { steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pools_are_those_of_paper_and_pencil() {
        // Rates 0, 1, 0, 1 | 1: the second and third are in the wrong order. One row of the rate 3/5 lies below all and one above.
        let held: Vec<Held> = [(1.0, false), (2.0, true), (3.0, false), (4.0, true), (5.0, true)]
            .map(|(odds, truth)| (odds, truth, 1.0))
            .to_vec();
        let table = Table::of(&held).unwrap();
        // Below: (3/5 + 0) / 2. Middle: 1/2. Above: (1 + 1 + 3/5) / 3.
        let wanted = [(0.0, 0.3), (2.0, 0.5), (4.0, 2.6 / 3.0)];
        assert_eq!(table.steps.len(), 3, "{table:?}");
        for (told, wanted) in table.steps.iter().zip(wanted) {
            assert!(told.0 == wanted.0 && (told.1 - wanted.1).abs() < 1e-12, "{table:?}");
        }
        assert_eq!(
            [0.0, 1.5, 3.9, 4.0, 99.0].map(|odds| (table.answer(odds) * 1e6).round()),
            [3e5, 3e5, 5e5, 866_667.0, 866_667.0]
        );
        assert_eq!(Calibration::of(&[(1.0, true, 1.0)]), None, "all came out alike");
    }

    #[test]
    fn a_line_finds_the_line_that_scores_are_off_by() {
        // As many rows of each score as the line 0.5 · odds - 1 says, of a thousand.
        let mut held: Vec<Held> = Vec::new();
        for tenth in -40..=40 {
            let odds = f64::from(tenth) / 10.0;
            let rate = 1.0 / (1.0 + (-(0.5 * odds - 1.0)).exp());
            held.push((odds, true, 1_000.0 * rate));
            held.push((odds, false, 1_000.0 * (1.0 - rate)));
        }
        let line = Line::of(&held).unwrap();
        assert!((line.slope - 0.5).abs() < 1e-3 && (line.intercept + 1.0).abs() < 1e-3, "{line:?}");
        let same = Line::of(&[(2.0, true, 1.0), (2.0, false, 3.0)]).unwrap();
        assert!(same.answer(2.0).is_finite(), "{same:?}");
    }

    /// The isotonic regression by its definition (Barlow and others 1972): the greatest, over all beginnings at or before, of the least mean over
    /// all ends at or after.
    fn defined(rates: &[(f64, f64)], at: usize) -> f64 {
        let mean = |from: usize, to: usize| {
            let part = &rates[from..=to];
            part.iter().map(|(came, _)| came).sum::<f64>() / part.iter().map(|(_, all)| all).sum::<f64>()
        };
        let least = |from: usize| (at..rates.len()).map(|to| mean(from, to)).fold(f64::INFINITY, f64::min);
        (0..=at).map(least).fold(f64::NEG_INFINITY, f64::max)
    }

    proptest! {
        #[test]
        fn a_table_is_the_isotonic_regression_by_its_definition(rows in prop::collection::vec((-5_i32..6, any::<bool>(), 1_u32..4), 2..30)) {
            let held: Vec<Held> = rows.iter().map(|(odds, truth, weight)| (f64::from(*odds), *truth, f64::from(*weight))).collect();
            let Some((came, not)) = kinds(&held) else { return Ok(()) };
            let rate = came / (came + not);
            let mut scores: Vec<f64> = held.iter().map(|(odds, ..)| *odds).collect();
            scores.sort_by(f64::total_cmp);
            scores.dedup();
            let of = |score: f64, only: bool| held.iter().filter(|(odds, truth, _)| *odds == score && (*truth || !only)).map(|(.., weight)| weight).sum::<f64>();
            let mut rates = vec![(rate, 1.0)];
            rates.extend(scores.iter().map(|score| (of(*score, true), of(*score, false))));
            rates.push((rate, 1.0));
            let table = Table::of(&held).unwrap();
            for (at, score) in scores.iter().enumerate() {
                prop_assert!((table.answer(*score) - defined(&rates, at + 1)).abs() < 1e-9, "{score}: {table:?}");
            }
            prop_assert!(Calibration::of(&held).unwrap().table.steps.iter().all(|(_, rate)| *rate > 0.0 && *rate < 1.0));
        }
    }
}
