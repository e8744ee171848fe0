//! Touches and outcomes of persons, and how they are cut into paths.
//!
//! A person's rows are taken in order of time; of one moment, what was seen comes before what was clicked, and both before what came of
//! it. Every outcome takes the touches since the one before it that lie within the look-back window of their kind; what comes after an
//! outcome is kept for the next, and no touch is taken twice. Touches that no outcome follows are a path that ended in nothing, and so are
//! those before an outcome for which all of them were too old. Such paths are cut by the same windows, looking back from their last touch:
//! paths with and without an outcome reach equally far.

use crate::fault::{Fault, cut};
use crate::names::{NONE, Names};
use crate::path::{self, Path, Paths, Sum, Touch};
use crate::table::Table;

/// Rows of one log: 48 bytes each are kept in memory, and sorted.
pub const MAX_ROWS: usize = 50_000_000;

/// What is credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// Where the touch was: search, mail, the site.
    #[default]
    Channel,
    /// What was shown there; touches without a campaign are named after their channel.
    Campaign,
    /// On which device it was.
    Device,
}

/// How long before an outcome a touch may lie, in ms; the last ms counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Of what was seen.
    pub view: i64,
    /// Of what was clicked.
    pub click: i64,
}

impl Default for Windows {
    /// A day for views and thirty for clicks, as advertisers' platforms have it.
    fn default() -> Self {
        const DAY: i64 = 24 * 60 * 60 * 1000;
        Self { view: DAY, click: 30 * DAY }
    }
}

/// What a row is; of one moment, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Chosen,
    HeldOut,
    View,
    Click,
    Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Entry {
    person: u32,
    pub(crate) at: i64,
    pub(crate) kind: Kind,
    channel: u32,
    campaign: u32,
    device: u32,
    value: f64,
}

/// Everything that was told of persons, sorted by person and time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Log {
    persons: usize,
    channels: Names,
    campaigns: Names,
    devices: Names,
    entries: Vec<Entry>,
}

impl Log {
    /// Reads a log.
    pub(crate) fn of(mut table: Table<'_>) -> Result<Self, Fault> {
        let (person, time, kind) = (table.needed("person")?, table.needed("time")?, table.needed("kind")?);
        let [channel, campaign, device, value] =
            ["channel", "campaign", "device", "value"].map(|column| table.column(column));
        let mut persons = Names::default();
        let mut log = Self::default();
        while table.advance()? {
            let line = table.line();
            if log.entries.len() == MAX_ROWS {
                return Err(Fault::at(line, format!("more than {MAX_ROWS} rows"))
                    .remedy("split the log by persons, not by time"));
            }
            let text = |column: Option<usize>| column.map_or("", |column| table.field(column));
            let entry = Entry {
                person: persons.number(table.field(person)),
                at: self::time(table.field(time)).ok_or_else(|| {
                    Fault::in_field(line, "time", format!("is `{}`", cut(table.field(time))))
                        .remedy("write it as 2026-06-01T09:30:00Z, or as Unix time of 10 digits in seconds or 13 in ms")
                })?,
                kind: self::kind(table.field(kind)).ok_or_else(|| {
                    Fault::in_field(line, "kind", format!("is `{}`", cut(table.field(kind))))
                        .remedy("write one of view, click, outcome, chosen, held_out")
                })?,
                channel: log.channels.number(text(channel)),
                campaign: log.campaigns.number(text(campaign)),
                device: log.devices.number(text(device)),
                value: value.map_or(Ok(0.0), |column| path::amount(&table, column, "value"))?,
            };
            if entry.person == NONE {
                return Err(
                    Fault::in_field(line, "person", "is empty").remedy("leave out rows of which nobody is known")
                );
            }
            let is_outcome = entry.kind == Kind::Outcome;
            if !is_outcome && entry.channel == NONE && entry.campaign == NONE {
                return Err(
                    Fault::in_field(line, "channel", "is empty").remedy("every touch has a channel or a campaign")
                );
            }
            if !is_outcome && entry.value != 0.0 {
                return Err(Fault::in_field(line, "value", "is that of a touch").remedy("outcomes alone have a value"));
            }
            log.entries.push(entry);
        }
        // Stable: rows of the same person, moment and kind stay as they came.
        log.entries.sort_by_key(|entry| (entry.person, entry.at, entry.kind));
        log.persons = persons.len();
        Ok(log)
    }

    /// How many persons it tells of.
    #[must_use]
    pub fn persons(&self) -> usize {
        self.persons
    }

    /// How many views and clicks.
    #[must_use]
    pub fn touches(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(entry.kind, Kind::View | Kind::Click)).count()
    }

    /// Outcomes, and what they came to.
    #[must_use]
    pub fn outcomes(&self) -> Sum {
        let outcomes = self.entries.iter().filter(|entry| entry.kind == Kind::Outcome);
        outcomes.fold(Sum::default(), |sum, entry| sum.and(entry.value))
    }

    /// Cuts it into paths. A negative window lets nothing count.
    #[must_use]
    pub fn paths(&self, by: By, windows: Windows) -> Paths {
        let mut cutter = Cutter { log: self, by, windows, parties: Parties::default(), paths: Paths::default() };
        for rows in self.each() {
            cutter.cut(rows);
        }
        cutter.paths.channels = cutter.parties.names.into_list();
        cutter.paths
    }

    /// The rows of each person.
    pub(crate) fn each(&self) -> impl Iterator<Item = &[Entry]> {
        self.entries.chunk_by(|one, other| one.person == other.person)
    }
}

impl Sum {
    fn and(self, value: f64) -> Self {
        Self { conversions: self.conversions + 1.0, value: self.value + value }
    }
}

/// Who is credited, under numbers of their own.
#[derive(Default)]
pub(crate) struct Parties {
    names: Names,
}

impl Parties {
    pub(crate) fn of(&mut self, log: &Log, by: By, entry: &Entry) -> u32 {
        let channel = log.channels.name(entry.channel);
        match by {
            By::Channel => self.names.number(channel.unwrap_or("(no channel)")),
            By::Device => self.names.number(log.devices.name(entry.device).unwrap_or("(no device)")),
            By::Campaign => match log.campaigns.name(entry.campaign) {
                Some(campaign) => self.names.number(campaign),
                // In brackets, so that it is not taken for a campaign of that name.
                None => self.names.number(&format!("({})", channel.unwrap_or_default())),
            },
        }
    }

    pub(crate) fn name(&self, party: u32) -> &str {
        self.names.name(party).unwrap_or_default()
    }
}

struct Cutter<'l> {
    log: &'l Log,
    by: By,
    windows: Windows,
    parties: Parties,
    paths: Paths,
}

impl Cutter<'_> {
    fn cut(&mut self, rows: &[Entry]) {
        let mut run: Vec<Entry> = Vec::new();
        for entry in rows {
            match entry.kind {
                Kind::View | Kind::Click => run.push(*entry),
                Kind::Chosen | Kind::HeldOut => {}
                Kind::Outcome => {
                    let kept = self.within(&run, entry.at);
                    if kept.is_empty() {
                        self.paths.unattributed = self.paths.unattributed.and(entry.value);
                        self.end(&run);
                    } else {
                        self.paths.expired += (run.len() - kept.len()) as u64;
                        let first = kept.first().map(|touch| touch.device);
                        let across = kept.iter().any(|touch| Some(touch.device) != first);
                        self.paths.across_devices += u64::from(across);
                        self.push(&kept, Some(entry));
                    }
                    run.clear();
                }
            }
        }
        self.end(&run);
    }

    /// Touches after which there was nothing.
    fn end(&mut self, run: &[Entry]) {
        if let Some(last) = run.last() {
            let kept = self.within(run, last.at);
            self.push(&kept, None);
        }
    }

    fn within(&self, run: &[Entry], at: i64) -> Vec<Entry> {
        let window = |kind| if kind == Kind::View { self.windows.view } else { self.windows.click };
        run.iter().filter(|touch| at.saturating_sub(touch.at) <= window(touch.kind)).copied().collect()
    }

    fn push(&mut self, touches: &[Entry], outcome: Option<&Entry>) {
        if touches.is_empty() {
            return;
        }
        let touches = touches
            .iter()
            .map(|entry| Touch { channel: self.parties.of(self.log, self.by, entry), at: Some(entry.at) })
            .collect();
        self.paths.paths.push(Path {
            touches,
            outcome_at: outcome.map(|entry| entry.at),
            conversions: u64::from(outcome.is_some()),
            value: outcome.map_or(0.0, |entry| entry.value),
            nulls: u64::from(outcome.is_none()),
        });
    }
}

fn kind(text: &str) -> Option<Kind> {
    match text.to_ascii_lowercase().as_str() {
        "view" => Some(Kind::View),
        "click" => Some(Kind::Click),
        "outcome" => Some(Kind::Outcome),
        "chosen" => Some(Kind::Chosen),
        "held_out" => Some(Kind::HeldOut),
        _ => None,
    }
}

/// Unix ms. What has no zone is UTC; a bare number is seconds if it has ten digits and ms if it has thirteen, so that `20260601` is not
/// taken for a day of 1970.
fn time(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        return match text.len() {
            10 => number.checked_mul(1000),
            13 => Some(number),
            _ => None,
        };
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(timestamp.as_millisecond());
    }
    let local: jiff::civil::DateTime = text.parse().ok()?;
    Some(jiff::tz::Offset::UTC.to_timestamp(local).ok()?.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        let noon = Some(1_780_315_200_000);
        for text in
            ["2026-06-01T12:00:00Z", "2026-06-01 14:00:00+02:00", "2026-06-01 12:00", "1780315200", "1780315200000"]
        {
            assert_eq!(time(text), noon, "{text}");
        }
        assert_eq!(time("2026-06-01"), Some(1_780_272_000_000));
        assert!(
            ["", "20260601", "noon", "178031520000", "2026-13-01", "-178031520"]
                .iter()
                .all(|text| time(text).is_none())
        );
    }
}
