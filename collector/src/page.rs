//! The page that shows the counts: HTML from the server, one stylesheet, one small script that refreshes the numbers.
//!
//! It works under the strict policy that every answer carries: nothing is inline, bars are SVG with widths as attributes, and
//! the script only sets text and attributes. Without script it is the same page, standing still.

use std::fmt::Write as _;

use crate::counts::{Campaign, Counts};

/// The page's stylesheet.
pub const STYLE: &str = include_str!("../assets/style.css");

/// The page's script.
pub const SCRIPT: &str = include_str!("../assets/live.js");

/// What the page shows besides the counts.
pub struct Now {
    /// Jobs that wait for the writer.
    pub queue: u64,
    /// Repeats answered since the process started.
    pub duplicates: u64,
    /// Requests refused for good since the process started.
    pub refused: u64,
    /// Hash and version of the bundle that is served.
    pub bundle: Option<(String, u64)>,
}

/// The sums at the top: name in the store, label, and what it means.
const SUMS: [(&str, &str, &str); 6] = [
    ("syncs", "Syncs", "messages stored"),
    ("visitors", "Visitors", "browsers seen"),
    ("decisions", "Decisions", "chosen on the device"),
    ("exposures", "Exposures", "really seen"),
    ("clicks", "Clicks", "on what was shown"),
    ("outcomes", "Outcomes", "clicks included"),
];

/// The whole page.
#[must_use]
pub fn render(counts: &Counts, now: &Now) -> String {
    let mut out = String::with_capacity(16 * 1024);
    write(&mut out, counts, now).ok();
    out
}

/// Writing into a string cannot fail; the result only lets `?` stand in for it.
fn write(out: &mut String, counts: &Counts, now: &Now) -> std::fmt::Result {
    let bundle = now.bundle.as_ref().map_or_else(
        || "no bundle served here".to_owned(),
        |(hash, version)| format!("bundle version {version} · {hash}"),
    );
    write!(
        out,
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Petit Four · collector</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/collector/style.css">
<script src="/collector/live.js" defer></script>
</head>
<body>
<header>
<p class="brand">Petit Four</p>
<h1>What the devices chose to tell</h1>
<p class="quiet">since {since} UTC · {bundle} · <span id="state">as of this page</span></p>
</header>
<main>
<section class="sums" aria-label="Sums">
"#,
        since = escape(&counts.since_text),
        bundle = escape(&bundle),
    )?;
    for (name, label, meaning) in SUMS {
        let value = grouped(counts.total(name));
        writeln!(
            out,
            r#"<div class="sum"><span class="label">{label}</span><strong data-total="{name}">{value}</strong><span class="quiet">{meaning}</span></div>"#
        )?;
    }
    out.push_str("</section>\n");
    campaigns(out, counts)?;
    reasons(out, counts)?;
    write!(
        out,
        r#"<section>
<h2>This process</h2>
<p class="facts"><span><strong data-now="queue">{}</strong> waiting for the disk</span>
<span><strong data-now="duplicates">{}</strong> repeats answered, counted once</span>
<span><strong data-now="refused">{}</strong> refused</span>
<span><strong data-total="dropped">{}</strong> entries dropped on devices</span></p>
</section>
</main>
<footer class="quiet"><a href="/v1/counts">counts as JSON</a> · <a href="/metrics">metrics</a> · <a href="/health">health</a> · <a href="/ready">ready</a></footer>
</body>
</html>
"#,
        grouped(now.queue.cast_signed()),
        grouped(now.duplicates.cast_signed()),
        grouped(now.refused.cast_signed()),
        grouped(counts.total("dropped")),
    )
}

fn campaigns(out: &mut String, counts: &Counts) -> std::fmt::Result {
    out.push_str("<section>\n<h2>Campaigns</h2>\n");
    if counts.campaigns.is_empty() {
        out.push_str("<p class=\"quiet\">Nothing yet. Open a page that runs the engine, permit measuring, and look again.</p>\n</section>\n");
        return Ok(());
    }
    out.push_str(
        "<p class=\"legend quiet\"><span class=\"key chosen\"></span>chosen <span class=\"key seen\"></span>seen \
         <span class=\"key clicked\"></span>clicked</p>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Campaign</th>\
         <th scope=\"col\" class=\"bars\"><span class=\"hidden\">Picture</span></th><th scope=\"col\">Decisions</th>\
         <th scope=\"col\">Exposures</th><th scope=\"col\">Clicks</th><th scope=\"col\">Click rate</th>\
         <th scope=\"col\">Outcomes</th><th scope=\"col\">Withheld</th></tr></thead>\n<tbody>\n",
    );
    let most = counts.campaigns.iter().map(|row| row.decisions).max().unwrap_or_default();
    for row in &counts.campaigns {
        let Campaign { key, name, .. } = row;
        write!(out, r#"<tr data-campaign="{}"><th scope="row">{}</th><td class="bars">"#, escape(key), escape(name))?;
        out.push_str(r#"<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">"#);
        for (class, field, value) in [
            ("chosen", "decisions", row.decisions),
            ("seen", "exposures", row.exposures),
            ("clicked", "clicks", row.clicks),
        ] {
            let width = share(value, most);
            write!(out, r#"<rect class="{class}" data-bar="{field}" width="{width:.2}" height="10"/>"#)?;
        }
        out.push_str("</svg></td>");
        cell(out, "decisions", &grouped(row.decisions))?;
        cell(out, "exposures", &grouped(row.exposures))?;
        cell(out, "clicks", &grouped(row.clicks))?;
        cell(out, "rate", &rate(row.clicks, row.exposures))?;
        cell(out, "outcomes", &grouped(row.outcomes))?;
        cell(out, "withheld", &grouped(row.withheld))?;
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n</section>\n");
    Ok(())
}

fn reasons(out: &mut String, counts: &Counts) -> std::fmt::Result {
    out.push_str("<section>\n<h2>Why the decisions ended as they did</h2>\n");
    if counts.reasons.is_empty() {
        out.push_str("<p class=\"quiet\">Nothing yet.</p>\n");
    } else {
        out.push_str("<div class=\"wide\"><table class=\"reasons\">\n<tbody>\n");
        let most = counts.reasons.iter().map(|row| row.decisions).max().unwrap_or_default();
        for row in &counts.reasons {
            write!(
                out,
                r#"<tr data-reason="{}"><th scope="row">{}</th><td class="bars">"#,
                row.code,
                escape(&row.name.replace('_', " "))
            )?;
            let width = share(row.decisions, most);
            write!(
                out,
                r#"<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="seen" data-bar="decisions" width="{width:.2}" height="10"/></svg></td>"#
            )?;
            cell(out, "decisions", &grouped(row.decisions))?;
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody>\n</table></div>\n");
    }
    out.push_str("</section>\n");
    Ok(())
}

fn cell(out: &mut String, field: &str, value: &str) -> std::fmt::Result {
    // A phone has no room for the table's head: there each number carries its label.
    let label = if field == "rate" { "click rate" } else { field };
    write!(out, r#"<td data-field="{field}" data-label="{label}">{value}</td>"#)
}

/// `value` as a share of `most`, 0 to 100.
fn share(value: i64, most: i64) -> f64 {
    if most > 0 { value.max(0) as f64 / most as f64 * 100.0 } else { 0.0 }
}

fn rate(clicks: i64, exposures: i64) -> String {
    if exposures > 0 { format!("{:.1} %", clicks as f64 / exposures as f64 * 100.0) } else { "–".to_owned() }
}

/// 1234567 as 1,234,567.
fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0 {
        out.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Names come from a bundle, which somebody wrote: they are text, never markup.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_markup_stays_text() {
        let campaign = Campaign { name: "<script>\"&'".into(), key: "00000001".into(), ..Campaign::default() };
        let counts = Counts { campaigns: vec![campaign], ..Counts::default() };
        let page = render(&counts, &Now { queue: 0, duplicates: 0, refused: 0, bundle: None });
        assert!(page.contains("&lt;script&gt;&quot;&amp;&#39;"));
        assert!(!page.contains("<script>"));
    }

    #[test]
    fn nothing_on_the_page_is_inline() {
        let page = render(&Counts::default(), &Now { queue: 0, duplicates: 0, refused: 0, bundle: None });
        assert!(!page.contains("style=") && !page.contains("<style"), "{page}");
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let texts = [0, 999, 1_000, 1_234_567, -1_000].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567", "-1,000"]);
    }
}
