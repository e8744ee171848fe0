//! Post: the outbox in the store, its delivery log, its dead letters, and who is not to be written to.
//!
//! [`send`] is called in the transaction that decides something; from then on it is either in the outbox or in the log. What
//! was delivered leaves the outbox with its body, and the log keeps the id: the same id sent again is not taken.
//!
//! A lane lends parcels by moving their `due` ahead; nothing else marks them as under way, so a lane that dies gives them
//! back by doing nothing.
//!
//! Invariant: an id stands in the outbox of a destination, or as delivered in its log, never in both.

use std::time::Duration;

use petitfour::identity::Digest;
use serde::Serialize;

use super::{Claimed, Kind, Outbox, Parcel, Settled, Settlement, echo};
use crate::{
    params,
    sql::{Connection, Result, Row},
    store::Place,
};

/// How long a parcel is lent: longer than any destination's own timeouts for a whole batch of 50 mails, shorter than
/// anybody would wait for a parcel that a dead process had taken.
const LEASE: Duration = Duration::from_secs(300);

/// The channel of mail in the list of suppressions.
pub const MAIL: &str = "mail";

const DELIVERED: i64 = 1;
const AGAIN: i64 = 2;
const DEAD: i64 = 3;

/// A lane's own way into the store.
pub struct Post {
    place: Place,
    connection: Option<Connection>,
    lease: Duration,
}

/// A line of the delivery log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Where it went.
    pub destination: String,
    /// The parcel.
    pub id: String,
    /// Whom it was about; empty when the person was deleted.
    pub person: String,
    /// What it was.
    pub kind: String,
    /// `delivered`, `again` or `dead`.
    pub outcome: &'static str,
    /// Attempts.
    pub attempts: u32,
    /// When, in Unix ms.
    pub at: i64,
    /// Why not, if it was not.
    pub reason: String,
}

/// What waits for one destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Which.
    pub destination: String,
    /// To be delivered.
    pub waiting: u64,
    /// Given up.
    pub dead: u64,
    /// When the oldest that waits was decided, in Unix ms.
    pub oldest: Option<i64>,
}

/// Puts a parcel into the outbox of a destination; false when its id was there before. Runs in the caller's transaction.
///
/// # Errors
/// Any error of the store.
pub fn send(connection: &Connection, destination: &str, parcel: &Parcel) -> Result<bool> {
    let body = parcel.body.to_string();
    let added = connection.execute(
        "INSERT INTO outbox (destination, id, person, kind, at, body, attempts, due, dead)
         SELECT ?1, ?2, ?3, ?4, CAST(?5 AS BIGINT), ?6, 0, CAST(?5 AS BIGINT), 0
         WHERE NOT EXISTS (SELECT 1 FROM delivery_log WHERE destination = ?1 AND id = ?2 AND outcome = 1)
         ON CONFLICT (destination, id) DO NOTHING",
        params![destination, &parcel.id, &parcel.person, parcel.kind.word(), parcel.at, &body],
    )?;
    Ok(added == 1)
}

/// Whom a mail address is known as in the list of suppressions.
#[must_use]
pub fn address(address: &str) -> String {
    Digest::of(address.trim().to_lowercase()).hex()
}

/// Notes that somebody is not to be written to; `who` is a person's id or an [`address`].
///
/// # Errors
/// Any error of the store.
pub fn suppress(connection: &Connection, channel: &str, who: &str, at: i64, reason: &str) -> Result<()> {
    connection.execute(
        "INSERT INTO suppressions (channel, who, at, reason) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (channel, who) DO NOTHING",
        params![channel, who, at, reason],
    )?;
    Ok(())
}

/// Takes that back.
///
/// # Errors
/// Any error of the store.
pub fn allow(connection: &Connection, channel: &str, who: &str) -> Result<bool> {
    Ok(connection.execute("DELETE FROM suppressions WHERE channel = ?1 AND who = ?2", params![channel, who])? > 0)
}

/// Is somebody not to be written to?
///
/// # Errors
/// Any error of the store.
pub fn is_suppressed(connection: &Connection, channel: &str, who: &str) -> Result<bool> {
    connection.exists("SELECT 1 FROM suppressions WHERE channel = ?1 AND who = ?2", params![channel, who])
}

/// What waits, by destination.
///
/// # Errors
/// Any error of the store.
pub fn waiting(connection: &Connection) -> Result<Vec<Waiting>> {
    let rows = connection.query(
        "SELECT destination, CAST(sum(1 - dead) AS BIGINT), CAST(sum(dead) AS BIGINT),
           min(CASE WHEN dead = 0 THEN at END) FROM outbox GROUP BY destination ORDER BY destination",
        params![],
    )?;
    let waiting = |row: &Row| {
        let count = |at| row.get::<i64>(at).map(i64::unsigned_abs);
        Ok(Waiting { destination: row.get(0)?, waiting: count(1)?, dead: count(2)?, oldest: row.get(3)? })
    };
    rows.iter().map(waiting).collect()
}

/// The latest lines of the log, the newest first; of dead letters alone when `dead` says so.
///
/// # Errors
/// Any error of the store.
pub fn log(connection: &Connection, dead: bool, most: u32) -> Result<Vec<Entry>> {
    let rows = connection.query(
        "SELECT destination, id, person, kind, outcome, attempts, at, reason FROM delivery_log
         WHERE outcome >= ?1 ORDER BY at DESC, destination, id LIMIT ?2",
        params![if dead { DEAD } else { DELIVERED }, most],
    )?;
    let entry = |row: &Row| {
        Ok(Entry {
            destination: row.get(0)?,
            id: row.get(1)?,
            person: row.get(2)?,
            kind: row.get(3)?,
            outcome: match row.get::<i64>(4)? {
                DELIVERED => "delivered",
                AGAIN => "again",
                _ => "dead",
            },
            attempts: row.get(5)?,
            at: row.get(6)?,
            reason: row.get(7)?,
        })
    };
    rows.iter().map(entry).collect()
}

/// Gives dead letters of a destination another chance, one by id or all; how many.
///
/// # Errors
/// Any error of the store.
pub fn replay(connection: &Connection, destination: &str, id: Option<&str>, now: i64) -> Result<u64> {
    connection.execute(
        "UPDATE outbox SET dead = 0, attempts = 0, due = ?3
         WHERE destination = ?1 AND dead = 1 AND (?2 = '' OR id = ?2)",
        params![destination, id.unwrap_or_default(), now],
    )
}

/// Where something of a person was delivered, so that it must be deleted there too.
///
/// # Errors
/// Any error of the store.
pub fn holders(connection: &Connection, person: &str) -> Result<Vec<String>> {
    let rows = connection.query(
        "SELECT DISTINCT destination FROM delivery_log WHERE person = ?1 AND outcome = 1 AND kind <> 'delete'
         ORDER BY destination",
        params![person],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Lets go of what waits for a person, deletions excepted, and of the name in the log; how many rows were touched.
///
/// # Errors
/// Any error of the store.
pub fn forget(connection: &Connection, person: &str) -> Result<u64> {
    let waiting = connection.execute("DELETE FROM outbox WHERE person = ?1 AND kind <> 'delete'", params![person])?;
    let logged = connection.execute("UPDATE delivery_log SET person = '' WHERE person = ?1", params![person])?;
    let listed = connection.execute("DELETE FROM suppressions WHERE who = ?1", params![person])?;
    Ok(waiting + logged + listed)
}

impl Post {
    /// Over a store that exists.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self { place, connection: None, lease: LEASE }
    }

    /// The same, lending for another time than five minutes.
    #[must_use]
    pub fn lending(place: Place, lease: Duration) -> Self {
        Self { lease, ..Self::new(place) }
    }

    fn connected(&mut self) -> anyhow::Result<&Connection> {
        let connection = match self.connection.take().filter(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => self.place.writer()?,
        };
        Ok(self.connection.insert(connection))
    }
}

impl Outbox for Post {
    fn claim(&mut self, destination: &str, most: usize, now: i64) -> anyhow::Result<Vec<Claimed>> {
        let lease = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        let connection = self.connected()?;
        let due = "SELECT id, person, kind, at, body, attempts FROM outbox
             WHERE destination = ?1 AND dead = 0 AND due <= ?2 ORDER BY due, at, id LIMIT ?3";
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        // Looking costs nothing while nothing waits; the transaction that takes turns with other writers begins after.
        if !connection.exists(due, params![destination, now, 1])? {
            return Ok(Vec::new());
        }
        let transaction = connection.write()?;
        let rows = transaction.query(due, params![destination, now, most])?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in rows {
            let (id, person, word, body): (String, String, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(4)?);
            let kind = Kind::of(&word);
            let parsed = serde_json::from_str(&body).ok();
            let (Some(kind), Some(body)) = (kind, parsed) else {
                // A newer collector's kind, or a row that somebody has edited: it stays where it is seen.
                mark(&transaction, destination, &id, (row.get(5)?, now, "post/row"))?;
                continue;
            };
            let attempts: u32 = row.get(5)?;
            let parcel = Parcel { id, person, kind, at: row.get(3)?, body };
            if kind == Kind::Mail && unwanted(&transaction, &parcel)? {
                mark(&transaction, destination, &parcel.id, (attempts, now, "mail/suppressed"))?;
                continue;
            }
            transaction.execute(
                "UPDATE outbox SET due = ?3 WHERE destination = ?1 AND id = ?2",
                params![destination, &parcel.id, now.saturating_add(lease)],
            )?;
            claimed.push(Claimed { parcel, attempts });
        }
        transaction.commit()?;
        Ok(claimed)
    }

    fn settle(&mut self, destination: &str, settled: &[Settled]) -> anyhow::Result<()> {
        let connection = self.connected()?;
        let transaction = connection.write()?;
        for one in settled {
            let (attempts, at) = (one.attempts, one.at);
            // Before the parcel leaves the outbox: by it the person is found.
            if let Some(echo) = &one.echo {
                echo::record(&transaction, destination, &one.id, echo, at)?;
            }
            match &one.settlement {
                Settlement::Delivered => {
                    note(&transaction, destination, &one.id, DELIVERED, (attempts, at, ""))?;
                    transaction.execute(
                        "DELETE FROM outbox WHERE destination = ?1 AND id = ?2",
                        params![destination, &one.id],
                    )?;
                }
                Settlement::Again { reason, due } => {
                    note(&transaction, destination, &one.id, AGAIN, (attempts, at, reason))?;
                    transaction.execute(
                        "UPDATE outbox SET attempts = ?3, due = ?4 WHERE destination = ?1 AND id = ?2",
                        params![destination, &one.id, attempts, *due],
                    )?;
                }
                Settlement::Dead { reason } => mark(&transaction, destination, &one.id, (attempts, at, reason))?,
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

/// Whether a mail's person or address is not to be written to.
fn unwanted(connection: &Connection, parcel: &Parcel) -> Result<bool> {
    let to = parcel.body.get("to").and_then(|to| to.as_str()).unwrap_or_default();
    Ok(is_suppressed(connection, MAIL, &parcel.person)? || is_suppressed(connection, MAIL, &address(to))?)
}

/// Gives a parcel up.
fn mark(connection: &Connection, destination: &str, id: &str, (attempts, at, reason): (u32, i64, &str)) -> Result<()> {
    note(connection, destination, id, DEAD, (attempts, at, reason))?;
    connection.execute(
        "UPDATE outbox SET dead = 1, attempts = ?3 WHERE destination = ?1 AND id = ?2",
        params![destination, id, attempts],
    )?;
    Ok(())
}

/// Writes a line of the log; what a parcel was is read from the outbox, so that a person who was deleted meanwhile is
/// not named again.
fn note(
    connection: &Connection,
    destination: &str,
    id: &str,
    outcome: i64,
    (attempts, at, reason): (u32, i64, &str),
) -> Result<()> {
    connection.execute(
        "INSERT INTO delivery_log (destination, id, person, kind, outcome, attempts, at, reason)
         SELECT destination, id, CASE WHEN kind = 'delete' THEN '' ELSE person END, kind,
           CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), CAST(?5 AS BIGINT), ?6
         FROM outbox WHERE destination = ?1 AND id = ?2
         ON CONFLICT (destination, id) DO UPDATE SET outcome = excluded.outcome, attempts = excluded.attempts,
           at = excluded.at, reason = excluded.reason",
        params![destination, id, outcome, attempts, at, reason],
    )?;
    Ok(())
}
