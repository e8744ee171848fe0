//! Terms that stand for one another: Bill for William, Hoxton for Islington.
//!
//! No list is carried. Where the records of several people have both terms, and far oftener than chance would bring
//! them together, the two are aliases of one another, in the language and the habits of the file at hand.

#![expect(clippy::indexing_slicing, reason = "indices are made here, from the lengths of what they index")]

use std::collections::{BTreeMap, HashSet};

use crate::records::{Measure, Records};

/// People whose records have both terms.
const PEOPLE: u32 = 3;
/// How much oftener than by chance.
const LIFT: f64 = 10.0;
/// Terms of one person that are paired with one term: a group of very many is more likely wrong than rich.
const TERMS: usize = 20;

/// Learns the aliases of every measure that has a level for them.
pub(crate) fn learn(records: &mut Records, groups: &[u32]) {
    for measure in records.measures.iter_mut().filter(|measure| measure.aspect.learns_aliases()) {
        measure.aliases = found(measure, groups);
    }
}

fn found(measure: &Measure, groups: &[u32]) -> HashSet<(u32, u32)> {
    let mut said: Vec<(u32, u32)> = measure.said().map(|(record, term)| (groups[record], term)).collect();
    said.sort_unstable();
    said.dedup();
    let mut people = vec![0_u32; measure.terms];
    let mut both: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let mut all = 0_u32;
    for person in said.chunk_by(|a, b| a.0 == b.0) {
        all += 1;
        for (at, (_, a)) in person.iter().enumerate() {
            people[*a as usize] += 1;
            for (_, b) in person.iter().skip(at + 1).take(TERMS) {
                *both.entry((*a, *b)).or_default() += 1;
            }
        }
    }
    let chance = |a: u32, b: u32| f64::from(people[a as usize]) * f64::from(people[b as usize]) / f64::from(all.max(1));
    let often = |((a, b), times): &((u32, u32), u32)| *times >= PEOPLE && f64::from(*times) >= LIFT * chance(*a, *b);
    both.into_iter().filter(often).map(|(pair, _)| pair).collect()
}
