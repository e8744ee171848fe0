//! Names, birth dates and addresses in the form that Meta and Google hash. For the collector alone: no device asks for
//! them, and the linker leaves this room out of what a visitor downloads.

use super::{Refusal, is_space, trimmed};
use alloc::format;
use alloc::string::String;

/// Longest value, in bytes.
pub const MAX_TEXT: usize = 256;

/// A particular of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Particular {
    /// A first or last name, whole.
    Name,
    /// Its first five letters.
    FirstFive,
    /// Its first letter.
    Initial,
    /// Day of birth, 01 to 31.
    BirthDay,
    /// Month of birth, 01 to 12.
    BirthMonth,
    /// Year of birth, four digits.
    BirthYear,
    /// A city: letters alone.
    City,
    /// A state or region: letters alone.
    State,
    /// A postal code; of an American one the first five digits.
    Postcode,
    /// A country, as two letters of ISO 3166-1.
    Country,
    /// A currency, as three letters of ISO 4217. Not hashed.
    Currency,
}

/// The text that is hashed. Normalising again changes nothing.
///
/// # Errors
/// [`Refusal::Malformed`] when it is not of that kind, or nothing is left; [`Refusal::Long`] beyond [`MAX_TEXT`].
pub fn normalise(particular: Particular, text: &str) -> Result<String, Refusal> {
    let text = trimmed(text);
    if text.len() > MAX_TEXT {
        return Err(Refusal::Long);
    }
    let text = text.to_lowercase();
    let normal = match particular {
        Particular::Name => text,
        Particular::FirstFive => String::from(trimmed(&text.chars().take(5).collect::<String>())),
        Particular::Initial => text.chars().take(1).collect(),
        Particular::BirthDay => number(&text, 1, 31)?,
        Particular::BirthMonth => number(&text, 1, 12)?,
        Particular::BirthYear => number(&text, 1_000, 9_999)?,
        Particular::City | Particular::State => text.chars().filter(|c| !is_sign(*c)).collect(),
        Particular::Postcode => text.chars().take_while(|c| *c != '-').filter(|c| !is_space(*c)).collect(),
        Particular::Country => letters(&text, 2)?,
        Particular::Currency => letters(&text, 3)?,
    };
    if normal.is_empty() { Err(Refusal::Malformed) } else { Ok(normal) }
}

fn number(text: &str, least: u16, most: u16) -> Result<String, Refusal> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let value = text.parse::<u16>().ok().filter(|value| digits && text.len() <= 4 && (least..=most).contains(value));
    value.map(|value| format!("{value:02}")).ok_or(Refusal::Malformed)
}

fn letters(text: &str, count: usize) -> Result<String, Refusal> {
    let letters: String = text.chars().filter(char::is_ascii_lowercase).collect();
    if letters.len() == count { Ok(letters) } else { Err(Refusal::Malformed) }
}

fn is_sign(c: char) -> bool {
    is_space(c) || c.is_ascii_digit() || matches!(c, '.' | '-' | '(' | ')')
}
