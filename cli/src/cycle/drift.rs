//! What the model becomes on a device: its bundle, its size, and by how much scores moved on the way.

use std::io::Write as _;

use anyhow::{anyhow, bail};
use petitfour::bundle;
use petitfour::catalog::{Catalog, Section};
use petitfour::{model, rule};
use serde::Serialize;

use super::files::Files;
use super::learn::{Model, first_best};
use super::rounds::Rounds;
use crate::folder;

/// The bundle that ships.
pub(super) struct Shipped {
    pub bundle: Vec<u8>,
    /// As it is, and after brotli.
    pub size: (usize, usize),
    pub parts: Vec<Part>,
    /// With leaves of 8 and of 16 bits.
    pub drift: Vec<Drift>,
    pub bits: u8,
    /// For each situation, the probability of each action of 65,536.
    pub chances: Vec<Vec<u32>>,
}

/// A part of the bundle.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Part {
    pub what: &'static str,
    pub bytes: usize,
    pub brotli: usize,
}

/// How far scores of the device are from the library's, over every candidate in every situation, in log-odds.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Drift {
    pub bits: u8,
    pub bundle_bytes: usize,
    pub bundle_brotli: usize,
    pub mean: f64,
    pub largest: f64,
    /// Situations in which the device prefers another candidate than the library.
    pub other_best: usize,
    pub situations: usize,
}

impl Shipped {
    pub(super) fn of(rounds: &Rounds, learned: &Model, files: &Files) -> anyhow::Result<Self> {
        let mut drift = Vec::new();
        let mut shipped = None;
        for bits in [8, 16] {
            let compiled = files.compiled(bits);
            let Some(bundle) = compiled.bundle.clone() else {
                if bits == files.bits() {
                    folder::print_faults(&compiled);
                    bail!("the campaign files do not compile");
                }
                continue;
            };
            let catalog =
                bundle::open(bundle.clone()).map_err(|error| anyhow!("the bundle does not open: {error:?}"))?;
            let scores = scores(rounds, &catalog)?;
            let size = (bundle.len(), brotli(&bundle)?);
            drift.push(Drift::of(bits, size, learned, &scores));
            if bits == files.bits() {
                let chances = scores.iter().map(|own| own.iter().map(|score| model::probability(*score)).collect());
                shipped = Some(Self {
                    parts: parts(&catalog)?,
                    size,
                    chances: chances.collect(),
                    drift: Vec::new(),
                    bits,
                    bundle,
                });
            }
        }
        let shipped = shipped.ok_or_else(|| anyhow!("leaves are kept in 8 or 16 bits"))?;
        Ok(Self { drift, ..shipped })
    }

    /// The action that the device prefers in a situation, the first between equals.
    pub(super) fn best(&self, situation: usize) -> usize {
        first_best(self.chances.get(situation).map_or(&[][..], Vec::as_slice))
    }

    /// Actions that are worth as much there as the best.
    pub(super) fn equals(&self, situation: usize) -> usize {
        let chances = self.chances.get(situation).map_or(&[][..], Vec::as_slice);
        let most = chances.iter().max().copied().unwrap_or_default();
        chances.iter().filter(|chance| **chance == most).count()
    }

    /// The drift of what ships.
    pub(super) fn own(&self) -> Option<&Drift> {
        self.drift.iter().find(|drift| drift.bits == self.bits)
    }

    pub(super) fn told(&self) -> String {
        let Some(drift) = self.own() else { return String::new() };
        format!(
            "leaves of {} bits; a score moved by {:.6} log-odds at most; another best in {} of {} situations",
            drift.bits, drift.largest, drift.other_best, drift.situations
        )
    }
}

impl Drift {
    fn of(bits: u8, (bundle_bytes, bundle_brotli): (usize, usize), learned: &Model, scores: &[Vec<i32>]) -> Self {
        let pairs = learned.odds.iter().flatten().zip(scores.iter().flatten());
        let moved: Vec<f64> = pairs.map(|(odds, score)| (odds - f64::from(*score) / 65_536.0).abs()).collect();
        let own = scores.iter().enumerate();
        let chances = |own: &[i32]| own.iter().map(|score| model::probability(*score)).collect::<Vec<_>>();
        let other_best = own.filter(|(at, own)| first_best(&chances(own)) != learned.best(*at)).count();
        Self {
            bits,
            bundle_bytes,
            bundle_brotli,
            mean: moved.iter().sum::<f64>() / (moved.len() as f64).max(1.0),
            largest: moved.iter().copied().fold(0.0, f64::max),
            other_best,
            situations: scores.len(),
        }
    }
}

/// What the engine's models score, in Q16.16, for each situation and action.
fn scores(rounds: &Rounds, catalog: &Catalog) -> anyhow::Result<Vec<Vec<i32>>> {
    let named = |name: &str| catalog.campaigns().find(|campaign| catalog.string(campaign.name()) == name);
    let models: Vec<Option<usize>> =
        rounds.actions.iter().map(|action| named(action).and_then(|campaign| campaign.model())).collect();
    let count = catalog.attributes().len();
    let mut bins = vec![0; count];
    let mut all = Vec::with_capacity(rounds.situations);
    for situation in 0..rounds.situations {
        let mut inputs = vec![f64::NAN; count];
        for (column, text) in rounds.told_in(situation) {
            let Some(place) = catalog.context_named(&column.name) else { continue };
            let value = if column.is_number {
                text.parse()?
            } else {
                catalog.attribute(place).map_or(f64::NAN, |attribute| f64::from(catalog.intern(&attribute, text)))
            };
            if let Some(input) = inputs.get_mut(place) {
                *input = value;
            }
        }
        rule::bin(catalog, &inputs, &mut bins);
        let score = |model: &Option<usize>| {
            let model = model.and_then(|number| catalog.model(number));
            model.map_or(0, |model| model::score(catalog, &model, &bins))
        };
        all.push(models.iter().map(score).collect());
    }
    Ok(all)
}

/// Where the bytes are.
fn parts(catalog: &Catalog) -> anyhow::Result<Vec<Part>> {
    let part = |what, sections: &[Section]| -> anyhow::Result<Part> {
        let bytes: Vec<u8> = sections.iter().flat_map(|section| catalog.section(*section)).copied().collect();
        Ok(Part { what, bytes: bytes.len(), brotli: brotli(&bytes)? })
    };
    Ok(vec![
        part("the model's trees", &[Section::ModelData])?,
        part("a record of each share of it", &[Section::Models])?,
        part("borders", &[Section::Borders])?,
        part("campaigns and creatives", &[Section::Campaigns, Section::Creatives])?,
    ])
}

fn brotli(bytes: &[u8]) -> anyhow::Result<usize> {
    let mut small = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut small, 4096, 11, 22);
    writer.write_all(bytes)?;
    drop(writer);
    Ok(small.len())
}
