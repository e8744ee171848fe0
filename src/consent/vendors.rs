//! Lists of vendors (and of section ids): one bit each, or ranges.
//!
//! A list stays where it is in the string. Asking for one vendor walks it, which takes microseconds and happens once or
//! twice when a signal arrives; unpacking it would take 8 KB for a string that says "1 to 65,535" in 46 bits.
//!
//! Invariant: a list was walked to its end once when it was read. One that ends too early, or a range that ends before it
//! starts, leaves the cursor past the end, and whoever reads the string refuses it.

use super::bits::Bits;

/// Vendors by their id in the Global Vendor List.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vendors<'a> {
    bits: Bits<'a>,
    shape: Shape,
    /// Bits of a field, entries of ranges.
    count: u32,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A bit for each id from 1.
    Field,
    /// Ranges with 16 bits for each end.
    Fixed,
    /// Ranges with Fibonacci-coded distances from the end before.
    Fibonacci,
}

impl<'a> Vendors<'a> {
    /// A list that chooses its own shape: highest id, then a field or ranges of the shape given.
    #[inline(never)]
    pub(super) fn read(bits: &mut Bits<'a>, ranges: Shape) -> Self {
        let highest = bits.take(16) as u32;
        if bits.flag() {
            return Self::entries(bits, ranges);
        }
        let list = Self { bits: *bits, shape: Shape::Field, count: highest };
        bits.skip(highest);
        list
    }

    /// A list that is ranges: how many, then each.
    pub(super) fn entries(bits: &mut Bits<'a>, shape: Shape) -> Self {
        let count = bits.take(12) as u32;
        let list = Self { bits: *bits, shape, count };
        let mut walk = list.ranges();
        while walk.next().is_some() {}
        *bits = walk.bits;
        list
    }

    /// Whether a vendor is listed.
    #[must_use]
    pub fn contains(&self, id: u16) -> bool {
        let id = u32::from(id);
        self.ranges().any(|(first, last)| first <= id && id <= last)
    }

    /// First and last id of each range, as written: they may overlap.
    #[must_use]
    pub fn ranges(&self) -> Ranges<'a> {
        Ranges { bits: self.bits, shape: self.shape, left: self.count, last: 0 }
    }
}

/// A walk along a list.
#[derive(Debug, Clone)]
pub struct Ranges<'a> {
    bits: Bits<'a>,
    shape: Shape,
    left: u32,
    last: u32,
}

impl Ranges<'_> {
    fn end(&mut self) -> u32 {
        self.last = match self.shape {
            Shape::Fibonacci => self.last.saturating_add(self.bits.fibonacci()),
            _ => self.bits.take(16) as u32,
        };
        self.last
    }
}

impl Iterator for Ranges<'_> {
    type Item = (u32, u32);

    #[inline(never)]
    fn next(&mut self) -> Option<(u32, u32)> {
        while self.left > 0 && self.bits.whole() {
            self.left -= 1;
            let flag = self.bits.flag();
            if self.shape != Shape::Field {
                let first = self.end();
                let last = if flag { self.end() } else { first };
                if last < first {
                    // Nothing is both after the one and before the other.
                    self.bits.spoil();
                }
                return Some((first, last));
            }
            self.last += 1;
            if flag {
                return Some((self.last, self.last));
            }
        }
        None
    }
}
