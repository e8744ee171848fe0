//! `petitfour inspect`: a bundle in words, or as JSON; with `profile` a visitor's profile ([`crate::profile`]).

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use petitfour::{bundle, catalog::Catalog};

use crate::contents::{Bundle, Campaign};
use crate::{policy, profile};

/// What to print, and how.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  petitfour inspect bundle.pf4\n  petitfour inspect bundle.pf4 --json\n  \
                  petitfour inspect profile profile.txt --bundle bundle.pf4",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    other: Option<Other>,
    /// The bundle
    #[arg(required = true)]
    file: Option<PathBuf>,
    /// Print JSON, with every section, campaign, creative and attribute
    #[arg(long)]
    json: bool,
}

/// What else than a bundle can be inspected.
#[derive(Debug, clap::Subcommand)]
enum Other {
    /// Print what is remembered of a visitor
    Profile(profile::Arguments),
}

/// Runs the command; a file that is no bundle is a fault.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    if let Some(Other::Profile(arguments)) = &arguments.other {
        return profile::run(arguments);
    }
    let file = arguments.file.as_deref().unwrap_or(Path::new("bundle.pf4"));
    let catalog = open(file)?;
    let contents = Bundle::of(&catalog);
    let text = if arguments.json { serde_json::to_string_pretty(&contents)? } else { print(&contents) };
    // A reader that has seen enough (`| head`) is no fault.
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    Ok(true)
}

/// A bundle's tables.
pub(crate) fn open(file: &Path) -> anyhow::Result<Catalog> {
    let name = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {name}"))?;
    bundle::open(bytes).map_err(|error| anyhow!("{name}: {error} ({})", error.code()))
}

fn print(bundle: &Bundle) -> String {
    let mut text = String::new();
    let mut line = |indent: usize, said: String| {
        let _ = writeln!(text, "{:indent$}{said}", "");
    };
    line(0, format!("site {}, version {}, format {}", bundle.site, bundle.version, bundle.format));
    line(0, format!("hash {}, {} bytes, written by {}", bundle.hash, bundle.bytes, bundle.compiler));
    line(0, format!("permissions until told otherwise: {}", said_or_none(&bundle.permissions)));
    line(0, String::new());
    policy::lines(&bundle.consent).into_iter().for_each(|row| line(0, row));
    line(0, String::new());
    line(0, "sections".to_owned());
    for section in &bundle.sections {
        line(
            2,
            format!(
                "{}  {:>8} bytes at {:>8}, {} records",
                section.kind, section.bytes, section.offset, section.records
            ),
        );
    }
    line(0, String::new());
    line(0, "placements".to_owned());
    for placement in &bundle.placements {
        let fallback = placement.fallback.as_deref().unwrap_or("none: the page's own content");
        line(2, format!("{}: {} campaigns, fallback {fallback}", placement.name, placement.campaigns.len()));
    }
    line(0, String::new());
    line(0, "campaigns, best first".to_owned());
    for campaign in &bundle.campaigns {
        for (indent, said) in describe(campaign) {
            line(indent, said);
        }
    }
    line(0, String::new());
    line(0, "attributes".to_owned());
    for attribute in &bundle.attributes {
        let asked = if attribute.asked { "" } else { ", asked by no segment" };
        let mut said = format!("{} ({}, {} bins{asked})", attribute.name, attribute.source, attribute.bins);
        if !attribute.borders.is_empty() {
            let _ = write!(said, ": borders {}", borders(&attribute.borders));
        }
        if !attribute.values.is_empty() {
            let _ = write!(said, ": {}", attribute.values.join(", "));
        }
        line(2, said);
    }
    for (what, names) in [
        ("counters", &bundle.counters),
        ("affinities", &bundle.affinities),
        ("traits", &bundle.traits),
        ("events", &bundle.events),
        ("feeds", &bundle.feeds),
        ("models", &bundle.models),
    ] {
        if !names.is_empty() {
            line(0, String::new());
            line(0, what.to_owned());
            names.iter().for_each(|name| line(2, name.clone()));
        }
    }
    text
}

fn describe(campaign: &Campaign) -> Vec<(usize, String)> {
    let mut lines = vec![
        (0, String::new()),
        (2, format!("{} at {}", campaign.name, campaign.placements.join(", "))),
        (4, format!("priority {}, value {}", campaign.priority, campaign.value)),
    ];
    let mut say = |said: String| lines.push((4, said));
    match campaign.segment.as_slice() {
        [only] if only.is_empty() => say("to everyone".to_owned()),
        all => {
            for (at, conjunct) in all.iter().enumerate() {
                say(format!("{} {}", if at == 0 { "to whom" } else { "or" }, conjunct.join("; ")));
            }
        }
    }
    if campaign.reads_profile {
        say("needs the permission to personalise".to_owned());
    }
    if campaign.from.is_some() || campaign.until.is_some() {
        let from = campaign.from.as_ref().map(|from| format!("from {from} "));
        let until = campaign.until.as_ref().map(|until| format!("until {until} "));
        say(format!("{}{}UTC", from.unwrap_or_default(), until.unwrap_or_default()));
    }
    if !campaign.caps.is_empty() {
        let windows = [("hour", "an hour"), ("day", "a day"), ("week", "a week"), ("total", "in all")];
        let caps: Vec<String> = windows
            .iter()
            .filter_map(|(window, said)| Some(format!("{} {said}", campaign.caps.get(*window)?)))
            .collect();
        say(format!("at most {}", caps.join(", ")));
    }
    if let Some(exposures) = &campaign.exposures {
        say(exposures.clone());
    }
    if let Some(stock) = &campaign.stock {
        say(stock.clone());
    }
    if campaign.holdout > 0.0 {
        say(format!("{}% held out", campaign.holdout));
    }
    if let Some(model) = &campaign.model {
        say(format!("weighed by the model {model}"));
    }
    if let Some(bid) = &campaign.bid {
        say(bid.clone());
    }
    for creative in &campaign.creatives {
        say(format!("shows {} ({}%): {}", creative.name, creative.share, creative.headline()));
    }
    lines
}

fn said_or_none(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Borders in a row; of the many that a trained model asks for, the first, the last, and how many there are between. `--json` has all.
fn borders(all: &[f64]) -> String {
    let said = |borders: &[f64]| borders.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
    match all {
        [one, two, three, between @ .., last] if between.len() > 12 => {
            format!("{}, {} more, {last}", said(&[*one, *two, *three]), between.len())
        }
        all => said(all),
    }
}
