//! What a bundle holds, with its names put back: the shape that `inspect --json` prints.

use std::collections::BTreeMap;

use petitfour::bundle::{ENTRY, HEADER};
use petitfour::catalog::{self, Catalog, Section, Source};
use petitfour::content;
use serde::Serialize;

use crate::{policy, words};

/// A bundle.
#[derive(Debug, Serialize)]
pub(crate) struct Bundle {
    pub(crate) site: String,
    pub(crate) version: u64,
    pub(crate) format: u16,
    pub(crate) hash: String,
    pub(crate) bytes: usize,
    pub(crate) compiler: String,
    pub(crate) permissions: Vec<String>,
    /// What signals of consent open and close.
    pub(crate) consent: Vec<policy::Row>,
    pub(crate) sections: Vec<Part>,
    pub(crate) placements: Vec<Placement>,
    pub(crate) campaigns: Vec<Campaign>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) counters: Vec<String>,
    pub(crate) affinities: Vec<String>,
    pub(crate) traits: Vec<String>,
    pub(crate) events: Vec<String>,
    pub(crate) feeds: Vec<String>,
    pub(crate) models: Vec<String>,
}

/// A section of the file.
#[derive(Debug, Serialize)]
pub(crate) struct Part {
    pub(crate) kind: String,
    pub(crate) offset: u32,
    pub(crate) bytes: u32,
    pub(crate) records: u32,
}

/// A placement.
#[derive(Debug, Serialize)]
pub(crate) struct Placement {
    pub(crate) name: String,
    pub(crate) fallback: Option<String>,
    /// Best first.
    pub(crate) campaigns: Vec<String>,
}

/// A campaign.
#[derive(Debug, Serialize)]
pub(crate) struct Campaign {
    pub(crate) name: String,
    pub(crate) placements: Vec<String>,
    pub(crate) priority: i32,
    pub(crate) value: f64,
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) caps: BTreeMap<String, u32>,
    pub(crate) stock: Option<String>,
    /// Over all visitors.
    pub(crate) exposures: Option<String>,
    /// Percent.
    pub(crate) holdout: f64,
    pub(crate) model: Option<String>,
    /// What it offers in auctions, and may spend.
    pub(crate) bid: Option<String>,
    pub(crate) reads_profile: bool,
    /// An OR of ANDs of sentences; one empty AND is everyone.
    pub(crate) segment: Vec<Vec<String>>,
    pub(crate) creatives: Vec<Creative>,
}

/// A creative of a campaign.
#[derive(Debug, Serialize)]
pub(crate) struct Creative {
    pub(crate) name: String,
    /// Percent of the campaign.
    pub(crate) share: f64,
    pub(crate) content: serde_json::Value,
}

/// A column that segments and models read.
#[derive(Debug, Serialize)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) source: &'static str,
    pub(crate) bins: u32,
    pub(crate) asked: bool,
    pub(crate) borders: Vec<f64>,
    pub(crate) values: Vec<String>,
}

impl Bundle {
    /// Reads everything out of an open bundle.
    pub(crate) fn of(catalog: &Catalog) -> Self {
        let name = |number: u32| catalog.string(number).to_owned();
        let meta = |at: usize| word(catalog.section(Section::Meta), at).map(name).unwrap_or_default();
        let permissions = catalog.default_permissions();
        let named = [
            ("store", permissions.store()),
            ("personalise", permissions.personalise()),
            ("measure", permissions.measure()),
            ("share", permissions.share()),
        ];
        Self {
            site: meta(12),
            version: catalog.version(),
            format: petitfour::bundle::FORMAT,
            hash: format!("{:016x}", catalog.hash()),
            bytes: catalog.bytes().len(),
            compiler: meta(16),
            permissions: named.iter().filter(|(_, open)| *open).map(|(name, _)| (*name).to_owned()).collect(),
            consent: policy::rows(&catalog.policy()),
            sections: sections(catalog.bytes()),
            placements: catalog.placements().map(|placement| Placement::of(catalog, &placement)).collect(),
            campaigns: catalog.campaigns().map(|campaign| Campaign::of(catalog, &campaign)).collect(),
            attributes: catalog.attributes().map(|attribute| Attribute::of(catalog, &attribute)).collect(),
            counters: catalog
                .counters()
                .map(|counter| match counter.days() {
                    0 => name(counter.name()),
                    days => format!("{}, by day for {days} days", name(counter.name())),
                })
                .collect(),
            affinities: catalog
                .affinities()
                .map(|it| {
                    format!("{}, halves every {} hours, +{} an event", name(it.name()), it.half_life(), it.weight())
                })
                .collect(),
            traits: catalog.traits().map(|it| name(it.name())).collect(),
            events: catalog
                .events()
                .map(|event| format!("{}{}", name(event.name()), if event.is_outcome() { ", an outcome" } else { "" }))
                .collect(),
            feeds: catalog.feeds().map(|feed| name(feed.name())).collect(),
            models: catalog
                .models()
                .map(|model| match model.kind() {
                    3 => format!(
                        "{}: {} trees, leaves of {} bits",
                        name(model.name()),
                        model.parts(),
                        8 * model.leaf_bytes()
                    ),
                    2 => format!("{}: linear, {} terms", name(model.name()), model.parts()),
                    kind => format!("{}: of unknown kind {kind}", name(model.name())),
                })
                .collect(),
        }
    }
}

impl Placement {
    fn of(catalog: &Catalog, placement: &catalog::Placement<'_>) -> Self {
        let fallback = placement.fallback().and_then(|at| catalog.creative(at));
        let mask = catalog.bit_row(Section::Masks, placement.mask());
        let here = catalog.campaigns().filter(|campaign| words::bit(mask, campaign.first_conjunct()));
        Self {
            name: catalog.string(placement.name()).to_owned(),
            fallback: fallback.map(|creative| catalog.string(creative.name()).to_owned()),
            campaigns: here.map(|campaign| catalog.string(campaign.name()).to_owned()).collect(),
        }
    }
}

impl Campaign {
    fn of(catalog: &Catalog, campaign: &catalog::Campaign<'_>) -> Self {
        let name = |number: u32| catalog.string(number).to_owned();
        let here = catalog.placements().filter(|placement| {
            words::bit(catalog.bit_row(Section::Masks, placement.mask()), campaign.first_conjunct())
        });
        let caps = [
            ("hour", campaign.cap_hour()),
            ("day", campaign.cap_day()),
            ("week", campaign.cap_week()),
            ("total", campaign.cap_total()),
        ];
        let conjuncts = campaign.first_conjunct()..campaign.first_conjunct() + campaign.conjunct_count();
        let first = campaign.first_creative();
        let creatives =
            (first..first + usize::from(campaign.creative_count())).filter_map(|at| Some((at, catalog.creative(at)?)));
        let total = f64::from(campaign.total_weight().max(1));
        Self {
            name: name(campaign.name()),
            placements: here.map(|placement| name(placement.name())).collect(),
            priority: campaign.priority(),
            value: f64::from(campaign.value()) / 1_000.0,
            from: Some(campaign.from()).filter(|from| *from != i64::MIN).map(petitfour_compiler::date),
            until: Some(campaign.until()).filter(|until| *until != i64::MAX).map(petitfour_compiler::date),
            caps: caps.into_iter().filter_map(|(window, cap)| Some((window.to_owned(), cap?))).collect(),
            exposures: catalog
                .paces()
                .find(|pace| catalog.campaign(pace.campaign()).is_some_and(|other| other.key() == campaign.key()))
                .map(|pace| describe_pace(catalog, campaign, &pace)),
            stock: conditions(catalog, campaign)
                .filter(|stock| !stock.is_by_hash())
                .map(|stock| describe_stock(catalog, &stock))
                .reduce(|all, one| format!("{all}, and {one}")),
            holdout: f64::from(campaign.holdout()) / 100.0,
            model: campaign.model().and_then(|at| catalog.model(at)).map(|model| name(model.name())),
            bid: catalog
                .bids()
                .find(|bid| catalog.campaign(bid.campaign()).is_some_and(|other| other.key() == campaign.key()))
                .map(|bid| describe_bid(catalog, &bid)),
            reads_profile: campaign.reads_profile(),
            segment: conjuncts.map(|conjunct| words::conjunct(catalog, conjunct)).collect(),
            creatives: creatives
                .map(|(at, creative)| Creative {
                    name: name(creative.name()),
                    share: (f64::from(creative.weight()) / total * 1_000.0).round() / 10.0,
                    content: serde_json::from_str(&content::outline(at, catalog)).unwrap_or_default(),
                })
                .collect(),
        }
    }
}

impl Creative {
    /// The text by which people know it.
    pub(crate) fn headline(&self) -> &str {
        let told = self.content.get("headline").or_else(|| self.content.as_object()?.values().next());
        told.and_then(serde_json::Value::as_str).unwrap_or_default()
    }
}

impl Attribute {
    fn of(catalog: &Catalog, attribute: &catalog::Attribute<'_>) -> Self {
        let text = attribute.is_text();
        let borders = catalog.borders(attribute).iter().map(|border| f64::from_le_bytes(*border));
        Self {
            name: words::subject(catalog, attribute),
            source: match attribute.source() {
                Source::Context => "context",
                Source::Trait => "trait",
                Source::Count => "counter",
                Source::Recency => "recency",
                Source::Affinity => "affinity",
                Source::Moment => "moment",
                Source::Visits => "visits",
                Source::Worth => "worth",
                Source::Member => "membership",
                Source::Journey => "journey",
                Source::Seen => "exposures",
                Source::Unknown => "unknown",
            },
            bins: attribute.bins(),
            asked: attribute.rows() != catalog::NONE,
            borders: if text { Vec::new() } else { borders.collect() },
            values: if text {
                words::values(catalog, attribute).into_iter().map(str::to_owned).collect()
            } else {
                Vec::new()
            },
        }
    }
}

fn describe_bid(catalog: &Catalog, bid: &catalog::Bid<'_>) -> String {
    let price = |thousandths: u32| f64::from(thousandths) / 1_000.0;
    let amount = |millionths: u64| millionths as f64 / 1e6;
    let most = if bid.max() > bid.base() { format!(" to {}", price(bid.max())) } else { String::new() };
    let mut said = format!("bids {}{most} {} for a thousand impressions", price(bid.base()), bid.currency());
    if let Some(day) = bid.day() {
        said.push_str(&format!(
            ", spends {} a day{}",
            amount(day),
            if bid.is_even() { " at an even pace" } else { "" }
        ));
    }
    if let Some(total) = bid.total() {
        said.push_str(&format!(", {} in all", amount(total)));
    }
    format!("{said}, for {}", catalog.string(bid.domain()))
}

fn describe_pace(catalog: &Catalog, campaign: &catalog::Campaign<'_>, pace: &catalog::Pace<'_>) -> String {
    let day = pace.day().map(|day| format!("{day} on a day of UTC"));
    let total = pace.total().map(|total| format!("{total} in all"));
    let most: Vec<String> = day.into_iter().chain(total).collect();
    let spread = if pace.is_even() { "spread over the day" } else { "as fast as visitors come" };
    let is_shown = conditions(catalog, campaign).any(|stock| stock.is_by_hash() && stock.allows_unknown());
    let otherwise = if is_shown { "shown" } else { "skipped" };
    format!("at most {} over all visitors, {spread}; {otherwise} when the pace is not known", most.join(" and "))
}

/// The stock conditions of a campaign, all of which must hold.
fn conditions<'a>(
    catalog: &'a Catalog,
    campaign: &catalog::Campaign<'_>,
) -> impl Iterator<Item = catalog::Stock<'a>> + use<'a> {
    let at = |at: usize| Some((at, catalog.stock(at)?));
    let after = move |(known, stock): &(usize, catalog::Stock<'a>)| at(stock.has_next().then_some(known + 1)?);
    std::iter::successors(campaign.stock().and_then(at), after).map(|(_, stock)| stock)
}

fn describe_stock(catalog: &Catalog, stock: &catalog::Stock<'_>) -> String {
    let name = |at: usize| catalog.feed(at).map(|feed| catalog.string(feed.name())).unwrap_or_default();
    let feed = name(stock.feed());
    let age = match stock.max_age() {
        0 => String::new(),
        minutes => format!(" that is at most {minutes} minutes old"),
    };
    let otherwise = if stock.allows_unknown() { "shown" } else { "skipped" };
    let item = catalog.string(stock.item_name());
    if stock.is_above() {
        let other = name(stock.at_least() as usize);
        return format!("needs more of {item} by a word of {feed} than of {other}{age}; {otherwise} when nobody knows");
    }
    format!("needs {} of {item} by a word of {feed}{age}; {otherwise} when nobody knows", stock.at_least())
}

/// The directory of the file: sections that this build does not know are listed as well.
fn sections(bytes: &[u8]) -> Vec<Part> {
    let count = bytes.get(6..).and_then(|rest| rest.first_chunk::<2>()).map_or(0, |count| u16::from_le_bytes(*count));
    let count = usize::from(count);
    let directory = bytes.get(HEADER..HEADER + ENTRY * count).unwrap_or_default();
    let entries = directory.as_chunks::<ENTRY>().0.iter();
    entries
        .filter_map(|entry| {
            let (offset, length, stride) = (word(entry, 4)?, word(entry, 8)?, word(entry, 12)?);
            let kind = String::from_utf8_lossy(entry.get(..4)?).into_owned();
            Some(Part { kind, offset, bytes: length, records: length / stride.max(1) })
        })
        .collect()
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk::<4>()?))
}
