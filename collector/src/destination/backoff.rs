//! Backoff: when a parcel that was not taken is tried again, and when it is given up.
//!
//! The pause doubles with every attempt up to a bound, and half of it is random: parcels that failed together must not
//! come back together. A pause that the peer asked for is kept when it is longer, up to the same bound.
//!
//! Giving up counts attempts, not hours. While a peer is dead the circuit lets only probes through (see
//! [`circuit`](super::circuit)), so an outage costs the waiting parcels next to nothing of their patience.

use std::time::Duration;

/// How to wait, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Pause after the first attempt.
    pub first: Duration,
    /// Longest pause.
    pub longest: Duration,
    /// Attempts after which a parcel is dead.
    pub attempts: u32,
}

impl Default for Backoff {
    /// From a second to an hour; 24 attempts take about 13 hours, which is a night in which nobody looks.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(3_600), attempts: 24 }
    }
}

impl Backoff {
    /// The pause before the next attempt when `made` were made, or none when that was the last. `random` decides the
    /// jitter; `asked` is what the peer asked for.
    #[must_use]
    pub fn pause(&self, made: u32, asked: Option<Duration>, random: u64) -> Option<Duration> {
        if made >= self.attempts {
            return None;
        }
        let doubled = self.first.saturating_mul(1_u32.checked_shl(made.saturating_sub(1).min(31)).unwrap_or(u32::MAX));
        let whole = doubled.min(self.longest);
        // Between half and whole. 2^16 steps are finer than any clock here needs.
        let share = (random & 0xFFFF) as u32;
        let jittered = whole / 2 + (whole / 2).mul_f64(f64::from(share) / 65_536.0);
        // What the peer asked for is jittered too, but upwards: earlier than asked would be impolite.
        let asked = asked.unwrap_or_default().min(self.longest);
        Some(jittered.max(asked + asked.mul_f64(f64::from(share) / 655_360.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60), attempts: 10 };

    #[test]
    fn pauses_double_up_to_their_bound_and_half_of_each_is_random() {
        let between = |made, random| BACKOFF.pause(made, None, random).unwrap();
        for (made, whole) in [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (9, 60.0)] {
            assert_eq!(between(made, 0).as_secs_f64(), whole / 2.0);
            assert!(
                between(made, u64::MAX).as_secs_f64() > whole * 0.99 && between(made, u64::MAX).as_secs_f64() < whole
            );
        }
    }

    #[test]
    fn the_last_attempt_is_the_last() {
        assert!(BACKOFF.pause(9, None, 0).is_some());
        assert_eq!(BACKOFF.pause(10, None, 0), None);
        assert_eq!(Backoff { attempts: u32::MAX, ..BACKOFF }.pause(4_000_000, None, 0), Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_pause_that_was_asked_for_is_kept_unless_it_is_longer_than_any_may_be() {
        assert!(BACKOFF.pause(1, Some(Duration::from_secs(20)), 7).unwrap() >= Duration::from_secs(20));
        assert!(BACKOFF.pause(1, Some(Duration::from_secs(9_999)), u64::MAX).unwrap() < Duration::from_secs(67));
    }
}
