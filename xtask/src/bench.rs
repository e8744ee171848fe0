//! `cargo xtask bench`: nanoseconds per decision, natively and in wasm under Node, and the check against the reference.
//!
//! The measurements are the bench crate's and `bench/*.mjs`'s own; this command builds what they need and calls them in
//! order.

use std::fs;

use anyhow::{Result, bail};
use clap::Args;

use crate::{
    package::{self, module::Shape},
    setup::{self, Part},
    step::{run as call, step},
    workspace::Workspace,
};

/// Measure decisions for 100 and 1,000 campaigns, natively and in wasm under Node.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask bench            all of it\n  \
                        cargo xtask bench --native   only the native part\n  \
                        cargo xtask bench -- --help  what the native part understands")]
pub struct Options {
    /// Only the native part.
    #[arg(long)]
    native: bool,
    /// Arguments for the native part.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// When a part fails, or there is none in wasm.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    step("native bench", || {
        let mut cargo = workspace.cargo();
        cargo.args(["run", "--quiet", "--release", "--package", "petitfour-bench", "--"]).args(&options.arguments);
        call(&mut cargo)
    })?;
    if options.native {
        return Ok(());
    }
    package::build(workspace, Shape::Release)?;
    setup::need(workspace, &[Part::Peers])?;
    let mut scripts: Vec<_> = fs::read_dir(workspace.root().join("bench"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "mjs"))
        .collect();
    scripts.sort();
    if scripts.is_empty() {
        bail!("bench/ has no .mjs file: the wasm part was not run");
    }
    for script in scripts {
        let name = script.file_name().unwrap_or_default().to_string_lossy().into_owned();
        step(&format!("bench/{name}"), || call(workspace.node().arg(&script)))?;
    }
    Ok(())
}
