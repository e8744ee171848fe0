//! All that may be shown at a placement, for who may have to take another one than the best.

use super::Session;
use crate::decision::{self, Contender};
use crate::time::Moment;
use alloc::vec::Vec;

impl Session {
    /// Every campaign that may be shown at the placement that stands at `placement` in the bundle, the best first. Nothing is decided by
    /// it: it has no number, and the origin does not hear of it.
    pub fn rank_at(&mut self, placement: usize, moment: Moment) -> Vec<Contender> {
        self.evaluate(moment);
        self.look_if_stale(moment);
        decision::rank(placement, &self.matches, &self.circumstances(moment))
    }
}
