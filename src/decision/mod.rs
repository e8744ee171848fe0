//! What to show in a placement: always an answer, and always able to say why.
//!
//! Candidates are the campaigns whose bits survived `rule` under the placement's mask. Their bits stand in decision order,
//! so without a model the first that no gate refuses is the best; with models, every candidate of the best priority is
//! scored, and the greatest value × probability wins, the earlier one between equals. A placement that explores draws instead.

mod explain;
mod explore;
mod rank;

pub use crate::eligibility::Reason;
pub use explain::{Explanation, Verdict, explain};
pub use explore::{Arm, Draw, draw};
pub use rank::{Contender, rank};

use crate::catalog::{Campaign, Catalog, Exploration, Placement, Section};
use crate::eligibility::{Circumstances, is_held_out, refused_after_segment, refused_before_segment};
use crate::hash::below;
use crate::model;
use alloc::vec::Vec;

/// Certainty, as a probability in a decision.
pub const CERTAIN: u16 = u16::MAX;

/// What was chosen. Indices are places in the bundle's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Names this decision in exposures and outcomes; 0 when nothing was chosen.
    pub id: u64,
    /// Where.
    pub placement: usize,
    /// What for.
    pub campaign: Option<usize>,
    /// What to show.
    pub creative: Option<usize>,
    /// [`Reason::Chosen`], [`Reason::Fallback`] or [`Reason::Nothing`].
    pub reason: Reason,
    /// How probable this creative was, of 65 535: among those of the campaign, and, where a placement explores, that campaign among all.
    pub probability: u16,
    /// The campaign that would have won, had the visitor not been in its holdout.
    pub withheld: Option<usize>,
}

/// Chooses for a placement, given which conjuncts match. The id is left 0.
#[must_use]
pub fn choose(placement: usize, matches: &[u64], given: &Circumstances<'_>) -> Decision {
    choose_among(placement, matches, given).0
}

/// As [`choose`], with all that could be drawn where the placement explores.
#[must_use]
pub fn choose_among(placement: usize, matches: &[u64], given: &Circumstances<'_>) -> (Decision, Vec<Arm>) {
    let mut arms = Vec::new();
    let nothing = Decision {
        id: 0,
        placement,
        campaign: None,
        creative: None,
        reason: Reason::Nothing,
        probability: CERTAIN,
        withheld: None,
    };
    let Some(place) = given.catalog.placement(placement) else { return (nothing, arms) };
    let (best, share, withheld) = match given.catalog.exploration(&place) {
        Some(how) => explore(&place, &how, matches, given, &mut arms),
        None => {
            let Selection { best, withheld } = select(place.mask(), place.is_scored(), matches, given);
            (best.map(|rival| rival.campaign), CERTAIN, withheld.map(|rival| rival.campaign))
        }
    };
    if let Some((campaign, index)) = best.and_then(|best| Some((given.catalog.campaign(best)?, best)))
        && let Some((creative, probability)) = pick(&campaign, given)
    {
        let probability = both(share, probability);
        let (campaign, creative, reason) = (Some(index), Some(creative), Reason::Chosen);
        return (Decision { campaign, creative, reason, probability, withheld, ..nothing }, arms);
    }
    let fallback = place.fallback().filter(|creative| given.catalog.creative(*creative).is_some());
    let reason = if fallback.is_some() { Reason::Fallback } else { Reason::Nothing };
    (Decision { creative: fallback, reason, withheld, ..nothing }, arms)
}

/// What an exploring placement shows, how probable that campaign was, and which one a holdout kept back.
fn explore(
    place: &Placement<'_>,
    how: &Exploration<'_>,
    matches: &[u64],
    given: &Circumstances<'_>,
    arms: &mut Vec<Arm>,
) -> (Option<usize>, u16, Option<usize>) {
    let drawn = |draw: &Draw| draw.arms.get(draw.chosen).copied();
    let own = draw(place, how, false, matches, given);
    let best = own.as_ref().and_then(drawn);
    let all = if own.as_ref().is_none_or(|draw| draw.holds) { draw(place, how, true, matches, given) } else { None };
    let withheld = all.as_ref().and_then(drawn).map(|arm| arm.campaign);
    let withheld = withheld.filter(|campaign| {
        given.catalog.campaign(*campaign).is_some_and(|campaign| is_held_out(&campaign, given.unit))
    });
    *arms = own.map_or_else(Vec::new, |draw| draw.arms);
    (best.map(|arm| arm.campaign), best.map_or(CERTAIN, |arm| arm.probability), withheld)
}

/// The probability of two things that do not depend on one another; what happened is never told as impossible.
fn both(one: u16, other: u16) -> u16 {
    ((u32::from(one) * u32::from(other) + u32::from(CERTAIN) / 2) / u32::from(CERTAIN)).max(1) as u16
}

#[derive(Clone, Copy)]
struct Rival {
    campaign: usize,
    priority: i32,
    worth: i64,
}

impl Rival {
    fn beats(&self, other: Option<&Self>) -> bool {
        other.is_none_or(|other| (self.priority, self.worth) > (other.priority, other.worth))
    }
}

#[derive(Default)]
struct Selection {
    best: Option<Rival>,
    /// The best of those that only a holdout kept back, if it would have beaten `best`.
    withheld: Option<Rival>,
}

fn select(mask: usize, is_scored: bool, matches: &[u64], given: &Circumstances<'_>) -> Selection {
    let catalog = given.catalog;
    let mut selection = Selection::default();
    // Campaigns that share a model mostly stand together, and a forest takes as long as a hundred gates.
    let mut known = (None, 65_536);
    for index in candidates(catalog, mask, matches) {
        let Some(campaign) = catalog.campaign(index) else { continue };
        if selection.best.is_some_and(|best| campaign.priority() < best.priority) {
            break;
        }
        let refusal = refused_before_segment(&campaign, given).or_else(|| refused_after_segment(&campaign, given));
        let slot = match refusal {
            None => &mut selection.best,
            Some(Reason::Holdout) => &mut selection.withheld,
            Some(_) => continue,
        };
        if campaign.model() != known.0 {
            known = (campaign.model(), chance(&campaign, given));
        }
        let worth = i64::from(campaign.value()) * i64::from(known.1);
        let rival = Rival { campaign: index, priority: campaign.priority(), worth };
        if rival.beats(slot.as_ref()) {
            *slot = Some(rival);
        }
        if selection.best.is_some() && !is_scored {
            break;
        }
    }
    selection.withheld = selection.withheld.filter(|held| match &selection.best {
        // Between equals the one that stands first in the bundle wins.
        Some(best) => held.beats(Some(best)) || (!best.beats(Some(held)) && held.campaign < best.campaign),
        None => true,
    });
    selection
}

/// What the campaign's model says, in 65 536ths; certain without one. Times its value, that is what a campaign is worth.
fn chance(campaign: &Campaign<'_>, given: &Circumstances<'_>) -> u32 {
    let model = campaign.model().and_then(|index| given.catalog.model(index));
    model.map_or(65_536, |model| model::probability(model::score(given.catalog, &model, given.bins)))
}

/// Campaigns whose conjuncts match under a mask, in decision order, each once.
fn candidates<'a>(catalog: &'a Catalog, mask: usize, matches: &'a [u64]) -> impl Iterator<Item = usize> + 'a {
    let owners = catalog.section(Section::Conjuncts).as_chunks::<4>().0;
    let mut words = catalog.bit_row(Section::Masks, mask).iter().zip(matches).enumerate();
    let (mut bits, mut base, mut last) = (0u64, 0, u32::MAX);
    core::iter::from_fn(move || {
        loop {
            while bits == 0 {
                let (place, (mask, matches)) = words.next()?;
                bits = u64::from_le_bytes(*mask) & matches;
                base = place * 64;
            }
            let conjunct = base + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            // A campaign's conjuncts stand together, so repeats follow one another.
            if let Some(owner) = owners.get(conjunct).map(|owner| u32::from_le_bytes(*owner))
                && owner != last
            {
                last = owner;
                return Some(owner as usize);
            }
        }
    })
}

/// The creative that is this visitor's, by a split of their weights, with its probability.
fn pick(campaign: &Campaign<'_>, given: &Circumstances<'_>) -> Option<(usize, u16)> {
    let total = campaign.total_weight();
    let first = campaign.first_creative();
    if campaign.creative_count() == 1 {
        return given.catalog.creative(first).map(|_| (first, CERTAIN));
    }
    // Another salt than the holdout's, or the first creative would be shown to those next to the holdout.
    let mut ticket = below(given.unit, campaign.salt().rotate_left(32), total);
    for index in first..first.saturating_add(usize::from(campaign.creative_count())) {
        let weight = given.catalog.creative(index)?.weight();
        if ticket < weight {
            // A bundle whose sum is not that of its weights is wrong, and no reason to stop.
            let share = (u64::from(weight) * u64::from(CERTAIN)).checked_div(u64::from(total)).unwrap_or(0);
            return Some((index, share as u16));
        }
        ticket -= weight;
    }
    None
}
