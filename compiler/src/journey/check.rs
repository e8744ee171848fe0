//! What can be wrong with a journey as a whole: nobody can enter, nobody comes to a step, it never rests, it is too long.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::Journey;
use super::program::{Does, Line};
use crate::condition::Resolver;
use crate::declaration::Named;
use crate::diagnostic::Report;
use crate::dnf::Formula;
use crate::folder::Folder;
use crate::source::Span;

/// Steps that are passed in one look, as the engine has it.
const MAX_PASSED: usize = 64;
/// Most lines of one journey.
pub(super) const MAX_LINES: usize = 1_024;

/// Whoever enters would be taken out at once: then nobody enters.
pub(super) fn enter<'a>(journey: &'a Named<Journey>, resolver: &mut Resolver<'a>, report: &mut Report) {
    let Some(when) = &journey.item.enter.when else { return };
    let mut scratch = Report::default();
    let Some(enter) = resolver.formula(when, &mut scratch) else { return };
    if !resolver.can_match(&enter, journey.span, "", &mut Report::default()) {
        // Told where it stands.
        return;
    }
    let out = journey.item.goal.iter().chain(&journey.item.exits).filter(|out| out.on.is_none() && out.stock.is_none());
    for trigger in out {
        let Some(out) = trigger.when.as_ref().and_then(|when| resolver.formula(when, &mut scratch)) else { continue };
        let left = Formula::All(vec![enter.clone(), Formula::Not(Box::new(out))]);
        if !resolver.can_match(&left, trigger.span, "", &mut Report::default()) {
            report
                .error(
                    "journey/never-entered",
                    journey.item.enter.span,
                    format!("nobody can enter `{}`: whoever could is taken out at once", journey.name),
                )
                .remedy("let the goal or exit need an event with `on:`, or narrow its condition")
                .related(trigger.span, "taken out here");
        }
    }
}

/// What can be told of a journey from its lines alone.
pub(super) fn lines(journey: &Named<Journey>, lines: &[Line], report: &mut Report) {
    if lines.len() > MAX_LINES {
        report.error("journey/size", journey.span, format!("{} steps; a journey holds {MAX_LINES}", lines.len()));
    }
    let mut codes: BTreeMap<u32, &Line> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.code > 0) {
        if codes.insert(line.code, line).is_some_and(|other| other.name != line.name) {
            report
                .error("name/collision", line.span, format!("the step `{}` has a code that is taken", line.name))
                .remedy("give it another id: a step is known by 20 bits, and by chance these are another's");
        }
    }
    let moved = journey.item.moved.len();
    let own = lines.len().saturating_sub(moved);
    let mut reached = vec![false; lines.len()];
    let mut open = vec![0];
    open.extend(own..lines.len());
    while let Some(at) = open.pop() {
        let (Some(line), Some(seen)) = (lines.get(at), reached.get_mut(at)) else { continue };
        if !std::mem::replace(seen, true) {
            open.extend(line.next());
        }
    }
    let mut told: Option<Span> = None;
    for (line, _) in lines.iter().zip(&reached).filter(|(_, reached)| !**reached) {
        // What stands within or right after a step that nobody reaches is not told again.
        if told.is_none_or(|before| line.span.start > before.end || line.span.file != before.file) {
            report
                .error("journey/unreachable", line.span, "nobody comes to this step")
                .remedy("lead to it with `goto`, or take it out");
        }
        told = Some(told.map_or(line.span, |before| Span { end: before.end.max(line.span.end), ..before }));
    }
    let mut walked: Vec<Option<usize>> = vec![None; lines.len()];
    for at in 0..lines.len() {
        if longest(at, lines, &mut walked, &mut Vec::new(), report).is_none() {
            return;
        }
    }
    let worst = walked.iter().flatten().max().copied().unwrap_or(0);
    if worst > MAX_PASSED {
        report
            .error(
                "journey/size",
                journey.span,
                format!("{worst} steps follow each other without a rest; {MAX_PASSED} are passed"),
            )
            .remedy("put a wait between them");
    }
}

/// Minutes of a channel's windows.
const DAY: u64 = 24 * 60;
const WEEK: u64 = 7 * DAY;

/// A journey that would send more within a day or a week than a channel, or all of them together, let through: what is too much waits, and
/// the author's days are not those of the file any more.
pub(super) fn starved(lines: &[Line], messages: &[(String, usize)], folder: &Folder, report: &mut Report) {
    let offers = |line: &Line| match line.does {
        Does::Send(first, count) => messages.get(first..first + count).unwrap_or_default(),
        _ => &[],
    };
    for (at, line) in lines.iter().enumerate() {
        // Where there is a choice, another channel may carry it.
        let [(_, number)] = offers(line) else { continue };
        let Some(channel) = folder.channels.get(*number) else { continue };
        let is_own = |line: &Line| matches!(offers(line), [(_, other)] if other == number);
        if let Some((cap, name)) = exceeded(at, lines, channel.item.caps, &is_own) {
            report
                .warning(
                    "journey/starved",
                    line.span,
                    format!(
                        "from here more messages can go by `{}` within a {name} than its cap of {cap}",
                        channel.name
                    ),
                )
                .remedy("wait longer between them, or raise the cap: what is too much waits until it may go")
                .related(channel.span, "the channel");
            return;
        }
    }
    let Some(pressure) = &folder.pressure else { return };
    let is_exempt = |number: usize| {
        let channel = folder.channels.get(number);
        channel.is_some_and(|channel| pressure.except.iter().any(|name| name.text == channel.name))
    };
    // One that an exempt channel may carry need not wait.
    let counts = |line: &Line| !offers(line).is_empty() && !offers(line).iter().any(|(_, number)| is_exempt(*number));
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| counts(line)) {
        if let Some((cap, name)) = exceeded(at, lines, pressure.caps, &counts) {
            report
                .warning(
                    "journey/starved",
                    line.span,
                    format!(
                        "from here more messages can go within a {name} than all channels together let through, {cap}"
                    ),
                )
                .remedy("wait longer between them, or raise `pressure`: what is too much waits until it may go")
                .related(pressure.span, "the pressure");
            return;
        }
    }
}

/// The first of two caps, on a day and in a week, that lines of a kind from one on can go beyond.
fn exceeded(from: usize, lines: &[Line], caps: (u8, u8), counts: &dyn Fn(&Line) -> bool) -> Option<(u8, &'static str)> {
    [(caps.0, DAY, "day"), (caps.1, WEEK, "week")]
        .into_iter()
        .find(|(cap, window, _)| *cap < u8::MAX && passes_more(from, lines, (*cap).into(), *window, counts))
        .map(|(cap, _, name)| (cap, name))
}

/// Does somebody pass more than so many lines of a kind from one on within so many minutes, if every wait is as short as it can be? The
/// way with the shortest waits is looked for first (Dijkstra), so a loop ends when the lines are too many or the time is over.
fn passes_more(from: usize, lines: &[Line], most: u32, minutes: u64, counts: &dyn Fn(&Line) -> bool) -> bool {
    let mut open = BinaryHeap::from([Reverse((0_u64, 0_u32, from))]);
    let mut seen = BTreeSet::new();
    while let Some(Reverse((passed, count, at))) = open.pop() {
        let Some(line) = lines.get(at).filter(|_| seen.insert((at, count))) else { continue };
        let count = count + u32::from(counts(line));
        if count > most {
            return true;
        }
        let wait = match line.does {
            // What a trigger ends may end at once.
            Does::Wait { at_most: Some(wait), trigger: None } => wait.into(),
            _ => 0,
        };
        if passed + wait <= minutes {
            open.extend(line.next().map(|next| Reverse((passed + wait, count, next))));
        }
    }
    false
}

impl Line {
    fn rests(&self) -> bool {
        matches!(self.does, Does::Wait { .. } | Does::Clock { .. } | Does::Send(..))
    }

    fn next(&self) -> impl Iterator<Item = usize> {
        let one = !matches!(self.does, Does::Set(..) | Does::Clock { .. } | Does::Send(..) | Does::On | Does::Stop(_));
        let yes = if one { self.yes } else { None };
        // What is waited for without an end is all that leads on.
        let endless = matches!(self.does, Does::Wait { at_most: None, trigger: Some(_) });
        yes.into_iter().chain(self.no.filter(|_| !endless))
    }
}

/// Most steps that are passed from here to the next rest; none when a loop has been reported.
fn longest(
    at: usize,
    lines: &[Line],
    walked: &mut [Option<usize>],
    path: &mut Vec<usize>,
    report: &mut Report,
) -> Option<usize> {
    if let Some(known) = walked.get(at).copied().flatten() {
        return Some(known);
    }
    let line = lines.get(at)?;
    if path.contains(&at) {
        report
            .error("journey/endless", line.span, "these steps lead back here without a rest: it would never end")
            .remedy("put a wait between them");
        return None;
    }
    path.push(at);
    let mut most = 0;
    if !line.rests() {
        for next in line.next() {
            most = most.max(longest(next, lines, walked, path, report)?);
        }
        most += 1;
    }
    path.pop();
    if let Some(slot) = walked.get_mut(at) {
        *slot = Some(most);
    }
    Some(most)
}
