//! Who somebody says they are: identifiers, normalised and hashed on the device, so that nothing raw is kept or sent.
//!
//! [`read`] takes what a site was told and gives back digests, or says why it is no identifier. One digest does not
//! serve every partner: an e-mail address is hashed plain, folded as UID2 does and folded as Google does, a phone number
//! with and without "+". Equal forms share one digest, and its [`Forms`] tell which they are. [`Recipient`] picks the
//! form that a partner takes and encodes it; nothing is encoded before that.
//!
//! [`Identifiers`] is the bounded, mergeable memory of them, each with the permissions it came under.
//!
//! Invariant: a raw value lives as long as the call that brought it. No type here holds one, no error names one, and a
//! [`Digest`] does not print itself.
//! Absent on purpose: the visitor's pseudonym (the profile has it), IP addresses, user agents, guesses of any kind.

mod digest;
pub mod email;
mod identifiers;
pub mod opaque;
pub mod particular;
pub mod phone;
mod placeholder;
mod recipient;

pub use digest::Digest;
pub use identifiers::{Error, Identifier, Identifiers, MAX_BYTES, SHELF};
pub use recipient::Recipient;

use alloc::vec::Vec;
use core::fmt;

/// The kinds of identifier, by numbers that profiles and sync messages carry: they never change, and stay below 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Namespace {
    /// The site's own number of a customer.
    User = 1,
    /// An e-mail address.
    Email = 2,
    /// A phone number.
    Phone = 3,
    /// A number of the customer relationship system.
    Crm = 4,
    /// Apple's advertising identifier.
    Idfa = 5,
    /// Google's advertising identifier (Android).
    Gaid = 6,
    /// Click of Google Ads.
    Gclid = 7,
    /// Click of Meta.
    Fbclid = 8,
    /// Click of TikTok.
    Ttclid = 9,
    /// Click of Microsoft Advertising.
    Msclkid = 10,
    /// Click of Google's Campaign Manager and Display & Video 360.
    Dclid = 11,
    /// Unified ID 2.0: source `uidapi.com` in OpenRTB.
    Uid2 = 12,
    /// ID5: source `id5-sync.com` in OpenRTB.
    Id5 = 13,
    /// Any other partner's; the digest covers the partner's name too.
    Partner = 14,
}

/// Which normal forms of the raw value a digest is the digest of. None for identifiers that have one form only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Forms(u8);

/// What is left of an identifier once it was read: a kind and a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hashed {
    /// Namespace in the low five bits, forms in the high three. Kept as it came: a newer engine's namespace passes.
    code: u8,
    digest: Digest,
}

/// Why something is not taken as an identifier. Never says what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Something that stands where an identifier should: `null`, `anonymous`, zeroes, `test@test.com`.
    Placeholder,
    /// Not of the shape that this kind has.
    Malformed,
    /// The person has limited ad tracking, or the system gave out zeroes in place of the number.
    Limited,
    /// Longer than any identifier of this kind.
    Long,
}

/// Reads an identifier of any kind: digests of its forms, one each, fewer where forms agree.
///
/// E-mail and phone may come as a ready SHA-256 in hex or base64; a phone number must say its country (see
/// [`phone::Plan`] for the ways around). A mobile identifier counts as not limited (see [`opaque::mobile`]), and a
/// partner's is read by [`opaque::partner`], which wants its source.
///
/// # Errors
/// [`Refusal`] by its variant: nothing was read.
pub fn read(namespace: Namespace, text: &str) -> Result<Vec<Hashed>, Refusal> {
    match namespace {
        Namespace::Email => email::read(text),
        _ => read_lowered(namespace, text),
    }
}

/// As [`read`], but of an e-mail address in lower case (see [`email::read_lowered`]).
///
/// # Errors
/// As [`read`].
pub fn read_lowered(namespace: Namespace, text: &str) -> Result<Vec<Hashed>, Refusal> {
    let one = match namespace {
        Namespace::Email => return email::read_lowered(text),
        Namespace::Phone => return phone::read(text, phone::Plan::International),
        Namespace::Idfa | Namespace::Gaid => opaque::mobile(namespace, text, false)?,
        _ => opaque::read(namespace, text)?,
    };
    Ok(Vec::from([one]))
}

impl Namespace {
    const ALL: [Self; 14] = [
        Self::User,
        Self::Email,
        Self::Phone,
        Self::Crm,
        Self::Idfa,
        Self::Gaid,
        Self::Gclid,
        Self::Fbclid,
        Self::Ttclid,
        Self::Msclkid,
        Self::Dclid,
        Self::Uid2,
        Self::Id5,
        Self::Partner,
    ];

    /// The stable number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The namespace of a number, if this build knows it.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

impl Forms {
    /// A kind that has one form only.
    pub const NONE: Self = Self(0);
    /// E-mail: trimmed and in lower case.
    pub const PLAIN: Self = Self(1);
    /// E-mail: folded as UID2 does.
    pub const UID2: Self = Self(2);
    /// E-mail: folded as Google does.
    pub const GOOGLE: Self = Self(4);
    /// Phone: E.164 with "+".
    pub const PLUS: Self = Self(1);
    /// Phone: E.164 without "+".
    pub const BARE: Self = Self(2);

    /// As three bits.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Is every form of `other` among these?
    #[must_use]
    pub fn include(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Hashed {
    /// A digest of that kind.
    #[must_use]
    pub fn new(namespace: Namespace, forms: Forms, digest: Digest) -> Self {
        Self { code: namespace.number() | forms.0 << 5, digest }
    }

    /// From [`Hashed::code`] and a digest, as a message carries them. None when the code has no namespace.
    #[must_use]
    pub fn from_code(code: u8, digest: Digest) -> Option<Self> {
        (code & 31 != 0).then_some(Self { code, digest })
    }

    /// One byte: the namespace's number, and the forms in the three high bits.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.code
    }

    /// The namespace, if this build knows it.
    #[must_use]
    pub fn namespace(&self) -> Option<Namespace> {
        Namespace::of(self.code & 31)
    }

    /// The forms.
    #[must_use]
    pub fn forms(&self) -> Forms {
        Forms(self.code >> 5)
    }

    /// 64 bits that stand for the whole within one session: the digest's beginning and the code.
    #[must_use]
    pub fn mark(&self) -> u64 {
        let head = self.digest.0.first_chunk().map_or(0, |head| u64::from_le_bytes(*head));
        head ^ u64::from(self.code)
    }

    /// The digest.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl Refusal {
    /// In the order of their numbers, from 1.
    const ALL: [Self; 4] = [Self::Placeholder, Self::Malformed, Self::Limited, Self::Long];

    /// A number from 1, by which one wasm module tells it to JavaScript; not to be stored.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The refusal of a number.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Placeholder => "identity/placeholder",
            Self::Malformed => "identity/malformed",
            Self::Limited => "identity/limited",
            Self::Long => "identity/long",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Placeholder => {
                "the value stands where an identifier should, and many visitors share it; send nothing instead"
            }
            Self::Malformed => "the value does not have the shape of its kind; see docs/identity.md",
            Self::Limited => "the person has limited ad tracking",
            Self::Long => "the value is longer than an identifier of its kind may be",
        })
    }
}

impl core::error::Error for Refusal {}

/// Adds a digest, or its forms to an equal one.
fn join(read: &mut Vec<Hashed>, told: Hashed) {
    match read.iter_mut().find(|known| known.digest == told.digest) {
        Some(known) => known.code |= told.code,
        None => read.push(told),
    }
}

/// Without the space at both ends.
fn trimmed(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Unicode's white space, and the byte order mark, which JavaScript trims too.
fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_names_its_namespace_and_no_other() {
        for namespace in Namespace::ALL {
            assert_eq!(Namespace::of(namespace.number()), Some(namespace));
        }
        assert_eq!(Namespace::of(0), None);
        assert_eq!(Namespace::of(15), None);
        assert!(Namespace::ALL.iter().all(|namespace| namespace.number() < 32));
    }

    #[test]
    fn a_number_names_its_refusal() {
        assert!(Refusal::ALL.iter().all(|refusal| Refusal::of(refusal.number()) == Some(*refusal)));
        assert_eq!((Refusal::of(0), Refusal::of(5)), (None, None));
    }

    #[test]
    fn an_address_without_anything_to_fold_has_one_digest() {
        let read = email::read("Jane@example.com").unwrap();
        assert_eq!(read.len(), 1);
        assert!(read[0].forms().include(Forms::PLAIN.and(Forms::UID2).and(Forms::GOOGLE)));
    }

    #[test]
    fn a_code_comes_back_as_it_was() {
        let known = read(Namespace::Phone, "+16505611234").unwrap()[1];
        assert_eq!(Hashed::from_code(known.code(), *known.digest()), Some(known));
        assert_eq!((known.namespace(), known.forms()), (Some(Namespace::Phone), Forms::BARE));
        assert_eq!(Hashed::from_code(0b0010_0000, *known.digest()), None);
    }

    #[test]
    fn a_digest_does_not_print_itself() {
        let known = read(Namespace::User, "u-1").unwrap();
        assert_eq!(std::format!("{known:?}"), "[Hashed { code: 1, digest: Digest }]");
    }
}
