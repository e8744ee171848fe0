//! Records of journeys: their steps, what moves them, what they send and by which channel.

use super::record::{index, u16_at, u32_at, u64_at, view};
use crate::consent::Permissions;
use crate::id::Key;
use core::ops::Range;

view!(
    /// Steps that a person takes over days and channels.
    Journey, 64
);
view!(
    /// What a step sends to a channel.
    Message, 16
);
view!(
    /// A way to reach somebody.
    Channel, 16
);

/// Messages that one person gets by all channels together, but for those that are exempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Whole {
    /// On a local day; `None` for any.
    pub day: Option<u32>,
    /// In seven local days.
    pub week: Option<u32>,
}

/// One step of a journey.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a>(pub(super) &'a [u8; 28]);

/// What lets somebody into a journey, on or out.
#[derive(Debug, Clone, Copy)]
pub struct Trigger<'a>(pub(super) &'a [u8; 24]);

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The journey ends.
    Stop,
    /// Rests for a while, or until a trigger fires.
    Wait,
    /// Rests until a time of day, or the best hour for somebody.
    Clock,
    /// Goes one way or the other by a condition.
    If,
    /// … by the level of a feed.
    Stock,
    /// … by a model's probability.
    Score,
    /// … by a hash of the visitor.
    Split,
    /// Says a trait.
    Set,
    /// Rests until the origin has handed a message over.
    Send,
    /// A step that was here once: who rests there goes on elsewhere.
    Moved,
    /// A step that this build does not know.
    Unknown,
}

impl Journey<'_> {
    /// The trigger that lets somebody in.
    #[must_use]
    pub fn enter(&self) -> usize {
        u32_at(self.0, 8) as usize
    }

    /// The trigger of the goal.
    #[must_use]
    pub fn goal(&self) -> Option<usize> {
        index(u32_at(self.0, 12))
    }

    /// The triggers that end it.
    #[must_use]
    pub fn exits(&self) -> Range<usize> {
        let first = u32_at(self.0, 16) as usize;
        first..first.saturating_add(usize::from(u16_at(self.0, 60)))
    }

    /// The triggers that keep people out, and end nothing.
    #[must_use]
    pub fn bars(&self) -> Range<usize> {
        let first = self.exits().end;
        first..first.saturating_add(usize::from(u16_at(self.0, 62)))
    }

    /// Minutes after which somebody who left may enter anew; `None` for never.
    #[must_use]
    pub fn again(&self) -> Option<u32> {
        Some(u32_at(self.0, 20)).filter(|minutes| *minutes != u32::MAX)
    }

    /// Can be entered from this Unix ms on …
    #[must_use]
    pub fn from(&self) -> i64 {
        u64_at(self.0, 24) as i64
    }

    /// … to just before this one.
    #[must_use]
    pub fn until(&self) -> i64 {
        u64_at(self.0, 32) as i64
    }

    /// Its steps; the first of them is where it begins.
    #[must_use]
    pub fn steps(&self) -> Range<usize> {
        let first = u32_at(self.0, 40) as usize;
        first..first.saturating_add(u32_at(self.0, 44) as usize)
    }

    /// Salt of its holdout and splits.
    #[must_use]
    pub fn salt(&self) -> u64 {
        u64_at(self.0, 48)
    }

    /// Share left alone, of 10 000.
    #[must_use]
    pub fn holdout(&self) -> u16 {
        u16_at(self.0, 56)
    }

    /// Does it end for those who rest at a step that is not in the bundle?
    #[must_use]
    pub fn ends_when_changed(&self) -> bool {
        u16_at(self.0, 58) & 1 != 0
    }
}

impl Step<'_> {
    /// The number by which a profile knows it; 0 where nobody rests.
    #[must_use]
    pub fn code(&self) -> u32 {
        u32_at(self.0, 0)
    }

    /// String number of its name.
    #[must_use]
    pub fn name(&self) -> u32 {
        u32_at(self.0, 4)
    }

    /// What it does.
    #[must_use]
    pub fn act(&self) -> Act {
        match self.0[8] {
            0 => Act::Stop,
            1 => Act::Wait,
            2 => Act::Clock,
            3 => Act::If,
            4 => Act::Stock,
            5 => Act::Score,
            6 => Act::Split,
            7 => Act::Set,
            8 => Act::Send,
            9 => Act::Moved,
            _ => Act::Unknown,
        }
    }

    /// Does it ask what only a page knows?
    #[must_use]
    pub fn asks_page(&self) -> bool {
        self.0[9] & 1 != 0
    }

    /// Weekdays of a clock, bit 0 for Monday.
    #[must_use]
    pub fn weekdays(&self) -> u8 {
        self.0[10]
    }

    /// First of what the act is about.
    #[must_use]
    pub fn first(&self) -> u32 {
        u32_at(self.0, 12)
    }

    /// Second of what the act is about.
    #[must_use]
    pub fn second(&self) -> u32 {
        u32_at(self.0, 16)
    }

    /// Hours of the local day of which a clock takes the best for somebody, bit 0 for the first; 0: its own minute counts.
    #[must_use]
    pub fn hours(&self) -> u32 {
        self.second()
    }

    /// The value that is said.
    #[must_use]
    pub fn said(&self) -> u64 {
        u64_at(self.0, 16)
    }

    /// Where it goes on after yes, or after the trigger; `None`: the journey is done.
    #[must_use]
    pub fn yes(&self) -> Option<usize> {
        index(u32_at(self.0, 20))
    }

    /// Where it goes on else.
    #[must_use]
    pub fn no(&self) -> Option<usize> {
        index(u32_at(self.0, 24))
    }
}

impl Trigger<'_> {
    /// The event; [`Key::NONE`] when there need not be one.
    #[must_use]
    pub fn event(&self) -> Key {
        Key(u32_at(self.0, 0))
    }

    /// The property that must have [`Trigger::value`]; [`Key::NONE`] when every such event counts.
    #[must_use]
    pub fn property(&self) -> Key {
        Key(u32_at(self.0, 4))
    }

    /// Hash of the property's value.
    #[must_use]
    pub fn value(&self) -> u32 {
        u32_at(self.0, 8)
    }

    /// Conjuncts of its condition, one of which must match; `None` without a condition.
    #[must_use]
    pub fn condition(&self) -> Option<Range<usize>> {
        let first = index(u32_at(self.0, 12))?;
        Some(first..first.saturating_add(u32_at(self.0, 16) as usize))
    }

    /// Its stock condition.
    #[must_use]
    pub fn stock(&self) -> Option<usize> {
        Some(u16_at(self.0, 20)).filter(|index| *index != u16::MAX).map(usize::from)
    }

    /// Does it fire when the shelf holds less, rather than enough?
    #[must_use]
    pub fn is_out(&self) -> bool {
        u16_at(self.0, 22) & 1 != 0
    }
}

impl Channel<'_> {
    /// Permissions without which nothing goes out.
    #[must_use]
    pub fn needs(&self) -> Permissions {
        Permissions::from_bits(self.0[8])
    }

    /// Messages that one person gets on a local day; `None` for any.
    #[must_use]
    pub fn cap_day(&self) -> Option<u32> {
        Some(self.0[9]).filter(|cap| *cap != u8::MAX).map(u32::from)
    }

    /// … in seven local days.
    #[must_use]
    pub fn cap_week(&self) -> Option<u32> {
        Some(self.0[10]).filter(|cap| *cap != u8::MAX).map(u32::from)
    }

    /// Do its messages stand outside what all channels together may send somebody?
    #[must_use]
    pub fn is_exempt(&self) -> bool {
        self.0[11] & 1 != 0
    }

    /// Quiet hours: from this minute of the local day on, to just before that one, perhaps over midnight.
    #[must_use]
    pub fn quiet(&self) -> Option<(u32, u32)> {
        let (from, until) = (u16_at(self.0, 12), u16_at(self.0, 14));
        (from != until).then_some((from.into(), until.into()))
    }
}

impl Message<'_> {
    /// The channel that it is for.
    #[must_use]
    pub fn channel(&self) -> usize {
        u32_at(self.0, 8) as usize
    }
}
