//! Signed tokens: the compact form of JSON Web Signatures (RFC 7515) with JSON claims, and no more of it than is needed.
//!
//! A token says by which algorithm it is signed; here the *key* decides that, and a token that says otherwise is refused.
//! So neither `none` nor a public key taken for a shared secret gets anywhere: there are no shared secrets.
//!
//! Absent on purpose: encryption, detached payloads, `crit`, keys within tokens (`jwk`, `jku`, `x5c` are not looked at).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::key::Key;

/// Longest token: two tokens of a few hundred bytes in one another, and room for parameters.
pub const BYTES: usize = 16 * 1024;

/// A token that was taken apart. Nothing of it is believed before [`Token::check`].
pub struct Token<'t> {
    /// What it says of its signature.
    pub header: Header,
    /// What it says.
    pub claims: Map<String, Value>,
    signed: &'t [u8],
    signature: Vec<u8>,
}

/// What a token says of its signature.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Header {
    /// Algorithm.
    pub alg: String,
    /// Which key.
    pub kid: Option<String>,
    /// Extensions that must be understood: none are.
    crit: Option<Vec<String>>,
}

/// A public key; which algorithm it is for is part of it.
#[derive(Clone, PartialEq, Eq)]
pub enum Public {
    /// A point of P-256, uncompressed: ES256.
    P256(Vec<u8>),
    /// RSA: RS256.
    Rsa {
        /// Modulus.
        n: Vec<u8>,
        /// Exponent.
        e: Vec<u8>,
    },
}

impl<'t> Token<'t> {
    /// Takes a token apart. None when it is none.
    #[must_use]
    pub fn read(text: &'t str) -> Option<Self> {
        if text.len() > BYTES {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let part = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let header: Header = serde_json::from_slice(&part(header)?).ok()?;
        let claims = serde_json::from_slice(&part(claims)?).ok()?;
        if header.crit.is_some() {
            return None;
        }
        Some(Self { header, claims, signed: signed.as_bytes(), signature: part(signature)? })
    }

    /// Is it signed by this key, in this key's way?
    #[must_use]
    pub fn check(&self, key: &Public) -> bool {
        self.header.alg == key.algorithm() && key.verify(self.signed, &self.signature)
    }

    /// A claim that is a text, and not an empty one.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str().filter(|text| !text.is_empty())
    }
}

impl Public {
    /// Reads a JWK. None when it is of another kind, or says that it is for another algorithm or use.
    #[must_use]
    pub fn read(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let key = match (text("kty")?, text("crv")) {
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes("x")?, bytes("y")?);
                if x.len() != 32 || y.len() != 32 {
                    return None;
                }
                Self::P256([&[4], x.as_slice(), &y].concat())
            }
            ("RSA", _) => Self::Rsa { n: bytes("n")?, e: bytes("e")? },
            _ => return None,
        };
        let fits = text("alg").is_none_or(|alg| alg == key.algorithm()) && text("use").is_none_or(|what| what == "sig");
        fits.then_some(key)
    }

    /// What a token signed with it says as `alg`.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::P256(_) => "ES256",
            Self::Rsa { .. } => "RS256",
        }
    }

    fn verify(&self, signed: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature),
            Self::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
            }
        }
        .is_ok()
    }
}

/// Signs claims.
///
/// # Errors
/// When the system has no randomness to give.
pub fn sign(key: &Key, claims: &Value) -> anyhow::Result<String> {
    let header = json!({ "alg": "ES256", "kid": key.id(), "typ": "JWT" });
    let signed =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = key.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7515, appendix A.3: a token signed as ES256, and its key.
    #[test]
    fn the_example_of_the_standard_holds() {
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                     DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let key = Public::read(&json!({
            "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        }))
        .unwrap();
        let read = Token::read(token).unwrap();
        assert!(read.check(&key));
        assert_eq!(read.text("iss"), Some("joe"));
        let other = token.replace("DtEhU", "DtEhV");
        assert!(!Token::read(&other).unwrap().check(&key));
    }

    #[test]
    fn the_key_says_which_algorithm_it_is_for() {
        let folder = tempfile::tempdir().unwrap();
        let keys = crate::rights::key::Keys::open(folder.path()).unwrap();
        let key = Public::read(&keys.current().jwk()).unwrap();
        let token = sign(keys.current(), &json!({ "iss": "a" })).unwrap();
        assert!(Token::read(&token).unwrap().check(&key));
        let (_, rest) = token.split_once('.').unwrap();
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS256"}"#, r#"{"alg":"RS256"}"#, r#"{"alg":"es256"}"#] {
            let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
            assert!(!Token::read(&forged).unwrap().check(&key), "{header}");
        }
        assert!(
            Token::read(&format!("{}.{rest}", URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","crit":["b64"]}"#))).is_none()
        );
        assert!(Public::read(&json!({ "kty": "oct", "k": "AAAA" })).is_none());
    }

    #[test]
    fn what_is_no_token_is_none() {
        let long = "a".repeat(BYTES + 1);
        for text in ["", "..", "a.b", "a.b.c", "e30.e30.", long.as_str()] {
            assert!(Token::read(text).is_none(), "{text}");
        }
    }
}
