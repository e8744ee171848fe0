//! What came of it: credits by channel and rule, what has no path, and the holdout beside it; as tables for people or as JSON.

use std::{fmt, path::Path};

use petitfour_attribution::{Basis, By, Credits, Detail, Lift, Log, Paths, Rule, Sum, Windows};
use serde::Serialize;

use crate::simulate::summary::grouped;

/// What stands under every report.
pub(super) const CAUTION: &str = "Attribution is not causality: a rule divides outcomes that happened among what came before them, \
                                  and cannot know which would have happened anyway. A holdout can.";

/// What was read.
pub(super) struct Input<'l> {
    pub(super) paths: Paths,
    /// Of a log: by what and by which windows it was cut, and how long after the first moment outcomes count for lifts.
    pub(super) log: Option<(&'l Log, By, Windows, i64)>,
    pub(super) lifts: Vec<Lift>,
}

/// Everything that is shown.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) file: String,
    /// Of a log alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<Cut>,
    paths: usize,
    pub(super) outcomes: f64,
    value: f64,
    ended_in_nothing: f64,
    pub(super) channels: Vec<String>,
    pub(super) rules: Vec<Column>,
    /// Rules that were not asked.
    left_out: Vec<LeftOut>,
    pub(super) holdout: Vec<Beside>,
    caution: &'static str,
}

/// How a log was cut.
#[derive(Debug, Serialize)]
struct Cut {
    by: &'static str,
    look_back_view_ms: i64,
    look_back_click_ms: i64,
    lift_window_ms: i64,
    persons: usize,
    touches: usize,
    outcomes_without_touch: f64,
    value_without_touch: f64,
    expired_touches: u64,
    outcomes_across_devices: u64,
}

/// What one rule says, by channel.
#[derive(Debug, Serialize)]
pub(super) struct Column {
    pub(super) rule: String,
    pub(super) outcomes: Vec<f64>,
    value: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    markov: Option<Chain>,
    /// Half the width of a 95 % interval of outcomes, where orders were drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    margins: Option<Vec<f64>>,
}

/// What a Markov chain knows beside it.
#[derive(Debug, Serialize)]
struct Chain {
    order: u8,
    states: usize,
    rate: f64,
    /// How far an effect may be from the truth.
    bound: f64,
    removal_effects: Vec<f64>,
}

/// A rule that was not asked.
#[derive(Debug, Serialize)]
pub(super) struct LeftOut {
    pub(super) rule: String,
    pub(super) why: String,
}

/// What the holdout says of one channel.
#[derive(Debug, Serialize)]
pub(super) struct Beside {
    #[serde(flatten)]
    lift: Lift,
    /// Persons among the treated who would have had no outcome without it: how many, from, to (95 %).
    pub(super) caused: Option<[f64; 3]>,
    /// Rules that credit more than the interval leaves room for, and less.
    more: Vec<String>,
    less: Vec<String>,
}

impl Report {
    /// Nothing but what was read.
    pub(super) fn new(file: &Path, input: &Input<'_>) -> Self {
        let Sum { conversions, value } = input.paths.total();
        let log = input.log.map(|(log, by, windows, lift_window)| Cut {
            by: match by {
                By::Channel => "channel",
                By::Campaign => "campaign",
                By::Device => "device",
            },
            look_back_view_ms: windows.view,
            look_back_click_ms: windows.click,
            lift_window_ms: lift_window,
            persons: log.persons(),
            touches: log.touches(),
            outcomes_without_touch: input.paths.unattributed.conversions,
            value_without_touch: input.paths.unattributed.value,
            expired_touches: input.paths.expired,
            outcomes_across_devices: input.paths.across_devices,
        });
        let beside =
            |lift: &Lift| Beside { caused: lift.incremental(), lift: lift.clone(), more: Vec::new(), less: Vec::new() };
        Self {
            file: file.display().to_string(),
            log,
            paths: input.paths.paths.len(),
            outcomes: conversions,
            value,
            ended_in_nothing: input.paths.nulls(),
            channels: input.paths.channels.clone(),
            rules: Vec::new(),
            left_out: Vec::new(),
            holdout: input.lifts.iter().map(beside).collect(),
            caution: CAUTION,
        }
    }

    /// What a rule says.
    pub(super) fn add(&mut self, rule: &Rule, credits: &Credits) {
        let (mut markov, mut margins) = (None, None);
        match &credits.detail {
            Detail::Plain => {}
            Detail::Drawn(drawn) => margins = Some(drawn.clone()),
            Detail::Removal(removal) => {
                markov = Some(Chain {
                    order: removal.order,
                    states: removal.states,
                    rate: removal.rate,
                    bound: removal.bound,
                    removal_effects: removal.effects.clone(),
                });
            }
        }
        self.rules.push(Column {
            rule: rule.name(),
            outcomes: credits.channels.iter().map(|sum| sum.conversions).collect(),
            value: credits.channels.iter().map(|sum| sum.value).collect(),
            markov,
            margins,
        });
    }

    /// All rules are there: those with most come first, and each is held against the holdout.
    pub(super) fn finish(&mut self, left_out: Vec<LeftOut>) {
        self.left_out = left_out;
        for beside in &mut self.holdout {
            let Some([_, from, to]) = beside.caused else { continue };
            let place = self.channels.iter().position(|channel| *channel == beside.lift.channel);
            for column in &self.rules {
                let credited = place.and_then(|place| column.outcomes.get(place)).copied().unwrap_or_default();
                if credited > to {
                    beside.more.push(column.rule.clone());
                } else if credited < from {
                    beside.less.push(column.rule.clone());
                }
            }
        }
        let most = |place: usize| {
            let credits = self.rules.iter().filter_map(|column| column.outcomes.get(place));
            credits.copied().fold(f64::NEG_INFINITY, f64::max)
        };
        let mut order: Vec<usize> = (0..self.channels.len()).collect();
        order.sort_by(|one, other| most(*other).total_cmp(&most(*one)));
        sort(&mut self.channels, &order);
        for column in &mut self.rules {
            sort(&mut column.outcomes, &order);
            sort(&mut column.value, &order);
            if let Some(margins) = &mut column.margins {
                sort(margins, &order);
            }
            if let Some(markov) = &mut column.markov {
                sort(&mut markov.removal_effects, &order);
            }
        }
    }

    /// What is caused by one channel.
    pub(super) fn caused(&self, channel: &str) -> Option<[f64; 3]> {
        self.holdout.iter().find(|beside| beside.lift.channel == channel)?.caused
    }

    fn table(&self, f: &mut fmt::Formatter<'_>, head: &str, all: f64, of: impl Fn(&Column) -> &[f64]) -> fmt::Result {
        let wide = self.channels.iter().map(|name| name.chars().count()).max().unwrap_or_default().clamp(10, 40);
        write!(f, "\n{head:<wide$}")?;
        for column in &self.rules {
            write!(f, "{:>16}", column.rule)?;
        }
        writeln!(f)?;
        for (place, channel) in self.channels.iter().enumerate() {
            write!(f, "{:<wide$}", channel.chars().take(40).collect::<String>())?;
            for column in &self.rules {
                write!(f, "{:>16}", amount(of(column).get(place).copied().unwrap_or_default()))?;
            }
            writeln!(f)?;
        }
        write!(f, "{:<wide$}", "all")?;
        for _ in &self.rules {
            write!(f, "{:>16}", amount(all))?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |number: f64| grouped(number.round() as u64);
        writeln!(
            f,
            "{}: {} paths over {} channels; {} outcomes worth {}, {} times nothing",
            self.file,
            grouped(self.paths as u64),
            self.channels.len(),
            whole(self.outcomes),
            amount(self.value),
            whole(self.ended_in_nothing)
        )?;
        if let Some(log) = &self.log {
            writeln!(
                f,
                "{} persons, {} touches, by {}; views count {} back, clicks {}; {} touches were too old for the outcome after them",
                grouped(log.persons as u64),
                grouped(log.touches as u64),
                log.by,
                span(log.look_back_view_ms),
                span(log.look_back_click_ms),
                grouped(log.expired_touches)
            )?;
            writeln!(
                f,
                "{} more outcomes, worth {}, had no touch in time and are nobody's; {} came by more than one device",
                whole(log.outcomes_without_touch),
                amount(log.value_without_touch),
                grouped(log.outcomes_across_devices)
            )?;
        }
        self.table(f, "outcomes", self.outcomes, |column| &column.outcomes)?;
        if self.rules.iter().flat_map(|column| &column.value).any(|value| *value != 0.0) {
            self.table(f, "value", self.value, |column| &column.value)?;
        }
        writeln!(f)?;
        for Column { rule, markov, margins, .. } in &self.rules {
            if let Some(Chain { states, bound, .. }) = markov {
                writeln!(
                    f,
                    "{rule}: {} states, solved; removal effects are right to {:.0e}",
                    grouped(*states as u64),
                    bound.max(1e-15)
                )?;
            }
            if let Some(margins) = margins {
                let most = margins.iter().copied().fold(0.0, f64::max);
                writeln!(
                    f,
                    "{rule}: orders were drawn; no channel's outcomes are off by more than {} (95%)",
                    amount(most)
                )?;
            }
        }
        if self.rules.iter().any(|column| column.rule == "shapley-rate") {
            writeln!(
                f,
                "shapley-rate: sets of channels with few paths have as much say as those with many; less than nothing is a lower rate with it"
            )?;
        }
        for LeftOut { rule, why } in &self.left_out {
            writeln!(f, "not asked: {rule}: {why}")?;
        }
        writeln!(f, "{CAUTION}")?;
        if let (Some(log), false) = (&self.log, self.holdout.is_empty()) {
            writeln!(
                f,
                "\nWhat the holdouts say: persons with an outcome within {} of the first time",
                span(log.lift_window_ms)
            )?;
            for beside in &self.holdout {
                write!(f, "{beside}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lift { channel, basis, treated, held_out, mixed, interval, .. } = &self.lift;
        let got = match basis {
            Basis::Chosen => "chosen for",
            Basis::Touched => "touched",
        };
        writeln!(
            f,
            "{channel}: {got} {}, {:.2}%; withheld from {}, {:.2}%",
            grouped(treated.persons),
            treated.rate() * 100.0,
            grouped(held_out.persons),
            held_out.rate() * 100.0
        )?;
        match (interval, self.caused) {
            (Some(interval), Some([caused, from, to])) => {
                let told = if interval.is_told() { "" } else { ", which cannot be told from none" };
                writeln!(
                    f,
                    "  {:+.2} points ({:+.2} to {:+.2}, 95%): it caused {} outcomes ({} to {}){told}",
                    interval.difference * 100.0,
                    interval.from * 100.0,
                    interval.to * 100.0,
                    amount(caused),
                    amount(from),
                    amount(to)
                )?;
                for (side, rules) in [("more", &self.more), ("less", &self.less)] {
                    if !rules.is_empty() {
                        writeln!(f, "  credited with {side} than it can have caused by {}", rules.join(", "))?;
                    }
                }
                if self.more.is_empty() && self.less.is_empty() {
                    writeln!(f, "  no rule credits it with what it cannot have caused")?;
                }
            }
            _ => writeln!(f, "  one of the two groups is empty: nothing can be told")?,
        }
        if *basis == Basis::Touched {
            writeln!(f, "  who was touched had looked; rows `chosen` would make the comparison fair")?;
        }
        if *mixed > 0 {
            writeln!(f, "  {} persons were in both groups and are left out", grouped(*mixed))?;
        }
        Ok(())
    }
}

/// In another order.
fn sort<T: Clone>(list: &mut Vec<T>, order: &[usize]) {
    *list = order.iter().filter_map(|place| list.get(*place).cloned()).collect();
}

/// A number with one decimal, in groups of three.
pub(super) fn amount(number: f64) -> String {
    let tenths = (number.abs() * 10.0).round();
    let sign = if number < 0.0 && tenths > 0.0 { "-" } else { "" };
    format!("{sign}{}.{}", grouped((tenths / 10.0).floor() as u64), tenths as u64 % 10)
}

fn span(ms: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m")];
    let found = units.iter().find(|(unit, _)| ms % unit == 0);
    found.map_or_else(|| format!("{ms}ms"), |(unit, name)| format!("{}{name}", ms / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans_are_for_people() {
        assert_eq!([1234.56, -0.04, -1234.0, 0.0].map(amount), ["1,234.6", "0.0", "-1,234.0", "0.0"]);
        assert_eq!([86_400_000, 5_400_000, 7_200_000].map(span), ["1d", "90m", "2h"]);
    }
}
