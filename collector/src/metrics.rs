//! What the collector counts about itself since it started, in Prometheus' text format.
//!
//! These are the process's own figures and start at zero with it; what visitors did is counted in the store. Labels are
//! codes from this source alone, never anything that came over the network.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::{
    journal::Outcome,
    ledger::{Intake, Verdict},
    retention,
    writer::Refused,
};

/// One number that moves.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn rise(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// One less. Only for gauges, and only after a [`Count::rise`].
    pub fn fall(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    /// `by` more.
    pub fn add(&self, by: u64) {
        self.0.fetch_add(by, Relaxed);
    }

    /// Moves a gauge.
    pub fn set(&self, to: u64) {
        self.0.store(to, Relaxed);
    }

    /// The number now.
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Seconds: from a fast disk's sync to a stall that a client notices.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Syncs stored.
    pub accepted: Count,
    /// Syncs that were stored already.
    pub duplicate: Count,
    /// Syncs whose (replica, sequence) was stored with other bytes.
    pub conflict: Count,
    /// Syncs of visitors who have been forgotten.
    pub forgotten: Count,
    /// Syncs whose bytes were refused.
    pub invalid: Count,
    /// Requests with too long a body.
    pub too_large: Count,
    /// Requests whose body took too long.
    pub slow: Count,
    /// Requests told to come back.
    pub busy: Count,
    /// Writes of the store that failed.
    pub faults: Count,
    /// Bundles that did not open and were not served.
    pub bundles_refused: Count,
    /// Jobs that wait for the writer.
    pub queue: Count,
    /// Events stored.
    pub events: Count,
    /// Events that were stored already.
    pub event_repeats: Count,
    /// Events that were not permitted, or of somebody deleted.
    pub let_go: Count,
    /// Events that could not be read, and are kept as letters.
    pub letters: Count,
    /// Records that the log has acknowledged.
    pub log_appended: Count,
    /// Records that were not appended, since too many acknowledgements were waited for.
    pub log_busy: Count,
    /// Records that the log did not acknowledge.
    pub log_failed: Count,
    /// Records of the log that this collector has stored.
    pub log_stored: Count,
    /// Records of the log that could not be stored and became letters.
    pub log_letters: Count,
    /// Records that wait in the log for the store.
    pub log_pending: Count,
    appends: Histogram,
    /// What was removed because its time was over, by table.
    removed: [Count; retention::TABLES.len()],
    idle: Count,
    entries: Count,
    batches: Histogram,
    commits: Histogram,
}

impl Metrics {
    /// A fresh set; the histograms have their bounds.
    #[must_use]
    pub fn new() -> Self {
        Self {
            appends: Histogram::new(&SECONDS),
            batches: Histogram::new(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0]),
            commits: Histogram::new(&SECONDS),
            ..Self::default()
        }
    }

    /// One transaction of `count` messages came to its end.
    pub fn committed(&self, count: usize, took: Duration, stored: bool) {
        if stored {
            self.batches.observe(count as f64);
            self.commits.observe(took.as_secs_f64());
        }
    }

    /// An append to the log came to its end.
    pub fn appended(&self, took: Duration, outcome: Result<(), Refused>) {
        match outcome {
            Ok(()) => {
                self.log_appended.rise();
                self.appends.observe(took.as_secs_f64());
            }
            Err(Refused::Full) => self.log_busy.rise(),
            Err(Refused::Unavailable) => self.log_failed.rise(),
        }
    }

    /// These messages were answered with these verdicts.
    pub fn answered(&self, messages: &[Intake], verdicts: &[Verdict]) {
        for (intake, verdict) in messages.iter().zip(verdicts) {
            match verdict {
                Verdict::Stored => {
                    self.accepted.rise();
                    self.entries.add(intake.message.entries.len() as u64);
                }
                Verdict::Duplicate => self.duplicate.rise(),
                Verdict::Conflict => self.conflict.rise(),
                Verdict::Forgotten => self.forgotten.rise(),
            }
        }
    }

    /// These events were answered with these outcomes, and so many letters kept.
    pub fn delivered(&self, outcomes: &[Outcome], letters: usize) {
        for outcome in outcomes {
            match outcome {
                Outcome::Stored => self.events.rise(),
                Outcome::Duplicate => self.event_repeats.rise(),
                Outcome::LetGo => self.let_go.rise(),
            }
        }
        self.letters.add(letters as u64);
    }

    /// So many rows of a table were removed because their time was over.
    pub fn removed(&self, table: &str, by: u64) {
        match retention::TABLES.iter().position(|name| *name == table).and_then(|at| self.removed.get(at)) {
            Some(count) => count.add(by),
            None => self.idle.add(by),
        }
    }

    /// Syncs that were refused for good.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.invalid.value() + self.too_large.value() + self.slow.value()
    }

    /// The text that Prometheus reads.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        family(&mut out, "petitfour_syncs_total", "counter", "Syncs by what became of them.");
        for (result, count) in [
            ("accepted", &self.accepted),
            ("duplicate", &self.duplicate),
            ("conflict", &self.conflict),
            ("forgotten", &self.forgotten),
            ("invalid", &self.invalid),
        ] {
            line(&mut out, &format!("petitfour_syncs_total{{result=\"{result}\"}}"), count.value() as f64);
        }
        family(&mut out, "petitfour_events_total", "counter", "Events by what became of them.");
        for (result, count) in [
            ("stored", &self.events),
            ("duplicate", &self.event_repeats),
            ("let_go", &self.let_go),
            ("letter", &self.letters),
        ] {
            line(&mut out, &format!("petitfour_events_total{{result=\"{result}\"}}"), count.value() as f64);
        }
        family(
            &mut out,
            "petitfour_refused_requests_total",
            "counter",
            "Requests refused before they were read as syncs.",
        );
        for (reason, count) in [("too_large", &self.too_large), ("slow", &self.slow), ("busy", &self.busy)] {
            line(&mut out, &format!("petitfour_refused_requests_total{{reason=\"{reason}\"}}"), count.value() as f64);
        }
        family(&mut out, "petitfour_log_appends_total", "counter", "Records for the log by what became of them.");
        for (result, count) in
            [("acknowledged", &self.log_appended), ("busy", &self.log_busy), ("failed", &self.log_failed)]
        {
            line(&mut out, &format!("petitfour_log_appends_total{{result=\"{result}\"}}"), count.value() as f64);
        }
        family(&mut out, "petitfour_retention_removed_total", "counter", "Rows removed because their time was over.");
        for (table, count) in retention::TABLES.iter().zip(&self.removed).chain([(&retention::IDENTIFIERS, &self.idle)])
        {
            let name = format!("petitfour_retention_removed_total{{table=\"{table}\"}}");
            line(&mut out, &name, count.value() as f64);
        }
        for (name, kind, help, count) in [
            ("petitfour_log_pending", "gauge", "Records that wait in the log for the store.", &self.log_pending),
            ("petitfour_log_stored_total", "counter", "Records of the log stored here.", &self.log_stored),
            ("petitfour_log_letters_total", "counter", "Records of the log that became letters.", &self.log_letters),
            ("petitfour_entries_total", "counter", "Entries of accepted syncs.", &self.entries),
            ("petitfour_store_faults_total", "counter", "Writes of the store that failed.", &self.faults),
            ("petitfour_bundles_refused_total", "counter", "Bundles that did not open.", &self.bundles_refused),
            ("petitfour_queue_depth", "gauge", "Jobs that wait for the writer.", &self.queue),
        ] {
            family(&mut out, name, kind, help);
            line(&mut out, name, count.value() as f64);
        }
        self.appends.text(&mut out, "petitfour_log_append_seconds", "Seconds until the log acknowledged a record.");
        self.batches.text(&mut out, "petitfour_commit_batch_messages", "Messages in a commit.");
        self.commits.text(&mut out, "petitfour_commit_seconds", "Seconds a commit took, sync included.");
        out
    }
}

/// Counts of observations by upper bound.
#[derive(Debug, Default)]
struct Histogram {
    buckets: Vec<(f64, Count)>,
    count: Count,
    /// In millionths, since there is no atomic float.
    sum: Count,
}

impl Histogram {
    fn new(bounds: &[f64]) -> Self {
        Self { buckets: bounds.iter().map(|bound| (*bound, Count::default())).collect(), ..Self::default() }
    }

    fn observe(&self, value: f64) {
        if let Some((_, count)) = self.buckets.iter().find(|(bound, _)| value <= *bound) {
            count.rise();
        }
        self.count.rise();
        self.sum.add((value * 1e6) as u64);
    }

    fn text(&self, out: &mut String, name: &str, help: &str) {
        family(out, name, "histogram", help);
        let mut below = 0;
        for (bound, count) in &self.buckets {
            below += count.value();
            line(out, &format!("{name}_bucket{{le=\"{bound}\"}}"), below as f64);
        }
        // Never less than the buckets, although they were read one after another while others wrote.
        let all = self.count.value().max(below);
        line(out, &format!("{name}_bucket{{le=\"+Inf\"}}"), all as f64);
        line(out, &format!("{name}_sum"), self.sum.value() as f64 / 1e6);
        line(out, &format!("{name}_count"), all as f64);
    }
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing into a string cannot fail.
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
}

fn line(out: &mut String, name: &str, value: f64) {
    writeln!(out, "{name} {value}").ok();
}
