//! The model: trees that say how likely something comes of showing a candidate, from what a page tells and what is known of the candidate.
//!
//! It is trained twice, on either half. One is shipped, and judged on the half that it has not seen; the other says what the same recipe gives on the other half.

use anyhow::anyhow;
use indicatif::ProgressBar;
use petitfour_models::{Feature, Forest, Link};
use petitfour_training::{Column as Trainable, Counted, Growth, Table, Values, dealt, lightgbm};

use super::Arguments;
use super::rounds::{Column, Half, Rounds};

/// Parts of a half, each of which says in turn how many trees to grow.
const PARTS: u32 = 5;
/// The most that a round counts for, of what one counts on average, where the log preferred some candidates.
const HEAVIEST: f64 = 10.0;

/// What was learned.
pub(super) struct Learned {
    /// From the half that is learned from.
    pub shipped: Model,
    /// From the half that judges.
    pub other: Model,
}

/// One model.
pub(super) struct Model {
    /// As LightGBM's text.
    pub text: String,
    /// As it is read back.
    pub forest: Forest,
    /// Trees that answered rows best which they had not seen; 0 where none is better than the rate, and one is grown all the same.
    pub best: usize,
    /// Log loss of such answers with no tree, one, and so on.
    pub losses: Vec<f64>,
    pub rounds: usize,
    pub outcomes: usize,
    /// Share of rounds whose weight was cut to [`HEAVIEST`]; nothing where all count the same.
    pub cut: Option<f64>,
    /// For each situation, the log-odds of each action.
    pub odds: Vec<Vec<f64>>,
}

impl Learned {
    pub(super) fn both(rounds: &Rounds, arguments: &Arguments) -> anyhow::Result<Self> {
        let bar = ProgressBar::new_spinner();
        let learn = |judging: bool| -> anyhow::Result<Model> {
            let which = if judging { "the other half" } else { "the half that is learned from" };
            let half = rounds.half(judging)?;
            Model::of(rounds, &half, arguments, &mut |part, parts| {
                bar.set_message(format!("trees of {which}, {} of {parts} parts", part + 1));
                bar.tick();
            })
        };
        let learned = Self { shipped: learn(false)?, other: learn(true)? };
        bar.finish_and_clear();
        Ok(learned)
    }

    pub(super) fn told(&self) -> String {
        let Model { best, forest, outcomes, .. } = &self.shipped;
        let found = if *best == 0 { " (NONE is better than always saying the rate)" } else { "" };
        format!(
            "{} trees with {} leaves from {outcomes} outcomes{found}; of the other half {}",
            forest.trees.len(),
            forest.leaves(),
            self.other.best
        )
    }
}

impl Model {
    fn of(rounds: &Rounds, half: &Half, arguments: &Arguments, tick: &mut dyn FnMut(u32, u32)) -> anyhow::Result<Self> {
        let (table, cut) = table(rounds, half);
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let growth = Growth {
            most: count(arguments.trees),
            leaves: count(arguments.leaves),
            rate: arguments.rate,
            seed: arguments.seed,
            ..Growth::default()
        };
        let all: Vec<usize> = (0..table.len()).collect();
        let clusters: Vec<u32> = half.log.rounds().iter().map(|round| round.cluster).collect();
        let parts = dealt(&table.truth, &clusters, PARTS, arguments.seed);
        let grown = Counted::grow(&table, &all, &parts, &growth, tick)?;
        let text = lightgbm(&own(grown.boosted.forest(), &table))?;
        let (_, forest) = petitfour_models::read(text.as_bytes()).map_err(|fault| anyhow!("the model: {fault}"))?;
        let odds = odds(rounds, &forest);
        Ok(Self {
            text,
            odds,
            best: grown.best,
            losses: grown.losses,
            rounds: half.rounds.len(),
            outcomes: half.log.outcomes().count,
            cut,
            forest,
        })
    }

    /// What it says comes of an action in a situation.
    pub(super) fn answer(&self, situation: usize, action: usize) -> f64 {
        let odds = self.odds.get(situation).and_then(|odds| odds.get(action)).copied().unwrap_or_default();
        1.0 / (1.0 + (-odds).exp())
    }

    /// The action that it prefers in a situation, the first between equals.
    pub(super) fn best(&self, situation: usize) -> usize {
        first_best(self.odds.get(situation).map_or(&[][..], Vec::as_slice))
    }

    /// The trees' share of splits by feature, the most first.
    pub(super) fn asked(&self) -> Vec<(String, usize)> {
        let splits = || self.forest.trees.iter().flat_map(|tree| &tree.splits);
        let count = |number: usize| splits().filter(|split| split.feature == number).count();
        let mut asked: Vec<(String, usize)> = self
            .forest
            .features
            .iter()
            .enumerate()
            .map(|(number, feature)| (feature.name.clone(), count(number)))
            .collect();
        asked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        asked
    }
}

/// The place of the greatest, the first between equals.
pub(super) fn first_best<T: PartialOrd>(numbers: &[T]) -> usize {
    let better = |best: usize, place: usize, number: &T| {
        if numbers.get(best).is_some_and(|best| number > best) { place } else { best }
    };
    numbers.iter().enumerate().fold(0, |best, (place, number)| better(best, place, number))
}

/// A forest that says log-odds, also where nothing could be grown and the rate is all there is.
fn own(forest: &Forest, table: &Table) -> Forest {
    if !forest.trees.is_empty() {
        return forest.clone();
    }
    let all: Vec<usize> = (0..table.len()).collect();
    let rate = table.rate(&all).clamp(1e-9, 1.0 - 1e-9);
    let features = table.columns.first().map(|column| Feature { name: column.name.clone(), levels: None });
    let leaf = petitfour_models::Tree { leaves: vec![(rate / (1.0 - rate)).ln()], ..petitfour_models::Tree::default() };
    Forest {
        features: features.into_iter().collect(),
        trees: vec![leaf],
        bias: 0.0,
        link: Link::Logistic { slope: 1.0 },
        ..forest.clone()
    }
}

/// What the learners see of a half, and which share of its weights was cut.
fn table(rounds: &Rounds, half: &Half) -> (Table, Option<f64>) {
    let log = half.log.rounds();
    let mut columns: Vec<Trainable> = Vec::new();
    for column in &rounds.columns {
        let place = |number: &usize| rounds.situation(*number);
        columns.push(trainable(column, half.rounds.iter().map(place)));
    }
    let action = Column { name: rounds.action.clone(), texts: rounds.actions.clone(), is_number: false };
    for column in [&action].into_iter().chain(&rounds.features) {
        columns.push(trainable(column, log.iter().map(|round| round.action as usize)));
    }
    // As if every candidate had been shown alike: what was preferred counts less.
    let even = 1.0 / rounds.actions.len() as f64;
    let whole: Vec<f64> = log.iter().map(|round| even / round.probability).collect();
    let weights: Vec<f64> = if rounds.is_uniform() {
        vec![1.0; whole.len()]
    } else {
        whole.iter().map(|weight| weight.min(HEAVIEST)).collect()
    };
    let cut = (!rounds.is_uniform())
        .then(|| whole.iter().filter(|weight| **weight > HEAVIEST).count() as f64 / whole.len() as f64);
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    let table = Table {
        columns,
        truth: log.iter().map(|round| round.reward).collect(),
        weights: weights.iter().map(|weight| weight / mean).collect(),
        times: None,
        target: ("reward".to_owned(), "1".to_owned()),
        rows_read: log.len() as u64,
        notes: Vec::new(),
    };
    (table, cut)
}

fn trainable(column: &Column, places: impl Iterator<Item = usize>) -> Trainable {
    let text = |place: usize| column.texts.get(place).map_or("", String::as_str);
    let name = column.name.clone();
    if column.is_number {
        let values = places.map(|place| text(place).parse().unwrap_or(f64::NAN)).collect();
        return Trainable { name, kind: Values::Numbers, values };
    }
    let levels: Vec<&str> = column.levels().into_iter().collect();
    let value = |place: usize| levels.binary_search(&text(place)).map_or(f64::NAN, |level| level as f64);
    let values = places.map(value).collect();
    Trainable { name, kind: Values::Levels(levels.iter().map(|level| (*level).to_owned()).collect()), values }
}

/// For each situation, the log-odds of each action.
fn odds(rounds: &Rounds, forest: &Forest) -> Vec<Vec<f64>> {
    let number = |feature: &Feature, text: &str| {
        if text.is_empty() { f64::NAN } else { feature.number(text).unwrap_or(f64::NAN) }
    };
    let slope = if let Link::Logistic { slope } = forest.link { slope } else { 1.0 };
    // The values of the actions' own features are the same in every situation.
    let own: Vec<Vec<f64>> = (0..rounds.actions.len())
        .map(|action| {
            let value =
                |feature: &Feature| said(rounds, action, &feature.name).map_or(f64::NAN, |text| number(feature, text));
            forest.features.iter().map(value).collect()
        })
        .collect();
    let in_situation = |situation: usize| {
        let told: Vec<Option<f64>> = forest
            .features
            .iter()
            .map(|feature| {
                let column = rounds.columns.iter().find(|column| column.name == feature.name)?;
                Some(number(feature, column.texts.get(situation).map_or("", String::as_str)))
            })
            .collect();
        let score = |own: &Vec<f64>| {
            let row: Vec<f64> = own.iter().zip(&told).map(|(own, told)| told.unwrap_or(*own)).collect();
            forest.raw(&row) * slope
        };
        own.iter().map(score).collect()
    };
    (0..rounds.situations).map(in_situation).collect()
}

/// What is known of an action by the name of a feature.
pub(super) fn said<'a>(rounds: &'a Rounds, action: usize, feature: &str) -> Option<&'a str> {
    if feature == rounds.action {
        return rounds.actions.get(action).map(String::as_str);
    }
    let column = rounds.features.iter().find(|column| column.name == feature)?;
    column.texts.get(action).map(String::as_str)
}
