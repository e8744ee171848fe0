//! What can happen to a profile, as a value: so that whoever may not write it can write down what is to be done.

use super::{Kind, Profile, decayed};
use crate::id::Key;
use crate::profile::cell::{Cell, CellKey, day_slot};
use crate::profile::seen::Seen;
use crate::time::Moment;

/// The number under which the origin counts; no device has it.
pub(super) const ORIGIN: u16 = u16::MAX;

/// Latest day that a cell can say.
const MAX_DAYS: u32 = 0xFF_FFFF / 24;

/// One thing that happens to a profile.
///
/// All kinds share one shape, so that a [`Note`](super::Note) needs one codec: `value` and `extra` mean what the kind says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub(super) what: What,
    pub(super) id: Key,
    pub(super) extra: u32,
    pub(super) value: u64,
}

/// Kinds of change. The numbers are those of notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum What {
    Arrive = 0,
    /// `extra` days of the longest window; `value` what it was worth.
    Count = 1,
    /// `extra` 1 by hour too; `value` the decision.
    Expose = 2,
    /// `extra` hash of the value; `value` weight, half-life above.
    Feel = 3,
    /// `value` what was said.
    Say = 4,
    /// `extra` minutes since 1970; `value` 1 for in.
    Join = 5,
    /// `value` where.
    Step = 6,
    /// `extra` day since 1970; `value` how often.
    Elsewhere = 7,
}

impl What {
    pub(super) const ALL: [Self; 8] =
        [Self::Arrive, Self::Count, Self::Expose, Self::Feel, Self::Say, Self::Join, Self::Step, Self::Elsewhere];
}

impl Change {
    /// The visitor is here, and did nothing else that counts.
    pub const ARRIVE: Self = Self { what: What::Arrive, id: Key(0), extra: 0, value: 0 };

    /// An event of a counter: on its day too when the longest window that asks for it has `window` days (0 for none), and
    /// with what it was worth in thousandths when sums are asked for (0 for nothing).
    #[must_use]
    pub fn count(counter: Key, window: u16, worth: u64) -> Self {
        Self { what: What::Count, id: counter, extra: window.into(), value: worth }
    }

    /// An exposure of a campaign, decided as `decision`; by the hour too when it has an hourly cap.
    #[must_use]
    pub fn expose(campaign: Key, hourly: bool, decision: u64) -> Self {
        Self { what: What::Expose, id: campaign, extra: hourly.into(), value: decision }
    }

    /// An interest in `value` grows by `weight` units; `half_life` is in hours.
    #[must_use]
    pub fn feel(affinity: Key, value: u32, weight: u16, half_life: u16) -> Self {
        let how = u64::from(weight) | u64::from(half_life) << 16;
        Self { what: What::Feel, id: affinity, extra: value, value: how }
    }

    /// Something was said: bits of a number, or hash of a text. The latest word wins, and between equally late ones the
    /// greater.
    #[must_use]
    pub fn say(name: Key, value: u64) -> Self {
        Self { what: What::Say, id: name, extra: 0, value }
    }

    /// The origin says whether the visitor is in a segment, as it was `as_of` minutes after 1970.
    #[must_use]
    pub fn join(segment: Key, is_in: bool, as_of: u32) -> Self {
        Self { what: What::Join, id: segment, extra: as_of, value: is_in.into() }
    }

    /// A journey goes to `place`, of which only the journey knows the meaning. The latest step wins, and between equally
    /// late ones the greater place.
    #[must_use]
    pub fn step(journey: Key, place: u64) -> Self {
        Self { what: What::Step, id: journey, extra: 0, value: place }
    }

    /// The origin says how often a campaign was seen by the same person on other devices, on a local day since 1970.
    #[must_use]
    pub fn elsewhere(campaign: Key, day: u32, exposures: u16) -> Self {
        Self { what: What::Elsewhere, id: campaign, extra: day, value: exposures.into() }
    }

    /// Is it what the origin says, and not what the visitor did?
    pub(crate) fn is_told(&self) -> bool {
        matches!(self.what, What::Join | What::Elsewhere)
    }
}

impl Profile {
    /// Does one change. All but what the origin says are the visitor's doing, and count a visit when the last is long ago.
    pub fn apply(&mut self, change: &Change, moment: Moment) {
        let Change { what, id, extra, value } = *change;
        if !change.is_told() {
            self.arrive(moment);
        }
        let milliseconds = moment.now.0.min(0xFFFF_FFFF_FFFF);
        match what {
            What::Arrive => {}
            What::Count => self.count(id, extra, value, moment),
            What::Expose => self.expose(id, extra != 0, value, moment),
            What::Feel => self.feel(id, extra, value, moment),
            What::Say => self.set(Kind::Trait, id, milliseconds, value),
            What::Join => self.set(Kind::Member, id, u64::from(extra), value & 1),
            What::Step => self.set(Kind::Journey, id, milliseconds, value),
            // The origin counts as a device of its own, of which the last day is known.
            What::Elsewhere if value > 0 => {
                let cell = self.cell(CellKey { kind: Kind::Exposures, id, replica: ORIGIN, slot: 0 });
                (cell.stamp, cell.value) =
                    (cell.stamp, cell.value).max((extra.min(MAX_DAYS).into(), Seen::of_day(value).0));
            }
            What::Elsewhere => {}
        }
        self.normalise();
    }

    fn count(&mut self, counter: Key, window: u32, worth: u64, moment: Moment) {
        if window > 0 {
            let cell = self.counted(Kind::Day, counter, day_slot(moment.local_day(), window));
            cell.value = (cell.value + 1).min(u64::from(u32::MAX));
        }
        if worth > 0 {
            let cell = self.counted(Kind::Worth, counter, 0);
            cell.stamp = cell.stamp.max(u64::from(moment.now.hours()));
            cell.value = cell.value.saturating_add(worth).min(0xFFFF_FFFF_FFFF);
        }
        self.add_total(counter, moment);
    }

    fn expose(&mut self, campaign: Key, hourly: bool, decision: u64, moment: Moment) {
        if hourly {
            let hour = u64::from(moment.local_hours());
            let cell = self.counted(Kind::ExposureHour, campaign, 0);
            if hour > cell.stamp {
                (cell.stamp, cell.value) = (hour, 0);
            }
            cell.value = (cell.value + 1).min(0xFF_FFFF);
        }
        let today = u64::from(moment.local_day());
        let cell = self.counted(Kind::Exposures, campaign, 0);
        let newest = cell.stamp.max(today);
        let seen = Seen(cell.value).passed(newest - cell.stamp).with_one_more(newest - today);
        (cell.stamp, cell.value) = (newest, seen.0);
        self.shown = self.shown.max((moment.now.minutes(), decision));
    }

    fn feel(&mut self, affinity: Key, value: u32, how: u64, moment: Moment) {
        let (weight, half_life) = (how & 0xFFFF, (how >> 16) as u16);
        if weight == 0 {
            // A cell of nothing would not be read back.
            return;
        }
        let now = u64::from(moment.now.hours());
        let gain = weight << 16;
        let cell = self.counted(Kind::Affinity, affinity, value);
        let strength = if now >= cell.stamp {
            let kept = decayed(cell.value, now - cell.stamp, half_life);
            cell.stamp = now;
            kept + gain
        } else {
            // The clock went back: the event counts as the older one that it claims to be.
            cell.value + decayed(gain, cell.stamp - now, half_life)
        };
        cell.value = strength.min(u64::from(u32::MAX));
    }

    fn set(&mut self, kind: Kind, id: Key, stamp: u64, value: u64) {
        let cell = self.cell(CellKey { kind, id, replica: 0, slot: 0 });
        (cell.stamp, cell.value) = (cell.stamp, cell.value).max((stamp, value));
    }

    pub(super) fn add_total(&mut self, id: Key, moment: Moment) {
        let now = u64::from(moment.now.hours());
        let cell = self.counted(Kind::Total, id, 0);
        cell.stamp = cell.stamp.max(now);
        cell.value = (cell.value + 1).min(0xFF_FFFF);
    }

    /// The cell that this device counts in.
    fn counted(&mut self, kind: Kind, id: Key, slot: u32) -> &mut Cell {
        self.cell(CellKey { kind, id, replica: self.device, slot })
    }
}
