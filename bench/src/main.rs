//! The bench, native part: checks the engine's answers on the workload and times a decision.
//!
//! `cargo xtask bench` calls it, then `decide.mjs` for the same in wasm. Bundles, answers and visitors' seeds go to
//! `target/bench/`, where the second part finds them; figures go to `target/bench/native.json`.
//!
//! How is measured: rounds. In each round every subject decides once for each of the 1,000 visitors, one subject after the
//! other, so that whatever else the machine is doing falls on all of them. A figure is the median over rounds, or their
//! tenth percentile: on a shared machine the latter is nearer to what an idle core would show.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use petitfour::engine::Engine;
use petitfour_compiler::{Severity, Source, compile, render};
use serde_json::{Value, json};

mod score;
mod subject;
mod verify;
mod workload;

use subject::{Subject, subjects};
use workload::Workload;

/// Time one decision among 100 and 1,000 campaigns natively, and check every answer against the reference.
#[derive(Parser)]
#[command(after_help = "Examples:\n  petitfour-bench              200 rounds\n  \
                        petitfour-bench --rounds 20  quick\n  \
                        petitfour-bench --only ready --rounds 5000   one subject for a profiler")]
struct Options {
    /// Rounds to time.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// Time only the subjects of this name, and write no result.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Time only this workload.
    #[arg(long, value_name = "w100|w1000")]
    workload: Option<String>,
    /// Score rows with the model of a folder instead, when told to on the standard input: `bench/score.mjs` does.
    #[arg(long, value_name = "FOLDER")]
    score: Option<PathBuf>,
}

const WORKLOADS: [&str; 2] = ["w100", "w1000"];

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(folder) = &options.score {
        return score::serve(folder);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = root.parent().context("bench/ has no parent folder")?.join("target/bench");
    fs::create_dir_all(&target)?;
    let mut results = serde_json::Map::new();
    let mut wrong = 0;
    for name in WORKLOADS.iter().filter(|name| options.workload.as_ref().is_none_or(|only| only == *name)) {
        let (result, faults) = measure(&root.join("workload"), &target, name, &options)?;
        results.insert((*name).to_owned(), result);
        wrong += faults;
    }
    if options.only.is_none() && options.workload.is_none() {
        fs::write(target.join("native.json"), serde_json::to_vec_pretty(&results)?)?;
    }
    if wrong > 0 {
        bail!("{wrong} answers are wrong");
    }
    Ok(())
}

/// Everything about one workload; the second part of the answer is how many answers were wrong.
fn measure(folder: &Path, target: &Path, name: &str, options: &Options) -> Result<(Value, usize)> {
    let workload = Workload::read(folder, name)?;
    let visitors = workload.visitors(folder)?;
    let rolled = bundle(&workload, &target.join(format!("{name}.pf4")))?;
    let full = bundle(&workload.without_rollouts(), &target.join(format!("{name}-full.pf4")))?;
    let load = load_time(&rolled)?;
    let (rolled, full) = (engine(rolled)?, engine(full)?);

    let verdict = verify::verify(&workload, &visitors, &full, &rolled);
    println!(
        "{name}: {} visitors · {} differ from the reference · with rollouts {} invalid, {} skipped, {} unsteady, {} got nothing",
        verdict.visitors, verdict.mismatches, verdict.invalid, verdict.skipped, verdict.unsteady, verdict.nothing
    );
    let seeds: Vec<String> = visitors.iter().map(|visitor| hex(&verify::seed(&visitor.id))).collect();
    let answers = json!({ "winners": verdict.winners, "seeds": seeds });
    fs::write(target.join(format!("{name}-answers.json")), answers.to_string())?;

    let mut subjects = subjects(&workload, &visitors, &rolled);
    subjects.retain(|subject| options.only.as_ref().is_none_or(|only| only == subject.name));
    let times = rounds(&mut subjects, options.rounds, visitors.len());
    println!("  {:<12}{:>10}{:>10}  ns a decision", "", "p10", "median");
    let mut figures = serde_json::Map::new();
    for (subject, mut times) in subjects.iter().zip(times) {
        times.sort_by(f64::total_cmp);
        let (p10, median) = (quantile(&times, 0.1), quantile(&times, 0.5));
        println!("  {:<12}{p10:>10.0}{median:>10.0}  {}", subject.name, subject.what);
        figures.insert(subject.name.to_owned(), json!({ "p10": p10, "median": median }));
    }
    println!("  load {:.0} µs", load / 1_000.0);
    let faults = verdict.mismatches + verdict.invalid + verdict.skipped + verdict.unsteady;
    let result = json!({
        "campaigns": workload.campaigns.len(),
        "rounds": options.rounds,
        "verify": verdict,
        "ns": figures,
        "load_ns": load,
    });
    Ok((result, faults))
}

/// Compiles a workload and writes the bundle.
fn bundle(workload: &Workload, file: &PathBuf) -> Result<Vec<u8>> {
    let source = Source { name: format!("{}.json", workload.name), text: workload.campaign_file() };
    let compiled = compile(&[source], &|_| None);
    let faults = compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    for fault in faults.take(5) {
        eprintln!("{}", render::diagnostic(fault, &compiled.sources, false));
    }
    let bytes = compiled.bundle.with_context(|| format!("{} does not compile", workload.name))?;
    fs::write(file, &bytes).with_context(|| format!("writing {}", file.display()))?;
    Ok(bytes)
}

fn engine(bytes: Vec<u8>) -> Result<Arc<Engine>> {
    match Engine::load(bytes) {
        Ok(engine) => Ok(Arc::new(engine)),
        Err(error) => bail!("the bundle does not open: {}", error.code()),
    }
}

/// Median time to open a bundle, in ns.
fn load_time(bytes: &[u8]) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..51 {
        let copy = bytes.to_vec();
        let began = Instant::now();
        let opened = Engine::load(copy);
        times.push(nanoseconds(began));
        if let Err(error) = opened {
            bail!("the bundle does not open: {}", error.code());
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(quantile(&times, 0.5))
}

/// Nanoseconds a decision, for each subject in each round.
fn rounds(subjects: &mut [Subject<'_>], rounds: usize, decisions: usize) -> Vec<Vec<f64>> {
    let mut times: Vec<Vec<f64>> = subjects.iter().map(|_| Vec::new()).collect();
    // The first two rounds warm caches and predictors and are not counted.
    for round in 0..rounds + 2 {
        for (subject, times) in subjects.iter_mut().zip(&mut times) {
            let began = Instant::now();
            std::hint::black_box((subject.pass)());
            if round >= 2 {
                times.push(nanoseconds(began) / decisions as f64);
            }
        }
    }
    times
}

fn nanoseconds(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e9
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = ((sorted.len() as f64) * share) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
