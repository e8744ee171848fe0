//! Pictures: areas, bars, intervals and funnels as SVG, each beside the numbers that it draws.
//!
//! A picture is hidden from those who listen to the page: what it says stands beside it as text. Shapes carry classes, never colours, so
//! that light and dark are the stylesheet's alone.

use std::fmt::{self, Write as _};

use crate::lift::Interval;

/// Width and height of a picture that is stretched to its place.
const WIDE: f64 = 1000.0;

/// Areas on top of each other, from values of equal length; the first lies at the bottom.
pub fn area(out: &mut String, layers: &[(&str, Vec<f64>)], most: f64) -> fmt::Result {
    const HIGH: f64 = 200.0;
    let length = layers.iter().map(|(_, values)| values.len()).max().unwrap_or_default();
    let step = WIDE / (length.saturating_sub(1).max(1)) as f64;
    write!(out, r#"<svg class="area" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" aria-hidden="true">"#)?;
    for line in 1..4 {
        let y = HIGH / 4.0 * f64::from(line);
        write!(out, r#"<line class="grid" x1="0" x2="{WIDE}" y1="{y}" y2="{y}"/>"#)?;
    }
    let mut floor = vec![0.0; length];
    let mut edges = Vec::new();
    for (class, values) in layers {
        let top: Vec<f64> = floor.iter().zip(values).map(|(below, value)| below + value).collect();
        let points: Vec<(f64, f64)> =
            top.iter().enumerate().map(|(at, value)| point(at, *value, step, most, HIGH)).collect();
        let back: Vec<(f64, f64)> =
            floor.iter().enumerate().map(|(at, value)| point(at, *value, step, most, HIGH)).collect();
        write!(out, r#"<path class="{class}" d=""#)?;
        curve(out, &points, "M")?;
        curve(out, &back.iter().rev().copied().collect::<Vec<_>>(), "L")?;
        out.push_str(r#"Z"/>"#);
        edges.push((class, points));
        floor = top;
    }
    // The lowest last: where the upper brings nothing, its edge lies upon the lower's.
    for (class, points) in edges.iter().rev() {
        write!(out, r#"<path class="{class} edge" d=""#)?;
        curve(out, points, "M")?;
        out.push_str(r#""/>"#);
    }
    out.push_str("</svg>");
    Ok(())
}

fn point(at: usize, value: f64, step: f64, most: f64, high: f64) -> (f64, f64) {
    let share = if most > 0.0 { (value / most).clamp(0.0, 1.0) } else { 0.0 };
    // A line at the very top or bottom would be cut in half.
    (at as f64 * step, 2.0 + (high - 4.0) * (1.0 - share))
}

/// A line through points that leaves each of them level, so that it never swings above what was counted.
fn curve(out: &mut String, points: &[(f64, f64)], first: &str) -> fmt::Result {
    let mut last: Option<(f64, f64)> = None;
    for (x, y) in points {
        match last {
            None => write!(out, "{first}{x:.1} {y:.1}")?,
            Some((before, level)) => {
                let middle = f64::midpoint(before, *x);
                write!(out, "C{middle:.1} {level:.1} {middle:.1} {y:.1} {x:.1} {y:.1}")?;
            }
        }
        last = Some((*x, *y));
    }
    Ok(())
}

/// Bars on top of each other from the left, each as a share of 100; the longest first.
pub fn bar(out: &mut String, parts: &[(&str, f64)]) -> fmt::Result {
    out.push_str(r#"<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="10"/>"#);
    for (class, share) in parts {
        // What is there at all is to be seen.
        let share = if *share > 0.0 { share.max(0.8) } else { 0.0 };
        write!(out, r#"<rect class="{class}" width="{share:.2}" height="10"/>"#)?;
    }
    out.push_str("</svg>");
    Ok(())
}

/// Small bars side by side, the latest at the right.
pub fn columns(out: &mut String, values: &[i64]) -> fmt::Result {
    let most = values.iter().copied().max().unwrap_or_default().max(1) as f64;
    let step = 100.0 / values.len().max(1) as f64;
    out.push_str(r#"<svg class="columns" viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true">"#);
    for (at, value) in values.iter().enumerate() {
        // A day with nothing has a foot, so that the days can be counted.
        let high = (*value as f64 / most * 29.0).max(1.0);
        let class = if *value > 0 { "rose" } else { "track" };
        write!(
            out,
            r#"<rect class="{class}" x="{:.2}" width="{:.2}" y="{:.2}" height="{high:.2}"/>"#,
            at as f64 * step,
            step * 0.72,
            30.0 - high
        )?;
    }
    out.push_str("</svg>");
    Ok(())
}

/// An interval across a zero line in the middle; `most` is what the ends of the axis stand for.
pub fn interval(out: &mut String, interval: Interval, most: f64) -> fmt::Result {
    let place = |value: f64| (500.0 + value / most.max(f64::EPSILON) * 500.0).clamp(0.0, WIDE);
    let (from, to, middle) = (place(interval.from), place(interval.to), place(interval.difference));
    let class = match interval.is_told() {
        true if interval.difference > 0.0 => "good",
        true => "bad",
        false => "unsure",
    };
    out.push_str(r#"<svg class="interval" viewBox="0 0 1000 40" preserveAspectRatio="none" aria-hidden="true">"#);
    write!(out, r#"<rect class="track" y="19" width="{WIDE}" height="2"/>"#)?;
    write!(
        out,
        r#"<rect class="{class} whisker" x="{from:.1}" y="12" width="{:.1}" height="16"/>"#,
        (to - from).max(2.0)
    )?;
    write!(out, r#"<rect class="{class}" x="{:.1}" y="4" width="8" height="32"/>"#, middle - 4.0)?;
    out.push_str(r#"<rect class="zero" x="499" y="0" width="2" height="40"/></svg>"#);
    Ok(())
}

/// A funnel that runs from left to right: at each stage it is as high as its value is of the first.
pub fn funnel(out: &mut String, values: &[i64]) -> fmt::Result {
    const HIGH: f64 = 100.0;
    let first = values.first().copied().unwrap_or_default();
    let step = WIDE / values.len().max(1) as f64;
    out.push_str(r#"<svg class="funnel" viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">"#);
    for (at, value) in values.iter().enumerate() {
        let next = values.get(at + 1).copied().unwrap_or(*value);
        let half = |value: i64| super::markup::share(value, first).clamp(0.6, 100.0) / 100.0 * HIGH / 2.0;
        let (here, there) = (half(*value), half(next));
        let (left, right) = (at as f64 * step, (at + 1) as f64 * step);
        let bend = left + step * 0.55;
        let turn = left + step * 0.8;
        let centre = HIGH / 2.0;
        write!(
            out,
            r#"<path class="stage{}" d="M{left:.1} {:.2}L{bend:.1} {:.2}C{turn:.1} {:.2} {turn:.1} {:.2} {right:.1} {:.2}L{right:.1} {:.2}C{turn:.1} {:.2} {turn:.1} {:.2} {bend:.1} {:.2}L{left:.1} {:.2}Z"/>"#,
            at + 1,
            centre - here,
            centre - here,
            centre - here,
            centre - there,
            centre - there,
            centre + there,
            centre + there,
            centre + here,
            centre + here,
            centre + here,
        )?;
    }
    out.push_str("</svg>");
    Ok(())
}

/// Where ages between two times lie, on a scale that gives a minute, an hour, a day, a week and a month their places.
pub fn age(out: &mut String, class: &str, newest: i64, oldest: i64) -> fmt::Result {
    let (from, to) = (place(newest), place(oldest));
    out.push_str(r#"<svg class="interval" viewBox="0 0 1000 40" preserveAspectRatio="none" aria-hidden="true">"#);
    write!(out, r#"<rect class="track" y="18" width="{WIDE}" height="4"/>"#)?;
    for mark in MARKS {
        write!(out, r#"<rect class="zero" x="{:.1}" y="8" width="2" height="24"/>"#, place(mark.0))?;
    }
    write!(out, r#"<rect class="{class}" x="{from:.1}" y="11" width="{:.1}" height="18"/></svg>"#, (to - from).max(8.0))
}

/// Marks of the scale of ages, in ms.
pub const MARKS: [(i64, &str); 5] =
    [(60_000, "1 min"), (3_600_000, "1 h"), (86_400_000, "1 day"), (604_800_000, "1 week"), (2_592_000_000, "30 days")];

/// Seconds to a hundred days, by their logarithm.
fn place(ms: i64) -> f64 {
    let seconds = (ms.max(1_000) as f64 / 1_000.0).log10();
    (seconds / 6.94 * WIDE).clamp(0.0, WIDE)
}
