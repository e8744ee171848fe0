//! What every page is made of: text that can only be text, numbers and times as people read them, and the sheet around it all.
//!
//! Invariant: what came from outside reaches a page through [`Text`] alone, also inside attributes, so no name of an event, a
//! source or a segment ever becomes markup. Nothing is inline: pictures are SVG whose sizes are attributes.

use std::fmt::{self, Display, Formatter, Write as _};

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};

use crate::access::{Role, Way, Who, gate::may};

/// Ms of a minute, an hour, a day.
pub const MINUTE: i64 = 60_000;
/// See [`MINUTE`].
pub const HOUR: i64 = 60 * MINUTE;
/// See [`MINUTE`].
pub const DAY: i64 = 24 * HOUR;

/// Text that somebody else wrote, wherever it stands on a page.
#[derive(Debug, Clone, Copy)]
pub struct Text<'t>(pub &'t str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Nothing that turns the direction of what stands beside it, and nothing unseen.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => f.write_char('\u{fffd}')?,
                other if other.is_control() && other != '\n' && other != '\t' => f.write_char('\u{fffd}')?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// A page of the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Here {
    /// What comes in, and who is known.
    Overview,
    /// What campaigns did.
    Campaigns,
    /// Who is in which segment.
    Segments,
    /// Business facts and their age.
    Feeds,
    /// What could not be read.
    Letters,
    /// What was handed over.
    Deliveries,
    /// Somebody.
    Person,
    /// Who may look.
    Access,
    /// Outside.
    Door,
}

/// Page, address, name, and who sees it in the list.
const PLACES: [(Here, &str, &str, Role); 8] = [
    (Here::Overview, "/collector", "Overview", Role::Viewer),
    (Here::Campaigns, "/collector/campaigns", "Campaigns", Role::Viewer),
    (Here::Segments, "/collector/segments", "Segments", Role::Viewer),
    (Here::Feeds, "/collector/feeds", "Feeds", Role::Viewer),
    (Here::Letters, "/collector/letters", "Letters", Role::Viewer),
    (Here::Deliveries, "/collector/deliveries", "Deliveries", Role::Viewer),
    (Here::Person, "/collector/person", "Person", Role::Viewer),
    (Here::Access, "/collector/access", "Access", Role::Admin),
];

/// What stands around a page.
pub struct Sheet<'s> {
    /// Which page.
    pub here: Here,
    /// Its heading.
    pub title: &'s str,
    /// One sentence below it, escaped already.
    pub lead: &'s str,
    /// Who looks.
    pub who: &'s Who,
}

impl Sheet<'_> {
    /// The whole page around its main part.
    #[must_use]
    pub fn around(&self, main: &str) -> Response {
        self.with(StatusCode::OK, main)
    }

    /// The same under another status.
    #[must_use]
    pub fn with(&self, status: StatusCode, main: &str) -> Response {
        let mut out = String::with_capacity(main.len() + 4 * 1024);
        // Writing into a string cannot fail.
        self.write(&mut out, main).ok();
        (status, Html(out)).into_response()
    }

    fn write(&self, out: &mut String, main: &str) -> fmt::Result {
        let Self { here, title, lead, who } = self;
        write!(
            out,
            r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Petit Four</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/collector/style.css">
<script src="/collector/live.js" defer></script>
</head>
<body>
<a class="skip" href="#main">To the page</a>
<header class="top">
<p class="brand">Petit Four</p>
"##,
            title = Text(title),
        )?;
        if *here != Here::Door {
            out.push_str("<nav aria-label=\"Pages\"><ul>\n");
            for (place, address, name, role) in PLACES {
                if may(who, role) {
                    let current = if place == *here { " aria-current=\"page\"" } else { "" };
                    writeln!(out, r#"<li><a href="{address}"{current}>{name}</a></li>"#)?;
                }
            }
            out.push_str("</ul></nav>\n");
            write!(out, r#"<div class="who"><span>{}</span>"#, Text(&who.name))?;
            if let Some(role) = who.role.filter(|_| who.way != Way::Open) {
                write!(out, r#" <span class="tag">{}</span>"#, role.text())?;
            }
            if matches!(who.way, Way::Cookie(_)) {
                out.push_str(
                    "<form method=\"post\" action=\"/collector/logout\"><button class=\"plain\">Leave</button></form>",
                );
            }
            out.push_str("</div>\n");
        }
        write!(
            out,
            "</header>\n<main id=\"main\" tabindex=\"-1\">\n<div class=\"heading\"><h1>{}</h1>\n<p class=\"lead\">{lead}</p></div>\n{main}</main>\n",
            Text(title)
        )?;
        if *here != Here::Door {
            out.push_str(
                "<footer><p>Times are UTC. <span id=\"state\">As of when this page was opened.</span></p>\
                 <p><a href=\"/v1/counts\">counts</a> <a href=\"/v1/lift\">lift</a> <a href=\"/metrics\">metrics</a> \
                 <a href=\"/health\">health</a> <a href=\"/ready\">ready</a></p></footer>\n",
            );
        }
        out.push_str("</body>\n</html>\n");
        Ok(())
    }
}

/// 1234567 as 1,234,567.
#[must_use]
pub fn grouped(value: i64) -> String {
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

/// `part` of `whole` in percent, with one decimal; a dash of nothing.
#[must_use]
pub fn percent(part: i64, whole: i64) -> String {
    if whole > 0 { format!("{:.1} %", part as f64 / whole as f64 * 100.0) } else { "–".to_owned() }
}

/// `value` as a share of `most`, 0 to 100.
#[must_use]
pub fn share(value: i64, most: i64) -> f64 {
    if most > 0 { value.max(0) as f64 / most as f64 * 100.0 } else { 0.0 }
}

/// A time as people read it: `26 Nov 02:13`, with the year when it is another.
#[must_use]
pub fn time(at: i64, now: i64) -> String {
    let Ok(moment) = jiff::Timestamp::from_millisecond(at) else { return "?".to_owned() };
    let near = (now - at).abs() < 300 * DAY;
    moment.strftime(if near { "%e %b %H:%M" } else { "%e %b %Y" }).to_string().trim().to_owned()
}

/// How long ago: `12 s`, `5 min`, `3 h`, `2 days`.
#[must_use]
pub fn ago(at: i64, now: i64) -> String {
    span(now.saturating_sub(at))
}

/// A length of time in its largest unit.
#[must_use]
pub fn span(ms: i64) -> String {
    match ms.max(0) {
        ms if ms < MINUTE => format!("{} s", ms / 1_000),
        ms if ms < HOUR => format!("{} min", ms / MINUTE),
        ms if ms < 2 * DAY => format!("{} h", ms / HOUR),
        ms => format!("{} days", ms / DAY),
    }
}

/// What a page says where there is nothing yet.
#[must_use]
pub fn nothing(text: &str) -> String {
    format!("<p class=\"nothing\">{text}</p>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_stays_text() {
        let hostile = "<script>alert(1)</script>\" onload='x' &amp;\u{202e}\0";
        let text = Text(hostile).to_string();
        assert!(!text.contains(['<', '>', '"', '\'', '\u{202e}', '\0']), "{text}");
        assert!(text.contains("&lt;script&gt;") && text.contains("&amp;amp;"));
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let texts = [0, 999, 1_000, 1_234_567, -1_000].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567", "-1,000"]);
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let texts = [999, 61_000, 3 * HOUR, 47 * HOUR, 9 * DAY, -5].map(span);
        assert_eq!(texts, ["0 s", "1 min", "3 h", "47 h", "9 days", "0 s"]);
    }
}
