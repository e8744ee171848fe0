//! What keys are called: syncs carry 32-bit keys, people read names, and the bundle knows both.

use std::collections::BTreeMap;

use petitfour::{catalog::Catalog, decision::Reason, id::Key};

use crate::{
    params,
    sql::{Connection, Result},
};

/// Which table of the bundle a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A campaign.
    Campaign,
    /// A creative.
    Creative,
    /// A placement.
    Placement,
    /// An event.
    Event,
    /// A journey.
    Journey,
    /// A step of a journey, by its code.
    Step,
}

impl Kind {
    /// As it stands in the table `names`.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Campaign => "campaign",
            Self::Creative => "creative",
            Self::Placement => "placement",
            Self::Event => "event",
            Self::Journey => "journey",
            Self::Step => "step",
        }
    }
}

/// One key and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Which table.
    pub kind: Kind,
    /// The stable key.
    pub key: u32,
    /// What the author called it.
    pub name: String,
}

/// The name of a reason's code; a code of a newer engine shows as its number.
#[must_use]
pub fn reason(code: i64) -> String {
    let known = Reason::ALL.into_iter().find(|reason| i64::from(*reason as u8) == code);
    known.map_or_else(|| format!("reason_{code}"), |reason| reason.name().to_owned())
}

/// A key as people see it when it has no name.
#[must_use]
pub fn anonymous(key: i64) -> String {
    format!("#{key:08x}")
}

/// Campaign names by key, as far as the store has learned them.
pub type ByKey = BTreeMap<i64, String>;

/// Every name in a bundle.
#[must_use]
pub fn of(catalog: &Catalog) -> Vec<Named> {
    let named = |kind, key: Key, name| Named { kind, key: key.0, name: catalog.string(name).to_owned() };
    let mut names = Vec::new();
    names.extend(catalog.campaigns().map(|row| named(Kind::Campaign, row.key(), row.name())));
    names.extend(catalog.creatives().map(|row| named(Kind::Creative, row.key(), row.name())));
    names.extend(catalog.placements().map(|row| named(Kind::Placement, row.key(), row.name())));
    names.extend(catalog.events().map(|row| named(Kind::Event, row.key(), row.name())));
    names.extend(catalog.journeys().map(|row| named(Kind::Journey, row.key(), row.name())));
    let steps = catalog.journeys().flat_map(|journey| journey.steps()).filter_map(|at| catalog.step(at));
    names.extend(steps.filter(|step| step.code() > 0).map(|step| named(Kind::Step, Key(step.code()), step.name())));
    names
}

/// Remembers what keys are called; a newer name takes the place of an older one.
pub(crate) fn learn(connection: &Connection, names: &[Named]) -> Result<()> {
    for Named { kind, key, name } in names {
        connection.execute(
            "INSERT INTO names (kind, key, name) VALUES (?1, ?2, ?3)
             ON CONFLICT (kind, key) DO UPDATE SET name = excluded.name WHERE names.name <> excluded.name",
            params![kind.text(), key, name],
        )?;
    }
    Ok(())
}
