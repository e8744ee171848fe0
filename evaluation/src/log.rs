//! Rounds: what could be chosen, what was chosen with which probability, and what it earned.
//!
//! Names are told apart once and are numbers from then on. Rounds in which the same could be chosen share one set. Whatever belongs together, such as
//! all rounds of one visitor, is one *cluster*: intervals take clusters, not rounds, as independent.
//!
//! Invariants: every set is ascending and has the action that was chosen; probabilities lie in (0, 1], rewards are finite; there is at least one round.

use std::collections::HashMap;

use crate::fault::{Fault, cut};
use crate::table::MAX_CELLS;

/// One decision of a log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Round {
    /// What was chosen: a place in [`Log::actions`].
    pub action: u32,
    /// The same as a place in the round's candidates.
    pub slot: u32,
    /// Where: a place in [`Log::positions`].
    pub position: u32,
    /// Whose: rounds of one cluster are not independent.
    pub cluster: u32,
    /// With which probability it was chosen, above 0 and at most 1.
    pub probability: f64,
    /// What it earned.
    pub reward: f64,
    set: u32,
}

/// A log, ready to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    actions: Vec<String>,
    positions: Vec<String>,
    sets: Vec<Vec<u32>>,
    rounds: Vec<Round>,
    clusters: u32,
}

/// What came of the rounds, counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcomes {
    /// Rounds that earned something (or cost something): a reward other than 0.
    pub count: usize,
    /// The mean reward of a round: what the logging policy earned.
    pub mean: f64,
    /// The smallest reward.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

/// One decision as it is told.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// What was chosen.
    pub action: &'a str,
    /// Where; the empty text where there is one place alone.
    pub position: &'a str,
    /// What could be chosen; `None`: every action that is known when the log is finished.
    pub candidates: Option<&'a [&'a str]>,
    /// Whose it is; `None`: a cluster of its own.
    pub cluster: Option<&'a str>,
    /// With which probability it was chosen.
    pub probability: f64,
    /// What it earned.
    pub reward: f64,
}

/// A log that is still being written down.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    actions: Names,
    positions: Names,
    clusters: Names,
    sets: HashMap<Vec<u32>, u32>,
    rounds: Vec<Round>,
    own_clusters: u32,
}

/// Numbers of names, in the order in which they were first told.
#[derive(Debug, Clone, Default)]
struct Names(HashMap<String, u32>);

/// Stands for all actions until there are no more to come.
const EVERY: u32 = u32::MAX;

impl Log {
    /// Names of actions; their places are their numbers.
    #[must_use]
    pub fn actions(&self) -> &[String] {
        &self.actions
    }

    /// Names of positions; their places are their numbers.
    #[must_use]
    pub fn positions(&self) -> &[String] {
        &self.positions
    }

    /// The decisions, in the order in which they were told.
    #[must_use]
    pub fn rounds(&self) -> &[Round] {
        &self.rounds
    }

    /// What could be chosen in a round, ascending.
    #[must_use]
    pub fn candidates(&self, round: &Round) -> &[u32] {
        self.sets.get(round.set as usize).map_or(&[], Vec::as_slice)
    }

    /// Which rounds have the same candidates: the number of a round's set, below [`Log::sets`].
    #[must_use]
    pub fn set(&self, round: &Round) -> u32 {
        round.set
    }

    /// How many different sets of candidates there are.
    #[must_use]
    pub fn sets(&self) -> usize {
        self.sets.len()
    }

    /// How many clusters there are; numbers of clusters are below it.
    #[must_use]
    pub fn clusters(&self) -> usize {
        self.clusters as usize
    }

    /// The number of an action.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<u32> {
        number(&self.actions, name)
    }

    /// The number of a position.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<u32> {
        number(&self.positions, name)
    }

    /// The rewards of the rounds, in their order.
    #[must_use]
    pub fn rewards(&self) -> Vec<f64> {
        self.rounds.iter().map(|round| round.reward).collect()
    }

    /// What came of the rounds.
    #[must_use]
    pub fn outcomes(&self) -> Outcomes {
        let rewards = || self.rounds.iter().map(|round| round.reward);
        Outcomes {
            count: rewards().filter(|reward| *reward != 0.0).count(),
            mean: rewards().sum::<f64>() / self.rounds.len() as f64,
            least: rewards().fold(f64::INFINITY, f64::min),
            most: rewards().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

impl Draft {
    /// Makes an action known, whether or not it is ever chosen.
    pub fn know(&mut self, action: &str) {
        self.actions.number(action);
    }

    /// Takes a decision down.
    ///
    /// # Errors
    ///
    /// A probability outside (0, 1], a reward that is no finite number, an action that is none of its own candidates. The field is named as in
    /// [`Entry`].
    pub fn push(&mut self, entry: Entry<'_>) -> Result<(), Fault> {
        if !(entry.probability > 0.0 && entry.probability <= 1.0) {
            let what = format!("{} is no probability of something that was chosen", entry.probability);
            return Err(Fault::of(what).field("probability").remedy("it lies above 0 and is at most 1"));
        }
        if !entry.reward.is_finite() {
            return Err(Fault::of(format!("{} is no reward", entry.reward)).field("reward").remedy("write a number"));
        }
        let set = match entry.candidates {
            None => EVERY,
            Some(names) if !names.contains(&entry.action) => {
                let what = format!("`{}`, which was chosen, is not among them", cut(entry.action));
                return Err(Fault::of(what).field("candidates").remedy("name all that could be chosen"));
            }
            Some(names) => {
                let mut set: Vec<u32> = names.iter().map(|name| self.actions.number(name)).collect();
                set.sort_unstable();
                set.dedup();
                let next = self.sets.len() as u32;
                *self.sets.entry(set).or_insert(next)
            }
        };
        let cluster = match entry.cluster {
            Some(name) => self.clusters.number(name),
            None => {
                self.own_clusters += 1;
                u32::MAX
            }
        };
        self.rounds.push(Round {
            action: self.actions.number(entry.action),
            slot: 0,
            position: self.positions.number(entry.position),
            cluster,
            probability: entry.probability,
            reward: entry.reward,
            set,
        });
        Ok(())
    }

    /// Closes the log.
    ///
    /// # Errors
    ///
    /// No rounds; or so many positions that a number for each action of each is more than [`MAX_CELLS`], which happens when the column of
    /// positions is that of something else.
    pub fn finish(self) -> Result<Log, Fault> {
        let Self { actions, positions, clusters, sets, mut rounds, .. } = self;
        if rounds.is_empty() {
            return Err(Fault::of("there are no rounds").remedy("write one decision on each line below the first"));
        }
        let mut listed: Vec<(Vec<u32>, u32)> = sets.into_iter().collect();
        listed.sort_unstable_by_key(|(_, number)| *number);
        let mut sets: Vec<Vec<u32>> = listed.into_iter().map(|(set, _)| set).collect();
        let every = sets.len() as u32;
        if rounds.iter().any(|round| round.set == EVERY) {
            sets.push((0..actions.0.len() as u32).collect());
            let cells = actions.0.len().saturating_mul(positions.0.len());
            if cells > MAX_CELLS {
                let what = format!("{} actions at {} positions are too many", actions.0.len(), positions.0.len());
                return Err(Fault::of(what)
                    .remedy("give the column of positions, or a column `candidates` with what could be chosen"));
            }
        }
        let mut next = clusters.0.len() as u32;
        for round in &mut rounds {
            if round.set == EVERY {
                round.set = every;
            }
            if round.cluster == u32::MAX {
                round.cluster = next;
                next += 1;
            }
            let set = sets.get(round.set as usize).map_or(&[][..], Vec::as_slice);
            round.slot = set.binary_search(&round.action).unwrap_or_default() as u32;
        }
        Ok(Log { actions: actions.listed(), positions: positions.listed(), sets, rounds, clusters: next })
    }
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.0.get(name) {
            return *number;
        }
        let next = self.0.len() as u32;
        self.0.insert(name.to_owned(), next);
        next
    }

    fn listed(self) -> Vec<String> {
        let mut names: Vec<(String, u32)> = self.0.into_iter().collect();
        names.sort_unstable_by_key(|(_, number)| *number);
        names.into_iter().map(|(name, _)| name).collect()
    }
}

fn number(names: &[String], name: &str) -> Option<u32> {
    names.iter().position(|known| known == name).map(|place| place as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Entry<'_> =
        Entry { action: "a", position: "", candidates: None, cluster: None, probability: 0.5, reward: 1.0 };

    #[test]
    fn a_round_without_candidates_could_have_chosen_whatever_is_known() {
        let mut draft = Draft::default();
        draft.push(ENTRY).unwrap();
        draft.push(Entry { candidates: Some(&["c", "b"]), action: "c", ..ENTRY }).unwrap();
        draft.know("d");
        let log = draft.finish().unwrap();
        let [first, second] = log.rounds() else { panic!("two rounds") };
        assert_eq!((log.candidates(first), log.candidates(second)), (&[0, 1, 2, 3][..], &[1, 2][..]));
        assert_eq!((log.actions()[1].as_str(), second.action, second.slot), ("c", 1, 0));
        assert_eq!((log.clusters(), log.outcomes().mean), (2, 1.0));
    }

    #[test]
    fn what_cannot_have_happened_is_refused() {
        let mut draft = Draft::default();
        for (entry, field) in [
            (Entry { probability: 0.0, ..ENTRY }, "probability"),
            (Entry { probability: 1.5, ..ENTRY }, "probability"),
            (Entry { probability: f64::NAN, ..ENTRY }, "probability"),
            (Entry { reward: f64::INFINITY, ..ENTRY }, "reward"),
            (Entry { candidates: Some(&["b"]), ..ENTRY }, "candidates"),
        ] {
            assert_eq!(draft.push(entry).unwrap_err().field.as_deref(), Some(field));
        }
        assert!(draft.finish().is_err(), "nothing was taken down");
    }
}
