//! Echo: what is heard of a mail after it went, as events of the person: that a relay took it, or refused the mailbox, that it was
//! opened, that a link in it was followed.
//!
//! They are rows of `events` like any other, so they are counted in profiles, move journeys, stand in the lake, and go when the person is
//! deleted. The event hangs on the identifier by which the person goes.
//!
//! Invariant: nothing is written of whoever does not permit *measure* and *share* by the latest that they told, nor of whoever was deleted.
//! Absent on purpose: the address, the client and the network that a mail was opened from.

use std::collections::BTreeMap;

use petitfour::consent::Permissions;
use serde_json::{Map, Value, json};

use crate::{
    counts,
    event::{Event, Kind},
    hex, params,
    sql::{Connection, Result},
};

/// A relay has taken it.
pub const SENT: &str = "mail_sent";
/// The relay has refused the mailbox for good.
pub const BOUNCED: &str = "mail_bounced";
/// Its image was fetched.
pub const OPENED: &str = "mail_opened";
/// A link in it was followed.
pub const CLICKED: &str = "mail_clicked";

/// One thing that is heard of one parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    /// What: one of the names above.
    pub name: &'static str,
    /// What of it counts once for a parcel: the link that was followed, and else nothing.
    pub mark: String,
    /// What the event's `properties` are, as JSON; the parcel's id is added as `mail`.
    pub properties: Map<String, Value>,
}

/// Writes an echo of a parcel down, at `at` (Unix ms); false when it was known, is not permitted, or nobody is left whom it is of.
///
/// # Errors
/// Any error of the store.
pub fn record(connection: &Connection, destination: &str, parcel: &str, echo: &Echo, at: i64) -> Result<bool> {
    let Some((person, permitted)) = owner(connection, destination, parcel)? else { return Ok(false) };
    let told = Permissions::from_bits(permitted);
    if !told.measure() || !told.share() {
        return Ok(false);
    }
    let message = Event::message(destination, format!("{}\n{parcel}\n{}", echo.name, echo.mark));
    let seen = "INSERT INTO seen (message, received) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    if connection.execute(seen, params![&message, at])? == 0 {
        return Ok(false);
    }
    let mut properties = echo.properties.clone();
    properties.insert("mail".to_owned(), parcel.into());
    let body = json!({ "properties": properties }).to_string();
    connection.execute(
        "INSERT INTO events (identifier, kind, name, source, at, received, value, permitted, message, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, 0, ?6, ?7, ?8)",
        params![person, Kind::Track as u8, echo.name, destination, at, permitted, &message, &body],
    )?;
    counts::add(connection, &BTreeMap::from([("events", 1)]))?;
    Ok(true)
}

/// The person whom a parcel was about, and what they permit by the latest that they told.
fn owner(connection: &Connection, destination: &str, parcel: &str) -> Result<Option<(i64, u8)>> {
    // A parcel that was just delivered may not be in the log yet.
    let name: Option<String> = connection.scalar(
        "SELECT person FROM delivery_log WHERE destination = ?1 AND id = ?2
         UNION ALL SELECT person FROM outbox WHERE destination = ?1 AND id = ?2 LIMIT 1",
        params![destination, parcel],
    )?;
    let Some(uid) = name.and_then(|name| hex::read::<16>(&name)) else { return Ok(None) };
    let person: Option<i64> = connection.scalar("SELECT person FROM identifiers WHERE uid = ?1", params![&uid])?;
    let Some(person) = person else { return Ok(None) };
    let permitted: Option<u8> = connection.scalar(
        "SELECT e.permitted FROM identifiers i JOIN events e ON e.identifier = i.id
         WHERE i.person = ?1 ORDER BY e.at DESC, e.id DESC LIMIT 1",
        params![person],
    )?;
    Ok(permitted.map(|permitted| (person, permitted)))
}
