//! What every intake makes of what it was sent: one event, read once, bounded, without a raw identifier.
//!
//! Segment's calls, CloudEvents, the pixel, imported rows and the events of stores and call centres all become [`Event`]s. An event
//! names who it is of by digests ([`Identifier`]), and carries the rest as JSON that has lost every value it was read from. What can not
//! be read becomes a [`Letter`]: it says where it stood, which field was wrong and why, and keeps the bytes, so that nothing is lost.
//!
//! Invariant: an event's [`Event::message`] is what a repeat is known by. It covers the write key's name and the sender's own message id, so
//! two sources never collide.
//! Absent on purpose: any reading of the clock, and the sender's address or user agent outside `body`.

use petitfour::{consent::Permissions, identity::Digest};
use serde::{Deserialize, Serialize};

/// Longest event, in bytes of its own JSON.
pub const EVENT_BYTES: usize = 32 * 1024;

/// Longest body of a batch of events.
pub const BATCH_BYTES: usize = 500 * 1024;

/// Longest body of a letter: an event and what stood around it.
pub const LETTER_BYTES: usize = EVENT_BYTES + 4 * 1024;

/// Most identifiers of one event: a customer's row has a handful.
pub const MAX_IDENTIFIERS: usize = 16;

/// What a call says, in the words of Segment's specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Kind {
    /// Somebody did something.
    Track = 1,
    /// What is known of somebody.
    Identify = 2,
    /// A page was looked at.
    Page = 3,
    /// A screen of an app was looked at.
    Screen = 4,
    /// Somebody belongs to a group.
    Group = 5,
    /// Two identifiers are one person's.
    Alias = 6,
}

/// One way by which somebody is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identifier {
    /// Its kind: [`petitfour::identity::Namespace`]'s numbers, or one of this module's.
    pub namespace: u8,
    /// Which forms of the raw value the digest serves ([`petitfour::identity::Forms`]).
    pub forms: u8,
    /// SHA-256 of the normalised value; of a pseudonym, its 16 bytes.
    pub value: Vec<u8>,
}

/// The namespace of the engine's pseudonyms.
pub const VISITOR: u8 = 0;
/// The namespace of ids that another library gave a browser (Segment's `anonymousId`).
pub const ANONYMOUS: u8 = 16;
/// The namespace of ids that a device has for itself (`context.device.id`, a set-top box, a kiosk).
pub const DEVICE: u8 = 17;
/// The namespace of loyalty cards.
pub const CARD: u8 = 18;

/// Where somebody can be reached. Kept apart from everything else, and only when a program of the shop's own said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// `email`, `sms`, `push`, …
    pub channel: String,
    /// The raw address.
    pub address: String,
}

/// One thing that was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What it says.
    pub kind: Kind,
    /// By what a repeat is known: the first 16 bytes of SHA-256 over source and message id.
    pub message: [u8; 16],
    /// Name of the write key that it came under.
    pub source: String,
    /// What was done, or looked at; empty where the kind has none.
    pub name: String,
    /// When, Unix ms, with the sender's clock corrected.
    pub at: i64,
    /// Who it is of: the strongest identifier first. Never empty.
    pub identifiers: Vec<Identifier>,
    /// What it came to, in thousandths.
    pub value: i64,
    /// What the visitor permitted, as bits of [`Permissions`].
    pub permitted: u8,
    /// Where they can be reached.
    pub contacts: Vec<Contact>,
    /// Everything else as JSON: an object of `properties`, `traits`, `context`, without raw identifiers.
    pub body: String,
}

/// One thing that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Name of the write key that it came under.
    pub source: String,
    /// The address that it was sent to, such as `/v1/batch`.
    pub path: String,
    /// Its place in the batch, from 0; of a file, its line.
    pub position: u32,
    /// The stable code.
    pub code: String,
    /// Which field is wrong: a JSON pointer into the event, empty for the whole of it; of a file, the column.
    pub field: String,
    /// What is wrong, without a value of the visitor's.
    pub message: String,
    /// What to send to `path` again once it is mended, cut at [`LETTER_BYTES`]: an event of a batch stands alone in its envelope.
    pub body: Vec<u8>,
}

/// What one request brought: events and letters, each with the place in the request.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Delivery {
    /// What was read.
    pub events: Vec<Event>,
    /// What was not.
    pub letters: Vec<Letter>,
    /// How many events came without the permission to keep them. Nothing of them is kept, so nothing else is known.
    pub unpermitted: u32,
}

impl Event {
    /// By what a repeat of `id` from `source` is known.
    #[must_use]
    pub fn message(source: &str, id: impl AsRef<[u8]>) -> [u8; 16] {
        let id = id.as_ref();
        let mut text = Vec::with_capacity(source.len() + 1 + id.len());
        text.extend_from_slice(source.as_bytes());
        // A source's name has no line feed (`key::Key`), so no two pairs make one text.
        text.push(b'\n');
        text.extend_from_slice(id);
        Digest::of(text).0.first_chunk().copied().unwrap_or_default()
    }

    /// What the visitor permitted.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        Permissions::from_bits(self.permitted)
    }
}

impl Kind {
    /// As it stands in tables and pictures.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Identify => "identify",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Group => "group",
            Self::Alias => "alias",
        }
    }

    /// The kind of a number.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        [Self::Track, Self::Identify, Self::Page, Self::Screen, Self::Group, Self::Alias]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }
}
