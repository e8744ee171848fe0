//! Who is in which segment, since when, and what a CRM says of it.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::Arc,
};

use axum::{Extension, extract::State, response::Response};

use super::{
    chart,
    markup::{DAY, Here, Sheet, Text, ago, grouped, nothing, percent, share, time},
    name, names,
};
use crate::{
    access::Who,
    answer::Refusal,
    hex, params,
    site::App,
    sql::{Connection, Result},
    store::now,
};

/// Days of the small picture.
const DAYS: i64 = 14;

/// Joins that are listed.
const JOINS: i64 = 12;

/// One segment over whole persons.
#[derive(Debug, Default)]
struct Segment {
    inside: i64,
    looked: i64,
    last: Option<i64>,
    joins: BTreeMap<i64, i64>,
}

/// What is shown of all of them.
#[derive(Debug, Default)]
pub struct Standings {
    names: BTreeMap<i64, String>,
    segments: BTreeMap<i64, Segment>,
    /// Person, segment, when.
    latest: Vec<([u8; 16], i64, i64)>,
    /// Segment, in, out, the latest word.
    told: Vec<(i64, i64, i64, i64)>,
}

/// The page.
///
/// # Errors
/// When the store cannot be read.
pub async fn page(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
) -> std::result::Result<Response, Refusal> {
    let standings = app.board.segments.of(|| app.reader.run("segments", read)).await?;
    let mut main = String::with_capacity(8 * 1024);
    write(&mut main, &standings, now()).ok();
    let lead = "Segments over whole persons, as the engine found them when it last looked, and those that a CRM or a warehouse says.";
    Ok(Sheet { here: Here::Segments, title: "Segments", lead, who: &who }.around(&main))
}

fn read(connection: &Connection) -> Result<Standings> {
    let mut found = Standings { names: names(connection)?, ..Standings::default() };
    let today = now() / DAY;
    for row in connection.query(
        "SELECT segment, count(*), CAST(sum(inside) AS BIGINT), max(CASE WHEN inside = 1 THEN since END)
         FROM standings GROUP BY segment",
        params![],
    )? {
        let segment = Segment { looked: row.get(1)?, inside: row.get(2)?, last: row.get(3)?, joins: BTreeMap::new() };
        found.segments.insert(row.get(0)?, segment);
    }
    for row in connection.query(
        "SELECT segment, since / 86400000, count(*) FROM standings WHERE inside = 1 AND since >= ?1 GROUP BY segment, since / 86400000",
        params![(today - DAYS + 1) * DAY],
    )? {
        if let Some(segment) = found.segments.get_mut(&row.get(0)?) {
            segment.joins.insert(today - row.get::<i64>(1)?, row.get(2)?);
        }
    }
    for row in connection.query(
        "SELECT i.uid, s.segment, s.since FROM standings s JOIN identifiers i ON i.id = s.person
         WHERE s.inside = 1 ORDER BY s.since DESC, s.person LIMIT ?1",
        params![JOINS],
    )? {
        found.latest.push((row.get(0)?, row.get(1)?, row.get(2)?));
    }
    for row in connection.query(
        "SELECT segment, CAST(sum(inside) AS BIGINT), count(*), max(as_of) FROM memberships GROUP BY segment",
        params![],
    )? {
        let (inside, all): (i64, i64) = (row.get(1)?, row.get(2)?);
        found.told.push((row.get(0)?, inside, all - inside, row.get(3)?));
    }
    Ok(found)
}

fn write(out: &mut String, found: &Standings, now: i64) -> fmt::Result {
    out.push_str("<section class=\"card\" id=\"standings\" data-live aria-labelledby=\"standings-name\">\n<h2 id=\"standings-name\">Over whole persons</h2>\n");
    if found.segments.is_empty() {
        out.push_str(&nothing("None is asked about. Start the collector with <code>--segments</code> and the file that <code>petitfour build --segments</code> writes."));
    } else {
        out.push_str(
            "<div class=\"wide\"><table><caption class=\"hidden\">Members by segment</caption><thead><tr><th scope=\"col\">Segment</th>\
             <th scope=\"col\" class=\"picture\"><span class=\"hidden\">Share of persons</span></th><th scope=\"col\">Members</th>\
             <th scope=\"col\">Of persons</th><th scope=\"col\" class=\"small-picture\">Joined, 14 days</th><th scope=\"col\">Last join</th></tr></thead>\n<tbody>\n",
        );
        for (key, segment) in &found.segments {
            write!(out, "<tr><th scope=\"row\">{}</th><td class=\"picture\">", Text(&name(&found.names, *key)))?;
            chart::bar(out, &[("rose", share(segment.inside, segment.looked))])?;
            write!(
                out,
                "</td><td data-label=\"members\">{}</td><td data-label=\"of persons\">{}</td><td class=\"small-picture\" data-label=\"joined in 14 days\">",
                grouped(segment.inside),
                percent(segment.inside, segment.looked)
            )?;
            let days: Vec<i64> =
                (0..DAYS).rev().map(|day| segment.joins.get(&day).copied().unwrap_or_default()).collect();
            chart::columns(out, &days)?;
            let last = segment.last.map_or_else(|| "–".to_owned(), |at| format!("{} ago", ago(at, now)));
            writeln!(
                out,
                "<span class=\"hidden\">{}</span></td><td data-label=\"last join\">{last}</td></tr>",
                days.iter().sum::<i64>()
            )?;
        }
        out.push_str("</tbody></table></div>\n");
    }
    out.push_str("</section>\n<div class=\"columns-2 even\">\n");
    joins(out, found, now)?;
    told(out, found, now)?;
    out.push_str("</div>\n");
    Ok(())
}

fn joins(out: &mut String, found: &Standings, now: i64) -> fmt::Result {
    out.push_str("<section class=\"card\" id=\"joins\" data-live aria-labelledby=\"joins-name\">\n<h2 id=\"joins-name\">Last joins</h2>\n");
    if found.latest.is_empty() {
        out.push_str(&nothing("Nobody yet."));
    } else {
        out.push_str("<ol class=\"moments\">\n");
        for (uid, segment, since) in &found.latest {
            let uid = hex::write(uid);
            let short: String = uid.chars().take(8).collect();
            writeln!(
                out,
                "<li><time>{}</time><span><a href=\"/collector/person/{uid}\"><code>{short}</code></a> joined <strong>{}</strong></span></li>",
                time(*since, now),
                Text(&name(&found.names, *segment)),
            )?;
        }
        out.push_str("</ol>\n");
    }
    out.push_str("</section>\n");
    Ok(())
}

fn told(out: &mut String, found: &Standings, now: i64) -> fmt::Result {
    out.push_str("<section class=\"card\" id=\"told\" data-live aria-labelledby=\"told-name\">\n<h2 id=\"told-name\">From elsewhere</h2>\n");
    if found.told.is_empty() {
        out.push_str(&nothing("No list came by <code>POST /v1/memberships</code>."));
    } else {
        out.push_str(
            "<table><caption class=\"hidden\">Memberships that were told</caption><thead><tr><th scope=\"col\">Segment</th><th scope=\"col\">In</th>\
             <th scope=\"col\">Out</th><th scope=\"col\">Latest word</th></tr></thead>\n<tbody>\n",
        );
        for (segment, inside, outside, at) in &found.told {
            writeln!(
                out,
                "<tr><th scope=\"row\">{}</th><td data-label=\"in\">{}</td><td data-label=\"out\">{}</td><td data-label=\"latest word\">{} ago</td></tr>",
                Text(&name(&found.names, *segment)),
                grouped(*inside),
                grouped(*outside),
                ago(*at, now)
            )?;
        }
        out.push_str("</tbody></table>\n");
    }
    out.push_str("</section>\n");
    Ok(())
}
