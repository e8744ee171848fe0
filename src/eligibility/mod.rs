//! May this campaign be shown to this visitor now? Pure judgements, each refusal with its reason.
//!
//! The gates stand in one order: permission, schedule, segment, stock, pace, cap, holdout. The first that refuses gives the
//! reason. The segment's gate is a bit that `rule` has already set or cleared; the others are asked here, and only of
//! campaigns whose bit is set.

mod stock;

pub use stock::Levels;

use crate::catalog::{Campaign, Catalog};
use crate::consent::Permissions;
use crate::hash::bucket;
use crate::profile::Profile;
use crate::time::Moment;
use serde::{Deserialize, Serialize};

/// Why something was chosen or refused. The codes are stable; a new reason takes the next number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Reason {
    /// It was chosen.
    Chosen = 0,
    /// It might have been shown, but something worth more was.
    Outranked = 1,
    /// It reads the profile without the personalise permission, or is capped without the store permission: what may not
    /// be counted cannot be capped.
    Permission = 2,
    /// Its schedule has not begun, or is over.
    Schedule = 3,
    /// The visitor is not a member of its segment.
    Segment = 4,
    /// The shelf holds less than it asks for.
    StockOut = 5,
    /// Nobody said what the shelf holds.
    StockUnknown = 6,
    /// What was said of the shelf is too old.
    StockStale = 7,
    /// Shown often enough this hour.
    CapHour = 8,
    /// Shown often enough today.
    CapDay = 9,
    /// Shown often enough in the last seven days.
    CapWeek = 10,
    /// Shown often enough for ever.
    CapTotal = 11,
    /// The visitor is in the share that is left alone.
    Holdout = 12,
    /// Of a decision: no campaign may be shown, the placement's fallback is.
    Fallback = 13,
    /// Of a decision: no campaign may be shown and there is no fallback; the page keeps its own content.
    Nothing = 14,
    /// The origin shows it to a share of the visitors now, and this one is not among them; or nobody knows the share.
    Pace = 15,
}

impl Reason {
    /// Every reason, by code.
    pub const ALL: [Self; 16] = [
        Self::Chosen,
        Self::Outranked,
        Self::Permission,
        Self::Schedule,
        Self::Segment,
        Self::StockOut,
        Self::StockUnknown,
        Self::StockStale,
        Self::CapHour,
        Self::CapDay,
        Self::CapWeek,
        Self::CapTotal,
        Self::Holdout,
        Self::Fallback,
        Self::Nothing,
        Self::Pace,
    ];

    /// Its name as people and JSON see it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Outranked => "outranked",
            Self::Permission => "permission",
            Self::Schedule => "schedule",
            Self::Segment => "segment",
            Self::StockOut => "stock_out",
            Self::StockUnknown => "stock_unknown",
            Self::StockStale => "stock_stale",
            Self::CapHour => "cap_hour",
            Self::CapDay => "cap_day",
            Self::CapWeek => "cap_week",
            Self::CapTotal => "cap_total",
            Self::Holdout => "holdout",
            Self::Fallback => "fallback",
            Self::Nothing => "nothing",
            Self::Pace => "pace",
        }
    }
}

/// All that a gate may look at.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The bundle.
    pub catalog: &'a Catalog,
    /// What is remembered.
    pub profile: &'a Profile,
    /// What is permitted.
    pub permissions: Permissions,
    /// What the shelves hold.
    pub levels: &'a Levels,
    /// Bins of the attributes: which place's shelf counts.
    pub bins: &'a [u16],
    /// The visitor's number in holdouts.
    pub unit: u64,
    /// Now.
    pub moment: Moment,
}

/// The gates before the segment.
#[must_use]
pub fn refused_before_segment(campaign: &Campaign<'_>, given: &Circumstances<'_>) -> Option<Reason> {
    let permissions = given.permissions;
    if (campaign.reads_profile() && !permissions.personalise()) || (campaign.is_capped() && !permissions.store()) {
        return Some(Reason::Permission);
    }
    let now = i64::try_from(given.moment.now.0).unwrap_or(i64::MAX);
    (now < campaign.from() || now >= campaign.until()).then_some(Reason::Schedule)
}

/// The gates after the segment.
#[must_use]
pub fn refused_after_segment(campaign: &Campaign<'_>, given: &Circumstances<'_>) -> Option<Reason> {
    campaign
        .stock()
        .and_then(|condition| given.levels.refused(given.catalog, condition, given.bins, given.unit, given.moment))
        .or_else(|| capped(campaign, given))
        .or_else(|| is_held_out(campaign, given.unit).then_some(Reason::Holdout))
}

/// Is the visitor in the share that the campaign leaves alone?
#[must_use]
pub fn is_held_out(campaign: &Campaign<'_>, unit: u64) -> bool {
    campaign.holdout() > 0 && bucket(unit, campaign.salt()) < campaign.holdout()
}

fn capped(campaign: &Campaign<'_>, given: &Circumstances<'_>) -> Option<Reason> {
    if !campaign.is_capped() {
        return None;
    }
    let (profile, key, moment) = (given.profile, campaign.key(), given.moment);
    let reached = |cap: Option<u32>, count: &dyn Fn() -> u64| cap.is_some_and(|cap| count() >= u64::from(cap));
    if reached(campaign.cap_hour(), &|| profile.exposures_this_hour(key, moment)) {
        Some(Reason::CapHour)
    } else if reached(campaign.cap_day(), &|| profile.exposures(key, 1, moment)) {
        Some(Reason::CapDay)
    } else if reached(campaign.cap_week(), &|| profile.exposures(key, 7, moment)) {
        Some(Reason::CapWeek)
    } else if reached(campaign.cap_total(), &|| profile.exposures_ever(key)) {
        Some(Reason::CapTotal)
    } else {
        None
    }
}
