//! Which records form one person: groups are merged while all that their records say together makes it likely enough.
//!
//! Every record starts as a group. The two groups whose evidence is strongest are merged, their evidence against all
//! others is added up, and so on until no two groups pass the threshold. Evidence between groups is pooled by measure,
//! over those pairs of records that both have a value. A record with a name and a postcode and another with a name and
//! a date of birth thus meet in a third; and one stray edge between two large groups is outvoted by the pairs beside
//! it, which keeps chains from growing.
//!
//! Ties are broken by the order of records, which is the order of their contents.

#![expect(clippy::indexing_slicing, reason = "indices are made here, from the lengths of what they index")]

use std::{
    cmp::Ordering,
    collections::{BTreeSet, BinaryHeap, HashMap},
};

use crate::{
    model::Model,
    records::{MISSING, Records},
};

/// Pooled evidence of two groups by one measure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pool {
    /// Sum of Bayes factors.
    pub factors: f64,
    /// Sum of bits.
    pub bits: f64,
    /// Pairs with both values.
    pub pairs: f64,
}

impl Pool {
    fn add(&mut self, other: Self) {
        self.factors += other.factors;
        self.bits += other.bits;
        self.pairs += other.pairs;
    }

    /// Bits that it is worth; `None` when no pair has both values. Halfway between two readings. The logarithm of the
    /// mean factor is right when each record copies any one of the other group's; the mean of the bits, when all of
    /// them must agree. The first alone forgives a person of two dates of birth, the second alone parts one who moved
    /// house.
    pub fn weight(self) -> Option<f64> {
        if self.pairs == 0.0 {
            return None;
        }
        let factor = (self.factors / self.pairs).log2();
        let mean = self.bits / self.pairs;
        Some(f64::midpoint(factor, mean))
    }
}

type Pools = Box<[Pool]>;

/// Two groups that were merged.
#[derive(Clone, Debug)]
pub struct Merge {
    /// A record of one group and one of the other: the pair of candidates that says most.
    pub pair: (u32, u32),
    /// Pooled bits by measure, `None` where no pair of records has both values.
    pub weights: Vec<Option<f64>>,
    /// Sizes of both groups.
    pub sizes: (usize, usize),
}

#[derive(PartialEq)]
struct Offer {
    bits: f64,
    pair: (u32, u32),
    version: u64,
}

impl Eq for Offer {}

impl PartialOrd for Offer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Offer {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bits.total_cmp(&other.bits).then_with(|| other.pair.cmp(&self.pair)).then(self.version.cmp(&other.version))
    }
}

struct Link {
    pools: Pools,
    best: (f64, (u32, u32)),
    version: u64,
}

/// Groups under construction.
pub struct Grouping<'a> {
    records: &'a Records,
    model: &'a Model,
    members: Vec<Vec<u32>>,
    links: Vec<BTreeSet<u32>>,
    between: HashMap<(u32, u32), Link>,
    heap: BinaryHeap<Offer>,
    version: u64,
}

fn key(a: u32, b: u32) -> (u32, u32) {
    (a.min(b), a.max(b))
}

impl<'a> Grouping<'a> {
    /// Starts from candidates with their levels; `floor` is the odds in bits below which a pair does not connect
    /// anything.
    pub fn new(records: &'a Records, model: &'a Model, pairs: &[(u32, u32)], levels: &[u8], floor: f64) -> Self {
        let width = records.measures.len().max(1);
        let mut grouping = Self {
            records,
            model,
            members: (0..records.len()).map(|record| vec![u32::try_from(record).unwrap_or(u32::MAX)]).collect(),
            links: vec![BTreeSet::new(); records.len()],
            between: HashMap::new(),
            heap: BinaryHeap::new(),
            version: 0,
        };
        let prior = model.prior_bits();
        for ((a, b), row) in pairs.iter().zip(levels.chunks_exact(width)) {
            let bits = prior + model.bits(records, row, *a, *b);
            if bits < floor {
                continue;
            }
            let pools = grouping.pools(row, *a, *b);
            grouping.between.insert((*a, *b), Link { pools, best: (bits, (*a, *b)), version: 0 });
            grouping.links[*a as usize].insert(*b);
            grouping.links[*b as usize].insert(*a);
            grouping.heap.push(Offer { bits, pair: (*a, *b), version: 0 });
        }
        grouping
    }

    fn pools(&self, row: &[u8], a: u32, b: u32) -> Pools {
        let pool = |(measure, level): (usize, &u8)| {
            if *level == MISSING {
                return Pool::default();
            }
            let bits = self.model.weight(self.records, measure, *level, a, b);
            Pool { factors: bits.exp2(), bits, pairs: 1.0 }
        };
        row.iter().enumerate().map(pool).collect()
    }

    /// Pools of two groups from their records.
    fn fresh(&self, a: u32, b: u32) -> Pools {
        let width = self.records.measures.len();
        let mut sum: Pools = vec![Pool::default(); width].into();
        let mut row = vec![MISSING; width];
        for x in &self.members[a as usize] {
            for y in &self.members[b as usize] {
                for (measure, level) in row.iter_mut().enumerate() {
                    *level = self.records.level(measure, *x, *y);
                }
                for (sum, pool) in sum.iter_mut().zip(self.pools(&row, *x, *y).iter()) {
                    sum.add(*pool);
                }
            }
        }
        sum
    }

    /// Merges until no two groups have `least` bits; what was merged, in order.
    pub fn run(&mut self, least: f64) -> Vec<Merge> {
        let mut merges = Vec::new();
        while let Some(offer) = self.heap.pop() {
            if offer.bits < least {
                break;
            }
            let current = self.between.get(&offer.pair).is_some_and(|link| link.version == offer.version);
            if !current {
                continue;
            }
            merges.push(self.merge(offer.pair));
        }
        merges
    }

    fn merge(&mut self, (a, b): (u32, u32)) -> Merge {
        // The larger group stays, the lower index on a tie.
        let larger = self.members[b as usize].len() > self.members[a as usize].len();
        let (stays, goes) = if larger { (b, a) } else { (a, b) };
        let sizes = (self.members[stays as usize].len(), self.members[goes as usize].len());
        let (weights, pair) = match self.between.remove(&key(a, b)) {
            Some(link) => (link.pools.iter().map(|pool| pool.weight()).collect(), link.best.1),
            None => (Vec::new(), (a, b)),
        };
        let mut others = std::mem::take(&mut self.links[goes as usize]);
        let staying = std::mem::take(&mut self.links[stays as usize]);
        others.extend(staying);
        others.remove(&stays);
        others.remove(&goes);
        self.version += 1;
        let prior = self.model.prior_bits();
        for other in others.iter().copied() {
            let one = self.between.remove(&key(stays, other));
            let two = self.between.remove(&key(goes, other));
            let (pools, best) = match (one, two) {
                (Some(one), Some(two)) => {
                    let best = if two.best.0 > one.best.0 { two.best } else { one.best };
                    let mut pools = one.pools;
                    pools.iter_mut().zip(two.pools.iter()).for_each(|(sum, pool)| sum.add(*pool));
                    (pools, best)
                }
                (Some(link), None) => (self.with(link.pools, goes, other), link.best),
                (None, Some(link)) => (self.with(link.pools, stays, other), link.best),
                (None, None) => continue,
            };
            let bits = prior + pools.iter().filter_map(|pool| pool.weight()).sum::<f64>();
            self.links[other as usize].remove(&goes);
            self.links[other as usize].insert(stays);
            self.heap.push(Offer { bits, pair: key(stays, other), version: self.version });
            self.between.insert(key(stays, other), Link { pools, best, version: self.version });
        }
        self.links[stays as usize] = others;
        let moved = std::mem::take(&mut self.members[goes as usize]);
        self.members[stays as usize].extend(moved);
        Merge { pair, weights, sizes }
    }

    fn with(&self, mut pools: Pools, group: u32, other: u32) -> Pools {
        for (sum, pool) in pools.iter_mut().zip(self.fresh(group, other).iter()) {
            sum.add(*pool);
        }
        pools
    }

    /// Group of each record, named by its first record.
    pub fn groups(&self) -> Vec<u32> {
        let mut groups = vec![0; self.records.len()];
        for members in &self.members {
            if let Some(first) = members.iter().min() {
                members.iter().for_each(|record| groups[*record as usize] = *first);
            }
        }
        groups
    }
}
