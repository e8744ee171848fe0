//! Pictures of a model card: is an answer a probability, and which columns carry the trees?

use std::fmt::Write as _;

use super::card::Card;
use crate::picture::{MARGIN, escape, frame, text};

/// The square in which calibration is drawn.
const SQUARE: f64 = 360.0;
/// Room for numbers beside it.
const AXIS: f64 = 44.0;
/// Columns of which the gain is drawn.
const BARS: usize = 20;
const ROW: f64 = 22.0;
const NAMES: f64 = 200.0;
const WIDEST: f64 = 300.0;

const STYLE: &str = "rect{fill:#4a6fa5}rect.leak{fill:#b5563c}rect.plot{fill:none;stroke:#8a8f98}line{stroke:#8a8f98}\
line.even{stroke-dasharray:4 4}line.range{stroke:#4a6fa5;stroke-width:2}circle{fill:#4a6fa5}";

/// Answers against rates, with the intervals of the rates; on the dashed line an answer is what it says.
pub(super) fn calibration(card: &Card) -> String {
    let bins = card.calibration();
    let most = bins.iter().flat_map(|bin| [bin.said, bin.high]).fold(0.0, f64::max);
    // The next tenth, or hundredth of small rates.
    let step = if most > 0.1 { 0.1 } else { 0.01 };
    let end = ((most / step).ceil() * step).clamp(step, 1.0);
    let (left, top) = (MARGIN + AXIS, MARGIN * 2.0 + 8.0);
    let floor = top + SQUARE;
    let across = |value: f64| left + value / end * SQUARE;
    let up = |value: f64| floor - value / end * SQUARE;
    let mut body = String::new();
    let title = format!("{} = {}: what was said, and what was", card.target, card.positive);
    text(&mut body, MARGIN, MARGIN, "t", &title);
    let _ = writeln!(
        body,
        "<rect class=\"plot\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{SQUARE:.1}\" height=\"{SQUARE:.1}\"/>"
    );
    let _ = writeln!(
        body,
        "<line class=\"even\" x1=\"{left:.1}\" y1=\"{floor:.1}\" x2=\"{:.1}\" y2=\"{top:.1}\"/>",
        across(end)
    );
    for fifth in 0..=5 {
        let value = end * f64::from(fifth) / 5.0;
        text(&mut body, across(value) - 10.0, floor + 16.0, "s", &format!("{value:.2}"));
        text(&mut body, MARGIN, up(value) + 4.0, "s", &format!("{value:.2}"));
    }
    for bin in bins {
        let told =
            format!("{} rows: said {:.3}, did {:.3} ({:.3} to {:.3})", bin.rows, bin.said, bin.did, bin.low, bin.high);
        let x = across(bin.said);
        let _ = writeln!(
            body,
            "<line class=\"range\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
            up(bin.low),
            up(bin.high)
        );
        let _ = writeln!(
            body,
            "<circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"4\"><title>{}</title></circle>",
            up(bin.did),
            escape(&told)
        );
    }
    let foot = "across: mean answer of a tenth of the rows held out; up: share that did, 95% interval";
    text(&mut body, MARGIN, floor + 40.0, "s", foot);
    frame(&title, STYLE, left + SQUARE + 120.0, floor + 40.0 + MARGIN, &body)
}

/// The gain of each column; those that may know too much in another colour.
pub(super) fn gain(card: &Card) -> String {
    let mut body = String::new();
    let title = format!("What the trees ask of {} = {}", card.target, card.positive);
    text(&mut body, MARGIN, MARGIN, "t", &title);
    let most = card.columns.first().map_or(1.0, |asked| asked.gain).max(f64::MIN_POSITIVE);
    let mut y = MARGIN * 2.0;
    for asked in card.columns.iter().take(BARS) {
        let name: String = asked.name.chars().take(28).collect();
        text(&mut body, MARGIN, y + 12.0, "", &name);
        let class = if card.leaks.iter().any(|leak| leak.name == asked.name) { "leak" } else { "" };
        let width = asked.gain / most * WIDEST;
        let _ = writeln!(
            body,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
            MARGIN + NAMES,
            ROW - 6.0
        );
        let told = format!("{:.1}%, alone {:.3}", asked.gain * 100.0, asked.alone);
        text(&mut body, MARGIN + NAMES + width + 8.0, y + 12.0, "s", &told);
        y += ROW;
    }
    text(
        &mut body,
        MARGIN,
        y + 16.0,
        "s",
        "share of the gain; AUC of the column alone; red: may know what it is to tell",
    );
    frame(&title, STYLE, MARGIN * 2.0 + NAMES + WIDEST + 120.0, y + 16.0 + MARGIN, &body)
}
