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
use serde::Serialize;

use crate::{
    ledger::CLICK,
    params,
    sql::{Connection, Result},
};

/// Ms after the first decision within which an outcome counts.
pub const WINDOW: i64 = 7 * 24 * 60 * 60 * 1000;

/// Of the normal distribution: 95 % lie within this many standard deviations.
const Z: f64 = 1.959_963_984_540_054;

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

/// A difference of rates, and between what it lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Of chosen, less that of withheld.
    pub difference: f64,
    /// From here, 95 %.
    pub from: f64,
    /// To here.
    pub to: f64,
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
        if self.visitors > 0 { self.outcomes as f64 / self.visitors as f64 } else { 0.0 }
    }
}

impl Interval {
    /// The difference between two groups; nothing while one is empty.
    #[must_use]
    pub fn of(chosen: Group, withheld: Group) -> Option<Self> {
        let ((low, high), (low_other, high_other)) = (wilson(chosen)?, wilson(withheld)?);
        let (rate, other) = (chosen.rate(), withheld.rate());
        let difference = rate - other;
        Some(Self {
            difference,
            from: difference - (rate - low).hypot(high_other - other),
            to: difference + (high - rate).hypot(other - low_other),
        })
    }

    /// Can it be told from nothing?
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.from > 0.0 || self.to < 0.0
    }
}

/// Wilson's score interval of one rate.
fn wilson(group: Group) -> Option<(f64, f64)> {
    if group.visitors <= 0 {
        return None;
    }
    let (count, rate) = (group.visitors as f64, group.rate());
    let middle = rate + Z * Z / (2.0 * count);
    let spread = Z * (rate * (1.0 - rate) / count + Z * Z / (4.0 * count * count)).sqrt();
    let scale = 1.0 + Z * Z / count;
    Some(((middle - spread) / scale, (middle + spread) / scale))
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
        lift.interval = if any { Interval::of(lift.chosen, lift.withheld) } else { None };
    }
    Ok(lifts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(a: (i64, i64), b: (i64, i64)) -> (f64, f64) {
        let group = |(outcomes, visitors)| Group { visitors, outcomes };
        let interval = Interval::of(group(a), group(b)).unwrap();
        ((interval.from * 1e4).round() / 1e4, (interval.to * 1e4).round() / 1e4)
    }

    /// Newcombe's own examples: his table of 95 % limits by method 10.
    #[test]
    fn the_interval_is_the_one_that_its_paper_prints() {
        assert_eq!(of((56, 70), (48, 80)), (0.0524, 0.3339));
        assert_eq!(of((9, 10), (3, 10)), (0.1705, 0.8090));
        assert_eq!(of((5, 56), (0, 29)), (-0.0381, 0.1926));
        assert_eq!(of((0, 10), (0, 20)), (-0.1611, 0.2775));
        assert_eq!(of((10, 10), (0, 20)), (0.6791, 1.0));
    }

    #[test]
    fn nothing_is_told_of_an_empty_group() {
        assert_eq!(Interval::of(Group { visitors: 10, outcomes: 3 }, Group::default()), None);
    }

    #[test]
    fn a_difference_is_told_when_zero_is_not_between_the_limits() {
        let many = Interval::of(Group { visitors: 10_000, outcomes: 600 }, Group { visitors: 10_000, outcomes: 500 });
        let few = Interval::of(Group { visitors: 100, outcomes: 6 }, Group { visitors: 100, outcomes: 5 });
        assert!(many.is_some_and(|interval| interval.is_told()) && few.is_some_and(|interval| !interval.is_told()));
    }
}
