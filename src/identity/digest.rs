//! Digests: SHA-256 of a normalised value, and its two spellings.
//!
//! The digest itself comes from a crate: see `docs/adr/0005-sha-256.md` for what it costs every visitor.

use super::placeholder;
use alloc::string::String;
use core::fmt;
use sha2::{Digest as _, Sha256};

/// SHA-256 of a normalised identifier. It is personal data still: it does not print itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `text`, as UTF-8.
    #[must_use]
    pub fn of(text: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(text.as_ref()).into())
    }

    /// A SHA-256 that somebody has made already: 64 hex digits in either case, or 44 characters of base64.
    ///
    /// The digest of nothing, of `null` and their like is none: many sites hash before they look.
    #[must_use]
    pub fn given(text: &str) -> Option<Self> {
        let text = super::trimmed(text);
        let bytes = match text.len() {
            64 => from_hex(text)?,
            44 => from_base64(text)?,
            _ => return None,
        };
        Some(Self(bytes))
    }

    /// Is this the digest of a placeholder?
    pub(super) fn is_placeholder(&self) -> bool {
        let others: [&[u8]; 4] = [b"", b"0", b"test@test.com", b"test@example.com"];
        placeholder::words().chain(others).any(|word| Self::of(word) == *self)
    }

    /// 64 hex digits in lower case.
    #[must_use]
    pub fn hex(&self) -> String {
        let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }

    /// 44 characters of base64, with padding (RFC 4648, section 4).
    #[must_use]
    pub fn base64(&self) -> String {
        let mut text = String::with_capacity(44);
        for group in self.0.chunks(3) {
            let mut word = [0; 4];
            word.iter_mut().skip(1).zip(group).for_each(|(to, from)| *to = *from);
            let word = u32::from_be_bytes(word);
            for place in 0..4 {
                let sextet = (word >> (18 - 6 * place)) as u8 & 63;
                text.push(if place > group.len() { '=' } else { letter(sextet) });
            }
        }
        text
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}

fn letter(sextet: u8) -> char {
    char::from(match sextet {
        0..26 => b'A' + sextet,
        26..52 => b'a' + (sextet - 26),
        52..62 => b'0' + (sextet - 52),
        62 => b'+',
        _ => b'/',
    })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (place, digit) in text.chars().enumerate() {
        let byte = bytes.get_mut(place / 2)?;
        *byte = *byte << 4 | digit.to_digit(16)? as u8;
    }
    Some(bytes)
}

fn from_base64(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let (mut word, mut held, mut place) = (0u32, 0, 0);
    for letter in text.strip_suffix('=')?.bytes() {
        let sextet = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        word = word << 6 | u32::from(sextet);
        held += 6;
        if held >= 8 {
            held -= 8;
            *bytes.get_mut(place)? = (word >> held) as u8;
            place += 1;
        }
    }
    // 43 letters carry two bits more than 32 bytes have: another spelling of the same digest is not base64.
    (word & 3 == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors_of_sha_256_hold() {
        let million = "a".repeat(1_000_000);
        for (text, hex) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
            (million.as_str(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
        ] {
            assert_eq!(Digest::of(text).hex(), hex);
        }
    }

    #[test]
    fn both_spellings_are_read_back() {
        let digest = Digest::of("user@example.com");
        assert_eq!(digest.base64(), "tMmiiTI7IaAcPpQPFQ65uMVCWH8av9jw4cwf/F5HVRQ=");
        assert_eq!(Digest::given(&digest.base64()), Some(digest));
        assert_eq!(Digest::given(&digest.hex().to_uppercase()), Some(digest));
        assert_eq!(Digest::given("tMmiiTI7IaAcPpQPFQ65uMVCWH8av9jw4cwf/F5HVRR="), None);
        assert_eq!(Digest::given("user@example.com"), None);
    }
}
