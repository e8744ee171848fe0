//! A study as a picture: the hours of everybody and of each segment as columns, and what own hours and one hour came to as lines with their
//! intervals.

use std::fmt::Write as _;

use super::report::{Measure, Report, Segment, Verdict};
use crate::picture::{MARGIN, escape, frame, text};
use crate::simulate::summary::grouped;

const WIDTH: f64 = 640.0;
/// One column of a day.
const COLUMN: f64 = 24.0;
/// How high the largest share of a table is.
const HEIGHT: f64 = 90.0;
const ROW: f64 = 26.0;
/// Where no difference is, and how far to each side the largest bound of them lies.
const MIDDLE: f64 = 490.0;
const REACH: f64 = 120.0;

const STYLE: &str = "rect{fill:#4a6fa5}rect.best{fill:#3c8d5a}line{stroke:#8a8f98}line.own{stroke:#3c8d5a;stroke-width:3}line.one_hour{stroke:#b5563c;stroke-width:3}\
line.cannot_tell{stroke:#e0b04a;stroke-width:3}circle{fill:#222}@media(prefers-color-scheme:dark){circle{fill:#eee}}";

/// Draws it.
pub(super) fn draw(report: &Report) -> String {
    let mut body = String::new();
    let told = format!("{}: {} visitors", report.recording, grouped(report.visitors as u64));
    let mut y = MARGIN;
    text(&mut body, MARGIN, y, "s", &told);
    if !report.times_are_real {
        y += 16.0;
        text(&mut body, MARGIN, y, "s", "The times of this recording are made up: nothing here is of people.");
    }
    y += MARGIN;
    for segment in &report.segments {
        y = table(&mut body, segment, y);
    }
    y = measures(&mut body, report, y);
    frame(&told, STYLE, WIDTH, y, &body)
}

/// The hours of one table from `top` on; where it ends.
fn table(body: &mut String, segment: &Segment, top: f64) -> f64 {
    text(body, MARGIN, top + 12.0, "t", segment.who);
    let (people, presences) = (grouped(segment.people), grouped(segment.presences));
    let best = segment.best.map_or_else(|| "nobody was there".to_owned(), |hour| format!("best {hour:02}:00"));
    text(body, MARGIN, top + 28.0, "s", &format!("{people} people, {presences} presences, {best}"));
    let floor = top + 40.0 + HEIGHT;
    let most = segment.shares.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    for (hour, share) in segment.shares.iter().enumerate() {
        let (x, height) = (MARGIN + hour as f64 * COLUMN, share / most * HEIGHT);
        let class = if segment.best.map(usize::from) == Some(hour) { "best" } else { "" };
        let _ = writeln!(
            body,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"><title>{}</title></rect>",
            floor - height,
            COLUMN - 4.0,
            escape(&format!("{hour:02}:00: {:.1}%", share * 100.0))
        );
        if hour % 3 == 0 {
            text(body, x, floor + 14.0, "s", &format!("{hour:02}"));
        }
    }
    floor + 14.0 + MARGIN
}

/// Differences with their intervals, one below the other; where they end.
fn measures(body: &mut String, report: &Report, top: f64) -> f64 {
    text(body, MARGIN, top + 12.0, "t", "Own hours against one hour for all");
    let lead = format!(
        "share of days hit within two hours, one hour {:02}:00; difference in points, 95% interval",
        report.one_hour
    );
    text(body, MARGIN, top + 28.0, "s", &lead);
    let rows: Vec<&Measure> = [&report.all].into_iter().chain(&report.by_history).collect();
    let bounds = rows.iter().flat_map(|row| [row.from, row.to, Some(row.difference)]).flatten();
    let most = bounds.map(f64::abs).fold(0.01, f64::max);
    let place = |difference: f64| MIDDLE + difference / most * REACH;
    let (first, mut y) = (top + 40.0, top + 40.0);
    for row in rows {
        let shares = format!(
            "{}: {} visitors, {:.1}% and {:.1}%, {:+.1}",
            row.who,
            grouped(row.visitors as u64),
            row.own * 100.0,
            row.one_hour * 100.0,
            row.difference * 100.0
        );
        let middle = y + ROW / 2.0;
        text(body, MARGIN, middle + 4.0, "", &shares);
        if let (Some(from), Some(to)) = (row.from, row.to) {
            let class = match row.verdict {
                Verdict::Own => "own",
                Verdict::OneHour => "one_hour",
                Verdict::CannotTell => "cannot_tell",
            };
            let (x1, x2) = (place(from), place(to));
            let told = escape(&format!("{}: {}", row.interval(), row.verdict.words()));
            let _ = writeln!(
                body,
                "<line class=\"{class}\" x1=\"{x1:.1}\" x2=\"{x2:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"><title>{told}</title></line>"
            );
        }
        let _ = writeln!(body, "<circle cx=\"{:.1}\" cy=\"{middle:.1}\" r=\"4\"/>", place(row.difference));
        y += ROW;
    }
    let _ = writeln!(body, "<line x1=\"{MIDDLE}\" x2=\"{MIDDLE}\" y1=\"{first:.1}\" y2=\"{y:.1}\"/>");
    y + MARGIN
}
