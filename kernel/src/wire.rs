//! Numbers as bytes: little-endian of a fixed width, or a varint (LEB128, unsigned).
//!
//! What leaves a device is laid out as [postcard](https://postcard.jamesmunns.com) does, so that whoever has room for it
//! reads it with that; here it is written by hand, which takes a third of the module's bytes.

use alloc::vec::Vec;

/// Where an encoding goes: into bytes, or into their number.
pub trait Sink {
    /// The lowest `bytes` bytes of a number, the least first.
    fn fixed(&mut self, number: u64, bytes: usize);

    /// Seven bits to a byte, the least first.
    fn varint(&mut self, number: u64);

    /// A signed number, zigzag: −1 is 1, 1 is 2.
    fn signed(&mut self, number: i64) {
        self.varint((number << 1 ^ number >> 63) as u64);
    }
}

/// How many bytes there would be.
pub struct Length(pub usize);

impl Sink for Length {
    fn fixed(&mut self, _: u64, bytes: usize) {
        self.0 += bytes;
    }

    fn varint(&mut self, number: u64) {
        self.0 += (64 - (number | 1).leading_zeros() as usize).div_ceil(7);
    }
}

impl Sink for Vec<u8> {
    #[inline(never)]
    fn fixed(&mut self, number: u64, bytes: usize) {
        self.extend(number.to_le_bytes().iter().take(bytes));
    }

    #[inline(never)]
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.push(number as u8);
    }
}

/// What is left to read. Every read past the end is none.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// As many bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of so many bytes, the least first.
    // Called from a hundred places: inlined it took half a kilobyte more.
    #[inline(never)]
    pub fn fixed(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// At most ten bytes, and none of them superfluous: a number has one encoding.
    #[inline(never)]
    pub fn varint(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.fixed(1)?;
            if shift == 63 && byte > 1 {
                return None;
            }
            number |= (byte & 0x7F) << shift;
            if byte < 0x80 {
                return (byte > 0 || shift == 0).then_some(number);
            }
        }
        None
    }

    /// A number of four bytes at most.
    pub fn short(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }
}
