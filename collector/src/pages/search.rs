//! Finds somebody by an identifier or by their id, and lists who was told of last.
//!
//! What is asked for comes by POST: an address of somebody's has no place in the address of a page, where histories and logs keep it.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::Arc,
};

use axum::{
    Extension, Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use super::markup::{Here, Sheet, Text, ago, nothing};
use crate::{
    access::Who,
    answer::Refusal,
    hex, params,
    person::api::{self, Asked},
    site::App,
    sql::{Connection, Result},
    store::now,
};

/// Identifiers that are looked through for the last persons, and persons that are listed.
const LOOKED: i64 = 300;
const LISTED: usize = 12;

/// What a form says when an id is given.
const ID: &str = "id";

/// Somebody in the list.
struct Last {
    uid: [u8; 16],
    at: i64,
    kinds: BTreeMap<u8, usize>,
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

/// Goes to whoever is asked for.
///
/// # Errors
/// When the store cannot be read.
pub async fn find(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    Form(asked): Form<Asked>,
) -> std::result::Result<Response, Refusal> {
    if asked.kind == ID {
        return match hex::read::<16>(asked.value.trim()) {
            Some(uid) => Ok(Redirect::to(&format!("/collector/person/{}", hex::write(&uid))).into_response()),
            None => show(&app, &who, Some("An id has 32 hex digits.")).await,
        };
    }
    let Some((namespace, values)) = api::read(&asked) else {
        return show(&app, &who, Some("That is no identifier of this kind.")).await;
    };
    let found = api::known_by(&app, namespace, values).await?;
    match found {
        Some(uid) => Ok(Redirect::to(&format!("/collector/person/{}", hex::write(&uid))).into_response()),
        None => show(&app, &who, Some("Nobody is known by this.")).await,
    }
}

async fn show(app: &App, who: &Who, fault: Option<&str>) -> std::result::Result<Response, Refusal> {
    let last = app.reader.run("last persons", last).await?;
    let mut main = String::with_capacity(8 * 1024);
    write(&mut main, fault, &last).ok();
    let lead =
        "Everything that is known of somebody: what they did, by what they are known, and why all of it is one person.";
    let sheet = Sheet { here: Here::Person, title: "Person", lead, who };
    Ok(if fault.is_some() { sheet.with(StatusCode::NOT_FOUND, &main) } else { sheet.around(&main) })
}

fn last(connection: &Connection) -> Result<Vec<Last>> {
    let rows = connection.query(
        "SELECT p.id, p.uid, i.namespace, i.first_at FROM identifiers i JOIN identifiers p ON p.id = i.person
         WHERE i.shared = 0 ORDER BY i.id DESC LIMIT ?1",
        params![LOOKED],
    )?;
    let mut found: Vec<Last> = Vec::new();
    for row in rows {
        let (uid, namespace, at): ([u8; 16], u8, i64) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let place = found.iter().position(|known| known.uid == uid).unwrap_or(found.len());
        if place == LISTED {
            continue;
        }
        if place == found.len() {
            found.push(Last { uid, at, kinds: BTreeMap::new() });
        }
        let Some(known) = found.get_mut(place) else { continue };
        known.at = known.at.max(at);
        *known.kinds.entry(namespace).or_default() += 1;
    }
    Ok(found)
}

fn write(out: &mut String, fault: Option<&str>, last: &[Last]) -> fmt::Result {
    out.push_str("<section class=\"card\" aria-labelledby=\"find-name\">\n<h2 id=\"find-name\">Find somebody</h2>\n");
    form(out, fault)?;
    out.push_str(
        "</section>\n<section class=\"card\" aria-labelledby=\"last-name\">\n<h2 id=\"last-name\">Told of last</h2>\n",
    );
    if last.is_empty() {
        out.push_str(&nothing("Nobody yet."));
    } else {
        out.push_str("<ol class=\"moments\">\n");
        for known in last {
            let uid = hex::write(&known.uid);
            let short: String = uid.chars().take(8).collect();
            write!(
                out,
                "<li><time>{} ago</time><span><a href=\"/collector/person/{uid}\"><code>{short}</code></a>",
                ago(known.at, now())
            )?;
            for (kind, count) in &known.kinds {
                let times = if *count > 1 { format!(" × {count}") } else { String::new() };
                write!(out, " <span class=\"tag\">{}{times}</span>", api::called(*kind).replace('_', " "))?;
            }
            out.push_str("</span></li>\n");
        }
        out.push_str("</ol>\n");
    }
    out.push_str("</section>\n");
    Ok(())
}

/// The form that finds somebody.
pub fn form(out: &mut String, fault: Option<&str>) -> fmt::Result {
    out.push_str("<form class=\"ask\" method=\"post\" action=\"/collector/person\"><label>Kind <select name=\"kind\">");
    for (name, _) in api::NAMES {
        let chosen = if name == "email" { " selected" } else { "" };
        write!(out, "<option value=\"{name}\"{chosen}>{}</option>", name.replace('_', " "))?;
    }
    write!(out, "<option value=\"{ID}\">person's id</option></select></label>")?;
    out.push_str("<label class=\"grow\">Value, or its SHA-256 <input name=\"value\" required autocomplete=\"off\" spellcheck=\"false\"></label><button>Find</button></form>\n");
    if let Some(fault) = fault {
        writeln!(out, "<p class=\"fault\" role=\"alert\">{}</p>", Text(fault))?;
    }
    Ok(())
}
