//! One row scored natively by a trained model, and the bundles with which `score.mjs` does the same in V8.
//!
//! The folder has what `score/train.py` left there: `model.txt`, `rows.f64`, `raw.f64`. What comes back are lines, as `score/serve.py` has them: what
//! there is and how far its log-odds are from LightGBM's, an empty line, then nanoseconds a row for every line `NAME FROM COUNT`.

use std::{
    fs,
    hint::black_box,
    io::{self, BufRead, Write},
    path::Path,
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use petitfour::{
    catalog::Catalog,
    engine::{Engine, Session},
    model, rule,
    time::Moment,
};
use petitfour_compiler::{Severity, Source, compile, render};
use serde_json::json;

use crate::verify::{MOMENT_MS, seed};

/// Features of the model.
const WIDTH: usize = 32;

/// Compiles, checks, and answers until the input ends.
///
/// # Errors
/// When the model does not compile, or a line is not understood.
pub fn serve(folder: &Path) -> Result<()> {
    let doubles = |name: &str| -> Result<Vec<f64>> {
        let bytes = fs::read(folder.join(name)).with_context(|| format!("score/train.py writes {name}"))?;
        Ok(bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
    };
    let (rows, raw) = (doubles("rows.f64")?, doubles("raw.f64")?);
    let model = fs::read(folder.join("model.txt"))?;
    let scored = bundle(&model, true)?;
    fs::write(folder.join("score.pf4"), &scored)?;
    fs::write(folder.join("bare.pf4"), bundle(&model, false)?)?;
    let engine = match Engine::load(scored) {
        Ok(engine) => Arc::new(engine),
        Err(error) => bail!("the bundle does not open: {}", error.code()),
    };
    let catalog = engine.catalog();
    let places: Option<Vec<usize>> = (0..WIDTH).map(|at| catalog.context_named(&format!("f{at}"))).collect();
    let places = places.context("the model does not ask for all of its features")?;
    let inputs: Vec<Vec<f64>> = rows
        .chunks_exact(WIDTH)
        .map(|row| {
            let mut inputs = vec![f64::NAN; catalog.attributes().len()];
            for (place, value) in places.iter().zip(row) {
                if let Some(input) = inputs.get_mut(*place) {
                    *input = *value;
                }
            }
            inputs
        })
        .collect();
    let mut bins = vec![vec![0; catalog.attributes().len()]; inputs.len()];
    for (bins, inputs) in bins.iter_mut().zip(&inputs) {
        rule::bin(catalog, inputs, bins);
    }
    let off = bins.iter().zip(&raw).map(|(bins, raw)| (score(catalog, bins) - raw).abs()).fold(0.0, f64::max);
    let mut session = Session::new(Arc::clone(&engine), seed("score"));
    let winners: Vec<Option<usize>> = inputs
        .iter()
        .map(|inputs| {
            session.inputs().copy_from_slice(inputs);
            session.decide("main", Moment::utc(MOMENT_MS)).campaign
        })
        .collect();
    fs::write(folder.join("winners.json"), json!(winners).to_string())?;

    let mut out = io::stdout().lock();
    for name in ["score", "binned"] {
        writeln!(out, "{}", json!({ "name": name, "off": off }))?;
    }
    writeln!(out)?;
    out.flush()?;
    let mut own = vec![0; catalog.attributes().len()];
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split(' ');
        let (Some(name), Some(Ok(first)), Some(Ok(count))) =
            (words.next(), words.next().map(str::parse::<usize>), words.next().map(str::parse::<usize>))
        else {
            bail!("`{line}` is not NAME FROM COUNT");
        };
        let some = first..first + count;
        let (Some(bins), Some(inputs)) = (bins.get(some.clone()), inputs.get(some)) else {
            bail!("`{line}`: there are {} rows", inputs.len());
        };
        let began = Instant::now();
        if name == "score" {
            for bins in bins {
                black_box(score(catalog, black_box(bins)));
            }
        } else {
            for inputs in inputs {
                rule::bin(catalog, black_box(inputs), &mut own);
                black_box(score(catalog, &own));
            }
        }
        writeln!(out, "{}", began.elapsed().as_secs_f64() * 1e9 / count as f64)?;
        out.flush()?;
    }
    Ok(())
}

/// Log-odds.
fn score(catalog: &Catalog, bins: &[u16]) -> f64 {
    catalog.model(0).map_or(f64::NAN, |own| f64::from(model::score(catalog, &own, bins)) / 65_536.0)
}

/// A campaign that the model weighs against one of a fixed worth, at `main`; at `plain` the latter alone. Or, without a model, that one alone.
fn bundle(model: &[u8], scored: bool) -> Result<Vec<u8>> {
    let creatives = "creatives: [{ id: k, t: x }]";
    let mut campaigns = format!("  - {{ id: fixed, placements: [main, plain], value: 1, {creatives} }}\n");
    let mut declared = String::new();
    if scored {
        let names: Vec<String> = (0..WIDTH).map(|at| format!("f{at}: {{ type: number }}")).collect();
        declared = format!("context: {{ {} }}\nmodels: {{ m: {{ trained: model.txt }} }}\n", names.join(", "));
        campaigns += &format!(
            "  - {{ id: weighed, placements: [main], model: m, value: 2, {}  }}\n",
            creatives.replace('k', "m")
        );
    }
    let text = format!(
        "petitfour: 1\nversion: 1\nplacements: {{ main: {{ fallback: h }}, plain: {{ fallback: h }} }}\n{declared}campaigns:\n{campaigns}fallbacks: {{ h: {{ t: x }} }}\n"
    );
    let source = Source { name: "score.yaml".to_owned(), text };
    let compiled = compile(&[source], &|name| (name == "model.txt").then(|| model.to_vec()));
    for fault in compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error).take(5) {
        eprintln!("{}", render::diagnostic(fault, &compiled.sources, false));
    }
    compiled.bundle.context("the model does not compile")
}
