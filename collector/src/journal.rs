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

use std::collections::{BTreeMap, HashSet};

use petitfour::identity::Digest;

use crate::{
    counts,
    event::{ANONYMOUS, Contact, Event, Kind, Letter, VISITOR},
    graph::{Evidence, Fresh, Graph, Key, Rule, Tie},
    params,
    sql::{Result, Value},
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
        Ok(self.record_all(&[event])?.first().copied().unwrap_or(Outcome::LetGo))
    }

    /// Writes the rows of many events, of each unless its message is known; what became of each, in order.
    ///
    /// # Errors
    /// Any error of the store; the whole transaction is then to be given up.
    pub fn record_all(&mut self, events: &[&Event]) -> Result<Vec<Outcome>> {
        let mut fresh = self.seen(events)?;
        // Of two of one message in one transaction the first is stored.
        let mut outcomes: Vec<Outcome> = events
            .iter()
            .map(|event| match fresh.remove(&event.message) {
                false => Outcome::Duplicate,
                true if !event.permissions().measure() => Outcome::LetGo,
                true => Outcome::Stored,
            })
            .collect();
        let mut told: Vec<(usize, &Event, Vec<Key>)> = Vec::new();
        for (at, (event, outcome)) in events.iter().zip(&outcomes).enumerate() {
            if *outcome == Outcome::Stored {
                told.push((at, event, keys(event)));
            }
        }
        let missing = self.graph.recall(told.iter().flat_map(|(_, _, keys)| keys))?;
        let floors = self.graph.floors(missing)?;
        told.retain(|(at, event, keys)| {
            let floor = |key| self.graph.remembered(key).map(|entry| entry.floor).or(floors.get(key).copied());
            let stays = !keys.is_empty() && keys.iter().all(|key| floor(key).is_none_or(|floor| event.at > floor));
            if !stays && let Some(outcome) = outcomes.get_mut(*at) {
                *outcome = Outcome::LetGo;
            }
            stays
        });
        self.identify(&told, &floors)?;
        self.keep(&told)?;
        for outcome in &outcomes {
            match outcome {
                Outcome::Stored => self.add("events"),
                Outcome::LetGo => self.add("let_go"),
                Outcome::Duplicate => {}
            }
        }
        Ok(outcomes)
    }

    /// Notes the messages; those that were not known.
    fn seen(&self, events: &[&Event]) -> Result<HashSet<[u8; 16]>> {
        let mut values = Vec::with_capacity(events.len() * 2);
        for event in events {
            values.extend([Value::from(&event.message), Value::from(self.graph.received)]);
        }
        let then = "ON CONFLICT DO NOTHING RETURNING message";
        let rows = self.graph.connection.insert_many("seen (message, received)", 2, &values, then)?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Finds or makes the identifiers of events that are to be stored.
    fn identify(&mut self, told: &[(usize, &Event, Vec<Key>)], floors: &BTreeMap<Key, i64>) -> Result<()> {
        let mut named: BTreeMap<Key, Fresh> = BTreeMap::new();
        for (_, event, keys) in told {
            for key in keys {
                let forms = event.identifiers.iter().filter(|told| told.namespace == key.0 && told.value == key.1);
                let forms = forms.fold(0, |all, told| all | told.forms);
                let floor = floors.get(key).copied().unwrap_or(i64::MIN);
                let first = Fresh { forms, first_at: event.at, floor };
                let named = named.entry(key.clone()).or_insert(first);
                named.forms |= forms;
                named.first_at = named.first_at.min(event.at);
            }
        }
        self.graph.identify(&named)
    }

    /// Ties the identifiers of events, and writes their rows.
    fn keep(&mut self, told: &[(usize, &Event, Vec<Key>)]) -> Result<()> {
        let mut ties = Vec::new();
        let mut values = Vec::with_capacity(told.len() * 10);
        let mut contacts: BTreeMap<(i64, &str), (i64, &str)> = BTreeMap::new();
        for (_, event, keys) in told {
            let mut known = keys.iter().filter_map(|key| self.graph.remembered(key));
            let Some(anchor) = known.next().map(|entry| entry.id) else { continue };
            let declared = event.kind == Kind::Alias;
            let evidence = Evidence {
                rule: if declared { Rule::Declared } else { Rule::Together },
                source: &event.source,
                message: &event.message,
                confidence: if declared { DECLARED } else { TOGETHER },
                permitted: event.permitted,
                at: event.at,
            };
            ties.extend(known.map(|other| Tie { one: anchor, two: other.id, evidence }));
            for Contact { channel, address } in &event.contacts {
                let latest = contacts.entry((anchor, channel)).or_insert((event.at, address));
                *latest = (*latest).max((event.at, address));
            }
            values.extend([Value::from(anchor), Value::from(event.kind as u8), Value::from(&event.name)]);
            values.extend([Value::from(&event.source), Value::from(event.at), Value::from(self.graph.received)]);
            values.extend([Value::from(event.value), Value::from(event.permitted)]);
            values.extend([Value::from(&event.message), Value::from(&event.body)]);
        }
        self.graph.tie_all(&ties)?;
        let connection = self.graph.connection;
        let into = "events (identifier, kind, name, source, at, received, value, permitted, message, body)";
        connection.insert_many(into, 10, &values, "")?;
        let rows = contacts.into_iter().flat_map(|((identifier, channel), (at, address))| {
            [Value::from(identifier), Value::from(channel), Value::from(address), Value::from(at)]
        });
        let then = "ON CONFLICT (identifier, channel) DO UPDATE SET address = excluded.address, at = excluded.at
             WHERE (excluded.at, excluded.address) > (contacts.at, contacts.address)";
        let rows: Vec<Value<'_>> = rows.collect();
        connection.insert_many("contacts (identifier, channel, address, at)", 4, &rows, then)?;
        Ok(())
    }

    /// Keeps what could not be read; the same bytes from the same source once.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn bury(&mut self, letter: &Letter) -> Result<()> {
        let digest =
            Digest::of([letter.source.as_bytes(), b"\n", letter.path.as_bytes(), b"\n", &letter.body].concat());
        let written = self.graph.connection.execute(
            "INSERT INTO dead_letters (received, source, path, position, code, field, message, body, digest)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
            params![
                self.graph.received,
                &letter.source,
                &letter.path,
                letter.position,
                &letter.code,
                &letter.field,
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

/// The identifiers of an event that may be kept, the strongest first. Without *share* only what the site itself gave the browser.
fn keys(event: &Event) -> Vec<Key> {
    let share = event.permissions().share();
    let open = event.identifiers.iter().filter(|told| share || matches!(told.namespace, VISITOR | ANONYMOUS));
    open.map(|told| (told.namespace, told.value.clone())).collect()
}
