//! Base64url text read as bits, in place.
//!
//! Consent strings are bit fields in base64url without padding. Reading them where they are costs no allocation, and a
//! cursor is two words, so a list of vendors is kept as a cursor and walked when it is asked.
//!
//! A cursor that has run past the end reads zeros and stays past it: whoever reads a run of fields asks [`Bits::whole`]
//! once after them, in place of a branch after each, of which this room had more bytes than of anything else.
//!
//! Invariants: the text was checked once, when the cursor was made. A loop over what the string counts ends with the string.

/// A cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bits<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// At the first bit. `None` where a character is not base64url.
    #[inline(never)]
    pub(super) fn new(text: &'a [u8]) -> Option<Self> {
        text.iter().all(|character| sextet(*character).is_some()).then_some(Self { text, at: 0 })
    }

    /// The next bits as a number, first bit highest. At most 64.
    #[inline(never)] // small code: a string has some forty fields
    pub(super) fn take(&mut self, count: u32) -> u64 {
        let mut value = 0;
        for _ in 0..count {
            let sextet = self.text.get(self.at / 6).and_then(|character| sextet(*character)).unwrap_or(0);
            value = value << 1 | u64::from(sextet >> (5 - self.at % 6) & 1);
            self.at += 1;
        }
        value
    }

    /// The next bit.
    #[inline(never)]
    pub(super) fn flag(&mut self) -> bool {
        self.take(1) != 0
    }

    /// Leaves bits out.
    pub(super) fn skip(&mut self, count: u32) {
        self.at += count as usize;
    }

    /// Goes past the end for good: what was read cannot be.
    pub(super) fn spoil(&mut self) {
        self.at = usize::MAX / 2;
    }

    /// Whether everything that was read was there.
    pub(super) fn whole(&self) -> bool {
        self.at <= self.text.len() * 6
    }

    /// A number in Fibonacci coding: the sum of the Fibonacci numbers (1, 2, 3, 5, …) whose bit is set, ended by two set
    /// bits in a row. Saturates at 32 bits, which no id comes near.
    pub(super) fn fibonacci(&mut self) -> u32 {
        let (mut this, mut next) = (1u32, 2u32);
        let mut value = 0u32;
        let mut ended = false;
        while self.whole() {
            let bit = self.flag();
            if bit && ended {
                break;
            }
            if bit {
                value = value.saturating_add(this);
            }
            ended = bit;
            (this, next) = (next, next.saturating_add(this));
        }
        value
    }
}

/// What stands before the first mark, and what after it, if there is one. (`str::split` brings a search for characters that
/// may be longer than a byte, which here would be the largest function of all.)
#[inline(never)]
pub(super) fn cut(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == mark) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        None => (text, None),
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
        let mut bits = Bits::new(b"A_-B").unwrap(); // 000000 111111 111110 000001
        assert_eq!((bits.take(4), bits.take(9), bits.take(11), bits.whole()), (0, 0x7F, 0x781, true));
        assert_eq!((bits.take(1), bits.whole()), (0, false));
    }

    #[test]
    fn a_character_outside_the_alphabet_is_no_text() {
        for text in ["A+", "A/", "A=", "A B", "ä", "A\n"] {
            assert_eq!(Bits::new(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn fibonacci_numbers_are_the_ones_of_the_specification() {
        // 011 is 2, 0011 is 3, 1011 is 4, 00011 is 5: 011 0011 1011 00011 00
        let mut bits = Bits::new(b"Z2Mg").unwrap(); // 011001 110110 001100 100000
        assert_eq!((bits.fibonacci(), bits.fibonacci(), bits.fibonacci()), (2, 3, 4));
    }

    #[test]
    fn a_fibonacci_number_without_an_end_leaves_the_text() {
        for text in ["", "AAAA", "qqqq", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"] {
            let mut bits = Bits::new(text.as_bytes()).unwrap();
            bits.fibonacci();
            assert!(!bits.whole(), "{text}");
        }
    }
}
