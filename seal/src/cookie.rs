//! Texts that only who knows a secret can have written: what `seal.mjs` of the package opens at an edge.
//!
//! `name.payload.code`: the secret's name, the payload and 32 bytes of HMAC-SHA-256 (RFC 2104) in base64url. The code covers purpose, name
//! and payload, each of the first two closed by a zero byte.

use crate::Error;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// A secret under a name.
pub struct Secret {
    name: String,
    mac: Hmac<Sha256>,
}

impl Secret {
    /// The first of `name:base64url` texts with commas between: the one that seals.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is none, or shorter than 32 bytes.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (name, secret) =
            text.trim().split(',').next().and_then(|pair| pair.trim().split_once(':')).ok_or(Error::Malformed)?;
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let bytes = URL_SAFE_NO_PAD.decode(secret).map_err(|_| Error::Malformed)?;
        if name.is_empty() || name.len() > 32 || !name.bytes().all(known) || bytes.len() < 32 {
            return Err(Error::Malformed);
        }
        let mac = Hmac::new_from_slice(&bytes).map_err(|_| Error::Malformed)?;
        Ok(Self { name: name.to_owned(), mac })
    }

    /// Seals `payload` for `purpose`.
    #[must_use]
    pub fn seal(&self, purpose: &str, payload: &[u8]) -> String {
        let mut mac = self.mac.clone();
        for part in [purpose.as_bytes(), &[0], self.name.as_bytes(), &[0], payload] {
            mac.update(part);
        }
        let code = mac.finalize().into_bytes();
        format!("{}.{}.{}", self.name, URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(code))
    }

    /// What `?pf_preview=` is to carry: creatives by placement, to be shown until a minute since 1970.
    #[must_use]
    pub fn preview(&self, shown: &[(String, String)], until: u32) -> String {
        let mut payload = vec![1];
        payload.extend_from_slice(&until.to_le_bytes());
        let lines: Vec<_> = shown.iter().map(|(placement, creative)| format!("{placement}={creative}")).collect();
        payload.extend_from_slice(lines.join("\n").as_bytes());
        self.seal("pf_preview", &payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_a_name_and_thirty_two_bytes() {
        let secret = URL_SAFE_NO_PAD.encode([7; 32]);
        assert!(Secret::parse(&format!("a:{secret},b:{secret}\n")).is_ok_and(|secret| secret.name == "a"));
        for text in [
            "",
            "a",
            &secret,
            &format!(":{secret}"),
            &format!("a b:{secret}"),
            &format!("a:{}", URL_SAFE_NO_PAD.encode([7; 31])),
        ] {
            assert!(Secret::parse(text).is_err(), "{text}");
        }
    }
}
