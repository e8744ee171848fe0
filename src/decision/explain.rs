//! Why: every campaign of a placement with the gate that refused it.
//!
//! Asked apart from the decision, so that a decision pays nothing for it; it walks the same gates in the same order.

use super::{Arm, Decision, candidates, draw, explore};
use crate::catalog::{Attribute, Campaign, Catalog, Section, Source};
use crate::content::Said;
use crate::eligibility::{Circumstances, Reason, refused_after_segment, refused_before_segment};
use crate::journey::{DONE, LEFT, Place, REACHED, resting};
use crate::model;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// Why a placement shows what it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The placement's name.
    pub placement: String,
    /// Why the decision is what it is.
    pub reason: Reason,
    /// The chosen campaign's name.
    pub campaign: Option<String>,
    /// The chosen creative's name.
    pub creative: Option<String>,
    /// Every campaign of the placement, in decision order.
    pub campaigns: Vec<Verdict>,
    /// What the creative says, where that depends on the visitor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<Said>,
}

/// What became of one campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Its name.
    pub campaign: String,
    /// Chosen, outranked, or the gate that refused it.
    pub reason: Reason,
    /// The same in a sentence, with the figures that decided.
    pub detail: String,
}

/// Explains a decision that [`choose`](super::choose) made. What the creative says is for the caller to add, who can compose it.
#[must_use]
pub fn explain(placement: usize, decision: &Decision, matches: &[u64], given: &Circumstances<'_>) -> Explanation {
    let catalog = given.catalog;
    let place = catalog.placement(placement);
    let mask = place.map_or(usize::MAX, |place| place.mask());
    let everyone: Vec<u64> = (0..catalog.words()).map(|_| u64::MAX).collect();
    let matching: Vec<usize> = candidates(catalog, mask, matches).collect();
    let how = place.and_then(|place| catalog.exploration(&place));
    let drawn = place.zip(how).and_then(|(place, how)| draw(&place, &how, false, matches, given));
    let arms = drawn.map_or_else(Vec::new, |draw| draw.arms);
    let campaigns = candidates(catalog, mask, &everyone)
        .filter_map(|index| {
            let campaign = catalog.campaign(index)?;
            let reason = reason(index, &campaign, decision, &matching, given);
            let arm = arms.iter().find(|arm| arm.campaign == index);
            let detail = detail(reason, &campaign, arm, given);
            Some(Verdict { campaign: catalog.string(campaign.name()).to_owned(), reason, detail })
        })
        .collect();
    Explanation {
        placement: place.map_or_else(String::new, |place| catalog.string(place.name()).to_owned()),
        reason: decision.reason,
        campaign: decision
            .campaign
            .and_then(|index| catalog.campaign(index))
            .map(|campaign| catalog.string(campaign.name()).to_owned()),
        creative: decision
            .creative
            .and_then(|index| catalog.creative(index))
            .map(|creative| catalog.string(creative.name()).to_owned()),
        campaigns,
        said: None,
    }
}

fn reason(
    index: usize,
    campaign: &Campaign<'_>,
    decision: &Decision,
    matching: &[usize],
    given: &Circumstances<'_>,
) -> Reason {
    if decision.campaign == Some(index) {
        return Reason::Chosen;
    }
    refused_before_segment(campaign, given)
        .or_else(|| (!matching.contains(&index)).then_some(Reason::Segment))
        .or_else(|| refused_after_segment(campaign, given))
        .unwrap_or(Reason::Outranked)
}

fn detail(reason: Reason, campaign: &Campaign<'_>, arm: Option<&Arm>, given: &Circumstances<'_>) -> String {
    let (profile, key, moment) = (given.profile, campaign.key(), given.moment);
    let shown = |count: u64, cap: Option<u32>, when: &str| {
        let cap = u64::from(cap.unwrap_or(0));
        format!("shown {} of {cap} times {when}", count.min(cap))
    };
    let drawn =
        |arm: &Arm| format!("probability {:.4}{}", f64::from(arm.probability) / 65_535.0, scored(campaign, given));
    match (reason, arm) {
        (Reason::Chosen, Some(arm)) => return format!("drawn for this visitor and this hour: {}", drawn(arm)),
        (Reason::Outranked, Some(arm)) => {
            return format!("may be shown, but another one was drawn for this visitor and this hour: {}", drawn(arm));
        }
        _ => {}
    }
    match reason {
        Reason::Chosen => format!("the best of those that may be shown{}", scored(campaign, given)),
        Reason::Outranked => format!("may be shown, but another one is worth more here{}", scored(campaign, given)),
        Reason::Permission if campaign.reads_profile() && !given.permissions.personalise() => {
            "reads the profile, and the visitor has not permitted to personalise".to_owned()
        }
        Reason::Permission => "has a cap, and the visitor has not permitted to store the count".to_owned(),
        Reason::Schedule if i64::try_from(moment.now.0).unwrap_or(i64::MAX) < campaign.from() => {
            "has not begun yet".to_owned()
        }
        Reason::Schedule => "is over".to_owned(),
        Reason::Segment => misses(campaign, given),
        Reason::StockOut => format!("{} is below what it asks for", item(campaign, given.catalog)),
        Reason::StockUnknown => format!("nobody has said how much there is of {}", item(campaign, given.catalog)),
        Reason::StockStale => format!("the last word on {} is too old", item(campaign, given.catalog)),
        Reason::Pace => {
            "its exposures are paced over all visitors: this one is not among those of this hour, or nobody has told the pace"
                .to_owned()
        }
        Reason::CapHour => shown(profile.exposures_this_hour(key, moment), campaign.cap_hour(), "this hour"),
        Reason::CapDay => shown(profile.exposures(key, 1, moment), campaign.cap_day(), "today"),
        Reason::CapWeek => shown(profile.exposures(key, 7, moment), campaign.cap_week(), "in seven days"),
        Reason::CapTotal => shown(profile.exposures_ever(key), campaign.cap_total(), "in all"),
        Reason::Holdout => "the visitor is in the share that is left alone on purpose".to_owned(),
        Reason::Fallback | Reason::Nothing => String::new(),
    }
}

/// What the campaign's model makes of the visitor, if it has one: every bit of the score can be told from the log-odds.
fn scored(campaign: &Campaign<'_>, given: &Circumstances<'_>) -> String {
    let Some(own) = campaign.model().and_then(|index| given.catalog.model(index)) else { return String::new() };
    let score = model::score(given.catalog, &own, given.bins);
    let (odds, chance) = (f64::from(score) / 65_536.0, f64::from(model::probability(score)) / 65_536.0);
    let (name, value) = (given.catalog.string(own.name()), f64::from(campaign.value()) / 1_000.0);
    let spread = match campaign.spread() {
        Some(_) => format!(", give or take {:.3}", explore::spread(campaign, given) as f64 / 65_536.0),
        None => String::new(),
    };
    format!(": value {value} with a probability of {chance:.4}, as {name} has it (log-odds {odds:.6}{spread})")
}

fn item<'a>(campaign: &Campaign<'_>, catalog: &'a Catalog) -> &'a str {
    campaign
        .stock()
        .and_then(|index| catalog.stock(index))
        .map_or("the item", |stock| catalog.string(stock.item_name()))
}

/// What keeps the visitor out of the segment: of the conjunct that fails in the fewest attributes, those attributes.
fn misses(campaign: &Campaign<'_>, given: &Circumstances<'_>) -> String {
    let first = campaign.first_conjunct();
    let known = given.catalog.section(Section::Conjuncts).len() / 4;
    let conjuncts = first..first.saturating_add(campaign.conjunct_count()).min(known);
    let failing = conjuncts
        .map(|conjunct| {
            let attributes = given.catalog.attributes().zip(given.bins.iter().copied());
            attributes.filter(|(attribute, bin)| !accepts(given.catalog, attribute, *bin, conjunct)).collect::<Vec<_>>()
        })
        .min_by_key(Vec::len)
        .unwrap_or_default();
    let mut sentence = String::from("not in its segment: ");
    for (place, (attribute, bin)) in failing.iter().enumerate() {
        if place > 0 {
            sentence.push_str(", ");
        }
        sentence.push_str(given.catalog.string(attribute.name()));
        sentence.push(' ');
        sentence.push_str(&match attribute.source() {
            Source::Journey => stands(attribute, given),
            _ => describe(given.catalog, attribute, *bin),
        });
    }
    sentence
}

fn accepts(catalog: &Catalog, attribute: &Attribute<'_>, bin: u16, conjunct: usize) -> bool {
    let Some(row) = catalog.bin_row(attribute, bin) else { return true };
    row.get(conjunct / 64).is_some_and(|word| u64::from_le_bytes(*word) >> (conjunct % 64) & 1 == 1)
}

/// Where the visitor stands in the journey of an attribute.
fn stands(attribute: &Attribute<'_>, given: &Circumstances<'_>) -> String {
    let Some((value, _)) = given.profile.place(attribute.subject()) else { return "was never entered".to_owned() };
    let place = Place::read(value);
    let own = given.catalog.journeys().find(|journey| journey.key() == attribute.subject());
    match place.stands() {
        DONE => "is done".to_owned(),
        REACHED => "has reached its goal".to_owned(),
        LEFT => "was left".to_owned(),
        _ => match own.and_then(|journey| resting(&journey, &place, given.catalog)) {
            Some((_, step)) => format!("is at {}", given.catalog.string(step.name())),
            None => "is at a step that is gone".to_owned(),
        },
    }
}

/// A bin in words: the text, or the borders between which the number lies.
fn describe(catalog: &Catalog, attribute: &Attribute<'_>, bin: u16) -> String {
    if bin == 0 {
        return match attribute.source() {
            Source::Context => "is not known here".to_owned(),
            Source::Recency => "has never happened".to_owned(),
            _ => "is not known".to_owned(),
        };
    }
    if attribute.is_text() {
        let entry = (bin as usize).checked_sub(2).map(|place| place + attribute.first() as usize);
        let names = catalog.section(Section::DictionaryStrings).as_chunks::<4>().0;
        return match entry.and_then(|entry| names.get(entry)) {
            Some(name) => format!("is {}", catalog.string(u32::from_le_bytes(*name))),
            None => "is something else".to_owned(),
        };
    }
    let border = |place: Option<usize>| {
        place
            .and_then(|place| catalog.borders(attribute).get(place))
            .map(|border| amount(attribute.source(), f64::from_le_bytes(*border)))
    };
    let low = border(usize::from(bin).checked_sub(2))
        .map(|(number, open)| (number, if open { "more than" } else { "at least" }));
    let high =
        border(Some(usize::from(bin) - 1)).map(|(number, open)| (number, if open { "at most" } else { "below" }));
    match (low, high) {
        (Some((low, from)), Some((high, to))) => format!("is {from} {low} and {to} {high}"),
        (Some((low, from)), None) => format!("is {from} {low}"),
        (None, Some((high, to))) => format!("is {to} {high}"),
        (None, None) => "is known".to_owned(),
    }
}

/// A border as its author wrote it. "More than 25" lies in the bundle as the next number above 25: then the number below
/// is told, and that it is not itself within.
fn amount(source: Source, border: f64) -> (String, bool) {
    let below = border.next_down();
    let (written, before) = (format!("{border}"), format!("{below}"));
    let (number, text, open) =
        if before.len() < written.len() { (below, before, true) } else { (border, written, false) };
    let text = match source {
        Source::Recency => format!("{text} hours ago"),
        Source::Affinity => format!("{}", number / 1_000.0),
        _ => text,
    };
    (text, open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_border_is_told_as_its_author_wrote_it() {
        assert_eq!(amount(Source::Context, 25.0), ("25".to_owned(), false));
        assert_eq!(amount(Source::Context, 25.0f64.next_up()), ("25".to_owned(), true));
        assert_eq!(amount(Source::Affinity, 1_900.0), ("1.9".to_owned(), false));
        assert_eq!(amount(Source::Recency, 336.0), ("336 hours ago".to_owned(), false));
    }
}
