//! Plays golden scenarios through the engine's own session and writes down what came of each step.
//!
//! A transcript is plain text: a line for each step with its answer, indented lines for the effects that the host would
//! have carried out, with their bytes. `wasm-tests/golden/player.mjs` writes the same lines through the shipped module.
//! What a person expected of a step is checked here too, so that a new recording cannot quietly change a meaning.

use super::scenario::{Scenario, Step, seed};
use super::{hex, moment, unhex};
use petitfour::consent::Permissions;
use petitfour::engine::{Decision, Effect, Engine, Explanation, Reason, Session};
use petitfour::event::Event;
use petitfour::identity::{Digest, Hashed};
use petitfour::sync::{Entry, Message};
use petitfour::time::{Moment, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

/// The visitor of every scenario that names no other.
const SEED: &str = "5eed";

/// One scenario under way.
pub struct Player<'a> {
    engine: Arc<Engine>,
    scenario: &'a Scenario,
    sessions: BTreeMap<&'a str, Session>,
    decisions: BTreeMap<(&'a str, String), u64>,
    ids: BTreeSet<u64>,
    kept: BTreeMap<&'a str, Vec<u8>>,
    session: &'a str,
    moment: Moment,
    /// What was written down.
    pub transcript: String,
    /// What did not come out as a person expected.
    pub surprises: Vec<String>,
    /// Every reason that an answer or an explanation gave.
    pub reasons: Vec<Reason>,
}

impl<'a> Player<'a> {
    /// Plays a scenario to its end.
    pub fn play(engine: Arc<Engine>, scenario: &'a Scenario, campaigns: &str) -> Self {
        let mut player = Self {
            engine,
            scenario,
            sessions: BTreeMap::new(),
            decisions: BTreeMap::new(),
            ids: BTreeSet::new(),
            kept: BTreeMap::new(),
            session: "first",
            moment: Moment::default(),
            transcript: String::new(),
            surprises: Vec::new(),
            reasons: Vec::new(),
        };
        let hash = player.engine.catalog().hash();
        player.write(&format!("# {}", scenario.name));
        player.write(&format!("bundle {campaigns} {hash:016x}"));
        let visitor = scenario.seed.as_deref().unwrap_or(SEED);
        player.begin("first", visitor);
        for (number, step) in (1..).zip(&scenario.steps) {
            player.step(number, step);
        }
        let ends: Vec<(&str, Vec<u8>, Vec<u8>)> = player
            .sessions
            .iter()
            .map(|(name, session)| (*name, session.profile_bytes(), session.snapshot()))
            .collect();
        for (name, profile, snapshot) in ends {
            player.write(&format!("end {name} profile {}", hex(&profile)));
            player.write(&format!("end {name} snapshot {}", hex(&snapshot)));
        }
        player
    }

    fn begin(&mut self, name: &'a str, visitor: &str) {
        self.session = name;
        let engine = self.engine.clone();
        self.sessions.entry(name).or_insert_with(|| Session::new(engine, seed(visitor)));
    }

    fn session(&mut self) -> &mut Session {
        self.sessions.get_mut(self.session).expect("the session that goes on")
    }

    fn step(&mut self, number: usize, step: &'a Step) {
        if let Some(at) = &step.at {
            self.moment = moment(at);
        }
        for time in 0..step.times.unwrap_or(1) {
            if time > 0 {
                self.moment.now.0 += step.every.unwrap_or(0);
            }
            let (verb, answer) = self.act(number, step);
            let Moment { now, offset_minutes } = self.moment;
            self.write(&format!("{number} @{}{offset_minutes:+} {verb}: {answer}", now.0));
            let expected = step.answer.as_ref().map(|answer| match answer {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            if expected.as_ref().is_some_and(|expected| *expected != answer) {
                self.surprise(number, &format!("the answer is {answer}, not {}", expected.unwrap_or_default()));
            }
            self.effects(number, step);
            if let (Some(placement), Some(why)) = (&step.decide, &step.why) {
                self.explain(number, placement, why);
            }
        }
    }

    /// Does what a step says; what it is called, and its answer.
    fn act(&mut self, number: usize, step: &'a Step) -> (String, String) {
        let now = self.moment;
        if let Some(name) = &step.session {
            self.begin(name, step.seed.as_deref().unwrap_or(SEED));
            return (format!("session {name}"), "ok".to_owned());
        }
        if let Some(names) = &step.consent {
            self.session().consent(permissions(names), now);
            return (format!("consent {names}"), self.session().permissions().bits().to_string());
        }
        if let Some(values) = &step.context {
            let taken: Vec<String> = values.iter().map(|(name, value)| self.tell(name, value).to_string()).collect();
            return ("context".to_owned(), taken.join(" "));
        }
        if let Some(event) = &step.track {
            let properties = step.with.iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()));
            let event_or = Event::parse(event, properties, step.value);
            if let Ok(event) = &event_or {
                self.session().record(event, now);
            }
            return (format!("track {event}"), event_or.is_ok().to_string());
        }
        if let Some(values) = &step.traits {
            let taken: Vec<String> = values.iter().map(|(name, value)| self.say(name, value).to_string()).collect();
            return ("traits".to_owned(), taken.join(" "));
        }
        if let Some(feed) = &step.feed {
            let as_of = step.as_of.as_deref().map_or(now.now, |at| moment(at).now);
            let place = step.place.as_deref().unwrap_or("");
            let levels = step.levels.iter().flatten();
            let taken: Vec<String> =
                levels.map(|(item, level)| self.session().feed(feed, place, item, *level, as_of).to_string()).collect();
            return (format!("feed {feed}"), taken.join(" "));
        }
        if let Some(change) = &step.clock {
            let Moment { now: at, offset_minutes } = moment(change);
            self.session().expect_change(at, offset_minutes);
            return (format!("clock {change}"), "ok".to_owned());
        }
        if let Some(code) = step.identify {
            let digest = Digest(seed(step.digest.as_deref().expect("a digest")));
            self.session().identify(Hashed::from_code(code, digest).expect("a code with a namespace"), now);
            return (format!("identify {code}"), "ok".to_owned());
        }
        if let Some(placement) = &step.decide {
            return (format!("decide {placement}"), self.decide(number, placement, step));
        }
        if let Some(name) = &step.see {
            let decision = self.decision(name);
            return (format!("see {name}"), self.session().exposed(decision, now).to_string());
        }
        if let Some(event) = &step.outcome {
            let decision = step.of.as_ref().map_or(0, |name| self.decision(name));
            self.session().outcome(event, decision, step.value, now);
            return (format!("outcome {event}"), "ok".to_owned());
        }
        if let Some(name) = &step.keep {
            let bytes = self.session().profile_bytes();
            self.kept.insert(name, bytes);
            return (format!("keep {name}"), "ok".to_owned());
        }
        if let Some(name) = &step.restore {
            let mut bytes = self.kept.get(name.as_str()).cloned().unwrap_or_else(|| unhex(name));
            bytes.truncate(step.cut.unwrap_or(usize::MAX));
            for (at, byte) in step.set.iter().flatten() {
                bytes[*at] = *byte;
            }
            let answer = self.session().restore(&bytes).err().map_or("ok", |error| error.code()).to_owned();
            return (format!("restore {name}"), answer);
        }
        let verb = match (step.wake, step.flush, step.forget) {
            (true, _, _) => {
                self.session().handle_wake(now);
                "wake"
            }
            (_, true, _) => {
                self.session().flush();
                "flush"
            }
            (_, _, true) => {
                self.session().forget(now);
                "forget"
            }
            _ => panic!("{}: step {number} does nothing", self.scenario.name),
        };
        (verb.to_owned(), "ok".to_owned())
    }

    fn tell(&mut self, name: &str, value: &Value) -> bool {
        match value {
            Value::String(text) => self.session().set_context_text(name, text),
            Value::Number(number) => self.session().set_context_number(name, number.as_f64().expect("a number")),
            _ => {
                let place = self.engine.catalog().context_named(name);
                let input = place.and_then(|place| self.session().inputs().get_mut(place));
                input.map(|input| *input = f64::NAN).is_some()
            }
        }
    }

    fn say(&mut self, name: &str, value: &Value) -> bool {
        let now = self.moment;
        match value {
            Value::Number(number) => self.session().set_trait_number(name, number.as_f64().expect("a number"), now),
            other => self.session().set_trait_text(name, other.as_str().expect("a text"), now),
        }
    }

    fn decide(&mut self, number: usize, placement: &'a str, step: &'a Step) -> String {
        let now = self.moment;
        let decision = self.session().decide(placement, now);
        self.reasons.push(decision.reason);
        let label = step.name.as_deref().unwrap_or(placement);
        self.decisions.insert((self.session, label.to_owned()), decision.id);
        if decision.id != 0 && !self.ids.insert(decision.id) {
            self.surprise(number, "two decisions have one id");
        }
        let Decision { id, campaign, creative, reason, probability, withheld, .. } = decision;
        let engine = Arc::clone(&self.engine);
        let catalog = engine.catalog();
        let campaign_name = |index: Option<usize>| {
            index.and_then(|index| catalog.campaign(index)).map_or("-", |found| catalog.string(found.name()))
        };
        let composed = creative.filter(|index| catalog.creative(*index).is_some_and(|found| found.is_composed()));
        let said = composed.and_then(|index| self.session().content(index, now)).map(|composed| composed.json);
        let said = said.map(|json| String::from_utf8(json).expect("text"));
        let creative =
            creative.and_then(|index| catalog.creative(index)).map_or("-", |found| catalog.string(found.name()));
        let (campaign, withheld) = (campaign_name(campaign), campaign_name(withheld));
        let reason_name = reason.name();
        let mut answer =
            format!("{reason_name} {campaign} {creative} id={id:016x} p={probability} withheld={withheld}");
        if let Some(json) = &said {
            answer.push_str(" says ");
            answer.push_str(json);
        }
        let whole = match reason {
            Reason::Chosen => format!("{campaign}/{creative}"),
            Reason::Fallback => format!("fallback/{creative}"),
            _ => "nothing".to_owned(),
        };
        let mut surprises = Vec::new();
        match step.expect.as_deref() {
            None => {}
            Some(expected) if expected == whole || (reason == Reason::Chosen && expected == campaign) => {}
            Some(expected) => surprises.push(format!("{placement} shows {whole}, not {expected}")),
        }
        if let Some(expected) = &step.withheld
            && expected != if withheld == "-" { "none" } else { withheld }
        {
            surprises.push(format!("{placement} withholds {withheld}, not {expected}"));
        }
        let fields: BTreeMap<String, String> =
            said.as_deref().map_or_else(BTreeMap::new, |json| serde_json::from_str(json).expect("an object of texts"));
        for (field, expected) in step.says.iter().flatten() {
            if fields.get(field) != Some(expected) {
                surprises.push(format!("{placement} says {:?} in {field}, not {expected}", fields.get(field)));
            }
        }
        let percent = (u32::from(probability) * 100 + 32_767) / 65_535;
        if step.percent.is_some_and(|expected| expected != percent) {
            surprises.push(format!("{placement} is {percent} % probable"));
        }
        for surprise in surprises {
            self.surprise(number, &surprise);
        }
        answer
    }

    fn explain(&mut self, number: usize, placement: &str, why: &BTreeMap<String, String>) {
        let now = self.moment;
        let explanation: Explanation = self.session().explain(placement, now);
        self.reasons.push(explanation.reason);
        self.reasons.extend(explanation.campaigns.iter().map(|verdict| verdict.reason));
        let json = serde_json::to_string(&explanation).expect("plain values");
        self.write(&format!("  why {json}"));
        let told: BTreeMap<String, String> = explanation
            .campaigns
            .iter()
            .map(|verdict| (verdict.campaign.clone(), verdict.reason.name().to_owned()))
            .collect();
        if told != *why {
            self.surprise(number, &format!("{placement} is explained by {told:?}, not {why:?}"));
        }
    }

    fn decision(&self, name: &str) -> u64 {
        let known = self.decisions.get(&(self.session, name.to_owned()));
        *known.unwrap_or_else(|| panic!("{}: nothing was decided for {name}", self.scenario.name))
    }

    fn effects(&mut self, number: usize, step: &Step) {
        let (mut kinds, mut sent) = (Vec::new(), Vec::new());
        while let Some(effect) = self.session().poll_effect() {
            let (kind, line) = match effect {
                Effect::Erase => ("erase", "  erase".to_owned()),
                Effect::Persist(bytes) => ("persist", format!("  persist {}", hex(&bytes))),
                Effect::Send(bytes) => {
                    let message = Message::decode(&bytes).expect("what the engine sends");
                    sent.extend(message.entries.iter().map(|entry| self.entry(entry)));
                    ("send", format!("  send {}", hex(&bytes)))
                }
                Effect::Wake(Timestamp(at)) => ("wake", format!("  wake {at}")),
                Effect::Note(_) => panic!("{}: every scenario holds its profile", self.scenario.name),
                Effect::PersistIdentifiers(bytes) => ("identifiers", format!("  identifiers {}", hex(&bytes))),
            };
            self.write(&line);
            kinds.push(kind);
        }
        if step.effects.as_ref().is_some_and(|expected| *expected != kinds) {
            self.surprise(number, &format!("the effects are {kinds:?}"));
        }
        if step.sent.as_ref().is_some_and(|expected| *expected != sent) {
            self.surprise(number, &format!("sent is {sent:?}"));
        }
    }

    /// An entry of a message, in words.
    fn entry(&self, entry: &Entry) -> String {
        let decision = |wanted: u64| {
            let mut own = self.decisions.iter().filter(|((session, _), id)| *session == self.session && **id == wanted);
            own.next().map_or("none", |((_, name), _)| name).to_owned()
        };
        match entry {
            Entry::Decision { placement, .. } => {
                let catalog = self.engine.catalog();
                let placement = catalog.placements().find(|known| known.key().0 == *placement);
                format!("decision {}", placement.map_or("none", |known| catalog.string(known.name())))
            }
            Entry::Exposure { decision: id, .. } => format!("exposure {}", decision(*id)),
            Entry::Outcome { decision: id, .. } => format!("outcome {}", decision(*id)),
            Entry::Identity { code, .. } => format!("identity {code}"),
            Entry::Forgotten { withdrawn, .. } => format!("forgotten {withdrawn}"),
            Entry::Step { journey, .. } => {
                let catalog = self.engine.catalog();
                let journey = catalog.journeys().find(|known| known.key().0 == *journey);
                format!("step {}", journey.map_or("none", |known| catalog.string(known.name())))
            }
            Entry::Candidate { campaign, .. } => {
                let catalog = self.engine.catalog();
                let campaign = catalog.campaigns().find(|known| known.key().0 == *campaign);
                format!("candidate {}", campaign.map_or("none", |known| catalog.string(known.name())))
            }
        }
    }

    fn write(&mut self, line: &str) {
        writeln!(self.transcript, "{line}").expect("text into memory");
    }

    fn surprise(&mut self, number: usize, what: &str) {
        self.surprises.push(format!("{}\n    step {number}: {what}", self.scenario.name));
    }
}

fn permissions(names: &str) -> Permissions {
    let bit = |name: &str| match name {
        "none" => 0,
        "all" => 15,
        "store" => 1,
        "personalise" => 2,
        "measure" => 4,
        "share" => 8,
        other => panic!("there is no permission {other}"),
    };
    Permissions::from_bits(names.split(' ').map(bit).fold(0, |bits, bit| bits | bit))
}
