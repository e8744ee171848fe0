//! What a visitor did: parsed once, bounded, trusted after.
//!
//! An event keeps keys and hashes of what it was told, never the text: nothing downstream can leak what it does not have.

use crate::hash::xxh64;
use crate::id::Key;
use alloc::vec::Vec;
use core::fmt;

/// Longest event name, property name and property value, in bytes of UTF-8.
pub const MAX_TEXT: usize = 256;
/// Most properties of one event.
pub const MAX_PROPERTIES: usize = 64;

/// A parsed event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    name: Key,
    properties: Vec<(Key, u32)>,
    value: i64,
}

/// Why something is not an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The name is empty.
    Unnamed,
    /// A name or a value is longer than [`MAX_TEXT`].
    Long,
    /// More than [`MAX_PROPERTIES`] properties.
    Many,
}

impl Event {
    /// Parses an event. `value` is what it is worth, in whole units; NaN, infinities and none are worth nothing.
    ///
    /// # Errors
    /// [`Error::Unnamed`], [`Error::Long`], [`Error::Many`]: nothing was recorded.
    pub fn parse<'a>(
        name: &str,
        properties: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: Option<f64>,
    ) -> Result<Self, Error> {
        if name.is_empty() {
            return Err(Error::Unnamed);
        }
        if name.len() > MAX_TEXT {
            return Err(Error::Long);
        }
        let mut hashed = Vec::new();
        for (key, text) in properties {
            if hashed.len() == MAX_PROPERTIES {
                return Err(Error::Many);
            }
            if key.len() > MAX_TEXT || text.len() > MAX_TEXT {
                return Err(Error::Long);
            }
            hashed.push((Key::of(key), text_hash(text)));
        }
        Ok(Self { name: Key::of(name), properties: hashed, value: thousandths(value.unwrap_or(0.0)) })
    }

    /// Key of its name.
    #[must_use]
    pub fn name(&self) -> Key {
        self.name
    }

    /// Hash of a property's value, if it was given.
    #[must_use]
    pub fn property(&self, key: Key) -> Option<u32> {
        self.properties.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    /// Worth, in thousandths.
    #[must_use]
    pub fn value(&self) -> i64 {
        self.value
    }
}

/// The 32 bits by which a profile knows a text value.
#[must_use]
pub fn text_hash(text: &str) -> u32 {
    xxh64(text.as_bytes(), 0) as u32
}

/// A number of whole units in thousandths, towards zero; NaN is 0 and what does not fit saturates.
#[must_use]
pub fn thousandths(value: f64) -> i64 {
    (value * 1_000.0) as i64
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unnamed => "event/unnamed",
            Self::Long => "event/long",
            Self::Many => "event/many",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unnamed => "the event has no name",
            Self::Long => "a name or value is longer than 256 bytes",
            Self::Many => "the event has more than 64 properties",
        })
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_refused_by_name() {
        let long = "x".repeat(257);
        let many: Vec<_> = (0..65).map(|_| ("k", "v")).collect();
        assert_eq!(Event::parse("", [], None), Err(Error::Unnamed));
        assert_eq!(Event::parse("view", [("k", long.as_str())], None), Err(Error::Long));
        assert_eq!(Event::parse("view", many, None), Err(Error::Many));
    }

    #[test]
    fn odd_numbers_are_worth_nothing_or_saturate() {
        assert_eq!(thousandths(f64::NAN), 0);
        assert_eq!(thousandths(f64::INFINITY), i64::MAX);
        assert_eq!(thousandths(2.5), 2_500);
    }
}
