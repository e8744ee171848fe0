//! Outbox: what a lane needs of the store.
//!
//! The order is always the same: claim, deliver, settle. A claim is a lease: it runs out by itself, so that a lane that
//! died leaves its parcels to the next one. Settling writes the mark and the line of the delivery log in one transaction.

use super::{Parcel, Reason, echo::Echo};

/// A parcel that was lent to a lane.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// What to hand over.
    pub parcel: Parcel,
    /// How often it was attempted before.
    pub attempts: u32,
}

/// What is to be written down of a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The parcel's id.
    pub id: String,
    /// Attempts until now, this one included.
    pub attempts: u32,
    /// When, in Unix ms.
    pub at: i64,
    /// What became of it.
    pub settlement: Settlement,
    /// What of that is an event of the person.
    pub echo: Option<Echo>,
}

/// What becomes of a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// Done.
    Delivered,
    /// Tried again at or after `due`, in Unix ms.
    Again {
        /// Why it was not taken.
        reason: Reason,
        /// Not before then.
        due: i64,
    },
    /// Given up: a dead letter, until somebody replays it.
    Dead {
        /// Why.
        reason: Reason,
    },
}

/// Where parcels wait.
pub trait Outbox: Send {
    /// Lends at most `most` parcels of a destination that are due at `now` (Unix ms).
    ///
    /// # Errors
    /// When the store does not answer; the lane waits and asks again.
    fn claim(&mut self, destination: &str, most: usize, now: i64) -> anyhow::Result<Vec<Claimed>>;

    /// Writes down what became of them, all or nothing.
    ///
    /// # Errors
    /// When the store does not take it. The lease then runs out and the parcels are delivered again, under the same ids.
    fn settle(&mut self, destination: &str, settled: &[Settled]) -> anyhow::Result<()>;
}
