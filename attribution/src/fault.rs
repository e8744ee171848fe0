//! What is wrong with a file, where, and what to do.

use std::error::Error;
use std::fmt;

/// Why a file was not read. It never repeats who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line of the file from 1, where there is one.
    pub line: Option<u64>,
    /// The column, where it is in one.
    pub field: Option<&'static str>,
    /// What is wrong there.
    pub what: String,
    /// What whoever wrote it can do.
    pub remedy: Option<&'static str>,
}

impl Fault {
    pub(crate) fn at(line: u64, what: impl Into<String>) -> Self {
        Self { line: Some(line), field: None, what: what.into(), remedy: None }
    }

    pub(crate) fn in_field(line: u64, field: &'static str, what: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::at(line, what) }
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
        if let Some(field) = self.field {
            write!(f, "`{field}` ")?;
        }
        f.write_str(&self.what)?;
        self.remedy.map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

impl Error for Fault {}

/// Some of a field's text, to be recognised by.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}
