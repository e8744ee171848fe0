//! `petitfour preview`: a query that shows a creative at the edge, to whoever has the address, for a while.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use petitfour_seal::Secrets;

/// What to show, and for how long.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  petitfour preview --secret seals.txt --show hero=water-blue --hours 2\n\n\
                        Append what it prints to a page's address (with & in place of ? where there is a query). Nothing that is shown so is counted.\n\
                        A new secret: echo \"a:$(openssl rand 32 | basenc --base64url | tr -d =)\" > seals.txt")]
pub(crate) struct Arguments {
    /// A file with the edge's secrets, `name:base64url` with commas between (the Worker's SEALS)
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
    /// A placement and the creative to show there (repeatable)
    #[arg(long, value_name = "PLACEMENT=CREATIVE", required = true, value_parser = shown)]
    show: Vec<(String, String)>,
    /// For how many hours, 720 at most
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=720))]
    hours: u32,
}

fn shown(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((placement, creative))
            if !placement.is_empty() && !creative.is_empty() && !creative.contains(['=', '\n']) =>
        {
            Ok((placement.to_owned(), creative.to_owned()))
        }
        _ => Err("write PLACEMENT=CREATIVE, as in hero=water-blue".to_owned()),
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let path = arguments.secret.display();
    let text = std::fs::read_to_string(&arguments.secret).with_context(|| format!("cannot read {path}"))?;
    let secrets = Secrets::parse(&text).map_err(|error| anyhow!("{path}: {error}"))?;
    let minutes = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 60;
    let until = u32::try_from(minutes)?.saturating_add(arguments.hours.saturating_mul(60));
    println!("?pf_preview={}", secrets.seal_preview(&arguments.show, until));
    Ok(true)
}
