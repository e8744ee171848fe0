//! The profile's bytes, format 2 (`docs/formats/profile.md`): canonical, so equal profiles are equal bytes. Format 1 is read.
//!
//! A number that only grows along a cell's history has a fixed width, or one that grows with it: encoding a greater
//! profile never takes fewer bytes, on which the merge laws rest at the size bound.

use super::cell::{Cell, CellKey, Kind, Rank, day_of, day_slot, newest_day};
use super::seen::Seen;
use super::{MAX_BYTES, MAX_TAKEN, MAX_WINDOW, Profile, Taken};
use crate::hash::xxh64;
use crate::id::{Key, Visitor};
use crate::wire::{Length, Reader, Sink};
use alloc::vec::Vec;
use core::fmt;

const FORMAT: u8 = 2;
/// The first one: no device, no doubt, nothing taken in, and a replica in every group.
const FIRST: u8 = 1;
/// Format, generation, visitor, born, seen, floor.
const HEADER: usize = 1 + 4 + 16 + 3 + 4 + 14;
/// Device, doubt, last exposure, how many were taken in.
const SECOND: usize = 2 + 4 + 4 + 8 + 1;
/// Dot, minute, count.
const TAKEN: usize = 8 + 4 + 3;
const SEAL: usize = 4;
/// In a group's kind: its replica is told, being another than that of the group before.
const OTHER: u8 = 0x80;
/// The first format's kind of exposures ever.
const FIRST_EVER: u8 = 3;

/// Why bytes are not a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// Longer than any profile.
    Size,
    /// Shorter than any profile.
    Truncated,
    /// Written by a newer engine.
    Format,
    /// Not the bytes that were written.
    Damaged,
    /// Sealed, yet not a profile.
    Malformed,
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Size => "profile/size",
            Self::Truncated => "profile/truncated",
            Self::Format => "profile/format",
            Self::Damaged => "profile/damaged",
            Self::Malformed => "profile/malformed",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "the bytes are longer than a profile may be",
            Self::Truncated => "the bytes are shorter than any profile",
            Self::Format => "the profile was written by a newer engine; it is left as it is",
            Self::Damaged => "the profile is damaged",
            Self::Malformed => "the bytes are sealed like a profile but do not hold one",
        })
    }
}

impl core::error::Error for Error {}

impl Profile {
    /// The profile as bytes, at most [`MAX_BYTES`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.push(FORMAT);
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&self.visitor.0);
        out.fixed(u64::from(self.born), 3);
        out.extend_from_slice(&self.seen.to_le_bytes());
        out.fixed(u64::from(self.floor.hours), 3);
        out.push(self.floor.kind);
        out.extend_from_slice(&self.floor.id.to_le_bytes());
        out.extend_from_slice(&self.floor.replica.to_le_bytes());
        out.extend_from_slice(&self.floor.slot.to_le_bytes());
        out.extend_from_slice(&self.device.to_le_bytes());
        out.extend_from_slice(&self.doubted.to_le_bytes());
        out.fixed(u64::from(self.shown.0), 4);
        out.fixed(self.shown.1, 8);
        out.push(self.taken.len() as u8);
        for taken in &self.taken {
            out.fixed(taken.dot, 8);
            out.fixed(u64::from(taken.minute), 4);
            out.fixed(u64::from(taken.count), 3);
        }
        body(&self.cells, Some(self.device), self.seen, &mut out);
        let seal = xxh64(&out, 0) as u32;
        out.extend_from_slice(&seal.to_le_bytes());
        out
    }

    /// Reads a profile back.
    ///
    /// # Errors
    /// See [`Error`]. Whatever the bytes are, nothing is allocated beyond a small multiple of their length.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_BYTES {
            return Err(Error::Size);
        }
        match bytes.first() {
            None => return Err(Error::Truncated),
            Some(format) if *format > FORMAT || *format < FIRST => return Err(Error::Format),
            Some(_) => {}
        }
        let (sealed, seal) = bytes.split_last_chunk::<SEAL>().ok_or(Error::Truncated)?;
        if sealed.len() < HEADER {
            return Err(Error::Truncated);
        }
        if xxh64(sealed, 0) as u32 != u32::from_le_bytes(*seal) {
            return Err(Error::Damaged);
        }
        parse(sealed).ok_or(Error::Malformed)
    }
}

/// The most that [`Profile::encode`] would write for these cells, in bytes. What was taken in counts as if there were no
/// room left for more: it comes and goes, and must not decide which cells stay.
pub(super) fn encoded_len(cells: &[Cell], seen: u32) -> usize {
    let mut length = Length(0);
    // Nor must it matter whose copy this is.
    body(cells, None, seen, &mut length);
    HEADER + SECOND + TAKEN * MAX_TAKEN + length.0 + SEAL
}

/// Groups of cells with one (kind, id, replica), and one window where they are days: a head of kind, id and, where it changes, replica, then for cells of one
/// slot their content, for others how many and each one's slot and content. The first slot counts back from the newest
/// that can be, each further one forward from the one before.
fn body(cells: &[Cell], device: Option<u16>, seen: u32, out: &mut dyn Sink) {
    let mut before = device;
    for group in cells.chunk_by(|one, next| head(one) == head(next)) {
        write_group(group, &mut before, seen, out);
    }
}

fn write_group(group: &[Cell], before: &mut Option<u16>, seen: u32, out: &mut dyn Sink) {
    let Some(first) = group.first() else { return };
    let CellKey { kind, id, replica, slot } = first.key;
    let other = *before != Some(replica) && !kind.is_register();
    out.fixed(u64::from(kind as u8 | if other { OTHER } else { 0 }), 1);
    out.fixed(u64::from(id.0), 4);
    if other {
        out.fixed(u64::from(replica), 2);
        *before = Some(replica);
    }
    match kind {
        Kind::ExposureHour | Kind::Total => {
            out.fixed(first.stamp, 3);
            out.fixed(first.value, 3);
        }
        Kind::Exposures => {
            out.fixed(first.stamp, 3);
            out.fixed(first.value, 8);
        }
        Kind::Trait | Kind::Journey => {
            out.fixed(first.stamp, 6);
            out.fixed(first.value, 8);
        }
        Kind::Worth => {
            out.fixed(first.stamp, 3);
            out.fixed(first.value, 6);
        }
        Kind::Member => {
            out.fixed(first.stamp, 4);
            out.fixed(first.value, 1);
        }
        Kind::Affinity => {
            out.varint(group.len() as u64);
            for cell in group {
                out.fixed(u64::from(cell.key.slot), 4);
                out.fixed(cell.stamp, 3);
                out.fixed(cell.value, 4);
            }
        }
        Kind::Day => {
            let (day, window) = day_of(slot);
            out.fixed(u64::from(window), 1);
            out.varint(group.len() as u64);
            out.varint(u64::from(newest_day(seen).saturating_sub(day)));
            let mut before = slot;
            for (place, cell) in group.iter().enumerate() {
                if place > 0 {
                    out.varint(u64::from(cell.key.slot - before));
                    before = cell.key.slot;
                }
                out.varint(cell.value);
            }
        }
    }
}

fn head(cell: &Cell) -> (Kind, Key, u16, u32) {
    let CellKey { kind, id, replica, slot } = cell.key;
    (kind, id, replica, if kind == Kind::Day { day_of(slot).1 } else { 0 })
}

fn parse(sealed: &[u8]) -> Option<Profile> {
    let mut reader = Reader(sealed);
    let is_first = reader.fixed(1)? == u64::from(FIRST);
    let generation = reader.fixed(4)? as u32;
    let visitor = Visitor(*reader.take(16)?.first_chunk::<16>()?);
    let (born, seen) = (reader.fixed(3)? as u32, reader.fixed(4)? as u32);
    // No moment is later than the hours that a profile can say.
    if seen / 60 > 0xFF_FFFF {
        return None;
    }
    let floor = Rank {
        hours: reader.fixed(3)? as u32,
        kind: reader.fixed(1)? as u8,
        id: reader.fixed(4)? as u32,
        replica: reader.fixed(2)? as u16,
        slot: reader.fixed(4)? as u32,
    };
    let (mut device, mut doubted, mut shown, mut taken) = (0, 0, (0, 0), Vec::new());
    if !is_first {
        (device, doubted) = (reader.fixed(2)? as u16, reader.fixed(4)? as u32);
        shown = (reader.fixed(4)? as u32, reader.fixed(8)?);
        for _ in 0..reader.fixed(1)? {
            let next = Taken { dot: reader.fixed(8)?, minute: reader.fixed(4)? as u32, count: reader.fixed(3)? as u32 };
            if taken.last().is_some_and(|last: &Taken| last.dot >= next.dot) {
                return None;
            }
            taken.push(next);
        }
    }
    let mut cells: Vec<Cell> = Vec::new();
    let mut before = device;
    while !reader.0.is_empty() {
        let number = reader.fixed(1)? as u8;
        if is_first && number == FIRST_EVER {
            ever(&mut reader, &mut cells)?;
            continue;
        }
        let kind = *Kind::ALL.iter().find(|kind| **kind as u8 == number & !OTHER)?;
        let id = Key(reader.fixed(4)? as u32);
        if is_first {
            before = u16::try_from(reader.varint()?).ok()?;
        } else if number & OTHER != 0 {
            before = Some(reader.fixed(2)? as u16).filter(|replica| *replica != before && !kind.is_register())?;
        }
        let replica = if kind.is_register() { 0 } else { before };
        let key = |slot| CellKey { kind, id, replica, slot };
        let mut push = |cell: Cell| {
            let ascends = cells.last().is_none_or(|last| last.key < cell.key);
            cells.push(cell);
            (ascends && (cell.value > 0 || cell.key.kind.is_register())).then_some(())
        };
        match kind {
            Kind::ExposureHour | Kind::Total => {
                push(Cell { key: key(0), stamp: reader.fixed(3)?, value: reader.fixed(3)? })?;
            }
            Kind::Exposures => {
                let (stamp, value) = (reader.fixed(3)?, reader.fixed(8)?);
                push(Cell { key: key(0), stamp, value: if is_first { Seen::of_first(value).0 } else { value } })?;
            }
            Kind::Trait | Kind::Journey => {
                push(Cell { key: key(0), stamp: reader.fixed(6)?, value: reader.fixed(8)? })?
            }
            Kind::Worth => push(Cell { key: key(0), stamp: reader.fixed(3)?, value: reader.fixed(6)? })?,
            Kind::Member => push(Cell { key: key(0), stamp: reader.fixed(4)?, value: reader.fixed(1)? })?,
            Kind::Affinity => {
                for _ in 0..reader.varint()? {
                    let slot = reader.fixed(4)? as u32;
                    push(Cell { key: key(slot), stamp: reader.fixed(3)?, value: reader.fixed(4)? })?;
                }
            }
            Kind::Day => {
                let window = if is_first { MAX_WINDOW } else { reader.fixed(1)? as u32 };
                let count = reader.varint()?;
                let back = u32::try_from(reader.varint()?).ok()?;
                let mut day = newest_day(seen).checked_sub(back)?;
                for place in 0..count {
                    if place > 0 {
                        day = day.checked_add(u32::try_from(reader.varint()?).ok()?)?;
                    }
                    if day > newest_day(seen) || window > MAX_WINDOW {
                        return None;
                    }
                    let value = reader.varint().filter(|value| *value <= u64::from(u32::MAX))?;
                    push(Cell { key: key(day_slot(day, window)), stamp: 0, value })?;
                }
            }
        }
    }
    let mut profile = Profile { generation, visitor, device, born, seen, doubted, shown, floor, taken, cells };
    profile.normalise();
    Some(profile)
}

/// Exposures ever, which the first format kept apart: they join those of the week, of the same campaign and replica.
fn ever(reader: &mut Reader<'_>, cells: &mut [Cell]) -> Option<()> {
    let (id, replica) = (Key(reader.fixed(4)? as u32), u16::try_from(reader.varint()?).ok()?);
    let (_, count) = (reader.fixed(3)?, reader.fixed(3)?);
    let of_week = |cell: &&mut Cell| (cell.key.kind, cell.key.id, cell.key.replica) == (Kind::Exposures, id, replica);
    if let Some(cell) = cells.iter_mut().find(of_week) {
        cell.value = Seen(cell.value).with_ever(count).0;
    }
    Some(())
}
