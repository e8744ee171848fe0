//! Which of two campaigns comes first, and why: by priority, then by value × probability, then by the order of the files.

use petitfour::catalog::{Campaign, Catalog};
use petitfour::engine::{Explanation, Reason};
use petitfour::model;

use super::person::Person;
use crate::{player, words};

/// What a campaign is worth to somebody.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Worth {
    priority: i32,
    /// Value × probability, in 65,536ths of a thousandth: what the decision compares.
    weight: i64,
    /// The same in words.
    said: String,
}

impl Worth {
    pub(super) fn of(catalog: &Catalog, campaign: &Campaign<'_>, bins: &[u16]) -> Self {
        let value = f64::from(campaign.value()) / 1_000.0;
        let model = campaign.model().and_then(|at| catalog.model(at));
        let probability = model.map(|model| model::probability(model::score(catalog, &model, bins)));
        let said = match probability {
            Some(probability) => {
                let share = f64::from(probability) / 65_536.0;
                format!("{:.3} (value {value} at {:.1}%)", value * share, share * 100.0)
            }
            None => format!("{value}"),
        };
        let weight = i64::from(campaign.value()) * i64::from(probability.unwrap_or(65_536));
        Self { priority: campaign.priority(), weight, said }
    }

    /// What it weighs, in words.
    pub(super) fn said(&self) -> &str {
        &self.said
    }
}

/// The campaign of this name, with its place.
pub(super) fn named<'a>(catalog: &'a Catalog, name: &str) -> Option<(usize, Campaign<'a>)> {
    catalog.campaigns().enumerate().find(|(_, campaign)| catalog.string(campaign.name()) == name)
}

/// Why somebody sees what they see, and not this campaign.
pub(super) fn instead_of(catalog: &Catalog, person: &Person, why: &Explanation, name: &str) -> String {
    let verdict = why.campaigns.iter().find(|verdict| verdict.campaign == name);
    let (Some(verdict), Some((place, campaign))) = (verdict, named(catalog, name)) else {
        return format!("{name} is never shown at {}", why.placement);
    };
    let seen = why.campaign.as_deref().and_then(|seen| named(catalog, seen));
    let order = seen.map(|(other_place, other)| {
        let own = Worth::of(catalog, &campaign, &person.bins);
        let others = Worth::of(catalog, &other, &person.bins);
        let other = catalog.string(other.name());
        let first = (own.priority, own.weight, std::cmp::Reverse(place))
            > (others.priority, others.weight, std::cmp::Reverse(other_place));
        let because = if own.priority != others.priority {
            format!("{other} has priority {}, {name} {}", others.priority, own.priority)
        } else if own.weight != others.weight {
            format!("{other} is worth {}, {name} {}", others.said, own.said)
        } else {
            format!("both are worth {}, and the one that stands first in the files is taken", own.said)
        };
        (first, because)
    });
    match verdict.reason {
        Reason::Chosen => format!("{name} is what is seen"),
        Reason::Outranked => {
            let because = order.map_or_else(String::new, |(_, because)| format!(": {because}"));
            format!("{name} may be shown, but comes later{because}")
        }
        reason => {
            let mut told = format!("{name} is refused by {}: {}", reason.name(), verdict.detail);
            if reason == Reason::Segment {
                let parts = campaign.first_conjunct()..campaign.first_conjunct() + campaign.conjunct_count();
                let parts: Vec<String> = parts.map(|part| words::conjunct(catalog, part).join(" and ")).collect();
                told.push_str(&format!(". It is for: {}", parts.join(", or ")));
            }
            match order {
                None => told.push_str(&format!(". Nothing else may be shown either, so {} is seen", player::seen(why))),
                Some((true, because)) => {
                    told.push_str(&format!(". If nothing refused it, it would come first: {because}"));
                }
                Some((false, because)) => {
                    told.push_str(&format!(". Even if nothing refused it, it would come later: {because}"));
                }
            }
            told
        }
    }
}
