//! What was sent to somebody for journeys, by which channel, and why not by another.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Map, Value, json};

use crate::{
    answer::Refusal,
    graph, hex, names, params,
    site::App,
    sql::{Connection, Result, Row},
};

/// Messages that are shown.
const MOST: i64 = 500;

/// `GET /v1/persons/{person}/messages`: the latest first.
///
/// # Errors
/// [`Refusal::Nobody`], or [`Refusal::Asked`] for what is no id.
pub async fn list(State(app): State<Arc<App>>, Path(uid): Path<String>) -> std::result::Result<Json<Value>, Refusal> {
    let uid: [u8; 16] = hex::read(&uid).ok_or(Refusal::Asked)?;
    let policy = Arc::clone(&app.policy);
    let found = app
        .reader
        .run("messages", move |connection| {
            let Some(person) = graph::person(connection, &policy, &uid)? else { return Ok(None) };
            of(connection, person.root).map(Some)
        })
        .await?;
    Ok(Json(json!({ "messages": found.ok_or(Refusal::Nobody)? })))
}

fn of(connection: &Connection, person: i64) -> Result<Vec<Value>> {
    let rows = connection.query(
        "SELECT m.at, m.channel, m.message, m.reason, m.before, n.name, m.journey
         FROM identifiers i JOIN sendings m ON m.identifier = i.id
         LEFT JOIN names n ON n.kind = 'journey' AND n.key = m.journey
         WHERE i.person = ?1 ORDER BY m.at DESC, m.since DESC LIMIT ?2",
        params![person, MOST],
    )?;
    rows.iter().map(shown).collect()
}

fn shown(row: &Row) -> Result<Value> {
    let (reason, before): (String, String) = (row.get(3)?, row.get(4)?);
    let instead: Map<String, Value> = before
        .split(' ')
        .filter_map(|pair| pair.split_once('='))
        .map(|(channel, reason)| (channel.to_owned(), reason.into()))
        .collect();
    let journey: Option<String> = row.get(5)?;
    Ok(json!({
        "at": row.get::<i64>(0)?,
        "channel": row.get::<String>(1)?,
        "message": row.get::<String>(2)?,
        "journey": journey.map_or_else(|| row.get(6).map(names::anonymous), Ok)?,
        "let_go": (!reason.is_empty()).then_some(reason),
        "not_by": instead,
    }))
}
