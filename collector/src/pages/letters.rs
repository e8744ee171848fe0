//! Letters that could not be read: why, where they came from, where it stood.
//!
//! Bodies are what visitors sent, so only admins see them.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use axum::{Extension, Form, extract::State, http::HeaderMap, response::Response};
use serde::Deserialize;

use super::{
    chart,
    markup::{Here, Sheet, Text, grouped, nothing, share, time},
};
use crate::{
    access::Who,
    answer::Refusal,
    dead_letters, params,
    site::App,
    sql::{Connection, Result},
    store::now,
};

/// Letters that are listed.
const LISTED: i64 = 100;

/// Bytes of a body that are shown.
const SHOWN: usize = 2_000;

/// Which letters to read again: of one code, or all that wait.
#[derive(Debug, Deserialize)]
pub struct Again {
    #[serde(default)]
    code: String,
}

/// Letters of one code and source.
struct Heap {
    code: String,
    source: String,
    waiting: i64,
    replayed: i64,
    last: i64,
}

struct Letter {
    received: i64,
    source: String,
    path: String,
    position: i64,
    code: String,
    field: String,
    message: String,
    body: Option<Vec<u8>>,
    replayed: Option<i64>,
}

/// The page.
///
/// # Errors
/// When the store cannot be read.
pub async fn page(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
) -> std::result::Result<Response, Refusal> {
    show(&app, &who, None).await
}

/// Reads letters again, and says what came of it.
///
/// # Errors
/// When the store cannot be used.
pub async fn replay(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    headers: HeaderMap,
    Form(again): Form<Again>,
) -> std::result::Result<Response, Refusal> {
    let which =
        if again.code.is_empty() { String::new() } else { serde_json::json!({ "code": again.code }).to_string() };
    let told = dead_letters::replay(State(Arc::clone(&app)), headers, which).await?;
    let count = |name: &str| told.get(name).and_then(serde_json::Value::as_i64).unwrap_or_default();
    let still = told.get("refused").and_then(serde_json::Value::as_array).map_or(0, Vec::len);
    let said = format!(
        "{} stored, {} stored before, {} not permitted; {still} cannot be read still.",
        grouped(count("stored")),
        grouped(count("duplicate")),
        grouped(count("unpermitted")),
    );
    show(&app, &who, Some(&said)).await
}

async fn show(app: &App, who: &Who, said: Option<&str>) -> std::result::Result<Response, Refusal> {
    let bodies = who.is_admin();
    let (heaps, letters) =
        app.reader.run("letters", move |connection| Ok((heaps(connection)?, letters(connection, bodies)?))).await?;
    let mut main = String::with_capacity(16 * 1024);
    if let Some(said) = said {
        writeln!(main, "<p class=\"told\" role=\"status\">{}</p>", Text(said)).ok();
    }
    write(&mut main, &heaps, &letters, bodies, now()).ok();
    let lead =
        "What was sent and could not be read. Nothing of it is lost: mend what sends it, or what reads it, and replay.";
    Ok(Sheet { here: Here::Letters, title: "Dead letters", lead, who }.around(&main))
}

fn heaps(connection: &Connection) -> Result<Vec<Heap>> {
    let rows = connection.query(
        "SELECT code, source, CAST(sum(CASE WHEN replayed IS NULL THEN 1 ELSE 0 END) AS BIGINT),
           CAST(sum(CASE WHEN replayed IS NULL THEN 0 ELSE 1 END) AS BIGINT), max(received)
         FROM dead_letters GROUP BY code, source ORDER BY 3 DESC, code, source LIMIT 50",
        params![],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Heap {
                code: row.get(0)?,
                source: row.get(1)?,
                waiting: row.get(2)?,
                replayed: row.get(3)?,
                last: row.get(4)?,
            })
        })
        .collect()
}

fn letters(connection: &Connection, bodies: bool) -> Result<Vec<Letter>> {
    let rows = connection.query(
        "SELECT received, source, path, position, code, field, message, replayed, body FROM dead_letters ORDER BY id DESC LIMIT ?1",
        params![LISTED],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Letter {
                received: row.get(0)?,
                source: row.get(1)?,
                path: row.get(2)?,
                position: row.get(3)?,
                code: row.get(4)?,
                field: row.get(5)?,
                message: row.get(6)?,
                replayed: row.get(7)?,
                body: if bodies { Some(row.get(8)?) } else { None },
            })
        })
        .collect()
}

fn write(out: &mut String, heaps: &[Heap], letters: &[Letter], admin: bool, now: i64) -> fmt::Result {
    out.push_str("<section class=\"card\" id=\"heaps\" data-live aria-labelledby=\"heaps-name\">\n<h2 id=\"heaps-name\">By reason and source</h2>\n");
    if heaps.is_empty() {
        out.push_str(&nothing("None: everything that was sent could be read."));
        out.push_str("</section>\n");
        return Ok(());
    }
    out.push_str(
        "<p class=\"legend\"><span class=\"key caramel\"></span>waiting <span class=\"key good\"></span>replayed</p>\n<div class=\"wide\"><table>\
         <caption class=\"hidden\">Letters by code and source</caption><thead><tr><th scope=\"col\">Code</th><th scope=\"col\">Source</th>\
         <th scope=\"col\" class=\"picture\"><span class=\"hidden\">Picture</span></th><th scope=\"col\">Waiting</th><th scope=\"col\">Replayed</th>\
         <th scope=\"col\">Last</th><th scope=\"col\"><span class=\"hidden\">Read again</span></th></tr></thead>\n<tbody>\n",
    );
    let most = heaps.iter().map(|heap| heap.waiting + heap.replayed).max().unwrap_or_default();
    for heap in heaps {
        write!(
            out,
            "<tr><th scope=\"row\"><code>{}</code></th><td class=\"left\" data-label=\"source\">{}</td><td class=\"picture\">",
            Text(&heap.code),
            Text(&heap.source)
        )?;
        chart::bar(
            out,
            &[("good", share(heap.waiting + heap.replayed, most)), ("caramel", share(heap.waiting, most))],
        )?;
        write!(
            out,
            "</td><td data-label=\"waiting\">{}</td><td data-label=\"replayed\">{}</td><td data-label=\"last\">{}</td><td>",
            grouped(heap.waiting),
            grouped(heap.replayed),
            time(heap.last, now)
        )?;
        if admin && heap.waiting > 0 {
            write!(
                out,
                "<form method=\"post\" action=\"/collector/letters\"><input type=\"hidden\" name=\"code\" value=\"{}\">\
                 <button class=\"plain\" aria-label=\"Read those of {} again\">Read again</button></form>",
                Text(&heap.code),
                Text(&heap.code)
            )?;
        }
        out.push_str("</td></tr>\n");
    }
    out.push_str("</tbody></table></div>\n</section>\n<section class=\"card\" aria-labelledby=\"latest-name\">\n<h2 id=\"latest-name\">The latest</h2>\n<ol class=\"letters\">\n");
    for letter in letters {
        letter.write(out, now)?;
    }
    out.push_str("</ol>\n</section>\n");
    Ok(())
}

impl Letter {
    fn write(&self, out: &mut String, now: i64) -> fmt::Result {
        let state = match self.replayed {
            Some(at) => format!("<span class=\"tag good\">replayed {}</span>", time(at, now)),
            None => "<span class=\"tag caramel\">waiting</span>".to_owned(),
        };
        write!(
            out,
            "<li><p><code>{}</code> {state}</p><p>{}{}</p><p class=\"quiet\">{} · {} · <code>{}</code>, place {}</p>",
            Text(&self.code),
            if self.field.is_empty() { String::new() } else { format!("<code>{}</code>: ", Text(&self.field)) },
            Text(&self.message),
            time(self.received, now),
            Text(&self.source),
            Text(&self.path),
            self.position
        )?;
        if let Some(body) = self.body.as_deref().filter(|body| !body.is_empty()) {
            let shown = String::from_utf8_lossy(body.get(..SHOWN).unwrap_or(body)).into_owned();
            write!(out, "<details><summary>What was sent</summary><pre>{}</pre></details>", Text(&shown))?;
        }
        out.push_str("</li>\n");
        Ok(())
    }
}
