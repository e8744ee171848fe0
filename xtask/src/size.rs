//! `cargo xtask size`: what each entry of the package costs a visitor, and what in it costs the most.
//!
//! Bytes are counted raw, after gzip at level 9 and after brotli at quality 11 with a 16 MiB window, of the very files
//! in `pkg/`. The budget is for the script tag: its JavaScript and the one wasm that it streams.
//!
//! Absent on purpose: the bundle of campaigns, whose size is the marketer's, and the lens and the reader from the
//! budget, since a page only loads them when someone asks why, or when there is something to read.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use clap::Args;
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use std::io::Write;

use crate::{
    claims::ledger::{Ledger, Stamp},
    package::{
        self,
        module::{Module, Names, Shape, optimise},
        script::{Form, esbuild},
    },
    step::step,
    workspace::Workspace,
};

mod anatomy;

/// Bytes after brotli that the script tag may cost in all: the target of the project's first issue.
const BUDGET: usize = 40_000;

/// Print the bytes of every entry, and fail above the budget of the script tag.
///
/// Builds the package first. Writes target/size.json.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask size          table, largest functions, budget\n  \
                        cargo xtask size --tune   compare optimisation levels (compiles the engine several times)")]
pub struct Options {
    /// Compare the optimisation levels of rustc and wasm-opt for the module that every visitor downloads.
    #[arg(long)]
    tune: bool,
}

/// Bytes of one thing, three ways.
#[derive(Clone, Copy, Default, Serialize)]
struct Bytes {
    raw: usize,
    gzip: usize,
    brotli: usize,
}

#[derive(Serialize)]
struct Row {
    name: String,
    what: &'static str,
    #[serde(flatten)]
    bytes: Bytes,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    stamp: Stamp,
    budget_brotli: usize,
    script_tag: Bytes,
    files: Vec<Row>,
    sections: Vec<anatomy::Part>,
    functions: Vec<anatomy::Part>,
}

/// Runs the command.
///
/// # Errors
/// When the package cannot be built, or the script tag is above its budget.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.tune { tune(workspace) } else { weigh_package(workspace) }
}

/// Builds the package, weighs it and records what came out.
///
/// # Errors
/// As [`run`].
pub fn weigh_package(workspace: &Workspace) -> Result<()> {
    package::build(workspace, Shape::Release)?;
    let report = step("weighing", || measure(workspace))?;
    print(&report);
    fs::write(workspace.results().join("size.json"), serde_json::to_vec_pretty(&report)?)?;
    println!("\nwritten to target/size.json");

    let ledger = Ledger::open(workspace)?;
    ledger.record("size.script_tag.brotli", report.script_tag.brotli as f64)?;
    for (claim, file) in [("size.wasm.brotli", "petitfour_bg.wasm"), ("size.script.brotli", "script.js")] {
        let row = report.files.iter().find(|row| row.name == file).context("a file of the package is missing")?;
        ledger.record(claim, row.bytes.brotli as f64)?;
    }
    let total = report.script_tag.brotli;
    if total > BUDGET {
        bail!("the script tag costs {total} bytes brotli, {} above the budget of {BUDGET}", total - BUDGET);
    }
    println!("script tag: {total} of {BUDGET} bytes brotli, {} to spare", BUDGET - total);
    Ok(())
}

fn measure(workspace: &Workspace) -> Result<Report> {
    let pkg = workspace.pkg();
    let bundled = tempfile::tempdir_in(workspace.results())?;
    let mut files = Vec::new();
    for (file, what) in [
        ("petitfour_bg.wasm", "engine, for every visitor"),
        ("script.js", "script tag entry"),
        ("petitfour_lens_bg.wasm", "lens, on demand"),
        ("petitfour_reader_bg.wasm", "reader, on demand"),
    ] {
        files.push(Row { name: file.to_owned(), what, bytes: weigh(&pkg.join(file))? });
    }
    for (file, form, what) in [
        ("browser.mjs", Form::Module, "bundler entry with its imports"),
        ("node.mjs", Form::Node, "Node entry with its imports"),
        ("petitfour_lens.js", Form::Module, "lens glue, on demand"),
        ("reader.mjs", Form::Module, "reader glue, on demand"),
    ] {
        let out = bundled.path().join(file);
        esbuild(workspace, &pkg.join(file), &out, form, Shape::Release)?;
        files.push(Row { name: file.to_owned(), what, bytes: weigh(&out)? });
    }
    let of = |name: &str| files.iter().find(|row| row.name == name).map(|row| row.bytes).unwrap_or_default();
    let (wasm, script) = (of("petitfour_bg.wasm"), of("script.js"));
    let script_tag = Bytes {
        raw: wasm.raw + script.raw,
        gzip: wasm.gzip + script.gzip,
        // Two files are two streams: the sum is what is transferred, not the size of both in one.
        brotli: wasm.brotli + script.brotli,
    };
    let named = named(workspace)?;
    Ok(Report {
        stamp: Stamp::now(workspace)?,
        budget_brotli: BUDGET,
        script_tag,
        files,
        sections: anatomy::sections(&fs::read(pkg.join("petitfour_bg.wasm"))?)?,
        functions: anatomy::functions(&named, 15)?,
    })
}

/// The engine's module once more, with its function names kept.
fn named(workspace: &Workspace) -> Result<Vec<u8>> {
    let module = Module::Engine;
    let compiled = module.compile(workspace, Shape::Release, &[])?;
    let glue = tempfile::tempdir_in(workspace.results())?;
    let bound = module.bind(workspace, &compiled, Shape::Release, glue.path())?;
    optimise(workspace, &bound, module.stem(), module.level(), Names::Kept)
}

/// Prints brotli bytes for each pair of optimisation levels; the package stays as it is.
fn tune(workspace: &Workspace) -> Result<()> {
    use crate::setup::{Part, need};
    need(workspace, &[Part::WasmBrowser, Part::Npm])?;
    let levels = ["-O2", "-O3", "-O4", "-Os", "-Oz"];
    let mut lines = Vec::new();
    for opt in ["\"z\"", "\"s\"", "2", "3"] {
        let cells = step(&format!("opt-level {opt}"), || {
            let extra = ["--config".to_owned(), format!("profile.wasm.package.petitfour.opt-level={opt}")];
            let compiled = Module::Engine.compile(workspace, Shape::Release, &extra)?;
            let glue = tempfile::tempdir_in(workspace.results())?;
            let bound = Module::Engine.bind(workspace, &compiled, Shape::Release, glue.path())?;
            levels
                .iter()
                .map(|level| {
                    let label = format!("tune{}", opt.trim_matches('"'));
                    optimise(workspace, &bound, &label, level, Names::Stripped).map(|wasm| count(&wasm))
                })
                .collect::<Result<Vec<Bytes>>>()
        })?;
        lines.push((opt, cells));
    }
    println!("\nraw / brotli bytes of petitfour_bg.wasm; columns: wasm-opt\n");
    println!("opt-level {}", levels.map(|level| format!("{level:>16}")).concat());
    for (opt, cells) in lines {
        let cells: String = cells.iter().map(|c| format!("{:>16}", format!("{} / {}", c.raw, c.brotli))).collect();
        println!("{opt:<10}{cells}");
    }
    Ok(())
}

fn print(report: &Report) {
    println!("\n{:<28}{:>10}{:>10}{:>10}  what", "file", "raw", "gzip", "brotli");
    for Row { name, what, bytes } in &report.files {
        println!("{name:<28}{:>10}{:>10}{:>10}  {what}", bytes.raw, bytes.gzip, bytes.brotli);
    }
    let total = report.script_tag;
    println!(
        "{:<28}{:>10}{:>10}{:>10}  script.js + petitfour_bg.wasm",
        "script tag", total.raw, total.gzip, total.brotli
    );
    for (title, parts) in
        [("sections of petitfour_bg.wasm", &report.sections), ("its largest functions", &report.functions)]
    {
        println!("\n{title} (raw bytes)");
        for part in parts {
            println!("{:>10}  {}", part.bytes, part.name);
        }
    }
}

fn weigh(file: &Path) -> Result<Bytes> {
    Ok(count(&fs::read(file).with_context(|| format!("{} is missing from the package", file.display()))?))
}

fn count(bytes: &[u8]) -> Bytes {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(9));
    // Writing to a vector does not fail; if it ever did, a size of 0 would be seen at once.
    let gzip = gzip.write_all(bytes).and_then(|()| gzip.finish()).map_or(0, |packed| packed.len());
    Bytes { raw: bytes.len(), gzip, brotli: brotli(bytes) }
}

/// Bytes after brotli at quality 11 with a 16 MiB window.
pub fn brotli(bytes: &[u8]) -> usize {
    let mut packed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 24, ..Default::default() };
    brotli::BrotliCompress(&mut &*bytes, &mut packed, &parameters).map_or(0, |_| packed.len())
}
