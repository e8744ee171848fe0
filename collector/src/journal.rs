//! What one event changes in the store: its row, the identifiers that it names, what ties them, and where somebody can be reached.
//!
//! A [`Journal`] lives as long as one transaction, like the [`Ledger`](crate::ledger::Ledger) beside it. An event is stored once within
//! the window in which its message is known; it hangs on its strongest identifier, and ties the others to that one.
//!
//! Permissions come first. Without *measure* nothing of an event is stored. Without *share* only what the site itself gave the
//! browser is kept, and an event that names nobody by that is let go. What was told of somebody before they had themselves deleted
//! is let go too, whenever it arrives.
//!
//! Invariant: whatever order the same events arrive in, the same rows, people and counts are left.

use std::collections::BTreeMap;

use petitfour::identity::Digest;

use crate::{
    counts,
    event::{ANONYMOUS, Event, Kind, Letter, VISITOR},
    graph::{Evidence, Graph, Rule},
    params,
    sql::Result,
};

/// How sure a message is that its identifiers are one person's, of 1,000.
const TOGETHER: u16 = 950;

/// How sure a declaration is.
const DECLARED: u16 = 1_000;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the transaction.
    Stored,
    /// It was there already.
    Duplicate,
    /// It is not to be stored: not permitted, or told before its person was deleted.
    LetGo,
}

/// One transaction's worth of events and letters.
pub struct Journal<'g, 't> {
    graph: &'g mut Graph<'t>,
    totals: BTreeMap<&'static str, i64>,
}

impl<'g, 't> Journal<'g, 't> {
    /// A journal over the graph's transaction.
    pub fn new(graph: &'g mut Graph<'t>) -> Self {
        Self { graph, totals: BTreeMap::new() }
    }

    /// Writes one event's rows, unless its message is known.
    ///
    /// # Errors
    /// Any error of the store; the whole transaction is then to be given up.
    pub fn record(&mut self, event: &Event) -> Result<Outcome> {
        let connection = self.graph.connection;
        let fresh = connection.execute(
            "INSERT INTO seen (message, received) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![&event.message, self.graph.received],
        )?;
        if fresh == 0 {
            return Ok(Outcome::Duplicate);
        }
        let permissions = event.permissions();
        if !permissions.measure() {
            self.add("let_go");
            return Ok(Outcome::LetGo);
        }
        let mut known = Vec::with_capacity(event.identifiers.len());
        for identifier in &event.identifiers {
            if !permissions.share() && !matches!(identifier.namespace, VISITOR | ANONYMOUS) {
                continue;
            }
            let entry = self.graph.identifier(identifier.namespace, &identifier.value, identifier.forms, event.at)?;
            if event.at <= entry.floor {
                self.add("let_go");
                return Ok(Outcome::LetGo);
            }
            known.push(entry.id);
        }
        let Some((anchor, others)) = known.split_first() else {
            self.add("let_go");
            return Ok(Outcome::LetGo);
        };
        let declared = event.kind == Kind::Alias;
        let evidence = Evidence {
            rule: if declared { Rule::Declared } else { Rule::Together },
            source: &event.source,
            message: &event.message,
            confidence: if declared { DECLARED } else { TOGETHER },
            permitted: event.permitted,
            at: event.at,
        };
        for other in others {
            self.graph.tie(*anchor, *other, &evidence)?;
        }
        for contact in &event.contacts {
            connection.execute(
                "INSERT INTO contacts (identifier, channel, address, at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (identifier, channel) DO UPDATE SET address = excluded.address, at = excluded.at
                 WHERE (excluded.at, excluded.address) > (contacts.at, contacts.address)",
                params![anchor, &contact.channel, &contact.address, event.at],
            )?;
        }
        connection.execute(
            "INSERT INTO events (identifier, kind, name, source, at, received, value, permitted, message, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                anchor,
                event.kind as u8,
                &event.name,
                &event.source,
                event.at,
                self.graph.received,
                event.value,
                event.permitted,
                &event.message,
                &event.body
            ],
        )?;
        self.add("events");
        Ok(Outcome::Stored)
    }

    /// Keeps what could not be read; the same bytes from the same source once.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn bury(&mut self, letter: &Letter) -> Result<()> {
        let digest =
            Digest::of([letter.source.as_bytes(), b"\n", letter.path.as_bytes(), b"\n", &letter.body].concat());
        let written = self.graph.connection.execute(
            "INSERT INTO dead_letters (received, source, path, position, code, message, body, digest)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            params![
                self.graph.received,
                &letter.source,
                &letter.path,
                letter.position,
                &letter.code,
                &letter.message,
                &letter.body,
                &digest.0
            ],
        )?;
        if written > 0 {
            self.add("letters");
        }
        Ok(())
    }

    /// Adds the changes to the running counts. Call it last.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn close(self) -> Result<()> {
        counts::add(self.graph.connection, &self.totals)
    }

    fn add(&mut self, total: &'static str) {
        *self.totals.entry(total).or_default() += 1;
    }
}
