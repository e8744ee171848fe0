//! demo
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use clap::Args;
/// Demo.
#[derive(Args)]
pub struct Options {}
/// Runs.
pub fn run(_: &Workspace, _: &Options) -> Result<()> {
    bail!("not yet")
}
