//! What has been counted: the figures behind the page and `GET /v1/counts`.
//!
//! They are read from the running sums, so their cost is the number of campaigns, not of rows. [`recount`] derives the same
//! sums from the rows; it reads everything and is for tests and doubts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    ledger::CLICK,
    names::{self, ByKey},
    params,
    shelf::Served,
    sql::{Connection, Error, FromCell, Result, Row},
};

/// Everything the page shows of the store.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Counts {
    /// When the store was made, Unix ms.
    pub since: i64,
    /// The same for people, UTC.
    pub since_text: String,
    /// Sums over everything: `syncs`, `entries`, `dropped`, `visitors`, `decisions`, `exposures`, `clicks`, `outcomes`,
    /// `withheld`, `identities`, `repeated`. One that never moved is absent.
    pub totals: BTreeMap<String, i64>,
    /// By campaign: those of the bundle in its order, then those of earlier bundles.
    pub campaigns: Vec<Campaign>,
    /// By reason of the decision, in code order.
    pub reasons: Vec<Reason>,
}

/// The counts of one campaign.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Campaign {
    /// Its key, 8 hex digits.
    pub key: String,
    /// Its name, or `#key` when no bundle served here named it.
    pub name: String,
    /// Times it was chosen.
    pub decisions: i64,
    /// Decisions for it that were really seen.
    pub exposures: i64,
    /// Outcomes named `click` that it is credited with.
    pub clicks: i64,
    /// All outcomes that it is credited with, clicks included.
    pub outcomes: i64,
    /// Times it would have been chosen, had the visitor not been in its holdout.
    pub withheld: i64,
}

/// How many decisions ended with one reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// The stable code.
    pub code: i64,
    /// What it is called.
    pub name: String,
    /// How many.
    pub decisions: i64,
}

impl Counts {
    /// One of the totals.
    #[must_use]
    pub fn total(&self, name: &str) -> i64 {
        self.totals.get(name).copied().unwrap_or_default()
    }
}

/// Reads the running sums, in one consistent view.
///
/// # Errors
/// When the store cannot be read.
pub fn read(connection: &Connection, bundle: Option<&Served>) -> Result<Counts> {
    let view = connection.read()?;
    let since: i64 = view.scalar("SELECT value FROM about WHERE key = 'since'", params![])?.ok_or(Error::Column(0))?;
    let since_text = jiff::Timestamp::from_millisecond(since)
        .map_or_else(|_| String::new(), |time| time.strftime("%Y-%m-%d %H:%M").to_string());
    let totals = pairs(&view, "SELECT name, value FROM totals")?;
    let mut found: BTreeMap<i64, Campaign> =
        pairs(&view, "SELECT campaign, decisions, exposures, clicks, outcomes, withheld FROM campaign_counts")?;
    let known: ByKey = pairs(&view, "SELECT key, name FROM names WHERE kind = 'campaign'")?;
    let mut campaigns = Vec::new();
    for (key, name) in bundle.into_iter().flat_map(Served::campaigns) {
        let row = found.remove(&key).unwrap_or_default();
        campaigns.push(Campaign { key: format!("{key:08x}"), name: name.to_owned(), ..row });
    }
    for (key, row) in found {
        let name = known.get(&key).cloned().unwrap_or_else(|| names::anonymous(key));
        campaigns.push(Campaign { key: format!("{key:08x}"), name, ..row });
    }
    let reasons: BTreeMap<i64, i64> = pairs(&view, "SELECT reason, decisions FROM reason_counts")?;
    let reasons =
        reasons.into_iter().map(|(code, decisions)| Reason { code, name: names::reason(code), decisions }).collect();
    Ok(Counts { since, since_text, totals, campaigns, reasons })
}

/// Moves the running sums.
///
/// # Errors
/// When the store cannot be written.
pub(crate) fn add(connection: &Connection, totals: &BTreeMap<&'static str, i64>) -> Result<()> {
    for (name, value) in totals {
        connection.execute(
            "INSERT INTO totals (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = totals.value + excluded.value",
            params![*name, value],
        )?;
    }
    Ok(())
}

/// Derives the counts by campaign key from the rows themselves. Reads every row.
///
/// # Errors
/// When the store cannot be read.
pub fn recount(connection: &Connection) -> Result<BTreeMap<i64, Campaign>> {
    let mut sums: BTreeMap<i64, Campaign> = BTreeMap::new();
    let click = i64::from(petitfour::id::Key::of(CLICK).0);
    let queries: [(&str, Field); 5] = [
        ("SELECT campaign, count(*) FROM decisions WHERE campaign IS NOT NULL GROUP BY 1", |row| &mut row.decisions),
        ("SELECT withheld, count(*) FROM decisions WHERE withheld IS NOT NULL GROUP BY 1", |row| &mut row.withheld),
        (
            "SELECT d.campaign, count(*) FROM exposures e JOIN decisions d USING (visitor, decision)
             WHERE d.campaign IS NOT NULL GROUP BY 1",
            |row| &mut row.exposures,
        ),
        (
            "SELECT d.campaign, count(*) FROM outcomes o JOIN decisions d USING (visitor, decision)
             WHERE d.campaign IS NOT NULL GROUP BY 1",
            |row| &mut row.outcomes,
        ),
        (
            "SELECT d.campaign, count(*) FROM outcomes o JOIN decisions d USING (visitor, decision)
             WHERE d.campaign IS NOT NULL AND o.event = :click GROUP BY 1",
            |row| &mut row.clicks,
        ),
    ];
    for (query, field) in queries {
        let query = query.replace(":click", &click.to_string());
        let found: BTreeMap<i64, i64> = pairs(connection, &query)?;
        for (campaign, count) in found {
            *field(sums.entry(campaign).or_default()) = count;
        }
    }
    Ok(sums)
}

/// One number of a campaign's row.
type Field = fn(&mut Campaign) -> &mut i64;

/// The rows of a query by their first column.
fn pairs<K: Ord + FromCell, V: Counted>(connection: &Connection, query: &str) -> Result<BTreeMap<K, V>> {
    connection.query(query, params![])?.iter().map(|row| Ok((row.get(0)?, V::of(row)?))).collect()
}

/// What stands after the first column.
trait Counted: Sized {
    fn of(row: &Row) -> Result<Self>;
}

impl Counted for i64 {
    fn of(row: &Row) -> Result<Self> {
        row.get(1)
    }
}

impl Counted for String {
    fn of(row: &Row) -> Result<Self> {
        row.get(1)
    }
}

impl Counted for Campaign {
    fn of(row: &Row) -> Result<Self> {
        Ok(Self {
            decisions: row.get(1)?,
            exposures: row.get(2)?,
            clicks: row.get(3)?,
            outcomes: row.get(4)?,
            withheld: row.get(5)?,
            ..Self::default()
        })
    }
}
