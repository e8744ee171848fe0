//! What happened to imagined visitors, as sums: of two halves of a crowd, the sums are those of the whole.
//!
//! A trail follows one person through the journeys by comparing where they stand with where they stood. Invariant: in each journey,
//! who entered has ended, was forgotten by their profile, or is inside.

use std::collections::{BTreeMap, BTreeSet};

use petitfour::catalog::{Act, Catalog};
use petitfour::id::Key;
use petitfour::journey::{DONE, LEFT, Place, Pressure, REACHED, Reach};
use petitfour::profile::Profile;

use super::repertoire::DAY;

/// The journeys of a bundle.
#[derive(Debug)]
pub(super) struct Map {
    paths: Vec<Path>,
    /// Of each channel, whether its messages count among those of all together.
    counts: Vec<bool>,
}

/// One journey.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) key: Key,
    pub(super) name: String,
    /// Places to rest, by code.
    pub(super) rests: BTreeMap<u32, Rest>,
}

/// A place to rest.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) name: String,
    /// Does a message wait there?
    pub(super) is_message: bool,
}

/// Where somebody may come from or go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    /// Outside, before.
    Outside,
    /// The step of this code.
    Rest(u32),
    Done,
    Reached,
    Left,
    /// The profile had no room any more.
    Forgotten,
}

/// Sums over people.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) people: u64,
    pub(super) visits: u64,
    pub(super) events: u64,
    pub(super) decisions: u64,
    /// Exposures of each campaign, and the people who had them.
    pub(super) exposures: BTreeMap<usize, (u64, u64)>,
    pub(super) journeys: Vec<Passages>,
    pub(super) channels: BTreeMap<usize, u64>,
    /// Messages that waited, by each channel that they did not go by at first, and why.
    pub(super) held: BTreeMap<(usize, &'static str), u64>,
    /// Weeks of people, by the messages in them.
    pub(super) weeks: BTreeMap<u64, u64>,
    /// People, by the most journeys they were inside at once.
    pub(super) at_once: BTreeMap<u64, u64>,
    /// People who were inside both at once.
    pub(super) pairs: BTreeMap<(usize, usize), u64>,
}

/// What happened in one journey.
#[derive(Debug, Default, Clone)]
pub(super) struct Passages {
    /// People who entered, however often.
    pub(super) people: u64,
    /// How often somebody went from here to there.
    pub(super) flow: BTreeMap<(Node, Node), u64>,
    /// Who is there at the end.
    pub(super) stands: BTreeMap<u32, u64>,
}

/// One person's way.
#[derive(Debug)]
pub(super) struct Trail {
    places: Vec<Option<u64>>,
    inside: BTreeSet<usize>,
    entered: BTreeSet<usize>,
    pairs: BTreeSet<(usize, usize)>,
    most: usize,
    exposures: BTreeMap<usize, u64>,
    arrival: u64,
    /// Messages, by week since the arrival.
    messages: BTreeMap<u64, u64>,
    /// The same by local day and channel.
    sent: BTreeMap<(u32, usize), u32>,
}

const WEEK: u64 = 7 * DAY;

impl Map {
    pub(super) fn of(catalog: &Catalog) -> Self {
        let path = |journey: petitfour::catalog::Journey<'_>| {
            let steps = journey.steps().filter_map(|at| catalog.step(at));
            let rests = steps.filter(|step| step.code() != 0 && step.act() != Act::Moved).map(|step| {
                let name = catalog.string(step.name()).to_owned();
                (step.code(), Rest { name, is_message: step.act() == Act::Send })
            });
            Path { key: journey.key(), name: catalog.string(journey.name()).to_owned(), rests: rests.collect() }
        };
        let counts = catalog.channels().map(|channel| !channel.is_exempt()).collect();
        Self { paths: catalog.journeys().map(path).collect(), counts }
    }

    pub(super) fn path(&self, journey: usize) -> Option<&Path> {
        self.paths.get(journey)
    }

    pub(super) fn paths(&self) -> &[Path] {
        &self.paths
    }
}

impl Path {
    /// Does a message wait at a place?
    fn sends(&self, place: u64) -> bool {
        self.rests.get(&Place::read(place).step).is_some_and(|rest| rest.is_message)
    }
}

impl Tally {
    pub(super) fn new(map: &Map) -> Self {
        Self { journeys: vec![Passages::default(); map.paths.len()], ..Self::default() }
    }

    /// Adds what happened to others.
    pub(super) fn add(&mut self, other: Self) {
        self.people += other.people;
        self.visits += other.visits;
        self.events += other.events;
        self.decisions += other.decisions;
        for (campaign, (times, people)) in other.exposures {
            let sum = self.exposures.entry(campaign).or_default();
            *sum = (sum.0 + times, sum.1 + people);
        }
        for (sum, journey) in self.journeys.iter_mut().zip(other.journeys) {
            sum.people += journey.people;
            add(&mut sum.flow, journey.flow);
            add(&mut sum.stands, journey.stands);
        }
        add(&mut self.channels, other.channels);
        add(&mut self.held, other.held);
        add(&mut self.weeks, other.weeks);
        add(&mut self.at_once, other.at_once);
        add(&mut self.pairs, other.pairs);
    }
}

impl Passages {
    /// How often somebody came to an end, or from outside.
    pub(super) fn count(&self, is_counted: impl Fn(Node, Node) -> bool) -> u64 {
        self.flow.iter().filter(|((from, to), _)| is_counted(*from, *to)).map(|(_, count)| count).sum()
    }
}

impl Trail {
    pub(super) fn new(map: &Map, arrival: u64) -> Self {
        Self {
            places: vec![None; map.paths.len()],
            inside: BTreeSet::new(),
            entered: BTreeSet::new(),
            pairs: BTreeSet::new(),
            most: 0,
            exposures: BTreeMap::new(),
            arrival,
            messages: BTreeMap::new(),
            sent: BTreeMap::new(),
        }
    }

    /// Counts what has changed since the last time; the answer is the journeys that wait with a message since then, and where.
    pub(super) fn follow(&mut self, map: &Map, profile: &Profile, tally: &mut Tally) -> Vec<(usize, u64)> {
        let mut sends = Vec::new();
        let mut entered = Vec::new();
        for (at, ((path, known), passages)) in
            map.paths.iter().zip(&mut self.places).zip(&mut tally.journeys).enumerate()
        {
            let value = profile.place(path.key).map(|(value, _)| value);
            if value == *known {
                continue;
            }
            let (before, after) = (known.map(Place::read), value.map(Place::read));
            *known = value;
            let from = before.filter(Place::is_inside).map(|place| Node::Rest(place.step));
            let entries = |place: Option<Place>| place.map_or(0, |place| place.entries);
            let was_there = from.unwrap_or(Node::Outside);
            let to = match after {
                None if from.is_none() => continue,
                None => Node::Forgotten,
                Some(place) if place.is_inside() => Node::Rest(place.step),
                // It had ended before, and can be entered anew now.
                Some(_) if from.is_none() && entries(before) == entries(after) => continue,
                Some(place) => match place.stands() {
                    DONE => Node::Done,
                    REACHED => Node::Reached,
                    LEFT => Node::Left,
                    _ => Node::Forgotten,
                },
            };
            if from.is_none() && self.entered.insert(at) {
                passages.people += 1;
            }
            *passages.flow.entry((was_there, to)).or_default() += 1;
            match to {
                Node::Rest(_) if from.is_none() => entered.push(at),
                Node::Rest(_) => {}
                _ => {
                    self.inside.remove(&at);
                }
            }
            if let (Node::Rest(_), Some(value)) = (to, value)
                && path.sends(value)
            {
                sends.push((at, value));
            }
        }
        // Whoever is suppressed by an entry has left first, so the two are never at once.
        for at in entered {
            let pairs = self.inside.iter().map(|other| (at.min(*other), at.max(*other)));
            self.pairs.extend(pairs);
            self.inside.insert(at);
        }
        self.most = self.most.max(self.inside.len());
        sends
    }

    pub(super) fn exposed(&mut self, campaign: usize) {
        *self.exposures.entry(campaign).or_default() += 1;
    }

    pub(super) fn message(&mut self, now: u64, channel: usize, day: u32, tally: &mut Tally) {
        *tally.channels.entry(channel).or_default() += 1;
        *self.messages.entry(now.saturating_sub(self.arrival) / WEEK).or_default() += 1;
        *self.sent.entry((day, channel)).or_default() += 1;
    }

    /// How often the person was reached until this local day, by a channel and by all that count.
    pub(super) fn reach(&self, map: &Map, channel: usize, day: u32) -> Reach {
        let mut reach = Reach::default();
        for ((on, by), times) in self.sent.range((day.saturating_sub(6), 0)..) {
            let today = if *on == day { *times } else { 0 };
            if *by == channel {
                reach.pressure = more(reach.pressure, today, *times);
            }
            if map.counts.get(*by).copied().unwrap_or(true) {
                reach.whole = more(reach.whole, today, *times);
            }
        }
        reach
    }

    /// The simulation is over.
    pub(super) fn finish(self, map: &Map, end: u64, tally: &mut Tally) {
        tally.people += 1;
        for (place, (_, passages)) in self.places.iter().zip(map.paths.iter().zip(&mut tally.journeys)) {
            if let Some(place) = place.map(Place::read).filter(Place::is_inside) {
                *passages.stands.entry(place.step).or_default() += 1;
            }
        }
        for (campaign, times) in self.exposures {
            let sum = tally.exposures.entry(campaign).or_default();
            *sum = (sum.0 + times, sum.1 + 1);
        }
        for week in 0..end.saturating_sub(self.arrival).div_ceil(WEEK) {
            *tally.weeks.entry(self.messages.get(&week).copied().unwrap_or_default()).or_default() += 1;
        }
        *tally.at_once.entry(self.most as u64).or_default() += 1;
        for pair in self.pairs {
            *tally.pairs.entry(pair).or_default() += 1;
        }
    }
}

fn more(before: Pressure, day: u32, week: u32) -> Pressure {
    Pressure { day: before.day + day, week: before.week + week }
}

fn add<K: Ord>(sums: &mut BTreeMap<K, u64>, others: BTreeMap<K, u64>) {
    for (key, count) in others {
        *sums.entry(key).or_default() += count;
    }
}
