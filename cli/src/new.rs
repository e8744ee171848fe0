//! `petitfour new`: a starter.
pub(crate) struct Tmp;
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}
pub(crate) fn run(_: &Arguments) -> anyhow::Result<bool> {
    Ok(true)
}
