//! What a person did and was shown, across identifiers: for people who look, and for the person's own export.

use serde::Serialize;

use crate::{
    event::Kind,
    names, params,
    sql::{Connection, Result},
};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    /// Unix ms.
    pub at: i64,
    /// `track`, `page`, …, `decision`, `exposure` or `outcome`.
    pub kind: String,
    /// Name of the event or campaign.
    pub name: String,
    /// Write key, or `device`.
    pub source: String,
    /// Namespace of the identifier that it was told of.
    pub namespace: u8,
    /// What it came to, whole units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Why a decision ended so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What came with the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
}

/// What a person did last, the latest first.
///
/// # Errors
/// Any error of the store.
pub fn read(connection: &Connection, person: i64, most: i64) -> Result<Vec<Moment>> {
    let mut moments = events(connection, person, most)?;
    moments.extend(shown(connection, person, most)?);
    moments.extend(outcomes(connection, person, most)?);
    moments.sort_by_key(|moment| std::cmp::Reverse(moment.at));
    moments.truncate(usize::try_from(most).unwrap_or_default());
    Ok(moments)
}

fn events(connection: &Connection, person: i64, most: i64) -> Result<Vec<Moment>> {
    let rows = connection.query(
        "SELECT e.at, e.kind, e.name, e.source, i.namespace, e.value, e.body FROM identifiers i
         JOIN events e ON e.identifier = i.id WHERE i.person = ?1 ORDER BY e.at DESC, e.id DESC LIMIT ?2",
        params![person, most],
    )?;
    rows.iter()
        .map(|row| {
            let value: i64 = row.get(5)?;
            let body: String = row.get(6)?;
            Ok(Moment {
                at: row.get(0)?,
                kind: Kind::of(row.get(1)?).map_or("event", Kind::text).to_owned(),
                name: row.get(2)?,
                source: row.get(3)?,
                namespace: row.get(4)?,
                value: (value != 0).then_some(value as f64 / 1_000.0),
                reason: None,
                body: serde_json::from_str(&body).ok(),
            })
        })
        .collect()
}

fn shown(connection: &Connection, person: i64, most: i64) -> Result<Vec<Moment>> {
    let rows = connection.query(
        "SELECT d.at, CASE WHEN x.at IS NULL THEN 'decision' ELSE 'exposure' END, d.campaign, n.name, d.reason
         FROM identifiers i JOIN visitors v ON v.pseudonym = i.value
         JOIN decisions d ON d.visitor = v.id
         LEFT JOIN exposures x ON x.visitor = d.visitor AND x.decision = d.decision
         LEFT JOIN names n ON n.kind = 'campaign' AND n.key = d.campaign
         WHERE i.person = ?1 AND i.namespace = 0 ORDER BY d.at DESC LIMIT ?2",
        params![person, most],
    )?;
    rows.iter()
        .map(|row| {
            let (campaign, name): (Option<i64>, Option<String>) = (row.get(2)?, row.get(3)?);
            let fallback = || campaign.map_or_else(|| "fallback".to_owned(), names::anonymous);
            Ok(Moment {
                at: row.get(0)?,
                kind: row.get(1)?,
                name: name.unwrap_or_else(fallback),
                source: "device".into(),
                namespace: 0,
                value: None,
                reason: Some(names::reason(row.get(4)?)),
                body: None,
            })
        })
        .collect()
}

fn outcomes(connection: &Connection, person: i64, most: i64) -> Result<Vec<Moment>> {
    let rows = connection.query(
        "SELECT o.at, o.event, n.name, o.value FROM identifiers i
         JOIN visitors v ON v.pseudonym = i.value JOIN outcomes o ON o.visitor = v.id
         LEFT JOIN names n ON n.kind = 'event' AND n.key = o.event
         WHERE i.person = ?1 AND i.namespace = 0 ORDER BY o.at DESC LIMIT ?2",
        params![person, most],
    )?;
    rows.iter()
        .map(|row| {
            let (event, name, value): (i64, Option<String>, i64) = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(Moment {
                at: row.get(0)?,
                kind: "outcome".into(),
                name: name.unwrap_or_else(|| names::anonymous(event)),
                source: "device".into(),
                namespace: 0,
                value: (value != 0).then_some(value as f64 / 1_000.0),
                reason: None,
                body: None,
            })
        })
        .collect()
}
