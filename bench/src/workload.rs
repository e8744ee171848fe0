//! The workload: visitors, and campaigns with targeting trees and a percentage rollout, as `workload/*.json` has them.
//!
//! The first campaign, in order, whose tree accepts the visitor and whose rollout takes them in, wins. [`Workload::decide`]
//! and its neighbours are that definition written down once more in Rust, slowly and plainly, for the engine to be
//! checked against; `lib/reference.mjs` is the same in JavaScript. Rollouts are left to each engine's own hash, so a
//! reference answer exists only with all of them at 100 %.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

/// One file of campaigns.
#[derive(Clone, Deserialize)]
pub struct Workload {
    /// `w100` or `w1000`.
    pub name: String,
    /// Attributes with a text.
    #[serde(rename = "stringAttrs")]
    pub texts: Vec<String>,
    /// Attributes with a number.
    #[serde(rename = "numberAttrs")]
    pub numbers: Vec<String>,
    /// In order: the first that takes the visitor wins.
    pub campaigns: Vec<Campaign>,
}

/// One campaign.
#[derive(Clone, Deserialize)]
pub struct Campaign {
    /// Its name.
    pub id: String,
    /// Who may see it.
    pub tree: Tree,
    /// Percent of those who do.
    pub rollout: u8,
}

/// A targeting tree.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub enum Tree {
    /// One attribute compared.
    Leaf {
        /// Which.
        attr: String,
        /// How.
        #[serde(flatten)]
        test: Test,
    },
    /// Several trees joined.
    Join {
        /// How.
        op: Joint,
        /// What.
        args: Vec<Tree>,
    },
}

/// How trees are joined.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Joint {
    /// All hold.
    And,
    /// At least one holds.
    Or,
}

/// What is asked of an attribute.
#[derive(Clone, Deserialize)]
#[serde(tag = "op", content = "value", rename_all = "lowercase")]
pub enum Test {
    /// Equal to this text.
    Eq(String),
    /// One of these texts.
    In(Vec<String>),
    /// More than.
    Gt(f64),
    /// At least.
    Gte(f64),
    /// Less than.
    Lt(f64),
    /// At most.
    Lte(f64),
}

/// A visitor: flat, every attribute present, in the order of [`Workload::texts`] and [`Workload::numbers`].
pub struct Visitor {
    /// Its name.
    pub id: String,
    /// Its texts.
    pub texts: Vec<String>,
    /// Its numbers.
    pub numbers: Vec<f64>,
    by_name: BTreeMap<String, Value>,
}

impl Workload {
    /// Reads `<folder>/<name>.json`.
    ///
    /// # Errors
    /// When the file is missing or of another shape.
    pub fn read(folder: &Path, name: &str) -> Result<Self> {
        let file = folder.join(format!("{name}.json"));
        let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("{} is not a workload", file.display()))
    }

    /// Reads `<folder>/visitors.json`, in this workload's order of attributes.
    ///
    /// # Errors
    /// When the file is missing or a visitor lacks an attribute.
    pub fn visitors(&self, folder: &Path) -> Result<Vec<Visitor>> {
        let file = folder.join("visitors.json");
        let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let rows: Vec<BTreeMap<String, Value>> = serde_json::from_slice(&bytes)?;
        rows.into_iter().map(|row| self.visitor(row)).collect()
    }

    fn visitor(&self, by_name: BTreeMap<String, Value>) -> Result<Visitor> {
        let value = |name: &str| by_name.get(name).with_context(|| format!("a visitor has no `{name}`"));
        let text = |name: &str| Ok(value(name)?.as_str().with_context(|| format!("`{name}` is no text"))?.to_owned());
        let number = |name: &str| value(name)?.as_f64().with_context(|| format!("`{name}` is no number"));
        Ok(Visitor {
            id: text("id")?,
            texts: self.texts.iter().map(|name| text(name)).collect::<Result<_>>()?,
            numbers: self.numbers.iter().map(|name| number(name)).collect::<Result<_>>()?,
            by_name,
        })
    }

    /// The same campaigns, each for everyone whom its tree accepts.
    #[must_use]
    pub fn without_rollouts(&self) -> Self {
        let mut all = self.clone();
        for campaign in &mut all.campaigns {
            campaign.rollout = 100;
        }
        all
    }

    /// The first campaign whose tree accepts the visitor, rollouts aside.
    #[must_use]
    pub fn decide(&self, visitor: &Visitor) -> Option<usize> {
        self.campaigns.iter().position(|campaign| campaign.tree.accepts(visitor))
    }

    /// Every campaign whose tree accepts the visitor, in order.
    #[must_use]
    pub fn targets(&self, visitor: &Visitor) -> Vec<usize> {
        let places = self.campaigns.iter().enumerate();
        places.filter(|(_, campaign)| campaign.tree.accepts(visitor)).map(|(place, _)| place).collect()
    }

    /// The campaign file: JSON, which is YAML. A rollout of r % is a holdout of the other 100 − r %; order is priority.
    #[must_use]
    pub fn campaign_file(&self) -> String {
        let known = |names: &[String], kind: &str| -> Vec<(String, Value)> {
            names.iter().map(|name| (name.clone(), json!({ "type": kind }))).collect()
        };
        let context: serde_json::Map<_, _> =
            known(&self.texts, "text").into_iter().chain(known(&self.numbers, "number")).collect();
        let campaigns: Vec<Value> =
            self.campaigns.iter().rev().enumerate().map(|(priority, campaign)| campaign.entry(priority)).collect();
        // Highest priority first, as a person would write them.
        let campaigns: Vec<Value> = campaigns.into_iter().rev().collect();
        let file = json!({
            "petitfour": 1,
            "version": 1,
            "site": format!("bench-{}", self.name),
            "context": context,
            "placements": { PLACEMENT: {} },
            "campaigns": campaigns,
        });
        file.to_string()
    }
}

/// The one placement of the workload.
pub const PLACEMENT: &str = "main";

impl Campaign {
    fn entry(&self, priority: usize) -> Value {
        let mut entry = json!({
            "id": self.id,
            "placements": [PLACEMENT],
            "priority": priority,
            "when": self.tree.condition(),
            "creatives": [{ "id": format!("creative-{}", self.id), "headline": self.id }],
        });
        if self.rollout < 100
            && let Some(fields) = entry.as_object_mut()
        {
            fields.insert("holdout".into(), json!(format!("{}%", 100 - self.rollout)));
        }
        entry
    }
}

impl Tree {
    fn accepts(&self, visitor: &Visitor) -> bool {
        match self {
            Self::Join { op: Joint::And, args } => args.iter().all(|tree| tree.accepts(visitor)),
            Self::Join { op: Joint::Or, args } => args.iter().any(|tree| tree.accepts(visitor)),
            Self::Leaf { attr, test } => visitor.by_name.get(attr).is_some_and(|value| test.accepts(value)),
        }
    }

    fn condition(&self) -> Value {
        match self {
            Self::Join { op, args } => {
                let name = match op {
                    Joint::And => "all",
                    Joint::Or => "any",
                };
                json!({ name: args.iter().map(Self::condition).collect::<Vec<_>>() })
            }
            Self::Leaf { attr, test } => {
                let (operator, value) = match test {
                    Test::Eq(text) => ("is", json!(text)),
                    Test::In(texts) => ("in", json!(texts)),
                    Test::Gt(number) => ("more_than", json!(number)),
                    Test::Gte(number) => ("at_least", json!(number)),
                    Test::Lt(number) => ("less_than", json!(number)),
                    Test::Lte(number) => ("at_most", json!(number)),
                };
                json!({ "context": attr, operator: value })
            }
        }
    }
}

impl Test {
    fn accepts(&self, value: &Value) -> bool {
        let number = value.as_f64().unwrap_or(f64::NAN);
        match self {
            Self::Eq(text) => value.as_str() == Some(text),
            Self::In(texts) => value.as_str().is_some_and(|value| texts.iter().any(|text| text == value)),
            Self::Gt(least) => number > *least,
            Self::Gte(least) => number >= *least,
            Self::Lt(most) => number < *most,
            Self::Lte(most) => number <= *most,
        }
    }
}
