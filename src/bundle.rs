//! The bundle's envelope: from bytes that came from outside to a [`Catalog`], or to a reason why not.
//!
//! Opening checks the magic, the format, the length, the hash and that each section lies within the file with whole
//! records; it copies nothing and builds nothing. What the records say is not believed either: every index is checked
//! where it is used.
//!
//! Absent: signatures, which the host's platform will check before these bytes get here.

use crate::catalog::{Catalog, SECTIONS};
use crate::hash::xxh64;
use alloc::vec::Vec;
use core::fmt;

/// First four bytes.
pub const MAGIC: [u8; 4] = *b"PF4B";
/// The format that this build reads and writes.
pub const FORMAT: u16 = 1;
/// Bytes before the directory.
pub const HEADER: usize = 64;
/// Bytes of a directory entry.
pub const ENTRY: usize = 16;
/// The largest bundle: some ten times what ten thousand campaigns need.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Most sections.
pub const MAX_SECTIONS: u16 = 64;

/// Why bytes are not a bundle that this build can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// Not a bundle at all.
    Foreign,
    /// Written for a newer engine.
    Format,
    /// Shorter than it says, or cut.
    Truncated,
    /// Longer than any bundle.
    Size,
    /// The bytes are not those that were written.
    Damaged,
    /// A section is missing, doubled, out of place or not whole.
    Layout,
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Foreign => "bundle/foreign",
            Self::Format => "bundle/format",
            Self::Truncated => "bundle/truncated",
            Self::Size => "bundle/size",
            Self::Damaged => "bundle/damaged",
            Self::Layout => "bundle/layout",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreign => "the bytes are not a bundle; was a web page served in its place?",
            Self::Format => {
                "the bundle was written for a newer engine; update the engine or build it with this version"
            }
            Self::Truncated => "the bundle is cut short; fetch it again",
            Self::Size => "the bundle is larger than 16 MiB",
            Self::Damaged => "the bundle is damaged; fetch it again",
            Self::Layout => "a section of the bundle is missing or out of place; build it again",
        })
    }
}

impl core::error::Error for Error {}

/// The hash that seals a bundle: over everything but the eight bytes that hold it.
#[must_use]
pub fn seal(bytes: &[u8]) -> u64 {
    let head = xxh64(bytes.get(..24).unwrap_or(&[]), 0);
    xxh64(bytes.get(32..).unwrap_or(&[]), head)
}

/// Opens a bundle.
///
/// # Errors
/// See [`Error`]; the bytes are dropped.
pub fn open(bytes: Vec<u8>) -> Result<Catalog, Error> {
    if !bytes.starts_with(&MAGIC) {
        return Err(if MAGIC.starts_with(&bytes) { Error::Truncated } else { Error::Foreign });
    }
    let format = u16_at(&bytes, 4).ok_or(Error::Truncated)?;
    if format != FORMAT {
        return Err(if format > FORMAT { Error::Format } else { Error::Layout });
    }
    if bytes.len() > MAX_BYTES {
        return Err(Error::Size);
    }
    let length = u32_at(&bytes, 8).ok_or(Error::Truncated)? as usize;
    if bytes.len() < length.max(HEADER) {
        return Err(Error::Truncated);
    }
    let hash = u64_at(&bytes, 24).ok_or(Error::Truncated)?;
    if bytes.len() != length || seal(&bytes) != hash {
        return Err(Error::Damaged);
    }
    let version = u64_at(&bytes, 16).ok_or(Error::Truncated)?;
    let (sections, words) = directory(&bytes).ok_or(Error::Layout)?;
    Ok(Catalog::new(bytes, sections, words, hash, version))
}

type Sections = [core::ops::Range<usize>; SECTIONS.len()];

fn directory(bytes: &[u8]) -> Option<(Sections, usize)> {
    let count = u16_at(bytes, 6).filter(|count| *count <= MAX_SECTIONS)?;
    let mut found: Sections = core::array::from_fn(|_| 0..0);
    let mut words = 0usize;
    let mut free = HEADER + ENTRY * usize::from(count);
    for entry in bytes.get(HEADER..free)?.as_chunks::<ENTRY>().0 {
        let field = |at: usize| u32_at(entry, at).map(|number| number as usize);
        let (start, length, stride) = (field(4)?, field(8)?, field(12)?);
        let end = start.checked_add(length)?;
        // In order, on a multiple of eight, within the file and in whole records: two sections never share a byte.
        if start < free
            || !start.is_multiple_of(8)
            || end > bytes.len()
            || stride == 0
            || !length.is_multiple_of(stride)
        {
            return None;
        }
        free = end;
        let Some((place, expected)) = SECTIONS
            .iter()
            .position(|(_, kind, _)| entry.starts_with(kind))
            .and_then(|place| Some((place, SECTIONS.get(place)?.2)))
        else {
            continue;
        };
        if place == 0 {
            words = u32_at(bytes, start)? as usize;
        }
        let expected = if expected == 0 { words.checked_mul(8)? } else { expected as usize };
        let slot = found.get_mut(place)?;
        if stride != expected || slot.start != slot.end {
            return None;
        }
        *slot = start..end;
    }
    // A row longer than the file could never be there; no bundle without its own record.
    let meta = found.first()?;
    (meta.len() == 32 && words > 0 && words <= bytes.len() / 8).then_some((found, words))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk::<2>().map(|chunk| u16::from_le_bytes(*chunk))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|chunk| u32::from_le_bytes(*chunk))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<8>().map(|chunk| u64::from_le_bytes(*chunk))
}
