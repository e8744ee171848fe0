//! When a step happens: so long after the last one, at a date, or when the visitor's clock next shows a time.

use petitfour::time::{Moment, Timestamp};

use crate::diagnostic::Report;
use crate::period;
use crate::reader::{self, Fields};
use crate::source::{Node, Span};

/// Reads the moment at which a story begins.
pub(super) fn start(node: &Node, report: &mut Report) -> Option<Moment> {
    let word = reader::word(node, "start", report)?;
    let moment = period::moment(&word.text);
    if moment.is_none() {
        report
            .error("file/bad-date", node.span, format!("`start` must be a date that exists, not `{}`", word.text))
            .remedy("write `2026-06-01` or `2026-06-01 09:30 +02:00`; without an offset it is UTC");
    }
    moment
}

/// Moves the clock on to when a step happens.
pub(super) fn advance(fields: &mut Fields<'_>, now: &mut Moment, report: &mut Report) {
    let (after, at) = (fields.take("after"), fields.take("at"));
    if let (Some(after), Some(at)) = (after, at) {
        report
            .error("test/two-times", at.key_span, "a step happens at one time")
            .remedy("keep one of the two")
            .related(after.key_span, "here");
    }
    if let Some(entry) = after
        && let Some(seconds) = period::duration(&entry.node, "after", report)
    {
        forward(now, u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000));
    }
    if let Some(entry) = at {
        read_at(&entry.node, now, report);
    }
}

/// Lets time pass.
pub(super) fn forward(now: &mut Moment, milliseconds: u64) {
    now.now = Timestamp(now.now.0.saturating_add(milliseconds));
}

fn read_at(node: &Node, now: &mut Moment, report: &mut Report) {
    let Some(word) = reader::word(node, "at", report) else { return };
    if let Some(seconds) = period::parse_clock(&word.text) {
        let local = now.now.0.saturating_add_signed(i64::from(now.offset_minutes) * 60_000) % DAY;
        let shown = u64::try_from(seconds).unwrap_or(0) * 1_000;
        // A clock that shows this time already shows it next tomorrow.
        let wait = if shown > local { shown - local } else { DAY + shown - local };
        return forward(now, wait);
    }
    let Some((milliseconds, offset)) = period::parse_moment(&word.text, now.offset_minutes.into()) else {
        report
            .error("file/bad-date", node.span, format!("`at` must be a date or a time of day, not `{}`", word.text))
            .remedy(
                "write `2026-06-03 09:30`, `2026-06-03 09:30 +02:00`, or `09:30` for the next time the clock shows it",
            );
        return;
    };
    let (Ok(milliseconds), Ok(offset_minutes)) = (u64::try_from(milliseconds), i16::try_from(offset)) else {
        return backwards(node.span, *now, report);
    };
    if milliseconds < now.now.0 {
        return backwards(node.span, *now, report);
    }
    *now = Moment { now: Timestamp(milliseconds), offset_minutes };
}

fn backwards(span: Span, now: Moment, report: &mut Report) {
    let local = i64::try_from(now.now.0).unwrap_or(i64::MAX).saturating_add(i64::from(now.offset_minutes) * 60_000);
    report
        .error("test/backwards", span, format!("this lies before the step before it, at {}", period::date(local)))
        .remedy("write the steps in the order in which they happen");
}

/// Ms of a day.
const DAY: u64 = 86_400_000;
