//! A message of a journey: to whom, by which channel, and why not.

use std::{collections::BTreeMap, sync::Arc};

use petitfour::{
    consent::Permissions,
    engine::{Due, Engine, Session},
    id::Key,
    identity::Digest,
    journey::{Choice, Pressure, Reach},
};
use serde_json::{Map, Value, json};

use super::{Walker, zone::Clock};
use crate::{
    destination::{Kind, Parcel, post},
    hex, params,
    sql::{Error, Result, Row},
};

/// The channel whose messages go to a mailbox.
const MAIL: &str = "mail";
/// Among contacts, the number by which somebody is called or written to.
const NUMBER: &str = "sms";

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
    pub(super) fn choose(&self, session: &Session, due: &Due, clock: &Clock) -> Result<(Vec<Order>, Choice)> {
        let engine = session.engine();
        let orders = Order::all(engine, due);
        let reached = self.reached(clock)?;
        let mut whole = Pressure::default();
        for (_, by) in reached.iter().filter(|(channel, _)| engine.counts(channel)) {
            (whole.day, whole.week) = (whole.day.saturating_add(by.day), whole.week.saturating_add(by.week));
        }
        let mut reaches = Vec::with_capacity(orders.len());
        for order in &orders {
            let pressure = reached.get(&order.channel).copied().unwrap_or_default();
            reaches.push(Reach { pressure, whole, refusal: self.refusal(&order.channel)? });
        }
        let mut reach = |number: usize| reaches.get(number).copied().unwrap_or_default();
        let choice = session.choose(due, &mut reach, self.permissions()?, clock.moment);
        Ok((orders, choice))
    }

    /// How often the person was reached until now, by channel.
    fn reached(&self, clock: &Clock) -> Result<BTreeMap<String, Pressure>> {
        let rows = self.walker.connection.query(
            "SELECT s.channel, count(CASE WHEN s.at >= ?2 THEN 1 END), count(*)
             FROM identifiers i JOIN sendings s ON s.identifier = i.id
             WHERE i.person = ?1 AND s.reason = '' AND s.at >= ?3 GROUP BY s.channel",
            params![self.person, clock.day, clock.week],
        )?;
        let count = |row: &Row, at| Ok::<_, Error>(u32::try_from(row.get::<i64>(at)?).unwrap_or(u32::MAX));
        rows.iter().map(|row| Ok((row.get(0)?, Pressure { day: count(row, 1)?, week: count(row, 2)? }))).collect()
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
            // Who carries another channel knows by the person where to: a screen has no address.
            let is_dialled = ["call", "sms"].contains(&channel);
            return Ok(if is_dialled && self.address(NUMBER)?.is_none() { Some("no_address") } else { None });
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
                "phone": self.address(NUMBER)?,
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
