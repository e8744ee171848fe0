//! Learns each visitor's hour from the first part of a recording, and measures it on the rest.

use petitfour::hash::xxh64;
use petitfour::time::{Moment, Timestamp};
use petitfour_hours::{HOURS, Table};

use crate::simulate::{progress, recorded::Visitor};

/// How often visitors are drawn anew for an interval.
pub(super) const DRAWS: u64 = 2_000;

/// What was learned, and what came after it.
pub(super) struct Study {
    /// Unix ms of the cut; each visitor's is the local midnight after it.
    pub(super) cut: u64,
    /// Everybody's presences before it, and those of who had bought and who had not.
    pub(super) everybody: Group,
    pub(super) buyers: Group,
    pub(super) others: Group,
    /// The hour for all: as it is learned, the one that would have done best.
    pub(super) one: usize,
    /// Visitors who came afterwards.
    pub(super) lives: Vec<Life>,
}

/// People before the cut.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Group {
    pub(super) people: u64,
    pub(super) table: Table,
}

/// What is measured of one visitor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    /// Presences before the cut.
    pub(super) history: u64,
    /// The hour that was chosen for them.
    pub(super) own: usize,
    /// Days after the cut on which they did anything …
    pub(super) days: u64,
    /// … and on how many of these within two hours after each hour of the day.
    hits: [u64; HOURS],
}

/// How often somebody was there in time, of some days.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Hits {
    pub(super) days: u64,
    pub(super) own: u64,
    pub(super) one: u64,
    /// The mean over all hours of the day.
    pub(super) chance: f64,
}

impl Study {
    /// Learns from the first `share` of the time; nothing when nobody came afterwards.
    pub(super) fn learn(visitors: &[Visitor], share: f64) -> Option<Self> {
        let times = || visitors.iter().flat_map(|visitor| &visitor.steps).map(|step| step.at);
        let (first, last) = (times().min()?, times().max()?);
        let cut = first + ((last - first) as f64 * share) as u64;
        let mut study = Self {
            cut,
            everybody: Group::default(),
            buyers: Group::default(),
            others: Group::default(),
            one: 0,
            lives: Vec::new(),
        };
        let mut before = [0; HOURS];
        let mut known = Vec::with_capacity(visitors.len());
        let bar = progress(visitors.len());
        for visitor in visitors {
            let midnight = (local_hour(visitor, cut) / 24 + 1) * 24;
            let mut hours: Vec<u32> = visitor.steps.iter().map(|step| local_hour(visitor, step.at)).collect();
            hours.sort_unstable();
            hours.dedup();
            let (early, late) = hours.split_at(hours.partition_point(|hour| *hour < midnight));
            let table = Table::of(early.iter().copied());
            if !early.is_empty() {
                let bought = visitor
                    .steps
                    .iter()
                    .any(|step| step.event == "purchase" && local_hour(visitor, step.at) < midnight);
                study.everybody.add(&table);
                if bought { &mut study.buyers } else { &mut study.others }.add(&table);
            }
            let (_, hits) = days(early);
            before.iter_mut().zip(hits).for_each(|(sum, hits)| *sum += hits);
            known.push((table, days(late)));
            bar.inc(1);
        }
        bar.finish_and_clear();
        // Of equals the earlier one, as everywhere.
        study.one = (0..HOURS).max_by_key(|hour| (before.get(*hour).copied(), HOURS - hour))?;
        let everybody = study.everybody.table.shares();
        let came = known.into_iter().filter(|(_, (days, _))| *days > 0);
        study.lives = came
            .map(|(table, (days, hits))| {
                let own = usize::from(table.shares_among(&everybody).best());
                Life { history: table.total(), own, days, hits }
            })
            .collect();
        (!study.lives.is_empty()).then_some(study)
    }

    /// Adds up some lives.
    pub(super) fn hits<'a>(&self, lives: impl Iterator<Item = &'a Life>) -> Hits {
        lives.fold(Hits::default(), |sum, life| Hits {
            days: sum.days + life.days,
            own: sum.own + life.hits_at(life.own),
            one: sum.one + life.hits_at(self.one),
            chance: sum.chance + life.hits.iter().sum::<u64>() as f64 / HOURS as f64,
        })
    }

    /// Between what the difference of the shares of some lives lies, in 95 of 100 draws of as many of them; nothing for fewer than two.
    pub(super) fn interval(&self, lives: &[&Life], seed: u64) -> Option<(f64, f64)> {
        if lives.len() < 2 {
            return None;
        }
        let bar = progress(lives.len());
        bar.set_length(DRAWS);
        let mut found: Vec<f64> = (0..DRAWS)
            .map(|draw| {
                let key = xxh64(&draw.to_le_bytes(), seed);
                let drawn = (0..lives.len() as u64).filter_map(|number| {
                    let place = xxh64(&number.to_le_bytes(), key) % lives.len() as u64;
                    lives.get(usize::try_from(place).ok()?).copied()
                });
                bar.inc(1);
                self.hits(drawn).difference()
            })
            .collect();
        bar.finish_and_clear();
        found.sort_by(f64::total_cmp);
        let at = |part: f64| found.get(((DRAWS - 1) as f64 * part).round() as usize).copied();
        Some((at(0.025)?, at(0.975)?))
    }
}

impl Group {
    fn add(&mut self, table: &Table) {
        self.people += 1;
        self.table.join(table);
    }
}

impl Life {
    fn hits_at(&self, hour: usize) -> u64 {
        self.hits.get(hour).copied().unwrap_or_default()
    }
}

impl Hits {
    /// Of the days, the share that own hours hit, less that of one hour.
    pub(super) fn difference(&self) -> f64 {
        (self.own as f64 - self.one as f64) / (self.days as f64).max(1.0)
    }
}

/// Of ascending local hours without repeats: the days, and on how many of them one lies within two hours after each hour of the day.
fn days(hours: &[u32]) -> (u64, [u64; HOURS]) {
    let (mut days, mut hits) = (0, [0; HOURS]);
    let is_there = |hour: u32| hours.binary_search(&hour).is_ok();
    for there in hours.chunk_by(|one, other| one / 24 == other / 24) {
        let Some(midnight) = there.first().map(|hour| hour / 24 * 24) else { continue };
        days += 1;
        for (hour, hits) in (midnight..).zip(&mut hits) {
            *hits += u64::from(is_there(hour) || is_there(hour + 1));
        }
    }
    (days, hits)
}

fn local_hour(visitor: &Visitor, at: u64) -> u32 {
    Moment { now: Timestamp(at), offset_minutes: visitor.offset_minutes }.local_hours()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::recorded::Step;

    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;

    fn visitor(id: u64, hours: impl Iterator<Item = (u64, u64)>) -> Visitor {
        let step = |(day, hour)| Step {
            at: day * DAY + hour * HOUR + HOUR / 3,
            event: "product_viewed",
            properties: Vec::new(),
            page: true,
        };
        Visitor { id: id.to_string(), offset_minutes: 0, steps: hours.map(step).collect() }
    }

    #[test]
    fn a_day_is_hit_from_two_hours_before_on_also_over_midnight() {
        let (count, hits) = days(&[24 + 9, 48, 48 + 23]);
        assert_eq!((count, hits[7], hits[8], hits[9], hits[10]), (2, 0, 1, 1, 0));
        // At 23 of the first day it is an hour until somebody comes in the night; on the second they are there.
        assert_eq!((hits[23], hits[0], hits[22]), (2, 1, 1));
    }

    #[test]
    fn owls_and_larks_are_worth_an_hour_of_their_own() {
        let visitors: Vec<Visitor> =
            (0..40).map(|id| visitor(id, (0..40).map(move |day| (day, if id % 4 == 0 { 22 } else { 7 })))).collect();
        let study = Study::learn(&visitors, 0.5).unwrap();
        let lives: Vec<&Life> = study.lives.iter().collect();
        let hits = study.hits(study.lives.iter());
        assert_eq!((study.one, hits.days, hits.own, hits.one), (6, 40 * 19, 40 * 19, 30 * 19));
        assert!((hits.chance - 40.0 * 19.0 * 2.0 / 24.0).abs() < 1e-9);
        let (low, high) = study.interval(&lives, 1).unwrap();
        assert!(low > 0.1 && high < 0.4, "{low} to {high}");
    }

    #[test]
    fn who_is_new_gets_everybodys_hour_and_days_before_the_cut_are_not_measured() {
        let old = (0..10).map(|id| visitor(id, (0..20).map(|day| (day, 12))));
        let visitors: Vec<Visitor> = old.chain([visitor(10, [(15, 3)].into_iter())]).collect();
        let study = Study::learn(&visitors, 0.5).unwrap();
        let new = study.lives.iter().find(|life| life.history == 0).unwrap();
        assert_eq!((new.own, new.days), (11, 1));
        assert_eq!(study.everybody.people, 10);
        assert!(study.lives.iter().filter(|life| life.history > 0).all(|life| life.history == 11 && life.days == 9));
    }

    #[test]
    fn where_nobody_comes_again_there_is_nothing_to_measure() {
        assert!(Study::learn(&[visitor(1, [(3, 4)].into_iter())], 0.5).is_none());
        assert!(Study::learn(&[], 0.5).is_none());
    }
}
