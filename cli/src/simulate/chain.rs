//! Long lives made of short recordings: how large a profile gets.
//!
//! Recorded visitors are strung together under one pseudonym until it has a thousand events, then the next begins. Times
//! are synthetic and the same in every run: each recorded visit keeps its own pace and begins 26 hours after the one
//! before it ended, so that it falls on another day and another hour. A recording of fewer events begins again.

use std::{fmt, path::Path, sync::Arc};

use petitfour::{
    engine::{Engine, Session},
    profile::MAX_BYTES,
    time::{Moment, Timestamp},
};
use serde::Serialize;

use super::{drain, open, record, recorded::Recording, see_everything};

/// Events after which a profile is weighed; the last is where a chained visitor ends.
const MARKS: [usize; 3] = [10, 100, 1_000];

const GAP: u64 = 26 * 3_600_000;

/// How large profiles were.
#[derive(Debug, Serialize)]
pub(crate) struct Sizes {
    recording: String,
    /// Chained visitors that came to the last mark.
    visitors: usize,
    marks: Vec<Mark>,
}

#[derive(Debug, Serialize)]
struct Mark {
    events: usize,
    profiles: usize,
    p50: usize,
    p99: usize,
    most: usize,
}

/// Replays a recording as chained visitors. Every placement of every page is decided and seen, as in a plain replay.
pub(crate) fn weigh(file: &Path, recording: &Recording, engine: &Arc<Engine>) -> anyhow::Result<Sizes> {
    let mut sizes: [Vec<usize>; MARKS.len()] = Default::default();
    let mut life: Option<(Session, usize, u64)> = None;
    let steps: usize = recording.visitors.iter().map(|visitor| visitor.steps.len()).sum();
    // A recording too short for one life is lived over and over.
    let rounds = MARKS.iter().max().map_or(1, |most| most.div_ceil(steps.max(1)));
    for visitor in recording.visitors.iter().cycle().take(rounds * recording.visitors.len()) {
        let began = visitor.steps.first().map_or(0, |step| step.at);
        let (mut session, mut events, start) = life.take().unwrap_or_else(|| (open(engine, visitor, began), 0, began));
        let mut now = start;
        for step in &visitor.steps {
            now = start + step.at.saturating_sub(began);
            let moment = Moment { now: Timestamp(now), offset_minutes: visitor.offset_minutes };
            record(&mut session, step, visitor, moment)?;
            if step.page {
                see_everything(&mut session, moment);
            }
            drain(&mut session, &mut Vec::new(), &mut None);
            events += 1;
            if let Some((_, sizes)) = MARKS.iter().zip(&mut sizes).find(|(mark, _)| **mark == events) {
                sizes.push(session.profile_bytes().len());
            }
            if MARKS.last() == Some(&events) {
                break;
            }
        }
        if MARKS.last() != Some(&events) {
            life = Some((session, events, now.max(start) + GAP));
        }
    }
    let marks: Vec<Mark> = MARKS.iter().zip(sizes).map(|(events, sizes)| Mark::of(*events, sizes)).collect();
    let visitors = marks.last().map_or(0, |mark| mark.profiles);
    Ok(Sizes { recording: file.display().to_string(), visitors, marks })
}

impl Mark {
    fn of(events: usize, mut sizes: Vec<usize>) -> Self {
        sizes.sort_unstable();
        let at = |percent: usize| sizes.get((sizes.len() * percent / 100).min(sizes.len().saturating_sub(1)));
        let [p50, p99, most] = [50, 99, 100].map(|percent| at(percent).copied().unwrap_or(0));
        Self { events, profiles: sizes.len(), p50, p99, most }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: recorded visitors strung together under one pseudonym", self.recording)?;
        writeln!(
            f,
            "  {:>6}  {:>8}  {:>6}  {:>6}  {:>6}   bytes of the profile, at most {MAX_BYTES}",
            "events", "profiles", "p50", "p99", "max"
        )?;
        for Mark { events, profiles, p50, p99, most } in &self.marks {
            writeln!(f, "  {events:>6}  {profiles:>8}  {p50:>6}  {p99:>6}  {most:>6}")?;
        }
        Ok(())
    }
}
