//! The chance that somebody buys within so many days, as a model that runs where the visitor is.
//!
//! A profile knows how often somebody bought, ever and in the last days, and how long ago the last time was; it does not know when
//! the first was, which the models of buying ask for. So what they say
//! is followed by oblivious trees over what a profile knows, and how far the two are apart is measured on customers whom the trees were not grown on.

use crate::history::{Cohort, History, WEEK};
use crate::process::Process;
use crate::purchases::Purchases;
use crate::trees::{Row, Tree, Trees};

/// Days between two moments of one customer.
const STRIDE: usize = 28;
/// Days after the end through which everybody is imagined to buy nothing more: a profile lives on with the model.
const SILENCE: i32 = 182;
/// Moments of all customers; of more customers, fewer are taken.
const MOMENTS: usize = 200_000;
/// Beyond these log-odds a device tells nothing apart.
const FAR: f64 = 8.0;

/// Borders of what is asked: purchases ever, in the last 90 and 28 days, days since the last.
const EVER: [u32; 11] = [2, 3, 4, 5, 6, 8, 10, 14, 20, 30, 50];
const RECENT: [u32; 8] = [2, 3, 4, 5, 6, 8, 12, 20];
const LATEST: [u32; 6] = [2, 3, 4, 6, 8, 12];
const SILENT: [u32; 25] =
    [2, 4, 7, 10, 14, 18, 23, 28, 35, 42, 49, 56, 70, 84, 98, 112, 126, 140, 168, 196, 224, 252, 308, 364, 448];

/// What a profile knows of somebody's purchases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Purchases ever.
    pub ever: u32,
    /// Within the last 90 days, with today.
    pub recent: u32,
    /// Within the last 28.
    pub latest: u32,
    /// Whole days since the last.
    pub silent: u32,
}

/// A model for campaign files, and how close it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    trees: Trees,
    /// Of probabilities, on other customers than those it was made of.
    pub closeness: Closeness,
}

/// How far a device's probabilities are from the exact ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closeness {
    /// Moments that were compared.
    pub moments: usize,
    /// Mean of the absolute differences.
    pub mean: f64,
    /// What 99 of 100 differences stay within.
    pub most: f64,
    /// The largest.
    pub worst: f64,
    /// Mean of the absolute differences of one number for everybody, to compare with.
    pub constant: f64,
}

impl Device {
    /// Follows the chance of at least one purchase within so many days, at moments every four weeks of each customer from their first
    /// purchase to half a year after the end.
    ///
    /// Every other customer is grown on, and the rest measured on. `None` where there are fewer than two.
    #[must_use]
    pub fn follow(purchases: &Purchases, cohort: &Cohort, model: &impl Process, days: u32) -> Option<Self> {
        let moments = moments(purchases, cohort);
        let (mut grown, mut measured) = (Vec::new(), Vec::new());
        for (customer, seen, history) in &moments {
            let chance = model.buys_within(history, f64::from(days) / WEEK);
            let chance = chance.clamp(probability(-FAR), probability(FAR));
            let row = Row {
                answers: seen.answers(),
                value: (chance / (1.0 - chance)).ln(),
                // What a small difference of log-odds costs in probability.
                weight: chance * (1.0 - chance),
            };
            if customer % 2 == 0 { grown.push(row) } else { measured.push(row) }
        }
        if grown.is_empty() || measured.is_empty() {
            return None;
        }
        let trees = Trees::follow(&grown, questions().len());
        let mut off: Vec<f64> =
            measured.iter().map(|row| (probability(trees.value(row.answers)) - probability(row.value)).abs()).collect();
        off.sort_by(f64::total_cmp);
        let count = off.len() as f64;
        let middle = measured.iter().map(|row| probability(row.value)).sum::<f64>() / count;
        let closeness = Closeness {
            moments: off.len(),
            mean: off.iter().sum::<f64>() / count,
            most: off.get((count * 0.99) as usize).or(off.last()).copied()?,
            worst: off.last().copied()?,
            constant: measured.iter().map(|row| (probability(row.value) - middle).abs()).sum::<f64>() / count,
        };
        Some(Self { trees, closeness })
    }

    /// The chance that a device answers.
    #[must_use]
    pub fn chance(&self, seen: &Seen) -> f64 {
        probability(self.trees.value(seen.answers()))
    }

    /// As a model's file in JSON (`file:` of a model in campaign files); `event` is what the site calls a purchase, and loses quotes, backslashes and
    /// control characters, which no name has.
    #[must_use]
    pub fn write(&self, event: &str) -> String {
        let name: String = event.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
        let questions = questions();
        let asked = |question: &Question| match question {
            Question::Ever(least) => format!(r#"{{"event": "{name}", "at_least": {least}}}"#),
            Question::Recent(least) => format!(r#"{{"event": "{name}", "within": "90 days", "at_least": {least}}}"#),
            Question::Latest(least) => format!(r#"{{"event": "{name}", "within": "28 days", "at_least": {least}}}"#),
            Question::Silent(days) => format!(r#"{{"last": "{name}", "at_least": "{days} days"}}"#),
        };
        let tree = |tree: &Tree| {
            let levels: Vec<String> =
                tree.levels.iter().filter_map(|question| questions.get(*question)).map(asked).collect();
            let leaves: Vec<String> = tree.leaves.iter().map(ToString::to_string).collect();
            format!("{{\"levels\": [{}],\n \"leaves\": [{}]}}", levels.join(", "), leaves.join(", "))
        };
        let trees: Vec<String> = self.trees.trees.iter().map(tree).collect();
        format!("{{\"kind\": \"trees\", \"bias\": {}, \"trees\": [\n{}\n]}}\n", self.trees.bias, trees.join(",\n"))
    }
}

#[derive(Debug, Clone, Copy)]
enum Question {
    Ever(u32),
    Recent(u32),
    Latest(u32),
    Silent(u32),
}

/// All that may be asked, by number: fewer than 64.
fn questions() -> Vec<Question> {
    let ever = EVER.map(Question::Ever).into_iter();
    ever.chain(RECENT.map(Question::Recent))
        .chain(LATEST.map(Question::Latest))
        .chain(SILENT.map(Question::Silent))
        .collect()
}

impl Seen {
    fn answers(self) -> u64 {
        questions().into_iter().enumerate().fold(0, |answers, (number, question)| {
            let holds = match question {
                Question::Ever(least) => self.ever >= least,
                Question::Recent(least) => self.recent >= least,
                Question::Latest(least) => self.latest >= least,
                Question::Silent(days) => self.silent >= days,
            };
            answers | u64::from(holds) << number
        })
    }
}

/// Customers at moments: their number, what a profile knows, and what the exact model knows.
fn moments(purchases: &Purchases, cohort: &Cohort) -> Vec<(usize, Seen, History)> {
    let mut moments = Vec::new();
    let each = (cohort.end.since(cohort.start) + SILENCE) as usize / STRIDE + 1;
    let skip = (cohort.customers.len() * each).div_ceil(MOMENTS).max(1);
    for (number, customer) in cohort.customers.iter().step_by(skip).enumerate() {
        let bought = purchases.buyers.get(customer.buyer).map_or(&[][..], |buyer| &buyer.days);
        let bought: Vec<i32> =
            bought.iter().filter(|(day, _)| *day <= cohort.end).map(|(day, _)| day.since(customer.first)).collect();
        let last = cohort.end.since(customer.first) + SILENCE;
        // Not the same days of everybody: the first moment is anywhere within four weeks.
        for age in (number as i32 * 5 % STRIDE as i32..=last).step_by(STRIDE) {
            let past = || bought.iter().filter(|day| **day <= age);
            let within = |days: i32| past().filter(|day| **day > age - days).count() as u32;
            let (ever, latest) = (past().count() as u32, past().next_back().copied().unwrap_or(0));
            let history = History {
                repeats: ever.saturating_sub(1),
                last: f64::from(latest) / WEEK,
                age: f64::from(age) / WEEK,
                spend: 0.0,
            };
            let seen =
                Seen { ever, recent: within(90), latest: within(28), silent: u32::try_from(age - latest).unwrap_or(0) };
            moments.push((number, seen, history));
        }
    }
    moments
}

fn probability(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds.clamp(-FAR, FAR)).exp())
}
