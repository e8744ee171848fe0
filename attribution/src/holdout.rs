//! What a channel or campaign changed: people it was chosen for against people it was withheld from on purpose.
//!
//! Of each person the first such moment counts, and whether an outcome came within a window after it, whatever else they were touched by: so
//! both groups are asked the same question, and which of the two somebody is in was a lot. People who are in both (a holdout was changed,
//! or a channel has several campaigns) are counted and left out.
//!
//! For whom something was *chosen* is the right counterpart of from whom it was withheld: of the latter nobody knows whether they would have
//! seen it. Where a log does not say so, who was touched stands in their place; they are the ones who looked, and look better for it.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::interval::{Interval, Share};
use crate::log::{By, Entry, Kind, Log, Parties};

/// Whom the held-out are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Those for whom it was chosen.
    Chosen,
    /// Those who were touched by it: the log has no rows `chosen` of it.
    Touched,
}

/// What one channel, campaign or device changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lift {
    /// Its name, as in [`crate::Paths::channels`].
    pub channel: String,
    /// What `treated` means.
    pub basis: Basis,
    /// Who got it, and how many of them had an outcome in time.
    pub treated: Share,
    /// From whom it was withheld.
    pub held_out: Share,
    /// In both groups, and left out.
    pub mixed: u64,
    /// Difference of rates; nothing while a group is empty.
    pub interval: Option<Interval>,
}

impl Lift {
    /// Persons among the treated who would have had no outcome without it: how many, from, to (95 %).
    #[must_use]
    pub fn incremental(&self) -> Option<[f64; 3]> {
        let Interval { difference, from, to } = self.interval?;
        Some([difference, from, to].map(|rate| rate * self.treated.persons as f64))
    }
}

/// When somebody first came into either group.
#[derive(Default)]
struct Met {
    treated: Option<i64>,
    held_out: Option<i64>,
}

impl Log {
    /// What everything changed that was withheld from somebody, in the order in which it is met; an outcome counts if it came less than
    /// `window` ms after the first moment.
    #[must_use]
    pub fn lifts(&self, by: By, window: i64) -> Vec<Lift> {
        let mut parties = Parties::default();
        let (mut withheld, mut chosen) = (HashSet::new(), HashSet::new());
        for entry in self.each().flatten().filter(|entry| entry.kind != Kind::Outcome) {
            let party = parties.of(self, by, entry);
            match entry.kind {
                Kind::HeldOut => withheld.insert(party),
                Kind::Chosen => chosen.insert(party),
                _ => false,
            };
        }
        let mut lifts: BTreeMap<u32, Lift> =
            withheld.iter().map(|party| (*party, Lift::new(parties.name(*party), chosen.contains(party)))).collect();
        for rows in self.each() {
            let outcomes: Vec<i64> =
                rows.iter().filter(|entry| entry.kind == Kind::Outcome).map(|entry| entry.at).collect();
            let mut met: BTreeMap<u32, Met> = BTreeMap::new();
            for entry in rows.iter().filter(|entry| entry.kind != Kind::Outcome) {
                let party = parties.of(self, by, entry);
                if let Some(lift) = lifts.get(&party) {
                    met.entry(party).or_default().meet(entry, lift.basis);
                }
            }
            for (party, Met { treated, held_out }) in met {
                let Some(lift) = lifts.get_mut(&party) else { continue };
                let group = match (treated, held_out) {
                    (Some(_), Some(_)) => {
                        lift.mixed += 1;
                        continue;
                    }
                    (Some(_), None) => &mut lift.treated,
                    (None, Some(_)) => &mut lift.held_out,
                    (None, None) => continue,
                };
                let begin = treated.or(held_out).unwrap_or_default();
                let in_time = |at: &i64| *at >= begin && at.saturating_sub(begin) < window;
                group.persons += 1;
                group.outcomes += u64::from(outcomes.iter().any(in_time));
            }
        }
        for lift in lifts.values_mut() {
            lift.interval = Interval::between(lift.treated, lift.held_out);
        }
        lifts.into_values().collect()
    }
}

impl Lift {
    fn new(name: &str, is_chosen: bool) -> Self {
        Self {
            channel: name.to_owned(),
            basis: if is_chosen { Basis::Chosen } else { Basis::Touched },
            treated: Share::default(),
            held_out: Share::default(),
            mixed: 0,
            interval: None,
        }
    }
}

impl Met {
    /// Rows come in order of time: the first holds.
    fn meet(&mut self, entry: &Entry, basis: Basis) {
        match (entry.kind, basis) {
            (Kind::HeldOut, _) => self.held_out = self.held_out.or(Some(entry.at)),
            (Kind::Chosen, _) | (Kind::View | Kind::Click, Basis::Touched) => {
                self.treated = self.treated.or(Some(entry.at));
            }
            _ => {}
        }
    }
}
