//! suite
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use clap::Args;
/// Demo.
#[derive(Args)]
pub struct Options {}
/// Scale.
pub enum Scale {
    Test,
    Drill,
    Ci,
}
/// Runs.
pub fn run(_: &Workspace, _: &Options, _: Scale) -> Result<()> {
    bail!("not yet")
}
