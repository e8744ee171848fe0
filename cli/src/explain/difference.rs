//! What differs between two people at one placement, as far as it counts there.
//!
//! An attribute counts when a campaign asks for it that becomes something else for each and that one of the two sees (or, where both see
//! the same, any): its segment has one of them and not the other, its model weighs them differently, or its stock is read at another
//! place. All else that differs between two people is left out on purpose.

use petitfour::catalog::{Attribute, Campaign, Catalog, Model, Section};
use petitfour::engine::{Explanation, Reason, Verdict};
use petitfour::model;
use serde::Serialize;

use super::person::Person;
use super::rank::{self, Worth};
use crate::{player, words};

/// What differs.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    same: bool,
    attributes: Vec<Told>,
    reasons: Vec<Reasons>,
    /// All of it for people.
    pub(super) sentences: Vec<String>,
}

/// An attribute that counts.
#[derive(Debug, Serialize)]
struct Told {
    attribute: String,
    /// The bin of each person in words.
    values: [String; 2],
    /// What looks at it: `the segment of summer`.
    counts_for: Vec<String>,
}

/// What becomes of a campaign, for each person.
#[derive(Debug, Serialize)]
struct Reasons {
    campaign: String,
    reasons: [Reason; 2],
    details: [String; 2],
}

impl Difference {
    pub(super) fn between(catalog: &Catalog, one: (&Person, &Explanation), other: (&Person, &Explanation)) -> Self {
        let ((one, why), (other, other_why)) = (one, other);
        let (seen, other_seen) = (player::seen(why), player::seen(other_why));
        let reasons = reasons(why, other_why);
        let is_seen = |name: &String| why.campaign.as_ref() == Some(name) || other_why.campaign.as_ref() == Some(name);
        let deciding: Vec<&Reasons> =
            reasons.iter().filter(|told| seen == other_seen || is_seen(&told.campaign)).collect();
        let attributes = attributes(catalog, &deciding, [&one.bins, &other.bins]);
        let names = [one.name.as_str(), other.name.as_str()];
        let mut sentences = vec![if seen == other_seen {
            format!("Both see {seen}.")
        } else {
            format!("{} sees {seen}, {} sees {other_seen}.", names[0], names[1])
        }];
        sentences.extend(attributes.iter().map(|told| {
            let [value, other] = &told.values;
            let askers = told.counts_for.join(" and ");
            format!("{}: {} {value}, {} {other}; asked for by {askers}.", told.attribute, names[0], names[1])
        }));
        sentences.extend(reasons.iter().map(|told| {
            let both = names.iter().zip(&told.reasons).zip(&told.details);
            let said: Vec<String> = both.map(|((name, reason), detail)| becomes(name, *reason, detail)).collect();
            format!("{}: {}.", told.campaign, said.join("; "))
        }));
        sentences.extend(weights(catalog, (one, why), (other, other_why)));
        if why.campaign.is_some() && why.campaign == other_why.campaign && why.creative != other_why.creative {
            sentences
                .push("The creatives of one campaign are split among visitors by a hash of the visitor.".to_owned());
        }
        Self { same: seen == other_seen, attributes, reasons, sentences }
    }
}

/// What becomes of a campaign for somebody, in words.
fn becomes(name: &str, reason: Reason, detail: &str) -> String {
    match reason {
        Reason::Chosen => format!("{name} sees it"),
        Reason::Outranked => format!("for {name} another one comes first"),
        Reason::Segment => format!("{name} is {detail}"),
        _ => format!("refused to {name} by {}: {detail}", reason.name()),
    }
}

fn attributes(catalog: &Catalog, deciding: &[&Reasons], bins: [&[u16]; 2]) -> Vec<Told> {
    let mut all = Vec::new();
    for (at, attribute) in catalog.attributes().enumerate() {
        let own = bins.map(|bins| bins.get(at).copied().unwrap_or_default());
        let [one, other] = own;
        if one == other {
            continue;
        }
        let mut counts_for = Vec::new();
        for told in deciding {
            let Some((_, campaign)) = rank::named(catalog, &told.campaign) else { continue };
            let name = &told.campaign;
            let [is_in, other_is_in] = bins.map(|bins| is_member(catalog, &campaign, bins));
            if is_in != other_is_in && segment_tells(catalog, &attribute, &campaign, own) {
                counts_for.push(format!("the segment of {name}"));
            }
            if let Some(model) = campaign.model().and_then(|at| catalog.model(at))
                && model_tells(catalog, at, &model, own)
            {
                counts_for.push(format!("the model of {name}, {}", catalog.string(model.name())));
            }
            let is_stock =
                |reason: &Reason| matches!(reason, Reason::StockOut | Reason::StockUnknown | Reason::StockStale);
            let place = campaign.stock().and_then(|at| catalog.feed(catalog.stock(at)?.feed())?.place());
            if place == Some(at) && told.reasons.iter().any(is_stock) {
                counts_for.push(format!("the stock of {name}"));
            }
        }
        if !counts_for.is_empty() {
            let values = own.map(|bin| words::bin(catalog, &attribute, bin));
            all.push(Told { attribute: words::subject(catalog, &attribute), values, counts_for });
        }
    }
    all
}

/// Whether some part of a campaign's segment accepts every bin.
fn is_member(catalog: &Catalog, campaign: &Campaign<'_>, bins: &[u16]) -> bool {
    let mut parts = campaign.first_conjunct()..campaign.first_conjunct() + campaign.conjunct_count();
    parts.any(|part| {
        let mut rows = catalog.attributes().zip(bins).filter_map(|(attribute, bin)| catalog.bin_row(&attribute, *bin));
        rows.all(|row| words::bit(row, part))
    })
}

/// Whether some part of a campaign's segment accepts one bin and not the other.
fn segment_tells(catalog: &Catalog, attribute: &Attribute<'_>, campaign: &Campaign<'_>, bins: [u16; 2]) -> bool {
    let [Some(one), Some(other)] = bins.map(|bin| catalog.bin_row(attribute, bin)) else { return false };
    let mut parts = campaign.first_conjunct()..campaign.first_conjunct() + campaign.conjunct_count();
    parts.any(|part| words::bit(one, part) != words::bit(other, part))
}

/// Whether a model answers two bins of an attribute differently. The layout is `MDAT` of `docs/formats/bundle.md`.
fn model_tells(catalog: &Catalog, attribute: usize, model: &Model<'_>, bins: [u16; 2]) -> bool {
    let data = catalog.section(Section::ModelData).get(model.data()..).unwrap_or_default();
    match model.kind() {
        2 => terms_tell(data, attribute, model.parts(), bins),
        3 => forest_tells(data, attribute, usize::from(model.leaf_bytes()), bins).unwrap_or(false),
        _ => false,
    }
}

/// Whether a term has another weight for one of the bins than for the other.
fn terms_tell(mut data: &[u8], attribute: usize, terms: usize, bins: [u16; 2]) -> bool {
    let short = |data: &[u8], at: usize| Some(u16::from_le_bytes(*data.get(at..)?.first_chunk::<2>()?));
    for _ in 0..terms {
        let count = short(data, 2).unwrap_or_default();
        let weight = |bin: u16| (bin < count).then(|| short(data, 4 + 2 * usize::from(bin))).flatten();
        let [one, other] = bins.map(|bin| weight(bin).unwrap_or_default());
        if short(data, 0).is_some_and(|found| usize::from(found) == attribute) && one != other {
            return true;
        }
        data = data.get(4 + 2 * usize::from(count)..).unwrap_or_default();
    }
    false
}

/// Whether a split asks something that one of the bins answers otherwise than the other; `None` when the data is cut.
fn forest_tells(data: &[u8], attribute: usize, leaf_bytes: usize, bins: [u16; 2]) -> Option<bool> {
    let [one, other] = bins.map(|bin| {
        let bins: Vec<u16> = (0..=attribute).map(|at| if at == attribute { bin } else { 0 }).collect();
        model::values(data, &bins)
    });
    let ((groups, one, mut rest), (_, other, _)) = (one?, other?);
    for _ in 0..groups {
        let (others, _) = model::group(&other, leaf_bytes, rest)?;
        let (own, after) = model::group(&one, leaf_bytes, rest)?;
        rest = after;
        let [own_values, others] = [own.values, others.values].map(|values| values.as_flattened().as_flattened());
        // A row of places, one of bounds and one of first leaves to the right, each a byte for each tree.
        let rows = own.rows.get(..3 * own.steps * own.trees)?;
        for step in rows.chunks_exact(3 * own.trees.max(1)) {
            let (places, rest) = step.split_at_checked(own.trees)?;
            let (bounds, rights) = rest.split_at_checked(own.trees)?;
            for ((place, bound), right) in places.iter().zip(bounds).zip(rights) {
                let says = |values: &[u8]| values.get(usize::from(*place)).is_some_and(|value| value >= bound);
                if *right > 0 && says(own_values) != says(others) {
                    return Some(true);
                }
            }
        }
    }
    Some(false)
}

fn reasons(why: &Explanation, other: &Explanation) -> Vec<Reasons> {
    let both = why.campaigns.iter().zip(&other.campaigns);
    both.filter(|(one, other)| one.reason != other.reason)
        .map(|(Verdict { campaign, reason, detail }, other)| Reasons {
            campaign: campaign.clone(),
            reasons: [*reason, other.reason],
            details: [detail.clone(), other.detail.clone()],
        })
        .collect()
}

/// Campaigns that both may see and that a model weighs differently.
fn weights(catalog: &Catalog, one: (&Person, &Explanation), other: (&Person, &Explanation)) -> Vec<String> {
    let ((one, why), (other, other_why)) = (one, other);
    let may = |verdict: &Verdict| matches!(verdict.reason, Reason::Chosen | Reason::Outranked);
    let both = why.campaigns.iter().zip(&other_why.campaigns).filter(|(verdict, other)| may(verdict) && may(other));
    both.filter_map(|(verdict, _)| {
        let (_, campaign) = rank::named(catalog, &verdict.campaign)?;
        let own = Worth::of(catalog, &campaign, &one.bins);
        let others = Worth::of(catalog, &campaign, &other.bins);
        let (campaign, name, other) = (&verdict.campaign, &one.name, &other.name);
        (own != others)
            .then(|| format!("{campaign} is worth {} to {name}, and {} to {other}.", own.said(), others.said()))
    })
    .collect()
}
