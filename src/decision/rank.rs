//! All that may be shown, the best first: for who may have to take another one than the best, as a bidder does.

use super::{candidates, chance, pick};
use crate::eligibility::{Circumstances, refused_after_segment, refused_before_segment};
use alloc::vec::Vec;
use core::cmp::Reverse;

/// A campaign that every gate lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contender {
    /// Its place in the bundle.
    pub campaign: usize,
    /// The creative that is this visitor's.
    pub creative: usize,
    /// How probable this creative was among those of the campaign, of 65 535.
    pub probability: u16,
    /// What the campaign's model says, in 65 536ths; `None` without a model.
    pub chance: Option<u32>,
}

/// Ranks a placement's campaigns. The first is the one that [`choose`](super::choose) takes.
#[must_use]
pub fn rank(placement: usize, matches: &[u64], given: &Circumstances<'_>) -> Vec<Contender> {
    let catalog = given.catalog;
    let Some(place) = catalog.placement(placement) else { return Vec::new() };
    let mut ranked = Vec::new();
    for index in candidates(catalog, place.mask(), matches) {
        let Some(campaign) = catalog.campaign(index) else { continue };
        if refused_before_segment(&campaign, given).or_else(|| refused_after_segment(&campaign, given)).is_some() {
            continue;
        }
        if let Some((creative, probability)) = pick(&campaign, given) {
            let chance = chance(&campaign, given);
            let order = Reverse((campaign.priority(), i64::from(campaign.value()) * i64::from(chance)));
            let chance = campaign.model().map(|_| chance);
            ranked.push((order, Contender { campaign: index, creative, probability, chance }));
        }
    }
    // Stable: between equals the one that stands first in the bundle stays first.
    ranked.sort_by_key(|(order, _)| *order);
    ranked.into_iter().map(|(_, contender)| contender).collect()
}
