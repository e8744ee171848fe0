//! Where somebody stands in a journey, and what takes them on: judgements that change nothing.
//!
//! A look asks [`turn`] of each journey what happens to it; whoever begins or goes on passes steps ([`pass`]) until one is
//! a place to rest. What is to be done comes back as a value, because conditions of later steps see what earlier ones said:
//! `engine` does it and asks again. `docs/journeys.md` says what all of this means.
//!
//! Invariant: a look moves a journey from rest to rest, so a wait is never passed in the look in which it began.
//! Absent on purpose: handing anything over. A message is a place to rest, and the origin alone moves who rests there.

mod channel;
mod place;

pub use channel::{Choice, Hold, Pressure, Reach, choose, held};
pub use place::{DONE, FIRST_STEP, LEFT, NEVER, Place, REACHED};

use crate::catalog::{Act, Catalog, Journey, Step, Trigger};
use crate::eligibility::{Levels, Reason};
use crate::event::Event;
use crate::hash::bucket;
use crate::id::Key;
use crate::model;
use crate::profile::Profile;
use crate::rule;
use crate::time::{Moment, Shift};

/// All that a journey may look at.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The bundle.
    pub catalog: &'a Catalog,
    /// What is remembered.
    pub profile: &'a Profile,
    /// What the shelves hold.
    pub levels: &'a Levels,
    /// Bins of the attributes.
    pub bins: &'a [u16],
    /// Which conjuncts match.
    pub matches: &'a [u64],
    /// The visitor's number in holdouts and splits.
    pub unit: u64,
    /// Now.
    pub moment: Moment,
    /// When the visitor's clock changes next.
    pub shift: Option<Shift>,
    /// What happened, if this look is because of it.
    pub event: Option<&'a Event>,
    /// Is there no page, as at the origin?
    pub is_off_site: bool,
    /// Hours of the local day, the best for the person first, none when nothing is known of anybody; `None` where only the origin knows.
    pub hours: Option<&'a [u8]>,
}

/// What happens to a journey at one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    Stay,
    /// It ends: [`REACHED`] or [`LEFT`].
    End(u32),
    /// It was left, and its condition has failed since: it can be entered anew.
    Rearm,
    /// Somebody enters at this step.
    Enter(usize),
    /// Somebody goes on at this step; `None`: the journey is done.
    On(Option<usize>),
    /// The same, having passed the rest after the one where they were.
    Over(Option<usize>),
}

/// What comes of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// The next one follows; `None`: the journey is done.
    On(Option<usize>),
    /// A trait is said first.
    Say(Key, u64, Option<usize>),
    /// Here somebody rests: code of the step, minutes since 1970 when the time has come or [`NEVER`].
    Rest(u32, u32),
    /// The journey ends so.
    End(u32),
}

/// What happens to a journey now.
#[must_use]
pub fn turn(journey: &Journey<'_>, given: &Given<'_>) -> Turn {
    let place = given.profile.place(journey.key()).map(|(value, since)| (Place::read(value), since));
    match place {
        Some((place, _)) if place.is_inside() => inside(journey, &place, given),
        outside => enter(journey, outside, given),
    }
}

/// The step at which somebody rests who is inside.
#[must_use]
pub fn resting<'a>(journey: &Journey<'_>, place: &Place, catalog: &'a Catalog) -> Option<(usize, Step<'a>)> {
    journey.steps().find_map(|at| Some((at, catalog.step(at).filter(|step| step.code() == place.step)?)))
}

/// What a bundle makes of those who rest at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The step is there, or the journey is over for them.
    Stays,
    /// The step is gone, and another one takes them.
    Moves,
    /// The step is gone, and so the journey ends for them.
    Ends,
    /// The step is gone, and they stay where they are.
    Parks,
}

/// What becomes of those who rest at the step of this code.
#[must_use]
pub fn fate(journey: &Journey<'_>, step: u32, catalog: &Catalog) -> Fate {
    let place = Place { step, ..Place::default() };
    match resting(journey, &place, catalog) {
        _ if !place.is_inside() => Fate::Stays,
        Some((_, step)) if step.act() == Act::Moved => Fate::Moves,
        Some(_) => Fate::Stays,
        None if journey.ends_when_changed() => Fate::Ends,
        None => Fate::Parks,
    }
}

/// What comes of a step for whoever is at it.
#[must_use]
pub fn pass(journey: &Journey<'_>, at: usize, given: &Given<'_>) -> Pass {
    let Some(step) = given.catalog.step(at).filter(|_| journey.steps().contains(&at)) else { return Pass::End(LEFT) };
    let way = |yes: bool| Pass::On(if yes { step.yes() } else { step.no() });
    if given.is_off_site && step.asks_page() {
        return Pass::Rest(step.code(), NEVER);
    }
    match step.act() {
        Act::Stop => Pass::End(step.first()),
        Act::Wait => Pass::Rest(step.code(), due(given.moment, step.first())),
        Act::Clock if awaits_origin(&step, given) => Pass::Rest(step.code(), NEVER),
        Act::Clock => {
            let mut hours = given.hours.into_iter().flatten().map(|hour| u32::from(*hour));
            let best = hours.find(|hour| step.hours().wrapping_shr(*hour) & 1 == 1);
            let minute = best.map_or(step.first(), |hour| hour * 60);
            let minutes = given.moment.next(minute, step.weekdays(), given.shift);
            Pass::Rest(step.code(), minutes.min(u64::from(NEVER - 1)) as u32)
        }
        Act::If => way(matches(step.first() as usize, step.second() as usize, given)),
        Act::Stock => way(given
            .levels
            .refused(given.catalog, step.first() as usize, given.bins, given.unit, given.moment)
            .is_none()),
        Act::Score => {
            let model = given.catalog.model(step.first() as usize);
            let score = model.map_or(0, |model| model::score(given.catalog, &model, given.bins));
            way(model::probability(score) >= step.second())
        }
        Act::Split => {
            let salt = journey.salt().rotate_left(32) ^ u64::from(step.second());
            way(u32::from(bucket(given.unit, salt)) < step.first())
        }
        Act::Set => Pass::Say(Key(step.first()), step.said(), step.no()),
        Act::Send => Pass::Rest(step.code(), NEVER),
        Act::Moved => Pass::On(step.no()),
        Act::Unknown => Pass::End(LEFT),
    }
}

fn inside(journey: &Journey<'_>, place: &Place, given: &Given<'_>) -> Turn {
    let fires = |trigger| given.catalog.trigger(trigger).is_some_and(|trigger| fires(&trigger, given));
    if journey.goal().is_some_and(fires) {
        return Turn::End(REACHED);
    }
    if journey.exits().any(fires) {
        return Turn::End(LEFT);
    }
    let Some((at, step)) = resting(journey, place, given.catalog) else {
        return if journey.ends_when_changed() { Turn::End(LEFT) } else { Turn::Stay };
    };
    match step.act() {
        Act::Wait if crate::catalog::NONE != step.second() && fires(step.second() as usize) => Turn::On(step.yes()),
        Act::Wait | Act::Clock if place.is_due(given.moment) => Turn::On(step.no()),
        Act::Send => match step.no().and_then(|next| given.catalog.step(next)) {
            // Who did what the next step waits for has got the message, though nobody has said so here.
            Some(next) if next.act() == Act::Wait && happened(next.second(), given) => Turn::Over(next.yes()),
            _ => Turn::Stay,
        },
        Act::Wait => Turn::Stay,
        Act::Clock if place.due != NEVER || awaits_origin(&step, given) => Turn::Stay,
        // It waited for a page or an hour, or was moved, or was no place to rest when it was written.
        _ if given.is_off_site && step.asks_page() => Turn::Stay,
        _ => Turn::On(Some(at)),
    }
}

/// Does a clock ask for the hours of a person, and they are not known here?
fn awaits_origin(step: &Step<'_>, given: &Given<'_>) -> bool {
    step.hours() != 0 && given.hours.is_none()
}

/// Does a trigger fire because of an event?
fn happened(trigger: u32, given: &Given<'_>) -> bool {
    let trigger = given.catalog.trigger(trigger as usize);
    trigger.is_some_and(|trigger| trigger.event() != Key::NONE && fires(&trigger, given))
}

fn enter(journey: &Journey<'_>, place: Option<(Place, u64)>, given: &Given<'_>) -> Turn {
    let catalog = given.catalog;
    let Some(trigger) = catalog.trigger(journey.enter()) else { return Turn::Stay };
    let by_condition = trigger.event() == Key::NONE;
    if !fires(&trigger, given) {
        let rearms = by_condition && journey.again().is_some() && place.is_some_and(|(place, _)| !place.is_armed());
        return if rearms { Turn::Rearm } else { Turn::Stay };
    }
    let now = i64::try_from(given.moment.now.0).unwrap_or(i64::MAX);
    let may_again = place.is_none_or(|(place, since)| {
        place.entries < u8::MAX
            && (place.is_armed() || !by_condition)
            && journey
                .again()
                .is_some_and(|minutes| given.moment.now.0.saturating_sub(since) >= u64::from(minutes) * 60_000)
    });
    let holds = |trigger| {
        let trigger = catalog.trigger(trigger);
        trigger.is_some_and(|trigger| trigger.event() == Key::NONE && fires(&trigger, given))
    };
    let refused = now < journey.from()
        || now >= journey.until()
        || !may_again
        || (journey.holdout() > 0 && bucket(given.unit, journey.salt()) < journey.holdout())
        || journey.goal().is_some_and(holds)
        || journey.exits().chain(journey.bars()).any(holds);
    if refused { Turn::Stay } else { Turn::Enter(journey.steps().start) }
}

fn fires(trigger: &Trigger<'_>, given: &Given<'_>) -> bool {
    let happened = trigger.event() == Key::NONE
        || given.event.is_some_and(|event| {
            event.name() == trigger.event()
                && (trigger.property() == Key::NONE || event.property(trigger.property()) == Some(trigger.value()))
        });
    happened
        && trigger.condition().is_none_or(|all| matches(all.start, all.len(), given))
        && trigger.stock().is_none_or(|stock| {
            let refusal = given.levels.refused(given.catalog, stock, given.bins, given.unit, given.moment);
            if trigger.is_out() { refusal == Some(Reason::StockOut) } else { refusal.is_none() }
        })
}

/// Does one of these conjuncts match?
fn matches(first: usize, count: usize, given: &Given<'_>) -> bool {
    rule::any(given.matches, first, count)
}

/// The minute in which so many have passed, never before that.
fn due(moment: Moment, minutes: u32) -> u32 {
    let now = moment.now.0.div_ceil(60_000);
    if minutes == u32::MAX { NEVER } else { now.saturating_add(minutes.into()).min(u64::from(NEVER - 1)) as u32 }
}
