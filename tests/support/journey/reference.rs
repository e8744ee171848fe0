//! A slow, plain interpreter of journeys, written from `docs/journeys.md` and, for conditions, `docs/campaigns.md`.
//!
//! It keeps every event that ever was, walks the steps as the file nests them, and finds nine o'clock by looking at
//! every minute. Where the documentation leaves something open, the choice is marked "Open:".
//!
//! The hash that splits use is not repeated here: whoever makes a [`Reference`] says which arm of each split this
//! visitor goes. Absent on purpose: holdouts, rests without a page, what is forgotten after 640 days and two years.

use super::script::{
    Act, Again, Changed, Condition, End, HEAD, Journey, Number, Occasion, Phase, Script, Step, Test, Text, Trigger,
};
use std::collections::BTreeMap;
use std::rc::Rc;

const MINUTE: u64 = 60_000;

/// An instant in ms since 1970, and the visitor's clock minus UTC in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    pub now: u64,
    pub offset: i64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    pub event: String,
    pub category: Option<String>,
}

/// Where somebody is in a journey. Times in ms since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub state: State,
    pub since: u64,
    pub due: Option<u64>,
    pub entries: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The id of the step.
    At(String),
    Done,
    Reached,
    Left,
}

/// One visitor of one file.
#[derive(Debug, Clone)]
pub struct Reference {
    script: Rc<Script>,
    /// The arm that this visitor goes, of each split.
    arms: Vec<usize>,
    standings: BTreeMap<String, Standing>,
    /// Journeys whose condition was seen to fail since they were last entered.
    failed: BTreeMap<String, bool>,
    /// Every event, with its local day.
    events: Vec<(i64, Happening)>,
    /// When it was said, and what.
    traits: BTreeMap<String, (u64, String)>,
    texts: BTreeMap<String, String>,
    temperature: Option<f64>,
    /// Level and time of each item at each place.
    levels: BTreeMap<(String, String), (i64, u64)>,
    /// When the visitor's clock changes, and the offset from then on.
    change: Option<(u64, i64)>,
    /// Hours of the day, the best for the person first; nothing on a device.
    hours: Option<Vec<u8>>,
    /// How often each rule decided something, so that a test can say that it was tested.
    pub applied: BTreeMap<&'static str, u64>,
}

/// Lists of steps that are still to be passed: of the last one first.
pub type Ahead<'a> = Vec<&'a [Step]>;

impl Reference {
    pub fn new(script: Rc<Script>, arms: Vec<usize>) -> Self {
        assert!(HEAD.contains("bias: -1"), "`probability` has the model's numbers");
        Self {
            script,
            arms,
            standings: BTreeMap::new(),
            failed: BTreeMap::new(),
            events: Vec::new(),
            traits: BTreeMap::new(),
            texts: BTreeMap::new(),
            temperature: None,
            levels: BTreeMap::new(),
            change: None,
            hours: None,
            applied: BTreeMap::new(),
        }
    }

    /// Goes on with another file, as a page does that has fetched it: the profile stays, what the page told does not.
    /// Nothing is looked at yet.
    pub fn change_file(&mut self, script: Rc<Script>, arms: Vec<usize>) {
        (self.script, self.arms) = (script, arms);
        self.texts.clear();
        self.temperature = None;
        self.levels.clear();
        self.change = None;
        self.hours = None;
    }

    pub fn standing(&self, journey: &str) -> Option<&Standing> {
        self.script.journey(journey)?;
        self.standings.get(journey)
    }

    pub fn script(&self) -> &Script {
        &self.script
    }

    /// Whether two have the same past and the same future, whatever became of their arms.
    pub fn is_like(&self, other: &Self) -> bool {
        self.standings == other.standings && self.failed == other.failed && self.traits == other.traits
    }

    pub fn expect_change(&mut self, at: u64, offset: i64) {
        self.change = Some((at, offset));
    }

    pub fn tell_hours(&mut self, hours: &[u8]) {
        self.hours = Some(hours.to_vec());
    }

    pub fn say(&mut self, name: &str, word: &str, clock: Clock) {
        // A word of an earlier time replaces one of a later only within half a second (formats/profile.md).
        let known = self.traits.get(name).map_or(0, |(said, _)| *said);
        if clock.now + 500 >= known {
            self.traits.insert(name.to_owned(), (clock.now.max(known), word.to_owned()));
        }
    }

    pub fn tell_text(&mut self, name: &str, word: &str) {
        self.texts.insert(name.to_owned(), word.to_owned());
    }

    pub fn tell_temperature(&mut self, degrees: f64) {
        self.temperature = Some(degrees);
    }

    pub fn clear_context(&mut self) {
        self.texts.clear();
        self.temperature = None;
    }

    pub fn feed(&mut self, place: &str, item: &str, level: i64, as_of: u64) {
        let known = self.levels.entry((place.to_owned(), item.to_owned())).or_insert((level, as_of));
        if as_of >= known.1 {
            *known = (level, as_of);
        }
    }

    /// The event counts, then the journeys are looked at.
    pub fn record(&mut self, happening: &Happening, clock: Clock) {
        self.events.push((local_day(clock), happening.clone()));
        self.look_at_all(Some(happening), clock);
    }

    pub fn look(&mut self, clock: Clock) {
        self.look_at_all(None, clock);
    }

    /// A message was handed over, or let go: this journey goes on, and nothing is looked at.
    pub fn sent(&mut self, journey: &str, clock: Clock) {
        let Some(Standing { state: State::At(id), .. }) = self.standing(journey).cloned() else { return };
        if self.rests_at_send(journey) {
            let script = Rc::clone(&self.script);
            let journey = script.journey(journey).expect("a journey");
            let mut ahead = beginning_at(journey, &id);
            pass(&mut ahead).expect("the send itself");
            self.go(journey, ahead, clock);
            self.apply("sent");
        }
    }

    pub fn rests_at_send(&self, journey: &str) -> bool {
        let Some(Standing { state: State::At(id), .. }) = self.standing(journey) else { return false };
        let step = self.script.journey(journey).and_then(|journey| journey.step(id));
        step.is_some_and(|step| matches!(step.act, Act::Send { .. }))
    }

    /// Whether a campaign is shown as far as journeys are concerned.
    pub fn shows(&self, campaign: &str) -> bool {
        let shows = |step: &Step| step.show.iter().any(|shown| shown == campaign);
        let mut kept = false;
        for journey in &self.script.journeys {
            for step in journey.every_step().into_iter().filter(|step| shows(step)) {
                kept = true;
                let id = step.id.clone().expect("a wait has an id");
                if self.standing(&journey.name).is_some_and(|standing| standing.state == State::At(id)) {
                    return true;
                }
            }
        }
        !kept
    }

    /// Instants at which something may change by time alone, or a wait would get another end if it began then: for
    /// timelines that want to be there.
    pub fn edges(&self, clock: Clock) -> Vec<u64> {
        let mut edges: Vec<u64> = self.change.iter().map(|(at, _)| *at).collect();
        for journey in &self.script.journeys {
            edges.extend([journey.schedule.0, journey.schedule.1].into_iter().flatten().map(|minute| minute * MINUTE));
            for step in journey.every_step() {
                if let Act::WaitUntil(minute, _) = &step.act {
                    edges.push(self.next_shown(*minute, &[], clock));
                }
            }
            let Some(standing) = self.standing(&journey.name) else { continue };
            edges.extend(standing.due);
            if let (Again::After(minutes), false) = (journey.again, is_inside(standing)) {
                edges.push(standing.since + minutes * MINUTE);
            }
        }
        edges
    }

    fn look_at_all(&mut self, event: Option<&Happening>, clock: Clock) {
        let script = Rc::clone(&self.script);
        for journey in &script.journeys {
            self.look_at(journey, event, clock);
        }
    }

    /// The six rules of "How it moves": the first that applies.
    fn look_at(&mut self, journey: &Journey, event: Option<&Happening>, clock: Clock) {
        let standing = self.standings.get(&journey.name).cloned();
        match standing {
            Some(Standing { state: State::At(id), due, .. }) => {
                if journey.goal.as_ref().is_some_and(|goal| self.fires(goal, event, clock)) {
                    self.end(journey, State::Reached, clock);
                    self.apply("goal");
                } else if journey.exit.as_ref().is_some_and(|exit| self.fires(exit, event, clock)) {
                    self.end(journey, State::Left, clock);
                    self.apply("exit");
                } else if self.is_suppressed(journey) {
                    self.end(journey, State::Left, clock);
                    self.apply("suppressed");
                } else if journey.step(&id).is_none() {
                    self.go_on_from_missing(journey, &id, clock);
                } else {
                    self.go_on_from_rest(journey, &id, due, event, clock);
                }
            }
            _ => self.stand_outside(journey, event, clock),
        }
    }

    /// Rule 3.
    fn go_on_from_missing(&mut self, journey: &Journey, id: &str, clock: Clock) {
        if let Some((_, new)) = journey.moved.iter().find(|(old, _)| old == id) {
            let ahead = beginning_at(journey, new);
            self.go(journey, ahead, clock);
            self.apply("moved");
        } else if journey.changed == Some(Changed::Exit) {
            self.end(journey, State::Left, clock);
            self.apply("taken out");
        } else {
            self.apply("parked");
        }
    }

    /// Rule 4.
    fn go_on_from_rest(
        &mut self,
        journey: &Journey,
        id: &str,
        due: Option<u64>,
        event: Option<&Happening>,
        clock: Clock,
    ) {
        let mut ahead = beginning_at(journey, id);
        let step = pass(&mut ahead).expect("the step itself");
        let is_due = due.is_some_and(|due| clock.now >= due);
        match &step.act {
            Act::WaitOn { trigger, then, otherwise, .. } => {
                if self.fires(trigger, event, clock) {
                    ahead.push(then);
                    self.go(journey, ahead, clock);
                    self.apply("wait: trigger");
                } else if is_due {
                    ahead.push(otherwise);
                    self.go(journey, ahead, clock);
                    self.apply("wait: out of time");
                }
            }
            Act::Send { .. } => {
                // Whoever does what the next step waits for has got the message.
                let Some(Step { act: Act::WaitOn { trigger, then, .. }, .. }) = pass(&mut ahead) else { return };
                if trigger.on.is_some() && self.fires(trigger, event, clock) {
                    ahead.push(then);
                    self.go(journey, ahead, clock);
                    self.apply("sent: as the event shows");
                }
            }
            Act::WaitFor(_) | Act::WaitUntil(..) | Act::WaitBest { .. } if is_due => {
                self.go(journey, ahead, clock);
                self.apply("wait: time");
            }
            Act::WaitUntil(..) | Act::WaitBest { .. } if due.is_none() => {
                let is_known = self.hours.is_some() || matches!(step.act, Act::WaitUntil(..));
                if is_known {
                    self.go(journey, beginning_at(journey, id), clock);
                    self.apply("best: begins anew");
                }
            }
            _ => {}
        }
    }

    /// Rules 5 and 6.
    fn stand_outside(&mut self, journey: &Journey, event: Option<&Happening>, clock: Clock) {
        if self.fires(&journey.enter, event, clock) {
            match self.refusal(journey, clock) {
                Some(reason) => self.apply(reason),
                None => {
                    let entries = self.standings.get(&journey.name).map_or(0, |standing| standing.entries);
                    self.apply(if entries == 0 { "enter" } else { "enter again" });
                    self.failed.remove(&journey.name);
                    self.go(journey, vec![&journey.steps], clock);
                    self.standings.get_mut(&journey.name).expect("entered").entries = entries + 1;
                }
            }
        } else if journey.enter.on.is_none() {
            // Open: seen only at looks outside; what failed while inside does not count.
            self.failed.insert(journey.name.clone(), true);
        }
    }

    fn refusal(&self, journey: &Journey, clock: Clock) -> Option<&'static str> {
        let (from, until) = journey.schedule;
        if from.is_some_and(|from| clock.now < from * MINUTE) || until.is_some_and(|until| clock.now >= until * MINUTE)
        {
            return Some("refused: schedule");
        }
        if let Some(standing) = self.standings.get(&journey.name) {
            let is_early = match journey.again {
                Again::Never => return Some("refused: never again"),
                Again::Always => false,
                Again::After(minutes) => clock.now < standing.since + minutes * MINUTE,
            };
            if is_early {
                return Some("refused: not yet again");
            }
            if journey.enter.on.is_none() && !self.failed.contains_key(&journey.name) {
                return Some("refused: has not failed");
            }
        }
        let rival =
            |other: &&Journey| other.name != journey.name && other.group.is_some() && other.group == journey.group;
        if self.script.journeys.iter().filter(rival).any(|other| self.is_inside(&other.name)) {
            return Some("refused: group");
        }
        if self.is_suppressed(journey) {
            return Some("refused: suppressed");
        }
        let over = |trigger: &Option<Trigger>| match trigger {
            Some(Trigger { on: None, when: Some(condition) }) => self.holds(condition, clock),
            _ => false,
        };
        (over(&journey.goal) || over(&journey.exit)).then_some("refused: over already")
    }

    /// Passes steps until one is a place to rest, or the journey ends. Nothing of this journey is written before
    /// that, so conditions see the place as it was.
    fn go<'a>(&mut self, journey: &'a Journey, mut ahead: Ahead<'a>, clock: Clock) {
        loop {
            let Some(step) = pass(&mut ahead) else { return self.end(journey, State::Done, clock) };
            let due = match &step.act {
                Act::WaitFor(minutes) => Some(whole(clock.now) + minutes * MINUTE),
                Act::WaitUntil(minute, weekdays) => {
                    let due = self.next_shown(*minute, weekdays, clock);
                    if self.change.is_some_and(|(at, _)| at > clock.now && at <= due) {
                        self.apply("until: past a change");
                    }
                    Some(due)
                }
                Act::WaitBest { between, otherwise, weekdays } => {
                    self.apply(match self.hours.as_deref() {
                        None => "best: nobody knows",
                        Some([]) => "best: otherwise",
                        Some(_) => "best: hour",
                    });
                    let minute = self.best_minute(*between, *otherwise);
                    minute.map(|minute| self.next_shown(minute, weekdays, clock))
                }
                Act::WaitOn { at_most, .. } => at_most.map(|minutes| whole(clock.now) + minutes * MINUTE),
                Act::Send { .. } => None,
                Act::If { test, then, otherwise } => {
                    let is_so = self.passes(test, clock);
                    self.apply(if is_so { "if: then" } else { "if: else" });
                    ahead.push(if is_so { then } else { otherwise });
                    continue;
                }
                Act::Split { number, arms } => {
                    ahead.push(&arms[self.arms[*number]].1);
                    self.apply("split");
                    continue;
                }
                Act::Set { name, to } => {
                    self.say(name, to, clock);
                    self.apply("set");
                    continue;
                }
                Act::Goto(id) => {
                    ahead = beginning_at(journey, id);
                    self.apply("goto");
                    continue;
                }
                Act::Stop(end) => {
                    let state = match end {
                        End::Done => State::Done,
                        End::Reached => State::Reached,
                        End::Left => State::Left,
                    };
                    self.apply("stop");
                    return self.end(journey, state, clock);
                }
            };
            let id = step.id.clone().expect("a place to rest has an id");
            return self.stand(journey, State::At(id), due, clock);
        }
    }

    fn end(&mut self, journey: &Journey, state: State, clock: Clock) {
        self.stand(journey, state, None, clock);
    }

    fn stand(&mut self, journey: &Journey, state: State, due: Option<u64>, clock: Clock) {
        let before = self.standings.get(&journey.name);
        let entries = before.map_or(0, |standing| standing.entries);
        let since = before.map_or(0, |standing| standing.since).max(clock.now);
        let standing = Standing { state, since, due, entries };
        self.standings.insert(journey.name.clone(), standing);
    }

    fn is_inside(&self, journey: &str) -> bool {
        self.standings.get(journey).is_some_and(is_inside)
    }

    fn is_suppressed(&self, journey: &Journey) -> bool {
        let mut others = self.script.journeys.iter();
        others.any(|other| other.suppress.contains(&journey.name) && self.is_inside(&other.name))
    }

    fn fires(&self, trigger: &Trigger, event: Option<&Happening>, clock: Clock) -> bool {
        let happened = trigger.on.as_ref().is_none_or(|wanted| event.is_some_and(|event| is_such(event, wanted)));
        happened && trigger.when.as_ref().is_none_or(|condition| self.holds(condition, clock))
    }

    fn passes(&self, test: &Test, clock: Clock) -> bool {
        match test {
            Test::Holds(condition) => self.holds(condition, clock),
            Test::Stock { item, at_least, max_age, show } => {
                let shop = self.texts.get("shop").cloned().unwrap_or_default();
                match self.levels.get(&(shop, item.clone())) {
                    Some((level, as_of))
                        if max_age.is_none_or(|minutes| clock.now <= as_of.saturating_add(minutes * MINUTE)) =>
                    {
                        level >= at_least
                    }
                    _ => *show == Some(true),
                }
            }
            Test::Model(least) => self.probability() >= *least,
        }
    }

    fn probability(&self) -> f64 {
        let heat = if self.temperature.is_some_and(|degrees| degrees >= 25.0) { 2.0 } else { 0.0 };
        let wet = if self.texts.get("weather").is_some_and(|weather| weather == "rain") { 0.5 } else { 0.0 };
        let sum: f64 = -1.0 + heat + wet;
        1.0 / (1.0 + (-sum).exp())
    }

    /// Whether a condition holds now.
    pub fn holds(&self, condition: &Condition, clock: Clock) -> bool {
        match condition {
            Condition::Segment(name) => {
                let found = self.script.segments.iter().find(|(known, _)| known == name).expect("a declared segment");
                self.holds(&found.1, clock)
            }
            Condition::Trait(name, asked) => accepts_text(asked, self.traits.get(name).map(|(_, word)| word)),
            Condition::Count(wanted, within, asked) => {
                // Open: an event of a local day that has not come yet, because a clock or a visitor went back, counts.
                let is_recent = |day: i64| within.is_none_or(|days| day > local_day(clock) - days as i64);
                let count = self.events.iter().filter(|(day, event)| is_recent(*day) && is_such(event, wanted)).count();
                accepts_number(asked.unwrap_or(Number::AtLeast(1)), Some(count as f64))
            }
            Condition::ContextText(name, asked) => accepts_text(asked, self.texts.get(name)),
            Condition::Temperature(asked) => accepts_number(*asked, self.temperature),
            Condition::Hour(asked) => accepts_number(*asked, Some((local_minute(clock).rem_euclid(1_440) / 60) as f64)),
            Condition::Weekday(days) => days.contains(&weekday(local_day(clock))),
            Condition::At(journey, ids) => match self.standing(journey) {
                Some(Standing { state: State::At(id), .. }) => ids.contains(id),
                _ => false,
            },
            Condition::Is(journey, phases) => {
                let phase = match self.standing(journey).map(|standing| &standing.state) {
                    None => Phase::Never,
                    Some(State::At(_)) => Phase::Inside,
                    Some(State::Done) => Phase::Done,
                    Some(State::Reached) => Phase::Reached,
                    Some(State::Left) => Phase::Left,
                };
                phases.contains(&phase)
            }
            Condition::All(parts) => parts.iter().all(|part| self.holds(part, clock)),
            Condition::Any(parts) => parts.iter().any(|part| self.holds(part, clock)),
            Condition::Not(inner) => !self.holds(inner, clock),
        }
    }

    /// The minute of the day that `until: best` stands for; nothing where only the origin knows.
    fn best_minute(&self, between: Option<(u64, u64)>, otherwise: Option<u64>) -> Option<u64> {
        let lies_within = |hour: u64| match between {
            None => true,
            Some((from, until)) if from < until => hour >= from && hour < until,
            Some((from, until)) => hour >= from || hour < until,
        };
        let best = self.hours.as_ref()?.iter().map(|hour| u64::from(*hour)).find(|hour| lies_within(*hour));
        let nine = if lies_within(9) { 540 } else { between.map_or(0, |(from, _)| from * 60) };
        Some(best.map_or(otherwise.unwrap_or(nine), |hour| hour * 60))
    }

    /// The next instant, after now, at which the visitor's clock shows this minute of the day, on such a weekday.
    ///
    /// Open: "after now" is after the very ms, so at 08:59:30 it is nine in half a minute, and at nine sharp
    /// tomorrow. A time that comes twice is its first coming even for who asks between the two: theirs is tomorrow's.
    /// A skipped time has the weekday that it would have had. A change that lies before now is over.
    fn next_shown(&self, minute: u64, weekdays: &[u64], clock: Clock) -> u64 {
        let change = self.change.filter(|(at, _)| *at > clock.now);
        let is_wanted = |local: i64| {
            local.rem_euclid(1_440) == minute as i64
                && (weekdays.is_empty() || weekdays.contains(&weekday(local.div_euclid(1_440))))
        };
        let mut at = (clock.now / MINUTE + 1) * MINUTE;
        loop {
            let utc = (at / MINUTE) as i64;
            match change {
                Some((change, offset)) if at >= change => {
                    let changed = (change / MINUTE) as i64;
                    if at == change && (changed + clock.offset..changed + offset).any(is_wanted) {
                        return at;
                    }
                    let came_before = utc + offset - clock.offset < changed;
                    if is_wanted(utc + offset) && !came_before {
                        return at;
                    }
                }
                _ if is_wanted(utc + clock.offset) => return at,
                _ => {}
            }
            at += MINUTE;
        }
    }

    fn apply(&mut self, rule: &'static str) {
        *self.applied.entry(rule).or_insert(0) += 1;
    }
}

fn is_inside(standing: &Standing) -> bool {
    matches!(standing.state, State::At(_))
}

/// The step with this id and all that follows it: the rest of its list, then that of each list around it.
pub fn beginning_at<'a>(journey: &'a Journey, id: &str) -> Ahead<'a> {
    fn search<'a>(list: &'a [Step], id: &str, around: &Ahead<'a>) -> Option<Ahead<'a>> {
        list.iter().enumerate().find_map(|(at, step)| {
            let mut found = around.clone();
            if step.id.as_deref() == Some(id) {
                found.push(&list[at..]);
                return Some(found);
            }
            found.push(&list[at + 1..]);
            step.act.lists().into_iter().find_map(|inner| search(inner, id, &found))
        })
    }
    search(&journey.steps, id, &Vec::new()).expect("a step with this id")
}

/// Takes the next step off what is ahead.
pub fn pass<'a>(ahead: &mut Ahead<'a>) -> Option<&'a Step> {
    loop {
        match ahead.pop()? {
            [] => {}
            [first, rest @ ..] => {
                ahead.push(rest);
                return Some(first);
            }
        }
    }
}

/// Rounded up to a whole minute.
fn whole(now: u64) -> u64 {
    now.div_ceil(MINUTE) * MINUTE
}

/// Whole minutes of the visitor's clock since 1970.
fn local_minute(clock: Clock) -> i64 {
    (clock.now / MINUTE) as i64 + clock.offset
}

fn local_day(clock: Clock) -> i64 {
    local_minute(clock).div_euclid(1_440)
}

/// 1 for Monday; 1970-01-01 was a Thursday.
fn weekday(day: i64) -> u64 {
    (day + 3).rem_euclid(7) as u64 + 1
}

fn is_such(event: &Happening, wanted: &Occasion) -> bool {
    event.event == wanted.event && wanted.category.iter().all(|category| event.category.as_ref() == Some(category))
}

fn accepts_text(asked: &Text, value: Option<&String>) -> bool {
    let Some(value) = value else { return *asked == Text::Absent };
    match asked {
        Text::Is(word) => value == word,
        Text::IsNot(word) => value != word,
        Text::In(words) => words.contains(value),
        Text::NotIn(words) => !words.contains(value),
        Text::Present => true,
        Text::Absent => false,
    }
}

fn accepts_number(asked: Number, value: Option<f64>) -> bool {
    let Some(value) = value else { return false };
    match asked {
        Number::Is(number) => value == number as f64,
        Number::IsNot(number) => value != number as f64,
        Number::AtLeast(least) => value >= least as f64,
        Number::AtMost(most) => value <= most as f64,
        Number::MoreThan(number) => value > number as f64,
        Number::LessThan(number) => value < number as f64,
        Number::Between(least, most) => value >= least as f64 && value <= most as f64,
    }
}
