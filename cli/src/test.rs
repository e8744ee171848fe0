//! `petitfour test`: the tests that a marketer wrote beside the campaign files, played through the engine.
//!
//! A test ends at the first step that comes out otherwise: what follows would be about another visitor than the author had in
//! mind.

mod junit;
mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use petitfour::engine::Engine;
use petitfour_compiler::story::{self, Names, Stories, Story};
use petitfour_compiler::{Diagnostic, Severity, Source};

use crate::folder;
use crate::player::{Miss, Player};

pub(crate) use report::verdicts;

/// What to play, and how to tell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  petitfour test campaigns/\n  petitfour test campaigns/ --filter water\n  \
                        petitfour test campaigns/ --junit target/campaigns.xml\n\n\
                        Tests stand in files named *.test.yaml; docs/testing.md says how they are written.\n\
                        Exit codes: 0 all passed, 1 a test failed or there are faults, 2 wrong usage.")]
pub(crate) struct Arguments {
    /// Folders of campaign files and their tests, or files of both; of tests alone: the campaign files beside them
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// Play only the tests in whose name this text is
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Print the outcome as JSON: {passed, failed, faults, tests: [{name, file, line, passed, failures}]}
    #[arg(long)]
    json: bool,
    /// Write the outcome as JUnit XML too, for continuous integration
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// A test and what came of it.
struct Played<'a> {
    story: &'a Story,
    missed: Vec<Miss>,
}

/// Everything that there is to tell.
struct Outcome<'a> {
    stories: &'a Stories,
    played: Vec<Played<'a>>,
    left_out: usize,
}

impl Outcome<'_> {
    fn failed(&self) -> usize {
        self.played.iter().filter(|played| !played.missed.is_empty()).count()
    }

    fn passed(&self) -> usize {
        self.played.len() - self.failed()
    }
}

/// Runs the command; `false` when a test fails or there are faults.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let sources = folder::tests(&arguments.paths)?;
    if sources.is_empty() {
        bail!("there is no test (a file named *.test.yaml) in {}", shown(&arguments.paths));
    }
    let compiled = folder::compile_paths(&campaigns(&arguments.paths), petitfour_compiler::compile)?;
    let Some(engine) = folder::engine(&compiled)? else {
        return faulty(arguments, &errors(&compiled.diagnostics), &compiled.sources);
    };
    let stories = story::read(&sources, &Names::of(engine.catalog(), &compiled.declared));
    if stories.has_errors() {
        return faulty(arguments, &stories.diagnostics, &stories.sources);
    }
    let wanted = |story: &&Story| arguments.filter.as_ref().is_none_or(|text| story.name.text.contains(text));
    let mut outcome = Outcome { stories: &stories, played: Vec::new(), left_out: 0 };
    for story in stories.stories.iter().filter(wanted) {
        outcome.played.push(play(&engine, story)?);
    }
    outcome.left_out = stories.stories.len() - outcome.played.len();
    match &arguments.filter {
        Some(text) if outcome.played.is_empty() => bail!("no test has `{text}` in its name"),
        None if outcome.played.is_empty() => bail!("the files hold no test: {}", shown(&arguments.paths)),
        _ => {}
    }
    if let Some(file) = &arguments.junit {
        write(file, &junit::outcome(&outcome))?;
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report::json(&outcome))?);
    } else {
        folder::print_all(&stories.diagnostics, &stories.sources);
        report::print(&outcome);
    }
    Ok(outcome.failed() == 0)
}

/// Where the campaign files are: what was given, and beside tests that were given alone.
fn campaigns(paths: &[PathBuf]) -> Vec<PathBuf> {
    if paths.iter().any(|path| !folder::is_test(path)) {
        return paths.to_vec();
    }
    let mut folders: Vec<PathBuf> = Vec::new();
    for path in paths {
        let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folders.iter().any(|known| known == beside) {
            folders.push(beside.to_path_buf());
        }
    }
    folders
}

/// Warnings of campaign files are `check`'s to tell.
fn errors(diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).cloned().collect()
}

fn faulty(arguments: &Arguments, faults: &[Diagnostic], sources: &[Source]) -> anyhow::Result<bool> {
    if let Some(file) = &arguments.junit {
        write(file, &junit::faults(faults))?;
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report::faults(faults))?);
    } else {
        folder::print_all(faults, sources);
    }
    Ok(false)
}

fn play<'a>(engine: &Arc<Engine>, story: &'a Story) -> anyhow::Result<Played<'a>> {
    let mut player = Player::meet(engine, &story.chance).with_context(|| story.name.text.clone())?;
    let missed = story.steps.iter().map(|step| player.play(step)).find(|missed| !missed.is_empty());
    Ok(Played { story, missed: missed.unwrap_or_default() })
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
