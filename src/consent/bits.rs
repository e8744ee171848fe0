//! Base64url text read as bits, in place.
//!
//! Consent strings are bit fields in base64url without padding. Reading them where they are costs no allocation, and a
//! cursor is two words, so a list of vendors is kept as a cursor and walked when it is asked.
//!
//! Invariant: the text was checked once, when the cursor was made; afterwards `None` means that it ended.

/// A cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bits<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// At the first bit. `None` where a character is not base64url.
    pub(super) fn new(text: &'a str) -> Option<Self> {
        let text = text.as_bytes();
        text.iter().all(|character| sextet(*character).is_some()).then_some(Self { text, at: 0 })
    }

    /// The next bits as a number, first bit highest. At most 64.
    pub(super) fn take(&mut self, count: usize) -> Option<u64> {
        let mut value = 0;
        let mut missing = count;
        while missing > 0 {
            let sextet = sextet(*self.text.get(self.at / 6)?)?;
            let rest = 6 - self.at % 6;
            let taken = missing.min(rest);
            value = value << taken | u64::from(sextet >> (rest - taken)) & ((1 << taken) - 1);
            self.at += taken;
            missing -= taken;
        }
        Some(value)
    }

    /// The next bit.
    pub(super) fn flag(&mut self) -> Option<bool> {
        Some(self.take(1)? != 0)
    }

    /// Leaves bits out; they have to be there.
    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        self.at += count;
        (self.at <= self.text.len() * 6).then_some(())
    }

    /// A number in Fibonacci coding: the sum of the Fibonacci numbers (1, 2, 3, 5, …) whose bit is set, ended by two set
    /// bits in a row. `None` also beyond 32 bits.
    pub(super) fn fibonacci(&mut self) -> Option<u32> {
        let (mut this, mut next) = (1u32, 2u32);
        let mut value = 0u32;
        let mut ended = false;
        loop {
            let bit = self.flag()?;
            if bit && ended {
                return Some(value);
            }
            if bit {
                value = value.checked_add(this)?;
            }
            ended = bit;
            // Saturated, a further set bit overflows the sum, and unset ones end with the text.
            (this, next) = (next, next.saturating_add(this));
        }
    }
}

fn sextet(character: u8) -> Option<u8> {
    Some(match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_cross_the_borders_of_characters() {
        let mut bits = Bits::new("A_-B").unwrap(); // 000000 111111 111110 000001
        assert_eq!((bits.take(4), bits.take(9), bits.take(11), bits.take(1)), (Some(0), Some(0x7F), Some(0x781), None));
    }

    #[test]
    fn a_character_outside_the_alphabet_is_no_text() {
        for text in ["A+", "A/", "A=", "A B", "ä", "A\n"] {
            assert_eq!(Bits::new(text), None, "{text}");
        }
    }

    #[test]
    fn fibonacci_numbers_are_the_ones_of_the_specification() {
        // 011 is 2, 0011 is 3, 1011 is 4, 00011 is 5: 011 0011 1011 00011 00
        let mut bits = Bits::new("Z2Mg").unwrap(); // 011001 110110 001100 100000
        assert_eq!((bits.fibonacci(), bits.fibonacci(), bits.fibonacci()), (Some(2), Some(3), Some(4)));
    }

    #[test]
    fn a_fibonacci_number_without_an_end_is_none() {
        for text in ["", "AAAA", "qqqq", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"] {
            assert_eq!(Bits::new(text).unwrap().fibonacci(), None, "{text}");
        }
    }
}
