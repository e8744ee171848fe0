//! From a table to people: candidates, two rounds of training and grouping, edges with their evidence.
//!
//! The first round trains on pairs alone. Its groups teach the second what people are like: aliases, frequencies of
//! people, chance agreement without kin. A third round changes nothing that matters (F1 of the historical set moves by
//! 0.0001).
//!
//! Edges are what is proposed: every candidate pair of one group that passes the threshold by itself, and where two
//! groups were merged by what all their records say together, the pair that says most, with the pooled evidence. The
//! groups are the components of the edges, exactly.

#![expect(clippy::indexing_slicing, reason = "indices are made here, from the lengths of what they index")]

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::Arc,
};

use rayon::prelude::*;

use crate::{
    alias,
    block::{Candidates, Rule},
    group::{Grouping, Merge},
    kind::{Kind, Mapping, MappingError},
    model::{Model, odds, probability},
    records::{MISSING, Records},
    table::Table,
    train::Sampled,
};

/// Probability from which an edge is proposed: four to one. The same for every table.
pub const THRESHOLD: f64 = 0.8;
/// Rounds of training and grouping.
const ROUNDS: usize = 2;
/// Odds in bits below which a candidate pair connects nothing, not even as one of many: 1 to 256.
const FLOOR: f64 = -8.0;
/// Candidates whose levels are found between two words of progress.
const CHUNK: usize = 1 << 14;

/// How to resolve.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What columns mean where their names do not tell.
    pub mapping: Mapping,
}

/// Who wants to know how far it is.
pub trait Watch: Sync {
    /// A stage begins; `total` steps, 0 where they are not counted.
    fn stage(&self, what: &'static str, total: u64);
    /// So many more steps are done.
    fn advance(&self, steps: u64);
}

/// Nobody does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Watch for Silent {
    fn stage(&self, _: &'static str, _: u64) {}
    fn advance(&self, _: u64) {}
}

/// Why a table was not resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolveError {
    /// The mapping does not fit the table.
    Mapping(MappingError),
    /// Fewer than two records.
    Few,
    /// No column tells two records apart.
    Constant,
}

impl ResolveError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Mapping(error) => error.code(),
            Self::Few => "resolve/few",
            Self::Constant => "resolve/constant",
        }
    }
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mapping(error) => error.fmt(f),
            Self::Few => f.write_str("fewer than two records; there is nothing to link"),
            Self::Constant => f.write_str(
                "every recognised column is empty or says the same of everybody; nothing tells records apart",
            ),
        }
    }
}

impl std::error::Error for ResolveError {}

impl From<MappingError> for ResolveError {
    fn from(error: MappingError) -> Self {
        Self::Mapping(error)
    }
}

/// What one measure says of an edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// The column, or the part of the name.
    pub measure: Arc<str>,
    /// How alike the values are; of pooled evidence, how alike those of the pair are, `missing` where one has none.
    pub level: &'static str,
    /// Bits for one person, negative against.
    pub bits: f64,
}

/// Two records that are likely one person's.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Row of the table.
    pub left: usize,
    /// Another row, greater.
    pub right: usize,
    /// Probability that they are one person's.
    pub probability: f64,
    /// Records on both sides whose evidence was pooled; `(1, 1)` for the pair alone.
    pub pooled: (usize, usize),
    /// Prior odds in bits. With all weights it makes the odds.
    pub prior: f64,
    /// What each measure says, in the order of measures; those that say nothing are left out.
    pub evidence: Vec<Weight>,
}

/// What came of a table.
#[derive(Clone, Debug, Default)]
pub struct Resolution {
    /// Proposed edges, by rows.
    pub edges: Vec<Edge>,
    /// Rows of each person, singles too; by first row.
    pub clusters: Vec<Vec<usize>>,
    /// Columns that were evidence, and as what.
    pub used: Vec<(String, Kind)>,
    /// Pairs that were compared.
    pub candidates: usize,
    /// Rules that found them.
    pub rules: Vec<Rule>,
}

/// A table that was resolved, ready to explain any two of its records.
#[derive(Debug)]
pub struct Resolved {
    records: Records,
    model: Model,
    candidates: Candidates,
    groups: Vec<u32>,
    merges: Vec<Merge>,
    levels: Vec<u8>,
    /// Record of each row.
    record_of: Vec<u32>,
}

/// Resolves a table.
///
/// Equal contents give equal people, whatever the order of rows.
///
/// # Errors
/// [`ResolveError`].
pub fn resolve(table: &Table, options: &Options) -> Result<Resolution, ResolveError> {
    Ok(Resolved::new(table, options, &Silent)?.resolution())
}

impl Resolved {
    /// Resolves a table and keeps what explains it.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub fn new(table: &Table, options: &Options, watch: &dyn Watch) -> Result<Self, ResolveError> {
        let kinds = options.mapping.kinds(table)?;
        if table.len() < 2 {
            return Err(ResolveError::Few);
        }
        watch.stage("reading records", 0);
        let mut records = Records::new(table, &kinds);
        if records.measures.is_empty() {
            return Err(ResolveError::Constant);
        }
        watch.stage("finding candidates", 0);
        let candidates = Candidates::find(&records);
        let mut levels = compare(&records, &candidates, watch);
        watch.stage("counting chance", records.measures.len() as u64);
        let sampled = Sampled::new(&records, || watch.advance(1));
        let mut groups: Option<Vec<u32>> = None;
        for round in 1.. {
            if let Some(groups) = &groups {
                alias::learn(&mut records, groups);
                see_aliases(&records, &candidates, &mut levels);
            }
            watch.stage("training", 0);
            let model = Model::train(&records, &candidates, &levels, &sampled, groups.as_deref());
            watch.stage("grouping", 0);
            let mut grouping = Grouping::new(&records, &model, &candidates.pairs, &levels, FLOOR);
            let merges = grouping.run(odds(THRESHOLD));
            let found = grouping.groups();
            if round == ROUNDS {
                let mut record_of = vec![0; records.len()];
                for (record, row) in (0_u32..).zip(&records.rows) {
                    record_of[*row as usize] = record;
                }
                return Ok(Self { records, model, candidates, groups: found, merges, levels, record_of });
            }
            groups = Some(found);
        }
        Err(ResolveError::Few)
    }

    /// What is proposed.
    pub fn resolution(&self) -> Resolution {
        let names = self.names();
        let prior = self.model.prior_bits();
        let width = self.records.measures.len();
        let least = odds(THRESHOLD);
        let mut edges = Vec::new();
        let mut direct = HashSet::new();
        for ((a, b), levels) in self.candidates.pairs.iter().zip(self.levels.chunks_exact(width)) {
            if self.groups[*a as usize] != self.groups[*b as usize] {
                continue;
            }
            let bits = prior + self.model.bits(&self.records, levels, *a, *b);
            if bits >= least {
                direct.insert((*a, *b));
                edges.push(self.edge(&names, *a, *b));
            }
        }
        for merge in self.merges.iter().filter(|merge| !direct.contains(&merge.pair)) {
            edges.push(self.pooled(&names, merge));
        }
        edges.sort_by_key(|edge| (edge.left, edge.right));
        let mut clusters: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (record, group) in self.groups.iter().enumerate() {
            clusters.entry(*group).or_default().push(self.records.rows[record] as usize);
        }
        let mut clusters: Vec<Vec<usize>> = clusters.into_values().collect();
        clusters.iter_mut().for_each(|rows| rows.sort_unstable());
        clusters.sort_unstable();
        Resolution {
            edges,
            clusters,
            used: self.records.used.clone(),
            candidates: self.candidates.pairs.len(),
            rules: self.candidates.rules.clone(),
        }
    }

    /// The evidence of two rows by themselves, whether or not they are proposed; `None` for a row that is not there,
    /// and for a row and itself.
    pub fn explain(&self, left: usize, right: usize) -> Option<Edge> {
        let (a, b) = (*self.record_of.get(left)?, *self.record_of.get(right)?);
        (a != b).then(|| self.edge(&self.names(), a, b))
    }

    /// Whether two rows were found to be one person's.
    pub fn together(&self, left: usize, right: usize) -> bool {
        let group = |row: usize| self.record_of.get(row).and_then(|record| self.groups.get(*record as usize));
        group(left).is_some() && group(left) == group(right)
    }

    /// Edges between two rows of one person, from one to the other; empty where there is no way.
    pub fn path(&self, left: usize, right: usize) -> Vec<Edge> {
        let Resolution { edges, .. } = self.resolution();
        let mut next: BTreeMap<usize, Vec<&Edge>> = BTreeMap::new();
        for edge in &edges {
            next.entry(edge.left).or_default().push(edge);
            next.entry(edge.right).or_default().push(edge);
        }
        let mut came: BTreeMap<usize, Option<&Edge>> = BTreeMap::from([(left, None)]);
        let mut queue = std::collections::VecDeque::from([left]);
        while let Some(row) = queue.pop_front() {
            for edge in next.get(&row).into_iter().flatten() {
                let other = if edge.left == row { edge.right } else { edge.left };
                if let std::collections::btree_map::Entry::Vacant(place) = came.entry(other) {
                    place.insert(Some(edge));
                    queue.push_back(other);
                }
            }
        }
        let (mut path, mut row) = (Vec::new(), right);
        while let Some(Some(edge)) = came.get(&row) {
            path.push((*edge).clone());
            row = if edge.left == row { edge.right } else { edge.left };
        }
        path.reverse();
        path
    }

    /// The rows of every candidate pair.
    pub fn candidate_rows(&self) -> impl Iterator<Item = (usize, usize)> {
        let row = |record: u32| self.records.rows[record as usize] as usize;
        self.candidates.pairs.iter().map(move |(a, b)| (row(*a), row(*b)))
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.records.measures.iter().map(|measure| measure.name.as_str().into()).collect()
    }

    fn edge(&self, names: &[Arc<str>], a: u32, b: u32) -> Edge {
        let bits = |measure: usize| {
            let level = self.records.level(measure, a, b);
            (level != MISSING).then(|| self.model.weight(&self.records, measure, level, a, b))
        };
        self.build(names, (a, b), (1, 1), &(0..names.len()).map(bits).collect::<Vec<_>>())
    }

    fn pooled(&self, names: &[Arc<str>], merge: &Merge) -> Edge {
        self.build(names, merge.pair, merge.sizes, &merge.weights)
    }

    fn build(&self, names: &[Arc<str>], (a, b): (u32, u32), pooled: (usize, usize), bits: &[Option<f64>]) -> Edge {
        let prior = self.model.prior_bits();
        let evidence: Vec<Weight> = bits
            .iter()
            .enumerate()
            .filter_map(|(measure, bits)| {
                let level = usize::from(self.records.level(measure, a, b));
                let level = self.records.measures[measure].aspect.levels().get(level).copied().unwrap_or("missing");
                Some(Weight { measure: Arc::clone(&names[measure]), level, bits: (*bits)? })
            })
            .collect();
        let sum: f64 = evidence.iter().map(|weight| weight.bits).sum();
        let (one, two) = (self.records.rows[a as usize] as usize, self.records.rows[b as usize] as usize);
        Edge { left: one.min(two), right: one.max(two), probability: probability(prior + sum), pooled, prior, evidence }
    }
}

/// Levels of all candidates, row-major.
fn compare(records: &Records, candidates: &Candidates, watch: &dyn Watch) -> Vec<u8> {
    let width = records.measures.len();
    watch.stage("comparing pairs", candidates.pairs.len() as u64);
    let mut levels = vec![MISSING; width * candidates.pairs.len()];
    levels.par_chunks_mut(width * CHUNK).zip(candidates.pairs.par_chunks(CHUNK)).for_each(|(levels, pairs)| {
        for (row, (a, b)) in levels.chunks_exact_mut(width).zip(pairs) {
            for (measure, level) in row.iter_mut().enumerate() {
                *level = records.level(measure, *a, *b);
            }
        }
        watch.advance(pairs.len() as u64);
    });
    levels
}

/// Moves candidates to the level of aliases that were learned since.
fn see_aliases(records: &Records, candidates: &Candidates, levels: &mut [u8]) {
    let width = records.measures.len();
    levels.par_chunks_exact_mut(width).zip(&candidates.pairs).for_each(|(row, (a, b))| {
        for (level, measure) in row.iter_mut().zip(&records.measures) {
            *level = measure.aliased(*level, measure.of[*a as usize], measure.of[*b as usize]);
        }
    });
}
