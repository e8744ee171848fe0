//! Destinations: how what was decided reaches a channel outside, once.
//!
//! A [`Parcel`] is one thing to hand over. It waits in an [`Outbox`]; a [`lane::Lane`] of its own takes it to each
//! [`Destination`], so that a slow or dead peer holds up nobody else's parcels. What a destination answers is one
//! [`Receipt`] for each parcel: delivered, again later, or refused for good; the lane turns that into the delivery log.
//!
//! "Once" is shared work. Here a parcel is written down in the transaction that decides it and marked after it was
//! delivered; between delivery and mark the process may die, and then it is delivered again *under the same id*. Every
//! destination therefore hands the id over in the way in which its receivers dedupe: `webhook-id`, `Message-ID`,
//! `Nats-Msg-Id`, the `id` of a CloudEvent or of a JSON payload, or a file of which adding a line twice changes nothing.
//!
//! Invariant: a reason never holds what was delivered or to whom; it is a stable code.
//! Absent on purpose: ordering between parcels (receivers get them in any order after a retry), and transports' own
//! spools: what waits, waits in the outbox, where it can be seen, and deleted.

pub mod audience;
pub mod backoff;
pub mod circuit;
pub mod cloudevent;
pub mod dispatch;
pub mod echo;
pub mod lane;
pub mod leave;
pub mod mail;
pub mod mailbox;
pub mod mqtt;
pub mod nats;
pub mod outbox;
pub mod platform;
pub mod post;
pub mod roster;
pub mod template;
pub mod trail;
pub mod webhook;

use std::{borrow::Cow, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use outbox::{Claimed, Outbox, Settled, Settlement};

/// One thing to be handed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parcel {
    /// What receivers dedupe by. Never changes over retries, and is never given to another parcel.
    pub id: String,
    /// Whom it is about: the stable id of a person.
    pub person: String,
    /// What is to be done.
    pub kind: Kind,
    /// When it was decided, in Unix ms.
    pub at: i64,
    /// What the destination needs to do it; each destination says which fields it reads.
    pub body: Value,
}

/// What a parcel asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Write to the person.
    Mail,
    /// Put the person into an audience.
    Add,
    /// Take the person out of an audience.
    Remove,
    /// Tell that something happened, or what to show.
    Event,
    /// Delete what the destination has of the person.
    Delete,
}

/// What became of one parcel in one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// The peer has it, in the sense in which this peer says so.
    Delivered,
    /// Not now; the peer may have asked for a pause.
    Retry {
        /// A stable code.
        reason: Reason,
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// Never: the same parcel would be refused again.
    Refused {
        /// A stable code.
        reason: Reason,
    },
}

/// Why a parcel was not delivered: a stable code such as `webhook/status-503`.
pub type Reason = Cow<'static, str>;

/// A channel outside.
pub trait Destination: Send {
    /// Most parcels that one call takes.
    fn limit(&self) -> usize;

    /// Hands parcels over; one receipt for each, in their order. Blocks for as long as its own timeouts allow.
    fn deliver(&mut self, parcels: &[Parcel]) -> Vec<Receipt>;

    /// What is written down as an event of the person when a parcel came to this; most channels hear no more of it than the log does.
    fn echo(&self, _parcel: &Parcel, _receipt: &Receipt) -> Option<echo::Echo> {
        None
    }
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Mail, Self::Add, Self::Remove, Self::Event, Self::Delete];

    /// The word for it in files, tables and messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Event => "event",
            Self::Delete => "delete",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Receipt {
    /// To be tried again, when the backoff says.
    #[must_use]
    pub fn retry(reason: impl Into<Reason>) -> Self {
        Self::Retry { reason: reason.into(), after: None }
    }

    /// Not to be tried again.
    #[must_use]
    pub fn refused(reason: impl Into<Reason>) -> Self {
        Self::Refused { reason: reason.into() }
    }
}

/// The same receipt for every parcel.
fn all(parcels: &[Parcel], receipt: &Receipt) -> Vec<Receipt> {
    vec![receipt.clone(); parcels.len()]
}

/// 64 random bits, for jitter and the like; nothing secret hangs on them.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    // Each state is keyed anew, by the operating system's randomness and a counter.
    RandomState::new().hash_one(0_u8)
}

/// A time as RFC 3339 in UTC; none when it lies outside what a calendar has.
pub(crate) fn rfc3339(ms: i64) -> Option<String> {
    Some(jiff::Timestamp::from_millisecond(ms).ok()?.to_string())
}
