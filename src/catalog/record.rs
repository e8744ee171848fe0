//! Records of the tables: views over fixed arrays, a method for each field of `docs/formats/bundle.md`.

use crate::id::Key;
use petitfour_kernel::rule::Column;

/// Where an attribute's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// What the page told for this decision.
    Context,
    /// What was last said of the visitor.
    Trait,
    /// Events in a window of local days.
    Count,
    /// Whole hours since something last happened.
    Recency,
    /// Decayed strength of an interest, in thousandths.
    Affinity,
    /// Local hour, weekday or month.
    Moment,
    /// Sessions so far.
    Visits,
    /// What the events of a counter were worth ever, in thousandths.
    Worth,
    /// Whether the origin counts the visitor to a segment: 1, 0, or missing when it never said.
    Member,
    /// The step at which the visitor rests in a journey, by its code, or how they left it; missing when they never entered.
    Journey,
    /// Exposures of a campaign, in the last local days or ever.
    Seen,
    /// A source that this build does not know: always missing.
    Unknown,
}

macro_rules! view {
    ($(#[$doc:meta])* $name:ident, $size:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name<'a>(pub(super) &'a [u8; $size]);

        impl $name<'_> {
            /// Its stable key.
            #[must_use]
            pub fn key(&self) -> Key {
                Key(u32_at(self.0, 0))
            }

            /// String number of its name.
            #[must_use]
            pub fn name(&self) -> u32 {
                u32_at(self.0, 4)
            }
        }
    };
}

pub(super) use view;

view!(
    /// A column that segments and models read.
    Attribute, 40
);
view!(
    /// What may be shown, to whom, when and how often.
    Campaign, 80
);
view!(
    /// One thing that can be shown.
    Creative, 24
);
view!(
    /// One place that shows something.
    Placement, 20
);
view!(
    /// An event that is counted, perhaps only with one property value.
    Counter, 24
);
view!(
    /// An interest that grows with events and fades with time.
    Affinity, 20
);
view!(
    /// Something that may be said of a visitor.
    Trait, 12
);
view!(
    /// An event that means something.
    EventKind, 12
);
view!(
    /// Business facts with an age.
    Feed, 16
);
view!(
    /// A quantised scorer.
    Model, 24
);
/// A condition on a feed's level.
#[derive(Debug, Clone, Copy)]
pub struct Stock<'a>(pub(super) &'a [u8; 20]);

impl Attribute<'_> {
    /// Where its value comes from.
    #[must_use]
    pub fn source(&self) -> Source {
        match self.0[8] {
            0 => Source::Context,
            1 => Source::Trait,
            2 => Source::Count,
            3 => Source::Recency,
            4 => Source::Affinity,
            5 => Source::Moment,
            6 => Source::Visits,
            7 => Source::Worth,
            8 => Source::Member,
            9 => Source::Journey,
            10 => Source::Seen,
            _ => Source::Unknown,
        }
    }

    /// Text rather than a number?
    #[must_use]
    pub fn is_text(&self) -> bool {
        Column(self.0).is_text()
    }

    /// Key of the trait, counter or affinity.
    #[must_use]
    pub fn subject(&self) -> Key {
        Key(u32_at(self.0, 12))
    }

    /// Days of a window, hash of an affinity's value, or part of a moment.
    #[must_use]
    pub fn argument(&self) -> u32 {
        u32_at(self.0, 16)
    }

    /// How many bins there are.
    #[must_use]
    pub fn bins(&self) -> u32 {
        u32_at(self.0, 20)
    }

    /// First border or dictionary entry.
    #[must_use]
    pub fn first(&self) -> u32 {
        Column(self.0).first()
    }

    /// How many borders or dictionary entries.
    #[must_use]
    pub fn count(&self) -> u32 {
        Column(self.0).count()
    }

    /// Where its rows are listed, all ones when no conjunct asks.
    #[must_use]
    pub fn rows(&self) -> u32 {
        Column(self.0).rows()
    }
}

impl Campaign<'_> {
    /// Higher is first.
    #[must_use]
    pub fn priority(&self) -> i32 {
        u32_at(self.0, 8) as i32
    }

    /// What showing it is worth, in thousandths.
    #[must_use]
    pub fn value(&self) -> i32 {
        u32_at(self.0, 12) as i32
    }

    /// Runs from this Unix ms on …
    #[must_use]
    pub fn from(&self) -> i64 {
        u64_at(self.0, 16) as i64
    }

    /// … to just before this one.
    #[must_use]
    pub fn until(&self) -> i64 {
        u64_at(self.0, 24) as i64
    }

    /// Exposures an hour, `None` for any.
    #[must_use]
    pub fn cap_hour(&self) -> Option<u32> {
        short_cap(u16_at(self.0, 32))
    }

    /// Exposures a day, `None` for any.
    #[must_use]
    pub fn cap_day(&self) -> Option<u32> {
        short_cap(u16_at(self.0, 34))
    }

    /// Exposures in seven days, `None` for any.
    #[must_use]
    pub fn cap_week(&self) -> Option<u32> {
        short_cap(u16_at(self.0, 36))
    }

    /// Exposures ever, `None` for any.
    #[must_use]
    pub fn cap_total(&self) -> Option<u32> {
        Some(u32_at(self.0, 40)).filter(|cap| *cap != u32::MAX)
    }

    /// Has it any cap at all?
    #[must_use]
    pub fn is_capped(&self) -> bool {
        self.cap_hour().or(self.cap_day()).or(self.cap_week()).or(self.cap_total()).is_some()
    }

    /// Does its segment or model read the profile?
    #[must_use]
    pub fn reads_profile(&self) -> bool {
        u16_at(self.0, 38) & 1 != 0
    }

    /// Share left alone, of 10 000.
    #[must_use]
    pub fn holdout(&self) -> u16 {
        u16_at(self.0, 44)
    }

    /// Its stock condition.
    #[must_use]
    pub fn stock(&self) -> Option<usize> {
        Some(u16_at(self.0, 46)).filter(|index| *index != u16::MAX).map(usize::from)
    }

    /// Its model.
    #[must_use]
    pub fn model(&self) -> Option<usize> {
        Some(u16_at(self.0, 48)).filter(|index| *index != u16::MAX).map(usize::from)
    }

    /// The model of how unsure its model is.
    #[must_use]
    pub fn spread(&self) -> Option<usize> {
        usize::from(u16_at(self.0, 68)).checked_sub(1)
    }

    /// How many creatives it has.
    #[must_use]
    pub fn creative_count(&self) -> u16 {
        u16_at(self.0, 50)
    }

    /// The first of them.
    #[must_use]
    pub fn first_creative(&self) -> usize {
        u32_at(self.0, 52) as usize
    }

    /// Sum of their weights.
    #[must_use]
    pub fn total_weight(&self) -> u32 {
        u32_at(self.0, 56)
    }

    /// Its first conjunct.
    #[must_use]
    pub fn first_conjunct(&self) -> usize {
        u32_at(self.0, 60) as usize
    }

    /// How many conjuncts it has.
    #[must_use]
    pub fn conjunct_count(&self) -> usize {
        u32_at(self.0, 64) as usize
    }

    /// Salt of its holdout.
    #[must_use]
    pub fn salt(&self) -> u64 {
        u64_at(self.0, 72)
    }
}

impl Creative<'_> {
    /// The campaign it belongs to; none for a fallback.
    #[must_use]
    pub fn campaign(&self) -> Option<usize> {
        index(u32_at(self.0, 8))
    }

    /// Its share among its campaign's creatives.
    #[must_use]
    pub fn weight(&self) -> u32 {
        u32_at(self.0, 12)
    }

    /// String number of its fields, a JSON object of texts; where it is composed, with marks in it (`docs/formats/bundle.md`).
    #[must_use]
    pub fn content(&self) -> u32 {
        u32_at(self.0, 16)
    }

    /// Does what it says depend on the visitor and the moment?
    #[must_use]
    pub fn is_composed(&self) -> bool {
        u32_at(self.0, 20) > 0
    }

    /// The first option of its parts, where it is composed.
    #[must_use]
    pub fn first_option(&self) -> usize {
        (u32_at(self.0, 20) as usize).saturating_sub(1)
    }
}

impl Placement<'_> {
    /// What it shows when no campaign may be shown.
    #[must_use]
    pub fn fallback(&self) -> Option<usize> {
        index(u32_at(self.0, 8))
    }

    /// Its row of the masks.
    #[must_use]
    pub fn mask(&self) -> usize {
        u32_at(self.0, 12) as usize
    }

    /// Does some campaign here have a model?
    #[must_use]
    pub fn is_scored(&self) -> bool {
        u32_at(self.0, 16) & 1 != 0
    }

    /// Where among the models' data it is said how this placement explores; most do not.
    #[must_use]
    pub fn exploration(&self) -> Option<usize> {
        (u32_at(self.0, 16) as usize >> 8).checked_sub(1)
    }
}

/// How a placement explores: a policy of chance among campaigns, as draws of noise.
#[derive(Debug, Clone, Copy)]
pub struct Exploration<'a> {
    pub(super) head: &'a [u8; 8],
    /// What one draw may add to a score, in 1,024ths, each value as probable as the others.
    pub noise: &'a [[u8; 2]],
}

impl Exploration<'_> {
    /// The share of decisions that any campaign may win, of 10 000.
    #[must_use]
    pub fn epsilon(&self) -> u16 {
        u16_at(self.head, 0)
    }

    /// How many draws stand for the policy; at least 1, at most 1,024.
    #[must_use]
    pub fn draws(&self) -> u32 {
        u32::from(u16_at(self.head, 2)).clamp(1, 1_024)
    }

    /// Does noise count as often as the campaign's spread says? Else it counts once.
    #[must_use]
    pub fn asks_spread(&self) -> bool {
        u16_at(self.head, 4) & 1 != 0
    }
}

impl Counter<'_> {
    /// The event it counts.
    #[must_use]
    pub fn event(&self) -> Key {
        Key(u32_at(self.0, 8))
    }

    /// The property that must have [`Counter::value`]; [`Key::NONE`] when every such event counts.
    #[must_use]
    pub fn property(&self) -> Key {
        Key(u32_at(self.0, 12))
    }

    /// Hash of the property's value.
    #[must_use]
    pub fn value(&self) -> u32 {
        u32_at(self.0, 16)
    }

    /// Longest window that is asked for, in days; 0 when only the total is.
    #[must_use]
    pub fn days(&self) -> u16 {
        u16_at(self.0, 20)
    }

    /// Is what its events are worth summed?
    #[must_use]
    pub fn is_summed(&self) -> bool {
        u16_at(self.0, 22) & 1 != 0
    }
}

impl Affinity<'_> {
    /// The event that feeds it.
    #[must_use]
    pub fn event(&self) -> Key {
        Key(u32_at(self.0, 8))
    }

    /// The property whose value is of interest.
    #[must_use]
    pub fn property(&self) -> Key {
        Key(u32_at(self.0, 12))
    }

    /// Hours until half of it is gone.
    #[must_use]
    pub fn half_life(&self) -> u16 {
        u16_at(self.0, 16)
    }

    /// What one event adds.
    #[must_use]
    pub fn weight(&self) -> u16 {
        u16_at(self.0, 18)
    }
}

impl Trait<'_> {
    /// Text rather than a number?
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.0[8] == 0
    }
}

impl EventKind<'_> {
    /// Is it reported to the origin?
    #[must_use]
    pub fn is_outcome(&self) -> bool {
        u32_at(self.0, 8) & 1 != 0
    }
}

impl Feed<'_> {
    /// The context attribute that says which place's facts count; none when they hold everywhere.
    #[must_use]
    pub fn place(&self) -> Option<usize> {
        index(u32_at(self.0, 8))
    }
}

impl Stock<'_> {
    /// Which feed.
    #[must_use]
    pub fn feed(&self) -> usize {
        u32_at(self.0, 0) as usize
    }

    /// Which item.
    #[must_use]
    pub fn item(&self) -> Key {
        Key(u32_at(self.0, 4))
    }

    /// String number of the item's name.
    #[must_use]
    pub fn item_name(&self) -> u32 {
        u32_at(self.0, 8)
    }

    /// The level from which on it may be shown.
    #[must_use]
    pub fn at_least(&self) -> i32 {
        u32_at(self.0, 12) as i32
    }

    /// Minutes after which a level is stale; 0 = never.
    #[must_use]
    pub fn max_age(&self) -> u16 {
        u16_at(self.0, 16)
    }

    /// May it be shown when the level is unknown or stale?
    #[must_use]
    pub fn allows_unknown(&self) -> bool {
        self.0[18] == 1
    }

    /// Is the level of this feed for the same item the one from which on it may be shown, and must it be higher than that? Then
    /// [`Stock::at_least`] is the feed's place.
    #[must_use]
    pub fn is_above(&self) -> bool {
        self.0[19] & 1 != 0
    }

    /// Must the condition that stands after it hold too?
    #[must_use]
    pub fn has_next(&self) -> bool {
        self.0[19] & 2 != 0
    }

    /// Is the level the share of visitors, of 10 000, for whom it holds?
    #[must_use]
    pub fn is_by_hash(&self) -> bool {
        self.0[19] & 4 != 0
    }
}

impl Model<'_> {
    /// 2 linear, 3 a forest. (1 was trees of another layout.)
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.0[8]
    }

    /// Of a forest, bytes of a leaf.
    #[must_use]
    pub fn leaf_bytes(&self) -> u8 {
        self.0[9]
    }

    /// Q16.16 log-odds before anything is known.
    #[must_use]
    pub fn bias(&self) -> i32 {
        u32_at(self.0, 12) as i32
    }

    /// Where its data begins.
    #[must_use]
    pub fn data(&self) -> usize {
        u32_at(self.0, 16) as usize
    }

    /// How many trees or terms.
    #[must_use]
    pub fn parts(&self) -> usize {
        u32_at(self.0, 20) as usize
    }
}

pub(super) fn index(number: u32) -> Option<usize> {
    Some(number).filter(|number| *number != u32::MAX).map(|number| number as usize)
}

fn short_cap(cap: u16) -> Option<u32> {
    Some(cap).filter(|cap| *cap != u16::MAX).map(u32::from)
}

// The offsets are constants below the length of the record, so that these loads compile to loads; an offset that were
// beyond it would read as zero.
pub(super) fn u16_at<const N: usize>(record: &[u8; N], at: usize) -> u16 {
    record.get(at..).and_then(|rest| rest.first_chunk::<2>()).map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

pub(super) fn u32_at<const N: usize>(record: &[u8; N], at: usize) -> u32 {
    record.get(at..).and_then(|rest| rest.first_chunk::<4>()).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

pub(super) fn u64_at<const N: usize>(record: &[u8; N], at: usize) -> u64 {
    record.get(at..).and_then(|rest| rest.first_chunk::<8>()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
