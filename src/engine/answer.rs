//! What the origin answered, taken in; and the one message that asks it to delete.

use super::Session;
use crate::catalog::{Attribute, Source};
use crate::consent::Permissions;
use crate::id::Key;
use crate::journey::Place;
use crate::profile::Change;
use crate::sync::answer::{Answer, Elsewhere, Error, Member, Receipt, Standing};
use crate::time::{DAY, Moment, Timestamp};
use alloc::vec::Vec;

/// The last answer's word on what concerns the host.
#[derive(Debug, Default)]
pub(super) struct Heard {
    received: Vec<Receipt>,
    behind: bool,
}

impl Session {
    /// Takes in what the origin answered to a message. Segments that the bundle asks about are kept, while storing is
    /// permitted.
    ///
    /// # Errors
    /// [`Error`] when the bytes are no answer; nothing has changed then.
    pub fn answer(&mut self, bytes: &[u8], moment: Moment) -> Result<(), Error> {
        let answer = Answer::decode(bytes)?;
        let own = self.engine.catalog().hash();
        for Member { segment, inside, as_of } in answer.members {
            let segment = Key(segment);
            let asked =
                |attribute: Attribute<'_>| attribute.source() == Source::Member && attribute.subject() == segment;
            if !self.engine.catalog().attributes().any(asked) {
                continue;
            }
            // The origin repeats itself with every answer; what is known already costs no write.
            if self.permissions.store() && self.profile.is_member(segment) != Some(inside) {
                // The origin's clock, or that of whoever told it, may be a day ahead of the device's: what lies beyond would be
                // the last word for as long as it takes.
                let minute = Timestamp(as_of.min(moment.now.0.saturating_add(DAY))).minutes();
                self.change(Change::join(segment, inside, minute), moment);
                self.touched();
            }
        }
        let today = moment.local_day();
        for Elsewhere { campaign, day, exposures } in answer.elsewhere {
            // Of the days told, the last one counts: one that this clock has not come to would take the place of today, and is told
            // again once it has come.
            let known = day <= today && self.engine.catalog.campaigns().any(|known| known.key() == Key(campaign));
            if self.permissions.store() && known {
                self.change(Change::elsewhere(Key(campaign), day, exposures), moment);
                self.touched();
            }
        }
        for Standing { journey, since, place } in answer.standings {
            self.stand(Key(journey), Timestamp(since.min(moment.now.0.saturating_add(DAY))), Place::read(place));
        }
        self.heard = Heard { received: answer.received, behind: answer.bundle != 0 && answer.bundle != own };
        // Whoever answered once can be waited for: entries may gather for longer, so that fewer requests carry them.
        self.outbox.gather_long();
        Ok(())
    }

    /// Did the last answer name this message among those that are stored?
    #[must_use]
    pub fn received(&self, message: &[u8]) -> bool {
        Receipt::of(message).is_some_and(|receipt| self.heard.received.contains(&receipt))
    }

    /// Does the origin serve another bundle than this session has?
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.heard.behind
    }

    /// The message that asks the origin to delete what it holds under the present pseudonym: everything when `withdrawn`
    /// has store, else what came under the permissions that it has. To be made before [`forget`](Self::forget) or
    /// [`consent`](Self::consent) changes anything, and sent only if something was ever sent under this pseudonym.
    #[must_use]
    pub fn tombstone(&mut self, withdrawn: Permissions, moment: Moment) -> Vec<u8> {
        self.outbox.tombstone(withdrawn, self.profile.visitor(), moment)
    }

    /// Lets entries gather for a minute from now on: an answer is not needed soon.
    pub fn gather_long(&mut self) {
        self.outbox.gather_long();
    }
}
