//! Which identifiers a visitor was told to have: a bounded set that merges.
//!
//! An element is a digest under the permissions that were open when it came; told again under others, it is another
//! element, and withdrawing one permission takes one of the two. There are two shelves, for what may be shared and for
//! what may not, since those are withdrawn apart.
//!
//! Each shelf is cut from below along one order, (when, hash), by one number, its `floor`. Being full raises it, and so
//! does a withdrawal: everything that came until then lies under it. That both take a prefix of the same order is what
//! makes merging associative; a withdrawal that picked elements out of the middle would not be, once something had been
//! evicted to make room for them.
//!
//! Invariant: a shelf is strictly ascending by (code, permissions, digest), holds at most [`SHELF`] elements, and each
//! ranks above its floor.

use super::{Digest, Hashed};
use crate::consent::Permissions;
use crate::time::Moment;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

/// Most identifiers on one shelf. An e-mail address takes two at most, a phone number two; a shopper with both, a
/// customer number, a click and four partners' ids fits.
pub const SHELF: usize = 12;

/// Most bytes of the encoding.
pub const MAX_BYTES: usize = 1 + 2 * (HEAD + SHELF * ENTRY);

const FORMAT: u8 = 1;
/// Minutes of a day.
const DAY: u32 = 24 * 60;
/// Floor and count.
const HEAD: usize = 8 + 1;
/// Key and minute.
const ENTRY: usize = KEY + 4;
const KEY: usize = 1 + 1 + 32;

/// An identifier, the permissions it came under, and when: code, permissions, digest, minutes since 1970 in little-endian.
///
/// It stays in the bytes of its encoding: taken apart into fields, the set cost every visitor 900 bytes more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identifier([u8; ENTRY]);

/// A visitor's identifiers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identifiers {
    /// What may not be shared, what may.
    shelves: [Shelf; 2],
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Shelf {
    floor: u64,
    kept: Vec<Identifier>,
}

/// Why bytes are not a set of identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// Written by a newer engine.
    Format,
    /// Cut short, followed by something else, or out of order.
    Damaged,
}

impl Identifiers {
    /// Takes in an identifier that came under `permissions`. Returns false, and keeps nothing, while storing is not
    /// permitted, or when a full shelf has no place for it.
    ///
    /// What comes after a withdrawal is kept even if the clock has gone back behind it: it counts as told a minute after.
    pub fn add(&mut self, hashed: Hashed, permissions: Permissions, moment: Moment) -> bool {
        if !permissions.store() {
            return false;
        }
        let [kept, shared] = &mut self.shelves;
        let shelf = if permissions.share() { shared } else { kept };
        let after = (shelf.floor.saturating_add(1) >> 32) as u32;
        let identifier = Identifier::new(hashed, permissions, moment.now.minutes().max(after));
        shelf.take(&identifier);
        shelf.trim();
        shelf.place(&identifier).is_ok()
    }

    /// Lets go of everything that came until now under any of `withdrawn`; no older copy brings it back.
    ///
    /// Sharing takes what may be shared. Storing, personalising and measuring take everything: a site tells its
    /// identifiers again with every visit, so more taken than asked for heals, and less taken would not.
    pub fn withdraw(&mut self, withdrawn: Permissions, moment: Moment) {
        let others = Permissions::from_bits(withdrawn.bits() & 0b0111) != Permissions::NONE;
        let [kept, shared] = &mut self.shelves;
        if others {
            kept.withdraw(moment);
        }
        if others || withdrawn.share() {
            shared.withdraw(moment);
        }
    }

    /// Takes in another copy.
    pub fn merge(&mut self, other: &Self) {
        // What it wrote itself is never refused.
        let _ = self.absorb(&other.encode());
    }

    /// Lets go of everything that came up to `minute`, as a withdrawal does: the visitor was forgotten then; 0 for never.
    pub fn forget_until(&mut self, minute: u32) {
        for shelf in &mut self.shelves {
            shelf.cut(shelf.floor.max(if minute == 0 { 0 } else { floor(minute) }));
        }
    }

    /// Was it told today (of UTC) already, while sharing was open? Under that rule it has been sent.
    #[must_use]
    pub fn was_shared_today(&self, hashed: &Hashed, moment: Moment) -> bool {
        let [_, shared] = &self.shelves;
        shared
            .kept
            .iter()
            .any(|known| known.hashed().mark() == hashed.mark() && known.minutes() / DAY == moment.now.minutes() / DAY)
    }

    /// Every identifier.
    pub fn iter(&self) -> impl Iterator<Item = &Identifier> {
        self.shelves.iter().flat_map(|shelf| &shelf.kept)
    }

    /// Is none kept?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The set as bytes, at most [`MAX_BYTES`]: format u8, then for each shelf its floor u64, its count u8 and its
    /// elements (code u8, permissions u8, digest, minute u32), little-endian. Equal sets are equal bytes.
    #[must_use]
    #[inline(never)]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + 2 * HEAD + self.iter().count() * ENTRY);
        out.push(FORMAT);
        for shelf in &self.shelves {
            out.extend_from_slice(&shelf.floor.to_le_bytes());
            out.push(shelf.kept.len() as u8);
            shelf.kept.iter().for_each(|known| out.extend_from_slice(&known.0));
        }
        out
    }

    /// Reads a set back.
    ///
    /// # Errors
    /// [`Error::Format`] for another format; [`Error::Damaged`] for anything that [`Identifiers::encode`] never writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut whole = Self::default();
        whole.absorb(bytes)?;
        // Order, floors and bounds: whatever is amiss there is not written again.
        if whole.encode() == bytes { Ok(whole) } else { Err(Error::Damaged) }
    }

    /// Takes in another copy from its bytes, without a second set in memory: what the module of every visitor can afford.
    /// Of damaged bytes it takes what stands before the damage.
    ///
    /// # Errors
    /// [`Error::Format`] for another format; [`Error::Damaged`] for a wrong length or an element that cannot be.
    pub fn absorb(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (format, mut rest) = bytes.split_first().ok_or(Error::Damaged)?;
        if *format != FORMAT {
            return Err(Error::Format);
        }
        for (shared, shelf) in self.shelves.iter_mut().enumerate() {
            shelf.read(&mut rest, shared == 1).ok_or(Error::Damaged)?;
        }
        if rest.is_empty() { Ok(()) } else { Err(Error::Damaged) }
    }
}

impl Identifier {
    fn new(hashed: Hashed, permissions: Permissions, minutes: u32) -> Self {
        let mut bytes = [0; ENTRY];
        let [code, under, rest @ ..] = &mut bytes;
        (*code, *under) = (hashed.code, permissions.bits());
        let (digest, when) = rest.split_at_mut(32);
        digest.copy_from_slice(&hashed.digest.0);
        when.copy_from_slice(&minutes.to_le_bytes());
        Self(bytes)
    }

    /// Kind and digest.
    #[must_use]
    pub fn hashed(&self) -> Hashed {
        let [code, _, rest @ ..] = &self.0;
        Hashed { code: *code, digest: Digest(*rest.first_chunk().unwrap_or(&[0; 32])) }
    }

    /// The permissions it came under.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        let [_, under, ..] = self.0;
        Permissions::from_bits(under)
    }

    /// When it was last told, in minutes since 1970.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        self.0.last_chunk().map_or(0, |when| u32::from_le_bytes(*when))
    }

    /// Code, permissions, digest.
    fn key(&self) -> &[u8] {
        self.0.first_chunk::<KEY>().map_or(&[], |key| key)
    }

    /// Grows when the identifier is told again, and with nothing else. What follows the minute is the digest's beginning:
    /// it is as good a hash as any.
    fn rank(&self) -> u64 {
        let [code, under, first, second, third, fourth, ..] = self.0;
        let salt = u32::from_le_bytes([first, second, third ^ code, fourth ^ under]);
        u64::from(self.minutes()) << 32 | u64::from(salt)
    }
}

impl Shelf {
    /// Where it stands, or where it would. Twelve at most: walking takes less code than searching.
    #[inline(never)]
    fn place(&self, told: &Identifier) -> Result<usize, usize> {
        for (place, known) in self.kept.iter().enumerate() {
            // Byte by byte: as slices of a known length, the comparison took 900 bytes more of the module.
            match known.key().iter().cmp(told.key()) {
                Ordering::Less => {}
                Ordering::Equal => return Ok(place),
                Ordering::Greater => return Err(place),
            }
        }
        Err(self.kept.len())
    }

    #[inline(never)]
    fn take(&mut self, told: &Identifier) {
        match self.place(told) {
            Err(place) => self.kept.insert(place, *told),
            // Of one key, the greater rank is the later time.
            Ok(place) => self.kept.iter_mut().skip(place).take(1).for_each(|known| {
                if known.rank() < told.rank() {
                    *known = *told;
                }
            }),
        }
    }

    /// Restores the invariant.
    #[inline(never)]
    fn trim(&mut self) {
        self.cut(self.floor);
        while self.kept.len() > SHELF {
            let least = self.kept.iter().map(Identifier::rank).min();
            self.cut(least.unwrap_or(u64::MAX));
        }
    }

    #[inline(never)]
    fn cut(&mut self, floor: u64) {
        self.floor = floor;
        self.kept.retain(|known| known.rank() > floor);
    }

    /// A clock that went back has put some later than now: they too came before this.
    #[inline(never)]
    fn withdraw(&mut self, moment: Moment) {
        let latest = self.kept.iter().map(Identifier::minutes).fold(moment.now.minutes(), u32::max);
        self.cut(self.floor.max(floor(latest)));
    }

    fn read(&mut self, rest: &mut &[u8], shared: bool) -> Option<()> {
        self.floor = self.floor.max(u64::from_le_bytes(*take(rest)?));
        let [count] = *take(rest)?;
        for _ in 0..count {
            let known = Identifier(*take(rest)?);
            let [code, under, ..] = known.0;
            // Four bits, the first of them open: nothing is kept without the permission to store.
            if code & 31 == 0 || under & 0b1111_0001 != 1 || (under & 0b1000 != 0) != shared {
                return None;
            }
            self.take(&known);
            self.trim();
        }
        self.trim();
        Some(())
    }
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Format => "identity/format",
            Self::Damaged => "identity/damaged",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => "the identifiers were written by a newer engine; they are left as they are",
            Self::Damaged => "the bytes do not hold identifiers",
        })
    }
}

impl core::error::Error for Error {}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(head)
}

/// What lies above everything of that minute, and below the next.
fn floor(minute: u32) -> u64 {
    u64::from(minute) << 32 | 0xFFFF_FFFF
}

#[cfg(test)]
mod tests {
    use super::super::{Namespace, read};
    use super::*;

    const START: u64 = 1_767_261_600_000; // 2026-01-01T10:00:00Z
    const KEPT: u8 = 0b0111;

    fn user(number: usize) -> Hashed {
        read(Namespace::User, &std::format!("u-{number}")).unwrap()[0]
    }

    fn at(minute: u64) -> Moment {
        Moment::utc(START + minute * 60_000)
    }

    #[test]
    fn nothing_is_kept_while_storing_is_closed() {
        let mut known = Identifiers::default();
        assert!(!known.add(user(1), Permissions::from_bits(0b1110), at(0)));
        assert!(known.is_empty());
    }

    #[test]
    fn withdrawing_sharing_takes_what_came_while_it_was_open() {
        let mut known = Identifiers::default();
        known.add(user(1), Permissions::from_bits(KEPT), at(0));
        known.add(user(2), Permissions::ALL, at(1));
        let old = known.clone();
        known.withdraw(Permissions::from_bits(0b1000), at(2));
        known.merge(&old);
        let left: Vec<_> = known.iter().map(|known| known.hashed()).collect();
        assert_eq!(left, [user(1)]);
    }

    #[test]
    fn withdrawing_anything_else_takes_everything() {
        for bit in [1, 2, 4] {
            let mut known = Identifiers::default();
            known.add(user(1), Permissions::from_bits(KEPT), at(0));
            known.add(user(2), Permissions::ALL, at(1));
            known.withdraw(Permissions::from_bits(bit), at(2));
            assert!(known.is_empty());
        }
    }

    #[test]
    fn an_identifier_told_after_a_withdrawal_stays_though_the_clock_went_back() {
        let mut known = Identifiers::default();
        known.add(user(1), Permissions::ALL, at(900));
        known.withdraw(Permissions::ALL, at(5));
        assert!(known.is_empty());
        assert!(known.add(user(1), Permissions::ALL, at(5)));
        assert_eq!(known.iter().count(), 1);
    }

    #[test]
    fn a_full_shelf_lets_the_oldest_go() {
        let mut known = Identifiers::default();
        for number in 0..40 {
            known.add(user(number), Permissions::ALL, at(number as u64));
            known.add(user(number), Permissions::from_bits(KEPT), at(number as u64));
        }
        assert_eq!(known.iter().count(), 2 * SHELF);
        assert_eq!(known.encode().len(), MAX_BYTES);
        assert!(known.iter().all(|known| known.minutes() >= (at(28).now.0 / 60_000) as u32));
    }
}
