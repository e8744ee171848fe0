//! Who the visitor said to be, within one session: kept while storing is permitted, sent while sharing is.
//!
//! A site tells its identifiers with every page. Each is sent once in a session and, when the device remembers it, once a
//! day: often enough that a message that was lost heals, seldom enough that a visit of fifty pages carries it once.
//!
//! Invariant: nothing stays that came under a permission which is closed now, whether that was withdrawn here, in another
//! tab, or between two visits.

use super::{Effect, Session};
use crate::consent::Permissions;
use crate::identity::{Error, Hashed, Identifiers};
use crate::sync::Entry;
use crate::time::Moment;

/// Identifiers that a session remembers having sent; past it the oldest may be sent again.
const SENT: usize = 32; // the most that an array has a default for

#[derive(Debug, Default)]
pub(super) struct Identities {
    known: Identifiers,
    /// The beginning of each digest that was queued in this session, with its code: of 64 bits, no two meet.
    sent: [u64; SENT],
    /// Place in `sent` that the next one takes.
    oldest: usize,
    unsaved: bool,
}

impl Identities {
    /// Takes in an identifier; the answer is whether it is to be sent.
    fn tell(&mut self, hashed: Hashed, permissions: Permissions, moment: Moment) -> bool {
        let mark = hashed.mark();
        let new = permissions.share() && !self.sent.contains(&mark) && !self.known.was_shared_today(&hashed, moment);
        if new && let Some(place) = self.sent.get_mut(self.oldest) {
            *place = mark;
            self.oldest = (self.oldest + 1) % SENT;
        }
        self.unsaved |= self.known.add(hashed, permissions, moment);
        new
    }

    /// Lets go of what came under any of `closed`.
    pub(super) fn withdraw(&mut self, closed: Permissions, moment: Moment) {
        if closed != Permissions::NONE {
            self.sent = [0; SENT];
            self.unsaved |= !self.known.is_empty();
            self.known.withdraw(closed, moment);
        }
    }

    /// Lets go of everything; the host is told to erase what is kept, so nothing is written. That no older copy brings it
    /// back is the work of the profile's generation: see [`Session::restore_identifiers`].
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(super) fn poll(&mut self) -> Option<Effect> {
        core::mem::take(&mut self.unsaved).then(|| Effect::PersistIdentifiers(self.known.encode()))
    }
}

impl Session {
    /// Says who the visitor is: keeps the digest while storing is permitted, queues it for the origin while sharing is.
    pub fn identify(&mut self, hashed: Hashed, moment: Moment) {
        if self.identities.tell(hashed, self.permissions, moment) {
            let (code, digest) = (hashed.code(), hashed.digest().0);
            self.queue(|_| Entry::Identity { code, digest }, moment);
        }
    }

    /// Takes in the stored identifiers, after [`Session::consent`] has said what is permitted and [`Session::restore`] who
    /// the visitor is: what came under a permission that is closed now, or before the visitor was last forgotten, is let
    /// go. Without the store permission they are left alone.
    ///
    /// # Errors
    /// [`Error`]: the session goes on without them.
    pub fn restore_identifiers(&mut self, bytes: &[u8], moment: Moment) -> Result<(), Error> {
        if self.permissions.store() {
            self.identities.known.absorb(bytes)?;
            // The generation of a profile that was forgotten is the minute of it, wherever that was done.
            self.identities.known.forget_until(self.profile.generation());
            let under = self.identities.known.iter().fold(0, |under, known| under | known.permissions().bits());
            self.identities.withdraw(Permissions::from_bits(under).without(self.permissions), moment);
            // What is stored may hold more than may be kept, or less than another tab knows.
            self.identities.unsaved |= self.identities.known.encode() != bytes;
        }
        Ok(())
    }

    /// Who the visitor was said to be.
    #[must_use]
    pub fn identifiers(&self) -> &Identifiers {
        &self.identities.known
    }
}
