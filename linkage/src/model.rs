//! What a level is worth in bits, and what all levels of a pair make together.
//!
//! The weight of Fellegi and Sunter is log2(m / u): how much oftener records of one person agree so far than records of
//! two. For equal values u is the frequency of that value, so that a rare surname says more than a common one. Below
//! equality, u is how many records come that near to the value, so that one digit off a common date says little.
//! Nothing is said of a missing value.

#![expect(clippy::indexing_slicing, reason = "indices are made here, from the lengths of what they index")]

use rayon::prelude::*;

use crate::{
    block::Candidates,
    chance::Chance,
    compare::{Aspect, EXACT},
    records::{MISSING, Records},
};

/// The prior settles within a ten-thousandth, or after so many steps.
const STEPS: usize = 100;

/// What training found of one measure.
#[derive(Clone, Debug)]
pub struct Learned {
    /// Probability of each level for two records of one person.
    pub m: Vec<f64>,
    /// And for two records of different people.
    pub chance: Chance,
}

/// Everything that training found.
#[derive(Clone, Debug)]
pub struct Model {
    /// Probability that two random records are one person's.
    pub prior: f64,
    /// For each measure.
    pub measures: Vec<Learned>,
}

impl Model {
    /// Bits for or against one person that a level gives to two records; 0 for a missing value.
    pub fn weight(&self, records: &Records, measure: usize, level: u8, a: u32, b: u32) -> f64 {
        if level == MISSING {
            return 0.0;
        }
        let (learned, part) = (&self.measures[measure], &records.measures[measure]);
        let (a, b) = (part.of[a as usize] as usize, part.of[b as usize] as usize);
        let at = usize::from(level);
        // Other names are sets; those that share one are not equal, and have no one frequency.
        let u = if level == EXACT && part.aspect != Aspect::OtherNames {
            let frequency = &learned.chance.frequency;
            frequency[part.term[a] as usize].max(frequency[part.term[b] as usize])
        } else {
            let count = part.levels();
            let own = &learned.chance.own;
            f64::from(own[a * count + at].max(own[b * count + at]))
        };
        (learned.m[at] / u).log2()
    }

    /// Bits of all measures; the prior's are not among them.
    pub fn bits(&self, records: &Records, levels: &[u8], a: u32, b: u32) -> f64 {
        levels.iter().enumerate().map(|(measure, level)| self.weight(records, measure, *level, a, b)).sum()
    }

    /// Prior odds in bits.
    pub fn prior_bits(&self) -> f64 {
        (self.prior / (1.0 - self.prior)).log2()
    }

    /// Moves the prior to where it equals the share of all pairs that it makes likely; pairs that are no candidates
    /// count as different people.
    pub(crate) fn settle_prior(&mut self, records: &Records, candidates: &Candidates, levels: &[u8]) {
        let n = records.len() as f64;
        let all = (n * (n - 1.0) / 2.0).max(1.0);
        let width = records.measures.len().max(1);
        let bits: Vec<f64> = candidates
            .pairs
            .par_iter()
            .zip(levels.par_chunks_exact(width))
            .map(|((a, b), levels)| self.bits(records, levels, *a, *b))
            .collect();
        for _ in 0..STEPS {
            let prior = self.prior_bits();
            let matches: f64 = bits.iter().map(|bits| probability(prior + bits)).sum();
            // A tenth of a pair at least: a file without any pair has a prior too.
            let next = (matches / all).clamp(0.1 / all, 0.5);
            let moved = (next / self.prior - 1.0).abs();
            self.prior = next;
            if moved < 1e-4 {
                break;
            }
        }
    }
}

/// Probability of odds in bits.
pub fn probability(bits: f64) -> f64 {
    1.0 / (1.0 + (-bits).exp2())
}

/// Odds in bits of a probability.
pub fn odds(probability: f64) -> f64 {
    (probability / (1.0 - probability)).log2()
}
