//! Lift: what a campaign changed, by holding visitors it could be chosen for against those in its holdout.
//!
//! Two groups of visitors. *Chosen*: the campaign was chosen for them at least once. *Withheld*: it would have been chosen at least once,
//! had they not been in its holdout. Of each visitor the first such decision counts, and whether an outcome other than a click came within
//! seven days of it, whatever it was credited to. So both groups are asked the same question; whether a chosen visitor really saw the
//! campaign is not asked, since of a withheld one nobody could know it.
//!
//! A visitor counts once, so that observations are independent: decisions of one visitor are not. The interval of the difference is
//! Newcombe's hybrid score interval (1998, Statistics in Medicine 17:873-890, method 10) from two Wilson intervals at 95 %. It holds
//! in small samples and never leaves what is possible, unlike the usual one.
//!
//! Absent on purpose: a p-value, corrections for looking at many campaigns or often (of twenty campaigns that change nothing, one
//! will seem to), and visitors who are in both groups because a holdout was changed: they are counted and left out.

use std::collections::BTreeMap;

use petitfour::id::Key;
pub use petitfour_attribution::Interval;
use petitfour_attribution::Share;
use serde::Serialize;

use crate::{
    ledger::CLICK,
    params,
    sql::{Connection, Result},
};

/// Ms after the first decision within which an outcome counts.
pub const WINDOW: i64 = 7 * 24 * 60 * 60 * 1000;

/// Visitors, and how many of them did something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// How many.
    pub visitors: i64,
    /// How many of them had an outcome other than a click in time.
    pub outcomes: i64,
}

/// How far visitors came with one campaign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Funnel {
    /// For whom it was chosen.
    pub chosen: i64,
    /// Who saw it.
    pub exposed: i64,
    /// Who clicked on it.
    pub clicked: i64,
    /// Who had another outcome that it is credited with.
    pub outcome: i64,
}

/// One campaign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Lift {
    /// For whom it was chosen.
    pub chosen: Group,
    /// From whom it was withheld.
    pub withheld: Group,
    /// In both groups, and left out.
    pub mixed: i64,
    /// How far its visitors came.
    pub funnel: Funnel,
    /// What it changed; nothing while a group is empty, or nobody had an outcome.
    pub interval: Option<Interval>,
}

impl Group {
    /// The share that had an outcome.
    #[must_use]
    pub fn rate(self) -> f64 {
        self.share().rate()
    }

    /// What it was changed by, held against those it was withheld from; nothing while a group is empty.
    #[must_use]
    pub fn against(self, withheld: Self) -> Option<Interval> {
        Interval::between(self.share(), withheld.share())
    }

    fn share(self) -> Share {
        let count = |number: i64| u64::try_from(number).unwrap_or_default();
        Share { persons: count(self.visitors), outcomes: count(self.outcomes) }
    }
}

/// Every campaign that was chosen or withheld, by key. Reads all decisions: not for every request.
///
/// # Errors
/// When the store cannot be read.
pub fn read(connection: &Connection) -> Result<BTreeMap<i64, Lift>> {
    let click = Key::of(CLICK).0;
    let mut lifts: BTreeMap<i64, Lift> = BTreeMap::new();
    let view = connection.read()?;
    let groups = view.query(
        "SELECT a.campaign, a.least, a.most, count(*), CAST(sum(CASE WHEN EXISTS (
             SELECT 1 FROM outcomes o WHERE o.visitor = a.visitor AND o.at >= a.began AND o.at < a.began + ?1 AND o.event <> ?2
           ) THEN 1 ELSE 0 END) AS BIGINT)
         FROM (SELECT visitor, campaign, min(held) AS least, max(held) AS most, min(at) AS began FROM (
             SELECT visitor, campaign, 0 AS held, at FROM decisions WHERE campaign IS NOT NULL
             UNION ALL
             SELECT visitor, withheld, 1, at FROM decisions WHERE withheld IS NOT NULL
           ) d GROUP BY visitor, campaign) a
         GROUP BY a.campaign, a.least, a.most",
        params![WINDOW, click],
    )?;
    for row in groups {
        let lift = lifts.entry(row.get(0)?).or_default();
        let group = Group { visitors: row.get(3)?, outcomes: row.get(4)? };
        match (row.get::<i64>(1)?, row.get::<i64>(2)?) {
            (0, 0) => lift.chosen = group,
            (1, _) => lift.withheld = group,
            _ => lift.mixed = group.visitors,
        }
    }
    let funnels = view.query(
        "SELECT d.campaign, count(DISTINCT d.visitor), count(DISTINCT e.visitor),
           count(DISTINCT CASE WHEN o.event = ?1 THEN o.visitor END),
           count(DISTINCT CASE WHEN o.event <> ?1 THEN o.visitor END)
         FROM decisions d
         LEFT JOIN exposures e ON e.visitor = d.visitor AND e.decision = d.decision
         LEFT JOIN outcomes o ON o.visitor = d.visitor AND o.decision = d.decision
         WHERE d.campaign IS NOT NULL GROUP BY d.campaign",
        params![click],
    )?;
    for row in funnels {
        lifts.entry(row.get(0)?).or_default().funnel =
            Funnel { chosen: row.get(1)?, exposed: row.get(2)?, clicked: row.get(3)?, outcome: row.get(4)? };
    }
    for lift in lifts.values_mut() {
        let any = lift.chosen.outcomes + lift.withheld.outcomes > 0;
        lift.interval = if any { lift.chosen.against(lift.withheld) } else { None };
    }
    Ok(lifts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_held_against_each_other_by_the_interval_that_attribution_has() {
        let interval = Group { visitors: 70, outcomes: 56 }.against(Group { visitors: 80, outcomes: 48 }).unwrap();
        assert!((interval.difference - 0.2).abs() < 1e-12 && interval.is_told());
        assert_eq!(((interval.from * 1e4).round(), (interval.to * 1e4).round()), (524.0, 3339.0), "as Newcombe prints");
        assert_eq!(Group { visitors: 10, outcomes: 3 }.against(Group::default()), None);
    }
}
