//! What a log has of a decision: the collector's tables in keys and codes, its lake and the package in names.

use std::fmt;
use std::path::Path;

use anyhow::{Context, bail};
use petitfour::engine::{Decision, Engine, Reason};
use petitfour::id::Key;
use serde::{Deserialize, Serialize};

use crate::profile;

/// A decision with its names.
#[derive(Debug, Serialize)]
pub(super) struct Choice {
    placement: String,
    campaign: Option<String>,
    creative: Option<String>,
    reason: &'static str,
    #[serde(skip)]
    code: u8,
    /// Of 65,535.
    probability: u16,
    withheld: Option<String>,
}

/// A decision as it was logged; what is not there is not compared.
#[derive(Debug, Deserialize)]
pub(super) struct Logged {
    #[serde(default, deserialize_with = "moment")]
    pub(super) at: Option<String>,
    placement: Option<Named>,
    #[serde(default, deserialize_with = "told")]
    campaign: Option<Option<Named>>,
    #[serde(default, deserialize_with = "told")]
    creative: Option<Option<Named>>,
    reason: Option<Named>,
    probability: Option<f64>,
    #[serde(default, deserialize_with = "told")]
    withheld: Option<Option<Named>>,
}

/// A name, or the key or code of one.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Named {
    Number(u32),
    Name(String),
}

/// A field that is not as it was logged.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    field: &'static str,
    logged: String,
    replayed: String,
}

/// Reads JSON, or the file of that name.
pub(super) fn read(text: &str) -> anyhow::Result<Vec<Logged>> {
    let whole = if text.trim_start().starts_with(['{', '[']) {
        text.to_owned()
    } else {
        String::from_utf8(profile::read(Path::new(text))?).with_context(|| format!("{text} is not text"))?
    };
    let value: serde_json::Value = serde_json::from_str(&whole).context("what was logged is not JSON")?;
    let rows = if value.is_array() { value } else { serde_json::Value::Array(vec![value]) };
    let rows: Vec<Logged> = serde_json::from_value(rows).context("what was logged is no row of decisions")?;
    if rows.is_empty() || !rows.iter().all(Logged::says_something) {
        bail!("what was logged says nothing to compare: campaign, creative, reason, probability or withheld");
    }
    Ok(rows)
}

impl Logged {
    /// Whether it was decided for this placement, as far as it says.
    pub(super) fn is_of(&self, placement: &str) -> bool {
        self.placement.as_ref().is_none_or(|named| named.is(placement))
    }

    /// What is not as it was logged.
    pub(super) fn differences(&self, choice: &Choice) -> Vec<Difference> {
        let mut differences = Vec::new();
        for (field, logged, replayed) in [
            ("campaign", &self.campaign, &choice.campaign),
            ("creative", &self.creative, &choice.creative),
            ("withheld", &self.withheld, &choice.withheld),
        ] {
            let same = match (logged, replayed) {
                (None, _) | (Some(None), None) => true,
                (Some(Some(named)), Some(name)) => named.is(name),
                _ => false,
            };
            if let (false, Some(logged)) = (same, logged) {
                let logged = logged.as_ref().map_or_else(none, Named::to_string);
                differences.push(Difference { field, logged, replayed: replayed.clone().unwrap_or_else(none) });
            }
        }
        let reason = self.reason.as_ref().filter(|reason| !reason.is_reason(choice));
        differences.extend(reason.map(|reason| Difference {
            field: "reason",
            logged: reason.to_string(),
            replayed: choice.reason.to_owned(),
        }));
        let probability = self.probability.filter(|logged| !is_probability(*logged, choice.probability));
        differences.extend(probability.map(|logged| Difference {
            field: "probability",
            logged: logged.to_string(),
            replayed: choice.probability.to_string(),
        }));
        differences
    }

    fn says_something(&self) -> bool {
        self.campaign.is_some()
            || self.creative.is_some()
            || self.withheld.is_some()
            || self.reason.is_some()
            || self.probability.is_some()
    }
}

impl Named {
    fn is(&self, name: &str) -> bool {
        match self {
            Self::Number(key) => Key::of(name) == Key(*key),
            Self::Name(own) => own == name,
        }
    }

    fn is_reason(&self, choice: &Choice) -> bool {
        match self {
            Self::Number(code) => *code == u32::from(choice.code),
            // What the package says when the best campaign was withheld and nothing else could be shown.
            Self::Name(name) if name == Reason::Holdout.name() => {
                choice.campaign.is_none() && choice.withheld.is_some()
            }
            Self::Name(name) => name == choice.reason,
        }
    }
}

impl Choice {
    /// Puts the names back.
    pub(super) fn of(engine: &Engine, placement: &str, decision: &Decision) -> Self {
        let catalog = engine.catalog();
        let campaign = |at: Option<usize>| {
            at.and_then(|at| catalog.campaign(at)).map(|campaign| catalog.string(campaign.name()).to_owned())
        };
        let creative = decision.creative.and_then(|at| catalog.creative(at));
        Self {
            placement: placement.to_owned(),
            campaign: campaign(decision.campaign),
            creative: creative.map(|creative| catalog.string(creative.name()).to_owned()),
            reason: decision.reason.name(),
            code: decision.reason as u8,
            probability: decision.probability,
            withheld: campaign(decision.withheld),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(none);
        let percent = f64::from(self.probability) * 100.0 / 65_535.0;
        writeln!(f, "  campaign     {}", name(&self.campaign))?;
        writeln!(f, "  creative     {}", name(&self.creative))?;
        writeln!(f, "  reason       {}", self.reason)?;
        writeln!(f, "  probability  {} of 65535 ({percent:.1}%)", self.probability)?;
        write!(f, "  withheld     {}", name(&self.withheld))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was logged as {}", self.field, self.logged)
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(key) => write!(f, "{key}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

fn none() -> String {
    "none".to_owned()
}

/// Logs have it of 65,535, or from 0 to 1.
fn is_probability(logged: f64, replayed: u16) -> bool {
    let scaled = if logged <= 1.0 { logged * 65_535.0 } else { logged };
    (scaled - f64::from(replayed)).abs() < 0.5
}

/// A field that may be there and say that there is none.
fn told<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<Named>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Unix ms, or a date.
fn moment<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let value = Option::<serde_json::Value>::deserialize(from)?;
    Ok(value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
}
