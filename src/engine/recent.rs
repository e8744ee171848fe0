//! Decisions of late: those that can still be confirmed as seen.
//!
//! Chosen is not shown, so a decision is kept in mind until it is confirmed, wherever it was made. Caps and the log move then.

use super::Session;
use crate::profile::Change;
use crate::sync::Entry;
use crate::time::Moment;

/// Decisions that can still be confirmed as seen: a page rarely has more placements.
const RECENT: usize = 64;

/// One decision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recent {
    pub(super) id: u64,
    pub(super) campaign: Option<usize>,
    pub(super) exposed: bool,
}

impl Session {
    /// Confirms that a decision was really seen. Returns false when it is not known here or was confirmed before.
    pub fn exposed(&mut self, decision: u64, moment: Moment) -> bool {
        let Some(recent) = self.recent.iter_mut().find(|recent| recent.id == decision && !recent.exposed) else {
            return false;
        };
        recent.exposed = true;
        let campaign = recent.campaign;
        self.last_exposed = decision;
        if self.permissions.store() {
            let campaign = campaign.and_then(|index| self.engine.catalog.campaign(index));
            let change = campaign.map_or(Change::ARRIVE, |campaign| {
                Change::expose(campaign.key(), campaign.cap_hour().is_some(), decision)
            });
            self.change(change, moment);
            self.touched();
            self.look(moment);
        }
        if self.permissions.measure() {
            self.queue(|after| Entry::Exposure { decision, after }, moment);
        }
        true
    }

    /// Takes over a decision that was made elsewhere for what this visitor sees: by the edge that wrote the page. It is not
    /// decided or counted again; from here on it can be [`Session::exposed`]. `campaign` is where the campaign stands in this
    /// bundle, if it does. Returns false when the number is none, or known already.
    pub fn adopt(&mut self, decision: u64, campaign: Option<usize>) -> bool {
        let new = decision != 0 && self.recent.iter().all(|recent| recent.id != decision);
        if new {
            self.remember(Recent { id: decision, campaign, exposed: false });
        }
        new
    }

    /// Keeps a decision in mind until it is confirmed, in place of the oldest.
    pub(super) fn remember(&mut self, recent: Recent) {
        match self.recent.get_mut(self.oldest) {
            Some(old) => *old = recent,
            None => self.recent.push(recent),
        }
        self.oldest = (self.oldest + 1) % RECENT;
    }
}
