//! The TC string of IAB Europe's Transparency and Consent Framework, version 2 (policies 2.0 to 2.3).
//!
//! A string is a core segment and up to three others, each base64url, joined by dots: disclosed vendors (1, which 2.3
//! asks of every string), allowed vendors (2, out of use) and the publisher's own purposes (3). Canada's section of the
//! GPP has the same build with a few fields less and Fibonacci-coded ranges.
//!
//! [`Consent::decode`] reads the structure; [`Consent::parse`] also asks whether a registered platform wrote it, and is
//! what permissions are taken from. Version 1 is refused by both: it has been out of use since August 2020.
//!
//! Absent on purpose: what a vendor declared in the Global Vendor List. A site that needs more than its own vendor id
//! asks its consent platform.

use super::bits::{Bits, cut};
use super::vendors::{Shape, Vendors};
use super::{Error, MAX_TEXT};
use crate::time::Timestamp;

/// A TC string, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consent<'a> {
    /// Encoding version: 2, or 1 of Canada's section.
    pub version: u8,
    /// When the visitor was first asked.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// Id of the consent platform.
    pub platform: u16,
    /// Version of the consent platform.
    pub platform_version: u16,
    /// The screen on which consent was given.
    pub screen: u8,
    /// Language of the dialogue, two letters.
    pub language: [u8; 2],
    /// Version of the Global Vendor List.
    pub vendor_list: u16,
    /// Version of the policies.
    pub policy: u8,
    /// Whether it is for this site alone.
    pub service_specific: bool,
    /// Whether the publisher worded the dialogue on its own.
    pub own_texts: bool,
    /// Special features that the visitor opted into.
    pub special_features: Set,
    /// Purposes consented to; express consent in Canada's section.
    pub consents: Set,
    /// Purposes for which a legitimate interest was disclosed and not objected to; implied consent in Canada's section.
    pub interests: Set,
    /// Whether purpose 1 was not asked, as the publisher's country did not need it.
    pub purpose_one_treatment: bool,
    /// Country of the publisher, two letters; `AA` if unknown.
    pub country: [u8; 2],
    /// Vendors consented to.
    pub vendors: Vendors<'a>,
    /// Vendors whose legitimate interest was disclosed and not objected to.
    pub vendor_interests: Vendors<'a>,
    /// What the publisher forbids vendors.
    pub restrictions: Restrictions<'a>,
    /// Vendors that the visitor was told of, if the string says so.
    pub disclosed: Option<Vendors<'a>>,
    /// Vendors allowed out of band, if the string says so.
    pub allowed: Option<Vendors<'a>>,
    /// The publisher's own purposes, if the string has them.
    pub publisher: Option<Publisher>,
}

/// What the visitor permits the publisher itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publisher {
    /// Purposes consented to.
    pub consents: Set,
    /// Purposes of legitimate interest.
    pub interests: Set,
    /// How many purposes of its own the publisher has, at most 63.
    pub custom: u8,
    /// Which of those are consented to.
    pub custom_consents: Set,
    /// Which of those are of legitimate interest.
    pub custom_interests: Set,
}

/// Small numbers from 1 to 63: purposes, special features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Set(u64);

impl Set {
    /// Whether a number is in it.
    #[must_use]
    pub fn contains(self, number: u8) -> bool {
        self.0.checked_shr(number.into()).unwrap_or(0) & 1 != 0
    }

    /// Number `n` as bit `n`.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }

    #[inline(never)]
    fn read(bits: &mut Bits<'_>, width: u32) -> Self {
        // 1 is the highest bit in the string, and bit 1 here.
        Self(bits.take(width).reverse_bits().checked_shr(64 - width).unwrap_or(0) << 1)
    }
}

/// What the publisher forbids: for each purpose, a kind and the vendors it binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restrictions<'a> {
    bits: Bits<'a>,
    shape: Shape,
    left: u16,
}

/// One restriction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restriction<'a> {
    /// The purpose.
    pub purpose: u8,
    /// What is asked.
    pub kind: Kind,
    /// Whom it binds.
    pub vendors: Vendors<'a>,
}

/// What a restriction asks. The numbers are those of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The purpose is forbidden.
    Forbidden = 0,
    /// The purpose needs consent.
    Consent = 1,
    /// The purpose needs a legitimate interest.
    Interest = 2,
}

impl<'a> Consent<'a> {
    /// Reads a string that permissions may be taken from.
    ///
    /// # Errors
    /// As [`Consent::decode`], and [`Error::TcfPlatform`] where the id of the platform is 0 or 1: encoders start with 0
    /// when nobody sets it, test tools use 1, and neither has ever been given to a registered platform.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        Self::decode(text)?.registered()
    }

    /// Reads the structure of a string, whoever wrote it.
    ///
    /// # Errors
    /// [`Error::TcfAlphabet`], [`Error::TcfTruncated`], [`Error::TcfVersion`], [`Error::TcfSegment`],
    /// [`Error::TcfCountry`], [`Error::Long`]: nothing of it is to be believed.
    pub fn decode(text: &'a str) -> Result<Self, Error> {
        Self::europe(text.as_bytes())
    }

    /// Reads Canada's section of a GPP string. Its specification has Fibonacci-coded ranges, encoders before 2025 wrote
    /// fixed ones: what does not read as the first is read as the second.
    ///
    /// # Errors
    /// As [`Consent::decode`].
    pub fn decode_canada(text: &'a str) -> Result<Self, Error> {
        Self::canada(text.as_bytes())
    }

    pub(super) fn europe(text: &'a [u8]) -> Result<Self, Error> {
        Self::read(text, 2, Shape::Fixed)
    }

    pub(super) fn canada(text: &'a [u8]) -> Result<Self, Error> {
        Self::read(text, 1, Shape::Fibonacci).or_else(|_| Self::read(text, 1, Shape::Fixed))
    }

    pub(super) fn registered(self) -> Result<Self, Error> {
        if self.platform < 2 { Err(Error::TcfPlatform) } else { Ok(self) }
    }

    #[inline(never)]
    fn read(text: &'a [u8], version: u8, ranges: Shape) -> Result<Self, Error> {
        if text.len() > MAX_TEXT {
            return Err(Error::Long);
        }
        let mut consent: Option<Self> = None;
        let mut rest = Some(text);
        while let Some(text) = rest {
            let (segment, others) = cut(text, b'.');
            rest = others;
            let mut bits = Bits::new(segment).ok_or(Error::TcfAlphabet)?;
            match &mut consent {
                None => {
                    let core = consent.insert(core_segment(&mut bits, version, ranges));
                    if core.version != version {
                        return Err(Error::TcfVersion);
                    }
                    if !core.country.iter().all(u8::is_ascii_uppercase) {
                        return Err(Error::TcfCountry);
                    }
                }
                Some(consent) => match bits.take(3) {
                    1 => consent.disclosed = Some(Vendors::read(&mut bits, ranges)),
                    2 => consent.allowed = Some(Vendors::read(&mut bits, ranges)),
                    3 => consent.publisher = Some(publisher_segment(&mut bits)),
                    _ => return Err(Error::TcfSegment),
                },
            }
            if !bits.whole() {
                return Err(Error::TcfTruncated);
            }
        }
        consent.ok_or(Error::TcfTruncated)
    }
}

fn core_segment<'a>(bits: &mut Bits<'a>, version: u8, ranges: Shape) -> Consent<'a> {
    let europe = version == 2;
    Consent {
        version: bits.take(6) as u8,
        created: Timestamp(bits.take(36) * 100),
        updated: Timestamp(bits.take(36) * 100),
        platform: bits.take(12) as u16,
        platform_version: bits.take(12) as u16,
        screen: bits.take(6) as u8,
        language: letters(bits),
        vendor_list: bits.take(12) as u16,
        policy: bits.take(6) as u8,
        service_specific: !europe || bits.flag(),
        own_texts: bits.flag(),
        special_features: Set::read(bits, 12),
        consents: Set::read(bits, 24),
        interests: Set::read(bits, 24),
        purpose_one_treatment: europe && bits.flag(),
        country: if europe { letters(bits) } else { *b"AA" },
        vendors: Vendors::read(bits, ranges),
        vendor_interests: Vendors::read(bits, ranges),
        restrictions: Restrictions::read(bits, ranges),
        disclosed: None,
        allowed: None,
        publisher: None,
    }
}

fn publisher_segment(bits: &mut Bits<'_>) -> Publisher {
    let consents = Set::read(bits, 24);
    let interests = Set::read(bits, 24);
    let custom = bits.take(6) as u8;
    let custom_consents = Set::read(bits, custom.into());
    let custom_interests = Set::read(bits, custom.into());
    Publisher { consents, interests, custom, custom_consents, custom_interests }
}

impl<'a> Restrictions<'a> {
    fn read(bits: &mut Bits<'a>, shape: Shape) -> Self {
        let left = bits.take(12) as u16;
        let restrictions = Self { bits: *bits, shape, left };
        let mut walk = restrictions;
        while walk.next().is_some() {}
        *bits = walk.bits;
        restrictions
    }
}

impl<'a> Iterator for Restrictions<'a> {
    type Item = Restriction<'a>;

    #[inline(never)]
    fn next(&mut self) -> Option<Restriction<'a>> {
        let bits = &mut self.bits;
        if self.left == 0 || !bits.whole() {
            return None;
        }
        self.left -= 1;
        let purpose = bits.take(6) as u8;
        let kind = match bits.take(2) {
            0 => Kind::Forbidden,
            1 => Kind::Consent,
            2 => Kind::Interest,
            _ => {
                bits.spoil();
                return None;
            }
        };
        let vendors = match self.shape {
            Shape::Fibonacci => Vendors::read(bits, self.shape),
            _ => Vendors::entries(bits, self.shape),
        };
        if purpose == 0 {
            bits.spoil();
        }
        Some(Restriction { purpose, kind, vendors })
    }
}

/// Two letters of six bits, `A` is 0. Some platforms write lower case, which is 32 more.
fn letters(bits: &mut Bits<'_>) -> [u8; 2] {
    [bits.take(6), bits.take(6)].map(|letter| (letter as u8 + b'A').to_ascii_uppercase())
}
