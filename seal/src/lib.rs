//! Who made a bundle: an author signs it, a runtime pins the author's public key and uses nothing else.
//!
//! ECDSA over P-256 with SHA-256 (FIPS 186-5), signatures as IEEE P1363 has them (r, then s, 32 bytes each), because that is what
//! WebCrypto verifies in every browser, Worker and Node. The layout is in `docs/formats/bundle.md`: a signed bundle is one with a last
//! section more, which an engine that does not look for it skips.
//!
//! Beside it, what only an edge and its owner can write: [`Secrets`].
//!
//! Absent: files, clocks, networks. Reading and keeping keys is the caller's.

mod cookie;

pub use cookie::{ANSWER, PREVIEW, Secrets, TOLD, Told, Unopened};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::{
    SecretKey,
    ecdsa::{
        Signature, SigningKey, VerifyingKey,
        signature::{Signer as _, Verifier as _},
    },
    elliptic_curve::rand_core::OsRng,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding},
};
use petitfour::bundle::{self, ENTRY, HEADER, MAX_BYTES, MAX_SECTIONS};
use sha2::{Digest as _, Sha256};

/// The kind of the section that holds the signature.
pub const SECTION: [u8; 4] = *b"SIGN";
/// Bytes of a signature.
pub const SIGNATURE: usize = 64;

/// Where the hash of the envelope stands: it covers the signature, so the signature cannot cover it.
const HASH: std::ops::Range<usize> = 24..32;
/// Where the key's id stands.
const KEY_ID: std::ops::Range<usize> = 32..40;

/// Why a bundle is not believed, or a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The bytes are no bundle.
    Bundle(bundle::Error),
    /// Nobody signed it.
    Unsigned,
    /// Signed with a key that is not among those given.
    Key,
    /// Changed since it was signed.
    Signature,
    /// Older than what was used before.
    Version,
    /// Not a key of the kind that is asked for.
    Malformed,
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Bundle(error) => error.code(),
            Self::Unsigned => "bundle/unsigned",
            Self::Key => "bundle/key",
            Self::Signature => "bundle/signature",
            Self::Version => "bundle/version",
            Self::Malformed => "key/malformed",
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bundle(error) => error.fmt(f),
            Self::Unsigned => f.write_str("the bundle is not signed, or cut off; sign it with `petitfour sign`, or fetch it again"),
            Self::Key => f.write_str("the bundle is signed with another key than those that are trusted here"),
            Self::Signature => f.write_str("the bundle was changed after it was signed; fetch it again from its author"),
            Self::Version => f.write_str("the bundle is older than the one in use, or than the lowest version that is taken; raise `version:` to bring back what it says"),
            Self::Malformed => f.write_str(
                "not a key: a private one is a PEM file of PKCS#8 and a public one 87 characters, as `petitfour keys` writes them; a secret is `name:` and 32 bytes or more in base64url",
            ),
        }
    }
}

impl std::error::Error for Error {}

/// An author's private key.
pub struct Author(SigningKey);

impl Author {
    /// A new one, from the system's entropy.
    #[must_use]
    pub fn random() -> Self {
        Self(SigningKey::random(&mut OsRng))
    }

    /// Reads a PEM file of PKCS#8.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(pem: &str) -> Result<Self, Error> {
        SecretKey::from_pkcs8_pem(pem).map(|key| Self(key.into())).map_err(|_| Error::Malformed)
    }

    /// The key as a PEM file of PKCS#8, for its owner alone.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it cannot be written down, which no key of ours meets.
    pub fn pem(&self) -> Result<String, Error> {
        let pem = SecretKey::from(&self.0).to_pkcs8_pem(LineEnding::LF);
        pem.map(|text| text.to_string()).map_err(|_| Error::Malformed)
    }

    /// What others pin.
    #[must_use]
    pub fn public(&self) -> Public {
        Public(*self.0.verifying_key())
    }
}

/// An author's public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Public(VerifyingKey);

impl Public {
    /// Reads the 65 bytes of an uncompressed point, in base64url without padding: 87 characters.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let point = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| Error::Malformed)?;
        VerifyingKey::from_sec1_bytes(&point).map(Self).map_err(|_| Error::Malformed)
    }

    fn point(&self) -> Vec<u8> {
        self.0.to_encoded_point(false).as_bytes().to_vec()
    }

    /// As [`Public::parse`] reads it.
    #[must_use]
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.point())
    }

    /// By what a bundle names its key: the first eight bytes of the point's SHA-256, as they stand in the file.
    #[must_use]
    pub fn id(&self) -> [u8; 8] {
        Sha256::digest(self.point()).first_chunk().copied().unwrap_or_default()
    }
}

/// What a bundle that verified says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The author's version.
    pub version: u64,
    /// Whose signature it carries.
    pub key: Public,
}

/// Signs a bundle; a signature that it has already is replaced.
///
/// # Errors
/// [`Error::Bundle`] when it is none, or has no room for one section more.
pub fn sign(bytes: &[u8], author: &Author) -> Result<Vec<u8>, Error> {
    bundle::open(bytes.to_vec()).map_err(Error::Bundle)?;
    let mut out = match signed_part(bytes) {
        Some(part) => part.to_vec(),
        None => with_section(bytes)?,
    };
    put(&mut out, HASH.start, &[0; 8]);
    put(&mut out, KEY_ID.start, &author.public().id());
    let signature: Signature = author.0.sign(&out);
    out.extend_from_slice(&signature.to_bytes());
    let hash = bundle::seal(&out);
    put(&mut out, HASH.start, &hash.to_le_bytes());
    Ok(out)
}

/// An unsigned bundle with a directory entry more, up to where its signature is to stand. Everything after the directory moves.
fn with_section(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let layout = Error::Bundle(bundle::Error::Layout);
    let count = u16_at(bytes, 6).filter(|count| *count < MAX_SECTIONS).ok_or(layout)?;
    let (head, body) = bytes.split_at_checked(HEADER + ENTRY * usize::from(count)).ok_or(layout)?;
    let (header, entries) = head.split_at(HEADER);
    let start = (bytes.len() + ENTRY).next_multiple_of(8);
    if start + SIGNATURE > MAX_BYTES {
        return Err(Error::Bundle(bundle::Error::Size));
    }
    let mut out = header.to_vec();
    for entry in entries.as_chunks::<ENTRY>().0 {
        let moved = u32_at(entry, 4).ok_or(layout)? + ENTRY as u32;
        out.extend_from_slice(&entry[..4]);
        out.extend_from_slice(&moved.to_le_bytes());
        out.extend_from_slice(&entry[8..]);
    }
    out.extend_from_slice(&SECTION);
    for number in [start, SIGNATURE, SIGNATURE] {
        out.extend_from_slice(&(number as u32).to_le_bytes());
    }
    out.extend_from_slice(body);
    out.resize(start, 0);
    put(&mut out, 6, &(count + 1).to_le_bytes());
    put(&mut out, 8, &((start + SIGNATURE) as u32).to_le_bytes());
    Ok(out)
}

/// Believes a bundle that one of `keys` signed, and whose version is `minimum` at least.
///
/// # Errors
/// See [`Error`].
pub fn verify(bytes: &[u8], keys: &[Public], minimum: u64) -> Result<Verified, Error> {
    if !bytes.starts_with(&bundle::MAGIC) {
        return Err(Error::Bundle(bundle::Error::Foreign));
    }
    let part = signed_part(bytes).ok_or(Error::Unsigned)?;
    let id = bytes.get(KEY_ID).ok_or(Error::Unsigned)?;
    let key = keys.iter().find(|key| key.id() == id).ok_or(Error::Key)?;
    let signature =
        bytes.get(part.len()..).and_then(|bytes| Signature::from_slice(bytes).ok()).ok_or(Error::Signature)?;
    let mut message = part.to_vec();
    put(&mut message, HASH.start, &[0; 8]);
    key.0.verify(&message, &signature).map_err(|_| Error::Signature)?;
    let version = bytes.get(16..24).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes));
    if version < minimum {
        return Err(Error::Version);
    }
    Ok(Verified { version, key: *key })
}

/// The file up to its signature, which is its last section and its end.
fn signed_part(bytes: &[u8]) -> Option<&[u8]> {
    let count = usize::from(u16_at(bytes, 6)?);
    let last = bytes.get(HEADER + ENTRY * count.checked_sub(1)?..)?.get(..ENTRY)?;
    let (start, length) = (u32_at(last, 4)? as usize, u32_at(last, 8)? as usize);
    let ends = start.checked_add(length)? == bytes.len() && length == SIGNATURE;
    if last.starts_with(&SECTION) && ends { bytes.get(..start) } else { None }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(room) = bytes.get_mut(at..at + value.len()) {
        room.copy_from_slice(value);
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}
