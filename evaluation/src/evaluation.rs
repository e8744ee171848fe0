//! A log, a policy and rewards, brought together: one weight and two predictions for each round.

use crate::fault::Fault;
use crate::log::Log;
use crate::policy::Policy;
use crate::rewards::Rewards;

/// What estimators are made of, by round.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Probability under the policy over that under the logging policy, of what was chosen.
    pub weights: Vec<f64>,
    /// Probability under the policy of what was chosen.
    pub chances: Vec<f64>,
    /// What was earned.
    pub rewards: Vec<f64>,
    /// What the model says that the policy earns there.
    pub direct: Vec<f64>,
    /// What the model says of the action that was chosen.
    pub predicted: Vec<f64>,
    /// Part of the policy that lies on actions which the log never has at this position.
    pub unseen: Vec<f64>,
    /// To which cluster each round belongs.
    pub clusters: Vec<u32>,
    /// How many clusters there are.
    pub cluster_count: usize,
}

impl Evaluation {
    /// Brings them together.
    ///
    /// # Errors
    ///
    /// Policy or rewards are of another log.
    pub fn new(log: &Log, policy: &Policy, rewards: &Rewards) -> Result<Self, Fault> {
        let (policy, rewards) = (policy.table(), rewards.table());
        let rounds = log.rounds();
        let seen: std::collections::HashSet<(u32, u32)> =
            rounds.iter().map(|round| (round.position, round.action)).collect();
        let mut whole = Self {
            weights: Vec::with_capacity(rounds.len()),
            chances: Vec::with_capacity(rounds.len()),
            rewards: log.rewards(),
            direct: Vec::with_capacity(rounds.len()),
            predicted: Vec::with_capacity(rounds.len()),
            unseen: Vec::with_capacity(rounds.len()),
            clusters: rounds.iter().map(|round| round.cluster).collect(),
            cluster_count: log.clusters(),
        };
        for (number, round) in rounds.iter().enumerate() {
            let (shares, predictions) = (policy.row(number), rewards.row(number));
            let candidates = log.candidates(round);
            if shares.len() != candidates.len() || predictions.len() != candidates.len() {
                return Err(Fault::of("policy and rewards are of another log"));
            }
            let (mut direct, mut mass, mut unseen) = (0.0, 0.0, 0.0);
            for ((share, prediction), action) in shares.iter().zip(predictions).zip(candidates) {
                direct += share * prediction;
                mass += share;
                if *share > 0.0 && !seen.contains(&(round.position, *action)) {
                    unseen += share;
                }
            }
            let chance = policy.chosen(log, number);
            whole.weights.push(chance / round.probability);
            whole.chances.push(chance);
            whole.direct.push(direct / mass);
            whole.predicted.push(rewards.chosen(log, number));
            whole.unseen.push(unseen);
        }
        Ok(whole)
    }

    /// How many rounds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there is none; a log always has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// How many outcomes of the policy's own the log is worth, by Kish's formula over rounds that earned something: (Σ w·r)² / Σ (w·r)².
    #[must_use]
    pub fn effective_outcomes(&self) -> f64 {
        effective(self.weights.iter().zip(&self.rewards).map(|(weight, reward)| weight * reward.abs()))
    }
}

/// (Σ x)² / Σ x²: how many equal numbers would be as good (Kish, Survey Sampling, 1965, 8.2); 0 where there is nothing.
pub(crate) fn effective(numbers: impl Iterator<Item = f64>) -> f64 {
    let (sum, squares) = numbers.fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}
