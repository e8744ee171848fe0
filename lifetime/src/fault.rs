//! What is wrong with a file, where, and what to do.

use std::fmt;

/// Why purchases were not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line of the file from 1, where there is one.
    pub line: Option<usize>,
    /// What is wrong there; names the column.
    pub what: String,
    /// What whoever exported the file can do.
    pub remedy: Option<&'static str>,
}

impl Fault {
    pub(crate) fn at(line: usize, what: impl Into<String>) -> Self {
        Self { line: Some(line), what: what.into(), remedy: None }
    }

    pub(crate) fn of(what: impl Into<String>) -> Self {
        Self { line: None, what: what.into(), remedy: None }
    }

    #[must_use]
    pub(crate) fn remedy(self, remedy: &'static str) -> Self {
        Self { remedy: Some(remedy), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.what)?;
        self.remedy.map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

impl std::error::Error for Fault {}
