//! Views for people: a profile and a bundle with their names put back.
//!
//! Everything here is for looking at, on the device or on the author's machine; nothing decides by it.

use crate::catalog::{Catalog, Section, Source};
use crate::engine::Session;
use crate::event::text_hash;
use crate::hash::xxh64;
use crate::id::Key;
use crate::journey::{NEVER, Place};
use crate::profile::Line;
use crate::time::Moment;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// What is remembered of a visitor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProfileView {
    /// The pseudonym, in hexadecimal.
    pub visitor: String,
    /// Bits of what is permitted.
    pub permissions: u8,
    /// Length of the encoded profile.
    pub bytes: usize,
    /// The most that it may take.
    pub max_bytes: usize,
    /// Visits so far.
    pub visits: u64,
    /// Counters that moved.
    pub counters: Vec<CounterView>,
    /// Interests, strongest first.
    pub affinities: Vec<AffinityView>,
    /// What was said.
    pub traits: Vec<TraitView>,
    /// Exposures of capped and other campaigns.
    pub caps: Vec<CapView>,
    /// Segments that the origin told of.
    pub memberships: Vec<MembershipView>,
    /// Where journeys stand.
    pub journeys: Vec<JourneyView>,
}

/// A counter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CounterView {
    /// Its name, or its key when the bundle does not name it any more.
    pub name: String,
    /// How often ever.
    pub total: u64,
    /// By local day (days since 1970), where some window asks for days.
    pub days: Vec<DayView>,
    /// Hours since it last moved.
    pub hours_ago: Option<u64>,
    /// What its events were worth ever, in whole units, where a condition asks.
    pub worth: f64,
}

/// One day of a counter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DayView {
    /// Local day, days since 1970.
    pub day: u32,
    /// How often.
    pub count: u64,
}

/// An interest in one value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AffinityView {
    /// The affinity's name.
    pub name: String,
    /// The value, where the bundle names it, else its hash.
    pub value: String,
    /// Strength now, in whole units.
    pub strength: f64,
}

/// Something said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TraitView {
    /// The trait's name.
    pub name: String,
    /// The number, or the text where the bundle names it.
    pub value: String,
}

/// A segment that the origin told of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MembershipView {
    /// The segment's name.
    pub name: String,
    /// Whether the visitor is in it.
    pub inside: bool,
    /// Minutes since 1970 when that was so.
    pub as_of: u32,
}

/// A journey.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JourneyView {
    /// Its name.
    pub name: String,
    /// The step at which the visitor rests, or `done`, `reached`, `left`; empty when the bundle does not have it any more.
    pub step: String,
    /// Unix ms when they came there.
    pub since: u64,
    /// Unix ms when the time has come to go on, if time is what ends the rest.
    pub due: Option<u64>,
    /// How often they entered.
    pub entries: u8,
}

/// Exposures of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CapView {
    /// The campaign's name.
    pub campaign: String,
    /// This hour, if an hourly cap is kept.
    pub hour: u64,
    /// Today.
    pub day: u64,
    /// In seven days.
    pub week: u64,
    /// Ever.
    pub total: u64,
    /// The caps, in the same order; none where there is none.
    pub caps: [Option<u32>; 4],
}

/// What a bundle holds, in figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BundleView {
    /// Its hash, in hexadecimal.
    pub hash: String,
    /// The author's version.
    pub version: u64,
    /// Length in bytes.
    pub bytes: usize,
    /// Names of the campaigns, in decision order.
    pub campaigns: Vec<String>,
    /// Names of the placements.
    pub placements: Vec<String>,
    /// Names of the attributes.
    pub attributes: Vec<String>,
}

/// A session's profile, with its names put back.
#[must_use]
pub fn profile(session: &Session, moment: Moment) -> ProfileView {
    let (catalog, profile) = (session.engine().catalog(), session.profile());
    let mut view = ProfileView {
        visitor: hexadecimal(&profile.visitor().0),
        permissions: session.permissions().bits(),
        bytes: session.profile_bytes().len(),
        max_bytes: crate::profile::MAX_BYTES,
        visits: profile.visits(),
        counters: Vec::new(),
        affinities: Vec::new(),
        traits: Vec::new(),
        caps: Vec::new(),
        memberships: Vec::new(),
        journeys: Vec::new(),
    };
    let visits = Key::of("$visit");
    let mut days: Vec<(Key, DayView)> = Vec::new();
    let mut felt: Vec<(Key, u32)> = Vec::new();
    for line in profile.lines() {
        match line {
            Line::Day(key, day, count) => days.push((key, DayView { day, count })),
            Line::Total(key, ..)
                if key != visits && !view.counters.iter().any(|seen| seen.name == counter_name(catalog, key)) =>
            {
                view.counters.push(CounterView {
                    name: counter_name(catalog, key),
                    total: profile.total(key),
                    days: days.iter().filter(|(of, _)| *of == key).map(|(_, day)| day.clone()).collect(),
                    hours_ago: profile.hours_since(key, moment),
                    worth: profile.worth(key) as f64 / 1_000.0,
                });
            }
            Line::Affinity(key, value, ..) if !felt.contains(&(key, value)) => {
                felt.push((key, value));
                view.affinities.push(affinity(session, key, value, moment));
            }
            Line::Trait(key, value) => view.traits.push(said(catalog, key, value)),
            Line::Member(key, inside, as_of) => {
                let column =
                    catalog.attributes().find(|column| column.source() == Source::Member && column.subject() == key);
                let name = column.map_or_else(|| unnamed(key), |column| catalog.string(column.name()).to_owned());
                view.memberships.push(MembershipView { name, inside, as_of });
            }
            Line::Journey(key, place, since) => {
                let place = Place::read(place);
                let known = session.engine().known(key, place.step);
                let name = known.as_ref().map_or_else(|| unnamed(key), |known| known.journey.to_owned());
                let step = known.and_then(|known| known.step).unwrap_or_default().to_owned();
                let waits = place.is_inside() && place.due != NEVER;
                let due = waits.then(|| u64::from(place.due) * 60_000);
                view.journeys.push(JourneyView { name, step, since, due, entries: place.entries });
            }
            Line::Exposures(key, ..) if !view.caps.iter().any(|seen| seen.campaign == campaign_name(catalog, key)) => {
                let campaign = catalog.campaigns().find(|campaign| campaign.key() == key);
                view.caps.push(CapView {
                    campaign: campaign_name(catalog, key),
                    hour: profile.exposures_this_hour(key, moment),
                    day: profile.exposures(key, 1, moment),
                    week: profile.exposures(key, 7, moment),
                    total: profile.exposures_ever(key),
                    caps: campaign.map_or([None; 4], |campaign| {
                        [campaign.cap_hour(), campaign.cap_day(), campaign.cap_week(), campaign.cap_total()]
                    }),
                });
            }
            _ => {}
        }
    }
    view.affinities.sort_by(|a, b| b.strength.total_cmp(&a.strength));
    view
}

/// A bundle, in figures.
#[must_use]
pub fn bundle(catalog: &Catalog) -> BundleView {
    let name = |string: u32| catalog.string(string).to_owned();
    BundleView {
        hash: format!("{:016x}", catalog.hash()),
        version: catalog.version(),
        bytes: catalog.bytes().len(),
        campaigns: catalog.campaigns().map(|campaign| name(campaign.name())).collect(),
        placements: catalog.placements().map(|placement| name(placement.name())).collect(),
        attributes: catalog.attributes().map(|attribute| name(attribute.name())).collect(),
    }
}

fn affinity(session: &Session, key: Key, value: u32, moment: Moment) -> AffinityView {
    let catalog = session.engine().catalog();
    let known = catalog.affinities().find(|affinity| affinity.key() == key);
    let strength = known.map_or(0, |affinity| session.profile().strength(key, value, affinity.half_life(), moment));
    AffinityView {
        name: known.map_or_else(|| unnamed(key), |affinity| catalog.string(affinity.name()).to_owned()),
        value: text(catalog, |name| text_hash(name) == value).unwrap_or_else(|| format!("#{value:08x}")),
        strength: strength as f64 / 1_000.0,
    }
}

fn said(catalog: &Catalog, key: Key, value: u64) -> TraitView {
    let known = catalog.traits().find(|known| known.key() == key);
    TraitView {
        name: known.map_or_else(|| unnamed(key), |known| catalog.string(known.name()).to_owned()),
        value: match known {
            Some(known) if !known.is_text() => format!("{}", f64::from_bits(value)),
            _ => text(catalog, |name| xxh64(name.as_bytes(), 0) == value).unwrap_or_else(|| "another value".to_owned()),
        },
    }
}

fn campaign_name(catalog: &Catalog, key: Key) -> String {
    let known = catalog.campaigns().find(|campaign| campaign.key() == key);
    known.map_or_else(|| unnamed(key), |campaign| catalog.string(campaign.name()).to_owned())
}

fn counter_name(catalog: &Catalog, key: Key) -> String {
    let known = catalog.counters().find(|counter| counter.key() == key);
    known.map_or_else(|| unnamed(key), |counter| catalog.string(counter.name()).to_owned())
}

/// The string of the bundle that a test recognises: any may be the text behind a hash.
fn text(catalog: &Catalog, is_it: impl Fn(&str) -> bool) -> Option<String> {
    let heap = catalog.section(Section::Strings);
    let count = heap.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes)).min(heap.len() as u32 / 4);
    (0..count).map(|index| catalog.string(index)).find(|name| is_it(name)).map(ToOwned::to_owned)
}

fn unnamed(key: Key) -> String {
    format!("#{:08x}", key.0)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
