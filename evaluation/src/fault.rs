//! What is wrong with a file or an entry, where, and what to do.

use std::error::Error;
use std::fmt;

/// Why something was not read, or does not fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line of the file from 1, where there is one.
    pub line: Option<u64>,
    /// The column that is meant, where it is one.
    pub field: Option<String>,
    /// What is wrong there.
    pub what: String,
    /// What to do.
    pub remedy: Option<&'static str>,
}

impl Fault {
    pub(crate) fn of(what: impl Into<String>) -> Self {
        Self { line: None, field: None, what: what.into(), remedy: None }
    }

    #[must_use]
    pub(crate) fn line(self, line: u64) -> Self {
        Self { line: self.line.or(Some(line)), ..self }
    }

    #[must_use]
    pub(crate) fn field(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }

    #[must_use]
    pub(crate) fn remedy(self, remedy: &'static str) -> Self {
        Self { remedy: Some(remedy), ..self }
    }
}

/// The beginning of somebody's text, for a message.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if let Some(field) = &self.field {
            write!(f, "`{field}`: ")?;
        }
        f.write_str(&self.what)?;
        self.remedy.map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

impl Error for Fault {}
