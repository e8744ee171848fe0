//! Journeys unfolded: the nested steps of the author as the flat list that an engine walks, each line with where it goes on.
//!
//! Every condition meets its attributes here, and what cannot work is told: a step that nobody reaches, a loop without a
//! rest, a name that stands for nothing, a journey that nobody can enter.

use std::collections::BTreeMap;

use petitfour::hash::xxh64;
use petitfour::id::Key;
use petitfour::journey::Place;

use super::check;
use super::{Act, Journey, Step, Test, Trigger, all};
use crate::attribute::Origin;
use crate::campaign::Stock;
use crate::condition::Resolver;
use crate::declaration::{Kind, Named, check_name};
use crate::diagnostic::Report;
use crate::dnf::{Conjunct, Formula};
use crate::folder::Folder;
use crate::reader::{self, Word};
use crate::segment::Counted;
use crate::source::Span;

/// All journeys of a folder, and what they share.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    pub(crate) journeys: Vec<Program>,
    pub(crate) triggers: Vec<Fires>,
    /// Conditions, each with its conjuncts.
    pub(crate) conditions: Vec<Vec<Conjunct>>,
    pub(crate) stocks: Vec<Stock>,
    /// Message, and index of its channel.
    pub(crate) messages: Vec<(String, usize)>,
}

/// One journey.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) enter: usize,
    pub(crate) goal: Option<usize>,
    /// The first, and how many there are; after them, how many only keep people out.
    pub(crate) exits: (usize, usize, usize),
    pub(crate) lines: Vec<Line>,
}

/// A trigger whose condition has met its attributes.
#[derive(Debug)]
pub(crate) struct Fires {
    pub(crate) on: Option<Counted>,
    /// Index in [`Programs::conditions`].
    pub(crate) when: Option<usize>,
    /// Index in [`Programs::stocks`], and whether it must be out.
    pub(crate) stock: Option<(usize, bool)>,
}

/// One line of a program.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// How somebody who rests here is known; 0 where nobody rests.
    pub(crate) code: u32,
    pub(crate) name: String,
    pub(crate) does: Does,
    /// Waits for a page where there is none.
    pub(crate) asks_page: bool,
    /// Places within the journey; none is its end.
    pub(crate) yes: Option<usize>,
    pub(crate) no: Option<usize>,
    pub(crate) span: Span,
}

/// What a line does; indices are those of [`Programs`].
#[derive(Clone, Debug)]
pub(crate) enum Does {
    Stop(u32),
    Wait {
        at_most: Option<u32>,
        trigger: Option<usize>,
    },
    Clock {
        minute: u16,
        hours: u32,
        weekdays: u8,
    },
    If(usize),
    Stock(usize),
    /// Index of the model, probability in 65 536ths.
    Score(usize, u32),
    /// Bound of 10 000, salt.
    Split(u16, u32),
    /// Key of the trait, what is said.
    Set(u32, u64),
    /// The first message and how many there are, one for each channel.
    Send(usize, usize),
    /// On at `no`: a `goto`, or the place of a step that was here once.
    On,
}

/// The code of a step by its id.
pub(crate) fn step_code(id: &str) -> u32 {
    Place::code(xxh64(id.as_bytes(), 0))
}

impl Journey {
    /// The ids of its steps, and of those that were there once.
    pub(crate) fn places(&self) -> Vec<&str> {
        let mut ids = Vec::new();
        all(&self.steps, &mut |step| ids.extend(step.id.as_ref().map(|id| id.text.as_str())));
        ids
    }
}

impl Programs {
    /// Unfolds every journey; what is missing has been reported.
    pub(crate) fn unfold<'a>(folder: &'a Folder, resolver: &mut Resolver<'a>, report: &mut Report) -> Self {
        let mut programs = Self::default();
        for journey in &folder.journeys {
            check_name(&journey.name, journey.span, report);
            if let Some(program) = programs.program(journey, folder, resolver, report) {
                programs.journeys.push(program);
            }
        }
        let feeds = folder.feeds.iter().map(|feed| feed.name.as_str()).collect();
        programs.stocks.iter().for_each(|stock| crate::check::check_feeds(stock, &feeds, report));
        programs
    }

    fn program<'a>(
        &mut self,
        journey: &'a Named<Journey>,
        folder: &'a Folder,
        resolver: &mut Resolver<'a>,
        report: &mut Report,
    ) -> Option<Program> {
        let item = &journey.item;
        check::enter(journey, resolver, report);
        let enter = self.trigger(&item.enter, resolver, report);
        let goal = item.goal.as_ref().map(|goal| self.trigger(goal, resolver, report));
        let first = self.triggers.len();
        for trigger in item.exits.iter().chain(&item.bars) {
            self.trigger(trigger, resolver, report);
        }
        let mut unfolding = Unfolding {
            shared: self,
            folder,
            resolver,
            report,
            lines: Vec::new(),
            named: BTreeMap::new(),
            jumps: Vec::new(),
        };
        let ends = unfolding.steps(&item.steps);
        unfolding.patch(&ends, None);
        unfolding.land();
        unfolding.moved(&item.moved);
        let lines = unfolding.lines;
        if lines.is_empty() {
            report.error("journey/no-step", journey.span, "a journey without a step goes nowhere").remedy("add steps");
            return None;
        }
        check::lines(journey, &lines, report);
        if lines.len() <= check::MAX_LINES {
            check::starved(&lines, &self.messages, folder, report);
        }
        Some(Program {
            enter: enter?,
            goal: goal.map_or(Some(None), |goal| goal.map(Some))?,
            exits: (first, item.exits.len(), item.bars.len()),
            lines,
        })
    }

    fn trigger<'a>(&mut self, trigger: &'a Trigger, resolver: &mut Resolver<'a>, report: &mut Report) -> Option<usize> {
        if let Some(on) = &trigger.on {
            resolver.names.events.get(on.event.text.as_str()).or_else(|| {
                let known = resolver.names.events.keys().copied();
                report.unknown("segment/unknown-event", "event", &on.event, known);
                None
            })?;
        }
        let when = match &trigger.when {
            Some(when) => Some(self.condition(resolver.formula(when, report)?, trigger.span, resolver, report)?),
            None => None,
        };
        let stock = trigger.stock.as_ref().map(|(stock, is_out)| (self.stock(stock), *is_out));
        self.triggers.push(Fires { on: trigger.on.clone(), when, stock });
        Some(self.triggers.len() - 1)
    }

    fn condition(
        &mut self,
        formula: Formula,
        span: Span,
        resolver: &Resolver<'_>,
        report: &mut Report,
    ) -> Option<usize> {
        if !resolver.can_match(&formula, span, "this condition", report) {
            return None;
        }
        self.conditions.push(formula.conjuncts().ok()?);
        Some(self.conditions.len() - 1)
    }

    fn stock(&mut self, stock: &Stock) -> usize {
        self.stocks.push(stock.clone());
        self.stocks.len() - 1
    }

    /// The first of a message's lines, one for each channel, which stand together.
    fn messages(&mut self, message: &str, channels: &[usize]) -> usize {
        let same = |lines: &[(String, usize)]| {
            lines.iter().zip(channels).all(|(line, channel)| line.0 == message && line.1 == *channel)
        };
        self.messages.windows(channels.len()).position(same).unwrap_or_else(|| {
            self.messages.extend(channels.iter().map(|channel| (message.to_owned(), *channel)));
            self.messages.len() - channels.len()
        })
    }
}

/// Which end of a line is still open.
type Open = (usize, bool);

struct Unfolding<'s, 'a, 'r> {
    shared: &'s mut Programs,
    folder: &'a Folder,
    resolver: &'r mut Resolver<'a>,
    report: &'s mut Report,
    lines: Vec<Line>,
    named: BTreeMap<&'a str, (usize, Span)>,
    jumps: Vec<(usize, &'a Word)>,
}

impl<'a> Unfolding<'_, 'a, '_> {
    /// Unfolds a list; the ends that go on after it come back. A list that begins with nothing has none of its own.
    fn steps(&mut self, steps: &'a [Step]) -> Vec<Open> {
        let mut open: Option<Vec<Open>> = None;
        for step in steps {
            let at = self.lines.len();
            let ends = self.step(step);
            if at == self.lines.len() {
                continue;
            }
            if let Some(open) = open.replace(ends) {
                self.patch(&open, Some(at));
            }
        }
        open.unwrap_or_default()
    }

    fn patch(&mut self, open: &[Open], to: Option<usize>) {
        for (line, yes) in open {
            if let Some(line) = self.lines.get_mut(*line) {
                *(if *yes { &mut line.yes } else { &mut line.no }) = to;
            }
        }
    }

    fn line(&mut self, step: &'a Step, does: Does, asks_page: bool) -> usize {
        let at = self.lines.len();
        let rests = matches!(does, Does::Wait { .. } | Does::Clock { .. } | Does::Send(..)) || asks_page;
        // A number of its own where the author gave no name: it holds as long as the file stays as it is.
        let name = step.id.as_ref().map_or_else(|| format!("step {at}"), |id| id.text.clone());
        let code = if rests || step.id.is_some() { step_code(&name) } else { 0 };
        if rests && !asks_page && step.id.is_none() {
            self.report
                .error("journey/no-id", step.span, "somebody rests here, and the place has no name")
                .remedy("add `id: name`, by which it is known for as long as people are in the journey");
        }
        if let Some(id) = &step.id {
            check_name(&id.text, id.span, self.report);
            if let Some((_, first)) = self.named.insert(&id.text, (at, id.span)) {
                self.report
                    .error("journey/duplicate-step", id.span, format!("two steps have the id `{}`", id.text))
                    .related(first, "the first one");
            }
        }
        self.lines.push(Line { code, name, does, asks_page, yes: None, no: None, span: step.span });
        at
    }

    /// Unfolds both ways of a line that has two; an empty way is an open end.
    fn ways(&mut self, at: usize, then: &'a [Step], otherwise: &'a [Step]) -> Vec<Open> {
        let mut ends = Vec::new();
        for (yes, steps) in [(true, then), (false, otherwise)] {
            let first = self.lines.len();
            let open = self.steps(steps);
            if first == self.lines.len() {
                ends.push((at, yes));
            } else {
                self.patch(&[(at, yes)], Some(first));
                ends.extend(open);
            }
        }
        ends
    }

    fn step(&mut self, step: &'a Step) -> Vec<Open> {
        match &step.act {
            Act::Wait { trigger, at_most, then, otherwise, .. } => {
                let fires = match trigger {
                    Some(trigger) => match self.shared.trigger(trigger, self.resolver, self.report) {
                        Some(fires) => Some(fires),
                        None => return self.broken(step),
                    },
                    None => None,
                };
                let at = self.line(step, Does::Wait { at_most: *at_most, trigger: fires }, false);
                self.ways(at, then, otherwise)
            }
            Act::Clock { minute, hours, weekdays, .. } => {
                let does = Does::Clock { minute: *minute, hours: *hours, weekdays: *weekdays };
                let at = self.line(step, does, false);
                vec![(at, false)]
            }
            Act::If { test, then, otherwise } => match self.test(test, step.span) {
                Some((does, asks_page)) => {
                    let at = self.line(step, does, asks_page);
                    self.ways(at, then, otherwise)
                }
                None => self.broken(step),
            },
            Act::Split(arms) => self.split(step, arms),
            Act::Set { name, to } => match self.said(name, to) {
                Some(value) => {
                    let at = self.line(step, Does::Set(Key::of(&name.text).0, value), false);
                    vec![(at, false)]
                }
                None => self.broken(step),
            },
            Act::Send { channels, message } => {
                let mut numbers = Vec::with_capacity(channels.len());
                for channel in channels {
                    let Some(number) = self.folder.channels.iter().position(|known| known.name == channel.text) else {
                        let known = self.folder.channels.iter().map(|known| known.name.as_str());
                        self.report.unknown("journey/unknown-channel", "channel", channel, known);
                        return self.broken(step);
                    };
                    numbers.push(number);
                }
                if numbers.is_empty() {
                    self.report
                        .error("journey/no-channel", step.span, "a message without a channel reaches nobody")
                        .remedy("name one, or a list of which the first that may carry it does");
                    return self.broken(step);
                }
                check_name(&message.text, message.span, self.report);
                let first = self.shared.messages(&message.text, &numbers);
                let at = self.line(step, Does::Send(first, numbers.len()), false);
                vec![(at, false)]
            }
            Act::Goto(word) => {
                let at = self.line(step, Does::On, false);
                self.jumps.push((at, word));
                Vec::new()
            }
            Act::Stop(end) => {
                self.line(step, Does::Stop(*end), false);
                Vec::new()
            }
            Act::Broken => self.broken(step),
        }
    }

    /// In the place of a step that was reported, so that nothing follows from it: whoever comes here goes on.
    fn broken(&mut self, step: &'a Step) -> Vec<Open> {
        let at = self.line(step, Does::On, false);
        vec![(at, false)]
    }

    fn split(&mut self, step: &'a Step, arms: &'a [(u16, Vec<Step>)]) -> Vec<Open> {
        // One draw for all arms: each line asks whether it lies below the shares so far.
        let salt = u32::try_from(self.lines.len()).unwrap_or(0).wrapping_add(1);
        let mut ends = Vec::new();
        let mut bound = 0u16;
        let mut last: Option<Open> = None;
        for (place, (share, steps)) in arms.iter().enumerate() {
            bound = bound.saturating_add(*share);
            let is_last = place + 1 == arms.len();
            let first = self.lines.len();
            if !is_last {
                if let Some(last) = last {
                    self.patch(&[last], Some(first));
                }
                let at = if place == 0 {
                    self.line(step, Does::Split(bound, salt), false)
                } else {
                    self.lines.push(Line {
                        code: 0,
                        name: String::new(),
                        does: Does::Split(bound, salt),
                        asks_page: false,
                        yes: None,
                        no: None,
                        span: step.span,
                    });
                    first
                };
                ends.extend(self.ways(at, steps, &[]).into_iter().filter(|end| *end != (at, false)));
                last = Some((at, false));
            } else {
                let open = self.steps(steps);
                match last {
                    Some(last) if first == self.lines.len() => ends.push(last),
                    Some(last) => {
                        self.patch(&[last], Some(first));
                        ends.extend(open);
                    }
                    None => ends.extend(open),
                }
            }
        }
        ends
    }

    /// What a test does, and whether only a page can answer.
    fn test(&mut self, test: &'a Test, span: Span) -> Option<(Does, bool)> {
        match test {
            Test::Condition(expression) => {
                let formula = self.resolver.formula(expression, self.report)?;
                let condition = self.shared.condition(formula, span, self.resolver, self.report)?;
                let attributes = &self.resolver.attributes;
                let of_page = |at: &usize| {
                    attributes.get(*at).is_some_and(|it| matches!(it.origin, Origin::Context | Origin::Seen))
                };
                let asks = self.shared.conditions.get(condition)?.iter().flat_map(Conjunct::keys).any(of_page);
                Some((Does::If(condition), asks))
            }
            Test::Stock(stock) => {
                let Some(feed) = self.folder.feeds.iter().find(|feed| feed.name == stock.feed.text) else {
                    let known = self.folder.feeds.iter().map(|feed| feed.name.as_str());
                    self.report.unknown("campaign/unknown-feed", "feed", &stock.feed, known);
                    return None;
                };
                Some((Does::Stock(self.shared.stock(stock)), feed.item.place.is_some()))
            }
            Test::Score(model, least) => {
                let Some(number) = self.folder.models.iter().position(|known| known.name == model.text) else {
                    let known = self.folder.models.iter().map(|known| known.name.as_str());
                    self.report.unknown("campaign/unknown-model", "model", model, known);
                    return None;
                };
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1, read so")]
                let least = (least * 65_536.0).round() as u32;
                Some((Does::Score(number, least), false))
            }
        }
    }

    /// A trait's value as a profile keeps it.
    fn said(&mut self, name: &Word, to: &Word) -> Option<u64> {
        let Some(known) = self.folder.traits.iter().find(|known| known.name == name.text) else {
            let known = self.folder.traits.iter().map(|known| known.name.as_str());
            self.report.unknown("segment/unknown-trait", "trait", name, known);
            return None;
        };
        match known.item.kind {
            Kind::Text => Some(xxh64(to.text.as_bytes(), 0)),
            Kind::Number => match reader::parse_number(&to.text) {
                Some(number) => Some(number.to_bits()),
                None => {
                    self.report.error("segment/wrong-value", to.span, format!("`{}` is not a number", to.text));
                    None
                }
            },
        }
    }

    /// Leads every `goto` to its step.
    fn land(&mut self) {
        for (at, word) in std::mem::take(&mut self.jumps) {
            let Some((to, _)) = self.named.get(word.text.as_str()).copied() else {
                self.report.unknown("journey/unknown-step", "step", word, self.named.keys().copied());
                continue;
            };
            if let Some(line) = self.lines.get_mut(at) {
                line.no = Some(to);
            }
        }
    }

    /// Adds the places of steps that were here once.
    fn moved(&mut self, moved: &'a [(Word, Word)]) {
        for (old, new) in moved {
            if let Some((_, span)) = self.named.get(old.text.as_str()) {
                self.report
                    .error("journey/moved-there", old.span, format!("the step `{}` is still here", old.text))
                    .related(*span, "here");
            }
            let Some((to, _)) = self.named.get(new.text.as_str()).copied() else {
                self.report.unknown("journey/unknown-step", "step", new, self.named.keys().copied());
                continue;
            };
            let (code, name) = (step_code(&old.text), old.text.clone());
            self.lines.push(Line {
                code,
                name,
                does: Does::On,
                asks_page: false,
                yes: None,
                no: Some(to),
                span: old.span,
            });
        }
    }
}
