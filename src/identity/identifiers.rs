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
use crate::hash::xxh64;
use crate::time::Moment;
use alloc::vec::Vec;
use core::fmt;

/// Most identifiers on one shelf. An e-mail address takes two at most, a phone number two; a shopper with both, a
/// customer number, a click and four partners' ids fits.
pub const SHELF: usize = 12;

/// Most bytes of the encoding.
pub const MAX_BYTES: usize = 1 + 2 * (HEAD + SHELF * ENTRY);

const FORMAT: u8 = 1;
/// Floor and count.
const HEAD: usize = 8 + 1;
/// Key and minute.
const ENTRY: usize = KEY + 4;
const KEY: usize = 1 + 1 + 32;

/// An identifier, the permissions it came under, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identifier {
    hashed: Hashed,
    permissions: Permissions,
    /// Minutes since 1970.
    when: u32,
}

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
        let identifier = Identifier { hashed, permissions, when: minutes(moment).max(after) };
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
        for (ours, theirs) in self.shelves.iter_mut().zip(&other.shelves) {
            ours.floor = ours.floor.max(theirs.floor);
            theirs.kept.iter().for_each(|identifier| ours.take(identifier));
            ours.trim();
        }
    }

    /// Every identifier that came under permissions which are all open now.
    pub fn under(&self, open: Permissions) -> impl Iterator<Item = &Identifier> {
        self.iter().filter(move |known| known.permissions.bits() & !open.bits() == 0)
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
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + 2 * HEAD + self.iter().count() * ENTRY);
        out.push(FORMAT);
        for shelf in &self.shelves {
            out.extend_from_slice(&shelf.floor.to_le_bytes());
            out.push(shelf.kept.len() as u8);
            for known in &shelf.kept {
                out.extend_from_slice(&known.key());
                out.extend_from_slice(&known.when.to_le_bytes());
            }
        }
        out
    }

    /// Reads a set back.
    ///
    /// # Errors
    /// [`Error::Format`] for another format; [`Error::Damaged`] for anything that [`Identifiers::encode`] never writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (format, mut rest) = bytes.split_first().ok_or(Error::Damaged)?;
        if *format != FORMAT {
            return Err(Error::Format);
        }
        let mut whole = Self::default();
        for (shared, shelf) in whole.shelves.iter_mut().enumerate() {
            *shelf = Shelf::read(&mut rest, shared == 1).ok_or(Error::Damaged)?;
        }
        if rest.is_empty() { Ok(whole) } else { Err(Error::Damaged) }
    }
}

impl Identifier {
    /// Kind and digest.
    #[must_use]
    pub fn hashed(&self) -> &Hashed {
        &self.hashed
    }

    /// The permissions it came under.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// When it was last told, in minutes since 1970.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        self.when
    }

    /// Code, permissions, digest. As one run of bytes: compared as a tuple, it took 800 bytes more of the module.
    fn key(&self) -> [u8; KEY] {
        let mut key = [0; KEY];
        let parts = [self.hashed.code, self.permissions.bits()].into_iter().chain(self.hashed.digest.0);
        key.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        key
    }

    /// Grows when the identifier is told again, and with nothing else.
    fn rank(&self) -> u64 {
        let salt = u64::from(self.hashed.code) << 8 | u64::from(self.permissions.bits());
        u64::from(self.when) << 32 | xxh64(&self.hashed.digest.0, salt) & 0xFFFF_FFFF
    }
}

impl Shelf {
    /// Where it stands, or where it would. Twelve at most: walking takes less code than searching.
    #[inline(never)]
    fn place(&self, told: &Identifier) -> Result<usize, usize> {
        let key = told.key();
        let place = self.kept.iter().position(|known| known.key() >= key).unwrap_or(self.kept.len());
        if self.kept.get(place).is_some_and(|known| known.key() == key) { Ok(place) } else { Err(place) }
    }

    fn take(&mut self, told: &Identifier) {
        match self.place(told) {
            Ok(place) => self.kept.get_mut(place).into_iter().for_each(|known| known.when = known.when.max(told.when)),
            Err(place) => self.kept.insert(place, *told),
        }
    }

    /// Restores the invariant.
    fn trim(&mut self) {
        self.cut(self.floor);
        while self.kept.len() > SHELF {
            let least = self.kept.iter().map(Identifier::rank).min();
            self.cut(least.unwrap_or(u64::MAX));
        }
    }

    fn cut(&mut self, floor: u64) {
        self.floor = floor;
        self.kept.retain(|known| known.rank() > floor);
    }

    /// A clock that went back has put some later than now: they too came before this.
    fn withdraw(&mut self, moment: Moment) {
        let latest = self.kept.iter().map(|known| known.when).fold(minutes(moment), u32::max);
        self.cut(self.floor.max(u64::from(latest) << 32 | 0xFFFF_FFFF));
    }

    fn read(rest: &mut &[u8], shared: bool) -> Option<Self> {
        let floor = u64::from_le_bytes(*take(rest)?);
        let [count] = *take(rest)?;
        let mut shelf = Self { floor, kept: Vec::with_capacity(usize::from(count).min(SHELF)) };
        for _ in 0..count {
            let [code, bits] = *take(rest)?;
            let hashed = Hashed::from_code(code, Digest(*take(rest)?))?;
            let when = u32::from_le_bytes(*take(rest)?);
            let permissions = Permissions::from_bits(bits);
            let known = Identifier { hashed, permissions, when };
            let placed = permissions.bits() == bits && permissions.store() && permissions.share() == shared;
            let last = shelf.kept.len();
            if !placed || shelf.place(&known) != Err(last) || known.rank() <= floor || last == SHELF {
                return None;
            }
            shelf.kept.push(known);
        }
        Some(shelf)
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

fn minutes(moment: Moment) -> u32 {
    u32::try_from(moment.now.0 / 60_000).unwrap_or(u32::MAX)
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
        let left: Vec<_> = known.iter().map(|known| *known.hashed()).collect();
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

    #[test]
    fn what_came_under_a_permission_is_hidden_while_that_is_closed() {
        let mut known = Identifiers::default();
        known.add(user(1), Permissions::ALL, at(0));
        assert_eq!(known.under(Permissions::from_bits(KEPT)).count(), 0);
        assert_eq!(known.under(Permissions::ALL).count(), 1);
    }
}
