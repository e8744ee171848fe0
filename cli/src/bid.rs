//! `petitfour bid`: what a bidder answers to a recorded request, and why.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail};
use petitfour::id::Key;
use petitfour_bid::{Amount, BidRequest, Bidder, Config, Outcome, Person, Spend};

use crate::replay::{check, moment};
use crate::{folder, profile, words};

/// What to answer, and with how much money.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  petitfour bid --bundle shop --request request.json --explain\n  \
                  petitfour bid --bundle bundle.pf4 --request request.json --config bid.json --at \"2026-06-03 09:00 +02:00\" --spent water=12.50\n\n\
                  docs/bid.md says what is read and what is answered.")]
pub(crate) struct Arguments {
    /// The bundle, or campaign files
    #[arg(long, value_name = "PATH")]
    bundle: PathBuf,
    /// An OpenRTB 2.6 bid request
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// What the bidder says of itself, in JSON
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A profile of the person, as the host would find it
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// The moment, with the offset of the bidder's clock, or in Unix ms [default: now, in UTC]
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
    /// What a campaign has spent today, and in all: NAME=TODAY or NAME=TODAY/ALL (repeatable)
    #[arg(long, value_name = "NAME=AMOUNT")]
    spent: Vec<String>,
    /// Say of every campaign that bids why it does not bid here
    #[arg(long)]
    explain: bool,
}

/// Runs the command; `false` when the campaign files have faults or the request is none.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let Some((engine, _)) = folder::open(&arguments.bundle)? else { return Ok(false) };
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let config: Config = match &arguments.config {
        Some(path) => {
            serde_json::from_slice(&read(path)?).with_context(|| format!("{} is no configuration", path.display()))?
        }
        None => Config::default(),
    };
    let request = BidRequest::parse(&read(&arguments.request)?)
        .map_err(|error| anyhow!("{error} ({}, nbr {})", error.code(), error.nbr()))?;
    let at = match &arguments.at {
        Some(at) => moment(at, "UTC")?,
        None => moment(&SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis().to_string(), "UTC")?,
    };
    let mut bidder = Bidder::new(Arc::clone(&engine), Config { reasons: arguments.explain, ..config });
    if let Some(path) = &arguments.profile {
        let bytes = profile::unpack(profile::read(path)?);
        bidder = bidder.with_profiles(move |_: &Person<'_>| Some(bytes.clone()));
    }
    let mut spend = Spend::new();
    for told in &arguments.spent {
        let (name, today, total) = spent(told)?;
        check(name, "campaign that bids", "", bidder.offers().map(|offer| offer.campaign.as_str()))?;
        spend.resume(Key::of(name), today, total, at);
    }
    let outcome = bidder.bid(&request, &mut spend, at);
    let answer = outcome.response.as_ref().map_or_else(|| outcome.no_bid(), petitfour_bid::BidResponse::to_json);
    println!("{}", serde_json::to_string_pretty(&answer)?);
    if arguments.explain {
        explain(&outcome, &words::moment(at));
    }
    Ok(true)
}

/// What a machine is not told goes where people look.
fn explain(outcome: &Outcome, at: &str) {
    let bids: Vec<_> = outcome.response.iter().flat_map(|answer| &answer.seatbid).flat_map(|seat| &seat.bid).collect();
    eprintln!("{} at {at}", if bids.is_empty() { "no bid" } else { "bids" });
    let permitted = outcome.permissions.bits();
    let names = petitfour::consent::Permissions::NAMES.into_iter().enumerate();
    let open: Vec<&str> = names.filter(|(bit, _)| permitted >> bit & 1 == 1).map(|(_, name)| name).collect();
    eprintln!("  permitted: {}", if open.is_empty() { "nothing".to_owned() } else { open.join(", ") });
    if let Some(fault) = outcome.fault {
        eprintln!("  a consent string cannot be read: {fault}");
    }
    for bid in bids {
        eprintln!("  {}: {} offers {} for {}", bid.impid, bid.cid, bid.price, bid.crid);
    }
    for refusal in &outcome.refusals {
        let imp = refusal.imp.as_ref().map(|imp| format!("{imp}: ")).unwrap_or_default();
        let campaign = refusal.campaign.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        eprintln!("  {imp}{campaign}{} ({})", refusal.text, refusal.reason.code());
    }
}

/// `water=12.50`, `water=12.50/300`.
fn spent(told: &str) -> anyhow::Result<(&str, Amount, Amount)> {
    let Some((name, amounts)) = told.rsplit_once('=') else { bail!("`--spent {told}` is not NAME=AMOUNT") };
    let amount = |text: &str| {
        let units = text.parse().ok().and_then(Amount::from_units);
        units.with_context(|| format!("`{text}` is no amount"))
    };
    let (today, total) = amounts.split_once('/').unwrap_or((amounts, amounts));
    Ok((name, amount(today)?, amount(total)?))
}
