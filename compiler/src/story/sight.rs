//! What somebody sees: the expectations of one step, gathered by placement.

use petitfour::engine::Reason;

use crate::diagnostic::Report;
use crate::reader::{self, Fields, Word};
use crate::source::{Node, Span, Value};

use super::names::{Names, Placement};

/// A look at one placement, with everything that is expected of it.
#[derive(Clone, Debug)]
pub struct Look {
    /// The placement.
    pub placement: Word,
    /// Whether the visitor really looks: then what is there counts as seen. Else it is only asked.
    pub shows: bool,
    /// Whether what is seen counts towards caps.
    pub counts: bool,
    /// One of these is there; any, when there are none.
    pub sees: Vec<Sought>,
    /// None of these is there.
    pub not: Vec<Sought>,
    /// What becomes of these campaigns.
    pub why: Vec<Why>,
    /// Fields of the creative that is there, each with what it says.
    pub says: Vec<(Word, Word)>,
}

/// Something that may be seen, and where it is written.
#[derive(Clone, Debug)]
pub struct Sought {
    /// As it was written.
    pub word: Word,
    /// What it means.
    pub sight: Sight,
}

/// Something that may be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The page's own content.
    Nothing,
    /// The fallback of the placement.
    Fallback,
    /// A campaign, with whichever of its creatives.
    Campaign(String),
    /// One creative of a campaign.
    Creative(String, String),
}

/// A campaign, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Why {
    /// The campaign.
    pub campaign: Word,
    /// Chosen, outranked, or the gate that refuses it.
    pub reason: Reason,
    /// Where the reason is written.
    pub span: Span,
}

/// Reads `sees`, `not`, `why`, `says` and `counts` of a step.
pub(super) fn read(fields: &mut Fields<'_>, names: &Names, report: &mut Report) -> Vec<Look> {
    let mut looks: Vec<Look> = Vec::new();
    let sees = fields.take("sees");
    if let Some(entry) = sees {
        for (placement, node) in placements(&entry.node, report) {
            let Some(known) = names.placement(&placement, report) else { continue };
            let sought = node.map(|node| sights(node, &placement, known, names, report)).unwrap_or_default();
            change(&mut looks, placement, |look| {
                look.shows = true;
                look.sees.extend(sought);
            });
        }
    }
    if let Some(entry) = fields.take("not") {
        for (placement, node) in named(&entry.node, "`not`", report) {
            let Some(known) = names.placement(&placement, report) else { continue };
            let sought = sights(node, &placement, known, names, report);
            change(&mut looks, placement, |look| look.not.extend(sought));
        }
    }
    if let Some(entry) = fields.take("why") {
        for (placement, node) in named(&entry.node, "`why`", report) {
            let Some(known) = names.placement(&placement, report) else { continue };
            let mut told = Vec::new();
            for (campaign, node) in named(node, "`why`", report) {
                let reason = read_reason(node, report);
                if let (true, Some((reason, span))) = (stands(&campaign, &placement, known, names, report), reason) {
                    told.push(Why { campaign, reason, span });
                }
            }
            change(&mut looks, placement, |look| look.why.extend(told));
        }
    }
    if let Some(entry) = fields.take("says") {
        for (placement, node) in named(&entry.node, "`says`", report) {
            if names.placement(&placement, report).is_none() {
                continue;
            }
            let mut told = Vec::new();
            for (field, node) in named(node, "`says`", report) {
                told.extend(reader::word(node, &field.text, report).map(|text| (field, text)));
            }
            change(&mut looks, placement, |look| look.says.extend(told));
        }
    }
    if let Some(entry) = fields.take("counts") {
        let counts = reader::truth(&entry.node, "counts", report).unwrap_or(true);
        if sees.is_none() {
            report
                .error("test/stray", entry.key_span, "`counts` belongs to `sees`, which this step has not")
                .remedy("leave it out: what is only asked never counts");
        }
        looks.iter_mut().for_each(|look| look.counts = counts);
    }
    looks
}

/// Changes the look at a placement, which is made when there is none.
fn change(looks: &mut Vec<Look>, placement: Word, change: impl FnOnce(&mut Look)) {
    if let Some(look) = looks.iter_mut().find(|look| look.placement.text == placement.text) {
        return change(look);
    }
    let (sees, not, why, says) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut look = Look { placement, shows: false, counts: true, sees, not, why, says };
    change(&mut look);
    looks.push(look);
}

/// `hero`, `[hero, ad]`, or `{ hero: what is seen there }`.
fn placements<'a>(node: &'a Node, report: &mut Report) -> Vec<(Word, Option<&'a Node>)> {
    match &node.value {
        Value::Scalar(text) => vec![(Word { text: text.clone(), span: node.span }, None)],
        Value::List(_) => reader::words(node, "`sees`", report).into_iter().map(|word| (word, None)).collect(),
        _ => named(node, "`sees`", report).into_iter().map(|(word, node)| (word, Some(node))).collect(),
    }
}

fn named<'a>(node: &'a Node, what: &str, report: &mut Report) -> Vec<(Word, &'a Node)> {
    let lines = reader::named(node, what, report).iter();
    lines.map(|entry| (Word { text: entry.key.clone(), span: entry.key_span }, &entry.node)).collect()
}

/// One thing, or a list of things of which one is there.
fn sights(node: &Node, placement: &Word, known: &Placement, names: &Names, report: &mut Report) -> Vec<Sought> {
    let words = match &node.value {
        Value::List(_) => reader::words(node, &placement.text, report),
        _ => reader::word(node, &placement.text, report).into_iter().collect(),
    };
    words.into_iter().filter_map(|word| sought(word, placement, known, names, report)).collect()
}

fn sought(word: Word, placement: &Word, known: &Placement, names: &Names, report: &mut Report) -> Option<Sought> {
    let fallback = word.text.strip_prefix("fallback").map(|rest| rest.strip_prefix('/').unwrap_or(rest));
    let sight = match (word.text.as_str(), fallback) {
        _ if names.campaigns.contains_key(&word.text) => {
            stands(&word, placement, known, names, report).then(|| Sight::Campaign(word.text.clone()))?
        }
        ("nothing", _) => Sight::Nothing,
        (_, Some(named)) if named.is_empty() || known.fallback.as_deref() == Some(named) => {
            if known.fallback.is_none() {
                let said = format!("`{}` has no fallback", placement.text);
                report.error("test/no-fallback", word.span, said).remedy("write `nothing`: the page keeps its content");
                return None;
            }
            Sight::Fallback
        }
        _ => creative(&word, placement, known, names, report)?,
    };
    Some(Sought { word, sight })
}

/// `campaign/creative`; a name may have a `/` of its own.
fn creative(word: &Word, placement: &Word, known: &Placement, names: &Names, report: &mut Report) -> Option<Sight> {
    let mut parts = word.text.match_indices('/').filter_map(|(at, _)| {
        let (campaign, creative) = (word.text.get(..at)?, word.text.get(at + 1..)?);
        Some((names.campaigns.get(campaign)?, campaign, creative))
    });
    let Some((creatives, campaign, creative)) = parts.next() else {
        // The campaign is what people mistype; a creative behind it would hide which name was near.
        let campaign = word.text.split('/').next().unwrap_or_default();
        let told = Word { text: campaign.to_owned(), span: word.span };
        report.unknown("test/unknown-campaign", "campaign", &told, known.campaigns.iter().map(String::as_str));
        return None;
    };
    if !creatives.names.contains(creative) {
        report
            .error("test/unknown-creative", word.span, format!("`{campaign}` has no creative `{creative}`"))
            .nearest(creative, creatives.names.iter().map(String::as_str));
        return None;
    }
    let campaign = Word { text: campaign.to_owned(), span: word.span };
    let stands = stands(&campaign, placement, known, names, report);
    stands.then(|| Sight::Creative(campaign.text, creative.to_owned()))
}

/// Whether a campaign may be seen at a placement at all.
fn stands(campaign: &Word, placement: &Word, known: &Placement, names: &Names, report: &mut Report) -> bool {
    if known.campaigns.contains(&campaign.text) {
        return true;
    }
    let near = known.campaigns.iter().map(String::as_str);
    if names.campaigns.contains_key(&campaign.text) {
        let said = format!("`{}` is never shown at `{}`", campaign.text, placement.text);
        report.error("test/elsewhere", campaign.span, said).nearest(&campaign.text, near);
    } else {
        report.unknown("test/unknown-campaign", "campaign", campaign, near);
    }
    false
}

fn read_reason(node: &Node, report: &mut Report) -> Option<(Reason, Span)> {
    let word = reader::word(node, "why", report)?;
    // The last two are of decisions, not of campaigns.
    let known = || Reason::ALL.into_iter().filter(|reason| !matches!(reason, Reason::Fallback | Reason::Nothing));
    let found = known().find(|reason| reason.name() == word.text);
    if found.is_none() {
        report
            .error("test/unknown-reason", word.span, format!("there is no reason `{}`", word.text))
            .nearest(&word.text, known().map(Reason::name));
    }
    Some((found?, word.span))
}
