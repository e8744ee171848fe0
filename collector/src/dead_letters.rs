//! Dead letters: events that could not be read, listed and sent again.
//!
//! A letter keeps the bytes that were sent, so it holds what a visitor said: these addresses are the shop's own. It is sent again when what was
//! wrong lay here: a key that did not say what is permitted, a field that a newer collector reads. Its time stays the one of its arrival.
//!
//! Invariant: a letter whose event is stored says so in the same transaction, and what it brings is stored once however often it is sent.
//! A record of the log is stored in a transaction of its own: the store refused it before, and may again.
//!
//! Absent on purpose: mending a letter here. Whoever can mend it sends the event itself, under its message id.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    extract::{Query, State},
    http::HeaderMap,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use petitfour::consent::Permissions;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    answer::Refusal,
    event::Delivery,
    graph::Graph,
    intake::{
        call::Arrival,
        cloudevents::{self, Mode},
        fault::Fault,
        ga4, pixel,
        segment::{Request, Route},
    },
    journal::{Journal, Outcome},
    key::Keys,
    ledger::{Intake, Ledger, Verdict},
    log::record::{self, Record},
    params,
    site::App,
    sql::{Connection, Result, Row},
};

/// Letters of one page, and of one replay.
const PAGE: i64 = 500;

const COLUMNS: &str = "id, received, source, path, position, code, field, message, body, replayed";

/// Where letters come from that the log wrote: source and path.
const LOG: (&str, &str) = ("log", "/log");

/// What came of sending letters again.
#[derive(Default)]
struct Told {
    stored: u32,
    duplicate: u32,
    unpermitted: u32,
    refused: Vec<Value>,
}

/// A letter as the store has it.
struct Kept {
    id: i64,
    received: i64,
    source: String,
    path: String,
    position: i64,
    code: String,
    field: String,
    message: String,
    body: Vec<u8>,
    replayed: Option<i64>,
}

/// Which letters to send again: by id, by code, or all that wait.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    #[serde(default)]
    ids: Option<Vec<i64>>,
    #[serde(default)]
    code: Option<String>,
}

/// Lists letters, the newest first; `before` is the id of the last one seen, `code` takes those of one code, `waiting=1` those not yet stored.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(
    State(app): State<Arc<App>>,
    Query(asked): Query<HashMap<String, String>>,
) -> Result<Json<Value>, Refusal> {
    let before = asked.get("before").and_then(|id| id.parse().ok()).unwrap_or(i64::MAX);
    let limit = asked.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(100).clamp(1, PAGE);
    let code = asked.get("code").cloned().unwrap_or_default();
    let waiting = i64::from(asked.get("waiting").is_some_and(|flag| flag == "1"));
    let letters = app.reader.run("dead letters", move |connection| {
        let sql = format!(
            "SELECT {COLUMNS} FROM dead_letters WHERE id < ?1 AND (?2 = '' OR code = ?2) AND (?3 = 0 OR replayed IS NULL)
             ORDER BY id DESC LIMIT ?4"
        );
        connection.query(&sql, params![before, &code, waiting, limit])?.iter().map(Kept::of).collect::<Result<Vec<_>>>()
    });
    Ok(Json(json!({ "letters": letters.await?.iter().map(Kept::show).collect::<Vec<_>>() })))
}

/// Sends letters again: those that read now are stored, and say so; of the others, what is wrong still.
///
/// # Errors
/// [`Refusal::Page`] of a request from a page of another origin; otherwise the store's.
pub async fn replay(State(app): State<Arc<App>>, headers: HeaderMap, body: String) -> Result<Json<Value>, Refusal> {
    crate::keep::own(&headers)?;
    let which: Which = if body.trim().is_empty() {
        Which::default()
    } else {
        serde_json::from_str(&body).map_err(|error| Refusal::Fault(Fault::json("body/json", &error)))?
    };
    let keys = Arc::clone(&app.keys);
    let work = app.writer.run("replay", move |graph| {
        let (connection, received) = (graph.connection, graph.received);
        let (records, letters): (Vec<Kept>, Vec<Kept>) = waiting(connection, &which)?
            .into_iter()
            .partition(|letter| (letter.source.as_str(), letter.path.as_str()) == LOG);
        let mut told = Told::default();
        let mut journal = Journal::new(graph);
        for letter in letters {
            let delivery = letter.read(&keys);
            if let Some(wrong) = delivery.letters.first() {
                told.refuse(letter.id, &wrong.code, &wrong.field, &wrong.message);
                continue;
            }
            told.unpermitted += delivery.unpermitted;
            for event in &delivery.events {
                told.count(journal.record(event)?);
            }
            letter.done(connection, received)?;
        }
        journal.close()?;
        Ok((told, records))
    });
    let (mut told, records) = work.await?;
    for letter in records {
        let id = letter.id;
        match app.writer.run("replay of a record", move |graph| letter.restore(graph)).await {
            Ok(more) => told.add(more),
            Err(_) => told.refuse(id, "log/refused", "", "the store did not take it; look at the collector's log"),
        }
    }
    Ok(Json(told.show()))
}

fn waiting(connection: &Connection, which: &Which) -> Result<Vec<Kept>> {
    if let Some(ids) = &which.ids {
        let one = format!("SELECT {COLUMNS} FROM dead_letters WHERE id = ?1 AND replayed IS NULL");
        let found =
            ids.iter().take(usize::try_from(PAGE).unwrap_or_default()).map(|id| connection.first(&one, params![*id]));
        return found
            .filter_map(|row| row.and_then(|row| row.as_ref().map(Kept::of).transpose()).transpose())
            .collect();
    }
    let code = which.code.as_deref().unwrap_or_default();
    let sql = format!(
        "SELECT {COLUMNS} FROM dead_letters WHERE replayed IS NULL AND (?1 = '' OR code = ?1) ORDER BY id LIMIT ?2"
    );
    connection.query(&sql, params![code, PAGE])?.iter().map(Kept::of).collect()
}

impl Told {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Stored => self.stored += 1,
            Outcome::Duplicate => self.duplicate += 1,
            Outcome::LetGo => self.unpermitted += 1,
        }
    }

    fn refuse(&mut self, id: i64, code: &str, field: &str, message: &str) {
        self.refused.push(json!({ "id": id, "code": code, "field": field, "message": message }));
    }

    fn add(&mut self, more: Self) {
        self.stored += more.stored;
        self.duplicate += more.duplicate;
        self.unpermitted += more.unpermitted;
        self.refused.extend(more.refused);
    }

    fn show(self) -> Value {
        json!({
            "stored": self.stored, "duplicate": self.duplicate, "unpermitted": self.unpermitted, "refused": self.refused,
        })
    }
}

impl Kept {
    /// Notes that it is stored. The bytes have done their work, and of what is not permitted nothing is to stay.
    fn done(&self, connection: &Connection, now: i64) -> Result<()> {
        connection.execute(
            "UPDATE dead_letters SET replayed = ?2, body = ?3 WHERE id = ?1",
            params![self.id, now, &[0_u8; 0]],
        )?;
        Ok(())
    }

    /// Stores the record of the log that it holds. Its events were read when they came, so nothing asks for their key again.
    fn restore(&self, graph: &mut Graph<'_>) -> Result<Told> {
        let mut told = Told::default();
        // It may have been sent again meanwhile.
        let waits = "SELECT 1 FROM dead_letters WHERE id = ?1 AND replayed IS NULL";
        if !graph.connection.exists(waits, params![self.id])? {
            return Ok(told);
        }
        let read = match Record::decode(&self.body) {
            Some(Record::Events(delivery)) => Some((delivery, Vec::new())),
            Some(Record::Syncs(messages)) => {
                let intakes: Option<Vec<Intake>> = messages.iter().map(|bytes| record::intake(bytes).ok()).collect();
                intakes.map(|intakes| (Delivery::default(), intakes))
            }
            Some(Record::Probe) => Some((Delivery::default(), Vec::new())),
            None => None,
        };
        let Some((delivery, intakes)) = read else {
            told.refuse(
                self.id,
                "log/unreadable",
                "",
                "no record that this build knows; a newer collector may read it",
            );
            return Ok(told);
        };
        let mut journal = Journal::new(graph);
        for event in &delivery.events {
            told.count(journal.record(event)?);
        }
        for letter in &delivery.letters {
            journal.bury(letter)?;
        }
        journal.close()?;
        let mut ledger = Ledger::new(graph);
        for intake in &intakes {
            told.count(match ledger.record(intake)? {
                Verdict::Stored => Outcome::Stored,
                // The first one counts.
                Verdict::Duplicate | Verdict::Conflict => Outcome::Duplicate,
                Verdict::Forgotten => Outcome::LetGo,
            });
        }
        ledger.close()?;
        self.done(graph.connection, graph.received)?;
        Ok(told)
    }

    fn of(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            received: row.get(1)?,
            source: row.get(2)?,
            path: row.get(3)?,
            position: row.get(4)?,
            code: row.get(5)?,
            field: row.get(6)?,
            message: row.get(7)?,
            body: row.get(8)?,
            replayed: row.get(9)?,
        })
    }

    fn show(&self) -> Value {
        let (name, body) = match std::str::from_utf8(&self.body) {
            Ok(text) => ("body", text.to_owned()),
            Err(_) => ("body_base64", STANDARD.encode(&self.body)),
        };
        json!({
            "id": self.id, "received": self.received, "source": self.source, "path": self.path, "position": self.position,
            "code": self.code, "field": self.field, "message": self.message, "replayed": self.replayed, name: body,
        })
    }

    /// Reads it as it would be read if it came now, at the time that it came.
    fn read(&self, keys: &Keys) -> Delivery {
        let opened = keys.named(&self.source);
        let arrival = Arrival {
            source: &self.source,
            trusted: opened.as_ref().is_some_and(|opened| opened.is_trusted()),
            otherwise: opened.as_ref().map_or(Permissions::NONE, |opened| opened.key().otherwise),
            received: self.received,
            path: &self.path,
            visitor: None,
        };
        let read = match (Route::of(&self.path), self.path.as_str()) {
            _ if opened.is_none() => Err(Fault::new(
                "key/unknown",
                "",
                "there is no write key of this name any more; make one, or import the file again",
            )),
            (Some(route), _) => Request::open(route, &self.body).map(|request| request.deliver(&arrival)),
            (_, "/mp/collect") => ga4::Request::open(&self.body).map(|request| request.deliver(&arrival)),
            (_, "/v1/cloudevents") => cloudevents::deliver(Mode::Structured, &HeaderMap::new(), &self.body, &arrival),
            (_, "/v1/pixel.gif") => Ok(pixel::deliver(&String::from_utf8_lossy(&self.body), &arrival)),
            _ => Err(Fault::new(
                "letter/path",
                "",
                "rows of a file are not sent again; mend the file or its mapping and import it again",
            )),
        };
        read.unwrap_or_else(|fault| {
            let letter = crate::intake::letters::letter(fault, 0, &arrival, Vec::new());
            Delivery { letters: vec![letter], ..Delivery::default() }
        })
    }
}
