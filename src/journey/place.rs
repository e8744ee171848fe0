//! A place in a journey, as the 64 bits that a profile keeps of it.

use crate::time::Moment;

/// The journey came to its end.
pub const DONE: u32 = 0;
/// Its goal was reached.
pub const REACHED: u32 = 1;
/// It was left before.
pub const LEFT: u32 = 2;
/// Codes below this one are ends, those from it on are steps.
pub const FIRST_STEP: u32 = 16;
/// Added to an end once the condition that lets somebody in has failed since.
const ARMED: u32 = 4;
/// A rest that no time ends.
pub const NEVER: u32 = (1 << 28) - 1;
const STEP: u32 = (1 << 20) - 1;

/// Where somebody stands, or how they left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// How often they entered.
    pub entries: u8,
    /// How often they moved since the journey was first entered, modulo 256: of two places of one millisecond the later.
    pub hops: u8,
    /// Code of the step, or [`DONE`], [`REACHED`], [`LEFT`]; 20 bits.
    pub step: u32,
    /// Minutes since 1970 when the time has come, or [`NEVER`].
    pub due: u32,
}

impl Place {
    /// From what a profile keeps.
    #[must_use]
    pub fn read(value: u64) -> Self {
        Self {
            entries: (value >> 56) as u8,
            hops: (value >> 48) as u8,
            step: (value >> 28) as u32 & STEP,
            due: value as u32 & NEVER,
        }
    }

    /// As a profile keeps it.
    #[must_use]
    pub fn value(&self) -> u64 {
        u64::from(self.entries) << 56
            | u64::from(self.hops) << 48
            | u64::from(self.step & STEP) << 28
            | u64::from(self.due & NEVER)
    }

    /// The code of a step by the hash of its name.
    #[must_use]
    pub fn code(hash: u64) -> u32 {
        FIRST_STEP + (hash % u64::from(STEP + 1 - FIRST_STEP)) as u32
    }

    /// Inside, rather than out again?
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.step >= FIRST_STEP
    }

    /// The step, or how it was left.
    #[must_use]
    pub fn stands(&self) -> u32 {
        if self.is_inside() { self.step } else { self.step % ARMED }
    }

    /// Has somebody who stands here come further than there? The later entry counts, then the end of it, then the number of
    /// moves: two devices that lived apart may both have moved, and a clock proves nothing.
    #[must_use]
    pub fn is_beyond(&self, other: &Self) -> bool {
        let rank = |place: &Self| (place.entries, !place.is_inside());
        if rank(self) == rank(other) {
            // Serial numbers (RFC 1982): of two within half the circle, the later.
            (1..128).contains(&self.hops.wrapping_sub(other.hops))
        } else {
            rank(self) > rank(other)
        }
    }

    pub(super) fn is_armed(&self) -> bool {
        self.step >= ARMED
    }

    pub(super) fn is_due(&self, moment: Moment) -> bool {
        self.due != NEVER && moment.now.minutes() >= self.due
    }

    /// The same end, of a journey that can be entered anew.
    #[must_use]
    pub fn armed(&self) -> Self {
        Self { step: self.step + ARMED, hops: self.hops.wrapping_add(1), ..*self }
    }

    /// The place that comes after this one.
    #[must_use]
    pub fn then(&self, step: u32, due: u32) -> Self {
        Self { hops: self.hops.wrapping_add(1), step, due, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_was() {
        for place in [
            Place { entries: 255, hops: 255, step: STEP, due: NEVER },
            Place { entries: 1, hops: 2, step: FIRST_STEP, due: 29_000_000 },
            Place::default(),
        ] {
            assert_eq!(Place::read(place.value()), place);
        }
    }

    #[test]
    fn an_end_is_beyond_every_step_of_its_entry_and_a_later_entry_beyond_the_end() {
        let step = |entries, hops| Place { entries, hops, step: FIRST_STEP, due: NEVER };
        let left = Place { entries: 1, hops: 4, step: LEFT, due: 0 };
        assert!(step(1, 0).is_beyond(&step(1, 255)) && !step(1, 255).is_beyond(&step(1, 0)));
        assert!(left.is_beyond(&step(1, 9)) && !step(1, 9).is_beyond(&left));
        assert!(step(2, 5).is_beyond(&left) && !left.is_beyond(&step(2, 5)));
        assert!(!left.is_beyond(&left));
    }

    #[test]
    fn no_step_has_the_code_of_an_end() {
        for hash in [0, 1, u64::MAX, u64::from(STEP), 1 << 40] {
            assert!((FIRST_STEP..=STEP).contains(&Place::code(hash)));
        }
    }

    #[test]
    fn an_end_stays_the_same_end_when_the_journey_can_be_entered_anew() {
        let left = Place { entries: 1, step: LEFT, ..Place::default() };
        assert!(!left.is_armed() && left.armed().is_armed() && !left.armed().is_inside());
        assert_eq!(left.armed().stands(), LEFT);
    }
}
