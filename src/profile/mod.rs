//! What is remembered of one visitor: counts by day, sums, exposures, interests that fade, traits, memberships, journeys;
//! never text, never more than [`MAX_BYTES`].
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
//! And a visitor who was forgotten begins a new *generation*; an older one loses to it whole. So does one who gets another
//! pseudonym, or whose clock turns out to have run ahead.
//!
//! One copy is written by one device. Who may not write it leaves a [`Note`], which is taken in exactly once.
//!
//! Invariant: `cells` is strictly ascending by key, all above the floor, and encodes within the bound; the floor is not
//! below that of age.

mod cell;
mod change;
mod codec;
mod decay;
pub mod note;
mod seen;
mod taken;

pub use change::Change;
pub use codec::Error;
pub use note::Note;
pub use seen::{MAX_DAY, MAX_EVER};

use crate::id::{Key, Visitor};
use crate::time::Moment;
use alloc::vec::Vec;
use cell::{Cell, CellKey, Kind, Rank, day_of};
use decay::decayed;
use seen::Seen;
use taken::{MAX_TAKEN, Taken};

/// The most bytes that an encoded profile takes: as base64, with a name, a key id and an authentication code, it fits
/// one cookie of 4,096 bytes.
pub const MAX_BYTES: usize = 2_944;

/// The longest window that a rule may ask for, in days, today included.
pub const MAX_WINDOW: u32 = 90;

/// A visit ends after this many minutes without an event.
pub const VISIT_GAP: u32 = 30;

/// Minutes of a day.
const DAY: u32 = 24 * 60;
/// By how many minutes a clock may be behind the latest event without being doubted: behind that, what happens now would
/// be let go at once as too old.
const AHEAD: u32 = MAX_WINDOW * DAY;

/// The counter of visits.
const VISITS: &str = "$visit";

/// What is remembered of one visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    generation: u32,
    visitor: Visitor,
    /// Whose copy this is: what it counts, it counts as this device. Not merged.
    device: u16,
    /// Hours since 1970 of the first event; with `visitor`, the register of which the least survives a merge.
    born: u32,
    /// Minutes since 1970 of the latest event.
    seen: u32,
    /// Minutes since 1970 when a clock was first met that is far behind `seen`; 0 for never.
    doubted: u32,
    /// Minutes since 1970 of the last exposure, and its decision: an outcome may be owed to it.
    shown: (u32, u64),
    floor: Rank,
    /// Whose notes were taken in lately, ascending by dot.
    taken: Vec<Taken>,
    cells: Vec<Cell>,
}

/// One line of a profile, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Exposures of a campaign in the last local hour that had any (hours since 1970).
    ExposureHour(Key, u32, u64),
    /// Exposures of a campaign: the last local day that had any (days since 1970), in the seven days up to it, ever.
    Exposures(Key, u32, u64, u64),
    /// Events of a counter on a local day.
    Day(Key, u32, u64),
    /// Events of a counter ever, and the hour of the last.
    Total(Key, u64, u32),
    /// An affinity, hash of the value, strength in thousandths when last moved, hour of that.
    Affinity(Key, u32, u64, u32),
    /// A trait: bits of the number or hash of the text.
    Trait(Key, u64),
    /// What the events of a counter were worth ever, in thousandths.
    Worth(Key, u64),
    /// A segment, whether the origin counts the visitor to it, and minutes since 1970 when that was so.
    Member(Key, bool, u32),
    /// A journey, where it stands, and ms since 1970 when it came there.
    Journey(Key, u64, u64),
}

impl Profile {
    /// A profile that knows nothing but a pseudonym.
    #[must_use]
    pub fn new(visitor: Visitor, moment: Moment) -> Self {
        let [low, high, ..] = visitor.0;
        Self {
            generation: 0,
            visitor,
            device: u16::from_le_bytes([low, high]) % change::ORIGIN,
            born: moment.now.minutes() / 60,
            seen: 0,
            doubted: 0,
            shown: (0, 0),
            floor: Rank::default(),
            taken: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// Notes that the visitor is here, and counts a visit when the last event is long ago.
    fn arrive(&mut self, moment: Moment) {
        let now = moment.now.minutes();
        self.doubt_the_clock(now);
        let last = self.seen;
        self.seen = last.max(now);
        if now > last.saturating_add(DAY) {
            // What is too old by now goes before anything is added to it.
            self.normalise();
        }
        if self.visits() == 0 || now > last.saturating_add(VISIT_GAP) {
            self.add_total(Key::of(VISITS), moment);
        }
        self.born = self.born.min(now / 60);
    }

    /// Gives the pseudonym its time of birth, and nothing else: not even that anyone was here, or the visit that begins
    /// would not be counted.
    pub fn begin(&mut self, moment: Moment) {
        self.born = self.born.min(moment.now.minutes() / 60);
    }

    /// A clock that ran ahead has moved `seen`, and everything since counts as long past. One look at an earlier clock
    /// proves nothing (it may be that one which is wrong); when it still stands behind a day later, it is believed: what
    /// lies ahead of it is brought back to now, in a generation of its own.
    fn doubt_the_clock(&mut self, now: u32) {
        if now.saturating_add(AHEAD) >= self.seen {
            return;
        }
        if self.doubted == 0 {
            self.doubted = now;
        } else if now > self.doubted.saturating_add(DAY) {
            self.generation = self.generation.saturating_add(1);
            (self.seen, self.doubted, self.floor) = (now, 0, Rank::default());
            self.born = self.born.min(now / 60);
            self.shown.0 = self.shown.0.min(now);
            self.taken.iter_mut().for_each(|taken| taken.minute = taken.minute.min(now));
            self.cells.retain_mut(|cell| cell.bring_back(now));
        }
    }

    /// Was the pseudonym drawn more than `days` ago?
    #[must_use]
    pub fn is_older_than(&self, days: u32, moment: Moment) -> bool {
        moment.now.minutes() / 60 > self.born.saturating_add(days.saturating_mul(24))
    }

    /// Goes on under another pseudonym, remembering what it did; copies under the old one lose to this when they meet.
    pub fn rename(&mut self, visitor: Visitor, moment: Moment) {
        self.generation = self.generation.saturating_add(1);
        (self.visitor, self.born, self.shown) = (visitor, moment.now.minutes() / 60, (0, 0));
    }

    /// From now on counts as that device. For whoever merges copies of several; a device keeps its own number.
    pub fn count_as(&mut self, device: u16) {
        self.device = device;
    }

    /// Takes in another copy.
    pub fn merge(&mut self, other: &Self) {
        if other.generation != self.generation {
            if other.generation > self.generation {
                // The device's number too: it was part of a pseudonym that is perhaps to be forgotten.
                *self = other.clone();
            }
            return;
        }
        (self.born, self.visitor) = (self.born, self.visitor).min((other.born, other.visitor));
        self.seen = self.seen.max(other.seen);
        // 0 is no doubt at all; of two, the earlier.
        self.doubted = self.doubted.wrapping_sub(1).min(other.doubted.wrapping_sub(1)).wrapping_add(1);
        self.shown = self.shown.max(other.shown);
        other.taken.iter().for_each(|taken| self.join_taken(*taken));
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
        let generation = self.generation.saturating_add(1).max(moment.now.minutes());
        *self = Self { generation, ..Self::new(visitor, moment) };
    }

    /// How often the visitor began anew, in a way: greater is later.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
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
        self.of(Kind::Day, counter).iter().filter(|cell| day_of(cell.key.slot).0 >= first).map(|cell| cell.value).sum()
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

    /// When that was, in ms since 1970.
    #[must_use]
    pub fn said_at(&self, name: Key) -> Option<u64> {
        self.of(Kind::Trait, name).first().map(|cell| cell.stamp)
    }

    /// What the events of a counter were worth ever, in thousandths.
    #[must_use]
    pub fn worth(&self, counter: Key) -> u64 {
        self.sum(Kind::Worth, counter)
    }

    /// Whether the origin counts the visitor to a segment; `None` when it never said.
    #[must_use]
    pub fn is_member(&self, segment: Key) -> Option<bool> {
        self.of(Kind::Member, segment).first().map(|cell| cell.value > 0)
    }

    /// Lets go of every membership.
    pub(crate) fn doubt_members(&mut self) {
        self.cells.retain(|cell| cell.key.kind != Kind::Member);
    }

    /// Where a journey stands, and since when in ms since 1970.
    #[must_use]
    pub fn place(&self, journey: Key) -> Option<(u64, u64)> {
        self.of(Kind::Journey, journey).first().map(|cell| (cell.value, cell.stamp))
    }

    /// The decision that was last seen, of whichever campaign, if that was at most `days` ago: an outcome may be owed to it.
    #[must_use]
    pub fn last_exposure(&self, days: u32, moment: Moment) -> Option<u64> {
        let (when, decision) = self.shown;
        (decision > 0 && when >= moment.now.minutes().saturating_sub(days * DAY)).then_some(decision)
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
        let seen = self.of(Kind::Exposures, campaign).iter();
        seen.map(|cell| Seen(cell.value).last((cell.stamp + u64::from(days)).saturating_sub(today))).sum()
    }

    /// Exposures of a campaign ever.
    #[must_use]
    pub fn exposures_ever(&self, campaign: Key) -> u64 {
        self.of(Kind::Exposures, campaign).iter().map(|cell| Seen(cell.value).ever()).sum()
    }

    /// Everything, line by line, for people.
    pub fn lines(&self) -> impl Iterator<Item = Line> + '_ {
        self.cells.iter().map(|cell| {
            let (id, slot, value, last) = (cell.key.id, cell.key.slot, cell.value, cell.stamp as u32);
            match cell.key.kind {
                Kind::ExposureHour => Line::ExposureHour(id, last, value),
                Kind::Exposures => Line::Exposures(id, last, Seen(value).last(7), Seen(value).ever()),
                Kind::Day => Line::Day(id, day_of(slot).0, value),
                Kind::Total => Line::Total(id, value, last),
                Kind::Affinity => Line::Affinity(id, slot, thousandths(value), last),
                Kind::Trait => Line::Trait(id, value),
                Kind::Worth => Line::Worth(id, value),
                Kind::Member => Line::Member(id, value > 0, last),
                Kind::Journey => Line::Journey(id, value, cell.stamp),
            }
        })
    }

    /// The cell of that key, made when there is none.
    #[inline(never)]
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

    #[inline(never)]
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
        self.trim_taken();
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
        profile.apply(&Change::count(view, 90, 0), Moment::utc(START));
        assert_eq!(profile.within(view, 7, Moment::utc(START + 6 * DAY)), 1);
        assert_eq!(profile.within(view, 7, Moment::utc(START + 7 * DAY)), 0);
        assert_eq!(profile.total(view), 1);
        assert_eq!(profile.hours_since(view, Moment::utc(START + 7 * DAY)), Some(168));
    }

    #[test]
    fn an_interest_halves_with_its_half_life() {
        let (mut profile, drink) = (blank(), Key::of("drink"));
        profile.apply(&Change::feel(drink, 1, 4, 24), Moment::utc(START));
        assert_eq!(profile.strength(drink, 1, 24, Moment::utc(START)), 4_000);
        assert_eq!(profile.strength(drink, 1, 24, Moment::utc(START + DAY)), 2_000);
        assert_eq!(profile.strength(drink, 2, 24, Moment::utc(START)), 0);
    }

    #[test]
    fn a_visit_is_counted_after_half_an_hour_of_silence() {
        let mut profile = blank();
        profile.apply(&Change::ARRIVE, Moment::utc(START));
        profile.apply(&Change::ARRIVE, Moment::utc(START + 30 * 60_000));
        assert_eq!(profile.visits(), 1);
        profile.apply(&Change::ARRIVE, Moment::utc(START + 61 * 60_000));
        assert_eq!(profile.visits(), 2);
    }

    #[test]
    fn a_clock_that_goes_back_an_hour_or_a_month_loses_nothing() {
        let (mut profile, view) = (blank(), Change::count(Key::of("view"), 90, 0));
        profile.apply(&view, Moment::utc(START));
        profile.apply(&view, Moment::utc(START - HOUR));
        profile.apply(&view, Moment::utc(START - 31 * DAY));
        let now = Moment::utc(START);
        assert_eq!([1, 7, 90].map(|days| profile.within(Key::of("view"), days, now)), [2, 2, 3]);
        assert_eq!(profile.hours_since(Key::of("view"), now), Some(0), "the last one stays the last");
        assert_eq!(profile.visits(), 1);
    }

    #[test]
    fn a_clock_that_ran_years_ahead_is_believed_no_more_after_a_day() {
        let (mut profile, view) = (blank(), Change::count(Key::of("view"), 90, 0));
        let ahead = START + 40 * 365 * DAY;
        profile.apply(&Change::say(Key::of("plan"), 7), Moment::utc(ahead));
        profile.apply(&view, Moment::utc(ahead));
        // Right again. At first it may be this clock that is wrong.
        profile.apply(&view, Moment::utc(START));
        assert_eq!(profile.within(Key::of("view"), 7, Moment::utc(START)), 1, "what lies ahead counts as today");
        let old = profile.clone();
        profile.apply(&view, Moment::utc(START + 25 * HOUR));
        let now = Moment::utc(START + 25 * HOUR);
        assert_eq!(profile.within(Key::of("view"), 7, now), 1, "counts again, and what was ahead is gone");
        assert_eq!((profile.total(Key::of("view")), profile.said(Key::of("plan"))), (3, Some(7)));
        assert_eq!(profile.visitor(), old.visitor());
        profile.merge(&old);
        assert_eq!(profile.within(Key::of("view"), 7, now), 1, "an older copy does not bring the wrong time back");
        profile.apply(&view, Moment::utc(START + 30 * DAY));
        assert_eq!(profile.within(Key::of("view"), 7, Moment::utc(START + 30 * DAY)), 1);
    }

    #[test]
    fn one_look_at_an_earlier_clock_changes_nothing() {
        let (mut profile, view) = (blank(), Change::count(Key::of("view"), 90, 0));
        profile.apply(&view, Moment::utc(START));
        profile.apply(&view, Moment::utc(0));
        profile.apply(&view, Moment::utc(START + HOUR));
        assert_eq!(profile.within(Key::of("view"), 7, Moment::utc(START + HOUR)), 2);
        assert_eq!(profile.generation(), 0);
    }

    #[test]
    fn after_twenty_years_nothing_is_remembered_but_the_pseudonym() {
        let (mut profile, view) = (blank(), Change::count(Key::of("view"), 90, 500));
        profile.apply(&view, Moment::utc(START));
        profile.apply(&Change::say(Key::of("plan"), 7), Moment::utc(START));
        let late = Moment::utc(START + 20 * 365 * DAY);
        profile.apply(&view, late);
        assert_eq!((profile.total(Key::of("view")), profile.worth(Key::of("view"))), (1, 500));
        assert_eq!((profile.said(Key::of("plan")), profile.visits()), (None, 1));
        assert_eq!(profile.visitor(), blank().visitor());
        assert!(profile.is_older_than(395, late), "and that is to be drawn anew");
    }

    #[test]
    fn the_first_format_is_still_read() {
        let bytes = include_bytes!("../../tests/vectors/profile/format-1.bin");
        let mut profile = Profile::decode(bytes).unwrap();
        let now = Moment::utc(1_780_315_200_000 + 8 * DAY);
        assert_eq!(profile.within(Key::of("viewed"), 7, now), 7);
        assert_eq!([profile.total(Key::of("viewed")), profile.total(Key::of("purchase")), profile.visits()], [9, 9, 9]);
        assert_eq!(profile.exposures(Key::of("twice-a-day"), 1, now), 1);
        assert_eq!(profile.said(Key::of("plan")), Some(8));
        // Whose numbers it holds does not change: it goes on as the device that it always was.
        profile.apply(&Change::count(Key::of("viewed"), 90, 0), now);
        assert_eq!(profile.total(Key::of("viewed")), 10);
        assert_eq!(Profile::decode(&profile.encode()), Ok(profile));
    }

    #[test]
    fn the_second_format_is_what_it_was() {
        let bytes = include_bytes!("../../tests/vectors/profile/format-2.bin");
        let profile = Profile::decode(bytes).unwrap();
        assert_eq!(profile.encode(), bytes, "a profile that is stored today must be read, and written, so for ever");
        assert_eq!(profile.is_member(Key::of("gold")), Some(true));
        assert_eq!(profile.place(Key::of("welcome")), Some((8, 1_780_315_200_000 + 8 * DAY)));
        assert_eq!(profile.worth(Key::of("purchase")), 17_910);
        assert_eq!(profile.taken(u64::MAX - 1), 5);
    }

    #[test]
    fn a_forgotten_visitor_does_not_come_back_through_an_old_copy() {
        let mut profile = blank();
        profile.apply(&Change::count(Key::of("view"), 90, 0), Moment::utc(START));
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
                profile.apply(&Change::count(Key(counter), 90, 0), Moment::utc(START + day * DAY));
            }
        }
        let now = Moment::utc(START + 79 * DAY);
        assert!(profile.encode().len() <= MAX_BYTES);
        assert_eq!(profile.within(Key(3), 7, now), 7);
        assert!(profile.within(Key(3), 80, now) < 80);
        assert_eq!(profile.total(Key(3)), 80);
    }
}
