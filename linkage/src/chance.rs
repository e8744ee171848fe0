//! u: how often records of two different people agree by chance.
//!
//! Counted on random pairs for all values together, and for each value on its own. Once there are groups, pairs within
//! one are left out, since they do not agree by chance; and the frequency of a term counts people, not records, so that
//! somebody with twenty records does not make his own name common.

#![expect(clippy::indexing_slicing, reason = "indices are made here, from the lengths of what they index")]

use rayon::prelude::*;

use crate::{
    block::mix,
    records::{MISSING, Measure, NONE},
};

/// Random pairs on which the u of all values is counted.
const SAMPLE: u64 = 400_000;
/// Random records against which each value's own u is counted: 400 tell a share of 1 % from one of 3 %.
const NEIGHBOURS: usize = 400;
/// Records that the u of all values counts for in that of one.
const SHRINK: f64 = 40.0;

/// Chance agreement by one measure.
#[derive(Clone, Debug)]
pub struct Chance {
    /// Probability of each level.
    pub u: Vec<f64>,
    /// Share of people (of records, before there are groups) that have each term.
    pub frequency: Vec<f64>,
    /// For each value, the probability of each level: `values × levels`.
    pub own: Vec<f32>,
}

/// Counts that do not depend on groups or aliases: most of the work, done once.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Random pairs at each level.
    overall: Vec<u64>,
    /// The records that stand for all.
    picked: Vec<u32>,
    /// Records of those at each level to each value: `values × levels`.
    own: Vec<u16>,
    /// A record that has each value.
    first: Vec<u32>,
}

impl Tally {
    /// Counts one measure.
    pub fn count(measure: &Measure, sample: &[(u32, u32)]) -> Self {
        let id = |at: usize| u32::try_from(at).unwrap_or(NONE);
        let with: Vec<u32> = measure.said().map(|(record, _)| id(record)).collect();
        let mut first = vec![NONE; measure.values.len()];
        for record in with.iter().rev() {
            first[measure.of[*record as usize] as usize] = *record;
        }
        let picked: Vec<u32> = if with.len() <= NEIGHBOURS {
            with
        } else {
            let draw = |draw: u64| usize::try_from(mix(0x5eed ^ draw) % with.len() as u64).unwrap_or_default();
            (0..NEIGHBOURS as u64).map(|at| with[draw(at)]).collect()
        };
        let levels = measure.levels();
        let row = |value: usize| {
            let mut counts = vec![0_u16; levels];
            for other in &picked {
                let level = measure.likeness(id(value), measure.of[*other as usize]);
                if level != MISSING {
                    counts[usize::from(level)] += 1;
                }
            }
            counts
        };
        let own = (0..measure.values.len()).into_par_iter().map(row).collect::<Vec<_>>().concat();
        let some = |pairs: &[(u32, u32)]| {
            let mut counts = vec![0_u64; levels];
            for (a, b) in pairs {
                let level = measure.likeness(measure.of[*a as usize], measure.of[*b as usize]);
                if level != MISSING {
                    counts[usize::from(level)] += 1;
                }
            }
            counts
        };
        let add = |a: Vec<u64>, b: Vec<u64>| a.iter().zip(&b).map(|(a, b)| a + b).collect();
        let overall = sample.par_chunks(10_000).map(some).reduce(|| vec![0; levels], add);
        Self { overall, picked, own, first }
    }

    /// Chance agreement, with the groups and aliases that are known by now.
    pub fn chance(&self, measure: &Measure, sample: &[(u32, u32)], groups: Option<&[u32]>) -> Chance {
        let u = self.overall(measure, sample, groups);
        let own = self.own(measure, &u, groups);
        Chance { frequency: frequency(measure, groups), u, own }
    }

    fn overall(&self, measure: &Measure, sample: &[(u32, u32)], groups: Option<&[u32]>) -> Vec<f64> {
        let mut counts = self.overall.clone();
        if let Some(groups) = groups {
            for (a, b) in sample {
                let (x, y) = (measure.of[*a as usize], measure.of[*b as usize]);
                correct(
                    measure,
                    &mut counts,
                    (x, y),
                    groups[*a as usize] == groups[*b as usize],
                    |n| *n -= 1,
                    |n| *n += 1,
                );
            }
        }
        let all: u64 = counts.iter().sum();
        // Half a pair in each level: what was not seen in so many pairs may still happen.
        let levels = counts.len() as f64;
        counts.iter().map(|count| (*count as f64 + 0.5) / (all as f64 + 0.5 * levels)).collect()
    }

    /// For each value, how often a random record of somebody else stands at each level to it. Whose a value is, its
    /// first record tells: right for what is rare, and what is common needs no such care.
    fn own(&self, measure: &Measure, u: &[f64], groups: Option<&[u32]>) -> Vec<f32> {
        let levels = measure.levels();
        let row = |(value, counts): (usize, &[u16])| -> Vec<f32> {
            let mut counts = counts.to_vec();
            if let Some(groups) = groups {
                let group = groups[self.first[value] as usize];
                for other in &self.picked {
                    let pair = (u32::try_from(value).unwrap_or(NONE), measure.of[*other as usize]);
                    correct(measure, &mut counts, pair, groups[*other as usize] == group, |n| *n -= 1, |n| *n += 1);
                }
            }
            let all: f64 = counts.iter().copied().map(f64::from).sum();
            let share = |(count, u): (&u16, &f64)| (f64::from(*count) + SHRINK * u) / (all + SHRINK);
            #[expect(clippy::cast_possible_truncation, reason = "a share needs no more than 24 bits")]
            counts.iter().zip(u).map(|of| share(of) as f32).collect()
        };
        self.own.par_chunks_exact(levels).enumerate().map(row).collect::<Vec<_>>().concat()
    }
}

/// Takes a pair out of counts when it is one person's, and moves it to the aliases when its terms are.
fn correct<N>(
    measure: &Measure,
    counts: &mut [N],
    (a, b): (u32, u32),
    together: bool,
    less: impl Fn(&mut N),
    more: impl Fn(&mut N),
) {
    let known = a != NONE && b != NONE;
    if !known || !(together || !measure.aliases.is_empty() && measure.stands_for(a, b)) {
        return;
    }
    let likeness = measure.likeness(a, b);
    let level = measure.aliased(likeness, a, b);
    if likeness == MISSING || (!together && level == likeness) {
        return;
    }
    less(&mut counts[usize::from(likeness)]);
    if !together {
        more(&mut counts[usize::from(level)]);
    }
}

/// Random pairs of different records; all of them where there are few.
pub fn sample(records: usize) -> Vec<(u32, u32)> {
    let n = records as u64;
    let id = |record: u64| u32::try_from(record).unwrap_or(NONE);
    if n * n.saturating_sub(1) / 2 <= SAMPLE {
        return (0..n).flat_map(|a| (a + 1..n).map(move |b| (id(a), id(b)))).collect();
    }
    (0..SAMPLE).map(|draw| (id(mix(2 * draw) % n), id(mix(2 * draw + 1) % n))).filter(|(a, b)| a != b).collect()
}

fn frequency(measure: &Measure, groups: Option<&[u32]>) -> Vec<f64> {
    let mut counts = vec![0.0_f64; measure.terms];
    let said = measure.said();
    match groups {
        None => said.for_each(|(_, term)| counts[term as usize] += 1.0),
        Some(groups) => {
            // A person counts once, shared out over what his records say.
            let mut said: Vec<(u32, u32)> = said.map(|(record, term)| (groups[record], term)).collect();
            said.sort_unstable();
            for person in said.chunk_by(|a, b| a.0 == b.0) {
                for (_, term) in person {
                    counts[*term as usize] += 1.0 / person.len() as f64;
                }
            }
        }
    }
    let all: f64 = counts.iter().sum::<f64>().max(1.0);
    // Half a person more: what was seen once may be commoner than that.
    counts.iter().map(|count| ((count + 0.5) / (all + 1.0)).min(1.0)).collect()
}
