//! `petitfour new`: a commented starter that checks clean, and its tests, which pass.

use std::path::PathBuf;

use anyhow::{Context, bail};

/// The starter, as it is written.
const STARTER: [(&str, &str); 2] =
    [("campaigns.yaml", include_str!("starter.yaml")), ("campaigns.test.yaml", include_str!("starter.test.yaml"))];

/// Where to write it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  petitfour new\n  petitfour new campaigns\n\nThen: petitfour check campaigns && \
                        petitfour test campaigns && petitfour build campaigns -o bundle.pf4")]
pub(crate) struct Arguments {
    /// The folder to write campaigns.yaml and campaigns.test.yaml into; it is made when it is not there
    #[arg(default_value = ".")]
    folder: PathBuf,
}

/// Runs the command; files that are already there are left alone, both.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let files = STARTER.map(|(name, text)| (folder.join(name), text));
    if let Some((file, _)) = files.iter().find(|(file, _)| file.exists()) {
        bail!("{} is already there", file.display());
    }
    for (file, text) in &files {
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let names = files.map(|(file, _)| file.display().to_string()).join(" and ");
    println!("Wrote {names}. Next: petitfour check {0}, petitfour test {0}", folder.display());
    Ok(true)
}
