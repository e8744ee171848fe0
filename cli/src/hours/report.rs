//! What a study found, for people and as JSON.

use std::fmt;
use std::path::Path;

use petitfour::time::{Moment, Timestamp};
use serde::Serialize;

use super::study::{DRAWS, Group, Life, Study};
use crate::simulate::recorded::{Recording, Shape};
use crate::simulate::summary::grouped;
use crate::words;

/// Visitors by how many presences they had before the cut: from each number up to the next.
const HISTORIES: [(&str, u64, u64); 5] =
    [("none", 0, 1), ("1-4", 1, 5), ("5-9", 5, 10), ("10-19", 10, 20), ("20 and more", 20, u64::MAX)];

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) recording: String,
    pub(super) rows_left_out: usize,
    pub(super) visitors: usize,
    /// Are the times those of people?
    pub(super) times_are_real: bool,
    /// When learning ended.
    pub(super) cut: String,
    /// The hour for all: the one that would have done best before it, or that was asked for.
    pub(super) one_hour: usize,
    pub(super) seed: u64,
    pub(super) draws: u64,
    pub(super) all: Measure,
    /// By presences before the cut; those of whom there is somebody.
    pub(super) by_history: Vec<Measure>,
    pub(super) segments: Vec<Segment>,
}

/// Some visitors after the cut.
#[derive(Debug, Serialize)]
pub(super) struct Measure {
    pub(super) who: &'static str,
    pub(super) visitors: usize,
    /// Pairs of a visitor and a day on which they did anything.
    pub(super) days: u64,
    /// Shares of these on which they did something within two hours.
    pub(super) own: f64,
    pub(super) one_hour: f64,
    pub(super) chance: f64,
    /// Own less one hour, and between what it lies.
    pub(super) difference: f64,
    pub(super) from: Option<f64>,
    pub(super) to: Option<f64>,
    pub(super) verdict: Verdict,
}

/// What may be said of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Own,
    OneHour,
    CannotTell,
}

/// Some people before the cut.
#[derive(Debug, Serialize)]
pub(super) struct Segment {
    pub(super) who: &'static str,
    pub(super) people: u64,
    pub(super) presences: u64,
    /// Nothing where nobody was there.
    pub(super) best: Option<u8>,
    /// The share of presences in that hour and the next.
    pub(super) ahead: Option<f64>,
    pub(super) shares: Vec<f64>,
}

impl Report {
    pub(super) fn of(recording: &Recording, file: &Path, seed: u64, study: &Study) -> Self {
        let all: Vec<&Life> = study.lives.iter().collect();
        let by_history = HISTORIES.iter().filter_map(|(who, from, until)| {
            let lives: Vec<&Life> =
                all.iter().copied().filter(|life| (*from..*until).contains(&life.history)).collect();
            (!lives.is_empty()).then(|| Measure::of(who, &lives, study, seed))
        });
        let everybody = study.everybody.table.shares();
        let segment = |who, group: &Group| {
            let shares = if who == "everybody" { everybody } else { group.table.shares_among(&everybody) };
            let best = (group.people > 0).then(|| shares.best());
            Segment {
                who,
                people: group.people,
                presences: group.table.total(),
                best,
                ahead: best.map(|hour| shares.ahead(hour.into())),
                shares: shares.parts().to_vec(),
            }
        };
        Self {
            recording: file.display().to_string(),
            rows_left_out: recording.left_out,
            visitors: recording.visitors.len(),
            times_are_real: recording.shape != Shape::Msweb,
            cut: words::moment(Moment { now: Timestamp(study.cut), offset_minutes: 0 }),
            one_hour: study.one,
            seed,
            draws: DRAWS,
            all: Measure::of("all", &all, study, seed),
            by_history: by_history.collect(),
            segments: vec![
                segment("everybody", &study.everybody),
                segment("who had bought", &study.buyers),
                segment("who had not", &study.others),
            ],
        }
    }
}

impl Measure {
    fn of(who: &'static str, lives: &[&Life], study: &Study, seed: u64) -> Self {
        let hits = study.hits(lives.iter().copied());
        let share = |count: f64| count / (hits.days as f64).max(1.0);
        let interval = study.interval(lives, seed);
        let verdict = match interval {
            Some((from, _)) if from > 0.0 => Verdict::Own,
            Some((_, to)) if to < 0.0 => Verdict::OneHour,
            _ => Verdict::CannotTell,
        };
        Self {
            who,
            visitors: lives.len(),
            days: hits.days,
            own: share(hits.own as f64),
            one_hour: share(hits.one as f64),
            chance: share(hits.chance),
            difference: hits.difference(),
            from: interval.map(|(from, _)| from),
            to: interval.map(|(_, to)| to),
            verdict,
        }
    }

    /// Between what the difference lies, in words.
    pub(super) fn interval(&self) -> String {
        match (self.from, self.to) {
            (Some(from), Some(to)) => format!("{:+.1} to {:+.1}", from * 100.0, to * 100.0),
            _ => "one visitor".to_owned(),
        }
    }
}

impl Verdict {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Own => "own hours are better",
            Self::OneHour => "one hour is better",
            Self::CannotTell => "cannot tell",
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { recording, visitors, cut, one_hour, .. } = self;
        writeln!(f, "{recording}: {} visitors, learned until the midnight after {cut}", grouped(*visitors as u64))?;
        if self.rows_left_out > 0 {
            writeln!(f, "{} rows were left out", grouped(self.rows_left_out as u64))?;
        }
        if !self.times_are_real {
            writeln!(f, "The times of this recording are made up: nothing here is of people.")?;
        }
        writeln!(
            f,
            "\nOf the days on which somebody came, the share on which they came within two hours; one hour for all: {one_hour:02}:00"
        )?;
        writeln!(
            f,
            "{:<14}{:>9}{:>8}{:>9}{:>10}{:>9}{:>12}{:>18}",
            "history", "visitors", "days", "own", "one hour", "chance", "difference", "95% interval"
        )?;
        for measure in [&self.all].into_iter().chain(&self.by_history) {
            writeln!(
                f,
                "{:<14}{:>9}{:>8}{:>8.1}%{:>9.1}%{:>8.1}%{:>12}{:>18}  {}",
                measure.who,
                grouped(measure.visitors as u64),
                grouped(measure.days),
                measure.own * 100.0,
                measure.one_hour * 100.0,
                measure.chance * 100.0,
                format!("{:+.1}", measure.difference * 100.0),
                measure.interval(),
                measure.verdict.words()
            )?;
        }
        writeln!(f, "\nThe best hour of the day, and the share of presences in it and the next")?;
        for segment in &self.segments {
            let best = match (segment.best, segment.ahead) {
                (Some(hour), Some(ahead)) => format!("{hour:02}:00 {:>6.1}%", ahead * 100.0),
                _ => "nobody was there".to_owned(),
            };
            let (people, presences) = (grouped(segment.people), grouped(segment.presences));
            writeln!(f, "{:<16}{best:<18}{people:>8} people, {presences} presences", segment.who)?;
        }
        Ok(())
    }
}
