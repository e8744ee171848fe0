//! What came of imagined visitors, with names: as a table for people or as JSON. The same seed gives the same bytes, so no time that a
//! run took is in it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use petitfour::catalog::Catalog;
use serde::Serialize;

use super::tally::{Map, Node, Passages, Path, Tally};
use crate::simulate::summary::grouped;

/// Everything there is to tell.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) visitors: u64,
    pub(crate) days: u32,
    pub(crate) seed: u64,
    pub(crate) start: String,
    pub(crate) visits: u64,
    /// Each is a page.
    pub(crate) events: u64,
    pub(crate) decisions: u64,
    pub(crate) journeys: Vec<Journey>,
    pub(crate) channels: Vec<Channel>,
    /// Messages in a week of a person, from their arrival on; weeks without any are among them.
    pub(crate) messages_a_week: Spread,
    /// The most journeys that a person was inside at once.
    pub(crate) journeys_at_once: Spread,
    /// Pairs of journeys that somebody was inside at once, those with the most people first.
    pub(crate) overlaps: Vec<Overlap>,
    pub(crate) campaigns: Vec<Campaign>,
}

/// One journey: `entered` is the sum of `done`, `reached`, `left`, `forgotten` and `inside`.
#[derive(Debug, Serialize)]
pub(crate) struct Journey {
    pub(crate) name: String,
    /// Who entered, however often.
    pub(crate) people: u64,
    pub(crate) entered: u64,
    pub(crate) done: u64,
    pub(crate) reached: u64,
    pub(crate) left: u64,
    /// Of whom the profile had no room to keep it.
    pub(crate) forgotten: u64,
    pub(crate) inside: u64,
    pub(crate) stands: Vec<Stand>,
    pub(crate) flow: Vec<Flow>,
}

/// Who rests at a step at the end.
#[derive(Debug, Serialize)]
pub(crate) struct Stand {
    pub(crate) step: String,
    pub(crate) people: u64,
}

/// How often somebody went from here to there. `enter` is where all come from, `done`, `reached`, `left` and `forgotten` are ends;
/// steps begin with `step `.
#[derive(Debug, Serialize)]
pub(crate) struct Flow {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) count: u64,
}

/// Messages that were handed over.
#[derive(Debug, Serialize)]
pub(crate) struct Channel {
    pub(crate) name: String,
    pub(crate) messages: u64,
    /// Messages that could not go by it when they were due and waited, by why not.
    pub(crate) held: BTreeMap<&'static str, u64>,
}

/// How values lie.
#[derive(Debug, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: u64,
    pub(crate) p95: u64,
    pub(crate) max: u64,
}

/// People who were inside both at once.
#[derive(Debug, Serialize)]
pub(crate) struct Overlap {
    pub(crate) journeys: (String, String),
    pub(crate) people: u64,
}

/// What of a campaign was seen, and by how many.
#[derive(Debug, Serialize)]
pub(crate) struct Campaign {
    pub(crate) name: String,
    pub(crate) exposures: u64,
    pub(crate) people: u64,
}

/// Pairs of journeys that are told.
const PAIRS: usize = 20;
/// Of these, those that people read.
const SHOWN: usize = 5;

impl Report {
    pub(super) fn of(tally: &Tally, map: &Map, catalog: &Catalog, (days, seed, start): (u32, u64, String)) -> Self {
        let name = |at: usize| map.path(at).map_or("", |path| &path.name).to_owned();
        let channels = catalog.channels().enumerate().map(|(at, channel)| Channel {
            name: catalog.string(channel.name()).to_owned(),
            messages: tally.channels.get(&at).copied().unwrap_or_default(),
            held: tally.held.iter().filter(|((by, _), _)| *by == at).map(|((_, why), times)| (*why, *times)).collect(),
        });
        let campaigns = catalog.campaigns().enumerate().map(|(at, campaign)| {
            let (exposures, people) = tally.exposures.get(&at).copied().unwrap_or_default();
            Campaign { name: catalog.string(campaign.name()).to_owned(), exposures, people }
        });
        let mut pairs: Vec<(&(usize, usize), &u64)> = tally.pairs.iter().collect();
        pairs.sort_by_key(|(pair, people)| (Reverse(**people), **pair));
        let overlap = |((one, other), people): (&(usize, usize), &u64)| Overlap {
            journeys: (name(*one), name(*other)),
            people: *people,
        };
        Self {
            visitors: tally.people,
            days,
            seed,
            start,
            visits: tally.visits,
            events: tally.events,
            decisions: tally.decisions,
            journeys: map.paths().iter().zip(&tally.journeys).map(|(path, told)| Journey::of(path, told)).collect(),
            channels: channels.collect(),
            messages_a_week: Spread::of(&tally.weeks),
            journeys_at_once: Spread::of(&tally.at_once),
            overlaps: pairs.into_iter().take(PAIRS).map(overlap).collect(),
            campaigns: campaigns.collect(),
        }
    }
}

impl Journey {
    fn of(path: &Path, told: &Passages) -> Self {
        let step = |code: &u32| path.rests.get(code).map_or("", |rest| &rest.name).to_owned();
        let words = |node: Node| match node {
            Node::Outside => "enter".to_owned(),
            Node::Rest(code) => format!("step {}", step(&code)),
            Node::Done => "done".to_owned(),
            Node::Reached => "reached".to_owned(),
            Node::Left => "left".to_owned(),
            Node::Forgotten => "forgotten".to_owned(),
        };
        let to = |end: Node| told.count(|_, to| to == end);
        let stands: Vec<Stand> =
            told.stands.iter().map(|(code, people)| Stand { step: step(code), people: *people }).collect();
        let flow =
            told.flow.iter().map(|((from, to), count)| Flow { from: words(*from), to: words(*to), count: *count });
        let mut flow: Vec<Flow> = flow.collect();
        flow.sort_by(|one, other| (&one.from, &one.to).cmp(&(&other.from, &other.to)));
        Self {
            name: path.name.clone(),
            people: told.people,
            entered: told.count(|from, _| from == Node::Outside),
            done: to(Node::Done),
            reached: to(Node::Reached),
            left: to(Node::Left),
            forgotten: to(Node::Forgotten),
            inside: stands.iter().map(|stand| stand.people).sum(),
            stands,
            flow,
        }
    }
}

impl Spread {
    /// Of how often each value is there.
    fn of(counts: &BTreeMap<u64, u64>) -> Self {
        let all: u64 = counts.values().sum();
        // The nearest rank: the least value that so many of a hundred do not exceed.
        let at = |percent: u64| {
            let mut below = 0;
            let found = counts.iter().find(|(_, count)| {
                below += **count;
                below * 100 >= all * percent
            });
            found.map_or(0, |(value, _)| *value)
        };
        Self { median: at(50), p95: at(95), max: counts.keys().last().copied().unwrap_or_default() }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "median {}, p95 {}, max {}", self.median, self.p95, self.max)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [people, visits, pages] = [self.visitors, self.visits, self.events].map(grouped);
        writeln!(f, "{people} imagined visitors in {} days from {}, seed {}", self.days, self.start, self.seed)?;
        writeln!(f, "  {visits} visits, {pages} pages, {} decisions", grouped(self.decisions))?;
        let width = self.journeys.iter().map(|journey| journey.name.chars().count()).max().unwrap_or(0).max(8);
        let head = ["people", "entered", "inside", "done", "reached", "left"];
        write!(f, "\n  {:<width$}", "journey")?;
        head.iter().try_for_each(|name| write!(f, "{name:>11}"))?;
        writeln!(f)?;
        for journey in &self.journeys {
            write!(f, "  {:<width$}", journey.name)?;
            let Journey { people, entered, inside, done, reached, left, .. } = journey;
            [people, entered, inside, done, reached, left]
                .into_iter()
                .try_for_each(|count| write!(f, "{:>11}", grouped(*count)))?;
            writeln!(f)?;
            let stands: Vec<String> =
                journey.stands.iter().map(|stand| format!("{} {}", stand.step, grouped(stand.people))).collect();
            if !stands.is_empty() {
                writeln!(f, "    stand at the end: {}", stands.join(" · "))?;
            }
            if journey.forgotten > 0 {
                writeln!(f, "    forgotten, as their profiles were full: {}", grouped(journey.forgotten))?;
            }
        }
        if !self.channels.is_empty() {
            writeln!(f, "\n  messages a person a week: {}", self.messages_a_week)?;
            for Channel { name, messages, held } in &self.channels {
                write!(f, "    {name:<width$}{:>11}", grouped(*messages))?;
                let held: Vec<String> = held.iter().map(|(why, times)| format!("{why} {}", grouped(*times))).collect();
                let held = if held.is_empty() { String::new() } else { format!("   waited: {}", held.join(" · ")) };
                writeln!(f, "{held}")?;
            }
        }
        writeln!(f, "\n  journeys that one person is inside at once: {}", self.journeys_at_once)?;
        for Overlap { journeys: (one, other), people } in self.overlaps.iter().take(SHOWN) {
            writeln!(f, "    {one} and {other}: {} people", grouped(*people))?;
        }
        let width = self.campaigns.iter().map(|campaign| campaign.name.chars().count()).max().unwrap_or(0).max(8);
        writeln!(f, "\n  {:<width$}{:>11}{:>11}", "campaign", "exposures", "people")?;
        for Campaign { name, exposures, people } in &self.campaigns {
            writeln!(f, "  {name:<width$}{:>11}{:>11}", grouped(*exposures), grouped(*people))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_goes_by_how_many_there_are() {
        let spread = Spread::of(&BTreeMap::from([(0, 50), (1, 44), (2, 5), (9, 1)]));
        assert_eq!((spread.median, spread.p95, spread.max), (0, 2, 9));
        let none = Spread::of(&BTreeMap::new());
        assert_eq!((none.median, none.p95, none.max), (0, 0, 0));
    }
}
