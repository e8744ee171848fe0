//! A walk: the engine looks at one person, and what it wants done is done.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use petitfour::{
    engine::{Due, Engine, Session},
    event::Event,
    id::Key,
    journey::{Choice, NEVER, Place},
    time::Timestamp,
};

use super::{
    book::{self, Line},
    message::{Order, Sender},
    zone::{self, Clock},
};
use crate::{
    destination::dispatch::Routes,
    params,
    person::{hours, profile::listener},
    sql::{Connection, Result},
};

/// Persons that one step wakes: some tens of milliseconds of the writer's time.
const STEP: i64 = 500;

/// Messages of one person that one walk hands over: as many as there can be in a row without a rest, and no loop of the author's making
/// keeps the writer.
const MOST: usize = 16;

/// What a walk needs beside the person.
pub struct Walker<'a> {
    /// The store, in a transaction.
    pub connection: &'a Connection,
    /// Who takes what.
    pub routes: &'a Routes,
    /// Now, in Unix ms.
    pub now: i64,
}

/// A message that waits, by whom it would go, and what the engine says of that.
pub(super) struct Waiting {
    pub(super) due: Due,
    pub(super) orders: Vec<Order>,
    pub(super) choice: Choice,
}

/// Wakes persons whose time has come; whether there may be more.
///
/// # Errors
/// Any error of the store.
pub fn wake(connection: &Connection, engine: &Arc<Engine>, routes: &Routes, now: i64) -> Result<bool> {
    if engine.catalog().journeys().len() == 0 {
        return Ok(false);
    }
    let due = connection.query(
        "SELECT i.person, j.identifier, j.journey FROM journeys j JOIN identifiers i ON i.id = j.identifier
         WHERE j.due <= ?1 ORDER BY j.due LIMIT ?2",
        params![now / 60_000, STEP],
    )?;
    let mut persons: BTreeSet<i64> = BTreeSet::new();
    for row in &due {
        persons.insert(row.get(0)?);
    }
    let walker = Walker { connection, routes, now };
    for person in persons {
        let mut session = listener(engine, person);
        let bytes: Option<Vec<u8>> =
            connection.scalar("SELECT bytes FROM profiles WHERE person = ?1", params![person])?;
        let known = bytes.is_some_and(|bytes| session.restore(&bytes).is_ok());
        walker.walk(&mut session, person, &[])?;
        if known {
            let sql = "UPDATE profiles SET bytes = ?2 WHERE person = ?1";
            connection.execute(sql, params![person, &session.profile_bytes()])?;
        }
    }
    Ok(due.len() as i64 == STEP)
}

impl Walker<'_> {
    /// Lets the engine look at a person, because of these events or of the time.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn walk(&self, session: &mut Session, person: i64, events: &[Event]) -> Result<()> {
        let lines = book::of(self.connection, person)?;
        stand(session, &lines);
        session.set_off_site(true);
        session.set_still(false);
        let clock = zone::enter(session, self.connection, person, self.now)?;
        if session.engine().asks_hours() {
            session.set_hours(hours::ranking(self.connection, person)?);
        }
        if events.is_empty() {
            session.look(clock.moment);
        }
        for event in events {
            session.happen(event, clock.moment);
        }
        let held = self.send(session, person, &clock)?;
        self.write(session, person, &lines, &held)
    }

    /// Messages of a person that wait to be handed over, each with what the engine says of it now. Changes nothing.
    ///
    /// # Errors
    /// Any error of the store.
    pub(super) fn waiting(&self, engine: &Arc<Engine>, person: i64) -> Result<Vec<Waiting>> {
        let mut session = listener(engine, person);
        stand(&mut session, &book::of(self.connection, person)?);
        let clock = zone::enter(&mut session, self.connection, person, self.now)?;
        let sender = Sender { walker: self, person };
        let dues: Vec<Due> = session.due().collect();
        let mut waiting = Vec::with_capacity(dues.len());
        for due in dues {
            let (orders, choice) = sender.choose(&session, &due, &clock)?;
            waiting.push(Waiting { due, orders, choice });
        }
        Ok(waiting)
    }

    /// Hands over what waits to be sent; each goes on from there, and may come to the next. What is held back stays, with the minute from
    /// which on it is asked again.
    fn send(&self, session: &mut Session, person: i64, clock: &Clock) -> Result<BTreeMap<u32, i64>> {
        let sender = Sender { walker: self, person };
        let mut held = BTreeMap::new();
        let engine = Arc::clone(session.engine());
        let mut handed = 0;
        loop {
            let key = |due: &Due| engine.catalog().journey(due.journey).map(|journey| journey.key().0);
            let next = session.due().find(|due| key(due).is_some_and(|key| !held.contains_key(&key)));
            let Some(due) = next else { break };
            let Some(key) = key(&due) else { break };
            if handed == MOST {
                // The rest in a minute: nobody keeps the writer for long.
                held.insert(key, self.now / 60_000 + 1);
                continue;
            }
            handed += 1;
            let (orders, choice) = sender.choose(session, &due, clock)?;
            if let (None, Some(until)) = (choice.chosen, choice.until) {
                held.insert(key, i64::try_from(until).unwrap_or(i64::MAX));
                continue;
            }
            let refused: Vec<(String, &str)> =
                orders.iter().map(|order| order.channel.clone()).zip(choice.refusals.iter().copied()).collect();
            match choice.chosen.and_then(|chosen| orders.get(chosen)) {
                Some(order) => {
                    sender.send(&due, order)?;
                    sender.note(&due, order, "", &refused)?;
                }
                None => {
                    // The last one's reason stands for all; those before it are told beside it.
                    if let (Some(order), Some(((_, reason), before))) = (orders.last(), refused.split_last()) {
                        sender.note(&due, order, reason, before)?;
                    }
                }
            }
            let Some(order) = orders.first() else { break };
            if !session.sent(&order.journey, clock.moment) {
                break;
            }
        }
        Ok(held)
    }

    /// Writes down where the person stands now, and when to look again.
    fn write(&self, session: &Session, person: i64, lines: &[Line], held: &BTreeMap<u32, i64>) -> Result<()> {
        for journey in session.engine().catalog().journeys() {
            let key = journey.key();
            let Some((value, since)) = session.profile().place(key) else { continue };
            let place = Place::read(value);
            let own = lines.iter().find(|line| line.journey == key.0 && line.identifier == person);
            let waits = (place.is_inside() && place.due != NEVER).then_some(i64::from(place.due));
            // A minute that is over after the look says nothing any more, as where another bundle has taken the step away.
            let due = held.get(&key.0).copied().or(waits.filter(|due| *due > self.now / 60_000));
            let unchanged = own.is_some_and(|own| own.place == place && own.due == due);
            if !unchanged {
                let since = i64::try_from(since).unwrap_or(i64::MAX);
                book::write(self.connection, &Line { identifier: person, journey: key.0, since, place, due })?;
            }
        }
        // Rows of other identifiers were read, and say nothing new any more.
        for line in lines.iter().filter(|line| line.identifier != person && line.due.is_some()) {
            book::settle(self.connection, line)?;
        }
        // A journey that the bundle does not have any more is parked: nobody looks at it until it is back.
        let known = |key: u32| session.engine().catalog().journeys().any(|journey| journey.key().0 == key);
        for line in lines.iter().filter(|line| line.identifier == person && line.due.is_some() && !known(line.journey))
        {
            book::settle(self.connection, line)?;
        }
        Ok(())
    }
}

/// Tells a session where the person stands, by the furthest line of each journey.
fn stand(session: &mut Session, lines: &[Line]) {
    for line in book::furthest(lines).values() {
        let since = Timestamp(u64::try_from(line.since).unwrap_or_default());
        session.stand(Key(line.journey), since, line.place);
    }
}
