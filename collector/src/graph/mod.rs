//! The identity graph: which identifiers are one person's, why, and how to take it back.
//!
//! The graph is a list of evidence ([`Edge`]): two identifiers, the rule and the source that tied them, the message that said so, how sure
//! it is, when, and under which permissions. Who is one person follows from all of it and the [`Policy`] ([`people`] has the
//! function); the store keeps the result beside each identifier, so that a look-up costs one row.
//!
//! When evidence comes or goes, [`Graph`] judges anew only the part that it can reach. `collector/tests/graph.rs` holds every
//! step of that to the whole function.
//!
//! Invariant: what is stored of people equals [`people::everyone`] over the evidence that is stored.
//! Absent on purpose: a table of redirects. A person goes by the universal id of its oldest identifier; the ids of all its other
//! identifiers lead there, so an id that was ever given out still finds its person after any merge or unmerge.

mod bulk;
mod erase;
mod path;
pub mod people;
pub mod policy;
mod unmerge;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use petitfour::identity::Digest;

pub(crate) use bulk::{Fresh, Key, Tie};
pub use path::Step;
pub use people::{Edge, Node, Rule};
pub use policy::Policy;
pub use unmerge::Which;
pub use view::{Known, Person, find, person};

use self::people::{Around, Part, is_shared};
use crate::{
    params,
    sql::{Connection, Error, Result, Row},
};

/// Identifiers that are remembered between transactions. Some 100 bytes each.
const REMEMBERED: usize = 200_000;

/// What was looked up lately. It belongs to one writer, and is emptied whenever a transaction is given up.
#[derive(Default)]
pub struct Memory {
    identifiers: HashMap<(u8, Vec<u8>), Remembered>,
    ties: HashMap<(i64, i64, u8), Vec<(String, i64)>>,
    key: Option<Vec<u8>>,
    erased: i64,
}

#[derive(Clone, Copy)]
struct Remembered {
    id: i64,
    forms: u8,
    first_at: i64,
    floor: i64,
}

impl Memory {
    /// Forgets everything: what it knows may not have been kept.
    pub fn clear(&mut self) {
        self.identifiers.clear();
        self.ties.clear();
    }

    /// Forgets everything when another collector has deleted something since. All else that others write only adds to what is
    /// remembered here.
    ///
    /// # Errors
    /// Any error of the store.
    pub(crate) fn compare(&mut self, connection: &Connection) -> Result<()> {
        let erased = connection.scalar("SELECT value FROM about WHERE key = 'erased'", params![])?.unwrap_or_default();
        if erased != self.erased {
            self.clear();
            self.erased = erased;
        }
        Ok(())
    }

    fn bound(&mut self) {
        if self.identifiers.len() > REMEMBERED || self.ties.len() > REMEMBERED {
            self.clear();
        }
    }
}

/// The graph within one transaction.
pub struct Graph<'t> {
    /// The transaction's connection.
    pub connection: &'t Connection,
    /// What ties and what does not.
    pub policy: &'t Policy,
    /// The server's time of this transaction, Unix ms.
    pub received: i64,
    memory: &'t mut Memory,
    /// Identifiers at whose ids persons went or go that have other members now.
    changed: BTreeSet<i64>,
}

/// A piece of evidence that is told.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'e> {
    /// By what it came.
    pub rule: Rule,
    /// Where from.
    pub source: &'e str,
    /// Which message.
    pub message: &'e [u8],
    /// Of 1,000.
    pub confidence: u16,
    /// What was permitted, as bits.
    pub permitted: u8,
    /// When, Unix ms.
    pub at: i64,
}

/// An identifier as the store knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: i64,
    /// What was told of it until this time is let go: it was deleted then.
    pub floor: i64,
}

impl<'t> Graph<'t> {
    /// The graph, for changes that are received now.
    pub fn new(connection: &'t Connection, policy: &'t Policy, memory: &'t mut Memory, received: i64) -> Self {
        memory.bound();
        Self { connection, policy, received, memory, changed: BTreeSet::new() }
    }

    /// Notes for whoever keeps something by person that these persons have other members now. Call it last.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn close(self) -> Result<()> {
        for person in self.changed {
            self.connection.execute(
                "INSERT INTO stale (person, since) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                params![person, self.received],
            )?;
        }
        Ok(())
    }

    /// Finds an identifier, or makes it; `at` is when it was told of.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn identifier(&mut self, namespace: u8, value: &[u8], forms: u8, at: i64) -> Result<Entry> {
        let key = (namespace, value.to_vec());
        let known = match self.memory.identifiers.get(&key) {
            Some(known) => Some(*known),
            None => self.look_up(namespace, value)?,
        };
        let Some(known) = known else {
            let made = self.make(namespace, value, forms, at)?;
            self.memory.identifiers.insert(key, made);
            return Ok(Entry { id: made.id, floor: made.floor });
        };
        // What was told before it was deleted says nothing of when it began.
        let first_at = if at > known.floor { known.first_at.min(at) } else { known.first_at };
        let now = Remembered { forms: known.forms | forms, first_at, ..known };
        if now.forms != known.forms || now.first_at != known.first_at {
            self.connection.execute(
                // What is remembered may be less than another collector has stored since.
                "UPDATE identifiers SET forms = forms | ?2, first_at = CASE WHEN first_at < ?3 THEN first_at ELSE ?3 END
                 WHERE id = ?1",
                params![known.id, now.forms, now.first_at],
            )?;
            // An older beginning may make it the root; another form may make it count.
            if now.forms == known.forms {
                self.settle(BTreeSet::from([known.id]))?;
            } else {
                // It may own its neighbours now, or be one of too many.
                for other in self.around(known.id)?.others.into_keys() {
                    self.judge(known.id.min(other), known.id.max(other), false)?;
                }
            }
        }
        self.memory.identifiers.insert(key, now);
        Ok(Entry { id: known.id, floor: known.floor })
    }

    /// Whether what was told of an identifier at this time is let go, since it was deleted later.
    ///
    /// # Errors
    /// Any error of the store.
    pub(crate) fn is_let_go(&mut self, namespace: u8, value: &[u8], at: i64) -> Result<bool> {
        let key = (namespace, value.to_vec());
        let known = match self.memory.identifiers.get(&key) {
            Some(known) => Some(*known),
            None => self.look_up(namespace, value)?,
        };
        let floor = match known {
            Some(known) => known.floor,
            None => self.floors([&key])?.get(&key).copied().unwrap_or(i64::MIN),
        };
        Ok(at <= floor)
    }

    fn look_up(&self, namespace: u8, value: &[u8]) -> Result<Option<Remembered>> {
        let sql = "SELECT id, forms, first_at, floor FROM identifiers WHERE namespace = ?1 AND value = ?2";
        let row = self.connection.first(sql, params![namespace, value])?;
        row.map(|row| Ok(Remembered { id: row.get(0)?, forms: row.get(1)?, first_at: row.get(2)?, floor: row.get(3)? }))
            .transpose()
    }

    fn make(&mut self, namespace: u8, value: &[u8], forms: u8, at: i64) -> Result<Remembered> {
        let key = (namespace, value.to_vec());
        let floor = self.floors([&key])?.get(&key).copied().unwrap_or(i64::MIN);
        let fresh = Fresh { forms, first_at: at, floor };
        let made = self.make_all(&BTreeMap::from([(key, fresh)]))?;
        made.first().copied().ok_or(Error::Column(0))
    }

    /// The universal id of an identifier: nobody who lacks the store's key can tell what it stands for.
    pub(crate) fn universal(&mut self, namespace: u8, value: &[u8]) -> Result<[u8; 16]> {
        let whole = self.keyed(&[b"universal", &[namespace], value])?;
        Ok(whole.first_chunk().copied().unwrap_or_default())
    }

    pub(crate) fn keyed(&mut self, parts: &[&[u8]]) -> Result<[u8; 32]> {
        if self.memory.key.is_none() {
            self.memory.key = self.connection.scalar("SELECT key FROM tombstone_key", params![])?;
        }
        let key = self.memory.key.as_ref().ok_or(Error::Column(0))?;
        // Each part is of fixed length or the last, so no two lists run together alike.
        Ok(Digest::of([&[key.as_slice()], parts].concat().concat()).0)
    }

    /// Takes in that two identifiers are one person's, and judges anew whoever that touches.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn tie(&mut self, one: i64, two: i64, evidence: &Evidence<'_>) -> Result<()> {
        self.tie_all(&[Tie { one, two, evidence: *evidence }])
    }

    /// Judges anew whoever the evidence between two identifiers can touch, after it came (`new`), changed or went.
    pub(crate) fn judge(&mut self, a: i64, b: i64, new: bool) -> Result<()> {
        let mut seeds = BTreeSet::from([a, b]);
        let (Some(one), Some(two)) = (self.node(a)?, self.node(b)?) else { return Ok(()) };
        if new && (one.1.shared || two.1.shared) && !self.may_still_share(&one, &two) {
            // One end is shared and stays so, and the other cannot become so by it: nothing follows.
            return Ok(());
        }
        for ((node, before), other) in [(&one, &two.0), (&two, &one.0)] {
            let around = self.around(node.id)?;
            let shared = is_shared(node, &around.neighbours(), self.policy);
            if shared != before.shared {
                self.connection
                    .execute("UPDATE identifiers SET shared = ?2 WHERE id = ?1", params![node.id, shared])?;
                // Whoever followed it, or follows it now, parts from others too.
                for (neighbour, (_, closed)) in &around.others {
                    if *closed {
                        continue;
                    }
                    seeds.insert(*neighbour);
                    seeds.extend(self.around(*neighbour)?.others.into_keys());
                }
            } else if !shared && self.policy.owns(other, node) {
                // It may follow another owner now.
                seeds.extend(around.others.into_keys());
            }
        }
        self.settle(seeds)
    }

    /// Could new evidence change whether either is shared? Not where one already is and the other is not owned by it.
    fn may_still_share(&self, one: &(Node, Flags), two: &(Node, Flags)) -> bool {
        let open = |(node, flags): &(Node, Flags), (other, _): &(Node, Flags)| {
            !flags.shared && (self.policy.owns(other, node) || flags.busy(self.policy))
        };
        open(one, two) || open(two, one)
    }

    fn node(&self, id: i64) -> Result<Option<(Node, Flags)>> {
        let sql = "SELECT id, namespace, value, forms, first_at, shared, person FROM identifiers WHERE id = ?1";
        let Some(row) = self.connection.first(sql, params![id])? else { return Ok(None) };
        let shared = row.get(5)?;
        let near = "SELECT (SELECT count(*) FROM edges WHERE a = ?1) + (SELECT count(*) FROM edges WHERE b = ?1)";
        // What is shared already may have any number around it, and nobody asks.
        let near: i64 = if shared { 0 } else { self.connection.scalar(near, params![id])?.unwrap_or_default() };
        let flags = Flags { shared, near: usize::try_from(near).unwrap_or(usize::MAX) };
        Ok(Some((node(&row, 0)?, flags)))
    }

    /// What is around an identifier: the evidence that counts, and the other ends.
    pub(crate) fn around(&self, id: i64) -> Result<Around> {
        Ok(self.around_all(&[id])?.remove(&id).unwrap_or_default())
    }

    /// Judges the part of the graph that can be reached from these identifiers.
    fn settle(&mut self, seeds: BTreeSet<i64>) -> Result<()> {
        let mut part = Part::default();
        let mut people: BTreeMap<i64, i64> = BTreeMap::new();
        let mut roots: BTreeMap<i64, i64> = BTreeMap::new();
        let mut waiting = seeds;
        while !waiting.is_empty() {
            let mut open = Vec::new();
            for (id, found) in self.nodes(waiting)? {
                people.insert(id, found.person);
                if found.shared {
                    roots.insert(id, id);
                } else {
                    part.nodes.insert(id, found.node);
                    open.push(id);
                }
            }
            part.around.extend(self.around_all(&open)?);
            let tied = open.iter().flat_map(|id| part.ties(*id, self.policy));
            waiting = tied.map(|(other, _)| other).filter(|other| !people.contains_key(other)).collect();
        }
        roots.extend(part.people(self.policy));
        for (id, root) in roots {
            let before = people.get(&id).copied().unwrap_or(id);
            if before != root {
                self.connection.execute("UPDATE identifiers SET person = ?2 WHERE id = ?1", params![id, root])?;
                self.changed.extend([before, root]);
            }
        }
        Ok(())
    }
}

/// What the store says of an identifier beside what it is.
struct Flags {
    shared: bool,
    /// Pieces of evidence at it, withdrawn ones too.
    near: usize,
}

impl Flags {
    fn busy(&self, policy: &Policy) -> bool {
        self.near > policy.busy
    }
}

pub(crate) fn node(row: &Row, at: usize) -> Result<Node> {
    Ok(Node {
        id: row.get(at)?,
        namespace: row.get(at + 1)?,
        value: row.get(at + 2)?,
        forms: row.get(at + 3)?,
        first_at: row.get(at + 4)?,
    })
}

/// The piece of evidence of a row; none when a newer collector wrote its rule.
pub(crate) fn edge(row: &Row) -> Result<Option<Edge>> {
    let Some(rule) = Rule::of(row.get(2)?) else { return Ok(None) };
    Ok(Some(Edge {
        a: row.get(0)?,
        b: row.get(1)?,
        rule,
        source: row.get(3)?,
        evidence: row.get(4)?,
        confidence: row.get(5)?,
        first_at: row.get(6)?,
    }))
}
