//! The pictures of the page.

use std::fmt::Write as _;

use super::judge::{Opinion, Value};
use super::report::Report;
use crate::picture::{escape, text, within};
use crate::simulate::summary::grouped;

/// Style of the shapes, for the whole page.
pub(super) const STYLE: &str = ".ci{stroke:#4a6fa5;stroke-width:4}.ci.dr{stroke:#3c8d5a}.ci.thin{stroke-width:2}.axis{stroke:#8a8f98}.band{fill:#8a8f98;fill-opacity:.2}\
.middle{stroke:#8a8f98;stroke-dasharray:4 3}.dot{fill:#222}.bar{fill:#4a6fa5}.bar.other{fill:#8a8f98}.bar.good{fill:#3c8d5a}\
.curve{fill:none;stroke:#4a6fa5;stroke-width:2}.best{fill:#b5563c}@media(prefers-color-scheme:dark){.dot{fill:#eee}.ci{stroke:#7fa3d8}.ci.dr{stroke:#6cc08b}.bar{fill:#7fa3d8}.curve{stroke:#7fa3d8}}";

const WIDTH: f64 = 880.0;
/// Where a scale begins, and how long it is.
const LEFT: f64 = 230.0;
const REACH: f64 = 600.0;
const ROW: f64 = 22.0;
/// Candidates that are drawn.
const MOST: usize = 20;

/// Estimates with their intervals, beside what was logged.
pub(super) fn estimates(report: &Report) -> String {
    let judged = &report.judged;
    let all = || judged.policies.iter().flat_map(|opinion| &opinion.values).chain([&judged.logged]);
    let ends = all().flat_map(|value| [value.value, value.from, value.to]).flatten();
    let (from, to) = ends.fold((0.0_f64, f64::MIN_POSITIVE), |(from, to), end| (from.min(end), to.max(end)));
    let place = |value: f64| LEFT + (value - from) / (to - from) * REACH;
    let (mut body, mut y) = (String::new(), 18.0);
    let told = format!(
        "outcomes of a hundred decisions, with 95% intervals; the grey band is what was logged: {}",
        told(&judged.logged)
    );
    text(&mut body, 0.0, y, "s", &told);
    y += 24.0;
    for Opinion { policy, values, .. } in &judged.policies {
        text(&mut body, 0.0, y, "h", policy);
        y += 8.0;
        let bottom = y + values.len() as f64 * ROW;
        if let (Some(low), Some(high)) = (judged.logged.from, judged.logged.to) {
            rect(&mut body, "band", place(low), y, place(high) - place(low), bottom - y, "");
        }
        let middle = place(judged.logged.value.unwrap_or_default());
        line(&mut body, "middle", (middle, y), (middle, bottom));
        for value in values {
            let at = y + ROW / 2.0;
            text(&mut body, 14.0, at + 4.0, "", value.estimator);
            text(&mut body, 70.0, at + 4.0, "s", &self::told(value));
            if let (Some(low), Some(high)) = (value.from, value.to) {
                let class = if value.estimator == "dr" { "ci dr" } else { "ci" };
                line(&mut body, class, (place(low), at), (place(high), at));
            }
            if let Some(value) = value.value {
                let _ = writeln!(body, "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{at:.1}\" r=\"4\"/>", place(value));
            }
            y += ROW;
        }
        y += 24.0;
    }
    y -= 12.0;
    line(&mut body, "axis", (LEFT, y), (LEFT + REACH, y));
    for quarter in 0..=4 {
        let part = f64::from(quarter) / 4.0;
        text(&mut body, LEFT + part * REACH - 14.0, y + 16.0, "s", &percent(from + part * (to - from)));
    }
    within("What it would have earned", WIDTH, y + 24.0, &body)
}

/// Rounds by the weight that they have for what ships.
pub(super) fn weights(report: &Report) -> String {
    let (mut body, mut y) = (String::new(), 18.0);
    let foot =
        "rounds by the weight that they have for what ships: above, their share of the rounds; below, of all weight";
    text(&mut body, 0.0, y, "s", foot);
    y += 14.0;
    let rounds = report.judged.weights.iter().map(|weighed| weighed.rounds).sum::<usize>().max(1);
    let bins: Vec<_> = report.judged.weights.iter().enumerate().collect();
    for (number, weighed) in bins.iter().filter(|(_, weighed)| weighed.rounds > 0) {
        let to = report
            .judged
            .weights
            .get(number + 1)
            .map_or_else(|| "and more".to_owned(), |next| format!("to {}", next.from));
        text(&mut body, 14.0, y + 16.0, "", &format!("{} {to}", weighed.from));
        let share = weighed.rounds as f64 / rounds as f64;
        let told = format!("{} rounds, {:.1}%", grouped(weighed.rounds as u64), share * 100.0);
        bar(&mut body, "bar other", y + 2.0, share, &told);
        bar(&mut body, "bar", y + 16.0, weighed.share, &format!("{:.1}% of all weight", weighed.share * 100.0));
        y += 38.0;
    }
    within("How much of the log speaks of it", WIDTH, y + 6.0, &body)
}

/// What was said against what came, in tenths of the rounds.
pub(super) fn reliability(report: &Report) -> String {
    const SQUARE: f64 = 330.0;
    const TOP: f64 = 34.0;
    const START: f64 = 60.0;
    let bins = &report.judged.reliability.bins;
    // Answers lie closer together than the intervals of rates reach, so each axis has its own end.
    let end = |most: f64| {
        let step = if most > 0.1 { 0.1 } else { 0.002 };
        ((most / step).ceil() * step).clamp(step, 1.0)
    };
    let (wide, high) =
        bins.iter().fold((0.0_f64, 0.0_f64), |(said, high), bin| (said.max(bin.said), high.max(bin.high)));
    let (wide, high) = (end(wide), end(high));
    let (across, up) = (|value: f64| START + value / wide * SQUARE, |value: f64| TOP + SQUARE - value / high * SQUARE);
    let mut body = String::new();
    text(
        &mut body,
        0.0,
        18.0,
        "s",
        "across: what the model said, in tenths of the rounds that judge; up: how often it came, 95% interval",
    );
    line(&mut body, "axis", (START, TOP + SQUARE), (START + SQUARE, TOP + SQUARE));
    line(&mut body, "axis", (START, TOP), (START, TOP + SQUARE));
    let meet = wide.min(high);
    line(&mut body, "middle", (START, TOP + SQUARE), (across(meet), up(meet)));
    for quarter in 0..=4 {
        let part = f64::from(quarter) / 4.0;
        text(&mut body, across(part * wide) - 14.0, TOP + SQUARE + 18.0, "s", &percent(part * wide));
        text(&mut body, 6.0, up(part * high) + 4.0, "s", &percent(part * high));
    }
    text(&mut body, START + SQUARE + 24.0, TOP + 20.0, "s", "on the dashed line what was said is what came");
    for bin in bins {
        let x = across(bin.said);
        line(&mut body, "ci thin", (x, up(bin.low)), (x, up(bin.high)));
        let told = format!("{} rounds: said {}, came {}", bin.rows, percent(bin.said), percent(bin.did));
        let _ = writeln!(
            body,
            "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{:.1}\" r=\"4\"><title>{}</title></circle>",
            up(bin.did),
            escape(&told)
        );
    }
    within("Is a probability what comes?", WIDTH, TOP + SQUARE + 28.0, &body)
}

/// How often each candidate is shown.
pub(super) fn shown(report: &Report) -> String {
    let (mut body, mut y) = (String::new(), 18.0);
    let foot = "share of the decisions: grey as logged, blue as shipped; outcomes in the half that was learned from + the half that judges";
    text(&mut body, 0.0, y, "s", foot);
    y += 10.0;
    let most = report.judged.shown.iter().map(|shown| shown.policy.max(shown.logged)).fold(f64::MIN_POSITIVE, f64::max);
    for shown in report.judged.shown.iter().take(MOST) {
        let name: String = shown.action.chars().take(28).collect();
        text(&mut body, 14.0, y + 16.0, "", &name);
        rect(&mut body, "bar other", LEFT, y + 3.0, shown.logged / most * REACH * 0.7, 7.0, "");
        let width = shown.policy / most * REACH * 0.7;
        rect(&mut body, "bar", LEFT, y + 12.0, width, 7.0, "");
        let beside = LEFT + width.max(shown.logged / most * REACH * 0.7) + 8.0;
        let told = format!(
            "{} → {}, outcomes {} + {}",
            percent(shown.logged),
            percent(shown.policy),
            shown.learned,
            shown.judged
        );
        text(&mut body, beside, y + 16.0, "s", &told);
        y += ROW + 2.0;
    }
    let rest = report.judged.shown.len().saturating_sub(MOST);
    if rest > 0 {
        text(&mut body, 14.0, y + 16.0, "s", &format!("and {rest} more, each no more often than these"));
        y += ROW;
    }
    within("What is shown how often", WIDTH, y + 8.0, &body)
}

/// Log loss by the number of trees, less that of the rate.
pub(super) fn losses(report: &Report) -> String {
    const HIGH: f64 = 180.0;
    const TOP: f64 = 34.0;
    let losses = &report.model.losses;
    let first = losses.first().copied().unwrap_or_default();
    let moved: Vec<f64> = losses.iter().map(|loss| loss - first).collect();
    let (low, high) = moved.iter().fold((0.0_f64, 0.0_f64), |(low, high), moved| (low.min(*moved), high.max(*moved)));
    let span = (high - low).max(1e-12);
    let last = (losses.len().saturating_sub(1)).max(1) as f64;
    let (across, up) =
        (|tree: usize| LEFT + tree as f64 / last * REACH, |moved: f64| TOP + (high - moved) / span * HIGH);
    let mut body = String::new();
    text(
        &mut body,
        0.0,
        18.0,
        "s",
        "log loss on rounds that a tree has not seen, less that of always saying the rate, by the number of trees: lower is better",
    );
    line(&mut body, "middle", (LEFT, up(0.0)), (LEFT + REACH, up(0.0)));
    text(&mut body, 14.0, up(0.0) + 4.0, "s", "always saying the rate");
    let points: Vec<String> =
        moved.iter().enumerate().map(|(tree, moved)| format!("{:.1},{:.1}", across(tree), up(*moved))).collect();
    let _ = writeln!(body, "<polyline class=\"curve\" points=\"{}\"/>", points.join(" "));
    let best = report.model.best;
    let (x, y) = (across(best), up(moved.get(best).copied().unwrap_or_default()));
    let _ = writeln!(body, "<circle class=\"best\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"/>");
    text(&mut body, (x + 10.0).min(LEFT + REACH - 60.0), y + 18.0, "", &format!("{best} trees"));
    for quarter in 0..=4 {
        let tree = (last * f64::from(quarter) / 4.0).round() as usize;
        text(&mut body, across(tree) - 8.0, TOP + HIGH + 38.0, "s", &tree.to_string());
    }
    within("How many trees", WIDTH, TOP + HIGH + 46.0, &body)
}

/// Where the bytes of the bundle are.
pub(super) fn bytes(report: &Report) -> String {
    let (mut body, mut y) = (String::new(), 6.0);
    let whole = report.device.bundle_bytes.max(1) as f64;
    let rest = ("the whole bundle", report.device.bundle_bytes, report.device.bundle_brotli);
    let parts = report.device.parts.iter().map(|part| (part.what, part.bytes, part.brotli));
    for (what, bytes, brotli) in [rest].into_iter().chain(parts) {
        text(&mut body, 14.0, y + 16.0, "", what);
        bar(&mut body, "bar other", y + 2.0, bytes as f64 / whole, &format!("{} bytes", grouped(bytes as u64)));
        bar(&mut body, "bar", y + 16.0, brotli as f64 / whole, &format!("{} after brotli", grouped(brotli as u64)));
        y += 38.0;
    }
    within("What it takes", WIDTH, y + 6.0, &body)
}

/// A value as outcomes of a hundred decisions.
fn told(value: &Value) -> String {
    match (value.value, value.from, value.to) {
        (Some(value), Some(from), Some(to)) => format!("{} ({} to {})", percent(value), percent(from), percent(to)),
        (Some(value), ..) => percent(value),
        (None, ..) => "nothing to go by".to_owned(),
    }
}

/// A rate as percents, with as many digits as small ones need.
pub(super) fn percent(rate: f64) -> String {
    let percents = rate * 100.0;
    if percents != 0.0 && percents.abs() < 10.0 { format!("{percents:.2}%") } else { format!("{percents:.0}%") }
}

/// A bar of a share, with words behind it.
fn bar(body: &mut String, class: &str, y: f64, share: f64, told: &str) {
    let width = share * REACH * 0.7;
    rect(body, class, LEFT, y, width, 10.0, "");
    text(body, LEFT + width + 8.0, y + 10.0, "s", told);
}

fn rect(body: &mut String, class: &str, x: f64, y: f64, width: f64, height: f64, told: &str) {
    let width = width.max(0.5);
    let _ = writeln!(
        body,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\">{}</rect>",
        if told.is_empty() { String::new() } else { format!("<title>{}</title>", escape(told)) }
    );
}

fn line(body: &mut String, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let _ = writeln!(body, "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>");
}
