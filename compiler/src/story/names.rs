//! The names that a story may use: those of the bundle, and what the campaign files said of them beyond it.

use std::collections::{BTreeMap, BTreeSet};

use petitfour::catalog::{Act, Attribute, Campaign, Catalog, Journey, Section, Source as Origin};
use petitfour::id::Key;

use crate::declaration::{Known, Named};
use crate::diagnostic::Report;
use crate::folder::Folder;
use crate::reader::{self, Word};
use crate::source::Node;

use super::step::Told;

/// What campaign files declare and a bundle does not keep.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    context: BTreeMap<String, Vec<String>>,
    traits: BTreeMap<String, Vec<String>>,
    memberships: BTreeSet<String>,
    wheres: BTreeMap<(String, String), BTreeSet<String>>,
}

impl Declared {
    /// The texts that a context value may be, where the author listed them.
    #[must_use]
    pub fn context(&self, name: &str) -> &[String] {
        self.context.get(name).map_or(&[], Vec::as_slice)
    }

    /// The texts that a trait may be, where the author listed them.
    #[must_use]
    pub fn said(&self, name: &str) -> &[String] {
        self.traits.get(name).map_or(&[], Vec::as_slice)
    }

    /// Event and property, with the values by which journeys and affinities tell such events apart.
    #[must_use]
    pub fn wheres(&self) -> &BTreeMap<(String, String), BTreeSet<String>> {
        &self.wheres
    }

    pub(crate) fn of(folder: &Folder) -> Self {
        fn listed(all: &[Named<Known>]) -> BTreeMap<String, Vec<String>> {
            let texts = |known: &Known| known.values.iter().map(|value| value.text.clone()).collect();
            all.iter().map(|known| (known.name.clone(), texts(&known.item))).collect()
        }
        let mut wheres: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for affinity in folder.affinities.iter().map(|named| &named.item) {
            let asked = wheres.entry((affinity.event.text.clone(), affinity.property.text.clone())).or_default();
            asked.extend(affinity.values.iter().map(|value| value.text.clone()));
        }
        for on in folder.journeys.iter().flat_map(|named| named.item.triggers()).filter_map(|it| it.on.as_ref()) {
            if let Some((property, value)) = &on.property {
                let asked = wheres.entry((on.event.text.clone(), property.text.clone())).or_default();
                asked.insert(value.text.clone());
            }
        }
        Self {
            wheres,
            context: listed(&folder.context),
            traits: listed(&folder.traits),
            memberships: folder.memberships.iter().map(|known| known.name.clone()).collect(),
        }
    }
}

/// Every name that a story may use.
#[derive(Clone, Debug, Default)]
pub struct Names {
    context: BTreeMap<String, Value>,
    traits: BTreeMap<String, Value>,
    /// With the properties that something asks for.
    events: BTreeMap<String, BTreeSet<Key>>,
    memberships: BTreeSet<String>,
    feeds: BTreeMap<String, Feed>,
    pub(super) placements: BTreeMap<String, Placement>,
    pub(super) campaigns: BTreeMap<String, Creatives>,
    journeys: BTreeMap<String, Path>,
}

/// A context value or a trait.
#[derive(Clone, Debug)]
struct Value {
    is_text: bool,
    /// The texts that there are, where the author listed them.
    listed: Vec<String>,
}

#[derive(Clone, Debug)]
struct Feed {
    /// The places that it may speak of; none where it holds everywhere.
    places: Option<Vec<String>>,
    /// Items that some campaign asks for.
    items: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Placement {
    pub(super) fallback: Option<String>,
    pub(super) campaigns: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Creatives {
    pub(super) names: BTreeSet<String>,
    has_holdout: bool,
}

/// A journey, as far as a story may speak of it.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// Steps at which somebody may rest.
    pub(super) rests: BTreeSet<String>,
    pub(super) messages: BTreeSet<String>,
    has_holdout: bool,
}

impl Path {
    fn of(catalog: &Catalog, journey: &Journey<'_>) -> Self {
        let steps = || journey.steps().filter_map(|at| catalog.step(at));
        let rests = steps().filter(|step| step.code() != 0 && step.act() != Act::Moved);
        let sends = steps().filter(|step| step.act() == Act::Send);
        let messages = sends.filter_map(|step| catalog.messages().nth(step.first() as usize));
        Self {
            rests: rests.map(|step| catalog.string(step.name()).to_owned()).filter(|name| !name.is_empty()).collect(),
            messages: messages.map(|message| catalog.string(message.name()).to_owned()).collect(),
            has_holdout: journey.holdout() > 0,
        }
    }
}

impl Names {
    /// The names of a bundle; `declared` is empty where there is nothing but the bundle.
    #[must_use]
    pub fn of(catalog: &Catalog, declared: &Declared) -> Self {
        let name = |number: u32| catalog.string(number).to_owned();
        let value = |told: String, is_text: bool, known: &BTreeMap<String, Vec<String>>| {
            let listed = known.get(&told).cloned().unwrap_or_default();
            (told, Value { is_text, listed })
        };
        let context = catalog.attributes().filter(|attribute| attribute.source() == Origin::Context);
        let members = catalog.attributes().filter(|attribute| attribute.source() == Origin::Member);
        let members = members.filter_map(|it| catalog.string(it.name()).strip_prefix("member of ").map(str::to_owned));
        Self {
            context: context.map(|it| value(name(it.name()), it.is_text(), &declared.context)).collect(),
            traits: catalog.traits().map(|it| value(name(it.name()), it.is_text(), &declared.traits)).collect(),
            events: catalog.events().map(|event| (name(event.name()), asked(catalog, event.key()))).collect(),
            memberships: members.chain(declared.memberships.iter().cloned()).collect(),
            feeds: catalog
                .feeds()
                .enumerate()
                .map(|(number, feed)| {
                    let place = feed.place().and_then(|place| catalog.attribute(place));
                    let items = catalog.stocks().filter(|stock| stock.feed() == number);
                    let items = items.map(|stock| name(stock.item_name())).collect();
                    (name(feed.name()), Feed { places: place.map(|place| texts(catalog, &place)), items })
                })
                .collect(),
            placements: catalog
                .placements()
                .map(|placement| {
                    let here = |campaign: &Campaign<'_>| {
                        let mask = catalog.bit_row(Section::Masks, placement.mask());
                        let (word, bit) = (campaign.first_conjunct() / 64, campaign.first_conjunct() % 64);
                        mask.get(word).is_some_and(|word| u64::from_le_bytes(*word) >> bit & 1 == 1)
                    };
                    let fallback = placement.fallback().and_then(|creative| catalog.creative(creative));
                    let campaigns = catalog.campaigns().filter(here).map(|campaign| name(campaign.name())).collect();
                    let fallback = fallback.map(|creative| name(creative.name()));
                    (name(placement.name()), Placement { fallback, campaigns })
                })
                .collect(),
            campaigns: catalog
                .campaigns()
                .map(|campaign| {
                    let first = campaign.first_creative();
                    let own = first..first.saturating_add(usize::from(campaign.creative_count()));
                    let names = own.filter_map(|at| catalog.creative(at)).map(|it| name(it.name())).collect();
                    (name(campaign.name()), Creatives { names, has_holdout: campaign.holdout() > 0 })
                })
                .collect(),
            journeys: catalog.journeys().map(|journey| (name(journey.name()), Path::of(catalog, &journey))).collect(),
        }
    }

    /// What is told of a context value.
    pub(super) fn context(&self, word: &Word, node: &Node, report: &mut Report) -> Option<Told> {
        tell(&self.context, ("test/unknown-context", "context value"), word, node, report)
    }

    /// What is said of a trait.
    pub(super) fn said(&self, word: &Word, node: &Node, report: &mut Report) -> Option<Told> {
        tell(&self.traits, ("test/unknown-trait", "trait"), word, node, report)
    }

    /// Whether there is such a context value.
    pub(super) fn is_context(&self, word: &Word, report: &mut Report) -> bool {
        known(self.context.get(&word.text), &self.context, ("test/unknown-context", "context value"), word, report)
            .is_some()
    }

    /// Whether there is such an event; properties that nothing asks for are warned of.
    pub(super) fn is_event(&self, word: &Word, properties: &[(Word, String)], report: &mut Report) -> bool {
        let found = self.events.get(&word.text);
        let Some(asked) = known(found, &self.events, ("test/unknown-event", "event"), word, report) else {
            return false;
        };
        for (property, _) in properties.iter().filter(|(property, _)| !asked.contains(&Key::of(&property.text))) {
            let said = format!("nothing asks for `{}` of the event `{}`", property.text, word.text);
            report
                .warning("test/idle-property", property.span, said)
                .remedy("leave it out, or spell it as the condition or the affinity does");
        }
        true
    }

    /// Whether there is such a membership.
    pub(super) fn is_membership(&self, word: &Word, report: &mut Report) -> bool {
        let is_known = self.memberships.contains(&word.text);
        if !is_known {
            report.unknown("test/unknown-membership", "membership", word, self.memberships.iter().map(String::as_str));
        }
        is_known
    }

    /// Whether there is such a feed, and such a place of it; items that no campaign asks for are warned of.
    pub(super) fn is_shelf(
        &self,
        feed: &Word,
        place: Option<&Word>,
        items: &[(Word, i32)],
        report: &mut Report,
    ) -> bool {
        let found = known(self.feeds.get(&feed.text), &self.feeds, ("test/unknown-feed", "feed"), feed, report);
        let Some(known) = found else { return false };
        for (item, _) in items.iter().filter(|(item, _)| !known.items.contains(&item.text)) {
            report
                .warning("test/idle-item", item.span, format!("no campaign asks how much there is of `{}`", item.text))
                .nearest(&item.text, known.items.iter().map(String::as_str));
        }
        match (&known.places, place) {
            (None, None) => true,
            (Some(places), Some(place)) if places.contains(&place.text) => true,
            (Some(places), Some(place)) => {
                let said = format!("`{}` has no place `{}`", feed.text, place.text);
                report
                    .error("test/unknown-place", place.span, said)
                    .nearest(&place.text, places.iter().map(String::as_str));
                false
            }
            (Some(places), None) => {
                report
                    .error("test/unknown-place", feed.span, format!("`{}` holds by place", feed.text))
                    .remedy(format!("add `place:`, such as `place: {}`", places.first().map_or("", String::as_str)));
                false
            }
            (None, Some(place)) => {
                report
                    .error("test/unknown-place", place.span, format!("`{}` holds everywhere", feed.text))
                    .remedy("leave `place` out");
                false
            }
        }
    }

    /// Whether some visitors never see this campaign, or never enter this journey.
    pub(super) fn has_holdout(&self, word: &Word, report: &mut Report) -> bool {
        let campaign = self.campaigns.get(&word.text).map(|campaign| campaign.has_holdout);
        let journey = self.journeys.get(&word.text).map(|journey| journey.has_holdout);
        if campaign.or(journey).is_none() {
            let all = self.campaigns.keys().chain(self.journeys.keys()).map(String::as_str);
            report.unknown("test/unknown-campaign", "campaign or journey", word, all);
            return false;
        }
        let has_holdout = campaign == Some(true) || journey == Some(true);
        if !has_holdout {
            report
                .error("test/no-holdout", word.span, format!("`{}` has no holdout", word.text))
                .remedy("leave it out: nobody is held out of it");
        }
        has_holdout
    }

    /// The journey of this name.
    pub(super) fn path(&self, word: &Word, report: &mut Report) -> Option<&Path> {
        known(self.journeys.get(&word.text), &self.journeys, ("test/unknown-journey", "journey"), word, report)
    }

    /// The placement of this name.
    pub(super) fn placement(&self, word: &Word, report: &mut Report) -> Option<&Placement> {
        let found = self.placements.get(&word.text);
        known(found, &self.placements, ("test/unknown-placement", "placement"), word, report)
    }
}

fn known<'a, T>(
    found: Option<&'a T>,
    all: &BTreeMap<String, T>,
    (code, what): (&'static str, &str),
    word: &Word,
    report: &mut Report,
) -> Option<&'a T> {
    if found.is_none() {
        report.unknown(code, what, word, all.keys().map(String::as_str));
    }
    found
}

fn tell(
    all: &BTreeMap<String, Value>,
    what: (&'static str, &str),
    word: &Word,
    node: &Node,
    report: &mut Report,
) -> Option<Told> {
    let value = known(all.get(&word.text), all, what, word, report)?;
    if !value.is_text {
        return reader::number(node, &word.text, report).map(Told::Number);
    }
    let told = reader::word(node, &word.text, report)?;
    if !value.listed.is_empty() && !value.listed.contains(&told.text) {
        report
            .error("test/unknown-value", told.span, format!("`{}` is never `{}`", word.text, told.text))
            .nearest(&told.text, value.listed.iter().map(String::as_str));
        return None;
    }
    Some(Told::Text(told.text))
}

/// Properties of an event that a counter, an affinity or a trigger asks for.
fn asked(catalog: &Catalog, event: Key) -> BTreeSet<Key> {
    let counted = catalog.counters().filter(|counter| counter.event() == event).map(|counter| counter.property());
    let felt = catalog.affinities().filter(|affinity| affinity.event() == event).map(|affinity| affinity.property());
    let triggers = (0..).map_while(|at| catalog.trigger(at)).filter(|trigger| trigger.event() == event);
    counted.chain(felt).chain(triggers.map(|trigger| trigger.property())).collect()
}

/// The texts of an attribute that the bundle names.
fn texts(catalog: &Catalog, attribute: &Attribute<'_>) -> Vec<String> {
    let all = catalog.section(Section::DictionaryStrings).as_chunks::<4>().0;
    let first = attribute.first() as usize;
    let own = all.get(first..first.saturating_add(attribute.count() as usize)).unwrap_or(&[]);
    own.iter().map(|number| catalog.string(u32::from_le_bytes(*number)).to_owned()).collect()
}
