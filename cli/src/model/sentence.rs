//! What is said of a feature's value: in the marketer's sentence, or plainly.

use std::path::Path;

use anyhow::Context;
use petitfour_compiler::Source;
use petitfour_compiler::sentence::{self, Sentences, Told};
use petitfour_models::{Feature, Forest};
use serde::Serialize;

use crate::folder;
use crate::simulate::summary::grouped;

/// A value as the file of rows has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Value {
    Number(f64),
    Text(String),
    /// Nobody knows it.
    Missing,
}

/// Reads the marketer's sentences; `None` when there are faults, which have been printed.
pub(super) fn read(path: Option<&Path>, forest: &Forest) -> anyhow::Result<Option<Sentences>> {
    let Some(path) = path else { return Ok(Some(Sentences::default())) };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let features = forest.features.iter();
    let features: Vec<sentence::Feature<'_>> =
        features.map(|feature| sentence::Feature { name: &feature.name, levels: feature.levels.as_deref() }).collect();
    let reading = sentence::read(Source { name: path.display().to_string(), text }, &features);
    folder::print_all(&reading.diagnostics, &reading.sources);
    Ok(reading.diagnostics.is_empty().then_some(reading.sentences))
}

/// The sentence of a value.
pub(super) fn say(sentences: &Sentences, feature: &Feature, value: &Value) -> String {
    let shown = value.shown();
    let told = match value {
        Value::Number(number) => Told::Number(*number),
        Value::Text(text) => Told::Text(text),
        Value::Missing => Told::Missing,
    };
    sentences.say(&feature.name, told, &shown).unwrap_or_else(|| format!("{} is {shown}", feature.name))
}

impl Value {
    pub(super) fn of(feature: &Feature, value: f64) -> Self {
        if value.is_nan() {
            return Self::Missing;
        }
        let level = feature.levels.as_ref().and_then(|levels| levels.get(value as usize));
        level.map_or(Self::Number(value), |text| Self::Text(text.clone()))
    }

    /// As people write it: four digits that count.
    fn shown(&self) -> String {
        match self {
            Self::Missing => "unknown".to_owned(),
            Self::Text(text) => text.clone(),
            Self::Number(number) if number.abs() >= 1_000.0 && number.abs() < 1e15 => {
                let sign = if *number < 0.0 { "-" } else { "" };
                format!("{sign}{}", grouped(number.abs().round() as u64))
            }
            Self::Number(number) => {
                let digits = if *number == 0.0 { 0 } else { 3 - number.abs().log10().floor() as i32 };
                let text = format!("{number:.*}", usize::try_from(digits).unwrap_or(0).min(12));
                let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
                text.to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_people_write_them() {
        let shown = |number: f64| Value::Number(number).shown();
        let numbers = [0.0, 3.0, -2.5, 0.028_571_43, 361.763_741_9, 63_973.522_23, -1_234.5, 1e20, 0.2, 100.0];
        let told = ["0", "3", "-2.5", "0.02857", "361.8", "63,974", "-1,235", "100000000000000000000", "0.2", "100"];
        assert_eq!(numbers.map(shown), told);
    }
}
