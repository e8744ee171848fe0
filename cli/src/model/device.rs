//! A trained model as a device has it: compiled into a bundle, opened by the engine, asked row by row.

use std::fmt::Write as _;

use anyhow::{anyhow, bail};
use petitfour::bundle;
use petitfour::catalog::{Catalog, Section};
use petitfour::{model, rule};
use petitfour_compiler::{Severity, Source, compile};
use petitfour_models::Feature;

/// Its bundle, with one context value for each feature.
pub(crate) struct Device {
    catalog: Catalog,
    /// Of each feature that is asked, its attribute and the bins of its texts.
    inputs: Vec<Option<(usize, Vec<f64>)>>,
    values: Vec<f64>,
    bins: Vec<u16>,
}

impl Device {
    /// Compiles a model's file, of which the features are known.
    pub(crate) fn of(model: &[u8], features: &[Feature], leaves: u8, borders: usize) -> anyhow::Result<Self> {
        let mut text = "petitfour: 1\nversion: 1\nplacements: { p: {} }\ncampaigns:\n  - { id: c, placements: [p], model: m, creatives: [{ id: k, t: x }] }\ncontext:\n".to_owned();
        for (number, feature) in features.iter().enumerate() {
            let kind = if feature.levels.is_some() { "text" } else { "number" };
            writeln!(text, "  f{number}: {{ type: {kind} }}")?;
        }
        // The report says what moved, so nothing is refused for it here.
        writeln!(
            text,
            "models:\n  m:\n    trained: m\n    leaves: {leaves}\n    borders: {borders}\n    tolerance: 1e9\n    features:"
        )?;
        for (number, feature) in features.iter().enumerate() {
            writeln!(text, "      {}: {{ context: f{number} }}", serde_json::to_string(&feature.name)?)?;
        }
        let compiled = compile(&[Source { name: "model".to_owned(), text }], &|_| Some(model.to_vec()));
        if let Some(fault) = compiled.diagnostics.iter().find(|fault| fault.severity == Severity::Error) {
            let remedy = fault.remedy.as_ref().map_or_else(String::new, |remedy| format!("; {remedy}"));
            bail!("it does not fit a device: {}{remedy}", fault.message);
        }
        let bundle = compiled.bundle.ok_or_else(|| anyhow!("it does not fit a device"))?;
        let catalog = bundle::open(bundle).map_err(|error| anyhow!("the bundle does not open: {error:?}"))?;
        let inputs = features.iter().enumerate().map(|(number, feature)| {
            let place = catalog.context_named(&format!("f{number}"))?;
            let attribute = catalog.attribute(place)?;
            let levels = feature.levels.iter().flatten();
            Some((place, levels.map(|level| f64::from(catalog.intern(&attribute, level))).collect()))
        });
        let inputs = inputs.collect();
        let count = catalog.attributes().len();
        Ok(Self { catalog, inputs, values: vec![f64::NAN; count], bins: vec![0; count] })
    }

    /// What a device scores a row: log-odds in Q16.16, and the probability of 65,536.
    pub(crate) fn score(&mut self, row: &[f64]) -> (i32, u32) {
        for (value, (place, bins)) in
            row.iter().zip(&self.inputs).filter_map(|(value, input)| Some((value, input.as_ref()?)))
        {
            if let Some(slot) = self.values.get_mut(*place) {
                // A text comes as its bin; one that the model has not seen is missing to it.
                *slot = if bins.is_empty() {
                    *value
                } else {
                    bins.get(*value as usize).filter(|_| !value.is_nan()).copied().unwrap_or(0.0)
                };
            }
        }
        rule::bin(&self.catalog, &self.values, &mut self.bins);
        let score = self.catalog.model(0).map_or(0, |own| model::score(&self.catalog, &own, &self.bins));
        (score, model::probability(score))
    }

    /// What it takes in a bundle: the model's data, and its borders.
    pub(crate) fn bytes(&self) -> (&[u8], &[u8]) {
        (self.catalog.section(Section::ModelData), self.catalog.section(Section::Borders))
    }
}
