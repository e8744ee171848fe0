//! A person's profile: all events of all identifiers, told to the engine in the order of their times.
//!
//! [`fold`] follows the events as they are stored, some at a time. A person whose new events are later than what was told before hears
//! only those; one who was told something late, merged or parted is told everything anew. Both come to the same bytes.
//!
//! Absent on purpose: outcomes that devices report. They hang on decisions and are counted there; an event that is to move a person's
//! segments is told as an event, by the page's own library or by the shop's server.

use std::{collections::BTreeSet, sync::Arc};

use petitfour::{
    consent::Permissions,
    engine::{Engine, Session},
    event::{Event as Told, MAX_PROPERTIES, MAX_TEXT},
    time::Moment,
};
use serde_json::{Map, Value as Json};

use super::{hours, segments};
use crate::{
    destination::dispatch::Routes,
    event::Kind,
    journey::Walker,
    params,
    sql::{Connection, Error, Result, Row},
};

/// Events that one step takes in: a fraction of a second of the writer's time.
pub const STEP: i64 = 1_000;

/// Persons that are looked at again in one step: some tens of milliseconds of the writer's time.
const LOOKS: i64 = 100;

/// Most events of one person that are told: the latest. A profile forgets what is older by itself.
const MOST: i64 = 20_000;

/// Items of one event that are told beside it, as on a page.
const ITEMS: usize = 16;

/// Events that come later than this count, and move no journey: nobody is written to because of an old file. A day, in ms.
const LATE: i64 = 24 * 60 * 60 * 1_000;

/// The columns of [`hear`].
const COLUMNS: &str = "e.kind, e.name, e.at, e.value, e.body, e.permitted, e.id";

/// Takes in what has come since the last step; whether there may be more.
///
/// # Errors
/// Any error of the store.
pub fn fold(connection: &Connection, engine: &Arc<Engine>, routes: &Routes, now: i64) -> Result<bool> {
    let folded: i64 = connection.scalar("SELECT value FROM about WHERE key = 'folded'", params![])?.unwrap_or_default();
    let fresh = connection.query(
        "SELECT e.id, i.person, e.at FROM events e JOIN identifiers i ON i.id = e.identifier
         WHERE e.id > ?1 ORDER BY e.id LIMIT ?2",
        params![folded, STEP],
    )?;
    let stale = connection.query("SELECT person FROM stale ORDER BY person LIMIT ?1", params![STEP])?;
    let mut persons: BTreeSet<i64> = BTreeSet::new();
    for row in &stale {
        let person = row.get(0)?;
        connection.execute("DELETE FROM profiles WHERE person = ?1", params![person])?;
        connection.execute("DELETE FROM stale WHERE person = ?1", params![person])?;
        persons.insert(person);
    }
    for row in &fresh {
        persons.insert(row.get(1)?);
    }
    let last: i64 = fresh.last().map_or(Ok(folded), |row| row.get(0))?;
    // Other segments tell everything anew; what has moved journeys does not move them again.
    let walked: i64 = connection.scalar("SELECT value FROM about WHERE key = 'walked'", params![])?.unwrap_or_default();
    let reach = Reach { folded, last, walked };
    hours::note(connection, &persons, now)?;
    for person in persons {
        one(connection, engine, routes, person, &reach, now)?;
    }
    if last > walked {
        connection.execute(
            "INSERT INTO about (key, value) VALUES ('walked', ?1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            params![last],
        )?;
    }
    if last != folded {
        connection.execute(
            "INSERT INTO about (key, value) VALUES ('folded', ?1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            params![last],
        )?;
    }
    let step = usize::try_from(STEP).unwrap_or(usize::MAX);
    Ok(fresh.len() == step || stale.len() == step)
}

/// Looks again at some persons after one, since a segment may end or begin by time alone; after whom to go on, 0 at the end.
///
/// # Errors
/// Any error of the store.
pub fn look_again(connection: &Connection, engine: &Arc<Engine>, routes: &Routes, after: i64, now: i64) -> Result<i64> {
    let sql = "SELECT person, bytes FROM profiles WHERE person > ?1 ORDER BY person LIMIT ?2";
    let rows = connection.query(sql, params![after, LOOKS])?;
    for row in &rows {
        let mut session = listener(engine, row.get(0)?);
        if session.restore(&row.get::<Vec<u8>>(1)?).is_ok() {
            segments::keep(connection, routes, row.get(0)?, &segments::of_session(&mut session, now), now)?;
        }
    }
    match rows.last() {
        Some(last) if rows.len() as i64 == LOOKS => last.get(0),
        _ => Ok(0),
    }
}

/// Numbers of events.
struct Reach {
    /// Told until here …
    folded: i64,
    /// … and from there up to here now.
    last: i64,
    /// The last that has moved journeys.
    walked: i64,
}

/// Brings one person up to the events within reach.
fn one(
    connection: &Connection,
    engine: &Arc<Engine>,
    routes: &Routes,
    person: i64,
    reach: &Reach,
    now: i64,
) -> Result<()> {
    let Reach { folded, last, walked } = *reach;
    // A name that leads elsewhere by now is nobody's.
    let own: Option<i64> = connection.scalar("SELECT person FROM identifiers WHERE id = ?1", params![person])?;
    if own != Some(person) {
        return connection.execute("DELETE FROM standings WHERE person = ?1", params![person]).map(drop);
    }
    let known = connection.first("SELECT bytes, at FROM profiles WHERE person = ?1", params![person])?;
    let known: Option<(Vec<u8>, i64)> = known.map(|row| Ok::<_, Error>((row.get(0)?, row.get(1)?))).transpose()?;
    let fresh = connection.query(
        &format!(
            "SELECT {COLUMNS} FROM events e JOIN identifiers i ON i.id = e.identifier
             WHERE i.person = ?1 AND e.id > ?2 AND e.id <= ?3 ORDER BY e.at, e.message"
        ),
        params![person, folded, last],
    )?;
    let first: Option<i64> = fresh.first().map(|row| row.get(2)).transpose()?;
    let mut session = listener(engine, person);
    let told = match known {
        Some((bytes, at)) if first.is_none_or(|first| first > at) && session.restore(&bytes).is_ok() => fresh.clone(),
        _ => {
            session = listener(engine, person);
            everything(connection, person, last)?
        }
    };
    // What has come is counted first, and then moves journeys, as of now: whoever is told everything anew does not live through it again.
    session.set_still(true);
    let mut at = first.unwrap_or_default();
    for row in &told {
        at = hear(row, &mut |heard, moment| heard.tell(&mut session, moment))?;
    }
    if told.is_empty() {
        // Nothing is left of what put them in, if anything did.
        let known = "SELECT 1 FROM standings WHERE person = ?1 AND inside = 1";
        if connection.exists(known, params![person])? {
            segments::keep(connection, routes, person, &segments::of_session(&mut session, now), now)?;
        }
        return Ok(());
    }
    if engine.catalog().journeys().len() > 0 {
        let mut events = Vec::new();
        for row in &fresh {
            if row.get::<i64>(6)? > walked && now.saturating_sub(row.get(2)?) <= LATE {
                hear(row, &mut |heard, _| events.extend(heard.event()))?;
            }
        }
        Walker { connection, routes, now }.walk(&mut session, person, &events)?;
    }
    connection.execute(
        "INSERT INTO profiles (person, bytes, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (person) DO UPDATE SET bytes = excluded.bytes, at = excluded.at",
        params![person, &session.profile_bytes(), at],
    )?;
    segments::keep(connection, routes, person, &segments::of_session(&mut session, now), now)
}

fn everything(connection: &Connection, person: i64, last: i64) -> Result<Vec<Row>> {
    let mut rows = connection.query(
        &format!(
            "SELECT {COLUMNS} FROM events e JOIN identifiers i ON i.id = e.identifier
             WHERE i.person = ?1 AND e.id <= ?2 ORDER BY e.at DESC, e.message DESC LIMIT ?3"
        ),
        params![person, last, MOST],
    )?;
    rows.reverse();
    Ok(rows)
}

/// A session that remembers, of one person. Its pseudonym is the person's, so that splits and holdouts part people; nothing is ever told
/// of it.
pub fn listener(engine: &Arc<Engine>, person: i64) -> Session {
    let mut seed = [0; 32];
    seed.iter_mut().zip(person.to_le_bytes()).for_each(|(byte, own)| *byte = own);
    let mut session = Session::new(Arc::clone(engine), seed);
    session.consent(Permissions::ALL, Moment::utc(0));
    session
}

/// What the engine hears of one row.
enum Heard {
    Event(Told),
    Number(String, f64),
    Text(String, String),
}

impl Heard {
    fn tell(self, session: &mut Session, moment: Moment) {
        match self {
            Self::Event(event) => session.record(&event, moment),
            Self::Number(name, value) => drop(session.set_trait_number(&name, value, moment)),
            Self::Text(name, value) => drop(session.set_trait_text(&name, &value, moment)),
        }
    }

    fn event(self) -> Option<Told> {
        match self {
            Self::Event(event) => Some(event),
            Self::Number(..) | Self::Text(..) => None,
        }
    }
}

/// Reads a row as the engine hears it; when it was.
fn hear(row: &Row, each: &mut dyn FnMut(Heard, Moment)) -> Result<i64> {
    let (kind, at): (u8, i64) = (row.get(0)?, row.get(2)?);
    let (name, body): (String, String) = (row.get(1)?, row.get(4)?);
    // Who did not permit that it is remembered has it stored for the counts alone.
    if !Permissions::from_bits(row.get(5)?).store() {
        return Ok(at);
    }
    let moment = Moment::utc(u64::try_from(at).unwrap_or_default());
    let body: Map<String, Json> = serde_json::from_str(&body).unwrap_or_default();
    let part = |name: &str| body.get(name).and_then(Json::as_object);
    let mut event = |name: &str, properties, value| {
        if let Some(event) = event(name, properties, value) {
            each(Heard::Event(event), moment);
        }
    };
    match Kind::of(kind) {
        Some(Kind::Track) => {
            let value = row.get::<i64>(3)? as f64 / 1_000.0;
            event(&name, part("properties"), Some(value));
            for item in items(part("properties")) {
                event(&format!("{name}/item"), Some(item), worth(item));
            }
        }
        Some(Kind::Page | Kind::Screen) => event("page", part("properties"), None),
        Some(Kind::Identify) => {
            for (name, value) in part("traits").into_iter().flatten() {
                match value {
                    Json::Number(number) => {
                        each(Heard::Number(name.clone(), number.as_f64().unwrap_or_default()), moment);
                    }
                    Json::String(text) => each(Heard::Text(name.clone(), text.clone()), moment),
                    Json::Bool(truth) => each(Heard::Text(name.clone(), truth.to_string()), moment),
                    _ => {}
                }
            }
        }
        Some(Kind::Group | Kind::Alias) | None => {}
    }
    Ok(at)
}

/// An event as an engine takes it; a name that none takes moves nothing.
fn event(name: &str, properties: Option<&Map<String, Json>>, value: Option<f64>) -> Option<Told> {
    let texts: Vec<(&str, String)> = properties
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| {
            let text = match value {
                Json::String(text) => text.clone(),
                Json::Number(number) => number.to_string(),
                Json::Bool(truth) => truth.to_string(),
                _ => return None,
            };
            (key.len() <= MAX_TEXT && text.len() <= MAX_TEXT).then_some((key.as_str(), text))
        })
        .take(MAX_PROPERTIES)
        .collect();
    Told::parse(name, texts.iter().map(|(key, text)| (*key, text.as_str())), value).ok()
}

/// What was bought or looked at with it: `products` of Segment's calls, `items` of GA4's.
fn items(properties: Option<&Map<String, Json>>) -> impl Iterator<Item = &Map<String, Json>> {
    let list = properties.and_then(|all| all.get("products").or_else(|| all.get("items"))).and_then(Json::as_array);
    list.into_iter().flatten().filter_map(Json::as_object).take(ITEMS)
}

fn worth(item: &Map<String, Json>) -> Option<f64> {
    let price = item.get("price")?.as_f64()?;
    Some(price * item.get("quantity").and_then(Json::as_f64).unwrap_or(1.0))
}
