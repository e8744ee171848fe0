//! `petitfour new`: a commented starter that checks clean.

use std::path::PathBuf;

use anyhow::{Context, bail};

/// The starter, as it is written.
const STARTER: &str = include_str!("starter.yaml");

/// Where to write it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  petitfour new\n  petitfour new campaigns\n\nThen: petitfour check campaigns && \
                        petitfour build campaigns -o bundle.pf4")]
pub(crate) struct Arguments {
    /// The folder to write campaigns.yaml into; it is made when it is not there
    #[arg(default_value = ".")]
    folder: PathBuf,
}

/// Runs the command; a file that is already there is left alone.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    std::fs::create_dir_all(&arguments.folder)
        .with_context(|| format!("cannot make the folder {}", arguments.folder.display()))?;
    let file = arguments.folder.join("campaigns.yaml");
    if file.exists() {
        bail!("{} is already there", file.display());
    }
    std::fs::write(&file, STARTER).with_context(|| format!("cannot write {}", file.display()))?;
    println!("Wrote {}. Next: petitfour check {}", file.display(), arguments.folder.display());
    Ok(true)
}
