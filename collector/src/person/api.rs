//! `/v1/persons`: who somebody is, why, what they did, and how to take a merge back. For programs and for the pages that show it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use petitfour::{
    consent::Permissions,
    identity::{self, Digest, Namespace},
};
use serde::Deserialize;
use serde_json::{Value as Json_, json};

use super::{frequency, segments, timeline};
use crate::{
    answer::Refusal,
    event::{ANONYMOUS, CARD, DEVICE, VISITOR},
    graph::{self, Graph, Known, Memory, Person, Step, Which},
    hex, names,
    partner::eids::{Uid, eids as write_eids},
    site::App,
    sql::{Connection, Result},
    store::now,
};

/// Moments of a timeline that are shown.
const MOMENTS: i64 = 500;

/// Namespaces by the names that people write.
pub const NAMES: [(&str, u8); 18] = [
    ("visitor", VISITOR),
    ("user_id", 1),
    ("email", 2),
    ("phone", 3),
    ("crm_id", 4),
    ("idfa", 5),
    ("gaid", 6),
    ("gclid", 7),
    ("fbclid", 8),
    ("ttclid", 9),
    ("msclkid", 10),
    ("dclid", 11),
    ("uid2", 12),
    ("id5", 13),
    ("partner", 14),
    ("anonymous_id", ANONYMOUS),
    ("device_id", DEVICE),
    ("card", CARD),
];

/// What a namespace is called.
#[must_use]
pub fn called(namespace: u8) -> &'static str {
    NAMES.iter().find(|(_, number)| *number == namespace).map_or("unknown", |(name, _)| name)
}

/// An identifier as somebody writes it: the value itself, or its digest.
#[derive(Debug, Deserialize)]
pub struct Asked {
    /// One of [`NAMES`].
    pub kind: String,
    /// The value itself, or its digest.
    pub value: String,
}

/// Two identifiers, by universal id.
#[derive(Debug, Deserialize)]
pub struct Pair {
    from: String,
    to: String,
}

/// Which evidence is to count no more, or again.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Told {
    /// All between two identifiers, by universal id.
    Pair(String, String),
    /// All of a source.
    Source(String),
    /// All that was received in a time, Unix ms, ends included.
    Received {
        /// From when.
        from: i64,
        /// Until when.
        until: i64,
        /// From one source alone.
        source: Option<String>,
    },
}

/// Whoever an identifier belongs to.
///
/// # Errors
/// [`Refusal::Nobody`], or [`Refusal::Asked`] for a kind or value that is none.
pub async fn find(
    State(app): State<Arc<App>>,
    Query(asked): Query<Asked>,
) -> std::result::Result<Json<Json_>, Refusal> {
    let (namespace, values) = read(&asked).ok_or(Refusal::Asked)?;
    let found = known_by(&app, namespace, values).await?;
    show(&app, found.ok_or(Refusal::Nobody)?).await
}

/// The universal id of whoever is known by one of these values.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn known_by(
    app: &App,
    namespace: u8,
    values: Vec<Vec<u8>>,
) -> std::result::Result<Option<[u8; 16]>, Refusal> {
    let policy = Arc::clone(&app.policy);
    let look = move |connection: &Connection| {
        for value in &values {
            if let Some(person) = graph::find(connection, &policy, namespace, value)? {
                return Ok(Some(person.uid));
            }
        }
        Ok(None)
    };
    app.reader.run("person", look).await
}

/// The person whose id this is, or once was.
///
/// # Errors
/// [`Refusal::Nobody`], or [`Refusal::Asked`] for what is no id.
pub async fn one(State(app): State<Arc<App>>, Path(uid): Path<String>) -> std::result::Result<Json<Json_>, Refusal> {
    show(&app, hex::read(&uid).ok_or(Refusal::Asked)?).await
}

async fn show(app: &App, uid: [u8; 16]) -> std::result::Result<Json<Json_>, Refusal> {
    let (policy, engine) = (Arc::clone(&app.policy), app.asked());
    let shown = app
        .reader
        .run("person", move |connection| {
            let Some(person) = graph::person(connection, &policy, &uid)? else { return Ok(None) };
            let standings = match &engine {
                Some(engine) => segments::of(connection, engine, person.root, now())?,
                None => Vec::new(),
            };
            let frequency = frequency::of(connection, person.root, now().saturating_sub(30 * frequency::DAY))?;
            let timeline = timeline::read(connection, person.root, MOMENTS)?;
            let standings: Vec<Json_> =
                standings.iter().map(|row| json!({ "segment": row.name, "inside": row.inside })).collect();
            let frequency: Vec<Json_> = frequency
                .iter()
                .map(|((day, campaign), count)| {
                    Ok(json!({ "day": day, "campaign": name(connection, *campaign)?, "exposures": count }))
                })
                .collect::<Result<_>>()?;
            Ok(Some(json!({
                "person": hex::write(&person.uid),
                "identifiers": person.identifiers.iter().map(known).collect::<Vec<_>>(),
                "household": person.household.iter().map(|uid| hex::write(uid)).collect::<Vec<_>>(),
                "segments": standings,
                "frequency": frequency,
                "timeline": timeline,
            })))
        })
        .await?;
    Ok(Json(shown.ok_or(Refusal::Nobody)?))
}

/// The ids by which partners know a person, as OpenRTB's `user.eids`; empty where what is known was told without *share*.
///
/// # Errors
/// [`Refusal::Nobody`], or [`Refusal::Asked`] for what is no id.
pub async fn eids(State(app): State<Arc<App>>, Path(uid): Path<String>) -> std::result::Result<Json<Json_>, Refusal> {
    let uid: [u8; 16] = hex::read(&uid).ok_or(Refusal::Asked)?;
    let policy = Arc::clone(&app.policy);
    let found = app
        .reader
        .run("eids", move |connection| {
            let Some(person) = graph::person(connection, &policy, &uid)? else { return Ok(None) };
            let rows = connection.query(
                "SELECT p.source, p.id, p.atype, min(e.permitted) FROM identifiers i
                 JOIN partner_ids p ON p.identifier = i.id
                 JOIN edges e ON (e.a = i.id OR e.b = i.id) AND e.withdrawn IS NULL
                 WHERE i.person = ?1 GROUP BY p.source, p.id, p.atype",
                crate::params![person.root],
            )?;
            let mut uids = Vec::new();
            for row in &rows {
                if Permissions::from_bits(row.get(3)?).share() {
                    uids.push(Uid { source: row.get(0)?, id: row.get(1)?, atype: row.get(2)? });
                }
            }
            Ok(Some(uids))
        })
        .await?;
    let uids = found.ok_or(Refusal::Nobody)?;
    Ok(Json(json!({ "user": { "eids": write_eids(&uids, true) } })))
}

fn name(connection: &Connection, campaign: u32) -> Result<String> {
    let sql = "SELECT name FROM names WHERE kind = 'campaign' AND key = ?1";
    let name: Option<String> = connection.scalar(sql, crate::params![campaign])?;
    Ok(name.unwrap_or_else(|| names::anonymous(campaign.into())))
}

/// An identifier as it is shown: never the digest, by which it could be joined elsewhere.
#[must_use]
pub fn known(known: &Known) -> Json_ {
    json!({
        "id": hex::write(&known.uid), "kind": called(known.namespace), "first_at": known.first_at, "shared": known.shared,
    })
}

/// Why two identifiers are one person's: the path of evidence.
///
/// # Errors
/// [`Refusal::Nobody`] when one is not known, [`Refusal::Asked`] for what is no id.
pub async fn path(State(app): State<Arc<App>>, Query(pair): Query<Pair>) -> std::result::Result<Json<Json_>, Refusal> {
    let (from, to) = (hex::read(&pair.from).ok_or(Refusal::Asked)?, hex::read(&pair.to).ok_or(Refusal::Asked)?);
    let policy = Arc::clone(&app.policy);
    let found = app
        .reader
        .run("path", move |connection| {
            let number = |uid: &[u8; 16]| {
                connection.scalar::<i64>("SELECT id FROM identifiers WHERE uid = ?1", crate::params![uid])
            };
            let (Some(from), Some(to)) = (number(&from)?, number(&to)?) else { return Ok(None) };
            let mut memory = Memory::default();
            let graph = Graph::new(connection, &policy, &mut memory, now());
            let steps = graph.path(from, to)?;
            steps.iter().map(|step| shown(connection, step)).collect::<Result<Vec<_>>>().map(Some)
        })
        .await?;
    let steps = found.ok_or(Refusal::Nobody)?;
    Ok(Json(json!({ "one_person": !steps.is_empty() || pair.from == pair.to, "path": steps })))
}

fn shown(connection: &Connection, step: &Step) -> Result<Json_> {
    let end = |id: i64| -> Result<Json_> {
        let row = connection.first("SELECT uid, namespace FROM identifiers WHERE id = ?1", crate::params![id])?;
        row.map_or(Ok(Json_::Null), |row| {
            Ok(json!({ "id": hex::write(&row.get::<[u8; 16]>(0)?), "kind": called(row.get(1)?) }))
        })
    };
    Ok(json!({
        "from": end(step.from)?,
        "to": end(step.to)?,
        "rule": step.edge.rule.text(),
        "source": step.edge.source,
        "message": hex::write(&step.edge.evidence),
        "confidence": f64::from(step.edge.confidence) / 1_000.0,
        "at": step.edge.first_at,
    }))
}

/// Withdraws evidence.
///
/// # Errors
/// [`Refusal::Nobody`] when an identifier is not known, or the writer's.
pub async fn withdraw(
    State(app): State<Arc<App>>,
    Json(told): Json<Told>,
) -> std::result::Result<Json<Json_>, Refusal> {
    change(&app, told, true).await
}

/// Lets evidence count again.
///
/// # Errors
/// [`Refusal::Nobody`] when an identifier is not known, or the writer's.
pub async fn restore(State(app): State<Arc<App>>, Json(told): Json<Told>) -> std::result::Result<Json<Json_>, Refusal> {
    change(&app, told, false).await
}

async fn change(app: &App, told: Told, withdrawn: bool) -> std::result::Result<Json<Json_>, Refusal> {
    let pair = match &told {
        Told::Pair(one, two) => Some((hex::read(one).ok_or(Refusal::Asked)?, hex::read(two).ok_or(Refusal::Asked)?)),
        _ => None,
    };
    let count = app
        .writer
        .run("evidence", move |graph| {
            let which = match (told, pair) {
                (_, Some((one, two))) => {
                    let number = |uid: &[u8; 16]| {
                        let sql = "SELECT id FROM identifiers WHERE uid = ?1";
                        graph.connection.scalar::<i64>(sql, crate::params![uid])
                    };
                    match (number(&one)?, number(&two)?) {
                        (Some(one), Some(two)) => Which::Pair(one, two),
                        _ => return Ok(None),
                    }
                }
                (Told::Received { from, until, source }, _) => Which::Received { from, until, source },
                (Told::Source(source) | Told::Pair(source, _), _) => Which::Source(source),
            };
            if withdrawn { graph.withdraw(&which) } else { graph.restore(&which) }.map(Some)
        })
        .await?;
    Ok(Json(json!({ "evidence": count.ok_or(Refusal::Nobody)? })))
}

/// The digests under which an identifier may be known.
pub(crate) fn read(asked: &Asked) -> Option<(u8, Vec<Vec<u8>>)> {
    let (_, namespace) = NAMES.iter().find(|(name, _)| *name == asked.kind)?;
    if *namespace == VISITOR {
        return Some((VISITOR, vec![hex::read::<16>(&asked.value)?.to_vec()]));
    }
    if let Some(digest) = Digest::given(&asked.value) {
        return Some((*namespace, vec![digest.0.to_vec()]));
    }
    let values = match Namespace::of(*namespace) {
        Some(known) => {
            identity::read(known, &asked.value).ok()?.iter().map(|hashed| hashed.digest().0.to_vec()).collect()
        }
        None => vec![Digest::of(asked.value.trim()).0.to_vec()],
    };
    Some((*namespace, values))
}

impl Person {
    /// Its identifiers of one kind.
    pub fn of_kind(&self, namespace: u8) -> impl Iterator<Item = &Known> {
        self.identifiers.iter().filter(move |known| known.namespace == namespace)
    }
}
