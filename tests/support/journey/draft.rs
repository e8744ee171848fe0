//! Random campaign files with journeys, and random edits of them.
//!
//! Every file compiles: conditions can hold and can fail, every step can be reached, and no `goto` comes round
//! without a rest.

use super::chance::Chance;
use super::reference::{Ahead, beginning_at, pass};
use super::script::{
    Act, Again, CATEGORIES, Changed, Condition, EVENTS, End, ITEMS, Journey, Number, OFFERS, Occasion, PROBABILITIES,
    Phase, SHOPS, Script, Step, TRAITS, Test, Text, Trigger, WEATHERS, WORDS,
};
use std::collections::{BTreeMap, BTreeSet};

const HOUR: u64 = 60;
const DAY: u64 = 24 * HOUR;
const NAMES: [&str; 4] = ["first", "second", "third", "fourth"];
const PHASES: [Phase; 5] = [Phase::Inside, Phase::Done, Phase::Reached, Phase::Left, Phase::Never];
/// What a `goto` says before its journey is whole.
const SOMEWHERE: &str = "?";
/// Most steps of a journey: far below the 64 that may be passed in one look.
const STEPS: usize = 18;

/// Draws one file after the other.
pub struct Draft<'a> {
    chance: &'a mut Chance,
    script: Script,
    /// Ids of the rests of journeys that are written, for conditions.
    rests: BTreeMap<String, Vec<String>>,
    /// First minute of the timeline, for schedules.
    start: u64,
    steps: usize,
    /// Whether conditions may speak of journeys: not before it is known where these rest.
    places: bool,
}

impl<'a> Draft<'a> {
    /// A file for timelines from that minute on. `size` from 1 to 10.
    pub fn script(chance: &'a mut Chance, start: u64, size: u64) -> Script {
        let script = Script { segments: Vec::new(), journeys: Vec::new(), splits: Vec::new() };
        let mut draft = Draft { chance, script, rests: BTreeMap::new(), start, steps: 0, places: false };
        draft.write(size);
        draft.script
    }

    /// A condition about anything but journeys.
    pub fn condition(chance: &'a mut Chance) -> Condition {
        let script = Script { segments: Vec::new(), journeys: Vec::new(), splits: Vec::new() };
        let mut draft = Draft { chance, script, rests: BTreeMap::new(), start: 0, steps: 0, places: false };
        draft.whole_condition()
    }

    fn write(&mut self, size: u64) {
        let count = 1 + self.chance.below(size.div_ceil(3).min(4)) as usize;
        // Steps first, so that conditions everywhere may name the places of every journey.
        for name in NAMES.into_iter().take(count) {
            self.steps = 0;
            let depth = if size < 3 { 1 } else { 3 };
            let (steps, _) = self.list(depth, 1 + size.min(4));
            let mut journey = Journey {
                name: name.to_owned(),
                enter: Trigger { on: None, when: None },
                steps,
                again: Again::Never,
                schedule: (None, None),
                goal: None,
                exit: None,
                group: None,
                suppress: Vec::new(),
                changed: None,
                moved: Vec::new(),
            };
            number_steps(&mut journey, self.chance);
            direct(&mut journey, self.chance);
            self.rests.insert(name.to_owned(), journey.rests());
            self.script.journeys.push(journey);
        }
        self.places = true;
        for number in 0..self.chance.below(4) {
            let condition = self.whole_condition();
            self.script.segments.push((format!("segment_{number}"), condition));
        }
        let mut journeys = self.script.journeys.clone();
        for journey in &mut journeys {
            self.fill(&mut journey.steps);
            self.set_terms(journey, count);
        }
        self.script.journeys = journeys;
    }

    fn set_terms(&mut self, journey: &mut Journey, count: usize) {
        journey.enter = self.entrance();
        journey.again = match self.chance.below(5) {
            0 => Again::Never,
            1..=2 => Again::Always,
            _ => Again::After(self.duration()),
        };
        if self.chance.percent(20) {
            let from = self.start + self.chance.below(10 * DAY);
            let until = from + self.chance.below(60 * DAY) + DAY;
            journey.schedule = self.chance.pick(&[(Some(from), None), (None, Some(until)), (Some(from), Some(until))]);
        }
        journey.goal = self.chance.percent(35).then(|| self.trigger(75));
        journey.exit = self.chance.percent(25).then(|| self.trigger(75));
        journey.changed = self.chance.pick(&[None, Some(Changed::Park), Some(Changed::Exit)]);
        if count > 1 {
            journey.group = self.chance.percent(30).then(|| self.chance.pick(&["one", "one", "two"]).to_owned());
            if self.chance.percent(25) {
                let others: Vec<&str> = NAMES.into_iter().take(count).filter(|name| *name != journey.name).collect();
                journey.suppress = self.chance.some(&others, 2).into_iter().map(str::to_owned).collect();
            }
        }
    }

    /// Steps whose conditions are still to be written, and whether the step after the list can be reached through it.
    fn list(&mut self, depth: u64, most: u64) -> (Vec<Step>, bool) {
        let mut steps = Vec::new();
        for _ in 0..1 + self.chance.below(most) {
            if self.steps >= STEPS {
                break;
            }
            self.steps += 1;
            let (act, goes_on) = self.act(depth);
            steps.push(Step { id: None, act, show: Vec::new() });
            if !goes_on {
                return (steps, false);
            }
        }
        if steps.is_empty() {
            steps.push(Step { id: None, act: self.saying(), show: Vec::new() });
        }
        match self.chance.below(10) {
            0 => steps.push(Step { id: None, act: Act::Goto(SOMEWHERE.to_owned()), show: Vec::new() }),
            1 => {
                let end = self.chance.pick(&[End::Done, End::Reached, End::Left]);
                steps.push(Step { id: None, act: Act::Stop(end), show: Vec::new() });
            }
            _ => return (steps, true),
        }
        (steps, false)
    }

    fn act(&mut self, depth: u64) -> (Act, bool) {
        match self.chance.below(if depth == 0 { 12 } else { 20 }) {
            0..=2 => (Act::WaitFor(self.duration()), true),
            3..=4 => {
                let weekdays =
                    if self.chance.percent(40) { self.chance.some(&[1, 2, 3, 4, 5, 6, 7], 3) } else { Vec::new() };
                if self.chance.percent(40) {
                    return (self.best(weekdays), true);
                }
                (Act::WaitUntil(self.clock(), weekdays), true)
            }
            5..=6 => {
                let at_most = self.chance.percent(70).then(|| self.duration());
                (Act::WaitOn { trigger: unwritten(), at_most, then: Vec::new(), otherwise: Vec::new() }, true)
            }
            7..=8 => {
                let channel = self.chance.pick(&["mail", "call"]).to_owned();
                (Act::Send { channel, message: self.chance.pick(&["hello", "ask"]).to_owned() }, true)
            }
            9..=11 => (self.saying(), true),
            12..=13 => {
                let at_most = self.chance.percent(70).then(|| self.duration());
                let (then, then_goes_on) = self.list(depth - 1, 2);
                // What nobody can come to may be a fault.
                let with_else = at_most.is_some() && self.chance.percent(60);
                let (otherwise, else_goes_on) = if with_else { self.list(depth - 1, 2) } else { (Vec::new(), true) };
                let goes_on = then_goes_on || (at_most.is_some() && else_goes_on);
                (Act::WaitOn { trigger: unwritten(), at_most, then, otherwise }, goes_on)
            }
            14..=17 => {
                let which = self.chance.below(4);
                let (then, then_goes_on) = if which == 0 { (Vec::new(), true) } else { self.list(depth - 1, 2) };
                let (otherwise, else_goes_on) = if which == 1 { (Vec::new(), true) } else { self.list(depth - 1, 2) };
                let test = match self.chance.below(6) {
                    0 => Test::Stock {
                        item: self.chance.pick(&ITEMS).to_owned(),
                        at_least: self.chance.between(1, 6),
                        max_age: self.chance.percent(60).then(|| self.chance.pick(&[20, 2 * HOUR, DAY])),
                        show: self.chance.pick(&[None, Some(true), Some(false)]),
                    },
                    1 => Test::Model(self.chance.pick(&PROBABILITIES)),
                    _ => Test::Holds(Condition::All(Vec::new())),
                };
                (Act::If { test, then, otherwise }, then_goes_on || else_goes_on)
            }
            _ => {
                let shares = self.chance.pick(&[vec![30, 70], vec![50, 50], vec![20, 30, 50]]);
                // Each split multiplies the lives that a visitor may have had.
                if self.script.splits.len() == 3 {
                    return (self.saying(), true);
                }
                let number = self.script.splits.len();
                self.script.splits.push(shares.len());
                let (mut arms, mut goes_on) = (Vec::new(), false);
                for share in shares {
                    let (steps, arm_goes_on) = self.list(depth - 1, 2);
                    arms.push((share, steps));
                    goes_on |= arm_goes_on;
                }
                (Act::Split { number, arms }, goes_on)
            }
        }
    }

    fn saying(&mut self) -> Act {
        Act::Set { name: self.chance.pick(&TRAITS).to_owned(), to: self.chance.pick(&WORDS).to_owned() }
    }

    /// Writes the conditions of steps, and what waits show.
    fn fill(&mut self, steps: &mut [Step]) {
        for step in steps {
            match &mut step.act {
                Act::WaitOn { trigger, .. } => *trigger = self.trigger(65),
                Act::If { test: Test::Holds(condition), .. } => *condition = self.whole_condition(),
                _ => {}
            }
            let is_wait = step.act.is_rest() && !matches!(step.act, Act::Send { .. });
            if is_wait && self.chance.percent(15) {
                step.show = self.chance.some(&OFFERS, 2).into_iter().map(|(_, campaign)| campaign.to_owned()).collect();
            }
            step.act.lists_mut().into_iter().for_each(|list| self.fill(list));
        }
    }

    fn trigger(&mut self, on: u64) -> Trigger {
        let on = self.chance.percent(on).then(|| self.occasion());
        let when = (on.is_none() || self.chance.percent(20)).then(|| self.whole_condition());
        Trigger { on, when }
    }

    /// Mostly an event that happens often: nothing can go wrong with those who never enter.
    fn entrance(&mut self) -> Trigger {
        if self.chance.percent(30) {
            return self.trigger(25);
        }
        let event = self.chance.pick(&EVENTS[..3]).to_owned();
        Trigger { on: Some(Occasion { event, category: None }), when: None }
    }

    fn occasion(&mut self) -> Occasion {
        let category = self.chance.percent(25).then(|| self.chance.pick(&CATEGORIES).to_owned());
        Occasion { event: self.chance.pick(&EVENTS[..3]).to_owned(), category }
    }

    fn whole_condition(&mut self) -> Condition {
        let depth = self.chance.pick(&[0, 0, 1, 1, 2]);
        self.part(depth, &mut BTreeSet::new()).expect("nothing was spoken of before")
    }

    /// A condition about nothing that was spoken of, so that no two parts exclude each other.
    fn part(&mut self, depth: u64, spoken: &mut BTreeSet<String>) -> Option<Condition> {
        if depth > 0 && self.chance.percent(80) {
            if self.chance.percent(30) {
                return self.part(depth - 1, spoken).map(|inner| Condition::Not(Box::new(inner)));
            }
            let parts: Vec<Condition> =
                (0..2 + self.chance.below(2)).filter_map(|_| self.part(depth - 1, spoken)).collect();
            if parts.is_empty() {
                return None;
            }
            return Some(if self.chance.percent(50) { Condition::All(parts) } else { Condition::Any(parts) });
        }
        for _ in 0..12 {
            let atom = self.atom();
            let subjects = self.script.subjects(&atom);
            if spoken.is_disjoint(&subjects) {
                spoken.extend(subjects);
                return Some(atom);
            }
        }
        None
    }

    fn atom(&mut self) -> Condition {
        let journeys: Vec<String> = self.rests.keys().cloned().collect();
        match self.chance.below(if self.places { 12 } else { 8 }) {
            0 => Condition::Trait(self.chance.pick(&TRAITS).to_owned(), self.text(&WORDS)),
            1..=3 => {
                let within = self.chance.percent(50).then(|| self.chance.pick(&[1, 2, 7, 30]));
                Condition::Count(self.occasion(), within, self.count())
            }
            4 => {
                let (name, words) = self.chance.pick(&[("weather", WEATHERS), ("shop", SHOPS)]);
                Condition::ContextText(name.to_owned(), self.text(&words))
            }
            5 => Condition::Temperature(self.number(10, 30)),
            6 => Condition::Hour(self.number(1, 22)),
            7 => Condition::Weekday(self.chance.some(&[1, 2, 3, 4, 5, 6, 7], 4)),
            8..=9 if !self.script.segments.is_empty() => {
                let names: Vec<String> = self.script.segments.iter().map(|(name, _)| name.clone()).collect();
                Condition::Segment(self.chance.pick(&names))
            }
            10 => {
                let name = self.chance.pick(&journeys);
                match self.rests[&name].clone().as_slice() {
                    [] => Condition::Is(name, vec![Phase::Done]),
                    ids => Condition::At(name, self.chance.some(ids, 2)),
                }
            }
            _ => Condition::Is(self.chance.pick(&journeys), self.chance.some(&PHASES, 2)),
        }
    }

    fn text(&mut self, words: &[&str]) -> Text {
        let word = self.chance.pick(words).to_owned();
        let most = words.len() - 1;
        let listed = self.chance.some(words, most).into_iter().map(str::to_owned).collect();
        match self.chance.below(8) {
            0..=2 => Text::Is(word),
            3 => Text::IsNot(word),
            4 => Text::In(listed),
            5 => Text::NotIn(listed),
            6 => Text::Present,
            _ => Text::Absent,
        }
    }

    /// A question about a number that some numbers within these answer with yes and some with no.
    fn number(&mut self, least: i64, most: i64) -> Number {
        let number = self.chance.between(least, most);
        match self.chance.below(7) {
            0 => Number::Is(number),
            1 => Number::IsNot(number),
            2 => Number::AtLeast(number),
            3 => Number::AtMost(number),
            4 => Number::MoreThan(number - 1),
            5 => Number::LessThan(number + 1),
            _ => Number::Between(number, self.chance.between(number, most)),
        }
    }

    fn count(&mut self) -> Option<Number> {
        let number = self.chance.between(1, 3);
        match self.chance.below(6) {
            0..=2 => None,
            3 => Some(Number::AtLeast(number)),
            4 => Some(Number::LessThan(number)),
            _ => Some(self.number(1, 3)),
        }
    }

    fn duration(&mut self) -> u64 {
        match self.chance.below(4) {
            0 => 1 + self.chance.below(90),
            1 => HOUR * (1 + self.chance.below(30)),
            2 => DAY * (1 + self.chance.below(7)),
            _ => DAY * (1 + self.chance.below(30)),
        }
    }

    /// A wait for the best hour, perhaps over midnight, with an `otherwise` that lies within.
    fn best(&mut self, weekdays: Vec<u64>) -> Act {
        let from = self.chance.below(24);
        let length = 1 + self.chance.below(23);
        let between = self.chance.percent(60).then_some((from, (from + length) % 24));
        let (first, hours) = if between.is_some() { (from, length) } else { (0, 24) };
        let within = (first * HOUR + self.chance.below(hours * HOUR)) % DAY;
        Act::WaitBest { between, otherwise: self.chance.percent(60).then_some(within), weekdays }
    }

    /// Often near the hours at which clocks change.
    fn clock(&mut self) -> u64 {
        self.chance.pick(&[0, 30, 2 * HOUR, 2 * HOUR + 30, 3 * HOUR, 3 * HOUR + 30, 9 * HOUR, 9 * HOUR, 23 * HOUR + 45])
    }
}

fn unwritten() -> Trigger {
    Trigger { on: None, when: None }
}

/// Gives every rest an id, and some other steps.
fn number_steps(journey: &mut Journey, chance: &mut Chance) {
    fn visit(steps: &mut [Step], chance: &mut Chance, number: &mut u32) {
        for step in steps {
            if step.act.is_rest() || chance.percent(35) {
                *number += 1;
                step.id = Some(format!("step-{number}"));
            }
            step.act.lists_mut().into_iter().for_each(|list| visit(list, chance, number));
        }
    }
    visit(&mut journey.steps, chance, &mut 0);
}

/// Gives every `goto` a step to go to; where each way that is tried comes round without a rest, the journey stops.
fn direct(journey: &mut Journey, chance: &mut Chance) {
    fn settle(steps: &mut [Step], act: &Act) -> bool {
        steps.iter_mut().any(|step| {
            if step.act == Act::Goto(SOMEWHERE.to_owned()) {
                step.act = act.clone();
                return true;
            }
            step.act.lists_mut().into_iter().any(|list| settle(list, act))
        })
    }
    let ids = journey.ids();
    loop {
        for last in [false, false, false, false, true] {
            let stops = last || ids.is_empty();
            let act = if stops { Act::Stop(End::Done) } else { Act::Goto(chance.pick(&ids)) };
            let mut tried = journey.clone();
            if !settle(&mut tried.steps, &act) {
                return;
            }
            if !comes_round(&tried) {
                *journey = tried;
                break;
            }
        }
    }
}

/// Whether some `goto` leads back to itself past no rest.
fn comes_round(journey: &Journey) -> bool {
    fn visit<'a>(
        journey: &'a Journey,
        mut ahead: Ahead<'a>,
        open: &mut Vec<*const Step>,
        closed: &mut BTreeSet<*const Step>,
    ) -> bool {
        let Some(step) = pass(&mut ahead) else { return false };
        if open.contains(&std::ptr::from_ref(step)) {
            return true;
        }
        if step.act.is_rest() || closed.contains(&std::ptr::from_ref(step)) {
            return false;
        }
        let ways: Vec<Ahead<'a>> = match &step.act {
            Act::Goto(id) if id == SOMEWHERE => Vec::new(),
            Act::Goto(id) => vec![beginning_at(journey, id)],
            Act::Stop(_) => Vec::new(),
            Act::If { .. } | Act::Split { .. } => {
                let lists = step.act.lists().into_iter();
                lists.map(|list| ahead.iter().copied().chain([list.as_slice()]).collect()).collect()
            }
            _ => vec![ahead],
        };
        open.push(step);
        let found = ways.into_iter().any(|way| visit(journey, way, open, closed));
        open.pop();
        closed.insert(step);
        found
    }
    let targets = journey.every_step().into_iter().filter_map(|step| match &step.act {
        Act::Goto(id) if id != SOMEWHERE => Some(id),
        _ => None,
    });
    let mut closed = BTreeSet::new();
    targets.into_iter().any(|id| visit(journey, beginning_at(journey, id), &mut Vec::new(), &mut closed))
}

/// The file as its author might publish it next: steps gone, renamed, new, in another order, waits of another length.
/// Kinds of steps stay what they are under their ids, because nothing is said of those who rest at a wait that has
/// become something else. The same file where an edit would make it come round without a rest.
pub fn edit(chance: &mut Chance, script: &Script) -> Script {
    let mut edited = script.clone();
    for _ in 0..1 + chance.below(4) {
        let at = chance.below(edited.journeys.len() as u64) as usize;
        // Mostly a place where somebody may be.
        let steps = edited.journeys[at].every_step();
        let rests: Vec<u64> = (0..steps.len()).filter(|at| steps[*at].act.is_rest()).map(|at| at as u64).collect();
        let any = chance.below(steps.len() as u64);
        let mut number = if !rests.is_empty() && chance.percent(70) { chance.pick(&rests) } else { any };
        let name = edited.journeys[at].name.clone();
        let is_new = format!("new-{}", chance.below(1_000_000));
        let journey = &mut edited.journeys[at];
        match chance.below(8) {
            0..=2 => {
                change_list(&mut journey.steps, &mut number, &mut |list, place| drop(list.remove(place)));
            }
            3 => {
                let mut old = None;
                change_list(&mut journey.steps, &mut number, &mut |list, place| {
                    old = list[place].id.replace(is_new.clone()).map(|old| (old, list[place].act.is_rest()));
                });
                let Some((old, is_rest)) = old else { continue };
                if is_rest {
                    journey.moved.retain(|(gone, _)| *gone != old);
                    journey.moved.iter_mut().filter(|(_, to)| *to == old).for_each(|(_, to)| to.clone_from(&is_new));
                    journey.moved.push((old.clone(), is_new.clone()));
                }
                rename(&mut edited, &name, &old, &is_new);
            }
            4 => change_list(&mut journey.steps, &mut number, &mut |list, place| {
                let step = Step { id: Some(is_new.clone()), act: Act::WaitFor(3 * HOUR), show: Vec::new() };
                list.insert(place, step);
            }),
            5 => change_list(&mut journey.steps, &mut number, &mut |list, place| {
                let stays =
                    |step: &Step| matches!(step.act, Act::Goto(_) | Act::Stop(_)) || !step.act.lists().is_empty();
                if place > 0 && !stays(&list[place]) && !stays(&list[place - 1]) {
                    list.swap(place - 1, place);
                }
            }),
            _ => {
                change_list(&mut journey.steps, &mut number, &mut |list, place| match &mut list[place].act {
                    Act::WaitFor(minutes) | Act::WaitOn { at_most: Some(minutes), .. } => {
                        *minutes = *minutes * 2 % (40 * DAY) + 1
                    }
                    Act::WaitUntil(minute, _) => *minute = (*minute + 95) % DAY,
                    // Both are clocks: who rests there without a time gets one.
                    Act::WaitBest { weekdays, .. } => list[place].act = Act::WaitUntil(10 * HOUR, weekdays.clone()),
                    _ => {}
                });
                journey.changed = chance.pick(&[None, Some(Changed::Park), Some(Changed::Exit)]);
            }
        }
    }
    mend(chance, script, &mut edited);
    if edited.journeys.iter().any(comes_round) { script.clone() } else { edited }
}

/// Does something to the list in which the step of that number stands, and at its place there.
fn change_list(steps: &mut Vec<Step>, number: &mut u64, change: &mut dyn FnMut(&mut Vec<Step>, usize)) {
    fn visit(steps: &mut Vec<Step>, number: &mut u64, change: &mut dyn FnMut(&mut Vec<Step>, usize)) -> bool {
        for place in 0..steps.len() {
            if *number == 0 {
                change(steps, place);
                return true;
            }
            *number -= 1;
            if steps[place].act.lists_mut().into_iter().any(|list| visit(list, number, change)) {
                return true;
            }
        }
        false
    }
    visit(steps, number, change);
}

fn rename(script: &mut Script, name: &str, old: &str, new: &str) {
    let of = |id: &mut String| {
        if id == old {
            new.clone_into(id);
        }
    };
    for journey in script.journeys.iter_mut().filter(|journey| journey.name == name) {
        each_step(&mut journey.steps, &mut |step| {
            if let Act::Goto(id) = &mut step.act {
                of(id);
            }
        });
    }
    each_condition(script, &mut |condition| {
        if let Condition::At(journey, ids) = condition
            && journey == name
        {
            ids.iter_mut().for_each(of);
        }
    });
}

/// Nothing names a step that is gone, and no list is empty that must not be.
fn mend(chance: &mut Chance, before: &Script, script: &mut Script) {
    let mut rests = BTreeMap::new();
    for journey in &mut script.journeys {
        let fill = || Step {
            id: None,
            act: Act::Set { name: TRAITS[0].to_owned(), to: WORDS[0].to_owned() },
            show: Vec::new(),
        };
        if journey.steps.is_empty() {
            journey.steps.push(fill());
        }
        let ids = journey.ids();
        each_step(&mut journey.steps, &mut |step| match &mut step.act {
            Act::Goto(id) if !ids.contains(id) => step.act = Act::Stop(End::Done),
            Act::If { then, otherwise, .. } if then.is_empty() && otherwise.is_empty() => then.push(fill()),
            Act::Split { arms, .. } => {
                arms.iter_mut().filter(|(_, steps)| steps.is_empty()).for_each(|(_, steps)| steps.push(fill()));
            }
            _ => {}
        });
        journey.moved.retain(|(old, new)| !ids.contains(old) && ids.contains(new));
        for gone in before.journey(&journey.name).map(Journey::rests).unwrap_or_default() {
            let is_moved = journey.moved.iter().any(|(old, _)| *old == gone);
            if !ids.is_empty() && !ids.contains(&gone) && !is_moved && chance.percent(50) {
                journey.moved.push((gone, chance.pick(&ids)));
            }
        }
        rests.insert(journey.name.clone(), journey.rests());
    }
    each_condition(script, &mut |condition| {
        if let Condition::At(journey, ids) = condition {
            ids.retain(|id| rests[journey].contains(id));
            if ids.is_empty() {
                *condition = Condition::Is(journey.clone(), vec![Phase::Inside]);
            }
        }
    });
}

fn each_step(steps: &mut [Step], change: &mut dyn FnMut(&mut Step)) {
    for step in steps {
        change(step);
        step.act.lists_mut().into_iter().for_each(|list| each_step(list, change));
    }
}

fn each_condition(script: &mut Script, change: &mut dyn FnMut(&mut Condition)) {
    fn visit(condition: &mut Condition, change: &mut dyn FnMut(&mut Condition)) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => parts.iter_mut().for_each(|part| visit(part, change)),
            Condition::Not(inner) => visit(inner, change),
            _ => change(condition),
        }
    }
    script.segments.iter_mut().for_each(|(_, condition)| visit(condition, change));
    for journey in &mut script.journeys {
        let triggers = [Some(&mut journey.enter), journey.goal.as_mut(), journey.exit.as_mut()];
        triggers.into_iter().flatten().filter_map(|trigger| trigger.when.as_mut()).for_each(|when| visit(when, change));
        each_step(&mut journey.steps, &mut |step| match &mut step.act {
            Act::WaitOn { trigger: Trigger { when: Some(condition), .. }, .. }
            | Act::If { test: Test::Holds(condition), .. } => visit(condition, change),
            _ => {}
        });
    }
}
