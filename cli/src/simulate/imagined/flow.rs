//! The flow of people through journeys as a picture: a box for each step, a band for each way from one to the next, both as
//! high as there are people. One SVG file without script, for every browser; names are text, and stay text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::report::{Flow, Journey, Report};
use crate::picture::{MARGIN, escape, frame, text};
use crate::simulate::summary::grouped;

/// Units of the picture, of which a browser makes pixels.
const COLUMN: f64 = 190.0;
const BOX: f64 = 14.0;
/// How high all who entered are.
const HEIGHT: f64 = 140.0;
/// Between two boxes: room for two lines of text.
const GAP: f64 = 30.0;
const TITLE: f64 = 40.0;

const STYLE: &str = "rect{fill:#4a6fa5}rect.done{fill:#8a8f98}rect.reached{fill:#3c8d5a}rect.left,rect.forgotten{fill:#b5563c}rect.inside{fill:#e0b04a}\
path{fill:none;stroke:#4a6fa5;stroke-opacity:.28}path.reached{stroke:#3c8d5a}path.left,path.forgotten{stroke:#b5563c}path.done{stroke:#8a8f98}";

/// A box of one journey.
struct Stop<'a> {
    name: &'a str,
    column: usize,
    into: u64,
    out: u64,
    inside: u64,
    y: f64,
    /// Heights that bands have taken already, on the left and on the right.
    taken: (f64, f64),
}

impl Stop<'_> {
    fn people(&self) -> u64 {
        self.into.max(self.out)
    }
}

/// Draws every journey, one below the other.
pub(super) fn draw(report: &Report) -> String {
    let mut body = String::new();
    let (mut y, mut width) = (MARGIN, 0.0_f64);
    let told = format!(
        "{} imagined visitors in {} days from {}, seed {}",
        grouped(report.visitors),
        report.days,
        report.start,
        report.seed
    );
    text(&mut body, MARGIN, y, "s", &told);
    y += MARGIN;
    for journey in &report.journeys {
        let (w, h) = draw_journey(&mut body, journey, y);
        width = width.max(w);
        y += h + MARGIN;
    }
    frame(&told, STYLE, width.max(480.0), y, &body)
}

/// Draws a journey with its upper edge at `top`, and returns its width and height.
fn draw_journey(body: &mut String, journey: &Journey, top: f64) -> (f64, f64) {
    text(body, MARGIN, top + 12.0, "t", &journey.name);
    let Journey { people, entered, inside, done, reached, left, .. } = journey;
    let [people, entered, inside, done, reached, left] =
        [people, entered, inside, done, reached, left].map(|n| grouped(*n));
    let sums = format!(
        "{people} people entered {entered} times: {inside} inside, {done} done, {reached} reached, {left} left"
    );
    text(body, MARGIN, top + 28.0, "s", &sums);
    let mut stops = stops(journey);
    let most = stops.values().map(Stop::people).max().unwrap_or(0).max(journey.entered);
    if most == 0 {
        return (MARGIN, TITLE);
    }
    let scale = HEIGHT / most as f64;
    let last = stops.values().map(|stop| stop.column).max().unwrap_or(0);
    let mut columns = vec![top + TITLE; last + 1];
    for stop in stops.values_mut() {
        let Some(y) = columns.get_mut(stop.column) else { continue };
        stop.y = *y;
        *y += (stop.people() as f64 * scale).max(1.0) + GAP;
    }
    // Ways on lie above the ways out, as their boxes do.
    let (on, out): (Vec<&Flow>, Vec<&Flow>) = journey.flow.iter().partition(|flow| flow.to.starts_with("step "));
    for flow in on.into_iter().chain(out) {
        band(body, flow, &mut stops, scale);
    }
    for stop in stops.values() {
        let x = MARGIN + stop.column as f64 * COLUMN;
        let height = (stop.people() as f64 * scale).max(1.0);
        let told = format!("{}: {} came, {} went on, {} stand here", stop.name, stop.into, stop.out, stop.inside);
        let _ = writeln!(
            body,
            "<rect class=\"{}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{BOX}\" height=\"{height:.1}\"><title>{}</title></rect>",
            kind(stop.name),
            stop.y,
            escape(&told)
        );
        let here = stop.inside as f64 * scale;
        if stop.inside > 0 {
            let y = stop.y + height - here;
            let _ = writeln!(
                body,
                "<rect class=\"inside\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{BOX}\" height=\"{here:.1}\"/>"
            );
        }
        let name = stop.name.strip_prefix("step ").unwrap_or(stop.name);
        text(body, x + BOX + 4.0, stop.y + 10.0, "", &shortened(name));
        let count = if stop.inside > 0 {
            format!("{} ({} stay)", grouped(stop.people()), grouped(stop.inside))
        } else {
            grouped(stop.people())
        };
        text(body, x + BOX + 4.0, stop.y + 24.0, "s", &count);
    }
    let height = columns.into_iter().fold(TITLE, |most, y| most.max(y - top));
    (MARGIN * 2.0 + last as f64 * COLUMN + COLUMN, height)
}

/// The boxes of a journey: who enters at the left, ends at the right, steps by how few others come before them.
fn stops(journey: &Journey) -> BTreeMap<&str, Stop<'_>> {
    let mut stops: BTreeMap<&str, Stop<'_>> = BTreeMap::new();
    for Flow { from, to, count } in &journey.flow {
        let new = |name| Stop { name, column: 0, into: 0, out: 0, inside: 0, y: 0.0, taken: (0.0, 0.0) };
        stops.entry(from).or_insert_with(|| new(from)).out += count;
        stops.entry(to).or_insert_with(|| new(to)).into += count;
    }
    for stand in &journey.stands {
        if let Some(stop) = stops.values_mut().find(|stop| stop.name.strip_prefix("step ") == Some(&stand.step)) {
            stop.inside = stand.people;
        }
    }
    let mut edge = vec!["enter"];
    let mut column = 0;
    let mut placed: Vec<&str> = edge.clone();
    while !edge.is_empty() {
        column += 1;
        let mut next = Vec::new();
        for flow in journey.flow.iter().filter(|flow| edge.contains(&flow.from.as_str())) {
            if flow.to.starts_with("step ") && !placed.contains(&flow.to.as_str()) {
                placed.push(&flow.to);
                next.push(flow.to.as_str());
                if let Some(stop) = stops.get_mut(flow.to.as_str()) {
                    stop.column = column;
                }
            }
        }
        edge = next;
    }
    let ends = stops.values_mut().filter(|stop| stop.name != "enter" && !stop.name.starts_with("step "));
    ends.for_each(|stop| stop.column = column);
    stops
}

fn band(body: &mut String, flow: &Flow, stops: &mut BTreeMap<&str, Stop<'_>>, scale: f64) {
    let width = flow.count as f64 * scale;
    let mut end = |name: &str, is_from: bool| {
        let stop = stops.get_mut(name)?;
        let taken = if is_from { &mut stop.taken.1 } else { &mut stop.taken.0 };
        let y = stop.y + *taken + width / 2.0;
        *taken += width;
        Some((MARGIN + stop.column as f64 * COLUMN + if is_from { BOX } else { 0.0 }, y))
    };
    let (Some((x1, y1)), Some((x2, y2))) = (end(&flow.from, true), end(&flow.to, false)) else { return };
    // Ways back and to the same column bend out as far as a column.
    let reach = ((x2 - x1) / 2.0).max(COLUMN / 2.0);
    let told = format!("{} to {}: {}", flow.from, flow.to, flow.count);
    let _ = writeln!(
        body,
        "<path class=\"{}\" d=\"M{x1:.1} {y1:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}\" stroke-width=\"{:.1}\"><title>{}</title></path>",
        kind(&flow.to),
        x1 + reach,
        x2 - reach,
        width.max(0.5),
        escape(&told)
    );
}

fn kind(name: &str) -> &'static str {
    ["done", "reached", "left", "forgotten"].into_iter().find(|kind| *kind == name).unwrap_or("step")
}

/// As much of a name as there is room for.
fn shortened(name: &str) -> String {
    const ROOM: usize = 26;
    if name.chars().count() <= ROOM {
        return name.to_owned();
    }
    name.chars().take(ROOM - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_where_the_room_ends() {
        assert_eq!(shortened("a step with quite a long name"), "a step with quite a long …");
    }
}
