//! The first page: what comes in right now, what is waiting, who is known.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use axum::{Extension, extract::State, response::Response};

use super::{
    chart, counted,
    markup::{DAY, Here, Sheet, Text, ago, grouped, share, time},
    store,
};
use crate::{
    access::Who,
    answer::Refusal,
    counts::Counts,
    feed::{self, Feed},
    live::Second,
    params,
    person::api,
    site::App,
    sql::{Connection, Dialect, Result},
    store::now,
};

/// Seconds that one point of the picture stands for.
const POINT: usize = 5;

/// Seconds that "now" is the mean of.
const NOW: usize = 10;

/// Who is known.
#[derive(Debug, Default)]
pub struct People {
    /// Persons.
    persons: i64,
    /// Kind, identifiers, and how many of them are shared.
    kinds: Vec<(u8, i64, i64)>,
}

/// What waits for somebody.
#[derive(Debug)]
struct Waiting {
    dialect: Dialect,
    letters: i64,
    feeds: Vec<Feed>,
}

/// The page.
///
/// # Errors
/// When the store cannot be read.
pub async fn page(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
) -> std::result::Result<Response, Refusal> {
    let counts = counted(&app).await?;
    let people = app.board.people.of(|| app.reader.run("people", people)).await?;
    let waiting = app.reader.run("what waits", waiting).await?;
    let mut main = String::with_capacity(16 * 1024);
    write(&mut main, &app, &counts, &people, &waiting).ok();
    let lead = format!("Everything since {}, and the last five minutes as they come in.", Text(&counts.since_text));
    Ok(Sheet { here: Here::Overview, title: "What the devices chose to tell", lead: &lead, who: &who }.around(&main))
}

fn people(connection: &Connection) -> Result<People> {
    let rows = connection.query(
        "SELECT namespace, count(*), CAST(sum(shared) AS BIGINT), CAST(sum(CASE WHEN person = id AND shared = 0 THEN 1 ELSE 0 END) AS BIGINT)
         FROM identifiers GROUP BY namespace",
        params![],
    )?;
    let mut people = People::default();
    for row in rows {
        people.kinds.push((row.get(0)?, row.get(1)?, row.get(2)?));
        people.persons += row.get::<i64>(3)?;
    }
    people.kinds.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    Ok(people)
}

fn waiting(connection: &Connection) -> Result<Waiting> {
    let letters = connection.scalar("SELECT count(*) FROM dead_letters WHERE replayed IS NULL", params![])?;
    Ok(Waiting { dialect: connection.dialect(), letters: letters.unwrap_or_default(), feeds: feed::all(connection)? })
}

fn write(out: &mut String, app: &App, counts: &Counts, people: &People, waiting: &Waiting) -> fmt::Result {
    out.push_str("<div class=\"columns-2\">\n");
    intake(out, &app.board.live.seconds())?;
    waits(out, app, counts, waiting)?;
    out.push_str("</div>\n");
    sums(out, counts)?;
    out.push_str("<div class=\"columns-2 even\">\n");
    known(out, people)?;
    reasons(out, counts)?;
    out.push_str("</div>\n");
    Ok(())
}

fn intake(out: &mut String, seconds: &[Second]) -> fmt::Result {
    let points = |pick: fn(&Second) -> u64| -> Vec<f64> {
        let sums = seconds.chunks(POINT).map(|part| part.iter().map(pick).sum::<u64>());
        sums.map(|sum| sum as f64 / POINT as f64).collect()
    };
    let (syncs, events) = (points(|second| second.syncs), points(|second| second.events));
    let most = syncs.iter().zip(&events).map(|(one, two)| one + two).fold(1.0, f64::max);
    let mean = |pick: fn(&Second) -> u64| {
        let sum: u64 = seconds.iter().rev().take(NOW).map(pick).sum();
        sum as f64 / NOW as f64
    };
    write!(
        out,
        r#"<section class="card live" id="intake" data-live aria-labelledby="intake-name">
<h2 id="intake-name">Coming in</h2>
<p class="figures"><span class="figure"><strong>{:.1}</strong> <span><span class="key rose"></span>syncs a second</span></span>
<span class="figure"><strong>{:.1}</strong> <span><span class="key accent"></span>events a second</span></span></p>
<figure class="plot"><span class="most">{} a second</span>
"#,
        mean(|second| second.syncs),
        mean(|second| second.events),
        top(most),
    )?;
    chart::area(out, &[("rose", syncs), ("accent", events)], most)?;
    out.push_str(
        "<figcaption><span>5 min ago</span><span>4</span><span>3</span><span>2</span><span>1</span><span>now</span></figcaption>\
         </figure>\n</section>\n",
    );
    Ok(())
}

fn top(most: f64) -> String {
    if most < 10.0 { format!("{most:.1}") } else { grouped(most.round() as i64) }
}

fn waits(out: &mut String, app: &App, counts: &Counts, waiting: &Waiting) -> fmt::Result {
    let now = now();
    let queue = app.metrics.queue.value().cast_signed();
    let refused = app.metrics.refused().cast_signed();
    let repeats = (app.metrics.duplicate.value() + app.metrics.conflict.value() + app.metrics.event_repeats.value())
        .cast_signed();
    let faults = app.metrics.faults.value().cast_signed();
    let old = waiting.feeds.iter().filter(|feed| now - feed.oldest > DAY).count();
    let bundle = app.shelf.as_ref().map(|shelf| shelf.current());
    let bundle = bundle.map_or_else(
        || "none served here".to_owned(),
        |served| format!("version {} · {}", served.version, served.hash),
    );
    out.push_str("<section class=\"card\" id=\"waits\" data-live aria-labelledby=\"waits-name\">\n<h2 id=\"waits-name\">State</h2>\n<dl class=\"state\">\n");
    line(out, if queue > 500 { "warn" } else { "good" }, "Waiting for the disk", &grouped(queue))?;
    let letters = format!("<a href=\"/collector/letters\">{}</a>", grouped(waiting.letters));
    line(out, if waiting.letters > 0 { "warn" } else { "good" }, "Letters that could not be read", &letters)?;
    let feeds = match (waiting.feeds.len(), old) {
        (0, _) => "none".to_owned(),
        (all, 0) => format!("<a href=\"/collector/feeds\">{all}, all of today</a>"),
        (all, old) => format!("<a href=\"/collector/feeds\">{old} of {all} older than a day</a>"),
    };
    line(out, if old > 0 { "warn" } else { "good" }, "Feeds", &feeds)?;
    line(out, if faults > 0 { "bad" } else { "good" }, "Faults of the store", &grouped(faults))?;
    line(out, "quiet", "Repeats answered, counted once", &grouped(repeats))?;
    line(out, "quiet", "Requests refused", &grouped(refused))?;
    line(out, "quiet", "Entries dropped on devices", &grouped(counts.total("dropped")))?;
    line(out, "quiet", "Store", store(waiting.dialect))?;
    line(out, "quiet", "Bundle", &Text(&bundle).to_string())?;
    if let Some(feed) = waiting.feeds.iter().max_by_key(|feed| feed.at) {
        let told = format!("{}, {} ago", Text(&feed.feed), ago(feed.at, now));
        line(out, "quiet", "Last change of a feed", &told)?;
    }
    let since = format!("{} ago, {}", ago(counts.since, now), time(counts.since, now));
    line(out, "quiet", "Store made", &since)?;
    out.push_str("</dl>\n</section>\n");
    Ok(())
}

/// A fact with a mark that says whether it is as it should be; `value` is escaped already.
fn line(out: &mut String, mark: &str, name: &str, value: &str) -> fmt::Result {
    let said = match mark {
        "warn" => "look at this",
        "bad" => "not well",
        "good" => "well",
        _ => "",
    };
    let mark = if said.is_empty() {
        "<span class=\"dot\"></span>".to_owned()
    } else {
        format!("<span class=\"dot {mark}\"><span class=\"hidden\">{said}: </span></span>")
    };
    writeln!(out, "<div><dt>{mark}{name}</dt><dd>{value}</dd></div>")
}

/// The sums: name in the store, label, and what it means.
const SUMS: [(&str, &str, &str); 7] = [
    ("syncs", "Syncs", "messages of devices"),
    ("visitors", "Visitors", "browsers seen"),
    ("events", "Events", "from everywhere else"),
    ("decisions", "Decisions", "chosen on the device"),
    ("exposures", "Exposures", "really seen"),
    ("clicks", "Clicks", "on what was shown"),
    ("outcomes", "Outcomes", "clicks included"),
];

fn sums(out: &mut String, counts: &Counts) -> fmt::Result {
    out.push_str("<section class=\"sums\" id=\"sums\" data-live aria-label=\"Sums of everything\">\n");
    for (name, label, meaning) in SUMS {
        writeln!(
            out,
            r#"<div class="card sum"><span class="label">{label}</span><strong data-total="{name}">{}</strong><span class="quiet">{meaning}</span></div>"#,
            grouped(counts.total(name))
        )?;
    }
    out.push_str("</section>\n");
    Ok(())
}

fn known(out: &mut String, people: &People) -> fmt::Result {
    out.push_str("<section class=\"card\" id=\"people\" data-live aria-labelledby=\"people-name\">\n<h2 id=\"people-name\">Who is known</h2>\n");
    if people.kinds.is_empty() {
        out.push_str(&super::markup::nothing(
            "Nobody yet. A device that may share who its visitor is, or an event with an identifier, begins it.",
        ));
        out.push_str("</section>\n");
        return Ok(());
    }
    let all: i64 = people.kinds.iter().map(|(_, count, _)| count).sum();
    let shared: i64 = people.kinds.iter().map(|(_, _, shared)| shared).sum();
    write!(
        out,
        "<p class=\"figures\"><span class=\"figure\"><strong>{}</strong> <span>persons</span></span> \
         <span class=\"figure\"><strong>{}</strong> <span>identifiers</span></span> \
         <span class=\"figure\"><strong>{}</strong> <span><span class=\"key caramel\"></span>shared, tie nobody</span></span></p>\n\
         <table class=\"bars\"><caption class=\"hidden\">Identifiers by kind</caption><thead class=\"hidden\"><tr><th scope=\"col\">Kind</th>\
         <th scope=\"col\">Picture</th><th scope=\"col\">Identifiers</th></tr></thead>\n<tbody>\n",
        grouped(people.persons),
        grouped(all),
        grouped(shared)
    )?;
    let most = people.kinds.iter().map(|(_, count, _)| *count).max().unwrap_or_default();
    for (kind, count, shared) in &people.kinds {
        write!(out, "<tr><th scope=\"row\">{}</th><td class=\"picture\">", api::called(*kind).replace('_', " "))?;
        chart::bar(out, &[("rose", share(*count, most)), ("caramel", share(*shared, most))])?;
        writeln!(out, "</td><td>{}</td></tr>", grouped(*count))?;
    }
    out.push_str("</tbody></table>\n</section>\n");
    Ok(())
}

fn reasons(out: &mut String, counts: &Counts) -> fmt::Result {
    out.push_str("<section class=\"card\" id=\"reasons\" data-live aria-labelledby=\"reasons-name\">\n<h2 id=\"reasons-name\">Why decisions ended as they did</h2>\n");
    if counts.reasons.is_empty() {
        out.push_str(&super::markup::nothing(
            "No decision yet. Open a page that runs the engine, permit measuring, and look again.",
        ));
    } else {
        out.push_str(
            "<table class=\"bars\"><caption class=\"hidden\">Decisions by reason</caption><thead class=\"hidden\"><tr>\
             <th scope=\"col\">Reason</th><th scope=\"col\">Picture</th><th scope=\"col\">Decisions</th></tr></thead>\n<tbody>\n",
        );
        let most = counts.reasons.iter().map(|row| row.decisions).max().unwrap_or_default();
        for row in &counts.reasons {
            write!(
                out,
                "<tr data-reason=\"{}\"><th scope=\"row\">{}</th><td class=\"picture\">",
                row.code,
                Text(&row.name.replace('_', " "))
            )?;
            chart::bar(out, &[("rose", share(row.decisions, most))])?;
            writeln!(out, "</td><td>{}</td></tr>", grouped(row.decisions))?;
        }
        out.push_str("</tbody></table>\n");
    }
    out.push_str("</section>\n");
    Ok(())
}
