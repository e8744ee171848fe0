//! How often a person saw a campaign: on all devices, and where partners say so.
//!
//! A device counts its own exposures; the origin tells it of the others' (`elsewhere` in the answer to a sync), so that a cap holds
//! for the person. Days are of UTC, since a device does not tell where its clock stands; a cap by day can be off by what falls
//! between two midnights.

use std::collections::BTreeMap;

use petitfour::sync::answer::{Elsewhere, MAX_ROWS};

use crate::{
    event::VISITOR,
    params,
    sql::{Connection, Result},
};

/// Days that are told: the longest window of a cap but "ever".
const DAYS: i64 = 8;

/// Ms of a day.
pub const DAY: i64 = 24 * 60 * 60 * 1000;

/// Exposures of the person that a visitor belongs to, without the visitor's own, the latest days first.
///
/// # Errors
/// Any error of the store.
pub fn elsewhere(connection: &Connection, pseudonym: &[u8; 16], now: i64) -> Result<Vec<Elsewhere>> {
    let sql = "SELECT id, person FROM identifiers WHERE namespace = ?1 AND value = ?2 AND shared = 0";
    let Some(row) = connection.first(sql, params![VISITOR, pseudonym])? else { return Ok(Vec::new()) };
    let (own, person): (i64, i64) = (row.get(0)?, row.get(1)?);
    let mut sums = BTreeMap::new();
    sum(connection, person, Some(own), now.saturating_sub(DAYS * DAY), &mut sums)?;
    let mut told: Vec<Elsewhere> = sums
        .into_iter()
        .map(|((day, campaign), count)| Elsewhere {
            campaign,
            day: u32::try_from(day).unwrap_or_default(),
            exposures: u16::try_from(count).unwrap_or(u16::MAX),
        })
        .collect();
    told.reverse();
    told.truncate(MAX_ROWS);
    Ok(told)
}

/// Exposures of a whole person by day and campaign.
///
/// # Errors
/// Any error of the store.
pub fn of(connection: &Connection, person: i64, since: i64) -> Result<BTreeMap<(i64, u32), i64>> {
    let mut sums = BTreeMap::new();
    sum(connection, person, None, since, &mut sums)?;
    Ok(sums)
}

fn sum(
    connection: &Connection,
    person: i64,
    but: Option<i64>,
    since: i64,
    sums: &mut BTreeMap<(i64, u32), i64>,
) -> Result<()> {
    let but = but.unwrap_or_default();
    let rows = connection.query(
        "SELECT e.at / 86400000, d.campaign, count(*) FROM identifiers i
         JOIN visitors v ON v.pseudonym = i.value
         JOIN exposures e ON e.visitor = v.id AND e.at >= ?3
         JOIN decisions d ON d.visitor = e.visitor AND d.decision = e.decision
         WHERE i.person = ?1 AND i.namespace = 0 AND i.id <> ?2 AND d.campaign IS NOT NULL
         GROUP BY 1, 2
         UNION ALL
         SELECT m.day, m.campaign, CAST(sum(m.count) AS BIGINT) FROM identifiers i
         JOIN impressions m ON m.identifier = i.id AND m.day >= ?3 / 86400000
         WHERE i.person = ?1 AND i.id <> ?2
         GROUP BY 1, 2",
        params![person, but, since],
    )?;
    for row in rows {
        *sums.entry((row.get(0)?, row.get(1)?)).or_default() += row.get::<i64>(2)?;
    }
    Ok(())
}

/// Exposures that a partner reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impressions {
    /// Who saw it: the identifier's number.
    pub identifier: i64,
    /// Key of the campaign.
    pub campaign: u32,
    /// Day of UTC since 1970.
    pub day: i64,
    /// Where: `display`, `tv`, …
    pub channel: String,
    /// Which partner.
    pub source: String,
    /// How often.
    pub count: i64,
}

/// Adds exposures that a partner reports to those of their day.
///
/// # Errors
/// Any error of the store.
pub fn count(connection: &Connection, seen: &Impressions) -> Result<()> {
    connection.execute(
        "INSERT INTO impressions (identifier, campaign, day, channel, source, count)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (identifier, campaign, day, channel, source) DO UPDATE
           SET count = impressions.count + excluded.count",
        params![seen.identifier, seen.campaign, seen.day, &seen.channel, &seen.source, seen.count],
    )?;
    Ok(())
}
