//! m: how often two records of one person agree, found without labels by expectation-maximisation.
//!
//! One pass for each blocking rule, over the candidates that it found. What the rule holds fixed always agrees there
//! and is left out; a measure's m comes from the expected counts of all passes that left it free. Once there are
//! groups, m is counted within them.
//!
//! A latent class need not be *one person*: among strangers, "from one village" splits the pairs as well. So m starts
//! from a guess that one person's records mostly agree, the guess stays in as [`GUESS`] pairs, and no measure may find
//! one person's records different oftener than [`MOST_DIFFERENT`]. Among the 2,625 different people of the historical
//! set that leaves 1 false pair of 1,186.

#![expect(clippy::indexing_slicing, reason = "indices are made here, from the lengths of what they index")]

use std::collections::BTreeMap;

use crate::{
    block::Candidates,
    chance::{self, Tally},
    model::{Learned, Model},
    records::{MISSING, Measure, NONE, Records},
};

/// Pairs that the first guess of m counts for.
const GUESS: f64 = 50.0;
/// Share of one person's pairs that may be at a measure's last level.
const MOST_DIFFERENT: f64 = 0.2;
/// Passes end when no m moves by more.
const SETTLED: f64 = 1e-5;
/// Or after so many steps.
const STEPS: usize = 100;
/// Pairs of one group that are counted: nobody's habits count a thousandfold.
const PAIRS: usize = 300;

/// What is counted once for all rounds.
#[derive(Debug)]
pub struct Sampled {
    /// Random pairs.
    pairs: Vec<(u32, u32)>,
    /// For each measure.
    tallies: Vec<Tally>,
}

impl Sampled {
    /// Draws and counts; says each measure that is done.
    pub fn new(records: &Records, done: impl Fn()) -> Self {
        let pairs = chance::sample(records.len());
        let count = |measure: &Measure| {
            let tally = Tally::count(measure, &pairs);
            done();
            tally
        };
        let tallies = records.measures.iter().map(count).collect();
        Self { pairs, tallies }
    }
}

/// Pairs with one pattern of levels, and how many there are.
type Pattern = (Vec<u8>, f64);

impl Model {
    /// Trains from records and candidates alone; with the groups of an earlier round, from those too.
    ///
    /// `levels` is row-major, `candidates × measures`.
    pub fn train(
        records: &Records,
        candidates: &Candidates,
        levels: &[u8],
        sampled: &Sampled,
        groups: Option<&[u32]>,
    ) -> Self {
        let learn = |(measure, tally): (&Measure, &Tally)| {
            let chance = tally.chance(measure, &sampled.pairs, groups);
            Learned { m: guess(measure.levels()), chance }
        };
        let measures: Vec<Learned> = records.measures.iter().zip(&sampled.tallies).map(learn).collect();
        let mut model = Self { prior: 1.0 / records.len().max(2) as f64, measures };
        let counts = match groups {
            None => model.expect(candidates, levels),
            Some(groups) => model.within(records, groups),
        };
        for (measure, counts) in model.measures.iter_mut().zip(&counts) {
            measure.m = shares(counts);
        }
        model.settle_prior(records, candidates, levels);
        model
    }

    /// Expected counts of one person's pairs by measure and level, over the passes of all rules.
    fn expect(&self, candidates: &Candidates, levels: &[u8]) -> Vec<Vec<f64>> {
        let width = self.measures.len();
        let mut sums: Vec<Vec<f64>> = self.measures.iter().map(|measure| vec![0.0; measure.m.len()]).collect();
        for (rule, found) in candidates.rules.iter().enumerate() {
            let free: Vec<usize> = (0..width).filter(|at| !found.measures.contains(at)).collect();
            // One measure alone splits its pairs any way one likes.
            if free.len() < 2 {
                continue;
            }
            let bit = 1_u64 << rule;
            let rows = levels.chunks_exact(width.max(1)).zip(&candidates.rules_of);
            let patterns = patterns(rows.filter(|(_, rules)| *rules & bit != 0).map(|(row, _)| row));
            for (measure, counts) in free.iter().zip(self.pass(&patterns, &free)) {
                for (sum, count) in sums[*measure].iter_mut().zip(counts) {
                    *sum += count;
                }
            }
        }
        sums
    }

    /// Expectation-maximisation over patterns; expected counts of one person's pairs by level, for each free measure.
    fn pass(&self, patterns: &[Pattern], free: &[usize]) -> Vec<Vec<f64>> {
        let mut m: Vec<Vec<f64>> = free.iter().map(|at| self.measures[*at].m.clone()).collect();
        let mut counts = Vec::new();
        let mut share = 0.1_f64;
        for _ in 0..STEPS {
            counts = m.iter().map(|m| vec![0.0; m.len()]).collect::<Vec<Vec<f64>>>();
            let (mut matches, mut all) = (0.0, 0.0);
            for (pattern, times) in patterns {
                let said = || free.iter().map(|at| pattern[*at]).enumerate().filter(|(_, level)| *level != MISSING);
                let mut odds = share / (1.0 - share);
                for (place, level) in said() {
                    let at = usize::from(level);
                    odds *= m[place][at] / self.measures[free[place]].chance.u[at];
                }
                let expected = times * odds / (1.0 + odds);
                matches += expected;
                all += times;
                for (place, level) in said() {
                    counts[place][usize::from(level)] += expected;
                }
            }
            let mut moved = 0.0_f64;
            for (m, counts) in m.iter_mut().zip(&counts) {
                let next = shares(counts);
                moved = m.iter().zip(&next).map(|(old, new)| (old - new).abs()).fold(moved, f64::max);
                *m = next;
            }
            share = (matches / all.max(1.0)).clamp(1e-6, 0.999);
            if moved < SETTLED {
                break;
            }
        }
        counts
    }

    /// Counts of pairs within groups by measure and level.
    fn within(&self, records: &Records, groups: &[u32]) -> Vec<Vec<f64>> {
        let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (record, group) in groups.iter().enumerate() {
            members.entry(*group).or_default().push(u32::try_from(record).unwrap_or(NONE));
        }
        let mut sums: Vec<Vec<f64>> = self.measures.iter().map(|measure| vec![0.0; measure.m.len()]).collect();
        for members in members.values() {
            let pairs =
                members.iter().enumerate().flat_map(|(at, a)| members.iter().skip(at + 1).map(move |b| (*a, *b)));
            for (a, b) in pairs.take(PAIRS) {
                for (measure, sums) in sums.iter_mut().enumerate() {
                    let level = records.level(measure, a, b);
                    if level != MISSING {
                        sums[usize::from(level)] += 1.0;
                    }
                }
            }
        }
        sums
    }
}

/// A first m: nine tenths for equal values, the rest halved from level to level.
fn guess(levels: usize) -> Vec<f64> {
    let halves = |level: usize| 0.5_f64.powi(i32::try_from(level).unwrap_or(i32::MAX));
    let weights: Vec<f64> = (0..levels).map(|level| if level == 0 { 8.0 } else { halves(level) }).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// Counts as shares, with the guess among them and the last level kept to [`MOST_DIFFERENT`].
fn shares(counts: &[f64]) -> Vec<f64> {
    let guess = guess(counts.len());
    let all: f64 = counts.iter().sum::<f64>() + GUESS;
    let mut shares: Vec<f64> = counts.iter().zip(&guess).map(|(count, guess)| (count + GUESS * guess) / all).collect();
    let (different, least) = (shares[counts.len() - 1], guess[counts.len() - 1]);
    if different > MOST_DIFFERENT {
        let part = (different - MOST_DIFFERENT) / (different - least);
        for (share, guess) in shares.iter_mut().zip(&guess) {
            *share += part * (guess - *share);
        }
    }
    shares
}

fn patterns<'a>(rows: impl Iterator<Item = &'a [u8]>) -> Vec<Pattern> {
    // Ordered, so that sums are added up in one order whatever the run.
    let mut counts: BTreeMap<u128, f64> = BTreeMap::new();
    let mut width = 0;
    for row in rows {
        width = row.len();
        let packed = row.iter().fold(0_u128, |packed, level| packed << 4 | u128::from(*level));
        *counts.entry(packed).or_default() += 1.0;
    }
    let level = |packed: u128, at: usize| u8::try_from(packed >> (4 * at) & 15).unwrap_or(MISSING);
    let unpack = |packed: u128| (0..width).rev().map(|at| level(packed, at)).collect();
    counts.into_iter().map(|(packed, times)| (unpack(packed), times)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{block::mix, chance::Chance};

    /// A model of three measures of two levels each, whose u is known.
    fn model(u: [f64; 3]) -> Model {
        let learned = |u: f64| Learned {
            m: guess(2),
            chance: Chance { u: vec![u, 1.0 - u], frequency: Vec::new(), own: Vec::new() },
        };
        Model { prior: 0.01, measures: u.map(learned).into() }
    }

    /// Patterns of so many pairs, a share of them matches that agree with probability m.
    fn drawn(pairs: u64, share: f64, m: [f64; 3], u: [f64; 3]) -> Vec<Pattern> {
        let uniform = |draw: u64| (mix(draw) >> 11) as f64 / (1_u64 << 53) as f64;
        let rows: Vec<Vec<u8>> = (0..pairs)
            .map(|pair| {
                let agrees = if uniform(4 * pair) < share { m } else { u };
                (0..3).map(|at| u8::from(uniform(4 * pair + 1 + at as u64) >= agrees[at])).collect()
            })
            .collect();
        patterns(rows.iter().map(Vec::as_slice))
    }

    #[test]
    fn expectation_maximisation_finds_the_m_that_drew_the_pairs() {
        let (m, u) = ([0.95, 0.85, 0.9], [0.05, 0.1, 0.02]);
        let counts = model(u).pass(&drawn(100_000, 0.3, m, u), &[0, 1, 2]);
        for (counts, m) in counts.iter().zip(m) {
            let found = counts[0] / (counts[0] + counts[1]);
            assert!((found - m).abs() < 0.01, "{found} for {m}");
        }
    }

    #[test]
    fn a_measure_that_a_rule_holds_fixed_learns_nothing_from_it() {
        let (m, u) = ([0.95, 0.85, 0.9], [0.05, 0.1, 0.02]);
        assert_eq!(model(u).pass(&drawn(1_000, 0.3, m, u), &[1, 2]).len(), 2);
    }

    #[test]
    fn without_counts_m_is_the_guess() {
        for (share, guess) in shares(&[0.0; 5]).iter().zip(guess(5)) {
            assert!((share - guess).abs() < 1e-12);
        }
    }

    #[test]
    fn one_persons_records_never_count_as_mostly_different() {
        let shares = shares(&[10.0, 0.0, 1e6]);
        assert!((shares[2] - MOST_DIFFERENT).abs() < 1e-9 && shares[0] > 0.5);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn patterns_keep_levels_and_count_pairs() {
        let rows: [&[u8]; 3] = [&[0, 15, 3], &[1, 0, 2], &[0, 15, 3]];
        assert_eq!(patterns(rows.into_iter()), [(vec![0, 15, 3], 2.0), (vec![1, 0, 2], 1.0)]);
    }
}
