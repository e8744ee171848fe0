//! Qini curves: what is gained by treating a share of the rows, those first that should gain most, with its interval and the line of chance.

use std::fmt::Write as _;

use petitfour_uplift::Ranking;

use super::report::Report;
use crate::picture::{MARGIN, frame, text};
use crate::simulate::summary::grouped;

const WIDTH: f64 = 640.0;
/// The panels' drawing area: left of it stand numbers.
const LEFT: f64 = 84.0;
const RIGHT: f64 = WIDTH - MARGIN;
const HEIGHT: f64 = 260.0;

const STYLE: &str = ".e{text-anchor:end}.m{text-anchor:middle}polyline{fill:none;stroke:#4a6fa5;stroke-width:2}polygon{fill:#4a6fa5;fill-opacity:.18}\
line{stroke:#c9ccd1}line.chance{stroke:#b5563c;stroke-dasharray:6 4;stroke-width:2}@media(prefers-color-scheme:dark){line{stroke:#3a3f47}}";

/// Draws it.
pub(super) fn draw(report: &Report) -> String {
    let mut body = String::new();
    let file = report.trial.rsplit(['/', '\\']).next().unwrap_or_default();
    let told = format!("{file}: {} rows, outcome {}", grouped(report.rows as u64), report.outcome);
    let mut y = MARGIN;
    text(&mut body, MARGIN, y, "t", &told);
    y += 20.0;
    let line = format!(
        "{}, mean of {} halves held out, with 95% interval; dashed: treated in any order",
        report.learner(),
        report.settings.splits
    );
    text(&mut body, MARGIN, y, "s", &line);
    y += MARGIN;
    for ranking in &report.rankings {
        y = panel(&mut body, report, ranking, y);
    }
    frame(&told, STYLE, WIDTH, y, &body)
}

/// One arm from `top` on; where it ends.
fn panel(body: &mut String, report: &Report, ranking: &Ranking, top: f64) -> f64 {
    text(body, MARGIN, top + 12.0, "t", &format!("{} against {}", report.arm(ranking.arm), report.arm(0)));
    let qini = &ranking.qini;
    let line =
        format!("Qini {:+.5} ({:+.5} to {:+.5}): {}", qini.value, qini.from, qini.to, Report::told_apart(ranking));
    text(body, MARGIN, top + 30.0, "s", &line);
    let (ceiling, floor) = (top + 44.0, top + 44.0 + HEIGHT);
    let ends = ranking.curve.iter().flat_map(|band| [band.gain.from, band.gain.to]);
    let (least, most) = ends.fold((0.0_f64, 0.0_f64), |(least, most), end| (least.min(end), most.max(end)));
    let reach = (most - least).max(f64::MIN_POSITIVE);
    let across = |share: f64| LEFT + share * (RIGHT - LEFT);
    let up = |gain: f64| floor - (gain - least) / reach * (floor - ceiling);
    for gain in [least, 0.0, most] {
        // Numbers that are near zero would stand on it.
        if gain == 0.0 || gain.abs() > reach / 12.0 {
            let _ = writeln!(body, "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{0:.1}\" y2=\"{0:.1}\"/>", up(gain));
            text(body, LEFT - 6.0, up(gain) + 4.0, "s e", &format!("{gain:.4}"));
        }
    }
    let place = |share: f64, gain: f64| format!("{:.1},{:.1}", across(share), up(gain));
    let above = ranking.curve.iter().map(|band| place(band.share, band.gain.to));
    let below = ranking.curve.iter().rev().map(|band| place(band.share, band.gain.from));
    let band: Vec<String> = above.chain(below).collect();
    let curve: Vec<String> = ranking.curve.iter().map(|band| place(band.share, band.gain.value)).collect();
    let _ = writeln!(body, "<polygon points=\"{}\"/>", band.join(" "));
    let _ = writeln!(body, "<polyline points=\"{}\"/>", curve.join(" "));
    let effect = ranking.curve.last().map_or(0.0, |band| band.gain.value);
    let _ = writeln!(
        body,
        "<line class=\"chance\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        across(0.0),
        up(0.0),
        across(1.0),
        up(effect)
    );
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        text(body, across(share), floor + 16.0, "s m", &format!("{:.0}%", share * 100.0));
    }
    let gained = if report.is_rate { "outcomes gained" } else { "amount gained" };
    text(body, LEFT, floor + 34.0, "s", &format!("{gained} for each treated row, by share of rows treated"));
    floor + 34.0 + MARGIN
}
