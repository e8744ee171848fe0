//! What is wrong with something that was sent, in words that its sender can act on.
//!
//! A fault names a field and never a value: it goes into answers, letters and logs. What it says of a field stops at names that this build
//! knows, since the rest of a pointer is the sender's own text and may hold an address.

use axum::http::StatusCode;

/// Why an event, or a whole body, is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The stable code.
    pub code: &'static str,
    /// JSON pointer to the field, empty for the whole; of a row, the column.
    pub field: String,
    /// What to do about it.
    pub message: String,
}

impl Fault {
    /// A fault of the field.
    pub fn new(code: &'static str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, field: field.into(), message: message.into() }
    }

    /// The status of an answer that says it: sending less may help, sending the same again never does.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.code {
            "event/size" | "batch/many" | "batch/context" => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The field is of another type than it has to be.
    pub fn kind(field: impl Into<String>, wanted: &str) -> Self {
        Self::new("event/type", field, format!("this has to be {wanted}"))
    }

    /// JSON that does not read. `serde_json` quotes what it met, so only the place is taken of its words.
    #[must_use]
    pub fn json(code: &'static str, error: &serde_json::Error) -> Self {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "the JSON breaks off",
            serde_json::error::Category::Data => "the JSON is of another shape than it has to be",
            _ => "this is no JSON that can be read; numbers must fit 64 bits and texts must be whole Unicode",
        };
        Self::new(code, "", format!("{what} (line {}, column {})", error.line(), error.column()))
    }
}
