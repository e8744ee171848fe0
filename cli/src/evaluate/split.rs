//! Decisions of one bundle, as another one with other weights of creatives would have made them.
//!
//! Whom a campaign is shown to is never left to chance: with another segment, cap or value, another campaign would surely have won, and a log cannot
//! tell what it would have earned. Among the creatives of the campaign that won, chance decides, by a split of the visitor's hash. So a bundle is
//! evaluated if it differs in their weights alone; everything else is compared, byte by byte, before anything is said.
//!
//! A visitor keeps the creative as long as the weights stay, so all decisions of one visitor are one cluster. The weight of a decision is right also for what
//! the same creative did to the visitor before: both policies hold on to it.

use std::collections::HashMap;
use std::path::Path;

use anyhow::anyhow;
use petitfour::catalog::{Catalog, SECTIONS, Section};
use petitfour_evaluation::{Cells, Draft, Entry, Fault, Log, Policy, Sheet};

use super::Arguments;
use crate::folder;
use crate::simulate::recorded::unzipped;

/// By how much a probability may miss that of the bundle: a log has it of 65,535, rounded down.
const LOOSE: f64 = 1.5 / 65_535.0;

/// A log, and policies with what they are called.
pub(super) type Asked = (Log, Vec<(String, Policy)>);

/// Weights of one campaign's creatives.
struct Campaign {
    creatives: Vec<String>,
    weights: Vec<u32>,
}

/// Reads decisions with `placement`, `campaign`, `creative`, `probability`, `visitor` and what they earned; `None` when campaign files have errors, which have
/// been printed.
pub(super) fn read(arguments: &Arguments, bundle: &Path, logged_by: &Path) -> anyhow::Result<Option<Asked>> {
    let Some((other, _)) = folder::open(bundle)? else { return Ok(None) };
    let Some((own, _)) = folder::open(logged_by)? else { return Ok(None) };
    same_but_weights(own.catalog(), other.catalog()).map_err(|what| {
        anyhow!("{} differs from {} in more than weights of creatives: {what}", bundle.display(), logged_by.display())
    })?;
    let (own, other) = (campaigns(own.catalog()), campaigns(other.catalog()));
    let name = arguments.log.display();
    let log = decisions(arguments, &own).map_err(|error| anyhow!("{name}: {error}"))?;
    // A position is a placement and a campaign there: see `decisions`.
    let shares: HashMap<(u32, u32), f64> = log
        .positions()
        .iter()
        .zip(0..)
        .filter_map(|(position, number)| Some((number, other.get(position.split_once('\t')?.1)?)))
        .flat_map(|(number, campaign)| {
            let creatives = campaign.creatives.iter().zip(&campaign.weights);
            creatives
                .filter_map(|(creative, weight)| Some(((number, log.action(creative)?), campaign.share(*weight))))
                .collect::<Vec<_>>()
        })
        .collect();
    let policy = Policy::shares(&log, |position, action| {
        let is_chance = log.positions().get(position as usize).is_some_and(|name| !name.ends_with('\t'));
        if is_chance { shares.get(&(position, action)).copied().unwrap_or_default() } else { 1.0 }
    });
    let policy = policy.map_err(|fault| anyhow!("{}: {fault}", bundle.display()))?;
    Ok(Some((log, vec![(bundle.display().to_string(), policy)])))
}

/// The log, with the probabilities of the bundle that decided, after those that were logged have been held against them.
fn decisions(arguments: &Arguments, own: &HashMap<String, Campaign>) -> anyhow::Result<Log> {
    let mut sheet = Sheet::open(unzipped(&arguments.log)?)?;
    let placement = sheet.required(None, &["placement"])?;
    let campaign = sheet.required(None, &["campaign"])?;
    let creative = sheet.required(None, &["creative"])?;
    let probability = sheet.required(arguments.probability.as_deref(), &["probability"])?;
    let reward = sheet.required(arguments.reward.as_deref(), &["reward", "click"])?;
    let cluster = sheet.required(arguments.cluster.as_deref(), &["visitor"])?;
    let mut draft = Draft::default();
    while let Some(cells) = sheet.next_row()? {
        let (place, name, shown) = (cells.text(placement), cells.text(campaign), cells.text(creative));
        let position = format!("{place}\t{name}");
        let chosen = chance(cells, name, shown, own, (campaign, creative, probability))?;
        let candidates =
            chosen.map_or_else(|| vec![shown], |(campaign, _)| campaign.creatives.iter().map(String::as_str).collect());
        draft
            .push(Entry {
                action: shown,
                position: &position,
                candidates: Some(&candidates),
                cluster: Some(cells.text(cluster)),
                probability: chosen.map_or(1.0, |(_, probability)| probability),
                reward: if cells.text(reward).is_empty() { 0.0 } else { cells.number(reward)? },
            })
            .map_err(|fault| Fault { line: Some(cells.line), ..fault })?;
    }
    Ok(draft.finish()?)
}

/// The campaign among whose creatives chance decided, with the probability of the one that was shown; `None` of a fallback or of nothing.
fn chance<'a>(
    cells: Cells<'_>,
    name: &str,
    shown: &str,
    own: &'a HashMap<String, Campaign>,
    (campaign, creative, probability): (usize, usize, usize),
) -> Result<Option<(&'a Campaign, f64)>, Fault> {
    let remedy = |fault: Fault| Fault {
        remedy: Some("give the bundle that decided by --logged-by, and its decisions alone"),
        ..fault
    };
    if name.is_empty() {
        return Ok(None);
    }
    let Some(found) = own.get(name) else {
        return Err(remedy(cells.fault(campaign, format!("the bundle that decided has no campaign `{name}`"))));
    };
    let Some(share) = found.of(shown) else {
        return Err(remedy(cells.fault(creative, format!("the campaign `{name}` has no creative `{shown}`"))));
    };
    let logged = cells.number(probability)?;
    // Tables of the collector have it of 65,535, its lake of 1.
    let logged = if logged > 1.0 { logged / 65_535.0 } else { logged };
    if (logged - share).abs() > LOOSE {
        let what = format!("it was logged with {logged:.5}, and that bundle chooses `{shown}` with {share:.5}");
        return Err(remedy(cells.fault(probability, what)));
    }
    Ok(Some((found, share)))
}

impl Campaign {
    fn share(&self, weight: u32) -> f64 {
        f64::from(weight) / self.weights.iter().copied().map(f64::from).sum::<f64>()
    }

    fn of(&self, creative: &str) -> Option<f64> {
        let found = self.creatives.iter().zip(&self.weights).find(|(name, _)| *name == creative);
        found.map(|(_, weight)| self.share(*weight))
    }
}

fn campaigns(catalog: &Catalog) -> HashMap<String, Campaign> {
    let named = catalog.campaigns().map(|campaign| {
        let first = campaign.first_creative();
        let own = first..first.saturating_add(usize::from(campaign.creative_count()));
        let own: Vec<_> = own.filter_map(|place| catalog.creative(place)).collect();
        let creatives = own.iter().map(|creative| catalog.string(creative.name()).to_owned()).collect();
        let weights = own.iter().map(petitfour::catalog::Creative::weight).collect();
        (catalog.string(campaign.name()).to_owned(), Campaign { creatives, weights })
    });
    named.collect()
}

/// Whether two bundles are the same but for the weights of creatives; else which tables differ.
fn same_but_weights(own: &Catalog, other: &Catalog) -> Result<(), String> {
    let mut differ = Vec::new();
    for (section, name, size) in SECTIONS {
        // Where a record has a weight, or the sum of such (docs/formats/bundle.md).
        let weight = match section {
            Section::Campaigns => Some(56..60),
            Section::Creatives => Some(12..16),
            _ => None,
        };
        let (one, two) = (own.section(section), other.section(section));
        let is_weight = |place: usize| {
            let place = place.checked_rem(size as usize).unwrap_or(place);
            weight.as_ref().is_some_and(|weight| weight.contains(&place))
        };
        let is_same = one.len() == two.len()
            && one.iter().zip(two).enumerate().all(|(place, (one, two))| one == two || is_weight(place));
        if !is_same {
            differ.push(String::from_utf8_lossy(&name).into_owned());
        }
    }
    if differ.is_empty() {
        return Ok(());
    }
    Err(format!(
        "tables {}. Who sees which campaign is not left to chance, so no log tells what another choice would have earned",
        differ.join(", ")
    ))
}
