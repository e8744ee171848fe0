//! In which segments a person is: asked of the engine, by the bundle that `petitfour build --segments` writes.
//!
//! A look is always at now: "two purchases within 30 days" ends by itself. What is kept of the last look is for counting, and for whoever
//! wants to know of joins and leaves.

use std::sync::Arc;

use petitfour::{
    decision::Reason,
    engine::{Engine, Session},
    id::Key,
    identity::Digest,
    time::Moment,
};

use serde_json::json;

use super::profile::listener;
use crate::{
    destination::{Kind, Parcel, dispatch::Routes, post},
    hex, params,
    rights::erasure,
    sql::{Connection, Result},
};

/// The placement at which the segments stand in their bundle.
const PLACEMENT: &str = "segments";

/// A segment, and whether somebody is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// In, or out.
    pub inside: bool,
}

impl Standing {
    /// By what a device knows it.
    #[must_use]
    pub fn key(&self) -> u32 {
        Key::of(&self.name).0
    }
}

/// In which segments a person is now, in the bundle's order; nothing when the person has no profile.
///
/// # Errors
/// Any error of the store.
pub fn of(connection: &Connection, engine: &Arc<Engine>, person: i64, now: i64) -> Result<Vec<Standing>> {
    let sql = "SELECT bytes FROM profiles WHERE person = ?1";
    let Some(bytes) = connection.scalar::<Vec<u8>>(sql, params![person])? else { return Ok(Vec::new()) };
    let mut session = listener(engine, person);
    // Bytes of a newer engine: nobody is told anything rather than something wrong.
    Ok(if session.restore(&bytes).is_ok() { of_session(&mut session, now) } else { Vec::new() })
}

pub(super) fn of_session(session: &mut Session, now: i64) -> Vec<Standing> {
    let moment = Moment::utc(u64::try_from(now).unwrap_or_default());
    let explained = session.explain(PLACEMENT, moment);
    explained
        .campaigns
        .into_iter()
        .map(|row| Standing { inside: row.reason != Reason::Segment, name: row.campaign })
        .collect()
}

/// Keeps what a look has found, and tells the destinations that follow a segment who joined and who left; what is as it was keeps
/// its time.
pub(super) fn keep(
    connection: &Connection,
    routes: &Routes,
    person: i64,
    standings: &[Standing],
    now: i64,
) -> Result<()> {
    for standing in standings {
        let sql = "SELECT inside FROM standings WHERE person = ?1 AND segment = ?2";
        let before: Option<bool> = connection.scalar(sql, params![person, standing.key()])?;
        if before == Some(standing.inside) {
            continue;
        }
        connection.execute(
            "INSERT INTO standings (person, segment, inside, since) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (person, segment) DO UPDATE SET inside = excluded.inside, since = excluded.since",
            params![person, standing.key(), standing.inside, now],
        )?;
        // Who was never in has not left.
        if standing.inside || before.is_some() {
            tell(connection, routes, person, standing, now)?;
        }
    }
    Ok(())
}

/// Puts a join or a leave into the outbox of every destination that follows the segment, in this very transaction.
fn tell(connection: &Connection, routes: &Routes, person: i64, standing: &Standing, now: i64) -> Result<()> {
    let mut followers = routes.followers(&standing.name).peekable();
    if followers.peek().is_none() {
        return Ok(());
    }
    let rows = connection
        .query("SELECT namespace, value, forms FROM identifiers WHERE person = ?1 AND shared = 0", params![person])?;
    let mut targets = erasure::Targets::new();
    for row in &rows {
        targets.insert((row.get(0)?, row.get(1)?), row.get(2)?);
    }
    let uid: Option<[u8; 16]> = connection.scalar("SELECT uid FROM identifiers WHERE id = ?1", params![person])?;
    let person = hex::write(&uid.unwrap_or_default());
    let parcel = Parcel {
        // The log of deliveries keeps ids when it lets go of names.
        id: Digest::of(format!("{}\n{person}\n{now}", standing.name)).hex(),
        person,
        kind: if standing.inside { Kind::Add } else { Kind::Remove },
        at: now,
        body: json!({ "audience": standing.name, "member": erasure::member(&targets) }),
    };
    for follower in followers {
        post::send(connection, follower, &parcel)?;
    }
    Ok(())
}
