//! Why a row scores as it does, and why one scores otherwise than another that looks alike.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use petitfour_compiler::sentence::Sentences;
use petitfour_models::contribution::Explainer;
use petitfour_models::{Forest, Link, Rows};
use serde::Serialize;

use super::sentence::{self, Value};
use super::waterfall::{self, Step};
use crate::simulate::recorded::unzipped;

/// How wide the longest bar is.
const BAR: usize = 20;

/// Which rows are asked about, and with whose words.
pub(super) struct Question<'a> {
    pub(super) explainer: &'a Explainer<'a>,
    pub(super) rows: &'a Path,
    pub(super) why: usize,
    pub(super) beside: Option<usize>,
    pub(super) sentences: &'a Sentences,
    pub(super) picture: Option<&'a Path>,
    pub(super) json: bool,
}

/// A row, its score and what that is made of.
#[derive(Debug, Serialize)]
struct Scored {
    line: usize,
    score: f64,
    answer: f64,
    /// The score before anything is known.
    base: f64,
    /// The largest first; together with the base they add up to the score.
    contributions: Vec<Part>,
}

#[derive(Debug, Clone, Serialize)]
struct Part {
    feature: String,
    value: Value,
    contribution: f64,
    sentence: String,
    /// Place among the model's features.
    #[serde(skip)]
    place: usize,
}

/// Two rows, and what the difference of their scores is made of.
#[derive(Debug, Serialize)]
struct Contrast {
    lines: [usize; 2],
    scores: [f64; 2],
    answers: [f64; 2],
    difference: f64,
    /// The largest first; they add up to the difference.
    contributions: Vec<Apart>,
}

#[derive(Debug, Serialize)]
struct Apart {
    feature: String,
    values: [Value; 2],
    contributions: [f64; 2],
    difference: f64,
    sentences: [String; 2],
}

/// The answer, as text or JSON; the picture is written.
pub(super) fn told(question: &Question<'_>) -> anyhow::Result<String> {
    let (explainer, forest) = (question.explainer, question.explainer.forest());
    let lines: Vec<usize> = [Some(question.why), question.beside].into_iter().flatten().collect();
    let mut scored = Vec::new();
    for (line, row) in lines.iter().zip(find(forest, question.rows, &lines)?) {
        scored.push(Scored::of(explainer, *line, &row, question.sentences));
    }
    let link = forest.link;
    let (told, picture) = match scored.as_slice() {
        [one, other] => {
            let contrast = Contrast::of(one, other);
            let told = if question.json { serde_json::to_string_pretty(&contrast)? } else { contrast.told(link) };
            (told, contrast.draw(link))
        }
        [one] => {
            let told = if question.json { serde_json::to_string_pretty(one)? } else { one.told(link) };
            (told, one.draw(link))
        }
        _ => (String::new(), String::new()),
    };
    if let Some(file) = question.picture {
        std::fs::write(file, picture).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(told)
}

/// The rows that begin in these lines, in this order.
fn find(forest: &Forest, path: &Path, lines: &[usize]) -> anyhow::Result<Vec<Vec<f64>>> {
    let name = path.display();
    let told = |fault| anyhow!("{name}: {fault}");
    let mut rows = Rows::open(unzipped(path)?, &forest.features).map_err(told)?;
    let mut found: Vec<Option<Vec<f64>>> = vec![None; lines.len()];
    let (mut row, mut last) = (Vec::new(), 1);
    while found.iter().any(Option::is_none) && rows.next_row(&mut row).map_err(told)? {
        last = rows.line();
        for (line, found) in lines.iter().zip(&mut found) {
            if *line == last {
                *found = Some(row.clone());
            }
        }
    }
    let missing = lines.iter().zip(&found).find_map(|(line, found)| found.is_none().then_some(*line));
    if let Some(line) = missing {
        if line <= 1 {
            bail!("{name}: line {line} is no row: the names stand in line 1, the first row in line 2");
        }
        let end = if line > last { format!("; the last row begins in line {last}") } else { String::new() };
        bail!("{name}: no row begins in line {line}{end}");
    }
    Ok(found.into_iter().flatten().collect())
}

impl Scored {
    fn of(explainer: &Explainer<'_>, line: usize, row: &[f64], sentences: &Sentences) -> Self {
        let forest = explainer.forest();
        let parts = forest.features.iter().zip(explainer.contributions(row)).zip(row).enumerate();
        let mut contributions: Vec<Part> = parts
            .map(|(place, ((feature, contribution), value))| {
                let value = Value::of(feature, *value);
                let sentence = sentence::say(sentences, feature, &value);
                Part { feature: feature.name.clone(), value, contribution, sentence, place }
            })
            .collect();
        contributions.sort_by(|one, other| other.contribution.abs().total_cmp(&one.contribution.abs()));
        Self { line, score: forest.raw(row), answer: forest.answer(row), base: explainer.base(), contributions }
    }

    fn told(&self, link: Link) -> String {
        let mut out = String::new();
        let Self { line, score, answer, base, contributions } = self;
        let _ = writeln!(out, "line {line} scores {}", scored(*score, *answer, link));
        let _ = writeln!(out, "before anything is known of a row: {}\n", scored(*base, link.answer(*base), link));
        let most = contributions.first().map_or(0.0, |part| part.contribution.abs());
        let (parts, idle): (Vec<&Part>, Vec<&Part>) = contributions.iter().partition(|part| part.contribution != 0.0);
        let wide = parts.iter().map(|part| part.feature.chars().count()).max().unwrap_or_default();
        for part in &parts {
            let Part { feature, contribution, sentence, .. } = part;
            let _ =
                writeln!(out, "{contribution:+9.4}  {:<BAR$}  {feature:<wide$}  {sentence}", bar(*contribution, most));
        }
        let sum: f64 = contributions.iter().map(|part| part.contribution).sum();
        let _ = writeln!(out, "\n{base:.4} {} {:.4} = {:.4}", if sum < 0.0 { '-' } else { '+' }, sum.abs(), base + sum);
        out + &idle_ones(idle.iter().map(|part| part.feature.as_str()))
    }

    fn draw(&self, link: Link) -> String {
        let steps = self.contributions.iter().filter(|part| part.contribution != 0.0);
        let steps: Vec<Step> =
            steps.map(|part| Step { label: part.sentence.clone(), beside: None, added: part.contribution }).collect();
        let title = format!("Line {} scores {}", self.line, scored(self.score, self.answer, link));
        let start = format!("before anything is known: {}", scored(self.base, link.answer(self.base), link));
        waterfall::draw(&title, &start, self.base, &steps)
    }
}

impl Contrast {
    /// The base is the same for both, and goes.
    fn of(one: &Scored, other: &Scored) -> Self {
        let mut contributions: Vec<Apart> = one
            .contributions
            .iter()
            .filter_map(|part| {
                let beside = other.contributions.iter().find(|beside| beside.place == part.place)?;
                Some(Apart {
                    feature: part.feature.clone(),
                    values: [part.value.clone(), beside.value.clone()],
                    contributions: [part.contribution, beside.contribution],
                    difference: part.contribution - beside.contribution,
                    sentences: [part.sentence.clone(), beside.sentence.clone()],
                })
            })
            .collect();
        contributions.sort_by(|one, other| other.difference.abs().total_cmp(&one.difference.abs()));
        Self {
            lines: [one.line, other.line],
            scores: [one.score, other.score],
            answers: [one.answer, other.answer],
            difference: one.score - other.score,
            contributions,
        }
    }

    fn told(&self, link: Link) -> String {
        let mut out = String::new();
        let ([one, other], [score, beside], [answer, beside_answer]) = (self.lines, self.scores, self.answers);
        let _ = writeln!(out, "line {one} scores {}", scored(score, answer, link));
        let _ =
            writeln!(out, "line {other} scores {}; the difference is made of\n", scored(beside, beside_answer, link));
        let most = self.contributions.first().map_or(0.0, |part| part.difference.abs());
        let (parts, idle): (Vec<&Apart>, Vec<&Apart>) =
            self.contributions.iter().partition(|part| part.difference != 0.0);
        let wide = one.max(other).to_string().len();
        for Apart { feature, contributions: [own, others], difference, sentences: [sentence, beside], values } in &parts
        {
            let _ = writeln!(out, "{difference:+9.4}  {:<BAR$}  {feature}", bar(*difference, most));
            if values.first() == values.last() {
                let _ = writeln!(out, "{:11}both: {sentence} ({own:+.4} and {others:+.4})", "");
            } else {
                let _ = writeln!(out, "{:11}{one:>wide$}: {sentence} ({own:+.4})", "");
                let _ = writeln!(out, "{:11}{other:>wide$}: {beside} ({others:+.4})", "");
            }
        }
        let _ = writeln!(out, "{:+9.4}  in all\n", parts.iter().map(|part| part.difference).sum::<f64>());
        if parts.iter().any(|part| part.values.first() == part.values.last()) {
            let _ = writeln!(
                out,
                "what is the same for both counts for more or less beside the rest: its two contributions stand in brackets"
            );
        }
        out + &idle_ones(idle.iter().map(|part| part.feature.as_str()))
    }

    fn draw(&self, link: Link) -> String {
        let ([one, other], [score, beside]) = (self.lines, self.scores);
        let steps = self.contributions.iter().filter(|part| part.difference != 0.0).map(|part| {
            let [sentence, others] = &part.sentences;
            let (label, beside) = if part.values.first() == part.values.last() {
                (format!("both: {sentence}"), None)
            } else {
                (sentence.clone(), Some(format!("line {other}: {others}")))
            };
            Step { label, beside, added: part.difference }
        });
        let [answer, others] = self.answers;
        let others = scored(beside, others, link);
        let title = format!("Line {one} scores {}, line {other} {others}", scored(score, answer, link));
        let start = format!("from line {other} to line {one}, by {:+.4}", self.difference);
        waterfall::draw(&title, &start, beside, &steps.collect::<Vec<_>>())
    }
}

/// A score, and the probability that it stands for.
fn scored(score: f64, answer: f64, link: Link) -> String {
    match link {
        Link::Identity => format!("{score:.4}"),
        Link::Logistic { .. } => format!("{score:.4} ({:.1}%)", answer * 100.0),
    }
}

/// A bar as long as a number is large.
pub(super) fn bar(number: f64, most: f64) -> String {
    let share = if most > 0.0 { number.abs() / most } else { 0.0 };
    "█".repeat((share * BAR as f64).round() as usize)
}

/// The features that make no difference, where there are any.
fn idle_ones<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { String::new() } else { format!("nothing comes of: {}\n", names.join(", ")) }
}
