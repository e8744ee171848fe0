//! Retention: how long what is stored stays, and what takes it away when its time is over.
//!
//! A step deletes some hundred rows in a transaction of its own, so that what is to be stored waits for milliseconds; steps follow one
//! another until nothing is due, once an hour. Age is that of storing, by the server's clock.
//!
//! Running sums keep what they counted: they name nobody. A person whose events went has the profile made anew of those that are left,
//! and an identifier that nothing refers to any more goes too. Of the log of deliveries the latest line of each person at each destination
//! stays, however old: by it a deletion knows where to go.
//!
//! Absent on purpose: memberships and feeds, which are somebody else's word and stay until it is taken back; proofs of deletions; and
//! tombstones, without which what was deleted would come back.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;

use crate::{
    graph::Graph,
    metrics::Metrics,
    params,
    person::frequency::DAY,
    sql::{Connection, Result},
    writer::Writer,
};

/// Rows of a step: some milliseconds of the writer's time.
pub const STEP: i64 = 500;

/// How long the writer is left to others between two steps.
const BREATH: Duration = Duration::from_millis(20);

/// How often it is looked for what is due.
const PAUSE: Duration = Duration::from_secs(60 * 60);

/// How long a message's name is known, in days: a repeat within it is stored once, exactly.
pub const SEEN: u32 = 7;

/// How long a bought segment stays after its licence has ended, in days: long enough to settle a bill. No policy prolongs it.
pub const ENDED: u32 = 30;

/// What is kept, and for how many days; none: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Events, and partners' counts.
    pub events: Option<u32>,
    /// Syncs with their decisions, exposures, outcomes and identifiers.
    pub syncs: Option<u32>,
    /// Dead letters.
    pub letters: Option<u32>,
    /// Names of messages.
    pub seen: Option<u32>,
    /// The log of deliveries, and what was sent for journeys.
    pub log: Option<u32>,
}

impl Default for Policy {
    /// 395 days, as long as a browser keeps a cookie: a year and a month, so that a year can be compared with the one before.
    fn default() -> Self {
        Self { events: Some(395), syncs: Some(395), letters: Some(30), seen: Some(SEEN), log: Some(90) }
    }
}

/// What was removed, in the order of [`TABLES`]; of the last one by [`lines`] alone.
pub type Removed = [u64; TABLES.len()];

/// What is counted by.
pub const TABLES: [&str; 12] = [
    "events",
    "impressions",
    "messages",
    "decisions",
    "candidates",
    "exposures",
    "outcomes",
    "dead_letters",
    "seen",
    "bought",
    "sendings",
    LINES,
];

/// Where lines of the log of deliveries are counted.
const LINES: &str = "delivery_log";

/// A place in the log of deliveries: time, destination, id.
pub type Line = (i64, String, String);

/// Where identifiers that went are counted.
pub const IDENTIFIERS: &str = "identifiers";

impl Policy {
    /// Takes `events=395`, or `events=forever`.
    ///
    /// # Errors
    /// When nothing is called so, or the number is none.
    pub fn set(&mut self, text: &str) -> anyhow::Result<()> {
        let (name, days) =
            text.split_once('=').with_context(|| format!("{text:?} is no term: write --keep events=395"))?;
        let days = if days == "forever" {
            None
        } else {
            let read: Option<u32> = days.parse().ok();
            Some(read.with_context(|| format!("{days:?} is no number of days: write --keep {name}=395 or =forever"))?)
        };
        if days == Some(0) {
            anyhow::bail!("--keep {name}=0 would delete everything: take a day at least");
        }
        match name {
            "events" => self.events = days,
            "syncs" => self.syncs = days,
            "letters" => self.letters = days,
            "seen" => self.seen = days,
            "log" => self.log = days,
            _ => anyhow::bail!("nothing called {name:?} is kept for a time: events, syncs, letters, seen or log"),
        }
        Ok(())
    }

    /// The longest time, in days; none when something is kept for ever.
    fn longest(&self) -> Option<u32> {
        Some(self.events?.max(self.syncs?))
    }
}

/// One step: what is due most, at most [`STEP`] rows of each kind. Nothing removed: nothing is due.
///
/// # Errors
/// Any error of the store; the whole transaction is then to be given up.
pub fn step(graph: &mut Graph<'_>, policy: &Policy) -> Result<Removed> {
    let connection = graph.connection;
    let now = graph.received;
    let due = |days: Option<u32>| days.map(|days| now.saturating_sub(i64::from(days).saturating_mul(DAY)));
    let mut removed = Removed::default();
    let [events, impressions, messages, decisions, candidates, exposures, outcomes, letters, seen, bought, sendings, _] =
        &mut removed;
    if let Some(before) = due(policy.events) {
        *events = old_events(connection, before, now)?;
        *impressions = connection.execute(
            "DELETE FROM impressions WHERE (identifier, campaign, day, channel, source) IN
               (SELECT identifier, campaign, day, channel, source FROM impressions WHERE day < ?1 LIMIT ?2)",
            params![before.div_euclid(DAY), STEP],
        )?;
    }
    if let Some(before) = due(policy.syncs) {
        let sql = "SELECT id, visitor FROM messages WHERE received < ?1 ORDER BY received, id LIMIT ?2";
        for row in connection.query(sql, params![before, STEP])? {
            let (message, visitor): (i64, i64) = (row.get(0)?, row.get(1)?);
            for (count, sql) in [
                (&mut *outcomes, "DELETE FROM outcomes WHERE visitor = ?1 AND message = ?2"),
                (&mut *exposures, "DELETE FROM exposures WHERE visitor = ?1 AND message = ?2"),
                (&mut *decisions, "DELETE FROM decisions WHERE visitor = ?1 AND message = ?2"),
                (&mut *candidates, "DELETE FROM candidates WHERE visitor = ?1 AND message = ?2"),
                (&mut 0, "DELETE FROM identities WHERE visitor = ?1 AND message = ?2"),
            ] {
                *count += connection.execute(sql, params![visitor, message])?;
            }
            *messages += connection.execute("DELETE FROM messages WHERE id = ?1", params![message])?;
            connection.execute(
                "DELETE FROM visitors WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM messages WHERE visitor = ?1)",
                params![visitor],
            )?;
        }
    }
    if let Some(before) = due(policy.letters) {
        let sql = "DELETE FROM dead_letters WHERE id IN
                     (SELECT id FROM dead_letters WHERE received < ?1 ORDER BY received LIMIT ?2)";
        *letters = connection.execute(sql, params![before, STEP])?;
    }
    if let Some(before) = due(policy.seen) {
        let sql = "DELETE FROM seen WHERE message IN (SELECT message FROM seen WHERE received < ?1 ORDER BY received LIMIT ?2)";
        *seen = connection.execute(sql, params![before, STEP])?;
    }
    if let Some(before) = due(policy.log) {
        let sql = "DELETE FROM sendings WHERE (identifier, journey, since, step) IN
                     (SELECT identifier, journey, since, step FROM sendings WHERE at < ?1 ORDER BY at LIMIT ?2)";
        *sendings = connection.execute(sql, params![before, STEP])?;
    }
    if let Some(before) = due(Some(ENDED)) {
        let sql = "DELETE FROM bought WHERE (identifier, provider, taxonomy, segment) IN
                     (SELECT identifier, provider, taxonomy, segment FROM bought WHERE until < ?1 ORDER BY until LIMIT ?2)";
        *bought = connection.execute(sql, params![before, STEP])?;
    }
    Ok(removed)
}

/// One step through the log of deliveries: of the next [`STEP`] old lines after a place, those that nothing needs any more. The latest
/// delivery of each person at each destination stays, and what became of a parcel that is still in the outbox. How many went, and the
/// place to go on after; none at the end. What was delivered can be delivered again under its id once its line is gone.
///
/// # Errors
/// Any error of the store; the whole transaction is then to be given up.
pub fn lines(graph: &mut Graph<'_>, policy: &Policy, after: &Line) -> Result<(u64, Option<Line>)> {
    let Some(days) = policy.log else { return Ok((0, None)) };
    let before = graph.received.saturating_sub(i64::from(days).saturating_mul(DAY));
    let connection = graph.connection;
    let rows = connection.query(
        "SELECT at, destination, id FROM delivery_log WHERE at < ?1 AND (at, destination, id) > (?2, ?3, ?4)
         ORDER BY at, destination, id LIMIT ?5",
        params![before, after.0, &after.1, &after.2, STEP],
    )?;
    let Some(row) = rows.last() else { return Ok((0, None)) };
    let last: Line = (row.get(0)?, row.get(1)?, row.get(2)?);
    let count = connection.execute(
        "DELETE FROM delivery_log WHERE (at, destination, id) > (?1, ?2, ?3) AND (at, destination, id) <= (?4, ?5, ?6)
           AND CASE WHEN outcome = 1
             THEN person = '' OR EXISTS (
               SELECT 1 FROM delivery_log l WHERE l.destination = delivery_log.destination AND l.person = delivery_log.person
                 AND l.outcome = 1 AND (l.at > delivery_log.at OR (l.at = delivery_log.at AND l.id > delivery_log.id)))
             ELSE NOT EXISTS (
               SELECT 1 FROM outbox o WHERE o.destination = delivery_log.destination AND o.id = delivery_log.id)
             END",
        params![after.0, &after.1, &after.2, last.0, &last.1, &last.2],
    )?;
    Ok((count, Some(last)))
}

/// The place before the first line of the log.
#[must_use]
pub fn first_line() -> Line {
    (i64::MIN, String::new(), String::new())
}

fn old_events(connection: &Connection, before: i64, now: i64) -> Result<u64> {
    let sql = "SELECT e.id, i.person FROM events e JOIN identifiers i ON i.id = e.identifier
               WHERE e.received < ?1 ORDER BY e.received, e.id LIMIT ?2";
    let mut count = 0;
    for row in connection.query(sql, params![before, STEP])? {
        let (event, person): (i64, i64) = (row.get(0)?, row.get(1)?);
        count += connection.execute("DELETE FROM events WHERE id = ?1", params![event])?;
        // The profile is made anew of what is left.
        let sql = "INSERT INTO stale (person, since) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        connection.execute(sql, params![person, now])?;
    }
    Ok(count)
}

/// One step through the identifiers: those among the next [`STEP`] after a number that nothing refers to any more, and that are
/// older than everything is kept. How many went, and the number to go on after; none at the end.
///
/// # Errors
/// Any error of the store; the whole transaction is then to be given up.
pub fn idle(graph: &mut Graph<'_>, policy: &Policy, after: i64) -> Result<(u64, Option<i64>)> {
    let Some(days) = policy.longest() else { return Ok((0, None)) };
    let before = graph.received.saturating_sub(i64::from(days).saturating_mul(DAY));
    let connection = graph.connection;
    let rows = connection
        .query("SELECT id, first_at FROM identifiers WHERE id > ?1 ORDER BY id LIMIT ?2", params![after, STEP])?;
    let last = rows.last().map(|row| row.get(0)).transpose()?;
    let mut count = 0;
    for row in &rows {
        let (id, first_at): (i64, i64) = (row.get(0)?, row.get(1)?);
        if first_at >= before {
            continue;
        }
        // Whoever went before may have been the reason why this one was shared, or the one at whose id its person went.
        let sql = "SELECT person, shared FROM identifiers WHERE id = ?1";
        let Some(now) = connection.first(sql, params![id])? else { continue };
        if is_idle(connection, now.get(0)?, now.get(1)?, before)? {
            graph.remove(id)?;
            count += 1;
        }
    }
    Ok((count, last))
}

/// Whether nothing is left that hangs on any identifier of a person, and all evidence is old.
fn is_idle(connection: &Connection, person: i64, shared: bool, before: i64) -> Result<bool> {
    const HELD: [&str; 10] = [
        "SELECT 1 FROM identifiers i JOIN events e ON e.identifier = i.id WHERE i.person = ?1 LIMIT 1",
        "SELECT 1 FROM identifiers i JOIN contacts c ON c.identifier = i.id WHERE i.person = ?1 LIMIT 1",
        "SELECT 1 FROM identifiers i JOIN impressions m ON m.identifier = i.id WHERE i.person = ?1 LIMIT 1",
        "SELECT 1 FROM identifiers i JOIN visitors v ON v.pseudonym = i.value WHERE i.person = ?1 AND i.namespace = 0 LIMIT 1",
        "SELECT 1 FROM identifiers i JOIN identities d ON d.namespace = i.namespace AND d.digest = i.value
         WHERE i.person = ?1 LIMIT 1",
        "SELECT 1 FROM identifiers i JOIN memberships m ON m.namespace = i.namespace AND m.who = i.value
         WHERE i.person = ?1 LIMIT 1",
        "SELECT 1 FROM identifiers i JOIN journeys j ON j.identifier = i.id WHERE i.person = ?1 AND j.due IS NOT NULL LIMIT 1",
        "SELECT 1 FROM identifiers i JOIN bought b ON b.identifier = i.id WHERE i.person = ?1 LIMIT 1",
        "SELECT 1 FROM cuts c JOIN identifiers i ON i.id = c.a WHERE i.person = ?1 LIMIT 1",
        "SELECT 1 FROM cuts c JOIN identifiers i ON i.id = c.b WHERE i.person = ?1 LIMIT 1",
    ];
    for sql in HELD {
        if connection.exists(sql, params![person])? {
            return Ok(false);
        }
    }
    // What many share is a reason not to tie them: it stays while there is anything at it.
    let since = if shared { i64::MIN } else { before };
    let young = "SELECT 1 FROM identifiers i JOIN edges e ON e.a = i.id WHERE i.person = ?1 AND e.received >= ?2
                 UNION ALL SELECT 1 FROM identifiers i JOIN edges e ON e.b = i.id WHERE i.person = ?1 AND e.received >= ?2
                 LIMIT 1";
    Ok(!connection.exists(young, params![person, since])?)
}

/// Removes what is due, for ever. Run it as a task and drop it to stop.
pub(crate) async fn follow(policy: Policy, writer: Writer, metrics: Arc<Metrics>) {
    let mut pause = tokio::time::interval(PAUSE);
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        pause.tick().await;
        // A store that is busy or away is asked again after the pause.
        while let Ok(removed) = writer.run("retention", move |graph| step(graph, &policy)).await {
            for (table, count) in TABLES.iter().zip(removed) {
                metrics.removed(table, count);
            }
            if removed.iter().all(|count| *count == 0) {
                break;
            }
            tokio::time::sleep(BREATH).await;
        }
        let mut place = Some(first_line());
        while let Some(from) = place {
            let Ok((count, last)) = writer.run("retention", move |graph| lines(graph, &policy, &from)).await else {
                break;
            };
            metrics.removed(LINES, count);
            place = last;
            tokio::time::sleep(BREATH).await;
        }
        let mut after = Some(i64::MIN);
        while let Some(from) = after {
            let Ok((count, last)) = writer.run("retention", move |graph| idle(graph, &policy, from)).await else {
                break;
            };
            metrics.removed(IDENTIFIERS, count);
            after = last;
            tokio::time::sleep(BREATH).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_days_or_for_ever() {
        let mut policy = Policy::default();
        policy.set("events=30").unwrap();
        policy.set("syncs=forever").unwrap();
        assert_eq!((policy.events, policy.syncs, policy.seen), (Some(30), None, Some(SEEN)));
        for wrong in ["events", "events=soon", "events=0", "profiles=3", "seen=0"] {
            assert!(policy.set(wrong).is_err(), "{wrong}");
        }
    }
}
