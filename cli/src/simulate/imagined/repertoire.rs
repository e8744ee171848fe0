//! What imagined visitors may be, tell and do: drawn from a bundle, evenly over what its conditions tell apart.
//!
//! Nothing here knows how people really behave. A text is one of those that are listed or asked for, a number lies between two
//! borders that conditions name; so that every way through a journey is gone by somebody. How often events happen relative to each
//! other is what the caller knows best, and may say.
//!
//! Invariant: a visitor is a function of the seed and their number, so nothing depends on who was imagined before.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use petitfour::catalog::{Attribute, Catalog, Source};
use petitfour::event::Event;
use petitfour::id::Key;
use petitfour::random::Random;
use petitfour_compiler::story::Declared;

use crate::words;

/// Everything that may happen.
#[derive(Debug)]
pub(super) struct Repertoire {
    deeds: Vec<Deed>,
    context: Vec<Fact>,
    traits: Vec<Fact>,
    /// Keys of the segments that an origin tells.
    pub(super) members: Vec<u32>,
    pub(super) shelves: Vec<Shelf>,
}

/// An event, how often it happens relative to others, and its properties with the values that something asks for.
#[derive(Debug)]
struct Deed {
    name: String,
    weight: u32,
    properties: Vec<(String, Vec<String>)>,
}

/// A context value or a trait, and what it may be.
#[derive(Debug)]
struct Fact {
    name: String,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Texts(Vec<String>),
    Numbers(Vec<f64>),
}

/// A value that was drawn.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told<'a> {
    Text(&'a str),
    Number(f64),
}

/// Something that a feed counts.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) feed: String,
    pub(super) item: String,
    /// The context value that says where, if the feed holds by place.
    pub(super) place: Option<String>,
}

/// A page of a visit.
#[derive(Debug)]
pub(super) struct Page {
    /// ms since the simulation began.
    pub(super) at: u64,
    pub(super) visit: usize,
    pub(super) is_last: bool,
    pub(super) event: Event,
}

/// One visitor's draws.
pub(super) struct Dice(Random);

/// How often an event that is an outcome happens unless it is said, and how often others do.
const WEIGHTS: (u32, u32) = (1, 4);
/// Of a hundred: another visit, another page of it, a property that is given, a context value that is known, a trait that was said, a
/// segment that the origin counts them to. That makes two or three visits of four pages in a month.
const ANOTHER_VISIT: u32 = 70;
const ANOTHER_PAGE: u32 = 75;
const GIVEN: u32 = 80;
const KNOWN: u32 = 90;
const SAID: u32 = 50;
pub(super) const MEMBER: u32 = 20;
/// Most visits, and most pages of one.
const MOST: usize = 60;
/// Most days between two visits.
const APART: u32 = 7;
/// What no condition names.
const OTHER: &str = "something else";

pub(super) const MINUTE: u64 = 60_000;
pub(super) const DAY: u64 = 24 * 60 * MINUTE;

impl Repertoire {
    /// What a bundle asks for. `often` says of events how often they happen relative to others.
    pub(super) fn of(catalog: &Catalog, declared: &Declared, often: &[(String, u32)]) -> anyhow::Result<Self> {
        let name = |number: u32| catalog.string(number).to_owned();
        let mut asked: BTreeMap<(String, String), BTreeSet<String>> = declared.wheres().clone();
        for counter in catalog.counters() {
            if let Some((event, property, value)) = parts(catalog.string(counter.name())) {
                asked.entry((event.to_owned(), property.to_owned())).or_default().insert(value.to_owned());
            }
        }
        let mut deeds: Vec<Deed> = Vec::new();
        for kind in catalog.events() {
            let own = asked.iter().filter(|((event, _), _)| event == catalog.string(kind.name()));
            let properties =
                own.map(|((_, property), values)| (property.clone(), values.iter().cloned().collect())).collect();
            let weight = if kind.is_outcome() { WEIGHTS.0 } else { WEIGHTS.1 };
            deeds.push(Deed { name: name(kind.name()), weight, properties });
        }
        for (event, weight) in often {
            match deeds.iter_mut().find(|deed| deed.name == *event) {
                Some(deed) => deed.weight = *weight,
                None => bail!("the campaign files have no event `{event}`"),
            }
        }
        if deeds.iter().all(|deed| deed.weight == 0) {
            bail!("nothing ever happens: the campaign files have no event that happens");
        }
        let facts = |source| catalog.attributes().filter(move |attribute| attribute.source() == source);
        let fact = |attribute: Attribute<'_>, listed: &[String]| Fact {
            name: name(attribute.name()),
            values: Values::of(catalog, &attribute, listed),
        };
        let members = facts(Source::Member).filter_map(|it| catalog.string(it.name()).strip_prefix("member of "));
        let mut shelves: Vec<Shelf> = Vec::new();
        for stock in catalog.stocks() {
            let Some(feed) = catalog.feed(stock.feed()) else { continue };
            let place = feed.place().and_then(|place| catalog.attribute(place)).map(|place| name(place.name()));
            let shelf = Shelf { feed: name(feed.name()), item: name(stock.item_name()), place };
            if !shelves.iter().any(|known| known.feed == shelf.feed && known.item == shelf.item) {
                shelves.push(shelf);
            }
        }
        Ok(Self {
            deeds,
            context: facts(Source::Context).map(|it| fact(it, declared.context(catalog.string(it.name())))).collect(),
            traits: facts(Source::Trait).map(|it| fact(it, declared.said(catalog.string(it.name())))).collect(),
            members: members.map(|member| Key::of(member).0).collect(),
            shelves,
        })
    }

    /// The pages that somebody sees in so many days, in the order of time.
    pub(super) fn pages(&self, days: u32, dice: &mut Dice) -> anyhow::Result<Vec<Page>> {
        let mut pages: Vec<Page> = Vec::new();
        let mut day = dice.below(days);
        for visit in 0..MOST {
            // By day: between eight and ten in the evening.
            let mut at = u64::from(day) * DAY + u64::from(8 * 60 + dice.below(14 * 60)) * MINUTE;
            let first = pages.len();
            while pages.len() < first + MOST {
                pages.push(Page { at, visit, is_last: false, event: self.event(dice)? });
                at += 5_000 + u64::from(dice.below(175_000));
                if !dice.chance(ANOTHER_PAGE) {
                    break;
                }
            }
            if let Some(last) = pages.last_mut() {
                last.is_last = true;
            }
            day += 1 + dice.below(APART);
            if day >= days || !dice.chance(ANOTHER_VISIT) {
                break;
            }
        }
        Ok(pages)
    }

    /// What the page tells of one visit.
    pub(super) fn context(&self, dice: &mut Dice) -> Vec<(&str, Told<'_>)> {
        drawn(&self.context, KNOWN, dice)
    }

    /// What was said of somebody.
    pub(super) fn traits(&self, dice: &mut Dice) -> Vec<(&str, Told<'_>)> {
        drawn(&self.traits, SAID, dice)
    }

    fn event(&self, dice: &mut Dice) -> anyhow::Result<Event> {
        let all: u32 = self.deeds.iter().map(|deed| deed.weight).sum();
        let mut left = dice.below(all);
        let deed = self.deeds.iter().find(|deed| {
            let is_it = left < deed.weight;
            left = left.saturating_sub(deed.weight);
            is_it
        });
        let Some(deed) = deed else { bail!("nothing ever happens") };
        let mut with: Vec<(&str, &str)> = Vec::new();
        for (property, values) in &deed.properties {
            if dice.chance(GIVEN) {
                with.push((property, dice.one(values).map_or(OTHER, String::as_str)));
            }
        }
        let value = f64::from(1 + dice.below(100));
        Event::parse(&deed.name, with, Some(value)).map_err(|error| anyhow::anyhow!("{}: {error}", deed.name))
    }
}

impl Values {
    fn of(catalog: &Catalog, attribute: &Attribute<'_>, listed: &[String]) -> Self {
        if attribute.is_text() {
            let named = words::values(catalog, attribute).into_iter().map(str::to_owned);
            let all: BTreeSet<String> = named.chain(listed.iter().cloned()).collect();
            return Self::Texts(all.into_iter().collect());
        }
        let borders: Vec<f64> = catalog.borders(attribute).iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        // One number below all borders, and one at each: a bin begins at its border.
        let below = borders.first().map_or(0.0, |first| first - 1.0);
        Self::Numbers([below].into_iter().chain(borders).collect())
    }
}

impl Dice {
    /// The draws of the visitor of this number.
    pub(super) fn of(seed: u64, number: u64) -> Self {
        let mut bytes = [0; 32];
        for (place, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip([seed, number, 0, 0]) {
            *place = word.to_le_bytes();
        }
        Self(Random::new(bytes))
    }

    /// 32 bytes for the visitor's session.
    pub(super) fn seed(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for place in bytes.as_chunks_mut::<8>().0 {
            *place = self.0.draw().to_le_bytes();
        }
        bytes
    }

    /// One of `0..limit`, each as likely; 0 when there is none.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(((self.0.draw() >> 32) * u64::from(limit)) >> 32).unwrap_or(0)
    }

    /// Whether something happens that does so many times of a hundred.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of the values, or none of them, which is as likely as each.
    fn one<'a, T>(&mut self, values: &'a [T]) -> Option<&'a T> {
        values.get(self.below(u32::try_from(values.len() + 1).unwrap_or(u32::MAX)) as usize)
    }
}

fn drawn<'a>(facts: &'a [Fact], percent: u32, dice: &mut Dice) -> Vec<(&'a str, Told<'a>)> {
    let mut drawn = Vec::new();
    for fact in facts {
        if dice.chance(percent) {
            let told = match &fact.values {
                Values::Texts(texts) => Told::Text(dice.one(texts).map_or(OTHER, String::as_str)),
                Values::Numbers(numbers) => Told::Number(dice.one(numbers).copied().unwrap_or_default()),
            };
            drawn.push((fact.name.as_str(), told));
        }
    }
    drawn
}

/// Event, property and value of a counter's name, as `product_viewed[category=water]`.
fn parts(counter: &str) -> Option<(&str, &str, &str)> {
    let (event, rest) = counter.split_once('[')?;
    let (property, value) = rest.strip_suffix(']')?.split_once('=')?;
    Some((event, property, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_counter_says_what_it_asks_for() {
        assert_eq!(parts("product_viewed[category=still water]"), Some(("product_viewed", "category", "still water")));
        assert_eq!(parts("product_viewed"), None);
    }

    #[test]
    fn draws_are_those_of_the_seed_and_the_number() {
        let draw = |seed, number| Dice::of(seed, number).below(1_000_000);
        assert_eq!(draw(7, 1), draw(7, 1));
        assert!(draw(7, 1) != draw(7, 2) && draw(7, 1) != draw(8, 1));
        let mut dice = Dice::of(7, 1);
        let hits = (0..10_000).filter(|_| dice.chance(70)).count();
        assert!((6_800..7_200).contains(&hits), "{hits}");
    }
}
