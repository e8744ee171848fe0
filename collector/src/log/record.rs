//! What one intake hands to the log: bytes that any collector of this schema or a later one can store.
//!
//! A record is a format number and the record in postcard. Decoding never fails a collector: what is not understood becomes a letter.

use petitfour::{hash::xxh64, sync::Message};
use serde::{Deserialize, Serialize};

use crate::{event::Delivery, ledger::Intake};

/// The only format so far.
const FORMAT: u8 = 1;

/// One piece of what was taken in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// Sync messages, as devices encoded them.
    Syncs(Vec<Vec<u8>>),
    /// Events and letters.
    Events(Delivery),
    /// Nothing: somebody asked whether the log takes writes.
    Probe,
}

impl Record {
    /// The bytes; none when it cannot be written, which no record of ours is.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        postcard::to_extend(self, vec![FORMAT]).ok()
    }

    /// Reads bytes; none when they are no record that this build knows.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        if *format != FORMAT {
            return None;
        }
        match postcard::take_from_bytes(rest) {
            Ok((record, [])) => Some(record),
            _ => None,
        }
    }
}

/// Reads an encoded sync message.
///
/// # Errors
/// Why it is none.
pub fn intake(bytes: &[u8]) -> Result<Intake, petitfour::sync::Error> {
    let message = Message::decode(bytes)?;
    Ok(Intake { message, bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX), digest: xxh64(bytes, 0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Identifier, Kind, Letter};

    fn delivery() -> Delivery {
        let event = Event {
            kind: Kind::Track,
            message: [7; 16],
            source: "shop".into(),
            name: "Order Completed".into(),
            at: 1_760_000_000_000,
            identifiers: vec![Identifier { namespace: 2, forms: 1, value: vec![9; 32] }],
            value: -5,
            permitted: 15,
            contacts: Vec::new(),
            body: "{}".into(),
        };
        let letter = Letter {
            source: "shop".into(),
            path: "/v1/batch".into(),
            position: 3,
            code: "event/type".into(),
            field: "/type".into(),
            message: "type is missing".into(),
            body: vec![0, 255],
        };
        Delivery { events: vec![event], letters: vec![letter], unpermitted: 0 }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for record in [Record::Syncs(vec![vec![1, 2], Vec::new()]), Record::Events(delivery()), Record::Probe] {
            assert_eq!(Record::decode(&record.encode().unwrap_or_default()), Some(record));
        }
    }

    #[test]
    fn what_was_cut_or_is_of_another_format_is_no_record() {
        let bytes = Record::Events(delivery()).encode().unwrap_or_default();
        for length in 0..bytes.len() {
            assert_eq!(Record::decode(&bytes[..length]), None);
        }
        let mut other = bytes.clone();
        other[0] = 2;
        assert_eq!(Record::decode(&other), None);
        assert_eq!(Record::decode(&[bytes.as_slice(), &[0]].concat()), None);
    }
}
