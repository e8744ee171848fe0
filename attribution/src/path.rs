//! Paths: touches in order, and what came of them.

use crate::fault::{Fault, cut};
use crate::names::Names;
use crate::table::Table;

/// What stands between the channels of a path.
const ARROW: char = '>';

/// Most that may be counted on one row; sums of them are exact in 64-bit floats.
const MAX_COUNT: u64 = 1_000_000_000_000;

/// Most that a row may be worth, either way.
pub(crate) const MAX_VALUE: f64 = 1e12;

/// A view or a click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// Number of the channel (or campaign, or device: what the log was asked by) among [`Paths::channels`].
    pub channel: u32,
    /// When, Unix ms; nothing in a table of paths.
    pub at: Option<i64>,
}

/// Touches in order, and how often what came of them. In a log each path is one person's, in a table many people's.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// At least one.
    pub touches: Vec<Touch>,
    /// When the outcome was, Unix ms.
    pub outcome_at: Option<i64>,
    /// How often it ended in an outcome.
    pub conversions: u64,
    /// What these came to.
    pub value: f64,
    /// How often it ended in nothing.
    pub nulls: u64,
}

/// Outcomes, and what they came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    /// How many.
    pub conversions: f64,
    /// What they came to.
    pub value: f64,
}

/// Many paths over the same channels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Paths {
    /// Their names, in the order in which they were first seen.
    pub channels: Vec<String>,
    /// In any order.
    pub paths: Vec<Path>,
    /// Outcomes before which there was no touch in time: nobody is credited with them.
    pub unattributed: Sum,
    /// Touches that were too old for the outcome after them, beside others that were not.
    pub expired: u64,
    /// Outcomes with touches on more than one device.
    pub across_devices: u64,
}

impl Path {
    /// How many people, or passes, it counts.
    #[must_use]
    pub fn passes(&self) -> f64 {
        self.conversions as f64 + self.nulls as f64
    }
}

impl Paths {
    /// Reads a table of paths.
    pub(crate) fn of(mut table: Table<'_>) -> Result<Self, Fault> {
        let (path, conversions) = (table.needed("path")?, table.needed("total_conversions")?);
        let (value, nulls) = (table.column("total_conversion_value"), table.column("total_null"));
        let mut names = Names::default();
        let mut paths = Vec::new();
        while table.advance()? {
            let mut touches = Vec::new();
            for name in table.field(path).split(ARROW) {
                let name = name.trim();
                if name.is_empty() {
                    return Err(Fault::in_field(
                        table.line(),
                        "path",
                        "lacks a channel at its beginning, its end or between two `>`",
                    )
                    .remedy("write the channels in order, such as `search > mail`"));
                }
                touches.push(Touch { channel: names.number(name), at: None });
            }
            paths.push(Path {
                touches,
                outcome_at: None,
                conversions: count(&table, conversions, "total_conversions")?,
                value: value.map_or(Ok(0.0), |column| amount(&table, column, "total_conversion_value"))?,
                nulls: nulls.map_or(Ok(0), |column| count(&table, column, "total_null"))?,
            });
            let last = paths.last();
            if last.is_some_and(|path| path.conversions == 0 && path.value != 0.0) {
                return Err(Fault::in_field(table.line(), "total_conversion_value", "is there without a conversion")
                    .remedy("count the conversions in `total_conversions`"));
            }
        }
        Ok(Self { channels: names.into_list(), paths, ..Self::default() })
    }

    /// All outcomes that have a path: what credits add up to.
    #[must_use]
    pub fn total(&self) -> Sum {
        self.paths.iter().fold(Sum::default(), |sum, path| Sum {
            conversions: sum.conversions + path.conversions as f64,
            value: sum.value + path.value,
        })
    }

    /// How often paths ended in nothing.
    #[must_use]
    pub fn nulls(&self) -> f64 {
        self.paths.iter().map(|path| path.nulls as f64).sum()
    }

    /// Do touches and outcomes have their times?
    #[must_use]
    pub fn are_timed(&self) -> bool {
        self.paths.iter().all(|path| {
            (path.conversions == 0 || path.outcome_at.is_some()) && path.touches.iter().all(|touch| touch.at.is_some())
        })
    }
}

fn count(table: &Table<'_>, column: usize, field: &'static str) -> Result<u64, Fault> {
    let text = table.field(column);
    // R writes whole numbers with a point now and then.
    let whole = text.strip_suffix(".0").unwrap_or(text);
    whole.parse().ok().filter(|count| *count <= MAX_COUNT).ok_or_else(|| {
        Fault::in_field(table.line(), field, format!("is `{}`", cut(text)))
            .remedy("write a whole number from 0 to 1,000,000,000,000, without commas")
    })
}

pub(crate) fn amount(table: &Table<'_>, column: usize, field: &'static str) -> Result<f64, Fault> {
    let text = table.field(column);
    let amount = if text.is_empty() { Some(0.0) } else { text.parse().ok() };
    amount.filter(|amount: &f64| amount.abs() <= MAX_VALUE).ok_or_else(|| {
        Fault::in_field(table.line(), field, format!("is `{}`", cut(text)))
            .remedy("write a number such as 12.50, at most 1,000,000,000,000 either way, or leave it empty")
    })
}
