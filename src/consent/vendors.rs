//! Lists of vendors (and of section ids): one bit each, or ranges.
//!
//! A list stays where it is in the string. Asking for one vendor walks it, which takes microseconds and happens once or
//! twice when a signal arrives; unpacking it would take 8 KB for a string that says "1 to 65,535" in 46 bits.
//!
//! Invariant: a list was walked to its end once when it was read, so walking it again cannot fail.

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

/// What is wrong with a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    Truncated,
    Backwards,
}

impl<'a> Vendors<'a> {
    /// A list that chooses its own shape: highest id, then a field or ranges of the shape given.
    pub(super) fn read(bits: &mut Bits<'a>, ranges: Shape) -> Result<Self, Flaw> {
        let highest = bits.take(16).ok_or(Flaw::Truncated)? as u32;
        if bits.flag().ok_or(Flaw::Truncated)? {
            return Self::entries(bits, ranges);
        }
        let list = Self { bits: *bits, shape: Shape::Field, count: highest };
        bits.skip(highest as usize).ok_or(Flaw::Truncated)?;
        Ok(list)
    }

    /// A list that is ranges: how many, then each.
    pub(super) fn entries(bits: &mut Bits<'a>, shape: Shape) -> Result<Self, Flaw> {
        let count = bits.take(12).ok_or(Flaw::Truncated)? as u32;
        let list = Self { bits: *bits, shape, count };
        let mut walk = list.ranges();
        for _ in 0..count {
            walk.step()?;
        }
        *bits = walk.bits;
        Ok(list)
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
    fn step(&mut self) -> Result<(u32, u32), Flaw> {
        let range = self.bits.flag().ok_or(Flaw::Truncated)?;
        let first = self.end().ok_or(Flaw::Truncated)?;
        let last = if range { self.end().ok_or(Flaw::Truncated)? } else { first };
        if first <= last { Ok((first, last)) } else { Err(Flaw::Backwards) }
    }

    fn end(&mut self) -> Option<u32> {
        self.last = match self.shape {
            Shape::Fibonacci => self.last.checked_add(self.bits.fibonacci()?)?,
            _ => self.bits.take(16)? as u32,
        };
        Some(self.last)
    }
}

impl Iterator for Ranges<'_> {
    type Item = (u32, u32);

    fn next(&mut self) -> Option<(u32, u32)> {
        while self.left > 0 {
            self.left -= 1;
            if self.shape != Shape::Field {
                return self.step().ok();
            }
            self.last += 1;
            if self.bits.flag()? {
                return Some((self.last, self.last));
            }
        }
        None
    }
}
