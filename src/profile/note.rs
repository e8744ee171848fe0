//! A note: what somebody did who may not write the profile, for whoever does (`docs/adr/0006-one-writer-and-notes.md`).
//!
//! Layout, little-endian: format u8 (1), generation u32, dot u64, number of the first change u32, ms since 1970 u48; then
//! each change as kind u8, id u32, ms since the one before varint, offset of local time i16, extra varint, value varint; then
//! the low half of XXH64 over all of it. At most [`MAX_CHANGES`] changes.

use super::change::{Change, What};
use crate::hash::xxh64;
use crate::id::Key;
use crate::time::{Moment, Timestamp};
use crate::wire::{Reader, Sink};
use alloc::vec::Vec;
use core::fmt;

const FORMAT: u8 = 1;

/// A note holds at most this many changes, some fourteen bytes each.
pub const MAX_CHANGES: usize = 128;

/// Most bytes of a note: a change takes at most 35.
pub const MAX_BYTES: usize = 27 + 35 * MAX_CHANGES;

/// A list of changes under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Of the profile that it belongs to: what was done before a visitor was forgotten is forgotten too.
    pub generation: u32,
    /// Random: whose changes these are.
    pub dot: u64,
    /// Number of the first change, counted from 0 over the writer's life.
    pub first: u32,
    /// What was done, and when.
    pub changes: Vec<(Change, Moment)>,
}

/// Why bytes are not a note. Such bytes can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// Written by a newer engine.
    Format,
    /// Not the bytes that were written, or longer than any note.
    Damaged,
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Format => "note/format",
            Self::Damaged => "note/damaged",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => "the note was written by a newer engine; it is left as it is",
            Self::Damaged => "the note is damaged",
        })
    }
}

impl core::error::Error for Error {}

impl Note {
    /// The note as bytes; empty when there is nothing in it, for then there is nothing to keep.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let Some((_, began)) = self.changes.first() else { return out };
        let mut before = began.now.0.min(0xFFFF_FFFF_FFFF);
        out.push(FORMAT);
        out.fixed(u64::from(self.generation), 4);
        out.fixed(self.dot, 8);
        out.fixed(u64::from(self.first), 4);
        out.fixed(before, 6);
        for (change, moment) in self.changes.iter().take(MAX_CHANGES) {
            // A clock that went back stands still here: within one note that is seconds.
            let now = moment.now.0.clamp(before, 0xFFFF_FFFF_FFFF);
            out.push(change.what as u8);
            out.fixed(u64::from(change.id.0), 4);
            out.varint(now - before);
            out.fixed(u64::from(moment.offset_minutes as u16), 2);
            out.varint(u64::from(change.extra));
            out.varint(change.value);
            before = now;
        }
        let seal = xxh64(&out, 0);
        out.fixed(seal, 4);
        out
    }

    /// Reads a note back.
    ///
    /// # Errors
    /// See [`Error`]. Nothing is allocated beyond a small multiple of the bytes' length.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        match bytes.first() {
            Some(format) if *format > FORMAT => return Err(Error::Format),
            _ if bytes.len() > MAX_BYTES => return Err(Error::Damaged),
            _ => {}
        }
        let (sealed, seal) = bytes.split_last_chunk::<4>().ok_or(Error::Damaged)?;
        if xxh64(sealed, 0) as u32 != u32::from_le_bytes(*seal) {
            return Err(Error::Damaged);
        }
        parse(sealed).ok_or(Error::Damaged)
    }
}

fn parse(sealed: &[u8]) -> Option<Note> {
    let mut reader = Reader(sealed);
    if reader.fixed(1)? != u64::from(FORMAT) {
        return None;
    }
    let (generation, dot) = (reader.fixed(4)? as u32, reader.fixed(8)?);
    let first = reader.fixed(4)? as u32;
    let mut now = reader.fixed(6)?;
    let mut changes = Vec::new();
    while !reader.0.is_empty() {
        let what = *What::ALL.get(reader.fixed(1)? as usize)?;
        let id = Key(reader.fixed(4)? as u32);
        now = now.checked_add(reader.varint()?)?;
        let offset_minutes = reader.fixed(2)? as u16 as i16;
        let extra = u32::try_from(reader.varint()?).ok()?;
        let change = Change { what, id, extra, value: reader.varint()? };
        changes.push((change, Moment { now: Timestamp(now), offset_minutes }));
    }
    (!changes.is_empty() && changes.len() <= MAX_CHANGES).then_some(Note { generation, dot, first, changes })
}
