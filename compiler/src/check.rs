//! Faults between the parts of a folder: names that nothing declares, names that come twice, campaigns that nobody sees.
//!
//! Only what is certain is reported. That a campaign is hidden by another, for one, is said only when the other is shown
//! to everyone, always, at every placement of the first.

use std::collections::{BTreeMap, BTreeSet};

use petitfour::id::Key;

use crate::bid;
use crate::campaign::{Campaign, Stock};
use crate::declaration::{self, Kind};
use crate::diagnostic::Report;
use crate::folder::{self, Folder};
use crate::reader::Word;
use crate::source::Span;

/// Checks everything that needs no segment.
pub(crate) fn folder(folder: &Folder, report: &mut Report) {
    duplicates(folder, report);
    keys(folder, report);
    references(folder, report);
    for campaign in &folder.campaigns {
        bid::check(campaign, folder.currency.as_ref(), report);
    }
    if folder.campaigns.is_empty() && !report.has_errors() {
        let span = folder.placements.first().map(|placement| placement.span).unwrap_or_default();
        report.warning("file/no-campaign", span, "the folder has no campaign: every placement shows its fallback");
    }
}

fn duplicates(folder: &Folder, report: &mut Report) {
    folder::index(&folder.context, "context/duplicate", "the context value", report);
    folder::index(&folder.traits, "trait/duplicate", "the trait", report);
    folder::index(&folder.events, "event/duplicate", "the event", report);
    folder::index(&folder.affinities, "affinity/duplicate", "the affinity", report);
    folder::index(&folder.memberships, "membership/duplicate", "the membership", report);
    folder::index(&folder.feeds, "feed/duplicate", "the feed", report);
    folder::index(&folder.segments, "segment/duplicate", "the segment", report);
    folder::index(&folder.placements, "placement/duplicate", "the placement", report);
    folder::index(&folder.prices, "price/duplicate", "the price", report);
    folder::index(&folder.models, "model/duplicate", "the model", report);
    folder::index(&folder.channels, "channel/duplicate", "the channel", report);
    folder::index(&folder.journeys, "journey/duplicate", "the journey", report);
    let mut campaigns: BTreeMap<&str, Span> = BTreeMap::new();
    for campaign in &folder.campaigns {
        declaration::check_name(&campaign.id.text, campaign.id.span, report);
        if let Some(first) = campaigns.insert(&campaign.id.text, campaign.id.span) {
            twice("campaign/duplicate-id", "campaign", &campaign.id.text, campaign.id.span, first, report);
        }
    }
    // Results are told by creative, so one id means one creative in the whole bundle; a fallback is one too.
    let mut creatives: BTreeMap<&str, Span> = BTreeMap::new();
    let fallbacks = folder.fallbacks.iter().map(|fallback| (fallback.name.as_str(), fallback.span));
    let own = folder.campaigns.iter().flat_map(|campaign| &campaign.creatives);
    for (name, span) in fallbacks.chain(own.map(|creative| (creative.name.as_str(), creative.span))) {
        declaration::check_name(name, span, report);
        if let Some(first) = creatives.insert(name, span) {
            twice("creative/duplicate-id", "creative", name, span, first, report);
        }
    }
}

fn twice(code: &'static str, what: &str, name: &str, span: Span, first: Span, report: &mut Report) {
    report
        .error(code, span, format!("two {what}s have the id `{name}`"))
        .remedy("give one of the two another id: results are counted by it")
        .related(first, "the first one");
}

/// Names are known by 32 bits: two names of one kind must not share them.
fn keys(folder: &Folder, report: &mut Report) {
    fn kind<'a>(what: &str, names: impl Iterator<Item = (&'a str, Span)>, report: &mut Report) {
        let mut known: BTreeMap<Key, (&str, Span)> = BTreeMap::new();
        for (name, span) in names {
            let key = Key::of(name);
            let other = known.insert(key, (name, span)).filter(|(other, _)| *other != name);
            if other.is_some() || key == Key::NONE {
                let found =
                    report.error("name/collision", span, format!("the {what} `{name}` has a key that is taken"));
                found.remedy("give it another name: a name is known by 32 bits, and by chance these are another's");
                if let Some((_, other)) = other {
                    found.related(other, "the other one");
                }
            }
        }
    }
    fn of<T>(items: &[declaration::Named<T>]) -> impl Iterator<Item = (&str, Span)> {
        items.iter().map(|item| (item.name.as_str(), item.span))
    }
    kind("context value", of(&folder.context), report);
    kind("trait", of(&folder.traits), report);
    kind("event", of(&folder.events), report);
    kind("affinity", of(&folder.affinities), report);
    kind("feed", of(&folder.feeds), report);
    kind("placement", of(&folder.placements), report);
    kind("price", of(&folder.prices), report);
    kind("model", of(&folder.models), report);
    kind("channel", of(&folder.channels), report);
    kind("journey", of(&folder.journeys), report);
    kind("campaign", folder.campaigns.iter().map(|item| (item.id.text.as_str(), item.id.span)), report);
    let own = folder.campaigns.iter().flat_map(|campaign| of(&campaign.creatives));
    kind("creative", of(&folder.fallbacks).chain(own), report);
}

fn references(folder: &Folder, report: &mut Report) {
    let events: BTreeSet<&str> = folder.events.iter().map(|event| event.name.as_str()).collect();
    let fallbacks: BTreeSet<&str> = folder.fallbacks.iter().map(|fallback| fallback.name.as_str()).collect();
    let placements: BTreeSet<&str> = folder.placements.iter().map(|placement| placement.name.as_str()).collect();
    let feeds: BTreeSet<&str> = folder.feeds.iter().map(|feed| feed.name.as_str()).collect();
    let models: BTreeSet<&str> = folder.models.iter().map(|model| model.name.as_str()).collect();
    for affinity in &folder.affinities {
        known(&affinity.item.event, &events, "affinity/unknown-event", "event", report);
        declaration::check_name(&affinity.item.property.text, affinity.item.property.span, report);
    }
    let channels: BTreeSet<&str> = folder.channels.iter().map(|channel| channel.name.as_str()).collect();
    for channel in folder.pressure.iter().flat_map(|pressure| &pressure.except) {
        known(channel, &channels, "pressure/unknown-channel", "channel", report);
    }
    for feed in &folder.feeds {
        let Some(place) = &feed.item.place else { continue };
        let context: BTreeSet<&str> = folder.context.iter().map(|context| context.name.as_str()).collect();
        if !known(place, &context, "feed/unknown-place", "context value", report) {
            continue;
        }
        // The engine tells places apart by their bins, and every place that nobody names shares one.
        if let Some(named) = folder.context.iter().find(|context| context.name == place.text)
            && (named.item.kind == Kind::Number || named.item.values.is_empty())
        {
            report
                .error("feed/place-values", place.span, format!("the places of `{}` are not listed", feed.name))
                .remedy(format!("list them: `{}: {{ type: text, values: [...] }}`", place.text))
                .related(named.span, "declared here");
        }
    }
    for placement in &folder.placements {
        match &placement.item.fallback {
            Some(fallback) => {
                known(fallback, &fallbacks, "placement/unknown-fallback", "fallback", report);
            }
            None => {
                report
                    .warning(
                        "placement/no-fallback",
                        placement.span,
                        format!(
                            "`{}` has no fallback: it keeps the page's own content when no campaign fits",
                            placement.name
                        ),
                    )
                    .remedy("add `fallback: name`");
            }
        }
    }
    let priced = folder.prices.iter().flat_map(|price| price.item.stocks());
    priced.for_each(|stock| check_feeds(stock, &feeds, report));
    for campaign in &folder.campaigns {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for placement in &campaign.placements {
            known(placement, &placements, "campaign/unknown-placement", "placement", report);
            if !seen.insert(&placement.text) {
                report.warning(
                    "campaign/placement-twice",
                    placement.span,
                    format!("`{}` is listed twice", placement.text),
                );
            }
        }
        let options = campaign.creatives.iter().flat_map(|creative| creative.item.content.stocks());
        for stock in campaign.stock.iter().chain(options) {
            check_feeds(stock, &feeds, report);
        }
        if let Some(model) = &campaign.model {
            known(model, &models, "campaign/unknown-model", "model", report);
        }
    }
}

/// The campaigns of a placement.
pub(crate) fn at<'a>(folder: &'a Folder, placement: &'a str) -> impl Iterator<Item = &'a Campaign> {
    let here = move |campaign: &&Campaign| campaign.placements.iter().any(|it| it.text == placement);
    folder.campaigns.iter().filter(here)
}

/// Whether the feeds of a stock condition are declared.
pub(crate) fn check_feeds(stock: &Stock, feeds: &BTreeSet<&str>, report: &mut Report) {
    for feed in [Some(&stock.feed), stock.above.as_ref()].into_iter().flatten() {
        known(feed, feeds, "campaign/unknown-feed", "feed", report);
    }
}

/// Whether a name is declared; that it is not is a fault with the nearest one.
fn known(word: &Word, names: &BTreeSet<&str>, code: &'static str, what: &str, report: &mut Report) -> bool {
    let known = names.contains(word.text.as_str());
    if !known {
        report.unknown(code, what, word, names.iter().copied());
    }
    known
}

/// Reports campaigns that another one always comes before. `order` is the decision order, `open` says of a campaign
/// whether everyone is in its segment.
pub(crate) fn hidden(folder: &Folder, order: &[usize], open: impl Fn(usize) -> bool, report: &mut Report) {
    // What can refuse a campaign without a segment: permission (only of caps, segments and models), schedule, stock,
    // caps, holdout.
    let always = |at: usize, campaign: &Campaign| {
        let caps = &campaign.caps;
        open(at)
            && campaign.model.is_none()
            && campaign.schedule.from == i64::MIN
            && campaign.schedule.until == i64::MAX
            && campaign.stock.is_empty()
            && campaign.holdout == 0
            && caps.hour.or(caps.day).or(caps.week).or(caps.total).is_none()
    };
    let mut taken: BTreeMap<&str, &Campaign> = BTreeMap::new();
    for at in order {
        let Some(campaign) = folder.campaigns.get(*at) else { continue };
        // A model may lift a campaign of the same priority, and chance too, so only a lower priority is surely behind.
        let explores = |name: &str| folder.placements.iter().any(|it| it.name == name && it.item.explore.is_some());
        let behind = |before: &&Campaign, placement: &str| {
            before.priority > campaign.priority || (campaign.model.is_none() && !explores(placement))
        };
        let before: Option<Vec<&Campaign>> = campaign
            .placements
            .iter()
            .map(|placement| taken.get(placement.text.as_str()).copied().filter(|it| behind(it, &placement.text)))
            .collect();
        if let Some(first) = before.as_ref().and_then(|all| all.first()) {
            report
                .warning(
                    "campaign/hidden",
                    campaign.id.span,
                    format!("nobody sees `{}`: `{}` always comes before it", campaign.id.text, first.id.text),
                )
                .remedy("raise its `priority`, or give the other campaign a segment, a cap or a schedule")
                .related(first.id.span, "shown to everyone, always");
        }
        if always(*at, campaign) {
            for placement in &campaign.placements {
                taken.entry(&placement.text).or_insert(campaign);
            }
        }
    }
}
