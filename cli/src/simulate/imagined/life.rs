//! One imagined visitor from arrival to the end of the simulation: pages, messages that are handed over, waits that end.
//!
//! Time goes from one thing that happens to the next, and between them nothing is asked: a queue holds the pages and the messages,
//! and the session says when its first waiting time ends. Device and origin are one session here, as if they were always in
//! step: with a page during a visit, off site between visits.
//!
//! Absent on purpose: chance in what the engine does. All draws are made before and beside it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use petitfour::consent::Permissions;
use petitfour::engine::{Decision, Engine, Session};
use petitfour::sync::answer::{Answer, Member};
use petitfour::time::{Moment, Timestamp};

use super::repertoire::{DAY, Dice, MEMBER, MINUTE, Page, Repertoire, Told};
use super::tally::{Map, Tally, Trail};

/// What all visitors have in common.
pub(super) struct World<'a> {
    pub(super) engine: &'a Arc<Engine>,
    pub(super) repertoire: &'a Repertoire,
    pub(super) map: &'a Map,
    pub(super) start: Moment,
    pub(super) days: u32,
    pub(super) seed: u64,
    pub(super) shortages: &'a [Shortage],
}

/// Days on which an item of a feed is out of stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shortage {
    pub(super) feed: String,
    pub(super) item: String,
    /// First and last day, from 1.
    pub(super) days: (u32, u32),
}

/// What happens next; of one moment, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    /// The page of this number.
    Page(usize),
    /// The origin hands over what this journey waits with, if the person still stands there.
    Message(usize, u64),
}

/// Minutes until the origin has handed a message over, at most.
const DELIVERY: u32 = 30;
/// Permissions: to store and to personalise. What is measured leaves for an origin, and here is none.
const KEPT: u8 = 0b0011;
/// What a shelf holds unless it is empty; of a pace, everybody.
const PLENTY: i32 = 10_000;

struct Life<'a> {
    world: &'a World<'a>,
    session: Session,
    dice: Dice,
    queue: BinaryHeap<Reverse<(u64, Next)>>,
    trail: Trail,
    /// Where the person was last, for feeds that hold by place.
    places: Vec<(&'a str, &'a str)>,
    visit: Option<usize>,
    /// Messages that were held back, by journey and place.
    held: BTreeSet<(usize, u64)>,
}

/// Lives the visitor of this number and counts what happens.
pub(super) fn live(world: &World<'_>, number: u64, tally: &mut Tally) -> anyhow::Result<()> {
    let mut dice = Dice::of(world.seed, number);
    let mut session = Session::new(Arc::clone(world.engine), dice.seed());
    let pages = world.repertoire.pages(world.days, &mut dice)?;
    let arrival = pages.first().map_or(0, |page| page.at);
    session.consent(Permissions::from_bits(KEPT), world.at(arrival));
    // Nobody has a history here: the best hour is the one that the file names otherwise.
    session.set_hours(Vec::new());
    let queue = pages.iter().enumerate().map(|(at, page)| Reverse((page.at, Next::Page(at)))).collect();
    let trail = Trail::new(world.map, arrival);
    let mut life = Life { world, session, dice, queue, trail, places: Vec::new(), visit: None, held: BTreeSet::new() };
    life.arrive(arrival);
    let end = u64::from(world.days) * DAY;
    let mut now = arrival;
    loop {
        // A wait that has not moved anybody at its time is asked again in a minute: that cannot be, and must not be for ever.
        let wake = life.session.next_due().map(|minute| world.since(minute).max(now + MINUTE));
        let next = life.queue.peek().map(|Reverse((at, _))| *at);
        match (next, wake) {
            (_, Some(wake)) if wake < end && next.is_none_or(|next| wake < next) => {
                now = wake;
                life.wake(now, tally);
            }
            (Some(next), _) if next < end => {
                now = next;
                if let Some(Reverse((_, next))) = life.queue.pop() {
                    match next {
                        Next::Page(at) => life.page(pages.get(at), tally),
                        Next::Message(journey, place) => life.hand_over(now, journey, place, tally),
                    }
                }
            }
            _ => break,
        }
    }
    life.trail.finish(world.map, end, tally);
    Ok(())
}

impl World<'_> {
    fn at(&self, since: u64) -> Moment {
        Moment { now: Timestamp(self.start.now.0.saturating_add(since)), ..self.start }
    }

    /// A minute since 1970 as ms since the simulation began.
    fn since(&self, minute: u32) -> u64 {
        (u64::from(minute) * MINUTE).saturating_sub(self.start.now.0)
    }

    fn level(&self, feed: &str, item: &str, since: u64) -> i32 {
        let day = u32::try_from(since / DAY + 1).unwrap_or(u32::MAX);
        let is_short = |short: &&Shortage| short.feed == feed && short.item == item;
        let empty = self.shortages.iter().filter(is_short).any(|short| (short.days.0..=short.days.1).contains(&day));
        if empty { 0 } else { PLENTY }
    }
}

impl Life<'_> {
    fn arrive(&mut self, arrival: u64) {
        let now = self.world.at(arrival);
        for (name, told) in self.world.repertoire.traits(&mut self.dice) {
            match told {
                Told::Text(text) => self.session.set_trait_text(name, text, now),
                Told::Number(number) => self.session.set_trait_number(name, number, now),
            };
        }
        let told = self.world.repertoire.members.iter();
        let members: Vec<Member> = told
            .map(|segment| Member { segment: *segment, inside: self.dice.chance(MEMBER), as_of: now.now.0 })
            .collect();
        if !members.is_empty() {
            // An answer that was just written reads back.
            let _ = self.session.answer(&Answer { members, ..Answer::default() }.encode(), now);
        }
    }

    fn page(&mut self, page: Option<&Page>, tally: &mut Tally) {
        let Some(page) = page else { return };
        let now = self.world.at(page.at);
        if self.visit != Some(page.visit) {
            self.visit = Some(page.visit);
            tally.visits += 1;
            self.session.set_off_site(false);
            self.tell_context();
        }
        self.tell_levels(page.at);
        self.session.record(&page.event, now);
        tally.events += 1;
        self.look_at_places(page.at, tally);
        let placements = self.world.engine.catalog().placements().len();
        let decided: Vec<Decision> = (0..placements).map(|at| self.session.decide_at(at, now)).collect();
        tally.decisions += placements as u64;
        self.look_at_places(page.at, tally);
        for decision in decided {
            if let Some(campaign) = decision.campaign.filter(|_| self.session.exposed(decision.id, now)) {
                self.trail.exposed(campaign);
            }
        }
        if page.is_last {
            self.session.clear_context();
            self.session.set_off_site(true);
        }
    }

    /// A waiting time has ended.
    fn wake(&mut self, now: u64, tally: &mut Tally) {
        self.tell_levels(now);
        self.session.look(self.world.at(now));
        self.look_at_places(now, tally);
    }

    /// The origin would hand a message over, if the person still stands there: by the first channel that may carry it, or later.
    fn hand_over(&mut self, now: u64, journey: usize, place: u64, tally: &mut Tally) {
        let world = self.world;
        let Some(path) = world.map.path(journey) else { return };
        let stands = self.session.profile().place(path.key).map(|(value, _)| value);
        let due = self.session.due().find(|due| due.journey == journey);
        let Some(due) = due.filter(|_| stands == Some(place)) else { return };
        let moment = world.at(now);
        let catalog = world.engine.catalog();
        let messages = catalog.messages().skip(due.message).take(due.channels);
        let channels: Vec<usize> = messages.map(|message| message.channel()).collect();
        let mut reach = |number: usize| {
            let channel = channels.get(number).copied().unwrap_or_default();
            self.trail.reach(world.map, channel, moment.local_day())
        };
        let choice = self.session.choose(&due, &mut reach, Permissions::ALL, moment);
        if let (None, Some(until)) = (choice.chosen, choice.until) {
            if self.held.insert((journey, place)) {
                for (channel, reason) in channels.iter().zip(choice.refusals) {
                    *tally.held.entry((*channel, reason)).or_default() += 1;
                }
            }
            let again = (until * MINUTE).saturating_sub(world.start.now.0).max(now + MINUTE);
            self.queue.push(Reverse((again, Next::Message(journey, place))));
            return;
        }
        if let Some(channel) = choice.chosen.and_then(|chosen| channels.get(chosen)) {
            self.trail.message(now, *channel, moment.local_day(), tally);
        }
        self.tell_levels(now);
        self.session.sent(&path.name, moment);
        self.look_at_places(now, tally);
    }

    /// Counts who has gone where, and lets the origin know of the messages that wait since then.
    fn look_at_places(&mut self, now: u64, tally: &mut Tally) {
        for (journey, place) in self.trail.follow(self.world.map, self.session.profile(), tally) {
            let delay = u64::from(1 + self.dice.below(DELIVERY)) * MINUTE;
            self.queue.push(Reverse((now + delay, Next::Message(journey, place))));
        }
    }

    fn tell_context(&mut self) {
        self.session.clear_context();
        self.places.clear();
        for (name, told) in self.world.repertoire.context(&mut self.dice) {
            match told {
                Told::Text(text) => {
                    self.session.set_context_text(name, text);
                    self.places.push((name, text));
                }
                Told::Number(number) => {
                    self.session.set_context_number(name, number);
                }
            }
        }
    }

    fn tell_levels(&mut self, now: u64) {
        for shelf in &self.world.repertoire.shelves {
            let place = match &shelf.place {
                None => "",
                Some(name) => match self.places.iter().find(|(known, _)| known == name) {
                    Some((_, place)) => place,
                    None => continue,
                },
            };
            let level = self.world.level(&shelf.feed, &shelf.item, now);
            self.session.feed(&shelf.feed, place, &shelf.item, level, self.world.at(now).now);
        }
    }
}
