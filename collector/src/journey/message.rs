//! A message of a journey: to whom, by which channel, and why not.

use std::sync::Arc;

use petitfour::{
    engine::{Due, Engine},
    id::Key,
    identity::Digest,
};
use serde_json::{Map, Value, json};

use super::Walker;
use crate::{
    destination::{Kind, Parcel, post},
    hex, params,
    sql::Result,
};

/// The channel whose messages go to a mailbox.
const MAIL: &str = "mail";

/// What is to be sent.
pub(super) struct Order {
    journey: String,
    key: Key,
    step: String,
    channel: String,
    message: String,
}

/// Sends to one person.
pub(super) struct Sender<'a> {
    pub(super) walker: &'a Walker<'a>,
    pub(super) person: i64,
}

impl Order {
    /// What the bundle says of it.
    pub(super) fn of(engine: &Arc<Engine>, due: &Due) -> Option<Self> {
        let catalog = engine.catalog();
        let journey = catalog.journey(due.journey)?;
        let message = catalog.messages().nth(due.message)?;
        let channel = catalog.channels().nth(message.channel())?;
        let text = |number: u32| catalog.string(number).to_owned();
        Some(Self {
            journey: text(journey.name()),
            key: journey.key(),
            step: text(catalog.step(due.step)?.name()),
            channel: text(channel.name()),
            message: text(message.name()),
        })
    }
}

impl Sender<'_> {
    /// Puts the message into the outbox of everybody who carries its channel, or writes down why not.
    pub(super) fn hand_over(&self, _: &Arc<Engine>, due: &Due, order: Option<Order>) -> Result<()> {
        let Some(order) = order else { return Ok(()) };
        let connection = self.walker.connection;
        let uid: Option<[u8; 16]> =
            connection.scalar("SELECT uid FROM identifiers WHERE id = ?1", params![self.person])?;
        let person = hex::write(&uid.unwrap_or_default());
        let since = i64::try_from(due.since.0).unwrap_or(i64::MAX);
        let reason = self.send(&order, &person, since)?.err().unwrap_or_default();
        connection.execute(
            "INSERT INTO sendings (identifier, journey, since, step, message, channel, at, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (identifier, journey, since) DO NOTHING",
            params![
                self.person,
                order.key.0,
                since,
                due.place.step,
                &order.message,
                &order.channel,
                self.walker.now,
                reason
            ],
        )?;
        Ok(())
    }

    /// The error is the reason why nobody got it.
    fn send(&self, order: &Order, person: &str, since: i64) -> Result<std::result::Result<(), &'static str>> {
        let connection = self.walker.connection;
        let mut bearers = self.walker.routes.bearers(&order.channel).peekable();
        if bearers.peek().is_none() {
            return Ok(Err("no_destination"));
        }
        let (kind, body) = if order.channel == MAIL {
            let Some(to) = self.address("email")? else { return Ok(Err("no_address")) };
            let suppressed = post::is_suppressed(connection, post::MAIL, person)?
                || post::is_suppressed(connection, post::MAIL, &post::address(&to))?;
            if suppressed {
                return Ok(Err("suppressed"));
            }
            let mut values = self.traits()?;
            values.insert("journey".to_owned(), order.journey.clone().into());
            values.insert("step".to_owned(), order.step.clone().into());
            (Kind::Mail, json!({ "to": to, "template": order.message, "values": values }))
        } else {
            let body = json!({
                "channel": order.channel, "message": order.message, "journey": order.journey, "step": order.step,
                "phone": self.address("phone")?,
            });
            (Kind::Event, body)
        };
        let id = format!("journey\n{}\n{}\n{person}\n{since}", order.journey, order.step);
        let parcel = Parcel { id: Digest::of(id).hex(), person: person.to_owned(), kind, at: self.walker.now, body };
        for bearer in bearers {
            post::send(connection, bearer, &parcel)?;
        }
        Ok(Ok(()))
    }

    /// The latest address of the person in a channel.
    fn address(&self, channel: &str) -> Result<Option<String>> {
        self.walker.connection.scalar(
            "SELECT c.address FROM identifiers i JOIN contacts c ON c.identifier = i.id
             WHERE i.person = ?1 AND c.channel = ?2 ORDER BY c.at DESC, c.address DESC LIMIT 1",
            params![self.person, channel],
        )
    }

    /// What was last said of the person, for the placeholders of a template.
    fn traits(&self) -> Result<Map<String, Value>> {
        let body: Option<String> = self.walker.connection.scalar(
            "SELECT e.body FROM identifiers i JOIN events e ON e.identifier = i.id
             WHERE i.person = ?1 AND e.kind = ?2 ORDER BY e.at DESC LIMIT 1",
            params![self.person, crate::event::Kind::Identify as u8],
        )?;
        let body: Value = body.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default();
        Ok(body.get("traits").and_then(Value::as_object).cloned().unwrap_or_default())
    }
}
