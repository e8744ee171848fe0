//! May a message go out by a channel now? Permission, quiet hours by the person's own clock, and how often they were reached, by it and by
//! all channels together.

use crate::catalog::{Channel, Whole};
use crate::consent::Permissions;
use crate::time::{Moment, Shift};
use alloc::vec::Vec;

/// How often somebody was reached before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pressure {
    /// On this local day.
    pub day: u32,
    /// In the last seven local days, this one included.
    pub week: u32,
}

/// What the host knows of a person and one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reach {
    /// How often they were reached by it.
    pub pressure: Pressure,
    /// How often by all channels that are not exempt.
    pub whole: Pressure,
    /// Why nothing can reach them there, such as `no_address`.
    pub refusal: Option<&'static str>,
}

/// By which of several channels a message goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// Which of them, in the author's order.
    pub chosen: Option<usize>,
    /// Nothing may go now, but something may later: in this minute since 1970 it is asked again.
    pub until: Option<u64>,
    /// Why those before it were not chosen, in the author's order.
    pub refusals: Vec<&'static str>,
}

/// Chooses the first of some channels by which a message may go now.
pub fn choose<'a>(
    channels: impl Iterator<Item = Channel<'a>>,
    whole: Whole,
    reach: &mut dyn FnMut(usize) -> Reach,
    permissions: Permissions,
    moment: Moment,
    shift: Option<Shift>,
) -> Choice {
    let mut choice = Choice::default();
    for (number, channel) in channels.enumerate() {
        let reach = reach(number);
        if let Some(refusal) = reach.refusal {
            choice.refusals.push(refusal);
            continue;
        }
        let Some(hold) = held(&channel, whole, &reach, permissions, moment, shift) else {
            return Choice { chosen: Some(number), until: None, ..choice };
        };
        choice.refusals.push(hold.name());
        choice.until = match (choice.until, hold.until()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    choice
}

/// Why a message does not go out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// The person has not permitted what the channel needs: it is let go.
    Permission,
    /// It is their night: until this minute since 1970.
    Quiet(u64),
    /// They were reached often enough on this day: until this minute, when the next one begins for them.
    CapDay(u64),
    /// They were reached often enough in seven days: until this minute, when it is asked again.
    CapWeek(u64),
    /// All channels together have reached them often enough on this day: until the next one begins for them.
    PressureDay(u64),
    /// All channels together have reached them often enough in seven days: until this minute, when it is asked again.
    PressureWeek(u64),
}

impl Hold {
    /// The stable name of the reason.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Permission => "permission",
            Self::Quiet(_) => "quiet",
            Self::CapDay(_) => "cap_day",
            Self::CapWeek(_) => "cap_week",
            Self::PressureDay(_) => "pressure_day",
            Self::PressureWeek(_) => "pressure_week",
        }
    }

    /// When it is asked again, in minutes since 1970; `None`: never.
    #[must_use]
    pub fn until(self) -> Option<u64> {
        match self {
            Self::Permission => None,
            Self::Quiet(until)
            | Self::CapDay(until)
            | Self::CapWeek(until)
            | Self::PressureDay(until)
            | Self::PressureWeek(until) => Some(until),
        }
    }
}

/// What holds a message back; `None`: it may go.
#[must_use]
pub fn held(
    channel: &Channel<'_>,
    whole: Whole,
    reach: &Reach,
    permissions: Permissions,
    moment: Moment,
    shift: Option<Shift>,
) -> Option<Hold> {
    let midnight = || moment.next(0, 0x7F, shift);
    let reached = |cap: Option<u32>, count: u32| cap.is_some_and(|cap| count >= cap);
    if channel.needs().without(permissions) != Permissions::NONE {
        Some(Hold::Permission)
    } else if reached(channel.cap_week(), reach.pressure.week) {
        Some(Hold::CapWeek(midnight()))
    } else if reached(channel.cap_day(), reach.pressure.day) {
        Some(Hold::CapDay(midnight()))
    } else if reached(whole.week, reach.whole.week) && !channel.is_exempt() {
        Some(Hold::PressureWeek(midnight()))
    } else if reached(whole.day, reach.whole.day) && !channel.is_exempt() {
        Some(Hold::PressureDay(midnight()))
    } else {
        let (from, until) = channel.quiet()?;
        let minute = moment.minute_of_day();
        let is_quiet = if from <= until { (from..until).contains(&minute) } else { minute >= from || minute < until };
        is_quiet.then(|| Hold::Quiet(moment.next(until, 0x7F, shift)))
    }
}
