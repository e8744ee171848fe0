//! An evaluation as a picture: for each policy every estimate with its interval, beside what was logged, and the verdict in words.

use std::fmt::Write as _;

use super::report::{Report, Value};
use crate::picture::{MARGIN, escape, frame, text};
use crate::simulate::summary::grouped;

const WIDTH: f64 = 880.0;
/// Where the scale begins, and how long it is.
const LEFT: f64 = 250.0;
const REACH: f64 = 590.0;
const ROW: f64 = 22.0;
/// Lines of a chart are told by this many letters at most.
const LETTERS: usize = 108;

const STYLE: &str = "line{stroke:#4a6fa5;stroke-width:3}line.logged{stroke:#8a8f98;stroke-width:1;stroke-dasharray:4 3}line.dr{stroke:#3c8d5a}line.axis{stroke:#8a8f98;stroke-width:1}\
rect.logged{fill:#8a8f98;fill-opacity:.18}circle{fill:#222}.w{fill:#b5563c}@media(prefers-color-scheme:dark){circle{fill:#eee}.w{fill:#e0855f}}";

/// Draws it.
pub(super) fn draw(report: &Report) -> String {
    let mut body = String::new();
    let told = format!(
        "{}: {} rounds, {} outcomes",
        report.log,
        grouped(report.rounds as u64),
        grouped(report.outcomes as u64)
    );
    let mut y = MARGIN;
    text(&mut body, MARGIN, y, "t", &told);
    y += 18.0;
    let (logged, interval) = (report.logged.value.unwrap_or_default(), report.logged.interval());
    text(&mut body, MARGIN, y, "s", &format!("value of one round, with 95% intervals ({})", report.intervals));
    y += 16.0;
    text(&mut body, MARGIN, y, "s", &format!("the grey band is what was logged: {logged:.5} ({interval})"));
    y += MARGIN;
    let scale = Scale::of(report);
    for judged in &report.policies {
        text(&mut body, MARGIN, y + 12.0, "t", &judged.policy);
        y += 24.0;
        let bottom = y + judged.values.len() as f64 * ROW;
        if let (Some(from), Some(to)) = (report.logged.from, report.logged.to) {
            let (from, to) = (scale.place(from), scale.place(to));
            let _ = writeln!(
                body,
                "<rect class=\"logged\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                to - from,
                bottom - y
            );
        }
        let middle = scale.place(report.logged.value.unwrap_or_default());
        let _ = writeln!(
            body,
            "<line class=\"logged\" x1=\"{middle:.1}\" x2=\"{middle:.1}\" y1=\"{y:.1}\" y2=\"{bottom:.1}\"/>"
        );
        for value in &judged.values {
            row(&mut body, value, y + ROW / 2.0, &scale);
            y += ROW;
        }
        y = axis(&mut body, &scale, y);
        let overlap = format!(
            "worth {} rounds and {:.1} outcomes of its own; mean weight {:.3}, largest {:.1}; {:.1}% of it never logged",
            grouped(judged.effective_rounds.round() as u64),
            judged.effective_outcomes,
            judged.mean_weight,
            judged.largest_weight,
            judged.never_logged * 100.0
        );
        text(&mut body, MARGIN, y, "s", &overlap);
        for warning in judged.warnings() {
            y += 16.0;
            text(&mut body, MARGIN, y, "w", &warning);
        }
        y += 18.0;
        text(&mut body, MARGIN, y, "", &judged.verdict(report.outcomes));
        y += MARGIN;
    }
    frame(&told, STYLE, WIDTH, y, &body)
}

/// One estimate.
fn row(body: &mut String, value: &Value, y: f64, scale: &Scale) {
    let told = value.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.5}"));
    text(body, MARGIN, y + 4.0, "", &value.name());
    text(body, MARGIN + 130.0, y + 4.0, "", &told);
    let Some(middle) = value.value else {
        text(body, LEFT, y + 4.0, "s", &value.interval());
        return;
    };
    if let (Some(from), Some(to)) = (value.from, value.to) {
        let class = if value.estimator == "dr" { "dr" } else { "" };
        let told: String = format!("{}: {}", value.name(), value.interval()).chars().take(LETTERS).collect();
        let _ = writeln!(
            body,
            "<line class=\"{class}\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"><title>{}</title></line>",
            scale.place(from),
            scale.place(to),
            escape(&told)
        );
    }
    let _ = writeln!(body, "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4\"/>", scale.place(middle));
}

/// Both ends of the scale and its middle; where they end.
fn axis(body: &mut String, scale: &Scale, y: f64) -> f64 {
    let _ =
        writeln!(body, "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>", LEFT + REACH);
    for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let value = scale.from + part * (scale.to - scale.from);
        text(body, LEFT + part * REACH - 18.0, y + 14.0, "s", &format!("{value:.4}"));
    }
    y + 14.0 + MARGIN
}

/// From the least to the most that is drawn.
struct Scale {
    from: f64,
    to: f64,
}

impl Scale {
    fn of(report: &Report) -> Self {
        let values = report.policies.iter().flat_map(|judged| &judged.values).chain([&report.logged]);
        let ends = values.flat_map(|value| [value.value, value.from, value.to]).flatten();
        let (from, to) = ends.fold((0.0_f64, f64::NEG_INFINITY), |(from, to), end| (from.min(end), to.max(end)));
        Self { from, to: if to > from { to } else { from + 1.0 } }
    }

    fn place(&self, value: f64) -> f64 {
        LEFT + (value - self.from) / (self.to - self.from) * REACH
    }
}
