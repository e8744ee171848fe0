//! Texts that only who knows a secret can have written: cookies that an edge alone can write, and previews. `seal.mjs` of the package is the
//! same for WebCrypto.
//!
//! `name.payload.code`: the secret's name, the payload and 32 bytes of HMAC-SHA-256 (RFC 2104) in base64url. The code covers purpose, name
//! and payload, each of the first two closed by a zero byte, so that what was sealed for one purpose opens for no other.

use crate::Error;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use petitfour::sync::Message;
use sha2::Sha256;
use std::collections::BTreeSet;

/// Names the cookie of what the origin told, and is the purpose that it is sealed for.
pub const TOLD: &str = "petitfour_sealed";
/// Names the query parameter of a preview, and is the purpose that it is sealed for.
pub const PREVIEW: &str = "pf_preview";
/// Days for which the origin's word is taken; an answer to each sync renews it.
const DAYS: u32 = 30;

/// Characters of a sealed text: browsers keep cookies of 4,096 bytes.
const LONGEST: usize = 4000;
/// Bytes of an answer that are sealed: an answer of all its lists is longer than a cookie.
pub const ANSWER: usize = 1024;
/// Characters of the 32 bytes of a code.
const CODE: usize = 43;
/// The first byte of what is sealed.
const FORMAT: u8 = 1;

/// Why a sealed text is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unopened {
    /// Not a sealed text.
    Format,
    /// Sealed by a secret that is not known, or not any more.
    Key,
    /// Changed since, sealed by another secret of that name, or for another purpose.
    Code,
    /// Sealed too long ago.
    Expired,
}

impl Unopened {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Format => "seal/format",
            Self::Key => "seal/key",
            Self::Code => "seal/code",
            Self::Expired => "seal/expired",
        }
    }
}

impl std::fmt::Display for Unopened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Format => "not a sealed text",
            Self::Key => "sealed by a secret that is not known here; keep the old one behind the new one for 30 days",
            Self::Code => "changed since it was sealed",
            Self::Expired => "sealed too long ago",
        })
    }
}

impl std::error::Error for Unopened {}

/// What the origin said of a visitor, as a cookie brought it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Of whom.
    pub visitor: [u8; 16],
    /// The collector's answer, as a session takes it in.
    pub answer: Vec<u8>,
}

/// Secrets under names: the first seals, all open.
pub struct Secrets(Vec<(String, Hmac<Sha256>)>);

impl Secrets {
    /// Reads `name:base64url` texts with commas between.
    ///
    /// # Errors
    /// [`Error::Malformed`] when one is none, or shorter than 32 bytes, or two have one name.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let read = text.trim().split(',').map(|pair| secret(pair.trim()).ok_or(Error::Malformed));
        let secrets = read.collect::<Result<Vec<_>, _>>()?;
        let names: BTreeSet<_> = secrets.iter().map(|(name, _)| name).collect();
        if names.len() < secrets.len() { Err(Error::Malformed) } else { Ok(Self(secrets)) }
    }

    /// Seals `payload` for `purpose`, by the first secret.
    #[must_use]
    pub fn seal(&self, purpose: &str, payload: &[u8]) -> String {
        let Some((name, mac)) = self.0.first() else { return String::new() };
        let code = covering(mac, purpose, name, payload).finalize().into_bytes();
        format!("{name}.{}.{}", URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(code))
    }

    /// What was sealed for `purpose`.
    ///
    /// # Errors
    /// [`Unopened`], but for the last variant.
    pub fn open(&self, purpose: &str, text: &str) -> Result<Vec<u8>, Unopened> {
        let mut parts = text.split('.');
        let (Some(name), Some(payload), Some(code), None, true) =
            (parts.next(), parts.next(), parts.next(), parts.next(), text.len() <= LONGEST)
        else {
            return Err(Unopened::Format);
        };
        if code.len() != CODE {
            return Err(Unopened::Format);
        }
        let (_, mac) = self.0.iter().find(|(known, _)| known == name).ok_or(Unopened::Key)?;
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| Unopened::Format);
        let (payload, code) = (bytes(payload)?, bytes(code)?);
        // Compares in constant time.
        covering(mac, purpose, name, &payload).verify_slice(&code).map_err(|_| Unopened::Code)?;
        Ok(payload)
    }

    /// The cookie's value for a collector's `answer` to `message`: format, minutes since 1970, pseudonym, the answer. Nothing when
    /// there is nothing to seal, or more than a cookie holds.
    #[must_use]
    pub fn seal_told(&self, message: &[u8], answer: &[u8], minute: u32) -> Option<String> {
        let visitor = Message::decode(message).ok()?.visitor;
        if answer.is_empty() || answer.len() > ANSWER {
            return None;
        }
        let payload = [&[FORMAT], minute.to_le_bytes().as_slice(), &visitor, answer].concat();
        Some(self.seal(TOLD, &payload)).filter(|text| text.len() <= LONGEST)
    }

    /// What [`Self::seal_told`] sealed.
    ///
    /// # Errors
    /// [`Unopened`].
    pub fn open_told(&self, text: &str, minute: u32) -> Result<Told, Unopened> {
        let payload = self.open(TOLD, text)?;
        let (sealed, rest) = dated(&payload)?;
        let (visitor, answer) = rest.split_first_chunk().ok_or(Unopened::Format)?;
        if answer.is_empty() {
            return Err(Unopened::Format);
        }
        if minute.saturating_sub(sealed) >= DAYS * 1440 {
            return Err(Unopened::Expired);
        }
        Ok(Told { visitor: *visitor, answer: answer.to_vec() })
    }

    /// `Set-Cookie` of what [`Self::seal_told`] sealed; without a value the cookie goes.
    #[must_use]
    pub fn told_cookie(value: Option<&str>, secure: bool) -> String {
        let (text, age) = value.map_or(("", 0), |text| (text, DAYS * 86_400));
        let secure = if secure { "; Secure" } else { "" };
        format!("{TOLD}={text}; Path=/; Max-Age={age}; SameSite=Lax; HttpOnly{secure}")
    }

    /// What `?pf_preview=` is to carry: creatives by placement, to be shown until a minute since 1970.
    #[must_use]
    pub fn seal_preview(&self, shown: &[(String, String)], until: u32) -> String {
        let lines: Vec<_> = shown.iter().map(|(placement, creative)| format!("{placement}={creative}")).collect();
        self.seal(PREVIEW, &[&[FORMAT], until.to_le_bytes().as_slice(), lines.join("\n").as_bytes()].concat())
    }

    /// What [`Self::seal_preview`] sealed: placements, each with its creative.
    ///
    /// # Errors
    /// [`Unopened`].
    pub fn open_preview(&self, text: &str, minute: u32) -> Result<Vec<(String, String)>, Unopened> {
        let payload = self.open(PREVIEW, text)?;
        let (until, lines) = dated(&payload)?;
        if minute >= until {
            return Err(Unopened::Expired);
        }
        let lines = String::from_utf8_lossy(lines);
        let pairs = lines.lines().filter_map(|line| line.split_once('='));
        Ok(pairs.map(|(placement, creative)| (placement.to_owned(), creative.to_owned())).collect())
    }
}

/// The minute behind the format, and what follows it.
fn dated(payload: &[u8]) -> Result<(u32, &[u8]), Unopened> {
    let rest = payload.strip_prefix(&[FORMAT]).ok_or(Unopened::Format)?;
    let (minute, rest) = rest.split_first_chunk().ok_or(Unopened::Format)?;
    Ok((u32::from_le_bytes(*minute), rest))
}

fn secret(pair: &str) -> Option<(String, Hmac<Sha256>)> {
    let (name, secret) = pair.split_once(':')?;
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let bytes = URL_SAFE_NO_PAD.decode(secret).ok()?;
    if name.is_empty() || name.len() > 32 || !name.bytes().all(known) || bytes.len() < 32 {
        return None;
    }
    Some((name.to_owned(), Hmac::new_from_slice(&bytes).ok()?))
}

fn covering(mac: &Hmac<Sha256>, purpose: &str, name: &str, payload: &[u8]) -> Hmac<Sha256> {
    let mut mac = mac.clone();
    for part in [purpose.as_bytes(), &[0], name.as_bytes(), &[0], payload] {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(names: &[(&str, u8)]) -> Result<Secrets, Error> {
        let texts: Vec<_> =
            names.iter().map(|(name, byte)| format!("{name}:{}", URL_SAFE_NO_PAD.encode([*byte; 32]))).collect();
        Secrets::parse(&texts.join(", "))
    }

    #[test]
    fn a_secret_has_a_name_and_thirty_two_bytes() {
        let secret = URL_SAFE_NO_PAD.encode([7; 32]);
        assert!(Secrets::parse(&format!("a:{secret},b:{secret}\n")).is_ok());
        for text in [
            "",
            "a",
            &secret,
            &format!(":{secret}"),
            &format!("a b:{secret}"),
            &format!("a:{secret},"),
            &format!("a:{secret},a:{secret}"),
            &format!("a:{}", URL_SAFE_NO_PAD.encode([7; 31])),
        ] {
            assert!(Secrets::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_first_secret_seals_and_all_open_for_the_same_purpose() -> Result<(), Box<dyn std::error::Error>> {
        let (old, new) = (secrets(&[("a", 1)])?, secrets(&[("b", 2), ("a", 1)])?);
        let text = old.seal("one", b"payload");
        assert_eq!(new.open("one", &text)?, b"payload");
        assert_eq!(new.open("other", &text), Err(Unopened::Code));
        assert_eq!(old.open("one", &new.seal("one", b"payload")), Err(Unopened::Key));
        assert_eq!(secrets(&[("a", 3)])?.open("one", &text), Err(Unopened::Code));
        for bad in ["", "a", "a.b", "a.!.c", &format!("{text}.x"), &format!("{text}A"), &"a".repeat(5000)] {
            assert_eq!(old.open("one", bad), Err(Unopened::Format), "{bad}");
        }
        Ok(())
    }

    #[test]
    fn no_other_text_opens() -> Result<(), Box<dyn std::error::Error>> {
        let secrets = secrets(&[("a", 1)])?;
        let text = secrets.seal(PREVIEW, b"payload");
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            if let Some(byte) = bytes.get_mut(at) {
                *byte = if *byte == b'A' { b'B' } else { b'A' };
            }
            assert!(secrets.open(PREVIEW, &String::from_utf8(bytes)?).is_err(), "{at}");
        }
        Ok(())
    }

    #[test]
    fn a_word_ages_and_a_preview_ends() -> Result<(), Box<dyn std::error::Error>> {
        let secrets = secrets(&[("a", 1)])?;
        let message =
            Message { replica: 1, sequence: 300, visitor: [9; 16], bundle: 1, began: 1, dropped: 0, entries: vec![] };
        let text = secrets.seal_told(&message.encode(), b"answer", 1000).ok_or("nothing to seal")?;
        let told = Told { visitor: [9; 16], answer: b"answer".to_vec() };
        assert_eq!(secrets.open_told(&text, 1000 + DAYS * 1440 - 1), Ok(told));
        assert_eq!(secrets.open_told(&text, 1000 + DAYS * 1440), Err(Unopened::Expired));
        assert_eq!(secrets.seal_told(b"none", b"answer", 1000), None);
        assert_eq!(secrets.seal_told(&message.encode(), &[0; ANSWER + 1], 1000), None);

        let shown = [("hero".to_owned(), "water-a".to_owned())];
        let text = secrets.seal_preview(&shown, 1000);
        assert_eq!(secrets.open_preview(&text, 999), Ok(shown.to_vec()));
        assert_eq!(secrets.open_preview(&text, 1000), Err(Unopened::Expired));
        Ok(())
    }
}
