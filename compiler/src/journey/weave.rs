//! What journeys say of others, as conditions of those: `show` of campaigns, `group` and `suppress` of journeys.

use std::collections::BTreeMap;

use super::{Trigger, all};
use crate::declaration::Named;
use crate::diagnostic::Report;
use crate::folder::Folder;
use crate::reader::Word;
use crate::segment::{Condition, Expression, Stand, Subject};
use crate::source::Span;

/// Writes `show`, `group` and `suppress` into campaigns and journeys.
pub(crate) fn weave(folder: &mut Folder, report: &mut Report) {
    show(folder, report);
    let inside: Vec<(Word, Option<String>, Vec<Word>)> = folder
        .journeys
        .iter()
        .map(|journey| {
            let name = Word { text: journey.name.clone(), span: journey.span };
            (name, journey.item.group.as_ref().map(|group| group.text.clone()), journey.item.suppress.clone())
        })
        .collect();
    for (_, _, suppressed) in &inside {
        for word in suppressed {
            if !folder.journeys.iter().any(|journey| journey.name == word.text) {
                let names = folder.journeys.iter().map(|journey| journey.name.as_str());
                report.unknown("journey/unknown-journey", "journey", word, names);
            }
        }
    }
    for journey in &mut folder.journeys {
        let Named { name, span, item } = journey;
        for (other, group, suppressed) in inside.iter().filter(|(other, ..)| other.text != *name) {
            let suppresses = suppressed.iter().any(|word| word.text == *name);
            let shares = group.is_some() && *group == item.group.as_ref().map(|group| group.text.clone());
            let within = stands(other.clone(), vec![Stand::Inside], *span);
            if suppresses || shares {
                let trigger = Trigger { on: None, when: Some(within), stock: None, span: other.span };
                if suppresses { &mut item.exits } else { &mut item.bars }.push(trigger);
            }
        }
    }
}

fn show(folder: &mut Folder, report: &mut Report) {
    let mut places: BTreeMap<String, Vec<Expression>> = BTreeMap::new();
    for journey in &folder.journeys {
        let mut steps = Vec::new();
        all(&journey.item.steps, &mut |step| steps.push(step));
        for step in steps {
            for campaign in step.act.shown() {
                if !folder.campaigns.iter().any(|known| known.id.text == campaign.text) {
                    let names = folder.campaigns.iter().map(|known| known.id.text.as_str());
                    report.unknown("journey/unknown-campaign", "campaign", campaign, names);
                }
                if let Some(id) = &step.id {
                    let name = Word { text: journey.name.clone(), span: campaign.span };
                    let at = stands(name, vec![Stand::At(id.clone())], campaign.span);
                    places.entry(campaign.text.clone()).or_default().push(at);
                }
            }
        }
    }
    for campaign in &mut folder.campaigns {
        if let Some(places) = places.remove(&campaign.id.text) {
            let here = Expression::Any(places);
            campaign.segment = Some(match campaign.segment.take() {
                Some(own) => Expression::All(vec![own, here]),
                None => here,
            });
        }
    }
}

fn stands(journey: Word, stands: Vec<Stand>, span: Span) -> Expression {
    Expression::Condition(Condition { subject: Subject::Journey(journey, stands), operators: Vec::new(), span })
}
