//! The log: decisions with their probabilities, where they were made and what was known there, parted into a half to learn from and one to judge by.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use anyhow::{anyhow, bail};
use petitfour_evaluation::usual::{ACTION, CLUSTER, POSITION, PROBABILITY, REWARD};
use petitfour_evaluation::{Cells, Draft, Entry, Fault, Folds, Log, MAX_CELLS, Sheet};

use super::Arguments;
use crate::simulate::{recorded::unzipped, summary::grouped};

/// How columns of the visitor begin, as the Open Bandit Dataset has them.
const CONTEXT: &str = "user_feature";

/// A log with what was known in each round.
pub(super) struct Rounds {
    /// What could be chosen, in the order of the bundle.
    pub actions: Vec<String>,
    /// What the log calls it, as a model knows it.
    pub action: String,
    /// What is known of each action, beside its name.
    pub features: Vec<Column>,
    /// What a page tells: the position where there are several, and the context.
    pub columns: Vec<Column>,
    /// Different values of `columns`, in the order in which they were met.
    pub situations: usize,
    /// Of each round, its situation.
    pub situation: Vec<usize>,
    pub log: Log,
    /// Of each round, whether it judges.
    pub judges: Vec<bool>,
    /// What somebody should know.
    pub notes: Vec<String>,
}

/// A column: of actions, a text for each of them; of rounds, one for each situation. Empty is missing.
pub(super) struct Column {
    /// As a model knows it: blanks are written as `_`.
    pub name: String,
    pub texts: Vec<String>,
    pub is_number: bool,
}

impl Column {
    fn of(name: &str, texts: Vec<String>, is_text: bool) -> Self {
        let mut told = texts.iter().filter(|text| !text.is_empty()).peekable();
        let is_number = !is_text
            && told.peek().is_some()
            && told.all(|text| text.parse().is_ok_and(|number: f64| number.is_finite()));
        Self { name: joined(name), texts, is_number }
    }

    /// The different texts, ascending.
    pub(super) fn levels(&self) -> BTreeSet<&str> {
        self.texts.iter().filter(|text| !text.is_empty()).map(String::as_str).collect()
    }
}

/// One half of the log.
pub(super) struct Half {
    pub log: Log,
    /// The rounds' numbers in the whole log.
    pub rounds: Vec<usize>,
}

impl Rounds {
    pub(super) fn read(arguments: &Arguments) -> anyhow::Result<Self> {
        let mut reading = Reading::default();
        let mut columns = None;
        let items = arguments.actions.as_deref().map(|path| items(path, arguments.action.as_deref())).transpose()?;
        let (names, features) = items.unwrap_or_default();
        for name in &names {
            reading.draft.know(name);
        }
        for path in &arguments.logs {
            let told = |fault: Fault| anyhow!("{}: {fault}", path.display());
            let read = reading.read(path, arguments, &names).map_err(|error| match error.downcast::<Fault>() {
                Ok(fault) => told(fault),
                Err(error) => error,
            })?;
            if columns.get_or_insert_with(|| read.clone()) != &read {
                bail!("{}: its columns are others than those of the first file", path.display());
            }
        }
        let Reading { draft, situations, situation, candidates, .. } = reading;
        let (action, context) = columns.ok_or_else(|| anyhow!("there is no log"))?;
        let name = arguments.logs.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        let log = draft.finish().map_err(|fault| anyhow!("{name}: {fault}"))?;
        if candidates.len() > 1 {
            bail!(
                "{name}: `candidates` differ from round to round, and a bundle chooses among all campaigns of a placement; keep rounds in which the same could be chosen"
            );
        }
        check(&log).map_err(|what| anyhow!("{name}: {what}"))?;
        if situations.len().saturating_mul(log.actions().len()) > MAX_CELLS {
            bail!(
                "{name}: {} different situations times {} candidates are too many to hold; leave columns of --context out, or make them coarser",
                grouped(situations.len() as u64),
                grouped(log.actions().len() as u64)
            );
        }
        let mut listed: Vec<(Vec<String>, usize)> = situations.into_iter().collect();
        listed.sort_by_key(|(_, number)| *number);
        let columns = context.iter().enumerate().map(|(place, (name, is_text))| {
            let texts = listed.iter().map(|(key, _)| key.get(place).cloned().unwrap_or_default());
            Column::of(name, texts.collect(), *is_text)
        });
        // What is the same everywhere is nothing to ask.
        let columns: Vec<Column> =
            columns.filter(|column| column.texts.iter().any(|text| Some(text) != column.texts.first())).collect();
        let action = joined(&action);
        let names = [&action]
            .into_iter()
            .chain(columns.iter().map(|column| &column.name))
            .chain(features.iter().map(|column| &column.name));
        let mut known = BTreeSet::new();
        if let Some(twice) = names.into_iter().find(|name| !known.insert(name.as_str())) {
            bail!(
                "{name}: `{twice}` is a column of the log and of the actions, or comes twice; give one of them another name"
            );
        }
        let judges = halves(&log, arguments);
        let mut rounds = Self {
            actions: log.actions().to_vec(),
            action,
            features,
            columns,
            situations: listed.len(),
            situation,
            log,
            judges,
            notes: Vec::new(),
        };
        for judging in [false, true] {
            let outcomes = rounds.half(judging)?.log.outcomes().count;
            if outcomes == 0 {
                let which = if judging { "judges" } else { "is learned from" };
                bail!(
                    "{name}: of {} outcomes none is in the half that {which}: bring a longer log, or another --seed",
                    rounds.log.outcomes().count
                );
            }
        }
        rounds.note();
        Ok(rounds)
    }

    /// The half that judges, or the one that is learned from.
    pub(super) fn half(&self, judging: bool) -> anyhow::Result<Half> {
        let mut draft = Draft::default();
        for action in &self.actions {
            draft.know(action);
        }
        let rounds: Vec<usize> = self
            .judges
            .iter()
            .enumerate()
            .filter(|(_, judges)| **judges == judging)
            .map(|(number, _)| number)
            .collect();
        for round in rounds.iter().filter_map(|number| self.log.rounds().get(*number)) {
            let text = |names: &[String], number: u32| names.get(number as usize).cloned().unwrap_or_default();
            draft.push(Entry {
                action: &text(self.log.actions(), round.action),
                position: &text(self.log.positions(), round.position),
                candidates: None,
                cluster: Some(&round.cluster.to_string()),
                probability: round.probability,
                reward: round.reward,
            })?;
        }
        Ok(Half { log: draft.finish()?, rounds })
    }

    /// The situation of a round.
    pub(super) fn situation(&self, round: usize) -> usize {
        self.situation.get(round).copied().unwrap_or_default()
    }

    /// What a page tells in a situation, by name; what is missing is left out.
    pub(super) fn told_in(&self, situation: usize) -> impl Iterator<Item = (&Column, &str)> {
        let all = self.columns.iter().filter_map(move |column| Some((column, column.texts.get(situation)?.as_str())));
        all.filter(|(_, text)| !text.is_empty())
    }

    /// Was every candidate as likely as any other, always?
    pub(super) fn is_uniform(&self) -> bool {
        let even = 1.0 / self.actions.len() as f64;
        self.log.rounds().iter().all(|round| (round.probability / even - 1.0).abs() < 1e-6)
    }

    pub(super) fn told(&self) -> String {
        let whole = |number: usize| grouped(number as u64);
        let judging = self.judges.iter().filter(|judges| **judges).count();
        format!(
            "{} rounds, {} candidates, {} outcomes ({:.2}%); {} learned from, {} judge",
            whole(self.log.rounds().len()),
            whole(self.actions.len()),
            whole(self.log.outcomes().count),
            self.log.outcomes().mean * 100.0,
            whole(self.log.rounds().len() - judging),
            whole(judging)
        )
    }

    fn note(&mut self) {
        let mut counts = vec![0_usize; self.actions.len()];
        for round in self.log.rounds() {
            if let Some(count) = counts.get_mut(round.action as usize) {
                *count += 1;
            }
        }
        let never: Vec<&str> =
            self.actions.iter().zip(&counts).filter(|(_, count)| **count == 0).map(|(name, _)| name.as_str()).collect();
        if !never.is_empty() {
            self.notes.push(format!(
                "{} of {} candidates were never shown: nothing is known of them but their features.",
                never.len(),
                self.actions.len()
            ));
        }
    }
}

/// What can be learned from at all?
fn check(log: &Log) -> Result<(), String> {
    if log.actions().len() < 2 {
        return Err(
            "there is one action alone, so nothing to choose; name everything that could be chosen by --actions"
                .to_owned(),
        );
    }
    let outcomes = log.outcomes();
    if outcomes.count == 0 {
        return Err("no round has a reward, so there is nothing to learn; is --reward the right column?".to_owned());
    }
    if outcomes.count == log.rounds().len() {
        return Err(
            "every round has the same reward, so there is nothing to learn; is --reward the right column?".to_owned()
        );
    }
    if log.rounds().iter().all(|round| round.probability >= 1.0) {
        return Err(
            "everything was chosen surely, with the probability 1: such a log does not say what anything else would have earned; let chance choose now and then".to_owned(),
        );
    }
    Ok(())
}

/// Which rounds judge: those of half of the clusters, by chance, or the newer ones; all rounds of one cluster on the same side.
fn halves(log: &Log, arguments: &Arguments) -> Vec<bool> {
    if !arguments.order_is_time {
        let folds = Folds::new(log, 2, arguments.seed);
        return (0..log.rounds().len()).map(|round| folds.fold(round) == 1).collect();
    }
    let middle = log.rounds().len() / 2;
    let mut side: HashMap<u32, bool> = HashMap::new();
    log.rounds()
        .iter()
        .enumerate()
        .map(|(place, round)| *side.entry(round.cluster).or_insert(place >= middle))
        .collect()
}

/// A log that is being read, perhaps of several files.
#[derive(Default)]
struct Reading {
    draft: Draft,
    situations: HashMap<Vec<String>, usize>,
    situation: Vec<usize>,
    candidates: BTreeSet<Vec<String>>,
}

/// The column of what was chosen, and those of what a page tells, each with whether it is taken as text whatever it has.
type Told = (String, Vec<(String, bool)>);

impl Reading {
    fn read(&mut self, path: &Path, arguments: &Arguments, known: &[String]) -> anyhow::Result<Told> {
        let mut sheet = Sheet::open(unzipped(path)?)?;
        let action = sheet.required(arguments.action.as_deref(), &ACTION)?;
        let probability = sheet.required(arguments.probability.as_deref(), &PROBABILITY)?;
        let reward = sheet.required(arguments.reward.as_deref(), &REWARD)?;
        let position = sheet.column(arguments.position.as_deref(), &POSITION)?;
        let cluster = sheet.column(arguments.cluster.as_deref(), &CLUSTER)?;
        let candidates = sheet.column(None, &["candidates"])?;
        let name = |place: usize| sheet.names().get(place).cloned().unwrap_or_default();
        let mut context: Vec<usize> = Vec::new();
        for wanted in &arguments.context {
            context.extend(sheet.column(Some(wanted), &[])?);
        }
        if arguments.context.is_empty() {
            let usual = sheet.names().iter().enumerate().filter(|(_, name)| name.starts_with(CONTEXT));
            context.extend(usual.map(|(place, _)| place));
        }
        let told: Vec<(String, bool)> = position
            .iter()
            .map(|place| (name(*place), true))
            .chain(context.iter().map(|place| (name(*place), false)))
            .collect();
        let chosen = name(action);
        let places: Vec<usize> = position.into_iter().chain(context).collect();
        let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        while let Some(cells) = sheet.next_row()? {
            let shown = cells.text(action);
            if shown.is_empty() || (!known.is_empty() && !known.contains(shown)) {
                let what = if shown.is_empty() {
                    "it is empty".to_owned()
                } else {
                    format!("`{shown}` is none of the actions that are known")
                };
                let remedy = Some("give everything that can be chosen a line in the file of --actions");
                return Err(Fault { remedy, ..cells.fault(action, what) }.into());
            }
            if let Some(column) = candidates {
                let mut named: Vec<String> = cells.text(column).split('|').map(|name| name.trim().to_owned()).collect();
                named.sort();
                if !named.iter().any(|name| name == shown) {
                    let what = format!("`{shown}`, which was chosen, is not among them");
                    return Err(
                        Fault { remedy: Some("name all that could be chosen"), ..cells.fault(column, what) }.into()
                    );
                }
                if !self.candidates.contains(&named) {
                    named.iter().for_each(|name| self.draft.know(name));
                    self.candidates.insert(named);
                }
            }
            let came = if cells.text(reward).is_empty() { 0.0 } else { cells.number(reward)? };
            if came != 0.0 && came != 1.0 {
                let remedy =
                    Some("a device weighs campaigns by the probability that something comes of them: write 1 or 0");
                return Err(Fault { remedy, ..cells.fault(reward, format!("{came} is neither 0 nor 1")) }.into());
            }
            let own = cluster.map(|column| cells.text(column).to_owned());
            let entry = Entry {
                action: shown,
                position: position.map_or("", |column| cells.text(column)),
                candidates: None,
                cluster: own.as_deref(),
                probability: cells.number(probability)?,
                reward: came,
            };
            self.draft.push(entry).map_err(|fault| named(&cells, fault, probability, reward))?;
            let key: Vec<String> = places.iter().map(|place| cells.text(*place).to_owned()).collect();
            let next = self.situations.len();
            self.situation.push(*self.situations.entry(key).or_insert(next));
        }
        Ok((chosen, told))
    }
}

/// A fault of a decision, with its line and the column's own name.
fn named(cells: &Cells<'_>, fault: Fault, probability: usize, reward: usize) -> Fault {
    let column = if fault.field.as_deref() == Some("reward") { reward } else { probability };
    let place = cells.fault(column, "");
    Fault { line: place.line, field: place.field, ..fault }
}

/// Everything that can be chosen, with what is known of it.
fn items(path: &Path, action: Option<&str>) -> anyhow::Result<(Vec<String>, Vec<Column>)> {
    let told = |fault: Fault| anyhow!("{}: {fault}", path.display());
    let mut sheet = Sheet::open(unzipped(path)?).map_err(told)?;
    // The log's own name for what was chosen may be the file's as well, and need not.
    let own = action.filter(|action| sheet.names().iter().any(|name| name == action));
    let column = sheet.required(own, &ACTION).map_err(told)?;
    let titles = sheet.names().to_vec();
    let (mut names, mut texts): (Vec<String>, Vec<Vec<String>>) = (Vec::new(), vec![Vec::new(); titles.len()]);
    let mut known = BTreeSet::new();
    while let Some(cells) = sheet.next_row().map_err(told)? {
        let name = cells.text(column);
        if name.is_empty() || !known.insert(name.to_owned()) {
            let what = if name.is_empty() { "it is empty".to_owned() } else { format!("`{name}` comes twice") };
            let remedy = Some("give each action one line and a name");
            return Err(told(Fault { remedy, ..cells.fault(column, what) }));
        }
        names.push(name.to_owned());
        texts.iter_mut().enumerate().for_each(|(place, texts)| texts.push(cells.text(place).to_owned()));
    }
    let features = titles.iter().zip(texts).enumerate().filter(|(place, _)| *place != column);
    let features = features.map(|(_, (title, texts))| Column::of(title, texts, false));
    // A column without a name is what tables number their lines in.
    Ok((names, features.filter(|column| !column.name.is_empty() && column.levels().len() > 1).collect()))
}

/// A name as models have it.
fn joined(name: &str) -> String {
    name.trim().replace(char::is_whitespace, "_")
}
