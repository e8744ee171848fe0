//! `petitfour build`: campaign files to a bundle.

use std::path::{Path, PathBuf};

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
    /// Also write the named segments, for a collector to ask of whole persons (its `--segments`)
    #[arg(long, value_name = "FILE")]
    segments: Option<PathBuf>,
}

/// Runs the command; `false` when there are faults.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let compiled = folder::compile_paths(&arguments.paths, petitfour_compiler::compile)?;
    folder::print_faults(&compiled);
    let Some(bundle) = compiled.bundle else { return Ok(false) };
    write(&arguments.output, bundle, "campaign")?;
    if let Some(path) = &arguments.segments {
        let compiled = folder::compile_paths(&arguments.paths, petitfour_compiler::compile_segments)?;
        let Some(segments) = compiled.bundle else {
            folder::print_faults(&compiled);
            return Ok(false);
        };
        write(path, segments, "segment")?;
    }
    Ok(true)
}

fn write(path: &Path, bundle: Vec<u8>, what: &str) -> anyhow::Result<()> {
    folder::replace(path, &bundle)?;
    let catalog = petitfour::bundle::open(bundle)?;
    println!(
        "{}: {} bytes, version {}, hash {:016x}, {}",
        path.display(),
        catalog.bytes().len(),
        catalog.version(),
        catalog.hash(),
        folder::counted(catalog.campaigns().len(), what),
    );
    Ok(())
}
