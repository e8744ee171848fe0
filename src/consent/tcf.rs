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

use super::bits::Bits;
use super::vendors::{Flaw, Shape, Vendors};
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

    fn read(bits: &mut Bits<'_>, width: usize) -> Option<Self> {
        let value = bits.take(width)?;
        // 1 is the highest bit in the string, and bit 1 here.
        Some(Self(value.reverse_bits().checked_shr(64 - width as u32).unwrap_or(0) << 1))
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
    /// [`Error::TcfRange`], [`Error::TcfRestriction`], [`Error::TcfCountry`], [`Error::Long`]: nothing of it is to be believed.
    pub fn decode(text: &'a str) -> Result<Self, Error> {
        Self::read(text, 2, Shape::Fixed)
    }

    /// Reads Canada's section of a GPP string. Its specification has Fibonacci-coded ranges, encoders before 2025 wrote
    /// fixed ones: what does not read as the first is read as the second.
    ///
    /// # Errors
    /// As [`Consent::decode`].
    pub fn decode_canada(text: &'a str) -> Result<Self, Error> {
        Self::read(text, 1, Shape::Fibonacci).or_else(|_| Self::read(text, 1, Shape::Fixed))
    }

    pub(super) fn registered(self) -> Result<Self, Error> {
        if self.platform < 2 { Err(Error::TcfPlatform) } else { Ok(self) }
    }

    fn read(text: &'a str, version: u8, ranges: Shape) -> Result<Self, Error> {
        if text.len() > MAX_TEXT {
            return Err(Error::Long);
        }
        let mut segments = text.split('.').map(|segment| Bits::new(segment).ok_or(Error::TcfAlphabet));
        let mut core = segments.next().unwrap_or(Err(Error::TcfTruncated))?;
        let mut consent = core_segment(&mut core, version, ranges)?;
        for segment in segments {
            let mut bits = segment?;
            match number(&mut bits, 3)? {
                1 => consent.disclosed = Some(Vendors::read(&mut bits, ranges)?),
                2 => consent.allowed = Some(Vendors::read(&mut bits, ranges)?),
                3 => consent.publisher = Some(publisher_segment(&mut bits).ok_or(Error::TcfTruncated)?),
                _ => return Err(Error::TcfSegment),
            }
        }
        Ok(consent)
    }
}

fn core_segment<'a>(bits: &mut Bits<'a>, version: u8, ranges: Shape) -> Result<Consent<'a>, Error> {
    if number(bits, 6)? != u64::from(version) {
        return Err(Error::TcfVersion);
    }
    let europe = version == 2;
    let consent = Consent {
        version,
        created: Timestamp(number(bits, 36)? * 100),
        updated: Timestamp(number(bits, 36)? * 100),
        platform: number(bits, 12)? as u16,
        platform_version: number(bits, 12)? as u16,
        screen: number(bits, 6)? as u8,
        language: letters(bits)?,
        vendor_list: number(bits, 12)? as u16,
        policy: number(bits, 6)? as u8,
        service_specific: !europe || number(bits, 1)? != 0,
        own_texts: number(bits, 1)? != 0,
        special_features: set(bits, 12)?,
        consents: set(bits, 24)?,
        interests: set(bits, 24)?,
        purpose_one_treatment: europe && number(bits, 1)? != 0,
        country: if europe { letters(bits)? } else { *b"AA" },
        vendors: Vendors::read(bits, ranges)?,
        vendor_interests: Vendors::read(bits, ranges)?,
        restrictions: Restrictions::read(bits, ranges)?,
        disclosed: None,
        allowed: None,
        publisher: None,
    };
    if consent.country.iter().all(u8::is_ascii_uppercase) { Ok(consent) } else { Err(Error::TcfCountry) }
}

fn publisher_segment(bits: &mut Bits<'_>) -> Option<Publisher> {
    let consents = Set::read(bits, 24)?;
    let interests = Set::read(bits, 24)?;
    let custom = bits.take(6)? as usize;
    let custom_consents = Set::read(bits, custom)?;
    let custom_interests = Set::read(bits, custom)?;
    Some(Publisher { consents, interests, custom: custom as u8, custom_consents, custom_interests })
}

impl<'a> Restrictions<'a> {
    fn read(bits: &mut Bits<'a>, shape: Shape) -> Result<Self, Error> {
        let left = number(bits, 12)? as u16;
        let restrictions = Self { bits: *bits, shape, left };
        let mut walk = restrictions;
        for _ in 0..left {
            walk.step()?;
        }
        *bits = walk.bits;
        Ok(restrictions)
    }

    fn step(&mut self) -> Result<Restriction<'a>, Error> {
        let bits = &mut self.bits;
        let purpose = number(bits, 6)? as u8;
        let kind = match number(bits, 2)? {
            0 if purpose > 0 => Kind::Forbidden,
            1 if purpose > 0 => Kind::Consent,
            2 if purpose > 0 => Kind::Interest,
            _ => return Err(Error::TcfRestriction),
        };
        let vendors = match self.shape {
            Shape::Fibonacci => Vendors::read(bits, self.shape)?,
            _ => Vendors::entries(bits, self.shape)?,
        };
        Ok(Restriction { purpose, kind, vendors })
    }
}

impl<'a> Iterator for Restrictions<'a> {
    type Item = Restriction<'a>;

    fn next(&mut self) -> Option<Restriction<'a>> {
        self.left = self.left.checked_sub(1)?;
        self.step().ok()
    }
}

fn number(bits: &mut Bits<'_>, width: usize) -> Result<u64, Error> {
    bits.take(width).ok_or(Error::TcfTruncated)
}

fn set(bits: &mut Bits<'_>, width: usize) -> Result<Set, Error> {
    Set::read(bits, width).ok_or(Error::TcfTruncated)
}

/// Two letters of six bits, `A` is 0. Some platforms write lower case, which is 32 more.
fn letters(bits: &mut Bits<'_>) -> Result<[u8; 2], Error> {
    let first = number(bits, 6)? as u8;
    let second = number(bits, 6)? as u8;
    Ok([first, second].map(|letter| (letter + b'A').to_ascii_uppercase()))
}

impl From<Flaw> for Error {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Truncated => Self::TcfTruncated,
            Flaw::Backwards => Self::TcfRange,
        }
    }
}
