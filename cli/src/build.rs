//! `petitfour build`: campaign files to a bundle.

use std::path::PathBuf;

use anyhow::Context;

use crate::folder;

/// What to compile, and where to.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  petitfour build campaigns/ -o bundle.pf4\n  petitfour build a.yaml b.yaml -o bundle.pf4\n\n\
                        The same files always give the same bytes. Nothing is written when there is an error."
)]
pub(crate) struct Arguments {
    /// Campaign files, or folders whose .yaml files are merged
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Where to write the bundle
    #[arg(short, long, visible_alias = "out", default_value = "bundle.pf4")]
    output: PathBuf,
}

/// Runs the command; `false` when there are faults.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let compiled = folder::compile_paths(&arguments.paths)?;
    folder::print_faults(&compiled);
    let Some(bundle) = compiled.bundle else { return Ok(false) };
    // Written beside and renamed: a server that reads the file meanwhile sees the old one or the new one, whole.
    let partial = arguments.output.with_extension("pf4.partial");
    std::fs::write(&partial, &bundle).with_context(|| format!("cannot write {}", partial.display()))?;
    std::fs::rename(&partial, &arguments.output)
        .with_context(|| format!("cannot write {}", arguments.output.display()))?;
    let catalog = petitfour::bundle::open(bundle)?;
    println!(
        "{}: {} bytes, version {}, hash {:016x}, {}",
        arguments.output.display(),
        catalog.bytes().len(),
        catalog.version(),
        catalog.hash(),
        folder::counted(catalog.campaigns().len(), "campaign"),
    );
    Ok(true)
}
