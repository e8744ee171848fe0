//! A message of a journey: to whom, by which channel, and why not.

use std::sync::Arc;

use petitfour::{
    consent::Permissions,
    engine::{Due, Engine, Session},
    id::Key,
    identity::Digest,
    journey::{Choice, Pressure, Reach},
    time::Moment,
};
use serde_json::{Map, Value, json};

use super::Walker;
use crate::{
    destination::{Kind, Parcel, post},
    hex, params,
    sql::Result,
};

/// A day in ms.
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// The channel whose messages go to a mailbox.
const MAIL: &str = "mail";

/// What is to be sent.
pub(super) struct Order {
    pub(super) journey: String,
    pub(super) key: Key,
    pub(super) step: String,
    pub(super) channel: String,
    pub(super) message: String,
}

/// Sends to one person.
pub(super) struct Sender<'a> {
    pub(super) walker: &'a Walker<'a>,
    pub(super) person: i64,
}

impl Order {
    /// What the bundle says of it, one for each channel in the author's order.
    pub(super) fn all(engine: &Arc<Engine>, due: &Due) -> Vec<Self> {
        (due.message..due.message.saturating_add(due.channels))
            .filter_map(|message| Self::of(engine, due, message))
            .collect()
    }

    fn of(engine: &Arc<Engine>, due: &Due, message: usize) -> Option<Self> {
        let catalog = engine.catalog();
        let journey = catalog.journey(due.journey)?;
        let message = catalog.messages().nth(message)?;
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
    /// What the engine says of a message that waits, and the orders that it chose among.
    pub(super) fn choose(&self, session: &Session, due: &Due, moment: Moment) -> Result<(Vec<Order>, Choice)> {
        let orders = Order::all(session.engine(), due);
        let mut reaches = Vec::with_capacity(orders.len());
        for order in &orders {
            let refusal = self.refusal(&order.channel)?;
            reaches.push(Reach { pressure: self.pressure(&order.channel, moment)?, refusal });
        }
        let mut reach = |number: usize| reaches.get(number).copied().unwrap_or_default();
        let choice = session.choose(due, &mut reach, self.permissions()?, moment);
        Ok((orders, choice))
    }

    /// How often the person was reached by a channel until now.
    fn pressure(&self, channel: &str, moment: Moment) -> Result<Pressure> {
        let offset = i64::from(moment.offset_minutes) * 60_000;
        let midnight = i64::from(moment.local_day()) * DAY - offset;
        let count = |since: i64| -> Result<u32> {
            let found: Option<i64> = self.walker.connection.scalar(
                "SELECT count(*) FROM identifiers i JOIN sendings s ON s.identifier = i.id
                 WHERE i.person = ?1 AND s.channel = ?2 AND s.reason = '' AND s.at >= ?3",
                params![self.person, channel, since],
            )?;
            Ok(u32::try_from(found.unwrap_or_default()).unwrap_or(u32::MAX))
        };
        Ok(Pressure { day: count(midnight)?, week: count(midnight - 6 * DAY)? })
    }

    /// What the person has permitted, as the latest event of theirs told.
    fn permissions(&self) -> Result<Permissions> {
        let told: Option<u8> = self.walker.connection.scalar(
            "SELECT e.permitted FROM identifiers i JOIN events e ON e.identifier = i.id
             WHERE i.person = ?1 ORDER BY e.at DESC LIMIT 1",
            params![self.person],
        )?;
        Ok(Permissions::from_bits(told.unwrap_or_default()))
    }

    /// Why nothing can reach the person by a channel.
    fn refusal(&self, channel: &str) -> Result<Option<&'static str>> {
        if self.walker.routes.bearers(channel).next().is_none() {
            return Ok(Some("no_destination"));
        }
        if channel != MAIL {
            return Ok(None);
        }
        let Some(to) = self.address("email")? else { return Ok(Some("no_address")) };
        let connection = self.walker.connection;
        let suppressed = post::is_suppressed(connection, post::MAIL, &self.name()?)?
            || post::is_suppressed(connection, post::MAIL, &post::address(&to))?;
        Ok(suppressed.then_some("suppressed"))
    }

    /// Puts a message into the outbox of everybody who carries its channel.
    pub(super) fn send(&self, due: &Due, order: &Order) -> Result<()> {
        let (kind, body) = if order.channel == MAIL {
            let mut values = self.traits()?;
            values.insert("journey".to_owned(), order.journey.clone().into());
            values.insert("step".to_owned(), order.step.clone().into());
            (Kind::Mail, json!({ "to": self.address("email")?, "template": order.message, "values": values }))
        } else {
            let body = json!({
                "channel": order.channel, "message": order.message, "journey": order.journey, "step": order.step,
                "phone": self.address("phone")?,
            });
            (Kind::Event, body)
        };
        let person = self.name()?;
        let id = format!("journey\n{}\n{}\n{person}\n{}", order.journey, order.step, due.since.0);
        let parcel = Parcel { id: Digest::of(id).hex(), person, kind, at: self.walker.now, body };
        for bearer in self.walker.routes.bearers(&order.channel) {
            post::send(self.walker.connection, bearer, &parcel)?;
        }
        Ok(())
    }

    /// Writes down what became of a message; `before` are the channels that were preferred, each with why it was not.
    pub(super) fn note(&self, due: &Due, order: &Order, reason: &str, before: &[(String, &str)]) -> Result<()> {
        let before: Vec<String> = before.iter().map(|(channel, reason)| format!("{channel}={reason}")).collect();
        self.walker.connection.execute(
            "INSERT INTO sendings (identifier, journey, since, step, message, channel, at, reason, before)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (identifier, journey, since, step) DO NOTHING",
            params![
                self.person,
                order.key.0,
                i64::try_from(due.since.0).unwrap_or(i64::MAX),
                due.place.step,
                &order.message,
                &order.channel,
                self.walker.now,
                reason,
                &before.join(" ")
            ],
        )?;
        Ok(())
    }

    /// The person's universal id, as parcels name it.
    fn name(&self) -> Result<String> {
        let uid: Option<[u8; 16]> =
            self.walker.connection.scalar("SELECT uid FROM identifiers WHERE id = ?1", params![self.person])?;
        Ok(hex::write(&uid.unwrap_or_default()))
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
