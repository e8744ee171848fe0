//! What is remembered of one visitor: counts by day, exposures, interests that fade, traits; never text, never more than
//! [`MAX_BYTES`].
//!
//! A profile is a sorted list of cells. A cell's key says what it counts and which replica counted it; its content is a
//! pair (stamp, value) that only grows along that replica's own history. So two copies that lived apart merge by taking
//! the greater of each cell, in any order and any number of times, to the same bytes.
//!
//! Cells have a rank in one total order, which only grows with the cell. What lies at or under the `floor` is gone, and
//! two things raise it, each a function of the state alone, so that the merge laws hold where they act:
//! - *age*: the floor is never lower than where `seen`, the latest time in the profile, puts it;
//! - *size*: when the encoding would exceed [`MAX_BYTES`], the cells of lowest rank go. The encoding only shrinks when cells
//!   go, so the least floor that fits is the same whichever copies meet first. Age is a floor too, and not a rule of its
//!   own beside it, for this reason: what one order lets go for want of room, another must not keep because something
//!   else had aged first.
//!
//! And a visitor who was forgotten begins a new *generation*; an older one loses to it whole.
//!
//! Invariant: `cells` is strictly ascending by key, all above the floor, and encodes within the bound; the floor is not
//! below that of age.

mod cell;
mod codec;
mod decay;
mod week;

pub use codec::Error;

use crate::id::{Key, Visitor};
use crate::time::Moment;
use alloc::vec::Vec;
use cell::{Cell, CellKey, Kind, Rank};
use decay::decayed;
use week::Week;

/// The most bytes that an encoded profile takes: as base64, with a name, a key id and an authentication code, it fits
/// one cookie of 4,096 bytes.
pub const MAX_BYTES: usize = 2_944;

/// The longest window that a rule may ask for, in days, today included.
pub const MAX_WINDOW: u32 = 90;

/// A visit ends after this many minutes without an event.
pub const VISIT_GAP: u32 = 30;

/// The counter of visits.
const VISITS: &str = "$visit";

/// What is remembered of one visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    generation: u32,
    visitor: Visitor,
    /// Hours since 1970 of the first event; with `visitor`, the register of which the least survives a merge.
    born: u32,
    /// Minutes since 1970 of the latest event.
    seen: u32,
    floor: Rank,
    cells: Vec<Cell>,
}

/// One line of a profile, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Exposures of a campaign in the last local hour that had any (hours since 1970).
    ExposureHour(Key, u32, u64),
    /// Exposures of a campaign in the seven local days up to the last that had any (days since 1970).
    ExposureWeek(Key, u32, u64),
    /// Exposures of a campaign ever, and the hour of the last (hours since 1970, UTC).
    ExposureTotal(Key, u64, u32),
    /// Events of a counter on a local day.
    Day(Key, u32, u64),
    /// Events of a counter ever, and the hour of the last.
    Total(Key, u64, u32),
    /// An affinity, hash of the value, strength in thousandths when last moved, hour of that.
    Affinity(Key, u32, u64, u32),
    /// A trait: bits of the number or hash of the text.
    Trait(Key, u64),
}

impl Profile {
    /// A profile that knows nothing but a pseudonym.
    #[must_use]
    pub fn new(visitor: Visitor, moment: Moment) -> Self {
        let minutes = minutes(moment);
        Self { generation: 0, visitor, born: minutes / 60, seen: 0, floor: Rank::default(), cells: Vec::new() }
    }

    /// Notes that the visitor is here, and counts a visit when the last event is long ago.
    pub fn arrive(&mut self, replica: u16, moment: Moment) {
        let now = minutes(moment);
        if self.visits() == 0 || now > self.seen.saturating_add(VISIT_GAP) {
            self.add_total(Kind::Total, Key::of(VISITS), replica, moment);
        }
        self.see(moment);
        self.normalise();
    }

    /// Gives the pseudonym its time of birth, and nothing else: not even that anyone was here, or the visit that begins
    /// would not be counted.
    pub fn begin(&mut self, moment: Moment) {
        self.born = self.born.min(minutes(moment) / 60);
    }

    fn see(&mut self, moment: Moment) {
        let now = minutes(moment);
        self.seen = self.seen.max(now);
        self.born = self.born.min(now / 60);
    }

    /// Counts an event, on its day when some window asks for days, and for ever.
    pub fn count(&mut self, counter: Key, daily: bool, replica: u16, moment: Moment) {
        self.see(moment);
        if daily {
            let cell = self.cell(CellKey { kind: Kind::Day, id: counter, replica, slot: moment.local_day() });
            cell.value = (cell.value + 1).min(u64::from(u32::MAX));
        }
        self.add_total(Kind::Total, counter, replica, moment);
        self.normalise();
    }

    /// Counts an exposure of a campaign, by the hour too when it has an hourly cap.
    pub fn expose(&mut self, campaign: Key, hourly: bool, replica: u16, moment: Moment) {
        self.see(moment);
        if hourly {
            let hour = u64::from(moment.local_hours());
            let cell = self.cell(CellKey { kind: Kind::ExposureHour, id: campaign, replica, slot: 0 });
            if hour > cell.stamp {
                (cell.stamp, cell.value) = (hour, 0);
            }
            cell.value = (cell.value + 1).min(0xFF_FFFF);
        }
        let today = u64::from(moment.local_day());
        let cell = self.cell(CellKey { kind: Kind::ExposureWeek, id: campaign, replica, slot: 0 });
        let week = Week(cell.value).passed(today.saturating_sub(cell.stamp));
        (cell.stamp, cell.value) = (cell.stamp.max(today), week.with_one_more().0);
        self.add_total(Kind::ExposureTotal, campaign, replica, moment);
        self.normalise();
    }

    /// Strengthens an interest by `weight` units; `half_life` is in hours.
    pub fn feel(&mut self, affinity: Key, value: u32, weight: u16, half_life: u16, replica: u16, moment: Moment) {
        self.see(moment);
        if weight == 0 {
            // A cell of nothing would not be read back.
            return;
        }
        let now = u64::from(moment.now.hours());
        let gain = u64::from(weight) << 16;
        let cell = self.cell(CellKey { kind: Kind::Affinity, id: affinity, replica, slot: value });
        let strength = if now >= cell.stamp {
            let kept = decayed(cell.value, now - cell.stamp, half_life);
            cell.stamp = now;
            kept + gain
        } else {
            // The clock went back: the event counts as the older one that it claims to be.
            cell.value + decayed(gain, cell.stamp - now, half_life)
        };
        cell.value = strength.min(u64::from(u32::MAX));
        self.normalise();
    }

    /// Notes what was said of the visitor; the latest word wins, and between equally late ones the greater.
    pub fn say(&mut self, name: Key, value: u64, moment: Moment) {
        self.see(moment);
        let said = (moment.now.0.min(0xFFFF_FFFF_FFFF), value);
        let cell = self.cell(CellKey { kind: Kind::Trait, id: name, replica: 0, slot: 0 });
        (cell.stamp, cell.value) = (cell.stamp, cell.value).max(said);
        self.normalise();
    }

    /// Takes in another copy.
    pub fn merge(&mut self, other: &Self) {
        if other.generation != self.generation {
            if other.generation > self.generation {
                *self = other.clone();
            }
            return;
        }
        (self.born, self.visitor) = (self.born, self.visitor).min((other.born, other.visitor));
        self.seen = self.seen.max(other.seen);
        self.floor = self.floor.max(other.floor);
        // What either has let go must not come back through the other, not even as the lesser half of a pair.
        let floor = self.floor;
        self.cells.retain(|cell| cell.rank() > floor);
        for theirs in other.cells.iter().filter(|cell| cell.rank() > floor) {
            let ours = self.cell(theirs.key);
            (ours.stamp, ours.value) = (ours.stamp, ours.value).max((theirs.stamp, theirs.value));
        }
        self.normalise();
    }

    /// Becomes another copy, pseudonym and all, when nothing was remembered here and the other is no older generation.
    /// Birth is known to the hour only: two copies of one hour would merge under the lesser pseudonym, and a visitor who
    /// has just come would change it with every page. Returns false when there is something to merge.
    pub fn adopt(&mut self, other: &Self) -> bool {
        let adopts = self.is_empty() && self.seen == 0 && other.generation >= self.generation;
        if adopts {
            *self = other.clone();
        }
        adopts
    }

    /// Forgets everything and begins anew under another pseudonym; older copies lose to this one when they meet.
    pub fn forget(&mut self, visitor: Visitor, moment: Moment) {
        let generation = self.generation.saturating_add(1).max(minutes(moment));
        *self = Self { generation, ..Self::new(visitor, moment) };
    }

    /// The pseudonym.
    #[must_use]
    pub fn visitor(&self) -> Visitor {
        self.visitor
    }

    /// Is nothing remembered?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Visits so far, this one included.
    #[must_use]
    pub fn visits(&self) -> u64 {
        self.sum(Kind::Total, Key::of(VISITS))
    }

    /// How often a counter moved, ever.
    #[must_use]
    pub fn total(&self, counter: Key) -> u64 {
        self.sum(Kind::Total, counter)
    }

    /// How often a counter moved in the last `days` local days, today included.
    #[must_use]
    pub fn within(&self, counter: Key, days: u32, moment: Moment) -> u64 {
        let first = moment.local_day().saturating_sub(days.saturating_sub(1));
        // What a clock that went back has put after today counts too.
        self.of(Kind::Day, counter).iter().filter(|cell| cell.key.slot >= first).map(|cell| cell.value).sum()
    }

    /// Whole hours since a counter last moved.
    #[must_use]
    pub fn hours_since(&self, counter: Key, moment: Moment) -> Option<u64> {
        let last = self.of(Kind::Total, counter).iter().map(|cell| cell.stamp).max()?;
        Some(u64::from(moment.now.hours()).saturating_sub(last))
    }

    /// Strength of an interest now, in thousandths.
    #[must_use]
    pub fn strength(&self, affinity: Key, value: u32, half_life: u16, moment: Moment) -> u64 {
        let now = u64::from(moment.now.hours());
        let cells = self.of(Kind::Affinity, affinity).iter().filter(|cell| cell.key.slot == value);
        thousandths(cells.map(|cell| decayed(cell.value, now.saturating_sub(cell.stamp), half_life)).sum())
    }

    /// What was last said: bits of the number, or hash of the text.
    #[must_use]
    pub fn said(&self, name: Key) -> Option<u64> {
        self.of(Kind::Trait, name).first().map(|cell| cell.value)
    }

    /// Exposures of a campaign in this local hour. Endless while the clock is behind an hour that had some, because only
    /// the last one is remembered: better one exposure too few than one too many.
    #[must_use]
    pub fn exposures_this_hour(&self, campaign: Key, moment: Moment) -> u64 {
        let hour = u64::from(moment.local_hours());
        let counted = |cell: &Cell| if cell.stamp > hour { u64::from(u32::MAX) } else { cell.value };
        self.of(Kind::ExposureHour, campaign).iter().filter(|cell| cell.stamp >= hour).map(counted).sum()
    }

    /// Exposures of a campaign in the last `days` local days, at most seven, today included.
    #[must_use]
    pub fn exposures(&self, campaign: Key, days: u32, moment: Moment) -> u64 {
        let today = u64::from(moment.local_day());
        let weeks = self.of(Kind::ExposureWeek, campaign).iter();
        weeks.map(|cell| Week(cell.value).last((cell.stamp + u64::from(days)).saturating_sub(today))).sum()
    }

    /// Exposures of a campaign ever.
    #[must_use]
    pub fn exposures_ever(&self, campaign: Key) -> u64 {
        self.sum(Kind::ExposureTotal, campaign)
    }

    /// Everything, line by line, for people.
    pub fn lines(&self) -> impl Iterator<Item = Line> + '_ {
        self.cells.iter().map(|cell| {
            let (id, slot, value, last) = (cell.key.id, cell.key.slot, cell.value, cell.stamp as u32);
            match cell.key.kind {
                Kind::ExposureHour => Line::ExposureHour(id, last, value),
                Kind::ExposureWeek => Line::ExposureWeek(id, last, Week(value).last(7)),
                Kind::ExposureTotal => Line::ExposureTotal(id, value, last),
                Kind::Day => Line::Day(id, slot, value),
                Kind::Total => Line::Total(id, value, last),
                Kind::Affinity => Line::Affinity(id, slot, thousandths(value), last),
                Kind::Trait => Line::Trait(id, value),
            }
        })
    }

    fn add_total(&mut self, kind: Kind, id: Key, replica: u16, moment: Moment) {
        let now = u64::from(moment.now.hours());
        let cell = self.cell(CellKey { kind, id, replica, slot: 0 });
        cell.stamp = cell.stamp.max(now);
        cell.value = (cell.value + 1).min(0xFF_FFFF);
    }

    /// The cell of that key, made when there is none.
    fn cell(&mut self, key: CellKey) -> &mut Cell {
        let place = match self.cells.binary_search_by_key(&key, |cell| cell.key) {
            Ok(place) => place,
            Err(place) => {
                self.cells.insert(place, Cell { key, stamp: 0, value: 0 });
                place
            }
        };
        #[expect(clippy::indexing_slicing, reason = "the search has just found or filled this place")]
        &mut self.cells[place]
    }

    fn of(&self, kind: Kind, id: Key) -> &[Cell] {
        let start = self.cells.partition_point(|cell| (cell.key.kind, cell.key.id) < (kind, id));
        let rest = self.cells.get(start..).unwrap_or(&[]);
        let end = rest.partition_point(|cell| (cell.key.kind, cell.key.id) == (kind, id));
        rest.get(..end).unwrap_or(&[])
    }

    fn sum(&self, kind: Kind, id: Key) -> u64 {
        self.of(kind, id).iter().map(|cell| cell.value).sum()
    }

    /// Restores the invariant after cells were added or taken in.
    fn normalise(&mut self) {
        self.floor = self.floor.max(Rank::aged(self.seen));
        let floor = self.floor;
        self.cells.retain(|cell| cell.rank() > floor);
        // Rarely more than one or two go at a time, so looking for the least again beats sorting, in bytes and in time.
        while self.encoded_len() > MAX_BYTES {
            let Some(least) = self.cells.iter().map(Cell::rank).min() else { break };
            self.floor = least;
            self.cells.retain(|cell| cell.rank() > least);
        }
    }

    fn encoded_len(&self) -> usize {
        codec::encoded_len(&self.cells, self.seen)
    }
}

/// Q16 to thousandths.
fn thousandths(strength: u64) -> u64 {
    (strength * 1_000) >> 16
}

fn minutes(moment: Moment) -> u32 {
    moment.now.hours() * 60 + ((moment.now.0 / 60_000) % 60) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;
    const START: u64 = 1_767_261_600_000; // 2026-01-01T10:00:00Z

    fn blank() -> Profile {
        Profile::new(Visitor([7; 16]), Moment::utc(START))
    }

    #[test]
    fn a_window_ends_with_its_last_day() {
        let (mut profile, view) = (blank(), Key::of("view"));
        profile.count(view, true, 0, Moment::utc(START));
        assert_eq!(profile.within(view, 7, Moment::utc(START + 6 * DAY)), 1);
        assert_eq!(profile.within(view, 7, Moment::utc(START + 7 * DAY)), 0);
        assert_eq!(profile.total(view), 1);
        assert_eq!(profile.hours_since(view, Moment::utc(START + 7 * DAY)), Some(168));
    }

    #[test]
    fn an_interest_halves_with_its_half_life() {
        let (mut profile, drink) = (blank(), Key::of("drink"));
        profile.feel(drink, 1, 4, 24, 0, Moment::utc(START));
        assert_eq!(profile.strength(drink, 1, 24, Moment::utc(START)), 4_000);
        assert_eq!(profile.strength(drink, 1, 24, Moment::utc(START + DAY)), 2_000);
        assert_eq!(profile.strength(drink, 2, 24, Moment::utc(START)), 0);
    }

    #[test]
    fn a_visit_is_counted_after_half_an_hour_of_silence() {
        let mut profile = blank();
        profile.arrive(0, Moment::utc(START));
        profile.arrive(0, Moment::utc(START + 30 * 60_000));
        assert_eq!(profile.visits(), 1);
        profile.arrive(0, Moment::utc(START + 61 * 60_000));
        assert_eq!(profile.visits(), 2);
    }

    #[test]
    fn a_forgotten_visitor_does_not_come_back_through_an_old_copy() {
        let mut profile = blank();
        profile.count(Key::of("view"), true, 0, Moment::utc(START));
        let old = profile.clone();
        profile.forget(Visitor([8; 16]), Moment::utc(START));
        profile.merge(&old);
        assert!(profile.is_empty());
        let mut late = old;
        late.merge(&profile);
        assert_eq!(late, profile);
    }

    #[test]
    fn a_full_profile_lets_the_oldest_days_go_first() {
        let mut profile = blank();
        for day in 0..80u64 {
            for counter in 0..20u32 {
                profile.count(Key(counter), true, 0, Moment::utc(START + day * DAY));
            }
        }
        let now = Moment::utc(START + 79 * DAY);
        assert!(profile.encode().len() <= MAX_BYTES);
        assert_eq!(profile.within(Key(3), 7, now), 7);
        assert!(profile.within(Key(3), 80, now) < 80);
        assert_eq!(profile.total(Key(3)), 80);
    }
}
