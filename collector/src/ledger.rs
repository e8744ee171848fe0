//! What one sync changes in the store: its rows, who gets the credit for an outcome, and the running counts.
//!
//! A [`Ledger`] lives as long as one transaction. It writes rows as it goes and keeps the changes of the counts in
//! memory, to be added once by [`Ledger::close`]; so a batch of a hundred syncs updates each campaign's row once.
//!
//! Invariant: whatever order the same syncs arrive in, rows and counts end up the same. So an exposure that comes
//! after its outcome takes the credit it deserves, and a decision that comes after its exposure names its campaign.
//! Absent on purpose: any reading of the clock, and any trust in the device's (times are stored as told).

use std::collections::BTreeMap;

use petitfour::{
    consent::Permissions,
    id::Key,
    identity::{Digest, Hashed},
    sync::{Entry, Message},
};

use crate::{
    counts,
    event::VISITOR,
    forget::Tombstone,
    graph::{Evidence, Graph, Rule},
    journey, params,
    sql::{Connection, Error, Result},
};

/// How long an exposure may take the credit for an outcome that names no decision: 24 h in ms, the usual window for a
/// view-through, and short enough that one visitor's list stays short.
pub const ATTRIBUTION_MS: i64 = 24 * 60 * 60 * 1000;

/// A key or an index that is absent, in the bundle format.
const NONE: u32 = Key::NONE.0;

/// The event whose outcomes are counted as clicks.
pub const CLICK: &str = "click";

/// The source of what devices say of their visitors.
pub const DEVICE: &str = "device";

/// A device sends identifiers while *store* and *share* are open.
const SENT: u8 = 0b1001;

/// What became of one sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its rows are in the transaction.
    Stored,
    /// (replica, sequence) was there already, with the same bytes: nothing changed.
    Duplicate,
    /// (replica, sequence) was there already with other bytes. The first one counts; a device that goes back to an old
    /// state (a restored disk) can do this, and an operator wants to see it.
    Conflict,
    /// Its visitor has been forgotten: nothing was written.
    Forgotten,
}

/// A message that was decoded, with what the store keeps of its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Intake {
    /// What the device said.
    pub message: Message,
    /// Length of its encoded form.
    pub bytes: u32,
    /// XXH64 of its encoded form, to tell a repeat from a conflict.
    pub digest: u64,
}

/// The changes of one campaign's counts.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) decisions: i64,
    pub(crate) exposures: i64,
    pub(crate) clicks: i64,
    pub(crate) outcomes: i64,
    pub(crate) withheld: i64,
}

/// One transaction's worth of syncs.
pub struct Ledger<'g, 't> {
    pub(crate) transaction: &'t Connection,
    pub(crate) graph: &'g mut Graph<'t>,
    pub(crate) received: i64,
    pub(crate) click: i64,
    campaigns: BTreeMap<i64, Tally>,
    pub(crate) reasons: BTreeMap<u8, i64>,
    totals: BTreeMap<&'static str, i64>,
}

impl<'g, 't> Ledger<'g, 't> {
    /// A ledger over the graph's transaction.
    pub fn new(graph: &'g mut Graph<'t>) -> Self {
        let click = i64::from(Key::of(CLICK).0);
        Self {
            transaction: graph.connection,
            received: graph.received,
            graph,
            click,
            campaigns: BTreeMap::new(),
            reasons: BTreeMap::new(),
            totals: BTreeMap::new(),
        }
    }

    /// Writes one sync's rows, unless its (replica, sequence) is known or its visitor forgotten. One that asks to forget
    /// deletes rows and leaves none of its own: done twice, it is done once.
    ///
    /// # Errors
    /// Any error of the store; the whole transaction is then to be given up.
    pub fn record(&mut self, intake: &Intake) -> Result<Verdict> {
        let message = &intake.message;
        let began = i64::try_from(message.began).unwrap_or(i64::MAX);
        if let Some((withdrawn, after)) = message.entries.iter().find_map(forgotten) {
            self.forget(&message.visitor, withdrawn, began.saturating_add(i64::from(after)))?;
            return Ok(Verdict::Stored);
        }
        let who = self.buried(&message.visitor)?;
        let tombstone = self.tombstone(&who)?;
        if tombstone.everything {
            return Ok(Verdict::Forgotten);
        }
        let replica = message.replica.cast_signed();
        let digest = intake.digest.cast_signed();
        let known: Option<i64> = self.transaction.scalar(
            "SELECT digest FROM messages WHERE replica = ?1 AND sequence = ?2",
            params![replica, message.sequence],
        )?;
        if let Some(known) = known {
            return Ok(if known == digest { Verdict::Duplicate } else { Verdict::Conflict });
        }

        let dropped = self.newly_dropped(message)?;
        let visitor = self.visitor(&message.visitor)?;
        let entries = i64::try_from(message.entries.len()).unwrap_or(i64::MAX);
        let id: i64 = self
			.transaction
			.scalar(
				"INSERT INTO messages (replica, sequence, visitor, bundle, began, dropped, entries, bytes, digest, received)
				 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING id", params![
				replica,
				message.sequence,
				visitor,
				message.bundle.cast_signed(),
				began,
				message.dropped,
				entries,
				intake.bytes,
				digest,
				self.received
			])?.ok_or(Error::Column(0))?;
        self.add("syncs", 1);
        self.add("entries", entries);
        self.add("dropped", dropped);

        for (entry, position) in message.entries.iter().zip(0_i64..) {
            let place = Place { visitor, pseudonym: message.visitor, message: id, began, position };
            if place.is_open(entry, tombstone) {
                self.entry(entry, &place)?;
            }
        }
        if began > tombstone.shared {
            self.tie(message, began)?;
        }
        Ok(Verdict::Stored)
    }

    /// Adds the changes to the running counts. Call it last, before the commit.
    ///
    /// # Errors
    /// Any error of the store; the whole transaction is then to be given up.
    pub fn close(self) -> Result<()> {
        for (campaign, tally) in &self.campaigns {
            self.transaction.execute(
                "INSERT INTO campaign_counts (campaign, decisions, exposures, clicks, outcomes, withheld)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (campaign) DO UPDATE SET
                   decisions = campaign_counts.decisions + excluded.decisions,
                   exposures = campaign_counts.exposures + excluded.exposures,
                   clicks = campaign_counts.clicks + excluded.clicks,
                   outcomes = campaign_counts.outcomes + excluded.outcomes,
                   withheld = campaign_counts.withheld + excluded.withheld",
                params![campaign, tally.decisions, tally.exposures, tally.clicks, tally.outcomes, tally.withheld],
            )?;
        }
        for (reason, decisions) in &self.reasons {
            self.transaction.execute(
                "INSERT INTO reason_counts (reason, decisions) VALUES (?1, ?2)
                 ON CONFLICT (reason) DO UPDATE SET decisions = reason_counts.decisions + excluded.decisions",
                params![reason, decisions],
            )?;
        }
        counts::add(self.transaction, &self.totals)
    }

    fn entry(&mut self, entry: &Entry, place: &Place) -> Result<()> {
        match *entry {
            Entry::Decision { id, after, placement, campaign, creative, reason, probability, withheld } => {
                let row = Choice {
                    decision: id.cast_signed(),
                    at: place.at(after),
                    placement,
                    campaign: key(campaign),
                    creative: key(creative),
                    reason,
                    probability,
                    withheld: key(withheld),
                };
                self.decision(&row, place)
            }
            Entry::Exposure { decision, after } => self.exposure(decision.cast_signed(), place.at(after), place),
            Entry::Outcome { event, decision, after, value } => {
                let told = if decision == 0 { None } else { Some(decision.cast_signed()) };
                self.outcome(i64::from(event), told, place.at(after), value, place)
            }
            Entry::Identity { code, digest } => self.identity(code, digest, place),
            Entry::Step { journey: key, since, place: step, .. } => {
                let visitor = self.graph.identifier(VISITOR, &place.pseudonym, 0, place.began)?.id;
                journey::told(self.transaction, visitor, key, i64::try_from(since).unwrap_or(i64::MAX), step)
            }
            Entry::Candidate { decision, after, campaign, probability } => {
                let (decision, at) = (decision.cast_signed(), place.at(after));
                self.transaction.execute(
                    "INSERT INTO candidates (visitor, decision, campaign, at, probability, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT DO NOTHING",
                    params![place.visitor, decision, campaign, at, probability, place.message],
                )?;
                Ok(())
            }
            // Handled before any other: see `record`.
            Entry::Forgotten { .. } => Ok(()),
        }
    }

    fn decision(&mut self, row: &Choice, place: &Place) -> Result<()> {
        let written = self.transaction.execute(
            "INSERT INTO decisions
				   (visitor, decision, at, placement, campaign, creative, reason, probability, withheld, message)
				 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
            params![
                place.visitor,
                row.decision,
                row.at,
                row.placement,
                row.campaign,
                row.creative,
                row.reason,
                row.probability,
                row.withheld,
                place.message
            ],
        )?;
        if written == 0 {
            self.add("repeated", 1);
            return Ok(());
        }
        self.add("decisions", 1);
        *self.reasons.entry(row.reason).or_default() += 1;
        if let Some(withheld) = row.withheld {
            self.tally(withheld).withheld += 1;
            self.add("withheld", 1);
        }
        let Some(campaign) = row.campaign else { return Ok(()) };
        self.tally(campaign).decisions += 1;

        // Exposure and outcomes may have come first (another replica, a retry): they are credited now.
        let exposed = self.transaction.exists(
            "SELECT 1 FROM exposures WHERE visitor = ?1 AND decision = ?2",
            params![place.visitor, row.decision],
        )?;
        if exposed {
            self.tally(campaign).exposures += 1;
        }
        let transaction = self.transaction;
        let waiting = transaction.query(
            "SELECT event FROM outcomes WHERE visitor = ?1 AND decision = ?2",
            params![place.visitor, row.decision],
        )?;
        for outcome in waiting {
            self.credit(campaign, outcome.get(0)?, 1);
        }
        Ok(())
    }

    fn exposure(&mut self, decision: i64, at: i64, place: &Place) -> Result<()> {
        let written = self.transaction.execute(
            "INSERT INTO exposures (visitor, decision, at, message) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            params![place.visitor, decision, at, place.message],
        )?;
        if written == 0 {
            self.add("repeated", 1);
            return Ok(());
        }
        self.add("exposures", 1);
        let campaign = self.campaign_of(place.visitor, decision)?;
        if let Some(campaign) = campaign {
            self.tally(campaign).exposures += 1;
        }

        // Outcomes that came before this exposure did, and that an older exposure (or none) was credited with.
        let transaction = self.transaction;
        let late = transaction.query(
            "SELECT o.at, o.message, o.position, o.event, o.decision
             FROM outcomes o
             LEFT JOIN exposures e ON e.visitor = o.visitor AND e.decision = o.decision
             WHERE o.visitor = ?1 AND o.told IS NULL AND o.at BETWEEN ?2 AND ?3
               AND (e.at IS NULL OR (e.at, e.decision) < (?2, ?4))",
            params![place.visitor, at, at.saturating_add(ATTRIBUTION_MS), decision],
        )?;
        for row in late {
            let (outcome_at, message, position): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (event, before): (i64, Option<i64>) = (row.get(3)?, row.get(4)?);
            transaction.execute(
                "UPDATE outcomes SET decision = ?5
					 WHERE visitor = ?1 AND at = ?2 AND message = ?3 AND position = ?4",
                params![place.visitor, outcome_at, message, position, decision],
            )?;
            if let Some(before) = before
                && let Some(loser) = self.campaign_of(place.visitor, before)?
            {
                self.credit(loser, event, -1);
            }
            if let Some(campaign) = campaign {
                self.credit(campaign, event, 1);
            }
        }
        Ok(())
    }

    fn outcome(&mut self, event: i64, told: Option<i64>, at: i64, value: i64, place: &Place) -> Result<()> {
        let decision = match told {
            Some(decision) => Some(decision),
            None => self.transaction.scalar(
                "SELECT decision FROM exposures WHERE visitor = ?1 AND at BETWEEN ?2 AND ?3
					 ORDER BY at DESC, decision DESC LIMIT 1",
                params![place.visitor, at.saturating_sub(ATTRIBUTION_MS), at],
            )?,
        };
        self.transaction.execute(
            "INSERT INTO outcomes (visitor, at, message, position, event, value, told, decision)
				 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![place.visitor, at, place.message, place.position, event, value, told, decision],
        )?;
        self.add("outcomes", 1);
        if event == self.click {
            self.add("clicks", 1);
        }
        if let Some(decision) = decision
            && let Some(campaign) = self.campaign_of(place.visitor, decision)?
        {
            self.credit(campaign, event, 1);
        }
        Ok(())
    }

    /// An identifier of a kind that this build does not know is left out: a newer engine may send it, and the
    /// rest of its message is as good as any.
    fn identity(&mut self, code: u8, digest: [u8; 32], place: &Place) -> Result<()> {
        let hashed = Hashed::from_code(code, Digest(digest));
        let Some((hashed, namespace)) = hashed.and_then(|hashed| Some((hashed, hashed.namespace()?))) else {
            return Ok(());
        };
        let namespace = namespace.number();
        if self.graph.is_let_go(namespace, &digest, place.began)? {
            return Ok(());
        }
        let known = self.transaction.exists(
            "SELECT 1 FROM identities WHERE namespace = ?1 AND digest = ?2 AND visitor = ?3",
            params![namespace, &digest, place.visitor],
        )?;
        if !known {
            self.add("identities", 1);
        }
        // Told again with other forms, it serves both: an address whose forms agree has one digest for all of them.
        self.transaction.execute(
            "INSERT INTO identities (namespace, forms, digest, visitor, message, first_received)
				 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
				 ON CONFLICT (namespace, digest, visitor) DO UPDATE SET forms = identities.forms | excluded.forms",
            params![namespace, hashed.forms().bits(), &digest, place.visitor, place.message, self.received],
        )?;
        Ok(())
    }

    /// Ties what a message says of who its visitor is: all of it to the strongest identifier.
    fn tie(&mut self, message: &Message, at: i64) -> Result<()> {
        let mut told = Vec::new();
        for entry in &message.entries {
            if let Entry::Identity { code, digest } = *entry
                && let Some(hashed) = Hashed::from_code(code, Digest(digest))
                && let Some(namespace) = hashed.namespace()
            {
                if self.graph.is_let_go(namespace.number(), &digest, at)? {
                    continue;
                }
                let rank = self.graph.policy.kind(namespace.number()).rank;
                let entry = self.graph.identifier(namespace.number(), &digest, hashed.forms().bits(), at)?;
                told.push((rank, digest, entry.id));
            }
        }
        told.sort_unstable();
        let Some((_, _, strongest)) = told.first().copied() else { return Ok(()) };
        let visitor = self.graph.identifier(VISITOR, &message.visitor, 0, at)?;
        let mut name = [0; 12];
        let (replica, sequence) = name.split_at_mut(8);
        replica.copy_from_slice(&message.replica.to_be_bytes());
        sequence.copy_from_slice(&message.sequence.to_be_bytes());
        let evidence =
            Evidence { rule: Rule::Together, source: DEVICE, message: &name, confidence: 950, permitted: SENT, at };
        for other in told.iter().skip(1).map(|(_, _, id)| *id).chain([visitor.id]) {
            self.graph.tie(strongest, other, &evidence)?;
        }
        Ok(())
    }

    /// A replica says how many entries it dropped *so far*: only what is above the most it has said counts again.
    fn newly_dropped(&self, message: &Message) -> Result<i64> {
        if message.dropped == 0 {
            return Ok(0);
        }
        let most: Option<i64> = self
            .transaction
            .scalar::<Option<i64>>(
                "SELECT max(dropped) FROM messages WHERE replica = ?1",
                params![message.replica.cast_signed()],
            )?
            .flatten();
        Ok((i64::from(message.dropped) - most.unwrap_or_default()).max(0))
    }

    fn visitor(&mut self, pseudonym: &[u8; 16]) -> Result<i64> {
        let known: Option<i64> =
            self.transaction.scalar("SELECT id FROM visitors WHERE pseudonym = ?1", params![pseudonym])?;
        if let Some(id) = known {
            self.transaction
                .execute("UPDATE visitors SET last_received = ?2 WHERE id = ?1", params![id, self.received])?;
            return Ok(id);
        }
        self.add("visitors", 1);
        let added = "INSERT INTO visitors (pseudonym, first_received, last_received) VALUES (?1, ?2, ?2) RETURNING id";
        self.transaction.scalar(added, params![pseudonym, self.received])?.ok_or(Error::Column(0))
    }

    fn campaign_of(&self, visitor: i64, decision: i64) -> Result<Option<i64>> {
        let campaign: Option<Option<i64>> = self.transaction.scalar(
            "SELECT campaign FROM decisions WHERE visitor = ?1 AND decision = ?2",
            params![visitor, decision],
        )?;
        Ok(campaign.flatten())
    }

    fn credit(&mut self, campaign: i64, event: i64, by: i64) {
        let click = event == self.click;
        let tally = self.tally(campaign);
        tally.outcomes += by;
        if click {
            tally.clicks += by;
        }
    }

    pub(crate) fn tally(&mut self, campaign: i64) -> &mut Tally {
        self.campaigns.entry(campaign).or_default()
    }

    pub(crate) fn add(&mut self, total: &'static str, by: i64) {
        *self.totals.entry(total).or_default() += by;
    }
}

/// Where an entry stands: whose, in which message, counted from when.
struct Place {
    visitor: i64,
    pseudonym: [u8; 16],
    message: i64,
    began: i64,
    position: i64,
}

impl Place {
    fn at(&self, after: u32) -> i64 {
        self.began.saturating_add(i64::from(after))
    }

    /// May the entry be stored, after what the visitor took back? An identifier has no time of its own.
    fn is_open(&self, entry: &Entry, tombstone: Tombstone) -> bool {
        match *entry {
            Entry::Decision { after, .. }
            | Entry::Exposure { after, .. }
            | Entry::Outcome { after, .. }
            | Entry::Step { after, .. }
            | Entry::Candidate { after, .. } => self.at(after) > tombstone.measured,
            Entry::Identity { .. } => self.began > tombstone.shared,
            Entry::Forgotten { .. } => false,
        }
    }
}

/// A decision as it is stored.
struct Choice {
    decision: i64,
    at: i64,
    placement: u32,
    campaign: Option<i64>,
    creative: Option<i64>,
    reason: u8,
    probability: u16,
    withheld: Option<i64>,
}

fn key(key: u32) -> Option<i64> {
    (key != NONE).then_some(i64::from(key))
}

fn forgotten(entry: &Entry) -> Option<(Permissions, u32)> {
    match *entry {
        Entry::Forgotten { withdrawn, after } => Some((Permissions::from_bits(withdrawn), after)),
        _ => None,
    }
}
