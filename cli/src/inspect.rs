//! `petitfour inspect`: a bundle in words.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}
pub(crate) fn run(_: &Arguments) -> anyhow::Result<bool> {
    Ok(true)
}
