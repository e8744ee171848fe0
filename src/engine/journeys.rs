//! The walk through the journeys: does what `journey` judges, and tells where somebody stands.

use super::{Engine, Session};
use crate::catalog::{Act, Channel, Journey, Step};
use crate::consent::Permissions;
use crate::event::Event;
use crate::id::Key;
use crate::journey::{self, Choice, DONE, Fate, LEFT, NEVER, Pass, Place, REACHED, Reach, Turn};
use crate::profile::Change;
use crate::sync::Entry;
use crate::time::{Moment, Shift, Timestamp};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Steps that are passed in one look; the compiler refuses journeys that could pass more.
const MAX_PASSED: usize = 64;

/// How a session stands to its journeys.
#[derive(Debug)]
pub(super) struct Walk {
    /// Something that a journey may ask about has changed since the last look.
    pub(super) is_stale: bool,
    /// When that was.
    looked: Timestamp,
    /// Minutes since 1970 when the first waiting time ends, as of the last look.
    next: u32,
    shift: Option<Shift>,
    is_off_site: bool,
    is_still: bool,
    /// Where somebody knows them.
    hours: Option<Vec<u8>>,
}

impl Walk {
    pub(super) fn new() -> Self {
        Self {
            is_stale: true,
            looked: Timestamp(0),
            next: NEVER,
            shift: None,
            is_off_site: false,
            is_still: false,
            hours: None,
        }
    }
}

/// How somebody stands in a journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Rests at the step of this id; empty when the bundle has no such step any more.
    At(String),
    /// Came to the end.
    Done,
    /// Reached the goal.
    Reached,
    /// Left before.
    Left,
}

/// Where somebody stands in a journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Where.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// When the time has come to go on, if time is what ends the rest. Whole minutes.
    pub due: Option<Timestamp>,
    /// How often they entered.
    pub entries: u8,
}

/// A place in a journey as a bundle knows it, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known<'a> {
    /// The journey.
    pub journey: &'a str,
    /// The step, or `done`, `reached`, `left`; `None` when the bundle has no such step any more.
    pub step: Option<&'a str>,
    /// What becomes of those who are there.
    pub fate: Fate,
}

impl Engine {
    /// What the bundle says of a place in a journey; `None` when it has no such journey.
    #[must_use]
    pub fn known(&self, journey: Key, step: u32) -> Option<Known<'_>> {
        let journey = self.catalog.journeys().find(|known| known.key() == journey)?;
        let place = Place { step, ..Place::default() };
        let step_name = match place.stands() {
            DONE => Some("done"),
            REACHED => Some("reached"),
            LEFT => Some("left"),
            _ => journey::resting(&journey, &place, &self.catalog).map(|(_, step)| self.catalog.string(step.name())),
        };
        let fate = journey::fate(&journey, step, &self.catalog);
        Some(Known { journey: self.catalog.string(journey.name()), step: step_name, fate })
    }

    /// Does a journey ask for the best hour of a person, so that [`Session::set_hours`] has to be told?
    #[must_use]
    pub fn asks_hours(&self) -> bool {
        let steps = self.catalog.journeys().flat_map(|journey| journey.steps());
        let mut steps = steps.filter_map(|at| self.catalog.step(at));
        steps.any(|step| step.act() == Act::Clock && step.hours() != 0)
    }

    /// Does a message by the channel of this name count among those that all channels together may send? One that the bundle does not have
    /// any more does.
    #[must_use]
    pub fn counts(&self, channel: &str) -> bool {
        let mut known = self.catalog.channels().filter(|known| self.catalog.string(known.name()) == channel);
        !known.any(|channel| channel.is_exempt())
    }

    /// The channels that a step offers its message to, in the author's order; none where it sends nothing, or is gone.
    pub fn offers(&self, journey: Key, step: u32) -> impl Iterator<Item = Channel<'_>> {
        let catalog = &self.catalog;
        let place = Place { step, ..Place::default() };
        let journey = catalog.journeys().find(|known| known.key() == journey);
        let step = journey.and_then(|journey| journey::resting(&journey, &place, catalog)).map(|(_, step)| step);
        let step = step.filter(|step| step.act() == Act::Send);
        let (first, count) = step.map_or((0, 0), |step| (step.first() as usize, step.second().max(1) as usize));
        let messages = catalog.messages().skip(first).take(count);
        messages.filter_map(|message| catalog.channels().nth(message.channel()))
    }
}

/// A message that waits to be handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Place of the journey in the bundle.
    pub journey: usize,
    /// Place of the step.
    pub step: usize,
    /// Place of the message, for the channel that comes first.
    pub message: usize,
    /// How many messages follow each other from there, one for each channel that may carry it.
    pub channels: usize,
    /// Where the person stands: with the journey, this names the sending for ever.
    pub place: Place,
    /// Since when it waits.
    pub since: Timestamp,
}

impl Session {
    /// Says that there is no page, as at the origin: what only a page knows waits for one.
    pub fn set_off_site(&mut self, is_off_site: bool) {
        self.walk.is_off_site = is_off_site;
        self.walk.is_stale = true;
    }

    /// Tells the hours of the local day, 0 to 23, the best to reach the person first, as the origin knows them; none when nothing is known of
    /// anybody. Where it is never told, as on a device, who waits for the best hour waits for the origin.
    pub fn set_hours(&mut self, hours: Vec<u8>) {
        self.walk.hours = Some(hours);
    }

    /// Says that what is told from now on is history: it is counted, and moves no journey.
    pub fn set_still(&mut self, is_still: bool) {
        self.walk.is_still = is_still;
    }

    /// Looks at every journey because of an event that was counted before.
    pub fn happen(&mut self, event: &Event, moment: Moment) {
        self.look_because(Some(event), moment);
    }

    /// Takes in where the same person stands elsewhere, unless they have come further here. `since` is that of the step.
    pub fn stand(&mut self, journey: Key, since: Timestamp, place: Place) {
        let own = self.profile.place(journey);
        let known = self.engine.catalog.journeys().any(|known| known.key() == journey);
        if known && self.may_walk() && own.is_none_or(|(own, _)| place.is_beyond(&Place::read(own))) {
            self.put(journey, place, since);
        }
    }

    /// Tells when the visitor's clock changes next, and its offset from then on.
    pub fn expect_change(&mut self, at: Timestamp, offset_minutes: i16) {
        self.walk.shift = Some(Shift { at, offset_minutes });
    }

    /// Looks at every journey: who enters, goes on or leaves. An event does so by itself, and a decision when it must.
    pub fn look(&mut self, moment: Moment) {
        self.look_because(None, moment);
    }

    /// The message of the step at which a journey rests was handed over, or let go: it goes on. Returns false when it does
    /// not rest at one.
    pub fn sent(&mut self, journey: &str, moment: Moment) -> bool {
        let key = Key::of(journey);
        let engine = Arc::clone(&self.engine);
        let catalog = &engine.catalog;
        let found = catalog.journeys().find(|journey| journey.key() == key).and_then(|journey| {
            let place = Place::read(self.profile.place(key)?.0);
            let (_, step) = journey::resting(&journey, &place, catalog)?;
            (step.act() == Act::Send).then_some((journey, place, step.no()))
        });
        let Some((journey, place, next)) = found else { return false };
        if !self.may_walk() {
            return false;
        }
        self.evaluate(moment);
        self.go(&journey, place, next, None, moment);
        true
    }

    /// Messages that wait to be handed over.
    pub fn due(&self) -> impl Iterator<Item = Due> + '_ {
        let catalog = &self.engine.catalog;
        catalog.journeys().enumerate().filter_map(|(at, journey)| {
            let (value, since) = self.profile.place(journey.key())?;
            let place = Place::read(value);
            let (number, step) = journey::resting(&journey, &place, catalog)?;
            (step.act() == Act::Send).then_some(Due {
                journey: at,
                step: number,
                message: step.first() as usize,
                channels: step.second().max(1) as usize,
                place,
                since: Timestamp(since),
            })
        })
    }

    /// By which channel a message goes that is due. `reach` says of each, in the author's order, how the person can be reached by it.
    pub fn choose(
        &self,
        due: &Due,
        reach: &mut dyn FnMut(usize) -> Reach,
        permissions: Permissions,
        moment: Moment,
    ) -> Choice {
        let catalog = &self.engine.catalog;
        let messages = catalog.messages().skip(due.message).take(due.channels);
        let channels = messages.filter_map(|message| catalog.channels().nth(message.channel()));
        journey::choose(channels, catalog.whole(), reach, permissions, moment, self.walk.shift)
    }

    /// When the first waiting time ends that the bundle knows of, in minutes since 1970.
    #[must_use]
    pub fn next_due(&self) -> Option<u32> {
        Some(self.walk.next).filter(|minute| *minute != NEVER)
    }

    /// Where the visitor stands in a journey; `None` when the bundle has no such journey or they never entered it.
    #[must_use]
    pub fn journey(&self, name: &str) -> Option<Standing> {
        let key = Key::of(name);
        let catalog = &self.engine.catalog;
        let journey = catalog.journeys().find(|journey| journey.key() == key)?;
        let (value, since) = self.profile.place(key)?;
        let place = Place::read(value);
        let step_name = |(_, step): (usize, Step<'_>)| catalog.string(step.name()).to_owned();
        let state = match place.stands() {
            DONE => State::Done,
            REACHED => State::Reached,
            LEFT => State::Left,
            _ => State::At(journey::resting(&journey, &place, catalog).map(step_name).unwrap_or_default()),
        };
        let waits = place.is_inside() && place.due != NEVER;
        let due = waits.then(|| Timestamp(u64::from(place.due) * 60_000));
        Some(Standing { state, since: Timestamp(since), due, entries: place.entries })
    }

    /// Looks before a decision. One that nothing has changed for changes nothing, so placements of one moment share it.
    pub(super) fn look_if_stale(&mut self, moment: Moment) {
        if self.walk.is_stale || self.walk.looked != moment.now {
            self.look(moment);
        }
    }

    pub(super) fn look_because(&mut self, event: Option<&Event>, moment: Moment) {
        let engine = Arc::clone(&self.engine);
        if !self.may_walk() || self.walk.is_still || engine.catalog.journeys().len() == 0 {
            return;
        }
        (self.walk.next, self.walk.looked) = (NEVER, moment.now);
        for journey in engine.catalog.journeys() {
            self.evaluate(moment);
            let turn = journey::turn(&journey, &self.given(event, moment));
            let place = self.profile.place(journey.key()).map(|(value, _)| Place::read(value)).unwrap_or_default();
            match turn {
                Turn::Stay => self.wait_for(&place),
                Turn::End(how) => self.step(&journey, place.then(how, 0), moment),
                // The journey was left when it was left.
                Turn::Rearm => self.step(&journey, place.armed(), Moment::utc(0)),
                Turn::Enter(step) => {
                    let place = Place { entries: place.entries.saturating_add(1), ..place };
                    self.go(&journey, place, Some(step), event, moment);
                }
                Turn::On(step) => self.go(&journey, place, step, event, moment),
                Turn::Over(step) => self.go(&journey, place.then(place.step, place.due), step, event, moment),
            }
        }
        self.evaluate(moment);
        self.walk.is_stale = false;
    }

    /// Journeys remember, and are about the visitor.
    fn may_walk(&self) -> bool {
        self.permissions.store() && self.permissions.personalise()
    }

    /// Passes steps until one is a place to rest.
    fn go(
        &mut self,
        journey: &Journey<'_>,
        place: Place,
        mut next: Option<usize>,
        event: Option<&Event>,
        moment: Moment,
    ) {
        let mut then = place.then(LEFT, 0);
        for _ in 0..MAX_PASSED {
            let Some(step) = next else {
                then = place.then(DONE, 0);
                break;
            };
            match journey::pass(journey, step, &self.given(event, moment)) {
                Pass::On(on) => next = on,
                Pass::Say(name, value, on) => {
                    self.put_trait(name, value, moment);
                    self.evaluate(moment);
                    next = on;
                }
                Pass::Rest(code, due) => {
                    then = place.then(code, due);
                    break;
                }
                Pass::End(how) => {
                    then = place.then(how, 0);
                    break;
                }
            }
        }
        self.step(journey, then, moment);
    }

    /// Notes the new place, and queues it for the origin.
    fn step(&mut self, journey: &Journey<'_>, place: Place, moment: Moment) {
        let key = journey.key();
        let since = self.put(key, place, moment.now).0;
        if self.permissions.measure() {
            self.queue(|after| Entry::Step { journey: key.0, after, since, place: place.value() }, moment);
        }
    }

    /// Writes a place down; when, by which it is compared with others.
    fn put(&mut self, journey: Key, place: Place, now: Timestamp) -> Timestamp {
        // A clock that went back must not undo the step: the later word wins by its time.
        let before = self.profile.place(journey).map_or(0, |(known, since)| since + u64::from(place.value() <= known));
        let stamped = Moment { now: now.max(Timestamp(before)), offset_minutes: 0 };
        self.change(Change::step(journey, place.value()), stamped);
        self.touched();
        self.wait_for(&place);
        stamped.now
    }

    fn wait_for(&mut self, place: &Place) {
        if place.is_inside() {
            self.walk.next = self.walk.next.min(place.due);
        }
    }

    fn given<'a>(&'a self, event: Option<&'a Event>, moment: Moment) -> journey::Given<'a> {
        journey::Given {
            catalog: &self.engine.catalog,
            profile: &self.profile,
            levels: &self.levels,
            bins: &self.bins,
            matches: &self.matches,
            unit: self.profile.visitor().unit(),
            moment,
            shift: self.walk.shift,
            event,
            is_off_site: self.walk.is_off_site,
            hours: self.walk.hours.as_deref(),
        }
    }
}
