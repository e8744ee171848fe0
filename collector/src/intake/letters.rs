//! Where a read event goes: into the delivery, or, with what was wrong, into a letter that can be sent again.

use super::{call::Arrival, fault::Fault};
use crate::event::{Delivery, Event, LETTER_BYTES, Letter};

/// What came of one event; none may not be stored.
pub type Read = Result<Option<Event>, Fault>;

/// Puts what was read where it belongs. `body` makes what a letter keeps, and is asked only for one.
pub fn sort(delivery: &mut Delivery, read: Read, position: u32, arrival: &Arrival<'_>, body: impl FnOnce() -> Vec<u8>) {
    match read {
        Ok(Some(event)) => delivery.events.push(event),
        Ok(None) => delivery.unpermitted += 1,
        Err(fault) => delivery.letters.push(letter(fault, position, arrival, body())),
    }
}

/// A letter.
#[must_use]
pub fn letter(fault: Fault, position: u32, arrival: &Arrival<'_>, mut body: Vec<u8>) -> Letter {
    body.truncate(LETTER_BYTES);
    let Fault { code, field, message } = fault;
    let (source, path) = (arrival.source.to_owned(), arrival.path.to_owned());
    Letter { source, path, position, code: code.to_owned(), field, message, body }
}

/// The bytes without the write key that stands in them: letters are read by people.
#[must_use]
pub fn without(bytes: &[u8], key: Option<&str>) -> Vec<u8> {
    let Some(key) = key.filter(|key| !key.is_empty()) else { return bytes.to_vec() };
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(key.as_bytes()) {
            rest = after;
        } else {
            kept.push(*byte);
            rest = after;
        }
    }
    kept
}
