//! The named segments as a bundle of their own, for the origin: who is a member is asked there of a whole person.
//!
//! Each named segment becomes a campaign of its own name at the one placement `segments`, so that the engine answers for a person
//! at the origin by the same bit rows as for a visitor on a device. A segment that asks about the context of a page is left out:
//! there is no page.

use crate::campaign::{Campaign, Caps, Creative, Schedule};
use crate::content::Content;
use crate::declaration::{Named, Placement};
use crate::folder::Folder;
use crate::reader::Word;
use crate::segment::{Expression, Subject};

/// The placement at which the segments stand.
pub const PLACEMENT: &str = "segments";

/// Puts the segments in the campaigns' place.
pub(crate) fn ask(folder: &mut Folder) {
    let asked: Vec<&Named<Expression>> =
        folder.segments.iter().filter(|segment| !needs_page(&segment.item, folder, folder.segments.len())).collect();
    let campaigns = asked
        .iter()
        .map(|segment| {
            let word = |text: &str| Word { text: text.to_owned(), span: segment.span };
            Campaign {
                id: word(&segment.name),
                placements: vec![word(PLACEMENT)],
                segment: Some(Expression::Segment(word(&segment.name))),
                schedule: Schedule { from: i64::MIN, until: i64::MAX },
                caps: Caps::default(),
                priority: 0,
                value: 1_000,
                stock: Vec::new(),
                exposures: None,
                holdout: 0,
                model: None,
                given: Vec::new(),
                bid: None,
                budget: None,
                bid_broken: false,
                budget_broken: false,
                creatives: vec![Named {
                    name: segment.name.clone(),
                    span: segment.span,
                    item: Creative { weight: 1, content: Content::default() },
                }],
            }
        })
        .collect();
    let span = asked.first().map(|segment| segment.span).unwrap_or_default();
    folder.placements =
        vec![Named { name: PLACEMENT.to_owned(), span, item: Placement { fallback: None, explore: None } }];
    folder.campaigns = campaigns;
    folder.fallbacks.clear();
    if folder.journeys.is_empty() {
        folder.models.clear();
    }
}

/// Does it ask about the page, itself or by another segment? `depth` ends a circle, which is reported elsewhere.
fn needs_page(expression: &Expression, folder: &Folder, depth: usize) -> bool {
    match expression {
        Expression::All(parts) | Expression::Any(parts) => parts.iter().any(|part| needs_page(part, folder, depth)),
        Expression::Not(part) => needs_page(part, folder, depth),
        Expression::Segment(word) => folder.segments.iter().any(|segment| {
            segment.name == word.text && depth > 0 && needs_page(&segment.item, folder, depth.saturating_sub(1))
        }),
        Expression::Condition(condition) => matches!(condition.subject, Subject::Context(_) | Subject::Seen(..)),
        Expression::Broken => true,
    }
}
