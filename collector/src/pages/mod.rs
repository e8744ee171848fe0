//! The pages of the collector: what comes in, what it led to, who is known and why, and who may look.
//!
//! HTML from the server, one stylesheet, one small script that draws what is live anew. They work under the strict policy that
//! every answer carries, and without script as pages that stand still. What a page shows is read for it; what is dear to read is
//! shared for a while ([`lately`]).

mod access;
mod campaigns;
mod chart;
mod deliveries;
mod door;
mod evidence;
mod feeds;
mod lately;
mod letters;
pub mod markup;
mod overview;
mod person;
mod search;
mod segments;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension, Json, Router,
    extract::State,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};

use self::{
    lately::Lately,
    markup::{Here, Sheet},
};
use crate::{
    access::Who,
    answer::Refusal,
    counts::{self, Counts},
    lift::{self, Lift},
    live::Live,
    names,
    site::App,
    sql::{Connection, Dialect, Result},
};

/// Where somebody says who they are.
pub const LOGIN: &str = "/collector/login";

const STYLE: &str = include_str!("../../assets/style.css");
const SCRIPT: &str = include_str!("../../assets/live.js");

/// What pages share.
#[derive(Default)]
pub struct Board {
    /// What comes in right now.
    pub live: Arc<Live>,
    lifts: Lately<BTreeMap<i64, Lift>>,
    people: Lately<overview::People>,
    segments: Lately<segments::Standings>,
}

/// Addresses of all pages.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/collector", get(overview::page))
        .route("/collector/campaigns", get(campaigns::page))
        .route("/collector/segments", get(segments::page))
        .route("/collector/feeds", get(feeds::page))
        .route("/collector/letters", get(letters::page).post(letters::replay))
        .route("/collector/deliveries", get(deliveries::page))
        .route("/collector/person", get(search::page).post(search::find))
        .route("/collector/person/{person}", get(person::page))
        .route("/collector/person/{person}/cut", post(person::cut))
        .route("/collector/access", get(access::page))
        .route("/collector/access/add", post(access::add))
        .route("/collector/access/end", post(access::end))
        .route("/collector/access/keys", post(access::add_key))
        .route("/collector/access/keys/end", post(access::end_key))
        .route("/collector/login", get(door::page).post(door::enter))
        .route("/collector/logout", post(door::leave))
        .route("/collector/style.css", get(|| file("text/css; charset=utf-8", STYLE)))
        .route("/collector/live.js", get(|| file("text/javascript; charset=utf-8", SCRIPT)))
        .route("/v1/lift", get(lifts))
}

/// The first page, where nothing else stands at `/`.
///
/// # Errors
/// When the store cannot be read.
pub async fn first(app: State<Arc<App>>, who: Extension<Who>) -> std::result::Result<Response, Refusal> {
    overview::page(app, who).await
}

/// A page that says why there is nothing to see.
#[must_use]
pub fn refused(who: &Who, refusal: &Refusal) -> Response {
    let (status, title, lead) = match refusal {
        Refusal::Role => (
            StatusCode::FORBIDDEN,
            "This is for admins",
            "Your token lets you look. Ask whoever gave it to you for one that lets you change things.",
        ),
        _ => (
            StatusCode::UNAUTHORIZED,
            "Say who you are",
            "This needs a token. <a href=\"/collector/login\">Come in</a>.",
        ),
    };
    let here = if who.role.is_some() { Here::Access } else { Here::Door };
    Sheet { here, title, lead, who }.with(status, "")
}

async fn file(kind: &'static str, body: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], body)
}

/// What every campaign changed, for programs.
async fn lifts(State(app): State<Arc<App>>) -> std::result::Result<Json<serde_json::Value>, Refusal> {
    let lifts = lifted(&app).await?;
    let counts = counted(&app).await?;
    let rows: Vec<_> = lifts
        .iter()
        .map(|(key, lift)| {
            let key = format!("{key:08x}");
            let name = counts.campaigns.iter().find(|row| row.key == key).map(|row| row.name.clone());
            serde_json::json!({ "key": key, "name": name, "lift": lift })
        })
        .collect();
    Ok(Json(serde_json::json!({ "window_ms": lift::WINDOW, "level": 0.95, "campaigns": rows })))
}

async fn lifted(app: &App) -> std::result::Result<Arc<BTreeMap<i64, Lift>>, Refusal> {
    app.board.lifts.of(|| app.reader.run("lift", lift::read)).await
}

async fn counted(app: &App) -> std::result::Result<Counts, Refusal> {
    let bundle = app.shelf.as_ref().map(|shelf| shelf.current());
    app.reader.run("counts", move |connection| counts::read(connection, bundle.as_deref())).await
}

/// Names of segments and campaigns by key.
fn names(connection: &Connection) -> Result<BTreeMap<i64, String>> {
    let rows = connection.query("SELECT key, name FROM names WHERE kind = 'campaign'", crate::params![])?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

fn name(names: &BTreeMap<i64, String>, key: i64) -> String {
    names.get(&key).cloned().unwrap_or_else(|| names::anonymous(key))
}

/// What a store is called.
fn store(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "SQLite, one file",
        Dialect::Postgres => "PostgreSQL",
    }
}
