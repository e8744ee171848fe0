//! Segments in disjunctive normal form: an OR of conjuncts, each an AND of "attribute in a set of values".
//!
//! Conditions on one attribute merge into one set as early as possible (an OR of ten cities is one set, not ten
//! conjuncts), impossible conjuncts vanish, and a conjunct within another is dropped. What remains can still grow as the
//! product of the ORs, so growth is bounded and the bound is a fault, never a truncation.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::set::Set;

/// Most conjuncts of one segment: each costs a bit in every row, and a hand-written segment needs a handful.
pub const MAX_CONJUNCTS: usize = 256;

/// What a segment means.
#[derive(Clone, Debug)]
pub(crate) enum Formula {
    All(Vec<Formula>),
    Any(Vec<Formula>),
    Not(Box<Formula>),
    Leaf(usize, Set),
    /// A named segment, worked out once however often it is named.
    Shared(Rc<Shared>),
}

/// A formula that remembers its normal forms: segments that name each other twice on every level would otherwise cost
/// two to the power of the levels.
#[derive(Debug)]
pub(crate) struct Shared {
    formula: Formula,
    normal: [OnceCell<Result<Vec<Conjunct>, TooLarge>>; 2],
}

/// An AND: the set of values that each attribute in it must be in. An empty one always holds.
pub(crate) type Conjunct = BTreeMap<usize, Set>;

/// The segment grew beyond [`MAX_CONJUNCTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Formula {
    /// The normal form. No conjunct at all means that the formula never holds.
    pub(crate) fn conjuncts(&self) -> Result<Vec<Conjunct>, TooLarge> {
        self.normal(false)
    }

    /// The same formula, worked out once.
    pub(crate) fn shared(self) -> Self {
        Self::Shared(Rc::new(Shared { formula: self, normal: [OnceCell::new(), OnceCell::new()] }))
    }

    /// The normal form of this or of its negation.
    fn normal(&self, negated: bool) -> Result<Vec<Conjunct>, TooLarge> {
        match (self, negated) {
            (Self::Leaf(attribute, set), _) => {
                let set = if negated { set.clone().complement() } else { set.clone() };
                Ok(leaf(*attribute, set))
            }
            (Self::Not(inner), _) => inner.normal(!negated),
            (Self::Shared(shared), _) => {
                let [plain, inverse] = &shared.normal;
                let cell = if negated { inverse } else { plain };
                cell.get_or_init(|| shared.formula.normal(negated)).clone()
            }
            (Self::All(parts), false) | (Self::Any(parts), true) => {
                let mut factors = Vec::with_capacity(parts.len());
                for part in parts {
                    factors.push(part.normal(negated)?);
                }
                // Small factors first: what they rule out is never multiplied.
                factors.sort_by_key(Vec::len);
                let mut all = vec![Conjunct::new()];
                for factor in factors {
                    all = product(&all, &factor)?;
                }
                Ok(all)
            }
            (Self::Any(parts), false) | (Self::All(parts), true) => {
                let mut any = Sum::default();
                for part in parts {
                    for conjunct in part.normal(negated)? {
                        any.add(conjunct)?;
                    }
                }
                Ok(any.0)
            }
        }
    }
}

fn leaf(attribute: usize, set: Set) -> Vec<Conjunct> {
    if set.is_empty() {
        Vec::new()
    } else if set.is_all() {
        vec![Conjunct::new()]
    } else {
        vec![Conjunct::from([(attribute, set)])]
    }
}

fn product(left: &[Conjunct], right: &[Conjunct]) -> Result<Vec<Conjunct>, TooLarge> {
    let mut all = Sum::default();
    for a in left {
        for b in right {
            if let Some(both) = conjoin(a, b) {
                all.add(both)?;
            }
        }
    }
    Ok(all.0)
}

/// Both at once; `None` when they exclude each other.
fn conjoin(a: &Conjunct, b: &Conjunct) -> Option<Conjunct> {
    let mut both = a.clone();
    for (attribute, set) in b {
        let merged = both.get(attribute).map_or_else(|| set.clone(), |own| own.and(set));
        if merged.is_empty() {
            return None;
        }
        both.insert(*attribute, merged);
    }
    Some(both)
}

/// An OR under construction: conjuncts that differ in one attribute only are merged, and none lies within another.
#[derive(Default)]
struct Sum(Vec<Conjunct>);

impl Sum {
    fn add(&mut self, mut conjunct: Conjunct) -> Result<(), TooLarge> {
        // A merge may make room for the next one, so it starts again until nothing merges.
        while let Some((at, merged)) =
            self.0.iter().enumerate().find_map(|(at, other)| Some((at, merge(other, &conjunct)?)))
        {
            self.0.remove(at);
            conjunct = merged;
        }
        if !self.0.iter().any(|other| implies(&conjunct, other)) {
            self.0.retain(|other| !implies(other, &conjunct));
            self.0.push(conjunct);
        }
        if self.0.len() > MAX_CONJUNCTS { Err(TooLarge) } else { Ok(()) }
    }
}

/// Whether `a` holds only where `b` does: every set that `b` asks for contains the one that `a` asks for.
fn implies(a: &Conjunct, b: &Conjunct) -> bool {
    b.iter().all(|(attribute, wide)| a.get(attribute).is_some_and(|narrow| narrow.is_within(wide)))
}

/// One conjunct for both, when they ask about the same attributes and differ in one.
fn merge(a: &Conjunct, b: &Conjunct) -> Option<Conjunct> {
    if a.len() != b.len() || !a.keys().eq(b.keys()) {
        return None;
    }
    let mut different = a.iter().zip(b.values()).filter(|((_, x), y)| x != y);
    let Some(((attribute, x), y)) = different.next() else { return Some(a.clone()) };
    if different.next().is_some() {
        return None;
    }
    let mut merged = a.clone();
    let union = x.or(y);
    if union.is_all() {
        merged.remove(attribute);
    } else {
        merged.insert(*attribute, union);
    }
    Some(merged)
}
