//! The graph for many at once: a transaction's identifiers and ties, with a statement for hundreds of them.
//!
//! What is left is what the same ties would leave one after another, since people follow from all evidence and not from its order.
//! `collector/tests/batches.rs` holds the one to the other.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Evidence, Graph, Remembered, edge, node,
    people::{Around, Node, is_shared},
};
use crate::{
    params,
    sql::{Result, Value},
};

/// An identifier by what it is.
pub(crate) type Key = (u8, Vec<u8>);

/// An identifier that is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fresh {
    pub(crate) forms: u8,
    pub(crate) first_at: i64,
    pub(crate) floor: i64,
}

/// An identifier with what is stored of it.
pub(super) struct Found {
    pub(super) node: Node,
    pub(super) shared: bool,
    pub(super) person: i64,
}

/// A tie that is told.
pub(crate) struct Tie<'e> {
    pub(crate) one: i64,
    pub(crate) two: i64,
    pub(crate) evidence: Evidence<'e>,
}

/// A place among the evidence: both ends, rule, source.
type Slot<'e> = (i64, i64, u8, &'e str);

/// When a piece of evidence was said first, and by which message.
type First = (i64, Vec<u8>);

impl Graph<'_> {
    /// Makes sure that what is stored of these identifiers is remembered; those that are not stored are left.
    pub(crate) fn recall<'k>(&mut self, keys: impl IntoIterator<Item = &'k Key>) -> Result<BTreeSet<&'k Key>> {
        let mut unknown: BTreeMap<u8, BTreeMap<&[u8], &'k Key>> = BTreeMap::new();
        for key in keys {
            if !self.memory.identifiers.contains_key(key) {
                unknown.entry(key.0).or_default().insert(&key.1, key);
            }
        }
        let sql = "SELECT value, id, forms, first_at, floor FROM identifiers WHERE namespace = ?1 AND value IN (:keys)";
        for (namespace, unknown) in &mut unknown {
            let values: Vec<Value<'_>> = unknown.keys().map(|value| Value::Bytes(value)).collect();
            for row in self.connection.among(sql, params![*namespace], &values)? {
                let value: Vec<u8> = row.get(0)?;
                let known =
                    Remembered { id: row.get(1)?, forms: row.get(2)?, first_at: row.get(3)?, floor: row.get(4)? };
                unknown.remove(value.as_slice());
                self.memory.identifiers.insert((*namespace, value), known);
            }
        }
        Ok(unknown.into_values().flat_map(BTreeMap::into_values).collect())
    }

    /// An identifier's number and floor, if it is remembered.
    pub(crate) fn remembered(&self, key: &Key) -> Option<super::Entry> {
        self.memory.identifiers.get(key).map(|known| super::Entry { id: known.id, floor: known.floor })
    }

    /// Until when what was told of identifiers that are not stored is let go; nothing for those that were never deleted.
    pub(crate) fn floors<'k>(&mut self, keys: impl IntoIterator<Item = &'k Key>) -> Result<BTreeMap<Key, i64>> {
        let mut graves = BTreeMap::new();
        for key in keys {
            graves.insert(self.keyed(&[b"deleted", &[key.0], &key.1])?, key);
        }
        let values: Vec<Value<'_>> = graves.keys().map(Value::from).collect();
        let rows = self.connection.among("SELECT who, measured FROM tombstones WHERE who IN (:keys)", &[], &values)?;
        let mut floors = BTreeMap::new();
        for row in rows {
            if let Some(key) = graves.get(&row.get::<[u8; 32]>(0)?) {
                floors.insert((*key).clone(), row.get(1)?);
            }
        }
        Ok(floors)
    }

    /// Stores identifiers that are not there; each is a person of its own.
    pub(super) fn make_all(&mut self, fresh: &BTreeMap<Key, Fresh>) -> Result<Vec<Remembered>> {
        if fresh.is_empty() {
            return Ok(Vec::new());
        }
        // One writes at a time, so the next number is known: a row that names itself is written once.
        let last: Option<i64> = self.connection.scalar("SELECT coalesce(max(id), 0) FROM identifiers", params![])?;
        let mut made = Vec::with_capacity(fresh.len());
        let mut uids = Vec::with_capacity(fresh.len());
        for (((namespace, value), Fresh { forms, first_at, floor }), id) in fresh.iter().zip(last.unwrap_or(0) + 1..) {
            uids.push(self.universal(*namespace, value)?);
            made.push(Remembered { id, forms: *forms, first_at: *first_at, floor: *floor });
        }
        let rows = fresh.keys().zip(&made).zip(&uids);
        let values: Vec<Value<'_>> = rows
            .flat_map(|(((namespace, value), made), uid)| {
                let Remembered { id, forms, first_at, floor } = *made;
                let own = [Value::from(id), Value::from(*namespace), Value::from(value), Value::from(forms)];
                let rest =
                    [Value::from(uid), Value::from(first_at), Value::from(floor), Value::from(id), Value::Int(0)];
                own.into_iter().chain(rest)
            })
            .collect();
        let into = "identifiers (id, namespace, value, forms, uid, first_at, floor, person, shared)";
        self.connection.insert_many(into, 9, &values, "")?;
        Ok(made)
    }

    /// Finds or makes identifiers, of each with all forms and the earliest time that it was told with. All are
    /// [remembered](Self::remembered) afterwards.
    pub(crate) fn identify(&mut self, told: &BTreeMap<Key, Fresh>) -> Result<()> {
        let missing = self.recall(told.keys())?;
        let missing: BTreeMap<Key, Fresh> =
            missing.into_iter().filter_map(|key| Some((key.clone(), *told.get(key)?))).collect();
        for (key, Fresh { forms, first_at, .. }) in told {
            if !missing.contains_key(key) {
                self.identifier(key.0, &key.1, *forms, *first_at)?;
            }
        }
        let made = self.make_all(&missing)?;
        self.memory.identifiers.extend(missing.into_keys().zip(made));
        Ok(())
    }

    /// Takes in many ties, and judges anew whoever they touch.
    pub(crate) fn tie_all(&mut self, told: &[Tie<'_>]) -> Result<()> {
        // Of each piece of evidence the earliest.
        let mut pieces: BTreeMap<Slot<'_>, Evidence<'_>> = BTreeMap::new();
        for Tie { one, two, evidence } in told {
            let slot = (*one.min(two), *one.max(two), evidence.rule as u8, evidence.source);
            if one == two || self.is_told(&slot, evidence.at) {
                continue;
            }
            let piece = pieces.entry(slot).or_insert(*evidence);
            if (evidence.at, evidence.message) < (piece.at, piece.message) {
                *piece = *evidence;
            }
        }
        let pairs: BTreeSet<(i64, i64)> = pieces.keys().map(|(a, b, ..)| (*a, *b)).collect();
        let pairs: Vec<(i64, i64)> = pairs.into_iter().collect();
        let sql = "SELECT a, b, rule, source, first_at, evidence FROM edges WHERE (a, b) IN (:keys)";
        let mut known: BTreeMap<(i64, i64, u8, String), First> = BTreeMap::new();
        for row in self.connection.among_pairs(sql, &pairs)? {
            known.insert((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?), (row.get(4)?, row.get(5)?));
        }
        let mut values: Vec<Value<'_>> = Vec::new();
        let mut judged: Vec<(i64, i64, bool)> = Vec::new();
        let mut firsts: Vec<(Slot<'_>, i64)> = Vec::with_capacity(pieces.len());
        for (slot, evidence) in &pieces {
            let (a, b, rule, source) = *slot;
            let before = known.get(&(a, b, rule, source.to_owned()));
            firsts.push((*slot, before.map_or(evidence.at, |(first, _)| evidence.at.min(*first))));
            if before.is_none_or(|(first, told)| (evidence.at, evidence.message) < (*first, told.as_slice())) {
                values.extend([Value::from(a), Value::from(b), Value::from(rule), Value::from(source)]);
                values.extend([Value::from(evidence.message), Value::from(evidence.confidence)]);
                values.extend([Value::from(evidence.permitted), Value::from(evidence.at), Value::from(self.received)]);
                judged.push((a, b, before.is_none()));
            }
        }
        let into = "edges (a, b, rule, source, evidence, confidence, permitted, first_at, received)";
        let then =
            "ON CONFLICT (a, b, rule, source) DO UPDATE SET evidence = excluded.evidence, first_at = excluded.first_at,
               confidence = excluded.confidence";
        self.connection.insert_many(into, 9, &values, then)?;
        self.judge_all(&judged)?;
        for ((a, b, rule, source), first) in firsts {
            self.remember_tie(a, b, rule, source, first);
        }
        Ok(())
    }

    /// Judges anew whoever the evidence of many pairs can touch. Pairs with a shared end are judged one by one: what is around that
    /// end may be any number, and mostly nothing follows.
    fn judge_all(&mut self, pairs: &[(i64, i64, bool)]) -> Result<()> {
        let ends = self.nodes(pairs.iter().flat_map(|(a, b, _)| [*a, *b]).collect())?;
        let mut open: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        let mut alone = Vec::new();
        for (a, b, new) in pairs {
            let (Some(one), Some(two)) = (ends.get(a), ends.get(b)) else { continue };
            if one.shared || two.shared {
                alone.push((*a, *b, *new));
            } else {
                open.entry(*a).or_default().insert(*b);
                open.entry(*b).or_default().insert(*a);
            }
        }
        let around = self.around_all(&open.keys().copied().collect::<Vec<i64>>())?;
        let mut seeds: BTreeSet<i64> = open.keys().copied().collect();
        for (id, others) in &open {
            let (Some(found), Some(around)) = (ends.get(id), around.get(id)) else { continue };
            if is_shared(&found.node, &around.neighbours(), self.policy) {
                self.connection.execute("UPDATE identifiers SET shared = 1 WHERE id = ?1", params![*id])?;
                // Whoever followed it parts from others too.
                let near: Vec<i64> =
                    around.others.iter().filter(|(_, (_, closed))| !closed).map(|(id, _)| *id).collect();
                for around in self.around_all(&near)?.into_values() {
                    seeds.extend(around.others.into_keys());
                }
                seeds.extend(near);
            } else if others
                .iter()
                .any(|other| ends.get(other).is_some_and(|other| self.policy.owns(&other.node, &found.node)))
            {
                // It may follow another owner now.
                seeds.extend(around.others.keys());
            }
        }
        self.settle(seeds)?;
        alone.into_iter().try_for_each(|(a, b, new)| self.judge(a, b, new))
    }

    /// Identifiers by their numbers.
    pub(super) fn nodes(&self, ids: BTreeSet<i64>) -> Result<BTreeMap<i64, Found>> {
        let keys: Vec<Value<'_>> = ids.into_iter().map(Value::Int).collect();
        let sql = "SELECT id, namespace, value, forms, first_at, shared, person FROM identifiers WHERE id IN (:keys)";
        let rows = self.connection.among(sql, &[], &keys)?;
        rows.iter()
            .map(|row| Ok((row.get(0)?, Found { node: node(row, 0)?, shared: row.get(5)?, person: row.get(6)? })))
            .collect()
    }

    /// What is around each of these identifiers.
    pub(super) fn around_all(&self, ids: &[i64]) -> Result<BTreeMap<i64, Around>> {
        let keys: Vec<Value<'_>> = ids.iter().copied().map(Value::Int).collect();
        let mut all: BTreeMap<i64, Around> = ids.iter().map(|id| (*id, Around::default())).collect();
        let rows = self.connection.among(
            "SELECT e.a, e.b, e.rule, e.source, e.evidence, e.confidence, e.first_at,
                    n.id, n.namespace, n.value, n.forms, n.first_at, n.shared
             FROM edges e JOIN identifiers n ON n.id = e.b
             WHERE e.a IN (:keys) AND e.withdrawn IS NULL
               AND NOT EXISTS (SELECT 1 FROM cuts c WHERE c.a = e.a AND c.b = e.b)
             UNION ALL
             SELECT e.a, e.b, e.rule, e.source, e.evidence, e.confidence, e.first_at,
                    n.id, n.namespace, n.value, n.forms, n.first_at, n.shared
             FROM edges e JOIN identifiers n ON n.id = e.a
             WHERE e.b IN (:keys) AND e.withdrawn IS NULL
               AND NOT EXISTS (SELECT 1 FROM cuts c WHERE c.a = e.a AND c.b = e.b)",
            &[],
            &keys,
        )?;
        for row in &rows {
            let Some(edge) = edge(row)? else { continue };
            let other = node(row, 7)?;
            let here = if other.id == edge.b { edge.a } else { edge.b };
            if let Some(around) = all.get_mut(&here) {
                around.others.insert(other.id, (other, row.get(12)?));
                around.edges.push(edge);
            }
        }
        Ok(all)
    }

    /// Was this told already, at an earlier time? Of one time the smaller message counts, which only the store knows.
    fn is_told(&self, (a, b, rule, source): &Slot<'_>, at: i64) -> bool {
        let told = self.memory.ties.get(&(*a, *b, *rule));
        told.is_some_and(|told| told.iter().any(|(name, first)| name == source && *first < at))
    }

    fn remember_tie(&mut self, a: i64, b: i64, rule: u8, source: &str, first: i64) {
        let told = self.memory.ties.entry((a, b, rule)).or_default();
        told.retain(|(name, _)| name != source);
        told.push((source.to_owned(), first));
    }
}
