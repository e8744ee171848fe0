//! Bit rows: for every bin of every attribute, which conjuncts accept it.
//!
//! A conjunct that does not ask about an attribute accepts all of its bins. Equal rows are stored once: most bins of most
//! attributes look alike, and a thousand campaigns then fit the cache.

use std::collections::BTreeMap;

use petitfour::catalog::NONE;

use crate::plan::Plan;

/// The rows of a bundle.
#[derive(Debug)]
pub(crate) struct Rows {
    /// Words of a row.
    pub(crate) words: usize,
    /// Conjuncts in all.
    pub(crate) conjuncts: usize,
    /// Each attribute's first place in `index`, [`NONE`] when no conjunct asks about it.
    pub(crate) first: Vec<u32>,
    /// Row number of each bin of each attribute.
    pub(crate) index: Vec<u32>,
    /// The distinct rows.
    pub(crate) rows: Vec<Vec<u64>>,
    /// Of each placement, the conjuncts of its campaigns.
    pub(crate) masks: Vec<Vec<u64>>,
}

impl Rows {
    /// Builds the rows of a plan.
    pub(crate) fn build(plan: &Plan<'_>) -> Self {
        let conjuncts = plan.conjuncts().count();
        let words = conjuncts.div_ceil(64).max(1);
        let mut rows =
            Self { words, conjuncts, first: Vec::new(), index: Vec::new(), rows: Vec::new(), masks: Vec::new() };
        let mut known: BTreeMap<Vec<u64>, u32> = BTreeMap::new();
        // Who asks about which attribute, so that the work follows the conditions and not attributes × conjuncts.
        let mut asking: Vec<Vec<(usize, &crate::set::Set)>> = vec![Vec::new(); plan.attributes.all().len()];
        for (bit, conjunct) in plan.conjuncts().enumerate() {
            for (at, set) in conjunct {
                if let Some(asking) = asking.get_mut(*at) {
                    asking.push((bit, set));
                }
            }
        }
        let mut everyone = vec![0u64; words];
        (0..conjuncts).for_each(|bit| put(&mut everyone, bit, true));
        for (attribute, asking) in plan.attributes.all().iter().zip(asking) {
            if asking.is_empty() {
                rows.first.push(NONE);
                continue;
            }
            rows.first.push(u32::try_from(rows.index.len()).unwrap_or(NONE));
            let mut bins = vec![everyone.clone(); attribute.bins()];
            for (bit, set) in asking {
                for (row, accepted) in bins.iter_mut().zip(attribute.accepted(set)) {
                    put(row, bit, accepted);
                }
            }
            for row in bins {
                let next = u32::try_from(rows.rows.len()).unwrap_or(NONE);
                let number = *known.entry(row.clone()).or_insert(next);
                if number == next {
                    rows.rows.push(row);
                }
                rows.index.push(number);
            }
        }
        for placement in &plan.folder.placements {
            let mut mask = vec![0u64; words];
            let mut bit = 0;
            for planned in &plan.campaigns {
                let campaign = plan.folder.campaigns.get(planned.campaign);
                let here = campaign.is_some_and(|it| it.placements.iter().any(|own| own.text == placement.name));
                for _ in &planned.conjuncts {
                    put(&mut mask, bit, here);
                    bit += 1;
                }
            }
            rows.masks.push(mask);
        }
        rows
    }
}

/// Sets or clears bit `bit % 64` of word `bit / 64`.
fn put(row: &mut [u64], bit: usize, set: bool) {
    if let Some(word) = row.get_mut(bit / 64) {
        let mask = 1u64 << (bit % 64);
        *word = if set { *word | mask } else { *word & !mask };
    }
}
