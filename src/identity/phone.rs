//! Phone numbers as E.164, with "+" and without.
//!
//! Whoever calls says how the number is written ([`Plan`]): without a table of every country's lengths, "65 1243 5678"
//! can be a number of Singapore or of half the world. What does not fit its plan is refused, never guessed.

use super::{Digest, Forms, Hashed, Namespace, Refusal, placeholder, trimmed};
use alloc::string::String;
use alloc::vec::Vec;

/// Most digits that E.164 allows.
pub const MAX_DIGITS: usize = 15;
/// Fewer digits than any country has with its code.
const MIN_DIGITS: usize = 7;
/// Longest text looked at, in bytes: fifteen digits and their decoration.
const MAX_TEXT: usize = 64;

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// With "+" or "00" and the country's code; anything else is refused.
    International,
    /// With the country's code, with or without "+" or zeroes before it.
    Complete,
    /// As dialled within the country of this code (44, 1, 61 …); one written with "+" or "00" says its own.
    National(u16),
}

/// Digests of a number, with "+" and without. A ready SHA-256 counts as the one with "+".
///
/// # Errors
/// [`Refusal::Placeholder`], [`Refusal::Malformed`], [`Refusal::Long`].
pub fn read(text: &str, plan: Plan) -> Result<Vec<Hashed>, Refusal> {
    if let Some(digest) = Digest::given(text) {
        if digest.is_placeholder() {
            return Err(Refusal::Placeholder);
        }
        return Ok(Vec::from([Hashed::new(Namespace::Phone, Forms::PLUS, digest)]));
    }
    let number = number(text, plan)?;
    let hashed = |forms, text: &[u8]| Hashed::new(Namespace::Phone, forms, Digest::of(text));
    Ok(Vec::from([hashed(Forms::PLUS, &number), hashed(Forms::BARE, number.get(1..).unwrap_or_default())]))
}

/// The number as "+" and digits. Normalising again changes nothing, under any plan.
///
/// # Errors
/// [`Refusal::Placeholder`] for words, zeroes and one digit over and over; [`Refusal::Malformed`] when it does not fit
/// its plan; [`Refusal::Long`] when the text is longer than any number with its decoration.
pub fn normalise(text: &str, plan: Plan) -> Result<String, Refusal> {
    String::from_utf8(number(text, plan)?).map_err(|_| Refusal::Malformed)
}

fn number(text: &str, plan: Plan) -> Result<Vec<u8>, Refusal> {
    let text = trimmed(text);
    if placeholder::is_placeholder(text) {
        return Err(Refusal::Placeholder);
    }
    if text.len() > MAX_TEXT {
        return Err(Refusal::Long);
    }
    let (international, text) = match text.strip_prefix(['+', '＋']) {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut digits = Vec::with_capacity(MAX_TEXT);
    let mut home = 0;
    for c in text.chars() {
        // "+44 (0)20 …": the zero is for callers at home.
        home = match (c, home) {
            ('(', _) => 1,
            ('0', 1) if international && !digits.is_empty() => 2,
            (')', 2) => {
                digits.pop();
                0
            }
            _ => 0,
        };
        match digit(c) {
            Some(digit) => digits.push(digit),
            None if is_decoration(c) => {}
            None => return Err(Refusal::Malformed),
        }
    }
    if placeholder::is_one_letter(&digits) {
        return Err(Refusal::Placeholder);
    }
    let mut number = Vec::with_capacity(MAX_TEXT);
    number.push(b'+');
    let abroad = if international { Some(digits.as_slice()) } else { digits.strip_prefix(b"00") };
    let rest = match (abroad, plan) {
        (Some(rest), _) => rest,
        (None, Plan::International) => return Err(Refusal::Malformed),
        (None, Plan::Complete) => digits.strip_prefix(b"0").unwrap_or(&digits),
        (None, Plan::National(code)) => {
            push_code(&mut number, code);
            significant(&digits, code)?
        }
    };
    number.extend_from_slice(rest);
    let digits = number.get(1..).unwrap_or_default();
    if digits.first() == Some(&b'0') || !(MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) {
        return Err(Refusal::Malformed);
    }
    // Whatever the country: one digit for the whole of the number is nobody's.
    if (1..=3).any(|code| digits.get(code..).is_some_and(placeholder::is_one_letter)) {
        return Err(Refusal::Placeholder);
    }
    Ok(number)
}

/// Writes a country's code. By hand: formatting a number costs every visitor more than all the rest of this file.
fn push_code(number: &mut Vec<u8>, code: u16) {
    if code >= 10 {
        push_code(number, code / 10);
    }
    number.push(b'0' + (code % 10) as u8);
}

/// The national number without what is dialled before it at home.
fn significant(digits: &[u8], code: u16) -> Result<&[u8], Refusal> {
    let home = match code {
        // North America: ten digits, perhaps after a 1.
        1 => digits.strip_prefix(b"1").or(Some(digits)).filter(|digits| digits.len() == 10),
        7 if digits.len() == 11 => digits.strip_prefix(b"8"),
        36 => Some(digits.strip_prefix(b"06").unwrap_or(digits)),
        // Italy's zero belongs to the number.
        39 => Some(digits),
        0 | 1_000.. => None,
        _ => Some(digits.strip_prefix(b"0").unwrap_or(digits)),
    };
    home.ok_or(Refusal::Malformed)
}

/// Digits of ASCII, and those that keyboards of East Asia, Arabia and Persia write.
fn digit(c: char) -> Option<u8> {
    let zero = match c {
        '0'..='9' => '0',
        '０'..='９' => '０',
        '٠'..='٩' => '٠',
        '۰'..='۹' => '۰',
        _ => return None,
    };
    Some(b'0' + (u32::from(c) - u32::from(zero)) as u8)
}

fn is_decoration(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '(' | ')' | '-' | '.' | '/' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{200e}' | '\u{202a}'..='\u{202c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_where_the_country_is() {
        for (text, plan, number) in [
            ("+1 (650) 561-1234", Plan::International, "+16505611234"),
            ("001 650 561 1234", Plan::International, "+16505611234"),
            ("+44 (0)20 7946 0018", Plan::International, "+442079460018"),
            ("1 (234) 567-8901", Plan::Complete, "+12345678901"),
            ("0491 570 006", Plan::National(61), "+61491570006"),
            ("(650) 561-1234", Plan::National(1), "+16505611234"),
            ("8 495 123-45-67", Plan::National(7), "+74951234567"),
            ("06 698 82411", Plan::National(39), "+390669882411"),
            ("+49 30 1234567", Plan::National(44), "+49301234567"),
            ("＋８１ ９０-１２３４-５６７８", Plan::International, "+819012345678"),
        ] {
            assert_eq!(normalise(text, plan).as_deref(), Ok(number), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_its_plan_is_malformed() {
        for (text, plan) in [
            ("650 561 1234", Plan::International),
            ("+12", Plan::International),
            ("+12345", Plan::International),
            ("+1234567890123456", Plan::International),
            ("+1 650 561 1234 x 5", Plan::International),
            ("+0 650 561 1234", Plan::International),
            ("561 1234", Plan::National(1)),
            ("0491 570 006", Plan::National(0)),
        ] {
            assert_eq!(normalise(text, plan), Err(Refusal::Malformed), "{text}");
        }
    }

    #[test]
    fn one_digit_over_and_over_is_a_placeholder() {
        for text in ["+00000000000", "0000000000", "+11111111111", "+1 999 999 9999", "+44 0000000000", "null", ""] {
            assert_eq!(normalise(text, Plan::International), Err(Refusal::Placeholder), "{text}");
        }
    }
}
