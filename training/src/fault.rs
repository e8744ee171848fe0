//! What is wrong with rows or with what was asked, where, and what to do.

use std::error::Error;
use std::fmt;

/// Why nothing was trained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: `line 3` of a CSV file, `row 3` of a Parquet file, from 1.
    pub place: Option<String>,
    /// What is wrong there.
    pub what: String,
    /// What whoever brought the rows can do.
    pub remedy: Option<String>,
}

impl Fault {
    pub(crate) fn of(what: impl Into<String>) -> Self {
        Self { place: None, what: what.into(), remedy: None }
    }

    pub(crate) fn at(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: Some(place.into()), what: what.into(), remedy: None }
    }

    #[must_use]
    pub(crate) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.what)?;
        self.remedy.as_ref().map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

impl Error for Fault {}

/// A word of somebody's file, short enough to be said.
pub(crate) fn cut(word: &str) -> String {
    word.chars().take(40).collect()
}
