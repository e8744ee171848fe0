//! How many people stand where, and what another bundle makes of them.

use std::sync::Arc;

use axum::{Json, extract::State};
use petitfour::{engine::Engine, id::Key, journey::Fate};
use serde_json::{Value, json};

use crate::{
    answer::Refusal,
    params,
    site::App,
    sql::{Connection, Result},
};

/// People at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Key of the journey.
    pub journey: u32,
    /// Code of the step, or of the way out.
    pub step: u32,
    /// How many.
    pub people: i64,
}

/// How many people stand where.
///
/// # Errors
/// Any error of the store.
pub fn census(connection: &Connection) -> Result<Vec<Count>> {
    // Everybody has a row under the number of the person, once the origin has looked at them.
    let rows = connection.query(
        "SELECT j.journey, j.step, count(*) FROM journeys j JOIN identifiers i ON i.id = j.identifier AND i.person = i.id
         GROUP BY j.journey, j.step ORDER BY j.journey, j.step",
        params![],
    )?;
    rows.iter().map(|row| Ok(Count { journey: row.get(0)?, step: row.get(1)?, people: row.get(2)? })).collect()
}

/// Another bundle is there: whoever rests at a step that it moves or ends is looked at now, and the log says how many that are.
///
/// # Errors
/// Any error of the store.
pub fn revise(connection: &Connection, engine: &Engine) -> Result<()> {
    for Count { journey, step, people } in census(connection)? {
        let Some(known) = engine.known(Key(journey), step) else {
            crate::say!(
                "journeys: {people} people are in a journey that is not in the bundle any more; they are parked"
            );
            continue;
        };
        let word = match known.fate {
            Fate::Stays => continue,
            Fate::Parks => "are parked at a step that is gone",
            Fate::Moves => "go on elsewhere from a step that is gone",
            Fate::Ends => "leave from a step that is gone",
        };
        crate::say!("journeys: {}: {people} people {word}", known.journey);
        if known.fate != Fate::Parks {
            let sql = "UPDATE journeys SET due = 0 WHERE journey = ?1 AND step = ?2";
            connection.execute(sql, params![journey, step])?;
        }
    }
    Ok(())
}

/// `GET /v1/journeys`: how many people stand where, and what the bundle makes of them.
///
/// # Errors
/// A [`Refusal`] when the store cannot be read.
pub async fn list(State(app): State<Arc<App>>) -> std::result::Result<Json<Value>, Refusal> {
    let engine = app.asked();
    let counts = app.reader.run("journeys", census).await?;
    let rows: Vec<Value> = counts
        .iter()
        .map(|Count { journey, step, people }| {
            let known = engine.as_ref().and_then(|engine| engine.known(Key(*journey), *step));
            let fate = known.as_ref().map_or("unknown", |known| match known.fate {
                Fate::Stays => "stays",
                Fate::Parks => "parks",
                Fate::Moves => "moves",
                Fate::Ends => "ends",
            });
            json!({
                "journey": known.as_ref().map_or_else(|| format!("#{journey:08x}"), |known| known.journey.to_owned()),
                "step": known.and_then(|known| known.step).map_or_else(|| format!("#{step:05x}"), str::to_owned),
                "people": people, "fate": fate,
            })
        })
        .collect();
    Ok(Json(json!({ "journeys": rows })))
}
