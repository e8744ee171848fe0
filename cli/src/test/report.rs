//! The outcome of tests for people and as JSON.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use petitfour::engine::{Explanation, Reason, Verdict};
use petitfour_compiler::{Diagnostic, Severity, render};
use serde_json::{Value, json};

use super::{Outcome, Played};
use crate::player::{Ground, Miss};
use crate::words;

/// Prints a line for each test, what is to be known of those that failed, and a summary.
pub(super) fn print(outcome: &Outcome<'_>) {
    let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut text = String::new();
    for played in &outcome.played {
        let said = if played.missed.is_empty() { "ok  " } else { "FAIL" };
        let _ = writeln!(text, "{said}  {}", played.story.name.text);
        for (at, miss) in played.missed.iter().enumerate() {
            let _ = writeln!(text, "\n{}", line(outcome, miss, coloured));
            // Expectations of one look share their reasons.
            if played.missed.get(at + 1).is_none_or(|next| next.ground != miss.ground) {
                let _ = writeln!(text, "\n{}\n", reasons(miss));
            }
        }
    }
    let left_out = if outcome.left_out > 0 { format!(", {} left out", outcome.left_out) } else { String::new() };
    let _ = writeln!(text, "\n{} passed, {} failed{left_out}", outcome.passed(), outcome.failed());
    // A reader that has seen enough (`| head`) is no fault.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// A failure in full.
pub(super) fn failure(outcome: &Outcome<'_>, miss: &Miss) -> String {
    format!("{}\n\n{}", line(outcome, miss, false), reasons(miss))
}

fn line(outcome: &Outcome<'_>, miss: &Miss, coloured: bool) -> String {
    let diagnostic = Diagnostic {
        severity: Severity::Error,
        code: "test/failed",
        message: miss.message.clone(),
        place: outcome.stories.place(miss.span),
        remedy: None,
        related: None,
    };
    render::diagnostic(&diagnostic, &outcome.stories.sources, coloured)
}

fn reasons(miss: &Miss) -> String {
    let at = words::moment(miss.moment);
    match &miss.ground {
        Ground::Placement(why) => format!("  {} at {at}:\n{}", why.placement, verdicts(why)),
        Ground::Journey(stood) => {
            let line = |name, told: &Option<String>| told.as_ref().map(|told| format!("\n    {name:<8}{told}"));
            let sends = line("sends", &stood.sends);
            let told = [sends, line("since", &stood.since), line("until", &stood.until)].into_iter().flatten();
            format!("  {} at {at}:\n    {:<8}{}{}", stood.journey, "is", stood.state, told.collect::<String>())
        }
    }
}

/// The reasons of every campaign of a placement, as columns.
pub(crate) fn verdicts(why: &Explanation) -> String {
    let width = |text: fn(&Verdict) -> usize| why.campaigns.iter().map(text).max().unwrap_or(0);
    let (names, reasons) =
        (width(|verdict| verdict.campaign.chars().count()), width(|verdict| verdict.reason.name().len()));
    let lines = why.campaigns.iter().map(|Verdict { campaign, reason, detail }| {
        format!("    {campaign:names$}  {:reasons$}  {detail}", reason.name()).trim_end().to_owned()
    });
    let own = match (why.reason, &why.creative) {
        (Reason::Fallback, Some(creative)) => Some(format!("    so the fallback {creative} shows")),
        (Reason::Nothing, _) => Some("    so the page keeps its own content".to_owned()),
        _ => None,
    };
    lines.chain(own).collect::<Vec<_>>().join("\n")
}

/// The outcome for machines.
pub(super) fn json(outcome: &Outcome<'_>) -> Value {
    let tests: Vec<Value> = outcome.played.iter().map(|played| test(outcome, played)).collect();
    json!({
        "passed": outcome.passed(),
        "failed": outcome.failed(),
        "left_out": outcome.left_out,
        "faults": outcome.stories.diagnostics,
        "tests": tests,
    })
}

/// The same when nothing could be played.
pub(super) fn faults(faults: &[Diagnostic]) -> Value {
    json!({ "passed": 0, "failed": 0, "left_out": 0, "faults": faults, "tests": [] })
}

fn test(outcome: &Outcome<'_>, played: &Played<'_>) -> Value {
    let place = outcome.stories.place(played.story.name.span);
    let failures: Vec<Value> = played
        .missed
        .iter()
        .map(|miss| {
            let place = outcome.stories.place(miss.span);
            let (why, stands) = match &miss.ground {
                Ground::Placement(why) => (Some(why), None),
                Ground::Journey(stood) => (None, Some(stood)),
            };
            json!({
                "file": place.file,
                "line": place.line,
                "column": place.column,
                "at": words::moment(miss.moment),
                "message": miss.message,
                "expected": miss.expected,
                "seen": miss.seen,
                "why": why,
                "stands": stands,
            })
        })
        .collect();
    json!({
        "name": played.story.name.text,
        "file": place.file,
        "line": place.line,
        "passed": failures.is_empty(),
        "failures": failures,
    })
}
