//! Reading a journey: its keys, its triggers, its steps.

use super::{Act, Journey, MEMORY, Step, Test, Trigger};
use crate::campaign::{Schedule, Stock, read_holdout, read_share};
use crate::condition::WEEKDAYS;
use crate::diagnostic::Report;
use crate::period;
use crate::reader::{self, Fields, Word};
use crate::segment::{Counted, Expression, read_where};
use crate::source::{Node, Span, Value};
use petitfour::journey::{DONE, LEFT, REACHED};

/// The keys of which a step has exactly one.
const ACTS: [&str; 7] = ["wait", "if", "split", "set", "send", "goto", "stop"];
/// How deep steps may stand within steps.
const MAX_DEPTH: usize = 16;
/// What `until:` says for the best hour of somebody.
const BEST: &str = "best";
/// Nine in the morning, in minutes: when somebody is met of whom nothing is known.
const OTHERWISE: u16 = 9 * 60;
/// All hours of a day.
const DAY: u32 = (1 << 24) - 1;
const ENDS: [(&str, u32); 3] = [("done", DONE), ("reached", REACHED), ("left", LEFT)];

impl Journey {
    /// Reads one entry of `journeys:`.
    pub(crate) fn read(node: &Node, what: &'static str, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, what, report)?;
        let enter = fields.need("enter", report).and_then(|entry| Trigger::read(&entry.node, report));
        let goal = fields.take("goal").and_then(|entry| Trigger::read(&entry.node, report));
        let exit = fields.take("exit").and_then(|entry| Trigger::read(&entry.node, report));
        let again = fields.word("again", report).and_then(|word| read_again(&word, report));
        let schedule = fields.take("schedule").and_then(|entry| Schedule::read(&entry.node, report));
        let holdout = fields.take("holdout").and_then(|entry| read_holdout(&entry.node, report));
        let group = fields.word("group", report);
        let suppress = fields.take("suppress").map(|entry| reader::words(&entry.node, "suppress", report));
        let changed = fields.word("changed", report).is_some_and(|word| {
            if !matches!(word.text.as_str(), "park" | "exit") {
                report
                    .error("journey/unknown-changed", word.span, format!("`changed` has no choice `{}`", word.text))
                    .nearest(&word.text, ["park", "exit"]);
            }
            word.text == "exit"
        });
        let moved = fields.take("moved").map(|entry| {
            let lines = reader::named(&entry.node, "`moved`", report);
            let pair = |old: &str, span, node: &Node, report: &mut Report| {
                let new = reader::word(node, old, report)?;
                Some((Word { text: old.to_owned(), span }, new))
            };
            lines.iter().filter_map(|line| pair(&line.key, line.key_span, &line.node, report)).collect()
        });
        let steps = fields.need("steps", report).map(|entry| read_steps(&entry.node, 0, report));
        fields.finish(report);
        Some(Self {
            enter: enter?,
            goal,
            exits: exit.into_iter().collect(),
            bars: Vec::new(),
            again,
            schedule: schedule.unwrap_or(Schedule { from: i64::MIN, until: i64::MAX }),
            holdout: holdout.unwrap_or(0),
            group,
            suppress: suppress.unwrap_or_default(),
            ends_when_changed: changed,
            moved: moved.unwrap_or_default(),
            steps: steps?,
        })
    }
}

fn read_again(word: &Word, report: &mut Report) -> Option<u32> {
    match word.text.as_str() {
        "never" => None,
        "always" => Some(0),
        _ => {
            let seconds = period::duration_word(word, "again", report)?;
            let most = (60, "minutes", i64::from(MEMORY));
            u32::try_from(period::in_units(seconds, word.span, "again", most, report)?).ok()
        }
    }
}

impl Trigger {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a trigger", report)?;
        let trigger = Self::take(&mut fields, report);
        fields.finish(report);
        if trigger.is_none() {
            report
                .error("journey/no-trigger", node.span, "a trigger says neither what happens nor what holds")
                .remedy("write `on: event`, `when: { condition }`, `in_stock:` or `out_of_stock:`");
        }
        trigger
    }

    /// The keys of a trigger, where there are any.
    fn take(fields: &mut Fields<'_>, report: &mut Report) -> Option<Self> {
        let span = fields.span();
        let event = fields.word("on", report);
        let property = read_where(fields, report).flatten();
        let when = fields.take("when").map(|entry| Expression::read(&entry.node, report));
        let mut stock = None;
        for (key, is_out) in [("in_stock", false), ("out_of_stock", true)] {
            if let Some(entry) = fields.take(key) {
                stock = Stock::read(&entry.node, report).map(|found| (found, is_out));
            }
        }
        let on = event.map(|event| Counted { event, property });
        (on.is_some() || when.is_some() || stock.is_some()).then_some(Self { on, when, stock, span })
    }
}

fn read_steps(node: &Node, depth: usize, report: &mut Report) -> Vec<Step> {
    if depth > MAX_DEPTH {
        report
            .error("journey/depth", node.span, format!("steps stand more than {MAX_DEPTH} deep in each other"))
            .remedy("give a step an `id` and go on there with `goto`");
        return Vec::new();
    }
    reader::list(node, "`steps`", report).iter().filter_map(|node| Step::read(node, depth, report)).collect()
}

impl Step {
    fn read(node: &Node, depth: usize, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a step", report)?;
        let id = fields.word("id", report);
        let written: Vec<&str> = ACTS.into_iter().filter(|act| fields.has(act)).collect();
        let [act] = written.as_slice() else {
            report
                .error("journey/step", node.span, format!("a step does one thing, not {}", written.len()))
                .remedy("begin it with `wait:`, `if:`, `split:`, `set:`, `send:`, `goto:` or `stop:`");
            return Some(Self { id, act: Act::Broken, span: node.span });
        };
        let act = Act::read(act, &mut fields, depth, report);
        fields.finish(report);
        Some(Self { id, act: act.unwrap_or(Act::Broken), span: node.span })
    }
}

impl Act {
    fn read(key: &str, fields: &mut Fields<'_>, depth: usize, report: &mut Report) -> Option<Self> {
        match key {
            "wait" => {
                let entry = fields.take("wait")?;
                let show = fields.take("show").map(|entry| reader::words(&entry.node, "show", report));
                let (then, otherwise) = read_ways(fields, depth, report);
                read_wait(&entry.node, show.unwrap_or_default(), (then, otherwise), report)
            }
            "if" => {
                let entry = fields.take("if")?;
                let (then, otherwise) = read_ways(fields, depth, report);
                Some(Self::If { test: Test::read(&entry.node, report)?, then, otherwise })
            }
            "split" => {
                let entry = fields.take("split")?;
                read_split(&entry.node, depth, report)
            }
            "set" => {
                let entry = fields.take("set")?;
                let mut fields = Fields::of(&entry.node, "`set`", report)?;
                let (name, to) = (fields.need_word("trait", report), fields.need_word("to", report));
                fields.finish(report);
                Some(Self::Set { name: name?, to: to? })
            }
            "send" => {
                let entry = fields.take("send")?;
                let mut fields = Fields::of(&entry.node, "`send`", report)?;
                let channels = fields.need("channel", report).map(|entry| match &entry.node.value {
                    Value::Scalar(text) => vec![Word { text: text.clone(), span: entry.node.span }],
                    _ => reader::words(&entry.node, "channel", report),
                });
                let message = fields.need_word("message", report);
                fields.finish(report);
                Some(Self::Send { channels: channels?, message: message? })
            }
            "goto" => fields.word("goto", report).map(Self::Goto),
            _ => {
                let word = fields.word("stop", report)?;
                let end = ENDS.iter().find(|(name, _)| *name == word.text);
                if end.is_none() {
                    report
                        .error("journey/unknown-end", word.span, format!("a journey does not end as `{}`", word.text))
                        .nearest(&word.text, ENDS.map(|(name, _)| name));
                }
                end.map(|(_, end)| Self::Stop(*end))
            }
        }
    }
}

fn read_ways(fields: &mut Fields<'_>, depth: usize, report: &mut Report) -> (Vec<Step>, Vec<Step>) {
    let mut way = |key| {
        let entry = fields.take(key);
        entry.map(|entry| read_steps(&entry.node, depth + 1, report)).unwrap_or_default()
    };
    (way("then"), way("else"))
}

fn read_wait(
    node: &Node,
    show: Vec<Word>,
    (then, otherwise): (Vec<Step>, Vec<Step>),
    report: &mut Report,
) -> Option<Act> {
    if let Value::Scalar(_) = node.value {
        let at_most = read_minutes(node, "wait", report);
        ways_need_trigger(None, &then, node.span, report);
        return at_most.map(|at_most| Act::Wait { trigger: None, at_most: Some(at_most), then, otherwise, show });
    }
    let mut fields = Fields::of(node, "`wait`", report)?;
    if let Some(entry) = fields.take("until") {
        let word = reader::word(&entry.node, "until", report);
        let clock = word.and_then(|word| match word.text.as_str() {
            BEST => read_best(&mut fields, report),
            text if !text.contains(':') => {
                report
                    .error("journey/bad-clock", word.span, format!("`{text}` is neither a time of day nor `{BEST}`"))
                    .remedy(
                        "write hours and minutes in quotes, such as `\"09:00\"`, or `best` for the hour of each person",
                    );
                None
            }
            _ => period::clock(&word, report).map(|minute| (minute, 0)),
        });
        let weekdays = fields.take("weekday").map(|entry| read_weekdays(&entry.node, report));
        fields.finish(report);
        ways_need_trigger(None, &then, node.span, report);
        return clock.map(|(minute, hours)| Act::Clock { minute, hours, weekdays: weekdays.unwrap_or(0x7F), show });
    }
    let at_most = fields.take("at_most").map(|entry| read_minutes(&entry.node, "at_most", report));
    let trigger = Trigger::take(&mut fields, report);
    fields.finish(report);
    if trigger.is_none() {
        report
            .error("journey/no-trigger", node.span, "a wait says neither how long nor for what")
            .remedy("write `wait: 2 days`, `until: \"09:00\"`, or a trigger such as `on: event`");
        return None;
    }
    let at_most = at_most.map_or(Some(None), |minutes| minutes.map(Some))?;
    Some(Act::Wait { trigger: trigger.map(Box::new), at_most, then, otherwise, show })
}

/// When somebody is met of whom nothing is known, in minutes of the local day, and the hours of it from which the best is taken.
fn read_best(fields: &mut Fields<'_>, report: &mut Report) -> Option<(u16, u32)> {
    let hours = fields.take("between").map(|entry| read_between(&entry.node, report));
    let otherwise = fields.word("otherwise", report);
    let (hours, first) = hours.unwrap_or(Some((DAY, 0)))?;
    let lies_within = |minute: u16| hours >> (minute / 60) & 1 == 1;
    let Some(word) = otherwise else {
        return Some((if lies_within(OTHERWISE) { OTHERWISE } else { first * 60 }, hours));
    };
    let minute = period::clock(&word, report)?;
    if !lies_within(minute) {
        report
            .error("journey/hours", word.span, format!("`otherwise` says {}, which is not among `between`", word.text))
            .remedy("name a time within these hours, or more hours");
    }
    Some((minute, hours))
}

/// Hours of the local day, bit 0 for the first: from one up to another, perhaps over midnight; and the one that they begin with.
fn read_between(node: &Node, report: &mut Report) -> Option<(u32, u16)> {
    let words = reader::words(node, "between", report);
    let [from, until] = words.as_slice() else {
        report
            .error("journey/hours", node.span, "`between` is two times: the first hour, and the first one no longer")
            .remedy("write `between: [\"08:00\", \"21:00\"]`");
        return None;
    };
    let mut hour = |word| {
        let minute = period::clock(word, report)?;
        if minute % 60 > 0 {
            report
                .error("journey/hours", word.span, format!("`{}` is not a full hour", word.text))
                .remedy("hours are compared as wholes: write one that ends in `:00`");
            return None;
        }
        Some(minute / 60)
    };
    let (from, until) = (hour(from), hour(until));
    let (from, until) = (from?, until?);
    if from == until {
        report
            .error("journey/hours", node.span, "no hour lies between a time and itself")
            .remedy("leave `between` out for the whole day");
        return None;
    }
    let length = (until + 24 - from) % 24;
    Some(((0..length).fold(0, |hours, ahead| hours | 1 << ((from + ahead) % 24)), from))
}

fn ways_need_trigger(trigger: Option<&Trigger>, then: &[Step], span: Span, report: &mut Report) {
    if trigger.is_none() && !then.is_empty() {
        report
            .error("journey/idle-then", span, "`then` is for waits with a trigger, and this one waits for time alone")
            .remedy("write these steps after the wait");
    }
}

fn read_minutes(node: &Node, what: &str, report: &mut Report) -> Option<u32> {
    let seconds = period::duration(node, what, report)?;
    let minutes = period::in_units(seconds, node.span, what, (60, "minutes", i64::MAX), report)?;
    let minutes = u32::try_from(minutes).ok().filter(|minutes| *minutes <= MEMORY);
    if minutes.is_none() {
        report
            .error("journey/long-wait", node.span, "a profile forgets where somebody is after 640 days")
            .remedy("wait less, or write down with `set` what is to be remembered");
    }
    minutes
}

/// One weekday, or a list of them.
fn read_weekdays(node: &Node, report: &mut Report) -> u8 {
    let words = match &node.value {
        Value::Scalar(text) => vec![Word { text: text.clone(), span: node.span }],
        _ => reader::words(node, "weekday", report),
    };
    let mut days = 0;
    for word in words {
        match WEEKDAYS.iter().position(|name| *name == word.text.to_lowercase()) {
            Some(day) => days |= 1 << day,
            None => {
                report
                    .error("segment/wrong-value", word.span, format!("`{}` is not a weekday", word.text))
                    .nearest(&word.text, WEEKDAYS);
            }
        }
    }
    days
}

impl Test {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let has =
            |key: &str| matches!(&node.value, Value::Map(entries) if entries.iter().any(|entry| entry.key == key));
        if has("stock") {
            return Stock::read_as("stock", node, report).map(Self::Stock);
        }
        if has("model") {
            let mut fields = Fields::of(node, "a condition on a model", report)?;
            let model = fields.need_word("model", report);
            let least = fields.need("at_least", report).and_then(|entry| {
                let number = reader::number(&entry.node, "at_least", report)?;
                if !(0.0..=1.0).contains(&number) {
                    report.error("file/out-of-range", entry.node.span, "a probability is from 0 to 1");
                }
                Some(number)
            });
            fields.finish(report);
            return Some(Self::Score(model?, least?));
        }
        Some(Self::Condition(Expression::read(node, report)))
    }
}

fn read_split(node: &Node, depth: usize, report: &mut Report) -> Option<Act> {
    let mut arms = Vec::new();
    for item in reader::list(node, "`split`", report) {
        let mut fields = Fields::of(item, "an arm of a split", report)?;
        let share = fields.need("share", report).and_then(|entry| read_share(&entry.node, "share", report));
        let steps = fields.take("steps").map(|entry| read_steps(&entry.node, depth + 1, report));
        fields.finish(report);
        arms.push((share?, steps.unwrap_or_default()));
    }
    let sum: u32 = arms.iter().map(|(share, _)| u32::from(*share)).sum();
    if sum != 10_000 {
        report
            .error("journey/shares", node.span, format!("the shares add up to {}%, not 100%", f64::from(sum) / 100.0))
            .remedy("add an arm without steps for those who go on as they are");
        return None;
    }
    Some(Act::Split(arms))
}
