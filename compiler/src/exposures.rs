//! How many exposures a campaign may have over all visitors, and how they are spread: `exposures:`.
//!
//! No device knows what others saw. The origin does, and says by a feed ([`FEED`]) in what share of the visitors a campaign may be shown now;
//! on a device that is a stock condition by hash, and the figures themselves stand in `PACE` for the origin alone.

use crate::campaign::{Stock, read_otherwise};
use crate::declaration::{Feed, Named};
use crate::diagnostic::Report;
use crate::folder::Folder;
use crate::reader::{Fields, Word};
use crate::source::{Node, Span};

/// The feed by which the origin says the pace; its items are campaigns.
const FEED: &str = "petitfour.pace";

/// Minutes after which a pace is not known any more: it would be that of another hour of the day.
const STALE: u16 = 60;

/// What a campaign may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exposures {
    pub(crate) span: Span,
    /// On a day of UTC.
    pub(crate) day: Option<u32>,
    /// In all.
    pub(crate) total: Option<u32>,
    /// Are those of a day spread over it?
    pub(crate) even: bool,
    /// Shown while the pace is not known.
    shown_when_unknown: bool,
}

impl Exposures {
    /// Reads `{ day: 10000, total: 200000, pacing: even, otherwise: skip }`.
    pub(crate) fn read(node: &Node, span: Span, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "`exposures`", report)?;
        let mut read = |key: &'static str| {
            let number = fields.whole(key, (1, i64::from(i32::MAX)), report)?;
            u32::try_from(number).ok()
        };
        let (day, total) = (read("day"), read("total"));
        let pacing = fields.word("pacing", report);
        let otherwise = read_otherwise(&mut fields, report);
        if !fields.has("day") && !fields.has("total") && fields.rest().is_empty() {
            report
                .error("exposures/none", node.span, "`exposures` says neither how many a day nor how many in all")
                .remedy("write `exposures: { day: 10000 }`, or take it out for any number");
        }
        let has_day = fields.has("day");
        fields.finish(report);
        let even = match pacing.as_ref().map(|word| word.text.as_str()) {
            None => has_day,
            Some("even") => true,
            Some("asap") => false,
            Some(other) => {
                let place = pacing.as_ref().map_or(span, |word| word.span);
                report
                    .error("exposures/unknown-pacing", place, format!("`pacing` has no choice `{other}`"))
                    .nearest(other, ["even", "asap"]);
                false
            }
        };
        if let (true, false, Some(pacing)) = (even, has_day, &pacing) {
            report
                .error(
                    "exposures/even-without-day",
                    pacing.span,
                    "an even pace spreads what a day may have, and nothing says that",
                )
                .remedy("add `day`, or take `pacing` out");
        }
        if let (Some(day), Some(total)) = (day, total)
            && day > total
        {
            report
                .warning(
                    "exposures/day-over-total",
                    span,
                    format!("{day} a day never act: {total} in all are used up before"),
                )
                .remedy("take one of the two out, or make `total` larger");
        }
        Some(Self { span, day, total, even, shown_when_unknown: otherwise.unwrap_or(false) })
    }

    /// The stock condition that a device asks of a campaign, after all others.
    pub(crate) fn condition(&self, campaign: &Word) -> Stock {
        Stock {
            feed: Word { text: FEED.to_owned(), span: self.span },
            item: campaign.clone(),
            at_least: 0,
            above: None,
            max_age: STALE,
            shown_when_unknown: self.shown_when_unknown,
            by_hash: true,
        }
    }
}

/// Declares the feed where a campaign needs it.
pub(crate) fn declare(folder: &mut Folder, report: &mut Report) {
    let first = folder.campaigns.iter().find_map(|campaign| campaign.exposures.as_ref());
    let Some(span) = first.map(|exposures| exposures.span) else { return };
    if let Some(taken) = folder.feeds.iter().find(|feed| feed.name == FEED) {
        report
            .error("feed/reserved", taken.span, format!("`{FEED}` is the collector's own feed, and declared by itself"))
            .remedy("give this feed another name");
        return;
    }
    folder.feeds.push(Named { name: FEED.to_owned(), span, item: Feed { place: None } });
}
