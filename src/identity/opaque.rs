//! Identifiers that mean nothing in themselves: a site's own numbers, mobile advertising ids, clicks, partners' ids.
//!
//! Their digest recognises and joins; it does not give the value back. A channel that wants the value itself (a network
//! its click id, an auction its `eids`) is told by the page, which has it, while sharing is permitted.

use super::{Digest, Forms, Hashed, Namespace, Refusal, placeholder, trimmed};

/// Longest identifier, in bytes: partners' encrypted ids reach several hundred.
pub const MAX_TEXT: usize = 2_048;

/// Longest click id, in bytes: today's stay under 200.
pub const MAX_CLICK: usize = 512;

/// Parameters of an address that are looked at.
const MAX_PARAMETERS: usize = 128;

const CLICKS: [(&str, Namespace); 5] = [
    ("gclid", Namespace::Gclid),
    ("fbclid", Namespace::Fbclid),
    ("ttclid", Namespace::Ttclid),
    ("msclkid", Namespace::Msclkid),
    ("dclid", Namespace::Dclid),
];

/// Reads an identifier whose capitals count: trimmed, and nothing else.
///
/// # Errors
/// [`Refusal::Placeholder`], [`Refusal::Malformed`] (control characters), [`Refusal::Long`].
pub fn read(namespace: Namespace, text: &str) -> Result<Hashed, Refusal> {
    let text = check(text)?;
    Ok(Hashed::new(namespace, Forms::NONE, Digest::of(text)))
}

/// Reads Apple's or Google's advertising identifier: a UUID, hashed in lower case.
///
/// `limited` is what the system said about limiting ad tracking, in whatever words it has for it.
///
/// # Errors
/// [`Refusal::Limited`] when limited, or zeroes; otherwise as [`read`].
pub fn mobile(namespace: Namespace, text: &str, limited: bool) -> Result<Hashed, Refusal> {
    let text = trimmed(text);
    // Zeroes are how both systems answer when the person has limited it.
    let zeroes = text.len() >= 32 && text.bytes().all(|byte| matches!(byte, b'0' | b'-'));
    if limited || zeroes {
        return Err(Refusal::Limited);
    }
    let text = check(text)?;
    let shaped = text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if !shaped {
        return Err(Refusal::Malformed);
    }
    Ok(Hashed::new(namespace, Forms::NONE, Digest::of(text.to_ascii_lowercase())))
}

/// Reads a partner's identifier: `source` as in OpenRTB's `eids`, a domain name.
///
/// The digest of UID2's and ID5's covers the id; any other partner's covers the source in lower case, a line feed and the
/// id, so that two partners' equal numbers differ.
///
/// # Errors
/// As [`read`]; [`Refusal::Malformed`] too when the source is empty or longer than a domain name.
pub fn partner(source: &str, id: &str) -> Result<Hashed, Refusal> {
    let source = trimmed(source);
    if source.is_empty() || source.len() > 253 || source.chars().any(char::is_control) {
        return Err(Refusal::Malformed);
    }
    let mut text = source.to_ascii_lowercase();
    let namespace = match text.as_str() {
        "uidapi.com" => return read(Namespace::Uid2, id),
        "id5-sync.com" => return read(Namespace::Id5, id),
        _ => Namespace::Partner,
    };
    text.push('\n');
    text.push_str(check(id)?);
    Ok(Hashed::new(namespace, Forms::NONE, Digest::of(text)))
}

/// The click ids in a page's address, as they stand there, the first of each network.
///
/// Only characters that need no escape are taken: no network uses others, and templates that were not filled do.
pub fn clicks(address: &str) -> impl Iterator<Item = (Namespace, &str)> {
    let address = address.split('#').next().unwrap_or_default();
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let mut met = 0u32;
    query.split('&').take(MAX_PARAMETERS).filter_map(move |parameter| {
        let (name, value) = parameter.split_once('=')?;
        let (_, namespace) = CLICKS.iter().find(|(known, _)| *known == name)?;
        let fits = value.len() <= MAX_CLICK
            && !placeholder::is_placeholder(value)
            && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~'));
        let bit = 1 << namespace.number();
        (fits && met & bit == 0).then(|| {
            met |= bit;
            (*namespace, value)
        })
    })
}

fn check(text: &str) -> Result<&str, Refusal> {
    let text = trimmed(text);
    if text.len() > MAX_TEXT {
        return Err(Refusal::Long);
    }
    if placeholder::is_placeholder(text) {
        return Err(Refusal::Placeholder);
    }
    if text.chars().any(char::is_control) { Err(Refusal::Malformed) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn capitals_count_in_a_sites_own_numbers() {
        assert_ne!(read(Namespace::User, "a1"), read(Namespace::User, "A1"));
        assert_eq!(read(Namespace::User, " a1\n"), read(Namespace::User, "a1"));
    }

    #[test]
    fn what_stands_for_nobody_is_refused() {
        for text in ["", "0", "0000-0000", "NULL", "'null'", "[object Object]", "anonymous", "Guest", "{{user.id}}"] {
            assert_eq!(read(Namespace::User, text), Err(Refusal::Placeholder), "{text}");
        }
        assert_eq!(read(Namespace::User, "a\u{7}b"), Err(Refusal::Malformed));
        assert_eq!(read(Namespace::User, &"a".repeat(2_049)), Err(Refusal::Long));
    }

    #[test]
    fn limited_ad_tracking_is_honoured() {
        let (id, zeroes) = ("6D92078A-8246-4BA4-AE5B-76104861E7DC", "00000000-0000-0000-0000-000000000000");
        assert_eq!(mobile(Namespace::Idfa, id, true), Err(Refusal::Limited));
        assert_eq!(mobile(Namespace::Idfa, zeroes, false), Err(Refusal::Limited));
        assert_eq!(mobile(Namespace::Gaid, "6D92078A", false), Err(Refusal::Malformed));
        assert_eq!(mobile(Namespace::Idfa, id, false), mobile(Namespace::Idfa, &id.to_lowercase(), false));
    }

    #[test]
    fn two_partners_equal_numbers_differ() {
        assert_ne!(partner("a.com", "1"), partner("b.com", "1"));
        assert_eq!(partner("A.com", "1"), partner("a.com", "1"));
        assert_eq!(partner("id5-sync.com", "ID5*x").map(|id| id.namespace()), Ok(Some(Namespace::Id5)));
        assert_eq!(partner("id5-sync.com", "0"), Err(Refusal::Placeholder));
    }

    #[test]
    fn clicks_are_read_from_the_query_alone() {
        let address = "https://shop.example/p?a=b&gclid=Cj0_x-1.2&gclid=second&fbclid=%7Bfbclid%7D&dclid=null&msclkid=ab12#gclid=no";
        let found: Vec<_> = clicks(address).collect();
        assert_eq!(found, [(Namespace::Gclid, "Cj0_x-1.2"), (Namespace::Msclkid, "ab12")]);
        assert_eq!(clicks("https://shop.example/gclid=x").count(), 0);
    }
}
