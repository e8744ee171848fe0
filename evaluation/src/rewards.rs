//! What each candidate would have earned, as far as a model can tell.
//!
//! Predictions for a round are made without that round's fold (cross-fitting), and folds keep clusters together: a model that had seen what it
//! predicts would leave the doubly robust estimators nothing to correct (Chernozhukov et al., The Econometrics Journal 21, 2018).

use std::collections::HashMap;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::fault::Fault;
use crate::log::Log;
use crate::table::Table;

/// Rounds that everybody's mean counts for against an action's own, and an action's against that at one position. With a rate of 1 in 250, a hundred rounds expect less
/// than one outcome: an action's own mean needs hundreds before it says more than everybody's.
pub const PRIOR: f64 = 100.0;

/// Predictions for one log.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewards(Table);

/// Which part of a log each round belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folds {
    of: Vec<u32>,
    count: u32,
}

impl Folds {
    /// Deals clusters out to so many folds, as evenly as they go, by a seed. One fold learns from all there is and predicts the same.
    #[must_use]
    pub fn new(log: &Log, count: u32, seed: u64) -> Self {
        let count = count.max(1);
        let mut places: Vec<u32> = (0..log.clusters() as u32).map(|cluster| cluster % count).collect();
        places.shuffle(&mut StdRng::seed_from_u64(seed));
        let place = |cluster: u32| places.get(cluster as usize).copied().unwrap_or_default();
        Self { of: log.rounds().iter().map(|round| place(round.cluster)).collect(), count }
    }

    /// Takes folds as they are given, one number a round.
    ///
    /// # Errors
    ///
    /// Another number of them than of rounds, or a fold's number that is not below it.
    pub fn given(log: &Log, of: Vec<u32>) -> Result<Self, Fault> {
        if of.len() != log.rounds().len() {
            return Err(Fault::of(format!("{} folds for {} rounds", of.len(), log.rounds().len())));
        }
        let last = of.iter().copied().max().unwrap_or_default();
        if last as usize >= of.len() {
            return Err(Fault::of(format!("there is a fold {last} of {} rounds", of.len())));
        }
        Ok(Self { count: last + 1, of })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// That of a round.
    #[must_use]
    pub fn fold(&self, round: usize) -> u32 {
        self.of.get(round).copied().unwrap_or_default()
    }

    /// Whether a model for a fold may learn from a round.
    pub(crate) fn teaches(&self, round: usize, fold: u32) -> bool {
        self.count == 1 || self.fold(round) != fold
    }
}

impl Rewards {
    /// Takes predictions as they are given.
    #[must_use]
    pub fn given(table: Table) -> Self {
        Self(table)
    }

    /// Mean rewards, drawn together: each action's towards everybody's, and each action's at one position towards the action's, with [`PRIOR`] rounds:
    /// (Σ r + κ·prior) / (n + κ), the mean of the posterior of a normal or beta-binomial model with that prior (Gelman et al., Bayesian Data Analysis, 3rd ed., ch. 5).
    ///
    /// # Errors
    ///
    /// Positions, folds and candidates make too many combinations to hold.
    pub fn means(log: &Log, folds: &Folds) -> Result<Self, Fault> {
        #[derive(Default, Clone, Copy)]
        struct Sum {
            count: f64,
            rewards: f64,
        }
        impl Sum {
            fn add(&mut self, reward: f64) {
                self.count += 1.0;
                self.rewards += reward;
            }
            fn drawn(self, towards: f64) -> f64 {
                (self.rewards + PRIOR * towards) / (self.count + PRIOR)
            }
        }
        let mut all = vec![Sum::default(); folds.count() as usize];
        let mut by_action: HashMap<(u32, u32), Sum> = HashMap::new();
        let mut by_place: HashMap<(u32, u32, u32), Sum> = HashMap::new();
        // What a fold may learn from is everything less its own.
        for (number, round) in log.rounds().iter().enumerate() {
            let fold = folds.fold(number);
            if let Some(sum) = all.get_mut(fold as usize) {
                sum.add(round.reward);
            }
            by_action.entry((fold, round.action)).or_default().add(round.reward);
            by_place.entry((fold, round.position, round.action)).or_default().add(round.reward);
        }
        let taught = |fold: u32, sum: &dyn Fn(u32) -> Sum| {
            let others = (0..folds.count()).filter(|other| folds.count() == 1 || *other != fold).map(sum);
            others.fold(Sum::default(), |whole, sum| Sum {
                count: whole.count + sum.count,
                rewards: whole.rewards + sum.rewards,
            })
        };
        Self::by_fold(log, folds, |fold, position, action| {
            let whole = taught(fold, &|other| all.get(other as usize).copied().unwrap_or_default());
            let everybody = whole.rewards / whole.count.max(1.0);
            let own = taught(fold, &|other| by_action.get(&(other, action)).copied().unwrap_or_default());
            let here = taught(fold, &|other| by_place.get(&(other, position, action)).copied().unwrap_or_default());
            here.drawn(own.drawn(everybody))
        })
    }

    /// From a prediction for each fold, position and action.
    ///
    /// # Errors
    ///
    /// As [`Rewards::means`].
    pub(crate) fn by_fold(log: &Log, folds: &Folds, predict: impl Fn(u32, u32, u32) -> f64) -> Result<Self, Fault> {
        let rounds = log.rounds();
        let key = |number: usize| rounds.get(number).map(|round| (folds.fold(number), round.position, log.set(round)));
        let table = Table::keyed(log, key, |number| {
            let Some(round) = rounds.get(number) else { return Ok(Vec::new()) };
            let fold = folds.fold(number);
            Ok(log.candidates(round).iter().map(|action| predict(fold, round.position, *action)).collect())
        })?;
        Ok(Self(table))
    }

    /// The predictions.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.0
    }
}
