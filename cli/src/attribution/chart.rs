//! Credits as a picture: for each channel a bar for each rule, and what the holdout says as a line with its interval over them.

use std::fmt::Write as _;

use super::report::{CAUTION, Report, amount};
use crate::picture::{MARGIN, escape, frame, text};
use crate::simulate::summary::grouped;

const WIDTH: f64 = 760.0;
/// Where bars may begin, and end.
const LEFT: f64 = 170.0;
const RIGHT: f64 = 660.0;
const BAR: f64 = 11.0;
/// Between two channels.
const GAP: f64 = 14.0;
/// Channels that are drawn: those with most. A picture of hundreds tells nobody anything.
const MOST: usize = 30;

const STYLE: &str = "line{stroke:#8a8f98}line.caused{stroke:#222;stroke-width:2}circle{fill:#222}\
@media(prefers-color-scheme:dark){circle{fill:#eee}line.caused{stroke:#eee}}";

/// Draws it as SVG.
pub(super) fn draw(report: &Report) -> String {
    let mut body = String::new();
    let title = format!("{}: {} outcomes by rule", name(report), grouped(report.outcomes.round() as u64));
    text(&mut body, MARGIN, MARGIN + 8.0, "t", &title);
    let mut y = legend(&mut body, report, MARGIN + 24.0);
    let drawn = report.channels.iter().take(MOST);
    let credits = report.rules.iter().flat_map(|column| column.outcomes.iter().take(MOST));
    let caused = drawn.clone().filter_map(|channel| report.caused(channel)).flatten();
    let (least, most) = credits
        .copied()
        .chain(caused)
        .fold((0.0_f64, 1e-9_f64), |(least, most), number| (least.min(number), most.max(number)));
    let place = |number: f64| LEFT + (number - least) / (most - least) * (RIGHT - LEFT);
    let first = y;
    for (row, channel) in drawn.enumerate() {
        let top = y;
        for column in &report.rules {
            let (credit, colour) = (column.outcomes.get(row).copied().unwrap_or_default(), colour(&column.rule));
            let (from, to) = (place(credit.min(0.0)), place(credit.max(0.0)));
            let told = escape(&format!("{channel}, {}: {}", column.rule, amount(credit)));
            let _ = writeln!(
                body,
                "<rect fill=\"{colour}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{told}</title></rect>",
                (to - from).max(0.5),
                BAR - 1.0
            );
            text(&mut body, to + 4.0, y + BAR - 2.0, "n", &amount(credit));
            y += BAR;
        }
        let middle = f64::midpoint(top, y);
        text(&mut body, MARGIN, middle + 4.0, "", &channel.chars().take(22).collect::<String>());
        if let Some([caused, from, to]) = report.caused(channel) {
            y += 5.0;
            let told =
                escape(&format!("{channel}: the holdout says {} ({} to {})", amount(caused), amount(from), amount(to)));
            let _ = writeln!(
                body,
                "<line class=\"caused\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"><title>{told}</title></line>\n\
                 <circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4\"><title>{told}</title></circle>",
                place(from),
                place(to),
                place(caused)
            );
        }
        y += GAP;
    }
    let zero = place(0.0);
    let _ = writeln!(body, "<line x1=\"{zero:.1}\" x2=\"{zero:.1}\" y1=\"{first:.1}\" y2=\"{y:.1}\"/>");
    let more = report.channels.len().saturating_sub(MOST);
    if more > 0 {
        y += 16.0;
        text(&mut body, MARGIN, y, "s", &format!("{more} channels with less are not drawn."));
    }
    for line in CAUTION.split_inclusive("them, ") {
        y += 16.0;
        text(&mut body, MARGIN, y, "s", line.trim());
    }
    let style = format!("{STYLE}.n{{font-size:9px;fill:#666}}");
    frame(&title, &style, WIDTH, y + MARGIN, &body)
}

/// Which colour is which rule; where bars begin.
fn legend(body: &mut String, report: &Report, top: f64) -> f64 {
    let (mut x, mut y) = (MARGIN, top);
    for column in &report.rules {
        let colour = colour(&column.rule);
        let wide = 24.0 + column.rule.chars().count() as f64 * 7.5;
        if x + wide > WIDTH - MARGIN {
            (x, y) = (MARGIN, y + 18.0);
        }
        let _ = writeln!(body, "<rect fill=\"{colour}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"10\" height=\"10\"/>");
        text(body, x + 14.0, y + 9.0, "", &column.rule);
        x += wide;
    }
    if report.holdout.iter().any(|beside| beside.caused.is_some()) {
        y += 18.0;
        let _ = writeln!(body, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"/>", MARGIN + 5.0, y + 5.0);
        text(body, MARGIN + 14.0, y + 9.0, "", "what the holdout says it caused, 95% interval");
    }
    y + 28.0
}

/// The same colour for a rule in every picture; legible on white and on black.
fn colour(rule: &str) -> &'static str {
    match rule {
        "first" => "#4a6fa5",
        "last" => "#3c8d5a",
        "last-non-direct" => "#7fb069",
        "linear" => "#b5563c",
        "position" => "#e0b04a",
        "time-decay" => "#8c6bb1",
        "shapley" => "#c9699b",
        "shapley-rate" => "#8a8f98",
        // A chain of any order.
        _ => "#2a9d9d",
    }
}

/// The file without its folders.
fn name(report: &Report) -> &str {
    report.file.rsplit(['/', '\\']).next().unwrap_or(&report.file)
}

/// Draws it as a page that stands alone, with the table under the picture.
pub(super) fn page(report: &Report) -> String {
    let mut rows = String::new();
    let heads: String = report.rules.iter().map(|column| format!("<th scope=\"col\">{}</th>", column.rule)).collect();
    for (row, channel) in report.channels.iter().enumerate() {
        let credits = report.rules.iter().map(|column| column.outcomes.get(row).copied().unwrap_or_default());
        let cells: String = credits.map(|credit| format!("<td>{}</td>", amount(credit))).collect();
        let _ = writeln!(rows, "<tr><th scope=\"row\">{}</th>{cells}</tr>", escape(channel));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{}</title>\n<style>:root{{color-scheme:light dark}}body{{font:14px system-ui,sans-serif;max-width:60rem;margin:2rem auto}}\
         td,th{{text-align:right;padding:.1rem .5rem}}th[scope=row]{{text-align:left}}table{{font-variant-numeric:tabular-nums}}</style>\n\
         {}<table><caption>Outcomes</caption>\n<tr><td></td>{heads}</tr>\n{rows}</table></html>\n",
        escape(name(report)),
        draw(report)
    )
}
