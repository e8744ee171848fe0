//! Forgetting: what a tombstone deletes, what is left, and what is let go that comes too late.
//!
//! A device that is told to forget, or whose visitor withdraws a permission, sends one last message that names the pseudonym.
//! Its rows go, the counts fall with them, and a tombstone stays: a keyed hash of the pseudonym, so that a message that was still on
//! its way changes nothing when it arrives. Doing it twice is doing it once, and whatever order messages and tombstones arrive in,
//! the same is left.
//!
//! Absent on purpose: other visitors of the same person. A device speaks for itself; whoever wants everything of a person gone asks for
//! that ([`crate::person::deletion`]).

use std::collections::BTreeMap;

use petitfour::consent::Permissions;

use crate::{
    event::VISITOR,
    journey,
    lake::tombstone::{Scope, note},
    ledger::{Ledger, Tally},
    params,
    sql::Result,
};

/// Before everything: nothing has been taken back.
const NEVER: i64 = i64::MIN;

/// What may not be stored any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tombstone {
    /// Nothing at all.
    pub(crate) everything: bool,
    /// No decision, exposure or outcome of this time or before.
    pub(crate) measured: i64,
    /// No identifier of this time or before.
    pub(crate) shared: i64,
}

impl Tombstone {
    const NONE: Self = Self { everything: false, measured: NEVER, shared: NEVER };

    fn of(withdrawn: Permissions, at: i64) -> Self {
        Self {
            everything: withdrawn.store(),
            measured: if withdrawn.measure() { at } else { NEVER },
            shared: if withdrawn.share() { at } else { NEVER },
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            everything: self.everything || other.everything,
            measured: self.measured.max(other.measured),
            shared: self.shared.max(other.shared),
        }
    }
}

/// What is counted of one visitor.
#[derive(Default)]
struct Sums {
    campaigns: BTreeMap<i64, Tally>,
    reasons: Vec<(i64, i64)>,
    totals: Vec<(&'static str, i64)>,
}

/// One number of a campaign's counts.
type Field = fn(&mut Tally) -> &mut i64;

/// What is counted of a visitor by campaign.
const BY_CAMPAIGN: [(Field, &str); 5] = [
    (
        |tally| &mut tally.decisions,
        "SELECT campaign, count(*) FROM decisions WHERE visitor = ?1 AND campaign IS NOT NULL GROUP BY 1",
    ),
    (
        |tally| &mut tally.withheld,
        "SELECT withheld, count(*) FROM decisions WHERE visitor = ?1 AND withheld IS NOT NULL GROUP BY 1",
    ),
    (
        |tally| &mut tally.exposures,
        "SELECT d.campaign, count(*) FROM exposures e JOIN decisions d USING (visitor, decision)
         WHERE visitor = ?1 AND d.campaign IS NOT NULL GROUP BY 1",
    ),
    (
        |tally| &mut tally.outcomes,
        "SELECT d.campaign, count(*) FROM outcomes o JOIN decisions d USING (visitor, decision)
         WHERE visitor = ?1 AND d.campaign IS NOT NULL GROUP BY 1",
    ),
    (
        |tally| &mut tally.clicks,
        "SELECT d.campaign, count(*) FROM outcomes o JOIN decisions d USING (visitor, decision)
         WHERE visitor = ?1 AND d.campaign IS NOT NULL AND o.event = :click GROUP BY 1",
    ),
];

/// The same by reason.
const BY_REASON: &str = "SELECT reason, count(*) FROM decisions WHERE visitor = ?1 GROUP BY 1";

/// The same over everything: name of the total, and the sum.
const TOTALS: [(&str, &str); 9] = [
    ("visitors", "SELECT count(*) FROM visitors WHERE id = ?1"),
    ("syncs", "SELECT count(*) FROM messages WHERE visitor = ?1"),
    ("entries", "SELECT CAST(coalesce(sum(entries), 0) AS BIGINT) FROM messages WHERE visitor = ?1"),
    ("decisions", "SELECT count(*) FROM decisions WHERE visitor = ?1"),
    ("withheld", "SELECT count(withheld) FROM decisions WHERE visitor = ?1"),
    ("exposures", "SELECT count(*) FROM exposures WHERE visitor = ?1"),
    ("outcomes", "SELECT count(*) FROM outcomes WHERE visitor = ?1"),
    ("clicks", "SELECT count(*) FROM outcomes WHERE visitor = ?1 AND event = :click"),
    ("identities", "SELECT count(*) FROM identities WHERE visitor = ?1"),
];

/// Everything of a visitor, rows before what they refer to.
const EVERYTHING: [&str; 7] = [
    "DELETE FROM outcomes WHERE visitor = ?1",
    "DELETE FROM exposures WHERE visitor = ?1",
    "DELETE FROM decisions WHERE visitor = ?1",
    "DELETE FROM candidates WHERE visitor = ?1",
    "DELETE FROM identities WHERE visitor = ?1",
    "DELETE FROM messages WHERE visitor = ?1",
    "DELETE FROM visitors WHERE id = ?1",
];

/// What came under measure until a time. An outcome that is left loses the credit that an exposure gave it which is gone: it was
/// the latest before it, so there is no other.
const MEASURED: [&str; 5] = [
    "DELETE FROM outcomes WHERE visitor = ?1 AND at <= ?2",
    "DELETE FROM exposures WHERE visitor = ?1 AND at <= ?2",
    "DELETE FROM decisions WHERE visitor = ?1 AND at <= ?2",
    "DELETE FROM candidates WHERE visitor = ?1 AND at <= ?2",
    "UPDATE outcomes SET decision = NULL WHERE visitor = ?1 AND at > ?2 AND told IS NULL AND decision IS NOT NULL
     AND NOT EXISTS (SELECT 1 FROM exposures e WHERE e.visitor = outcomes.visitor AND e.decision = outcomes.decision)",
];

/// What came under share until a time.
const SHARED: &str = "DELETE FROM identities WHERE visitor = ?1
     AND message IN (SELECT id FROM messages WHERE visitor = ?1 AND began <= ?2)";

impl Ledger<'_, '_> {
    /// What may not be stored any more of a pseudonym, by its [hash](Self::buried).
    pub(crate) fn tombstone(&self, who: &[u8; 32]) -> Result<Tombstone> {
        let found = self
            .transaction
            .first("SELECT everything, measured, shared FROM tombstones WHERE who = ?1", params![who])?;
        found.map_or(Ok(Tombstone::NONE), |row| {
            Ok(Tombstone { everything: row.get(0)?, measured: row.get(1)?, shared: row.get(2)? })
        })
    }

    /// Deletes what is held of a pseudonym under the permissions that are withdrawn, `at` the device's time.
    pub(crate) fn forget(&mut self, pseudonym: &[u8; 16], withdrawn: Permissions, at: i64) -> Result<()> {
        let who = self.buried(pseudonym)?;
        let tombstone = self.tombstone(&who)?.and(Tombstone::of(withdrawn, at));
        self.transaction.execute(
            "INSERT INTO tombstones (who, everything, measured, shared, received) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (who) DO UPDATE SET
                   everything = excluded.everything, measured = excluded.measured, shared = excluded.shared",
            params![&who, tombstone.everything, tombstone.measured, tombstone.shared, self.received],
        )?;
        if tombstone.everything {
            let told = "DELETE FROM memberships WHERE namespace = 0 AND who = ?1";
            self.transaction.execute(told, params![pseudonym])?;
        }
        if tombstone.measured > NEVER {
            journey::forget(self.transaction, pseudonym)?;
        }
        self.hide(pseudonym, tombstone)?;
        self.graph.forget(pseudonym, tombstone.everything, tombstone.shared)?;
        let known: Option<i64> =
            self.transaction.scalar("SELECT id FROM visitors WHERE pseudonym = ?1", params![pseudonym])?;
        let Some(visitor) = known else { return Ok(()) };
        let before = self.sums(visitor)?;
        if tombstone.everything {
            for statement in EVERYTHING {
                self.transaction.execute(statement, params![visitor])?;
            }
        } else {
            for statement in MEASURED {
                self.transaction.execute(statement, params![visitor, tombstone.measured])?;
            }
            self.transaction.execute(SHARED, params![visitor, tombstone.shared])?;
        }
        self.shift(&before, -1);
        let after = self.sums(visitor)?;
        self.shift(&after, 1);
        Ok(())
    }

    /// Lets no lake show it any more.
    fn hide(&mut self, pseudonym: &[u8; 16], tombstone: Tombstone) -> Result<()> {
        let uid = self.graph.universal(VISITOR, pseudonym)?;
        let (connection, now) = (self.transaction, self.received);
        if tombstone.everything {
            return note(connection, &uid, Scope::Everything, None, now);
        }
        if tombstone.measured > NEVER {
            note(connection, &uid, Scope::Measured, Some(tombstone.measured), now)?;
        }
        if tombstone.shared > NEVER {
            note(connection, &uid, Scope::Shared, Some(tombstone.shared), now)?;
        }
        Ok(())
    }

    /// The keyed hash that stands for a pseudonym. One block of the hash holds key and pseudonym, both of fixed length, so no
    /// outer hash is needed.
    pub(crate) fn buried(&mut self, pseudonym: &[u8; 16]) -> Result<[u8; 32]> {
        self.graph.keyed(&[pseudonym])
    }

    fn sums(&self, visitor: i64) -> Result<Sums> {
        let mut sums = Sums::default();
        for (field, query) in BY_CAMPAIGN {
            for (campaign, count) in self.counted(query, visitor)? {
                *field(sums.campaigns.entry(campaign).or_default()) = count;
            }
        }
        sums.reasons = self.counted(BY_REASON, visitor)?;
        for (name, query) in TOTALS {
            let query = self.about_clicks(query);
            sums.totals.push((name, self.transaction.scalar(&query, params![visitor])?.unwrap_or_default()));
        }
        Ok(sums)
    }

    fn counted(&self, query: &str, visitor: i64) -> Result<Vec<(i64, i64)>> {
        let rows = self.transaction.query(&self.about_clicks(query), params![visitor])?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }

    fn about_clicks(&self, query: &str) -> String {
        query.replace(":click", &self.click.to_string())
    }

    fn shift(&mut self, sums: &Sums, by: i64) {
        for (campaign, found) in &sums.campaigns {
            let mut found = *found;
            let tally = self.tally(*campaign);
            for (field, _) in BY_CAMPAIGN {
                *field(tally) += by * *field(&mut found);
            }
        }
        for (reason, decisions) in &sums.reasons {
            *self.reasons.entry(u8::try_from(*reason).unwrap_or_default()).or_default() += by * decisions;
        }
        for (name, sum) in &sums.totals {
            self.add(name, by * sum);
        }
    }
}
