//! Waiting: somebody has to say what is permitted, and has not.

use super::Session;
use crate::consent::Permissions;
use crate::id::Visitor;
use crate::profile::Profile;
use crate::time::Moment;

impl Session {
    /// Narrows what is permitted until there is an answer: nothing is forgotten. What the host has kept stays where it is,
    /// and is taken in anew by [`restore`](Self::restore) once storing is permitted again.
    pub fn rest(&mut self, permissions: Permissions, moment: Moment) {
        if self.permissions.store() && !permissions.store() {
            // A blank one of no generation: the profile that was kept is the elder when they meet again.
            self.profile = Profile::new(Visitor(self.random.draw_wide()), Moment::utc(u64::MAX));
            self.drop_unsaved();
        }
        // Closed here, and not by `consent`, for which what closes is withdrawn.
        self.permissions = Permissions::from_bits(self.permissions.bits() & permissions.bits());
        self.consent(permissions, moment);
    }
}
