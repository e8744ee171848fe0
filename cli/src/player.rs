//! Plays the steps of a story through the engine's own session, and says where something else came of it than was expected.
//!
//! The session is the one that a visitor's browser has: what is permitted, capped, in stock and held out is decided by it alone.

mod stood;

use std::sync::Arc;

use anyhow::bail;
use petitfour::{
    eligibility::is_held_out,
    engine::{Engine, Explanation, Reason, Session},
    event::Event,
    hash::bucket,
    id::Key,
    sync::answer::{Answer, Member},
    time::{Moment, Timestamp},
};
use petitfour_compiler::{
    source::Span,
    story::{Act, Chance, Levels, Look, Sight, Sought, Stand, Step, Told},
};

use serde_json::{Map, Value};

pub(crate) use stood::Stood;

/// A visitor under way through a story.
pub(crate) struct Player {
    session: Session,
    now: Moment,
    /// Journeys were looked at in this moment.
    has_looked: bool,
}

/// An expectation that did not hold.
#[derive(Debug)]
pub(crate) struct Miss {
    /// Where the expectation is written.
    pub(crate) span: Span,
    pub(crate) moment: Moment,
    pub(crate) expected: String,
    pub(crate) seen: String,
    /// The same in a sentence.
    pub(crate) message: String,
    pub(crate) ground: Ground,
}

/// What is to be known of an expectation that did not hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ground {
    /// Every campaign of the placement, with its reason.
    Placement(Explanation),
    /// Where the visitor stands in the journey.
    Journey(Stood),
}

impl Player {
    /// Makes the visitor.
    pub(crate) fn meet(engine: &Arc<Engine>, chance: &Chance) -> anyhow::Result<Self> {
        let mut session = match chance {
            Chance::Seed(seed) => visitor(engine, *seed),
            Chance::HeldOut(campaigns) => find(engine, campaigns)?,
        };
        // Nobody has a history here: the best hour is the one that the file names otherwise.
        session.set_hours(Vec::new());
        Ok(Self { session, now: Moment::default(), has_looked: false })
    }

    /// Lets a step happen; what did not come out as expected, each thing once.
    pub(crate) fn play(&mut self, step: &Step) -> Vec<Miss> {
        for time in 0..step.times {
            (self.now, self.has_looked) = (step.at(time), false);
            let mut missed = Vec::new();
            for act in &step.acts {
                self.act(act, &mut missed);
            }
            // Nobody keeps or sends anything here.
            while self.session.poll_effect().is_some() {}
            if !missed.is_empty() {
                return missed;
            }
        }
        Vec::new()
    }

    /// The visitor as they are now, and when that is.
    pub(crate) fn leave(self) -> (Session, Moment) {
        (self.session, self.now)
    }

    fn act(&mut self, act: &Act, missed: &mut Vec<Miss>) {
        let (session, now) = (&mut self.session, self.now);
        match act {
            Act::Permit(permissions) => session.consent(*permissions, now),
            Act::Say(name, Told::Text(text)) => {
                session.set_trait_text(&name.text, text, now);
            }
            Act::Say(name, Told::Number(number)) => {
                session.set_trait_number(&name.text, *number, now);
            }
            Act::Join(name, inside) => {
                let member = Member { segment: Key::of(&name.text).0, inside: *inside, as_of: now.now.0 };
                let answer = Answer { members: vec![member], ..Answer::default() };
                // An answer that was just written reads back.
                let _ = session.answer(&answer.encode(), now);
            }
            Act::Tell(name, Some(Told::Text(text))) => {
                session.set_context_text(&name.text, text);
            }
            Act::Tell(name, Some(Told::Number(number))) => {
                session.set_context_number(&name.text, *number);
            }
            Act::Tell(name, None) => {
                let place = session.engine().catalog().context_named(&name.text);
                if let Some(input) = place.and_then(|place| session.inputs().get_mut(place)) {
                    *input = f64::NAN;
                }
            }
            Act::Supply(Levels { feed, place, levels, age }) => {
                let as_of = Timestamp(now.now.0.saturating_sub(*age));
                let place = place.as_ref().map_or("", |place| place.text.as_str());
                for (item, level) in levels {
                    session.feed(&feed.text, place, &item.text, *level, as_of);
                }
            }
            Act::Do { event, with, value } => {
                let properties = with.iter().map(|(name, text)| (name.text.as_str(), text.as_str()));
                // Its limits were checked when it was read.
                if let Ok(event) = Event::parse(&event.text, properties, *value) {
                    session.record(&event, now);
                    self.has_looked = true;
                }
            }
            Act::Sent(journey) => {
                self.look_at_journeys();
                if !self.session.sent(&journey.text, now) {
                    let stood = Stood::of(&self.session, &journey.text, now);
                    let message = format!("no message of {} waits to be handed over: {stood}", journey.text);
                    let expected = "at a send".to_owned();
                    missed.push(Miss::of_journey(journey.span, now, expected, message, stood));
                }
            }
            Act::Look(look) => {
                self.look_at_journeys();
                self.look(look, missed);
            }
            Act::Stand(stand) => {
                self.look_at_journeys();
                self.stand(stand, missed);
            }
        }
    }

    /// As before a decision. An event has looked already, and a second look in one moment could take somebody past a rest that has
    /// just begun.
    fn look_at_journeys(&mut self) {
        if !self.has_looked {
            self.session.look(self.now);
            self.has_looked = true;
        }
    }

    fn stand(&self, stand: &Stand, missed: &mut Vec<Miss>) {
        let (journey, now) = (&stand.journey, self.now);
        let stood = Stood::of(&self.session, &journey.text, now);
        if let [(first, _), ..] = stand.sought.as_slice()
            && !stand.sought.iter().any(|(_, footing)| stood.is(footing))
        {
            let words: Vec<&str> = stand.sought.iter().map(|(word, _)| word.text.as_str()).collect();
            let expected = words.join(" or ");
            let message = format!("{} is {stood}; not {expected}", journey.text);
            missed.push(Miss::of_journey(first.span, now, expected, message, stood));
        }
    }

    fn look(&mut self, look: &Look, missed: &mut Vec<Miss>) {
        let (placement, now) = (look.placement.text.as_str(), self.now);
        let why = self.session.explain(placement, now);
        let seen = seen(&why);
        let said = if look.says.is_empty() { Map::new() } else { said(&mut self.session, &why, now) };
        let mut miss = |span, expected: String, seen: String, message| {
            missed.push(Miss { span, moment: now, expected, seen, message, ground: Ground::Placement(why.clone()) });
        };
        if let [first, ..] = look.sees.as_slice()
            && !look.sees.iter().any(|sought| is_there(sought, &why))
        {
            let expected: Vec<&str> = look.sees.iter().map(|sought| sought.word.text.as_str()).collect();
            let (expected, message) =
                (expected.join(" or "), format!("{placement} shows {seen}, not {}", expected.join(" or ")));
            miss(first.word.span, expected, seen.clone(), message);
        }
        for Sought { word, .. } in look.not.iter().filter(|sought| is_there(sought, &why)) {
            let message = format!("{placement} shows {seen}, which was not to be seen");
            miss(word.span, format!("not {}", word.text), seen.clone(), message);
        }
        for (field, text) in &look.says {
            let told = said.get(&field.text).and_then(Value::as_str).unwrap_or_default();
            if told != text.text {
                let message = format!("{} at {placement} says `{told}`, not `{}`", field.text, text.text);
                miss(text.span, text.text.clone(), told.to_owned(), message);
            }
        }
        for asked in &look.why {
            let verdict = why.campaigns.iter().find(|verdict| verdict.campaign == asked.campaign.text);
            let told = verdict.map_or(Reason::Nothing, |verdict| verdict.reason);
            if told != asked.reason {
                let (expected, seen) = (asked.reason.name().to_owned(), told.name().to_owned());
                let message = format!("the reason of {} at {placement} is {seen}, not {expected}", asked.campaign.text);
                miss(asked.span, expected, seen, message);
            }
        }
        if look.shows {
            let decision = self.session.decide(placement, now);
            if look.counts {
                self.session.exposed(decision.id, now);
            }
        }
    }
}

impl Miss {
    fn of_journey(span: Span, moment: Moment, expected: String, message: String, stood: Stood) -> Self {
        Self { span, moment, expected, seen: stood.state.clone(), message, ground: Ground::Journey(stood) }
    }
}

/// What the creative that is seen says, by field.
fn said(session: &mut Session, why: &Explanation, now: Moment) -> Map<String, Value> {
    let engine = Arc::clone(session.engine());
    let creative = why.creative.as_deref().and_then(|name| engine.catalog().creative_named(name));
    let composed = creative.and_then(|creative| session.content(creative, now));
    composed.and_then(|composed| serde_json::from_slice(&composed.json).ok()).unwrap_or_default()
}

/// What is seen by an explanation: `campaign/creative`, `fallback/creative` or `nothing`.
pub(crate) fn seen(why: &Explanation) -> String {
    let creative = why.creative.as_deref().unwrap_or_default();
    match (&why.campaign, why.reason) {
        (Some(campaign), _) => format!("{campaign}/{creative}"),
        (None, Reason::Fallback) => format!("fallback/{creative}"),
        (None, _) => "nothing".to_owned(),
    }
}

fn is_there(sought: &Sought, why: &Explanation) -> bool {
    match &sought.sight {
        Sight::Nothing => why.creative.is_none(),
        Sight::Fallback => why.reason == Reason::Fallback,
        Sight::Campaign(campaign) => why.campaign.as_ref() == Some(campaign),
        Sight::Creative(campaign, creative) => {
            why.campaign.as_ref() == Some(campaign) && why.creative.as_ref() == Some(creative)
        }
    }
}

fn visitor(engine: &Arc<Engine>, seed: u64) -> Session {
    let bytes = seed.to_le_bytes();
    let mut seed = [0; 32];
    seed.iter_mut().zip(bytes.into_iter().cycle()).for_each(|(place, byte)| *place = byte);
    Session::new(Arc::clone(engine), seed)
}

/// The first visitor whom these campaigns and journeys hold out, and as few others as can be.
fn find(engine: &Arc<Engine>, held_out: &[String]) -> anyhow::Result<Session> {
    let catalog = engine.catalog();
    let is_wanted = |name| held_out.iter().any(|wanted| wanted == catalog.string(name));
    let holding: Vec<_> = catalog
        .campaigns()
        .filter(|campaign| campaign.holdout() > 0)
        .map(|campaign| (is_wanted(campaign.name()), campaign))
        .collect();
    let journeys: Vec<_> = catalog
        .journeys()
        .filter(|journey| journey.holdout() > 0)
        .map(|journey| (is_wanted(journey.name()), journey))
        .collect();
    let mut best: Option<((usize, usize), Session)> = None;
    for seed in 1..=TRIES {
        let session = visitor(engine, seed);
        let unit = session.profile().visitor().unit();
        let (mut lacking, mut beyond) = (0, 0);
        let campaigns = holding.iter().map(|(wanted, campaign)| (*wanted, is_held_out(campaign, unit)));
        let journeys = journeys.iter().map(|(wanted, it)| (*wanted, bucket(unit, it.salt()) < it.holdout()));
        for (wanted, is_out) in campaigns.chain(journeys) {
            match (wanted, is_out) {
                (true, false) => lacking += 1,
                (false, true) => beyond += 1,
                _ => {}
            }
        }
        let distance = (lacking, beyond);
        if best.as_ref().is_none_or(|(least, _)| distance < *least) {
            best = Some((distance, session));
        }
        if distance == (0, 0) {
            break;
        }
    }
    match best {
        Some(((0, _), session)) => Ok(session),
        _ => bail!("of {TRIES} visitors none is held out by all of {}: give a `seed`", held_out.join(", ")),
    }
}

/// So many visitors are looked at: of ten campaigns that hold out a tenth, the third leaves all in.
const TRIES: u64 = 10_000;
