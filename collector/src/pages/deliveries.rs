//! What was handed over to others, what waits, and what was given up.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::Arc,
};

use axum::{Extension, extract::State, response::Response};

use super::{
    chart,
    markup::{Here, Sheet, Text, grouped, nothing, share, time},
};
use crate::{
    access::Who,
    answer::Refusal,
    params,
    site::App,
    sql::{Connection, Result},
    store::now,
};

/// Lines of the log that are shown.
const LINES: i64 = 60;

/// One destination.
#[derive(Default)]
struct Destination {
    waiting: i64,
    dead: i64,
    oldest: Option<i64>,
    delivered: i64,
    last: Option<i64>,
}

/// The latest attempt for a parcel.
struct Line {
    destination: String,
    kind: String,
    outcome: i64,
    attempts: i64,
    at: i64,
    reason: String,
}

/// The page.
///
/// # Errors
/// When the store cannot be read.
pub async fn page(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
) -> std::result::Result<Response, Refusal> {
    let (destinations, lines) = app.reader.run("deliveries", read).await?;
    let mut main = String::with_capacity(8 * 1024);
    write(&mut main, &destinations, &lines, now()).ok();
    let lead = "Parcels for others: each is handed over once, tried again while its destination is away, and given up only when it says that it never will.";
    Ok(Sheet { here: Here::Deliveries, title: "Deliveries", lead, who: &who }.around(&main))
}

fn read(connection: &Connection) -> Result<(BTreeMap<String, Destination>, Vec<Line>)> {
    let (mut found, mut lines) = (BTreeMap::<String, Destination>::new(), Vec::new());
    for row in connection.query(
        "SELECT destination, CAST(sum(CASE WHEN dead = 0 THEN 1 ELSE 0 END) AS BIGINT), CAST(sum(CASE WHEN dead = 0 THEN 0 ELSE 1 END) AS BIGINT),
           min(CASE WHEN dead = 0 THEN at END) FROM outbox GROUP BY destination",
        params![],
    )? {
        let entry = found.entry(row.get(0)?).or_default();
        (entry.waiting, entry.dead, entry.oldest) = (row.get(1)?, row.get(2)?, row.get(3)?);
    }
    for row in connection.query(
        "SELECT destination, count(*), max(at) FROM delivery_log WHERE outcome = 1 GROUP BY destination",
        params![],
    )? {
        let entry = found.entry(row.get(0)?).or_default();
        (entry.delivered, entry.last) = (row.get(1)?, row.get(2)?);
    }
    for row in connection.query(
        "SELECT destination, kind, outcome, attempts, at, reason FROM delivery_log ORDER BY at DESC LIMIT ?1",
        params![LINES],
    )? {
        lines.push(Line {
            destination: row.get(0)?,
            kind: row.get(1)?,
            outcome: row.get(2)?,
            attempts: row.get(3)?,
            at: row.get(4)?,
            reason: row.get(5)?,
        });
    }
    Ok((found, lines))
}

fn write(out: &mut String, destinations: &BTreeMap<String, Destination>, lines: &[Line], now: i64) -> fmt::Result {
    out.push_str("<section class=\"card\" id=\"outbox\" data-live aria-labelledby=\"outbox-name\">\n<h2 id=\"outbox-name\">By destination</h2>\n");
    if destinations.is_empty() {
        out.push_str(&nothing("Nothing was to be handed over yet."));
        out.push_str("</section>\n");
        return Ok(());
    }
    out.push_str(
        "<p class=\"legend\"><span class=\"key good\"></span>delivered <span class=\"key caramel\"></span>waiting \
         <span class=\"key bad\"></span>given up</p>\n<div class=\"wide\"><table><caption class=\"hidden\">Parcels by destination</caption><thead><tr>\
         <th scope=\"col\">Destination</th><th scope=\"col\" class=\"picture\"><span class=\"hidden\">Picture</span></th><th scope=\"col\">Delivered</th>\
         <th scope=\"col\">Waiting</th><th scope=\"col\">Given up</th><th scope=\"col\">Oldest waiting</th><th scope=\"col\">Last delivered</th></tr></thead>\n<tbody>\n",
    );
    for (name, row) in destinations {
        let all = row.delivered + row.waiting + row.dead;
        write!(out, "<tr><th scope=\"row\">{}</th><td class=\"picture\">", Text(name))?;
        chart::bar(
            out,
            &[
                ("bad", share(all, all)),
                ("caramel", share(row.delivered + row.waiting, all)),
                ("good", share(row.delivered, all)),
            ],
        )?;
        let when = |at: Option<i64>| at.map_or_else(|| "–".to_owned(), |at| time(at, now));
        writeln!(
            out,
            "</td><td data-label=\"delivered\">{}</td><td data-label=\"waiting\">{}</td><td data-label=\"given up\">{}</td>\
             <td data-label=\"oldest waiting\">{}</td><td data-label=\"last delivered\">{}</td></tr>",
            grouped(row.delivered),
            grouped(row.waiting),
            grouped(row.dead),
            when(row.oldest),
            when(row.last)
        )?;
    }
    out.push_str(
        "</tbody></table></div>\n</section>\n<section class=\"card\" id=\"log\" data-live aria-labelledby=\"log-name\">\n<h2 id=\"log-name\">The log</h2>\n\
         <div class=\"wide\"><table><caption class=\"hidden\">Latest attempts</caption><thead><tr><th scope=\"col\">When</th><th scope=\"col\" class=\"left\">Destination</th>\
         <th scope=\"col\" class=\"left\">What</th><th scope=\"col\" class=\"left\">Outcome</th><th scope=\"col\">Attempts</th><th scope=\"col\" class=\"left\">Why</th></tr></thead>\n<tbody>\n",
    );
    for line in lines {
        let (class, word) = match line.outcome {
            1 => ("good", "delivered"),
            2 => ("caramel", "tried again"),
            _ => ("bad", "given up"),
        };
        writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"left\" data-label=\"destination\">{}</td><td class=\"left\" data-label=\"what\">{}</td>\
             <td class=\"left\" data-label=\"outcome\"><span class=\"tag {class}\">{word}</span></td><td data-label=\"attempts\">{}</td>\
             <td class=\"left\" data-label=\"why\">{}</td></tr>",
            time(line.at, now),
            Text(&line.destination),
            Text(&line.kind),
            grouped(line.attempts),
            Text(&line.reason)
        )?;
    }
    out.push_str("</tbody></table></div>\n</section>\n");
    Ok(())
}
