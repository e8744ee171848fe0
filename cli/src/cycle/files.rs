//! Campaign files: a campaign for each candidate, all on one placement, weighed by one model to which each says what it is.

use std::fmt::Write as _;

use petitfour_compiler::{Compiled, Source, compile};
use petitfour_models::Feature;

use super::Arguments;
use super::judge::round;
use super::learn::{Model, said};
use super::rounds::Rounds;

/// The placement that is decided for.
pub(super) const PLACEMENT: &str = "choice";
/// The model's file and name.
const MODEL: &str = "clicks";

/// What stands beside the bundle.
pub(super) struct Files {
    yaml: String,
    model: String,
    bits: u8,
}

impl Files {
    pub(super) fn of(rounds: &Rounds, model: &Model, arguments: &Arguments) -> anyhow::Result<Self> {
        let bits = if arguments.bits == "8" { 8 } else { 16 };
        let quoted = |text: &str| serde_json::to_string(text);
        let mut yaml = String::from(
            "# Written by `petitfour loop`: one campaign for each candidate, all weighed by one model. report.html says what it is worth.\n\
             petitfour: 1\nversion: 1\n",
        );
        if !rounds.columns.is_empty() {
            yaml.push_str("context:   # what the page tells before it asks\n");
        }
        for column in &rounds.columns {
            let name = quoted(&column.name)?;
            if column.is_number {
                writeln!(yaml, "  {name}: {{ type: number }}")?;
            } else {
                let levels = column.levels().into_iter().map(quoted).collect::<Result<Vec<_>, _>>()?;
                writeln!(yaml, "  {name}: {{ type: text, values: [{}] }}", levels.join(", "))?;
            }
        }
        let explore = if arguments.explore > 0.0 {
            format!("    explore: {{ epsilon: {}% }}\n", round(arguments.explore * 100.0))
        } else {
            String::new()
        };
        write!(
            yaml,
            "placements:\n  {PLACEMENT}:\n    fallback: none-fits\n{explore}fallbacks:\n  none-fits: {{ text: Nothing fits }}\n\
             models:\n  {MODEL}:\n    trained: {MODEL}.txt\n    leaves: {{BITS}}\ncampaigns:\n"
        )?;
        for (number, action) in rounds.actions.iter().enumerate() {
            let name = quoted(action)?;
            let given = model.forest.features.iter().filter_map(|feature| {
                let text = said(rounds, number, &feature.name)?;
                Some(given(feature, text).map(|given| format!("{}: {given}", key(&feature.name))))
            });
            let given = given.collect::<Result<Vec<_>, _>>()?.join(", ");
            let weighed =
                if given.is_empty() { MODEL.to_owned() } else { format!("{{ name: {MODEL}, given: {{ {given} }} }}") };
            write!(
                yaml,
                "  - id: {name}\n    placements: [{PLACEMENT}]\n    model: {weighed}\n    creatives: [{{ id: {name}, text: {name} }}]\n"
            )?;
        }
        Ok(Self { yaml, model: model.text.clone(), bits })
    }

    /// Names and texts of the files.
    pub(super) fn written(&self) -> [(String, String); 2] {
        [("campaigns.yaml".to_owned(), self.yaml(self.bits)), (format!("{MODEL}.txt"), self.model.clone())]
    }

    /// Bits of a leaf.
    pub(super) fn bits(&self) -> u8 {
        self.bits
    }

    /// The bundle of these files, with leaves of so many bits.
    pub(super) fn compiled(&self, bits: u8) -> Compiled {
        let source = Source { name: "campaigns.yaml".to_owned(), text: self.yaml(bits) };
        compile(&[source], &|name| (name == format!("{MODEL}.txt")).then(|| self.model.as_bytes().to_vec()))
    }

    fn yaml(&self, bits: u8) -> String {
        self.yaml.replacen("{BITS}", &bits.to_string(), 1)
    }
}

/// A name as a key: as it is where YAML takes it so.
fn key(name: &str) -> String {
    let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if plain && !name.is_empty() { name.to_owned() } else { format!("{name:?}") }
}

/// What a campaign says of a feature: what the model knows, and `null` for the rest.
fn given(feature: &Feature, text: &str) -> Result<String, serde_json::Error> {
    if text.is_empty() || feature.number(text).is_none() {
        return Ok("null".to_owned());
    }
    if feature.levels.is_some() { serde_json::to_string(text) } else { Ok(text.to_owned()) }
}
