//! The sections of US law in a GPP string: national and twenty states, all built from the same two-bit fields.
//!
//! A section is a version and then those of [`Field`] that its law knows, always in that order; sensitive data and
//! children take several values. So a layout is a set of fields and two counts, and one `u32` holds it.
//!
//! Absent on purpose: whether a field is plausible. The two-bit value 3 is reserved; [`OptOuts`] takes it as opted out.

use super::Error;
use super::bits::{Bits, cut};

/// A field of a section, in the order of the string. Notices: 1 given, 2 not given. Choices: 1 opted out or no consent, 2
/// not opted out or consent. 0 does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the specifications")]
pub enum Field {
    /// [`Field::MspaCoveredTransaction`] where the newer sections have it: in front.
    MspaCoveredFirst,
    MspaMode,
    SharingNotice,
    ProcessingNotice,
    SaleOptOutNotice,
    SharingOptOutNotice,
    TargetedAdvertisingOptOutNotice,
    SensitiveDataProcessingOptOutNotice,
    SensitiveDataLimitUseNotice,
    SaleOptOut,
    SharingOptOut,
    TargetedAdvertisingOptOut,
    SensitiveDataProcessing,
    KnownChildSensitiveDataConsents,
    PersonalDataConsents,
    AdditionalDataProcessingConsent,
    MspaCoveredTransaction,
    MspaOptOutOptionMode,
    MspaServiceProviderMode,
}

use Field::{
    AdditionalDataProcessingConsent, KnownChildSensitiveDataConsents, MspaCoveredFirst, MspaCoveredTransaction,
    MspaMode, MspaOptOutOptionMode, MspaServiceProviderMode, PersonalDataConsents, ProcessingNotice, SaleOptOut,
    SaleOptOutNotice, SensitiveDataLimitUseNotice, SensitiveDataProcessing, SensitiveDataProcessingOptOutNotice,
    SharingNotice, SharingOptOut, SharingOptOutNotice, TargetedAdvertisingOptOut, TargetedAdvertisingOptOutNotice,
};

/// A section, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section<'a> {
    id: u8,
    version: u8,
    layout: u32,
    bits: Bits<'a>,
    sensitive: Option<Bits<'a>>,
    gpc: Option<bool>,
}

/// What the visitor refused, or was not offered to refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OptOuts {
    /// Sale of personal data.
    pub sale: bool,
    /// Sharing for cross-context advertising (California's word).
    pub sharing: bool,
    /// Targeted advertising.
    pub targeted: bool,
    /// A known child without consent.
    pub child: bool,
    /// Global Privacy Control was on.
    pub gpc: bool,
}

/// The national section.
const NATIONAL: u8 = 7;
/// Indiana, the first of those whose second segment has sensitive data and no privacy control.
const INDIANA: u8 = 25;

const CHOICES: u32 = set(&[SaleOptOutNotice, TargetedAdvertisingOptOutNotice, SaleOptOut, TargetedAdvertisingOptOut]);
const LISTS: u32 = set(&[SensitiveDataProcessing, KnownChildSensitiveDataConsents]);
const MSPA: u32 = set(&[MspaCoveredTransaction, MspaOptOutOptionMode, MspaServiceProviderMode]);
const SHARING: u32 = CHOICES | LISTS | MSPA | set(&[SharingNotice]);
const PROCESSING: u32 = CHOICES | LISTS | MSPA | set(&[ProcessingNotice]);
const ADDITIONAL: u32 = set(&[AdditionalDataProcessingConsent]);
const SENSITIVE_NOTICE: u32 = set(&[SensitiveDataProcessingOptOutNotice]);
const NEWER: u32 = CHOICES | ADDITIONAL | set(&[MspaCoveredFirst, MspaMode, ProcessingNotice]);
const CHILD: u32 = set(&[KnownChildSensitiveDataConsents]);

/// Layouts of the sections 7 to 27.
const LAYOUTS: [u32; 21] = [
    NATIONAL_FIELDS | counts(16, 3),
    CALIFORNIA_FIELDS | counts(9, 2),
    SHARING | counts(8, 1),                       // Virginia
    SHARING | counts(7, 1),                       // Colorado
    SHARING | SENSITIVE_NOTICE | counts(8, 1),    // Utah
    SHARING | counts(8, 3),                       // Connecticut
    PROCESSING | ADDITIONAL | counts(8, 3),       // Florida
    SHARING | ADDITIONAL | counts(8, 3),          // Montana
    PROCESSING | ADDITIONAL | counts(11, 3),      // Oregon
    PROCESSING | ADDITIONAL | counts(8, 1),       // Texas
    PROCESSING | ADDITIONAL | counts(9, 5),       // Delaware
    PROCESSING | SENSITIVE_NOTICE | counts(8, 1), // Iowa
    PROCESSING | ADDITIONAL | counts(8, 1),       // Nebraska
    PROCESSING | ADDITIONAL | counts(8, 3),       // New Hampshire
    PROCESSING | ADDITIONAL | counts(10, 5),      // New Jersey
    PROCESSING | ADDITIONAL | counts(8, 1),       // Tennessee
    PROCESSING | ADDITIONAL | counts(8, 1),       // Minnesota
    NEWER,                                        // Maryland
    NEWER | CHILD | counts(0, 1),                 // Indiana
    NEWER | CHILD | counts(0, 1),                 // Kentucky
    NEWER | CHILD | counts(0, 1),                 // Rhode Island
];
const NATIONAL_FIELDS: u32 = SHARING
    | SENSITIVE_NOTICE
    | set(&[SharingOptOutNotice, SensitiveDataLimitUseNotice, SharingOptOut, PersonalDataConsents]);
const CALIFORNIA_FIELDS: u32 = LISTS
    | MSPA
    | set(&[
        SaleOptOutNotice,
        SharingOptOutNotice,
        SensitiveDataLimitUseNotice,
        SaleOptOut,
        SharingOptOut,
        PersonalDataConsents,
    ]);

impl<'a> Section<'a> {
    /// Reads section `id` of a GPP string.
    ///
    /// # Errors
    /// [`Error::GppVersion`] where the section or its version is not known, [`Error::GppAlphabet`],
    /// [`Error::GppTruncated`].
    pub fn decode(id: u8, text: &'a str) -> Result<Self, Error> {
        Self::read(id, text.as_bytes())
    }

    #[inline(never)]
    pub(super) fn read(id: u8, text: &'a [u8]) -> Result<Self, Error> {
        let mut layout = id
            .checked_sub(NATIONAL)
            .and_then(|index| LAYOUTS.get(usize::from(index)))
            .copied()
            .ok_or(Error::GppVersion)?;
        let (core, second) = cut(text, b'.');
        if id == NATIONAL && core.len() <= 11 {
            // Four sensitive kinds and one of children came with version 2, and encoders disagree which version they
            // write with which layout; the length (60 bits before, 70 now) tells.
            layout = NATIONAL_FIELDS | counts(12, 2);
        }
        let mut bits = Bits::new(core).ok_or(Error::GppAlphabet)?;
        let version = bits.take(6) as u8;
        if version == 0 || version > 1 + u8::from(id == NATIONAL) {
            return Err(Error::GppVersion);
        }
        let mut section = Self { id, version, layout, bits, sensitive: None, gpc: None };
        bits.skip(section.before(MspaServiceProviderMode as u32 + 1) * 2);
        let mut whole = bits.whole();
        if let Some(second) = second {
            let mut bits = Bits::new(cut(second, b'.').0).ok_or(Error::GppAlphabet)?;
            if id >= INDIANA {
                section.sensitive = Some(bits);
                bits.skip(16);
            } else if bits.take(2) == 1 {
                section.gpc = Some(bits.flag());
            }
            whole &= bits.whole();
        }
        if whole { Ok(section) } else { Err(Error::GppTruncated) }
    }

    /// Id in the GPP: 7 national, 8 California, …
    #[must_use]
    pub fn id(&self) -> u8 {
        self.id
    }

    /// Version of the section.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.version
    }

    /// Global Privacy Control as this section has it, if it does.
    #[must_use]
    pub fn gpc(&self) -> Option<bool> {
        self.gpc
    }

    /// How many values a field has here: 0 where the law does not know it.
    #[must_use]
    pub fn count(&self, field: Field) -> u32 {
        match (self.id, field) {
            // What the version says, whichever layout it came in; the rest does not apply.
            (NATIONAL, SensitiveDataProcessing) => 8 + 4 * u32::from(self.version),
            (NATIONAL, KnownChildSensitiveDataConsents) => 1 + u32::from(self.version),
            (INDIANA.., SensitiveDataProcessing) => self.sensitive.map_or(0, |_| 8),
            _ => self.stored(self.place(field)),
        }
    }

    /// One value of a field, 0 to 3. `None` where the section has no such value.
    #[must_use]
    #[inline(never)]
    pub fn value(&self, field: Field, index: u32) -> Option<u8> {
        if index >= self.count(field) {
            return None;
        }
        let place = self.place(field);
        let (mut bits, mut at) = (self.bits, index);
        match self.sensitive {
            Some(sensitive) if field == SensitiveDataProcessing => bits = sensitive,
            _ if index >= self.stored(place) => return Some(0),
            _ => at += self.before(place),
        }
        bits.skip(at * 2);
        Some(bits.take(2) as u8)
    }

    /// What the visitor refused. A choice that was not offered ("no notice was provided") counts as refused: nobody could
    /// have made it.
    #[must_use]
    pub fn opt_outs(&self) -> OptOuts {
        // 1 says it, and 3, which is reserved, may say it.
        let refused = |choice, notice| self.any(choice, 1) || self.any(notice, 2);
        OptOuts {
            sale: refused(SaleOptOut, SaleOptOutNotice),
            sharing: refused(SharingOptOut, SharingOptOutNotice),
            targeted: refused(TargetedAdvertisingOptOut, TargetedAdvertisingOptOutNotice),
            child: self.any(KnownChildSensitiveDataConsents, 1),
            gpc: self.gpc == Some(true),
        }
    }

    /// Whether a field has a value with one of these bits.
    #[inline(never)]
    fn any(&self, field: Field, bits: u8) -> bool {
        (0..self.count(field)).any(|index| self.value(field, index).is_some_and(|value| value & bits != 0))
    }

    /// Where a field stands in the order.
    fn place(&self, field: Field) -> u32 {
        if field == MspaCoveredTransaction && self.layout & set(&[MspaCoveredFirst]) != 0 {
            return MspaCoveredFirst as u32;
        }
        field as u32
    }

    /// Values in front of a place.
    #[inline(never)]
    fn before(&self, place: u32) -> u32 {
        (0..place).map(|field| self.stored(field)).sum()
    }

    /// Values that the core segment has of a field.
    #[inline(never)]
    fn stored(&self, field: u32) -> u32 {
        if self.layout >> field & 1 == 0 {
            0
        } else if field == SensitiveDataProcessing as u32 {
            self.layout >> 20 & 31
        } else if field == KnownChildSensitiveDataConsents as u32 {
            self.layout >> 25
        } else {
            1
        }
    }
}

/// The fields as bits.
const fn set(fields: &[Field]) -> u32 {
    let mut bits = 0;
    let mut rest = fields;
    while let [field, others @ ..] = rest {
        bits |= 1 << *field as u32;
        rest = others;
    }
    bits
}

/// Kinds of sensitive data and of children, above the fields.
const fn counts(sensitive: u32, children: u32) -> u32 {
    sensitive << 20 | children << 25
}
