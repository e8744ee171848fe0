//! What leaves the device: condensed messages, idempotent by (replica, sequence).
//!
//! A message is a handful of numbers: keys instead of names, milliseconds after a common beginning, and digests instead of
//! identifiers. The origin stores a message once however often it arrives.
//!
//! Layout: `PF4S`, one format byte, then the fields of [`Message`] in [postcard](https://postcard.jamesmunns.com).

pub mod answer;

pub use answer::Answer;

use crate::wire::Sink;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

const MAGIC: [u8; 4] = *b"PF4S";
/// The format that has candidates; the one before has steps of journeys. A message is written in the oldest format that can say it,
/// so that an origin which is older than its devices reads what it can.
const FORMAT: u8 = 3;
const FIRST: u8 = 1;

/// No message is longer: browsers share 64 KB among all requests that may outlive a page.
pub const MAX_BYTES: usize = 16 * 1024;

/// A message holds at most this many entries; some 20 bytes each.
pub const MAX_ENTRIES: usize = 256;

/// One delivery from one replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who counts the sequence: random for every session.
    pub replica: u64,
    /// 0, 1, 2 … within the replica.
    pub sequence: u32,
    /// The visitor's pseudonym.
    pub visitor: [u8; 16],
    /// Hash of the bundle that decided.
    pub bundle: u64,
    /// Unix ms that the entries count from.
    pub began: u64,
    /// How many entries this replica had to drop so far, because more happened than a message holds.
    pub dropped: u32,
    /// What happened, in order.
    pub entries: Vec<Entry>,
}

/// One thing that happened. `after` is in ms since [`Message::began`]; keys are [`Key`](crate::id::Key)s, all ones = none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// Something was chosen for a placement; perhaps nobody saw it.
    Decision {
        /// Random-looking, unique in practice.
        id: u64,
        /// When.
        after: u32,
        /// Where.
        placement: u32,
        /// What for, or none.
        campaign: u32,
        /// What, or none.
        creative: u32,
        /// Code of the [`Reason`](crate::decision::Reason).
        reason: u8,
        /// How probable this choice was, of 65 535.
        probability: u16,
        /// The campaign that would have won, had the visitor not been in its holdout, or none.
        withheld: u32,
    },
    /// A decision was really seen.
    Exposure {
        /// Its id.
        decision: u64,
        /// When.
        after: u32,
    },
    /// Something came of it.
    Outcome {
        /// Key of the event.
        event: u32,
        /// The decision that it belongs to, 0 if unknown.
        decision: u64,
        /// When.
        after: u32,
        /// Worth, in thousandths.
        value: i64,
    },
    /// An identifier, as a digest. Sent only while sharing is permitted.
    Identity {
        /// Which kind, and in which forms: [`Hashed::code`](crate::identity::Hashed::code).
        code: u8,
        /// SHA-256 of the normalised identifier.
        digest: [u8; 32],
    },
    /// The visitor takes back what was permitted: what came under it is to be deleted at the origin, and what of it is
    /// still on its way let go. A message that has this entry has no other, and is sent under no permission.
    Forgotten {
        /// Bits of the permissions that are withdrawn: with store everything goes, with measure decisions, exposures and
        /// outcomes, with share identifiers.
        withdrawn: u8,
        /// When, in ms after the beginning.
        after: u32,
    },
    /// A journey went on, came to an end or was entered. Sent only while measuring is permitted.
    Step {
        /// Key of the journey.
        journey: u32,
        /// When, in ms after the beginning.
        after: u32,
        /// Unix ms by which steps are compared: never before that of the step before.
        since: u64,
        /// Where it stands, as a profile keeps it.
        place: u64,
    },
    /// What an exploring placement could have drawn. Sent only while measuring is permitted, one for each campaign, the drawn one too.
    Candidate {
        /// The decision's id.
        decision: u64,
        /// When, in ms after the beginning.
        after: u32,
        /// The campaign.
        campaign: u32,
        /// With which probability it is drawn, of 65 535.
        probability: u16,
    },
}

impl Entry {
    /// As postcard does: the variant's number, then its fields.
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Decision { id, after, placement, campaign, creative, reason, probability, withheld } => {
                out.push(0);
                out.varint(*id);
                [after, placement, campaign, creative].iter().for_each(|number| out.varint(u64::from(**number)));
                out.push(*reason);
                out.varint((*probability).into());
                out.varint((*withheld).into());
            }
            Self::Exposure { decision, after } => {
                out.push(1);
                out.varint(*decision);
                out.varint((*after).into());
            }
            Self::Outcome { event, decision, after, value } => {
                out.push(2);
                out.varint((*event).into());
                out.varint(*decision);
                out.varint((*after).into());
                out.signed(*value);
            }
            Self::Identity { code, digest } => {
                out.push(3);
                out.push(*code);
                out.extend_from_slice(digest);
            }
            Self::Forgotten { withdrawn, after } => {
                out.push(4);
                out.push(*withdrawn);
                out.varint((*after).into());
            }
            Self::Step { journey, after, since, place } => {
                out.push(5);
                [journey, after].iter().for_each(|number| out.varint(u64::from(**number)));
                out.varint(*since);
                out.varint(*place);
            }
            Self::Candidate { decision, after, campaign, probability } => {
                out.push(6);
                out.varint(*decision);
                [after, campaign].iter().for_each(|number| out.varint(u64::from(**number)));
                out.varint((*probability).into());
            }
        }
    }

    /// The oldest format that can say it.
    fn format(&self) -> u8 {
        match self {
            Self::Candidate { .. } => FORMAT,
            Self::Step { .. } => 2,
            _ => FIRST,
        }
    }
}

impl Message {
    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + 24 * self.entries.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.push(self.entries.iter().fold(FIRST, |format, entry| format.max(entry.format())));
        bytes.varint(self.replica);
        bytes.varint(self.sequence.into());
        bytes.extend_from_slice(&self.visitor);
        bytes.varint(self.bundle);
        bytes.varint(self.began);
        bytes.varint(self.dropped.into());
        bytes.varint(self.entries.len() as u64);
        self.entries.iter().for_each(|entry| entry.write(&mut bytes));
        bytes
    }

    /// Reads a message back.
    ///
    /// # Errors
    /// [`Error::Size`] beyond [`MAX_BYTES`] or [`MAX_ENTRIES`]; [`Error::Foreign`] when it does not begin as a message;
    /// [`Error::Format`] when a newer engine wrote it; [`Error::Malformed`] when the fields do not fill the bytes exactly.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_BYTES {
            return Err(Error::Size);
        }
        let (format, body) = bytes.strip_prefix(&MAGIC).and_then(<[u8]>::split_first).ok_or(Error::Foreign)?;
        if !(FIRST..=FORMAT).contains(format) {
            return Err(Error::Format);
        }
        let (message, rest): (Self, _) = postcard::take_from_bytes(body).map_err(|_| Error::Malformed)?;
        if message.entries.len() > MAX_ENTRIES {
            return Err(Error::Size);
        }
        if rest.is_empty() { Ok(message) } else { Err(Error::Malformed) }
    }
}

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// Longer than any message.
    Size,
    /// Not a sync message at all.
    Foreign,
    /// Of a format that this build does not know.
    Format,
    /// Cut short, or followed by something else.
    Malformed,
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Size => "sync/size",
            Self::Foreign => "sync/foreign",
            Self::Format => "sync/format",
            Self::Malformed => "sync/malformed",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "the message is longer than a message may be; send it in parts",
            Self::Foreign => "the bytes are not a sync message",
            Self::Format => "the message is of a format that this build does not know; update the collector",
            Self::Malformed => "the message is cut short or damaged",
        })
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn message() -> Message {
        let exposure = Entry::Exposure { decision: 9, after: 12 };
        let outcome = Entry::Outcome { event: 1, decision: 9, after: 40, value: -5 };
        Message {
            replica: 7,
            sequence: 3,
            visitor: [1; 16],
            bundle: 5,
            began: 6,
            dropped: 0,
            entries: vec![exposure, outcome],
        }
    }

    #[test]
    fn a_message_comes_back_as_it_was() {
        assert_eq!(Message::decode(&message().encode()), Ok(message()));
    }

    #[test]
    fn what_is_written_by_hand_is_what_postcard_writes() {
        let mut message = message();
        message.entries.push(Entry::Outcome { event: u32::MAX, decision: u64::MAX, after: 0, value: i64::MIN });
        message.entries.push(Entry::Forgotten { withdrawn: 15, after: 300 });
        message.entries.push(Entry::Step { journey: u32::MAX, after: 3, since: 1 << 41, place: u64::MAX });
        message.entries.push(Entry::Candidate { decision: u64::MAX, after: 130, campaign: 300, probability: 65_535 });
        message.entries.push(Entry::Decision {
            id: 1 << 40,
            after: 128,
            placement: 2,
            campaign: u32::MAX,
            creative: 4,
            reason: 13,
            probability: u16::MAX,
            withheld: 7,
        });
        assert_eq!(message.encode()[5..], postcard::to_allocvec(&message).unwrap());
    }

    #[test]
    fn a_message_is_of_the_oldest_format_that_can_say_it() {
        let mut message = message();
        let mut format = |entry: Option<Entry>| {
            message.entries.extend(entry);
            message.encode()[4]
        };
        assert_eq!(format(None), 1);
        assert_eq!(format(Some(Entry::Step { journey: 1, after: 3, since: 4, place: 5 })), 2);
        assert_eq!(format(Some(Entry::Candidate { decision: 9, after: 0, campaign: 3, probability: 5 })), 3);
        assert_eq!(format(Some(Entry::Exposure { decision: 9, after: 1 })), 3);
    }

    #[test]
    fn every_cut_and_every_addition_is_refused() {
        let mut bytes = message().encode();
        for end in 0..bytes.len() {
            assert!(Message::decode(&bytes[..end]).is_err(), "{end}");
        }
        bytes.push(0);
        assert_eq!(Message::decode(&bytes), Err(Error::Malformed));
    }
}
