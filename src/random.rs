//! Randomness as an argument: a counter-based generator over entropy that the host gave.
//!
//! Every draw is a hash of (seed, counter), so a session that is replayed from the same seed draws the same numbers, and
//! nothing here can be predicted by someone who lacks the seed's 256 bits beyond what XXH64 gives away: use it for
//! pseudonyms and ids, never for keys.

use crate::hash::xxh64;

/// Draws numbers from 32 bytes of host entropy.
#[derive(Debug, Clone)]
pub struct Random {
    seed: [u8; 32],
    drawn: u64,
}

impl Random {
    /// A generator over `seed`.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(1);
        xxh64(&self.seed, self.drawn)
    }

    /// The next 128 bits.
    pub fn draw_wide(&mut self) -> [u8; 16] {
        let (high, low) = (self.draw(), self.draw());
        ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
    }
}
