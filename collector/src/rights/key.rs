//! Keys by which our acknowledgements and proofs are signed: ES256, made at the first start, kept in the data folder.
//!
//! `rights-key.pem` signs. To change it, rename it `rights-key-previous.pem` and start again: a new one is made, and the
//! old one is still published, so that what it signed can still be checked.
//!
//! Invariant: the file is readable for its owner alone from its first byte on. A key does not print itself.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use anyhow::{Context as _, anyhow, bail};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use petitfour::identity::Digest;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

/// The key that signs.
pub const CURRENT: &str = "rights-key.pem";

/// The one that signed before.
pub const PREVIOUS: &str = "rights-key-previous.pem";

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// A key pair.
pub struct Key {
    id: String,
    pair: EcdsaKeyPair,
}

/// The key that signs, and the one before it.
pub struct Keys {
    current: Key,
    previous: Option<Key>,
}

impl Keys {
    /// Reads the keys of a data folder, and makes one when there is none.
    ///
    /// # Errors
    /// When a file cannot be read or written, is no key, or others may read it.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(CURRENT);
        if !path.exists() {
            make(folder).with_context(|| format!("cannot make the key {}", path.display()))?;
        }
        let before = folder.join(PREVIOUS);
        let previous = before.exists().then(|| Key::open(&before)).transpose()?;
        Ok(Self { current: Key::open(&path)?, previous })
    }

    /// The key that signs.
    #[must_use]
    pub fn current(&self) -> &Key {
        &self.current
    }

    /// The public keys, as a list of JWK (RFC 7517).
    #[must_use]
    pub fn public(&self) -> Vec<Value> {
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten().map(Key::jwk).collect()
    }
}

impl Key {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let told = || format!("the key {}", path.display());
        let mode = fs::metadata(path).with_context(told)?.permissions().mode();
        if mode & 0o077 != 0 {
            bail!("{} may be read by others: chmod 600 it, and change it if anybody did", told());
        }
        let text = fs::read_to_string(path).with_context(told)?;
        let body = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
        let encoded: String = body.unwrap_or_default().split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(encoded).ok().filter(|bytes| !bytes.is_empty());
        let bytes = bytes.with_context(|| format!("{} is no PKCS #8 in PEM", told()))?;
        Self::read(&bytes).map_err(|_| anyhow!("{} is no key of P-256 in PKCS #8", told()))
    }

    fn read(bytes: &[u8]) -> Result<Self, ring::error::KeyRejected> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes, &SystemRandom::new())?;
        let (x, y) = coordinates(&pair);
        // RFC 7638: the members that make the key, in order, without space.
        let print = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        Ok(Self { id: URL_SAFE_NO_PAD.encode(Digest::of(print).0), pair })
    }

    /// What it is called: its thumbprint (RFC 7638).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half as JWK.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let (x, y) = coordinates(&self.pair);
        json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.id, "x": x, "y": y })
    }

    /// Signs as ES256 does: 32 bytes r, 32 bytes s.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let signed = self.pair.sign(&SystemRandom::new(), message);
        Ok(signed.map_err(|_| anyhow!("the system gave no randomness for a signature"))?.as_ref().to_vec())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// The two halves of the public point: after a 4, which says "uncompressed", 32 bytes each.
fn coordinates(pair: &EcdsaKeyPair) -> (String, String) {
    let point = pair.public_key().as_ref();
    let half = |range| URL_SAFE_NO_PAD.encode(point.get(range).unwrap_or_default());
    (half(1..33), half(33..65))
}

fn make(folder: &Path) -> anyhow::Result<()> {
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    let bytes = made.map_err(|_| anyhow!("the system gave no randomness"))?;
    let encoded = STANDARD.encode(bytes.as_ref());
    let mut text = format!("{BEGIN}\n");
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str(END);
    text.push('\n');
    put(folder, &text)?;
    Ok(())
}

fn put(folder: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let half = folder.join(format!(".{CURRENT}.half"));
    fs::remove_file(&half)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&half, folder.join(CURRENT))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_by_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let id = Keys::open(folder.path()).unwrap().current().id().to_owned();
        assert_eq!(Keys::open(folder.path()).unwrap().current().id(), id);
        let path = folder.path().join(CURRENT);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Keys::open(folder.path()).is_err());
    }

    #[test]
    fn a_key_that_was_put_aside_is_still_published() {
        let folder = tempfile::tempdir().unwrap();
        let old = Keys::open(folder.path()).unwrap().current().id().to_owned();
        fs::rename(folder.path().join(CURRENT), folder.path().join(PREVIOUS)).unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        assert_ne!(keys.current().id(), old);
        let ids: Vec<_> = keys.public().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids, [keys.current().id().to_owned(), old]);
    }
}
