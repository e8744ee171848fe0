//! What the origin answers to a message: what has arrived, and what is known of the visitor elsewhere.
//!
//! An answer is small and complete: each one says all that the origin has to say, so that one that was lost is made good
//! by the next. A device takes from it what its visitor permits.
//!
//! Layout: `PF4A`, one format byte, then the fields of [`Answer`] in [postcard](https://postcard.jamesmunns.com).

use super::MAGIC as MESSAGE;
use crate::wire::Reader;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

const MAGIC: [u8; 4] = *b"PF4A";
/// The format that has places in journeys. An answer without them is written as the first, for devices that are older.
const FORMAT: u8 = 2;
const FIRST: u8 = 1;

/// No answer is longer.
pub const MAX_BYTES: usize = 6 * 1024;

/// An answer names at most this many feeds, receipts, memberships, exposures elsewhere and places in journeys, each.
pub const MAX_ROWS: usize = 64;

/// What the origin says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What became of the message.
    pub verdict: Verdict,
    /// Hash of the bundle that the origin serves now; 0 when it serves none.
    pub bundle: u64,
    /// The author's version of that bundle.
    pub version: u64,
    /// Versions of feeds that the origin serves, so that a device fetches only what has changed.
    pub feeds: Vec<Feed>,
    /// Messages of this visitor that are stored, the latest first: a beacon gets no answer, so this one speaks for it.
    pub received: Vec<Receipt>,
    /// Segments that the origin has put the visitor in or taken it out of.
    pub members: Vec<Member>,
    /// Exposures of the same person on other devices.
    pub elsewhere: Vec<Elsewhere>,
    /// Where the same person stands in journeys.
    pub standings: Vec<Standing>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It is stored.
    #[default]
    Stored,
    /// It was stored before.
    Duplicate,
    /// Its visitor has been forgotten: it was let go.
    Forgotten,
}

/// A feed and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// Key of the feed.
    pub feed: u32,
    /// Differs when its levels do.
    pub version: u64,
}

/// A message that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Who counted it.
    pub replica: u64,
    /// Its number.
    pub sequence: u32,
}

/// In a segment or out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Key of the segment.
    pub segment: u32,
    /// In, or out.
    pub inside: bool,
    /// Unix ms of when that was so; the later word wins.
    pub as_of: u64,
}

/// How often a campaign was seen on other devices, on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// Key of the campaign.
    pub campaign: u32,
    /// Local day of the exposures, in days since 1970.
    pub day: u32,
    /// How many, on all other devices together.
    pub exposures: u16,
}

/// Where the person stands in a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Key of the journey.
    pub journey: u32,
    /// Unix ms of when they came there.
    pub since: u64,
    /// Where, as a profile keeps it.
    pub place: u64,
}

impl Answer {
    /// The answer as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32);
        bytes.extend_from_slice(&MAGIC);
        let is_first = self.standings.is_empty();
        bytes.push(if is_first { FIRST } else { FORMAT });
        // Plain values into memory: there is no way to fail, and an empty answer would be refused by any reader.
        let mut bytes = postcard::to_extend(self, bytes).unwrap_or_default();
        if is_first {
            // The first format ends before them; none of them is one byte.
            bytes.pop();
        }
        bytes
    }

    /// Reads an answer back.
    ///
    /// # Errors
    /// [`Error::Size`] beyond [`MAX_BYTES`] or [`MAX_ROWS`]; [`Error::Foreign`] when it does not begin as an answer;
    /// [`Error::Format`] when a newer origin wrote it; [`Error::Malformed`] when the fields do not fill the bytes exactly.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_BYTES {
            return Err(Error::Size);
        }
        let (format, body) = bytes.strip_prefix(&MAGIC).and_then(<[u8]>::split_first).ok_or(Error::Foreign)?;
        if !(FIRST..=FORMAT).contains(format) {
            return Err(Error::Format);
        }
        let mut reader = Reader(body);
        let answer = Self::read(&mut reader, *format).ok_or(Error::Malformed)?;
        let Self { feeds, received, members, elsewhere, standings, .. } = &answer;
        let rows = [feeds.len(), received.len(), members.len(), elsewhere.len(), standings.len()];
        if rows.into_iter().any(|rows| rows > MAX_ROWS) {
            return Err(Error::Size);
        }
        if reader.0.is_empty() { Ok(answer) } else { Err(Error::Malformed) }
    }

    /// As postcard does, but by hand: on a phone it is a third of the bytes.
    fn read(from: &mut Reader<'_>, format: u8) -> Option<Self> {
        Some(Self {
            verdict: match from.fixed(1)? {
                0 => Verdict::Stored,
                1 => Verdict::Duplicate,
                2 => Verdict::Forgotten,
                _ => return None,
            },
            bundle: from.varint()?,
            version: from.varint()?,
            feeds: rows(from, |from| Some(Feed { feed: from.short()?, version: from.varint()? }))?,
            received: rows(from, |from| Some(Receipt { replica: from.varint()?, sequence: from.short()? }))?,
            members: rows(from, |from| {
                let (segment, inside) = (from.short()?, from.fixed(1).filter(|inside| *inside < 2)? > 0);
                Some(Member { segment, inside, as_of: from.varint()? })
            })?,
            elsewhere: rows(from, |from| {
                let (campaign, day) = (from.short()?, from.short()?);
                Some(Elsewhere { campaign, day, exposures: u16::try_from(from.varint()?).ok()? })
            })?,
            standings: if format == FIRST {
                Vec::new()
            } else {
                rows(from, |from| {
                    Some(Standing { journey: from.short()?, since: from.varint()?, place: from.varint()? })
                })?
            },
        })
    }
}

impl Receipt {
    /// The receipt that a message would get; none when the bytes are no message. Reads its beginning alone.
    #[must_use]
    pub fn of(message: &[u8]) -> Option<Self> {
        let body = message.strip_prefix(&MESSAGE)?.get(1..)?;
        let mut reader = Reader(body);
        Some(Self { replica: reader.varint()?, sequence: reader.short()? })
    }
}

/// As many rows as are told; a number that the bytes cannot hold ends where they do.
fn rows<T>(from: &mut Reader<'_>, read: impl Fn(&mut Reader<'_>) -> Option<T>) -> Option<Vec<T>> {
    let mut rows = Vec::new();
    for _ in 0..from.varint()? {
        rows.push(read(from)?);
    }
    Some(rows)
}

/// Why bytes are not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// Longer than any answer.
    Size,
    /// Not an answer at all.
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
            Self::Size => "answer/size",
            Self::Foreign => "answer/foreign",
            Self::Format => "answer/format",
            Self::Malformed => "answer/malformed",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "the answer is longer than an answer may be",
            Self::Foreign => "the bytes are not an answer to a sync message",
            Self::Format => "the answer is of a format that this build does not know; update the package",
            Self::Malformed => "the answer is cut short or damaged",
        })
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::super::{Entry, Message};
    use super::*;
    use alloc::vec;

    /// Bytes of an answer with one row of each kind, as the first build that knew format 1 wrote them.
    const FROZEN: [u8; 60] = [
        80, 70, 52, 65, 1, 1, 239, 155, 175, 205, 248, 172, 209, 145, 1, 7, 1, 3, 128, 180, 184, 152, 232, 51, 1, 255,
        255, 255, 255, 255, 255, 255, 255, 255, 1, 172, 2, 1, 152, 245, 242, 246, 15, 1, 128, 180, 184, 152, 232, 51,
        1, 144, 228, 208, 178, 7, 253, 160, 1, 2,
    ];

    fn answer() -> Answer {
        Answer {
            verdict: Verdict::Duplicate,
            bundle: 0x0123_4567_89AB_CDEF,
            version: 7,
            feeds: vec![Feed { feed: 3, version: 1_780_315_200_000 }],
            received: vec![Receipt { replica: u64::MAX, sequence: 300 }],
            members: vec![Member { segment: 0xFEDC_BA98, inside: true, as_of: 1_780_315_200_000 }],
            elsewhere: vec![Elsewhere { campaign: 0x7654_3210, day: 20_605, exposures: 2 }],
            standings: Vec::new(),
        }
    }

    #[test]
    fn an_answer_comes_back_as_it_was() {
        assert_eq!(Answer::decode(&answer().encode()), Ok(answer()));
    }

    #[test]
    fn what_was_written_as_format_1_reads_as_it_did() {
        assert_eq!(answer().encode(), FROZEN);
        assert_eq!(Answer::decode(&FROZEN), Ok(answer()));
    }

    #[test]
    fn places_in_journeys_make_it_format_2() {
        let standings = vec![Standing { journey: 7, since: 1_780_315_200_000, place: 3 << 28 }];
        let answer = Answer { standings, ..answer() };
        let bytes = answer.encode();
        assert_eq!(bytes[4], 2);
        assert_eq!(Answer::decode(&bytes), Ok(answer));
        (0..bytes.len()).for_each(|end| assert!(Answer::decode(&bytes[..end]).is_err(), "{end}"));
    }

    #[test]
    fn every_cut_and_every_addition_is_refused() {
        let mut bytes = answer().encode();
        for end in 0..bytes.len() {
            assert!(Answer::decode(&bytes[..end]).is_err(), "{end}");
        }
        bytes.push(0);
        assert_eq!(Answer::decode(&bytes), Err(Error::Malformed));
    }

    #[test]
    fn an_answer_with_too_many_rows_is_refused_and_the_fullest_fits() {
        let row = Member { segment: u32::MAX, inside: true, as_of: u64::MAX };
        let mut full = Answer { bundle: u64::MAX, version: u64::MAX, ..answer() };
        full.members = vec![row; MAX_ROWS];
        full.feeds = vec![Feed { feed: u32::MAX, version: u64::MAX }; MAX_ROWS];
        full.received = vec![Receipt { replica: u64::MAX, sequence: u32::MAX }; MAX_ROWS];
        full.elsewhere = vec![Elsewhere { campaign: u32::MAX, day: u32::MAX, exposures: u16::MAX }; MAX_ROWS];
        full.standings = vec![Standing { journey: u32::MAX, since: 1 << 48, place: u64::MAX }; MAX_ROWS];
        assert_eq!(Answer::decode(&full.encode()), Ok(full.clone()));
        full.members.push(row);
        assert_eq!(Answer::decode(&full.encode()), Err(Error::Size));
    }

    #[test]
    fn a_message_names_its_own_receipt() {
        let entries = vec![Entry::Exposure { decision: 1, after: 2 }];
        let message =
            Message { replica: 1 << 40, sequence: 77, visitor: [3; 16], bundle: 1, began: 2, dropped: 0, entries };
        assert_eq!(Receipt::of(&message.encode()), Some(Receipt { replica: 1 << 40, sequence: 77 }));
        assert_eq!(Receipt::of(b"PF4S"), None);
        assert_eq!(Receipt::of(b"something"), None);
    }
}
