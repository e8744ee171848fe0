//! `petitfour check`: every fault of campaign files at once.

use std::path::PathBuf;

use petitfour_compiler::Severity;

use crate::folder;

/// What to check, and how to tell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  petitfour check campaigns.yaml\n  petitfour check campaigns/ --json\n  \
                        petitfour check campaigns/ --strict\n\nExit codes: 0 no error, 1 errors (with --strict also warnings), 2 wrong usage.")]
pub(crate) struct Arguments {
    /// Campaign files, or folders whose .yaml files are merged
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Print the faults as JSON: [{severity, code, message, file, line, column, bytes, remedy, related}]
    #[arg(long)]
    json: bool,
    /// Take warnings as faults
    #[arg(long)]
    strict: bool,
}

/// Runs the command; `false` when there are faults.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let compiled = folder::compile_paths(&arguments.paths, petitfour_compiler::compile)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&compiled.diagnostics)?);
    } else {
        folder::print_faults(&compiled);
        if compiled.diagnostics.is_empty() {
            println!("No faults in {}.", folder::counted(compiled.sources.len(), "file"));
        }
    }
    let errors = folder::count(&compiled.diagnostics, Severity::Error);
    let warnings = folder::count(&compiled.diagnostics, Severity::Warning);
    Ok(errors == 0 && !(arguments.strict && warnings > 0))
}
