//! What was foreseen beside what happened, as a picture: the curve of all repeat purchases, the same week by week, and purchases
//! after calibration by how often somebody bought before.

use std::fmt::Write as _;

use petitfour_lifetime::{Band, Holdout, LAST_BAND, Week};

use super::report::Report;
use crate::picture::{MARGIN, escape, frame, text};
use crate::simulate::summary::grouped;

const WIDTH: f64 = 720.0;
/// The panels' drawing area: left of it stand numbers.
const LEFT: f64 = 72.0;
const RIGHT: f64 = WIDTH - MARGIN;
const HEIGHT: f64 = 180.0;

const STYLE: &str = ".m{text-anchor:middle}.e{text-anchor:end}polyline{fill:none;stroke-width:2}.actual{stroke:#4a6fa5}.expected{stroke:#b5563c;stroke-dasharray:6 4}line{stroke:#c9ccd1}line.end{stroke:#8a8f98;stroke-dasharray:2 3}\
rect.actual{fill:#4a6fa5;stroke:none}rect.expected{fill:#b5563c;stroke:none}line.actual,line.expected{stroke-width:2}@media(prefers-color-scheme:dark){line{stroke:#3a3f47}}";

/// Draws it.
pub(super) fn draw(report: &Report, holdout: &Holdout) -> String {
    let mut body = String::new();
    let file = report.purchases.rsplit(['/', '\\']).next().unwrap_or_default();
    let told = format!("{file}: {} customers, {}", grouped(report.customers as u64), report.buying.model);
    let mut y = MARGIN;
    text(&mut body, MARGIN, y, "t", &told);
    y += 20.0;
    if let Some(held) = &report.holdout {
        let (own, constant) = (&held.purchases.model, &held.purchases.constant_rate);
        let line = format!(
            "Learned from {} to {}, held against the {:.1} weeks after it.",
            report.from, report.until, held.weeks
        );
        text(&mut body, MARGIN, y, "s", &line);
        y += 16.0;
        let line = format!(
            "Mean absolute error {:.3} purchases a customer; were each to go on at their own rate, {:.3}.",
            own.mean_absolute_error, constant.mean_absolute_error
        );
        text(&mut body, MARGIN, y, "s", &line);
    }
    y += 22.0;
    legend(&mut body, y);
    y += MARGIN;
    y = lines(&mut body, "Repeat purchases since the first day", &BEGIN, &holdout.curve, holdout.end, y);
    y = lines(&mut body, "Repeat purchases in each week", &[], &weekly(&holdout.curve), holdout.end, y);
    y = bars(&mut body, &holdout.bands, y);
    frame(&told, STYLE, WIDTH, y, &body)
}

fn legend(body: &mut String, y: f64) {
    for (class, x, name) in [("actual", MARGIN, "happened"), ("expected", MARGIN + 110.0, "foreseen")] {
        let _ = writeln!(
            body,
            "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
            x + 28.0
        );
        text(body, x + 34.0, y + 4.0, "s", name);
    }
}

/// Before anything was bought again.
const BEGIN: [Week; 1] = [Week { until: 0.0, actual: 0, expected: 0.0 }];

/// A point of a panel: week, what happened, what was foreseen.
struct Point {
    week: f64,
    actual: f64,
    expected: f64,
}

/// What happened in each week alone. A last week that is not whole is left out: it would look like a fall.
fn weekly(curve: &[Week]) -> Vec<Week> {
    let pairs = BEGIN.iter().chain(curve).zip(curve);
    pairs
        .filter(|(before, week)| week.until - before.until > 0.999)
        .map(|(before, week)| Week {
            until: week.until,
            actual: week.actual.saturating_sub(before.actual),
            expected: week.expected - before.expected,
        })
        .collect()
}

/// One panel of two lines over weeks from `top` on; where it ends.
fn lines(body: &mut String, title: &str, begin: &[Week], weeks: &[Week], end: f64, top: f64) -> f64 {
    let points: Vec<Point> = begin
        .iter()
        .chain(weeks)
        .map(|week| Point { week: week.until, actual: week.actual as f64, expected: week.expected })
        .collect();
    let most = points.iter().flat_map(|point| [point.actual, point.expected]).fold(1.0, f64::max);
    let last = points.last().map_or(1.0, |point| point.week);
    text(body, MARGIN, top + 14.0, "t", title);
    let (ceiling, floor) = (top + 30.0, top + 30.0 + HEIGHT);
    let across = |week: f64| LEFT + week / last * (RIGHT - LEFT);
    let up = |value: f64| floor - value / most * HEIGHT;
    grid(body, most, floor);
    let step = if last > 208.0 { 52.0 } else { 13.0 };
    for tick in 0..=(last / step) as usize {
        let week = tick as f64 * step;
        text(body, across(week), floor + 16.0, "s m", &format!("{week:.0}"));
    }
    text(body, RIGHT, floor + 30.0, "s e", "weeks");
    let x = across(end);
    let _ = writeln!(body, "<line class=\"end\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{ceiling:.1}\" y2=\"{floor:.1}\"/>");
    text(body, x + 4.0, floor - 6.0, "s", "held back from here");
    for (class, of) in [("actual", (|point| point.actual) as fn(&Point) -> f64), ("expected", |point| point.expected)] {
        let path = points.iter().fold(String::new(), |mut path, point| {
            let _ = write!(path, "{:.1},{:.1} ", across(point.week), up(of(point)));
            path
        });
        let _ = writeln!(body, "<polyline class=\"{class}\" points=\"{}\"/>", path.trim_end());
    }
    floor + 30.0 + MARGIN
}

/// Lines across a panel at round values, with their numbers.
fn grid(body: &mut String, most: f64, floor: f64) {
    let power = 10.0_f64.powf(most.log10().floor());
    let step =
        [0.2, 0.5, 1.0, 2.0].map(|part| part * power).into_iter().find(|step| most / step <= 6.0).unwrap_or(power);
    for tick in 0..=(most / step) as usize {
        let value = tick as f64 * step;
        let y = floor - value / most * HEIGHT;
        let _ = writeln!(body, "<line x1=\"{LEFT:.1}\" x2=\"{RIGHT:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        let told = if step < 1.0 { format!("{value:.1}") } else { grouped(value as u64) };
        text(body, LEFT - 8.0, y + 4.0, "s e", &told);
    }
}

/// Purchases after the end, by repeats before it; where it ends.
fn bars(body: &mut String, bands: &[Band], top: f64) -> f64 {
    text(body, MARGIN, top + 14.0, "t", "Purchases held back, of a customer with so many repeats before");
    let floor = top + 30.0 + HEIGHT;
    let most = bands.iter().flat_map(|band| [band.actual, band.expected]).fold(0.1, f64::max);
    grid(body, most, floor);
    let wide = (RIGHT - LEFT) / f64::from(LAST_BAND + 1);
    for band in bands {
        let x = LEFT + f64::from(band.repeats) * wide + wide * 0.15;
        for (class, name, value, place) in
            [("actual", "happened", band.actual, x), ("expected", "foreseen", band.expected, x + wide * 0.35)]
        {
            let height = value / most * HEIGHT;
            let _ = writeln!(
                body,
                "<rect class=\"{class}\" x=\"{place:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"><title>{}</title></rect>",
                floor - height,
                wide * 0.32,
                escape(&format!("{name}: {value:.3}"))
            );
        }
        let more = if band.repeats == LAST_BAND { "+" } else { "" };
        text(body, x + wide * 0.335, floor + 16.0, "s m", &format!("{}{more}", band.repeats));
        text(body, x + wide * 0.335, floor + 32.0, "s m", &grouped(band.customers as u64));
    }
    text(body, MARGIN, floor + 16.0, "s", "repeats");
    text(body, MARGIN, floor + 32.0, "s", "people");
    floor + 32.0 + MARGIN
}
