//! The segments that are asked about, and the task that keeps persons' profiles up to the events.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use petitfour::engine::Engine;

use super::{hours, profile};
use crate::{
    destination::dispatch::Routes,
    journey, params,
    shelf::Served,
    sql::{Connection, Result},
    writer::Writer,
};

/// How long events may wait to be told to the engine.
const PAUSE: Duration = Duration::from_millis(250);

/// Pauses between two looks at persons of whom nothing new is known: a hundred persons a second.
const AGAIN: u32 = 4;

/// The engine over the bundle of segments; nothing while none is served. Cheap to clone.
#[derive(Clone, Default)]
pub struct Asked(Arc<RwLock<Option<Arc<Engine>>>>);

impl Asked {
    /// The engine, if there is one.
    #[must_use]
    pub fn engine(&self) -> Option<Arc<Engine>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes another bundle's segments.
    pub(crate) fn learn(&self, served: &Served) {
        // It was opened already: what is served opens.
        if let Ok(engine) = Engine::load(served.bytes()) {
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(engine));
        }
    }

    /// Follows the events for ever. Run it as a task and drop it to stop: what was not told yet is told after the next start.
    pub(crate) async fn follow(self, writer: Writer, routes: Arc<Routes>) {
        let mut pause = tokio::time::interval(PAUSE);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut after, mut ticks, mut counting) = (0, 0_u32, false);
        loop {
            pause.tick().await;
            let Some(engine) = self.engine() else { continue };
            ticks = ticks.wrapping_add(1);
            if ticks.is_multiple_of(AGAIN) {
                let (engine, routes) = (Arc::clone(&engine), Arc::clone(&routes));
                let step = writer.run("segments", move |graph| {
                    profile::look_again(graph.connection, &engine, &routes, after, graph.received)
                });
                after = step.await.unwrap_or(after);
            }
            loop {
                let (engine, routes) = (Arc::clone(&engine), Arc::clone(&routes));
                let step = writer.run("profiles", move |graph| {
                    if begin_anew(graph.connection, engine.catalog().hash().cast_signed() ^ MADE)? {
                        journey::census::revise(graph.connection, &engine)?;
                    }
                    profile::fold(graph.connection, &engine, &routes, graph.received)
                });
                // A store that is busy or away is asked again after the pause.
                if !step.await.unwrap_or(false) {
                    break;
                }
            }
            // One step at a time: events and journeys do not wait until everybody's hours are counted.
            if counting || ticks.is_multiple_of(AGAIN) {
                let step = writer.run("hours", |graph| hours::follow(graph.connection, graph.received));
                counting = step.await.unwrap_or(false);
            }
            loop {
                let (engine, routes) = (Arc::clone(&engine), Arc::clone(&routes));
                let step = writer
                    .run("journeys", move |graph| journey::wake(graph.connection, &engine, &routes, graph.received));
                if !step.await.unwrap_or(false) {
                    break;
                }
            }
        }
    }
}

/// Changes when profiles are made otherwise, so that every one is made anew. 1: each person has a pseudonym of their own.
const MADE: i64 = 1;

/// Other segments count other things: every profile is told everything anew. Whether there are others.
fn begin_anew(connection: &Connection, hash: i64) -> Result<bool> {
    let known: Option<i64> = connection.scalar("SELECT value FROM about WHERE key = 'segments'", params![])?;
    if known == Some(hash) {
        return Ok(false);
    }
    connection.execute("DELETE FROM profiles", params![])?;
    connection.execute("DELETE FROM about WHERE key = 'folded'", params![])?;
    connection.execute(
        "INSERT INTO about (key, value) VALUES ('segments', ?1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![hash],
    )?;
    Ok(true)
}
