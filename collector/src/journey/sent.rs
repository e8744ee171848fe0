//! What was sent to somebody for journeys, by which channel, and why not by another; and what waits to be sent.
//!
//! Absent on purpose: a judgement. What holds a message back now is asked of the engine as a walk asks it, and nothing is moved by that.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use jiff::tz::TimeZone;
use petitfour::{
    catalog::{Channel, Whole},
    consent::Permissions,
    engine::Engine,
    id::Key,
};
use serde_json::{Map, Value, json};

use super::{Walker, walk::Waiting, zone};
use crate::{
    answer::Refusal,
    graph, hex, names, params,
    site::App,
    sql::{Connection, Result, Row},
    store::now,
};

/// Messages that are shown.
const MOST: i64 = 500;

/// `GET /v1/persons/{person}/messages`: the latest first, what waits, and what the bundle says of its channels.
///
/// # Errors
/// [`Refusal::Nobody`], or [`Refusal::Asked`] for what is no id.
pub async fn list(State(app): State<Arc<App>>, Path(uid): Path<String>) -> std::result::Result<Json<Value>, Refusal> {
    let uid: [u8; 16] = hex::read(&uid).ok_or(Refusal::Asked)?;
    let (policy, engine, routes) = (Arc::clone(&app.policy), app.asked(), Arc::clone(&app.routes));
    let found = app
        .reader
        .run("messages", move |connection| {
            let Some(person) = graph::person(connection, &policy, &uid)? else { return Ok(None) };
            let zone = zone::of(connection, person.root)?;
            let messages = of(connection, person.root, engine.as_deref(), zone.as_ref())?;
            let Some(engine) = engine else {
                return Ok(Some(json!({ "messages": messages, "waiting": [], "channels": {}, "pressure": null })));
            };
            let walker = Walker { connection, routes: &routes, now: now() };
            let waiting = walker.waiting(&engine, person.root)?;
            let clock = (walker.now, zone.as_ref());
            let waiting: Vec<Value> = waiting.iter().filter_map(|one| waits(one, &engine, clock)).collect();
            Ok(Some(json!({
                "messages": messages, "waiting": waiting, "channels": channels(&engine), "pressure": pressure(&engine),
            })))
        })
        .await?;
    Ok(Json(found.ok_or(Refusal::Nobody)?))
}

fn of(connection: &Connection, person: i64, engine: Option<&Engine>, zone: Option<&TimeZone>) -> Result<Vec<Value>> {
    let rows = connection.query(
        "SELECT m.at, m.channel, m.message, m.reason, m.before, n.name, m.journey, s.name, m.step
         FROM identifiers i JOIN sendings m ON m.identifier = i.id
         LEFT JOIN names n ON n.kind = 'journey' AND n.key = m.journey
         LEFT JOIN names s ON s.kind = 'step' AND s.key = m.step
         WHERE i.person = ?1 ORDER BY m.at DESC, m.since DESC LIMIT ?2",
        params![person, MOST],
    )?;
    rows.iter().map(|row| shown(row, engine, zone)).collect()
}

fn shown(row: &Row, engine: Option<&Engine>, zone: Option<&TimeZone>) -> Result<Value> {
    let (at, reason, before): (i64, String, String) = (row.get(0)?, row.get(3)?, row.get(4)?);
    let instead: Map<String, Value> = before
        .split(' ')
        .filter_map(|pair| pair.split_once('='))
        .map(|(channel, reason)| (channel.to_owned(), reason.into()))
        .collect();
    let (journey, step): (Option<String>, Option<String>) = (row.get(5)?, row.get(7)?);
    let (key, code): (u32, u32) = (row.get(6)?, row.get(8)?);
    Ok(json!({
        "at": at,
        "offset_minutes": zone::offset(zone, at),
        "channel": row.get::<String>(1)?,
        "message": row.get::<String>(2)?,
        "journey": journey.unwrap_or_else(|| names::anonymous(key.into())),
        "step": step.unwrap_or_else(|| format!("#{code:05x}")),
        "offers": engine.map(|engine| offers(engine, Key(key), code)).filter(|offers| !offers.is_empty()),
        "let_go": (!reason.is_empty()).then_some(reason),
        "not_by": instead,
    }))
}

fn waits(waiting: &Waiting, engine: &Engine, (now, zone): (i64, Option<&TimeZone>)) -> Option<Value> {
    let Waiting { due, orders, choice } = waiting;
    let first = orders.first()?;
    let until = choice.until.filter(|_| choice.chosen.is_none()).and_then(|minute| i64::try_from(minute).ok());
    let until = until.map(|minute| minute.saturating_mul(60_000));
    let refused = orders.iter().zip(&choice.refusals);
    Some(json!({
        "since": due.since.0,
        "message": first.message,
        "journey": first.journey,
        "step": first.step,
        "offers": offers(engine, first.key, due.place.step),
        "not_by": refused.map(|(order, reason)| (order.channel.clone(), Value::from(*reason))).collect::<Map<_, _>>(),
        "goes_by": choice.chosen.and_then(|chosen| orders.get(chosen)).map(|order| &order.channel),
        "until": until,
        "until_offset_minutes": until.map(|until| zone::offset(zone, until)),
        "now": now,
        "offset_minutes": zone::offset(zone, now),
    }))
}

/// The channels of a step by name, in the author's order.
fn offers(engine: &Engine, journey: Key, step: u32) -> Vec<&str> {
    engine.offers(journey, step).map(|channel| engine.catalog().string(channel.name())).collect()
}

/// What the bundle says of each channel.
fn channels(engine: &Engine) -> Map<String, Value> {
    let catalog = engine.catalog();
    catalog.channels().map(|channel| (catalog.string(channel.name()).to_owned(), rules(&channel))).collect()
}

/// What it lets all channels together send; null where they may send any number.
fn pressure(engine: &Engine) -> Option<Value> {
    let catalog = engine.catalog();
    let whole = catalog.whole();
    let exempt = catalog.channels().filter(Channel::is_exempt).map(|channel| catalog.string(channel.name()));
    let told = json!({ "day": whole.day, "week": whole.week, "except": exempt.collect::<Vec<_>>() });
    (whole != Whole::default()).then_some(told)
}

fn rules(channel: &Channel<'_>) -> Value {
    let needs = channel.needs();
    let asks = |bit: usize| needs.without(Permissions::from_bits(1 << bit)) != needs;
    let needs: Vec<&str> =
        Permissions::NAMES.iter().enumerate().filter(|(bit, _)| asks(*bit)).map(|(_, name)| *name).collect();
    let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
    let quiet = channel.quiet().map(|(from, until)| json!({ "from": clock(from), "until": clock(until) }));
    json!({ "needs": needs, "caps": { "day": channel.cap_day(), "week": channel.cap_week() }, "quiet": quiet })
}
