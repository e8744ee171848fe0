//! From what was heard to what is permitted: a table that a privacy officer can read and change.
//!
//! Each law has its part: Europe and Canada name the purposes that open a permission, US law what an objection closes,
//! Consent Mode the states that open a permission. Who has spoken has to agree: the result is what all of them permit.
//! Where nobody has, `otherwise` holds, and in a region of consent nothing.
//!
//! `docs/consent.md` has the table in words, its form in campaign files, and the reasons of the defaults.
//!
//! Invariant: no signal opens what another one closed; a string that cannot be read closes everything.

use super::gpp::{Gpp, Section};
use super::tcf::{Consent, Kind};
use super::us::OptOuts;
use super::us_privacy::UsPrivacy;
use super::{Error, Heard, Permissions, Region, Signals, Storage};
use crate::time::Timestamp;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The table. [`Policy::default`] is the one of `docs/consent.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Europe's TC string.
    pub europe: Purposes,
    /// Canada's section, with express consent as consent and implied consent as interest.
    pub canada: Purposes,
    /// US law.
    pub us: OptOut,
    /// What Global Privacy Control closes, wherever the visitor is.
    pub gpc: Permissions,
    /// States of Consent Mode (bits of [`Storage::bit`]) of which one has to be granted, by permission; 0 never opens.
    pub mode: [u8; 4],
    /// What is permitted where nobody has spoken and the region is not one of consent: `consent: default` of the campaign
    /// files, which has a place of its own in the bundle.
    #[serde(skip)]
    pub otherwise: Permissions,
}

/// How purposes open permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purposes {
    /// What opens store, personalise, measure, share.
    pub opens: [Alternatives; 4],
    /// Purposes (bit `n`) for which a legitimate interest is enough. 1 and 3 to 6 never count, whatever is written here.
    pub interest: u32,
    /// The site's id in the Global Vendor List, which then needs consent too; 0 for none.
    pub vendor: u16,
    /// Whether the publisher's own purposes are read in place of those for vendors.
    pub publisher: bool,
    /// Country (two letters) in which purpose 1 counts as given where the platform did not ask it; zeros for nowhere.
    pub unasked: [u8; 2],
}

/// Two sets of purposes (bit `n` for purpose `n`), one of which has to be permitted wholly. 0 is no set: two of them never
/// open.
pub type Alternatives = [u32; 2];

/// What an objection closes under US law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptOut {
    /// Permitted before any objection.
    pub open: Permissions,
    /// Closed by an objection to sale.
    pub sale: Permissions,
    /// Closed by an objection to sharing for cross-context advertising.
    pub sharing: Permissions,
    /// Closed by an objection to targeted advertising.
    pub targeted: Permissions,
    /// Closed for a known child without consent.
    pub child: Permissions,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// What is permitted.
    pub permissions: Permissions,
    /// Who was heard.
    pub heard: Heard,
    /// The first string that could not be read; everything is closed for it.
    pub fault: Option<Error>,
}

/// First byte of a bundle's section: the layout of what follows.
const LAYOUT: u8 = 1;
/// 2026-03-01T00:00Z: from then on a string without disclosed vendors tells a vendor nothing (TCF 2.3, whose transition
/// ended with February 2026).
const DISCLOSURE: Timestamp = Timestamp(1_772_323_200_000);
/// Legitimate interest was never possible for purpose 1, and not for 3 to 6 since TCF 2.2.
const CONSENT_ONLY: u32 = purposes(&[1, 3, 4, 5, 6]);

impl Default for Policy {
    fn default() -> Self {
        const PURPOSES: Purposes = Purposes {
            opens: [
                [purposes(&[1]), 0],
                [purposes(&[5, 6]), purposes(&[3, 4])],
                [purposes(&[7, 8]), 0],
                [purposes(&[1, 2, 7]), 0],
            ],
            interest: purposes(&[7, 8, 9, 10]),
            vendor: 0,
            publisher: false,
            unasked: [0; 2],
        };
        const SHARE: Permissions = Permissions(0b1000);
        const PERSONALISE_AND_SHARE: Permissions = Permissions(0b1010);
        Self {
            europe: PURPOSES,
            canada: PURPOSES,
            us: OptOut {
                open: Permissions::ALL,
                sale: SHARE,
                sharing: PERSONALISE_AND_SHARE,
                targeted: PERSONALISE_AND_SHARE,
                child: PERSONALISE_AND_SHARE,
            },
            gpc: PERSONALISE_AND_SHARE,
            mode: [
                Storage::Analytics.bit() | Storage::Personalization.bit() | Storage::Ad.bit(),
                Storage::Personalization.bit() | Storage::AdPersonalization.bit(),
                Storage::Analytics.bit(),
                Storage::AdUserData.bit(),
            ],
            otherwise: Permissions::NONE,
        }
    }
}

impl Policy {
    /// Nothing is permitted, whatever is said.
    pub const CLOSED: Self = Self {
        europe: Purposes::CLOSED,
        canada: Purposes::CLOSED,
        us: OptOut {
            open: Permissions::NONE,
            sale: Permissions::ALL,
            sharing: Permissions::ALL,
            targeted: Permissions::ALL,
            child: Permissions::ALL,
        },
        gpc: Permissions::ALL,
        mode: [0; 4],
        otherwise: Permissions::NONE,
    };

    /// The policy of a bundle: its default (`otherwise`) and its section, which is empty where [`Policy::default`] holds.
    /// A section that cannot be read permits nothing.
    #[must_use]
    pub fn read(otherwise: Permissions, section: &[u8]) -> Self {
        let policy = match section {
            [] => Some(Self::default()),
            [LAYOUT, rest @ ..] => {
                postcard::take_from_bytes(rest).ok().filter(|(_, after)| after.is_empty()).map(|it| it.0)
            }
            _ => None,
        };
        policy.map_or(Self::CLOSED, |policy| Self { otherwise, ..policy })
    }

    /// The section of a bundle, without `otherwise`, for which a bundle has another place. [`Policy::read`] reads it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        if (Self { otherwise: Permissions::NONE, ..*self }) == Self::default() {
            return Vec::new();
        }
        // Numbers cannot fail to be written; were it otherwise, one byte is no policy, and permits nothing.
        postcard::to_extend(self, Vec::from([LAYOUT])).unwrap_or_else(|_| Vec::from([LAYOUT]))
    }

    /// What is permitted after these signals.
    #[must_use]
    pub fn decide(&self, signals: &Signals<'_>) -> Verdict {
        let mut hearing = Hearing { policy: self, open: Permissions::ALL, heard: 0 };
        let fault = hearing.listen(signals).err();
        let open = match (fault, hearing.heard) {
            (Some(_), _) => Permissions::NONE,
            (None, 0) => self.otherwise,
            (None, _) => hearing.open,
        };
        // An objection is no permission: it narrows whatever holds, the default included.
        let gpc = if signals.gpc { Heard::GPC } else { 0 };
        let permissions = if signals.gpc { open.without(self.gpc) } else { open };
        Verdict { permissions, heard: Heard(hearing.heard | gpc), fault }
    }
}

/// The state of one decision.
struct Hearing<'p> {
    policy: &'p Policy,
    open: Permissions,
    heard: u8,
}

impl Hearing<'_> {
    fn listen(&mut self, signals: &Signals<'_>) -> Result<(), Error> {
        let europe = signals.region == Region::OptIn || signals.gdpr_applies != Some(false);
        if let Some(text) = signals.gpp {
            for section in Gpp::parse(text)?.sections() {
                let (id, section) = section?;
                let applies = signals.gpp_applies == 0 || signals.gpp_applies.checked_shr(id).unwrap_or(0) & 1 != 0;
                if applies && (europe || id != 2) {
                    self.section(&section)?;
                }
            }
        }
        if let (Some(text), true) = (signals.tcf, europe) {
            self.section(&Section::Europe(Consent::decode(text)?))?;
        }
        if let Some(text) = signals.us_privacy {
            self.section(&Section::UsPrivacy(UsPrivacy::parse(text)?))?;
        }
        if signals.mode.heard() {
            let states = self.policy.mode;
            self.narrow(
                Heard::MODE,
                opened(|index| states.get(index).is_some_and(|any| signals.mode.grants_any(*any))),
            );
        }
        if let Some(choice) = signals.choice {
            self.narrow(Heard::CHOICE, choice);
        }
        if signals.gdpr_applies == Some(true) && self.heard & Heard::TCF == 0 {
            // A platform is there, and has not come to its string yet.
            self.narrow(Heard::REGION, Permissions::NONE);
        }
        match signals.region {
            // That nobody objected is no consent.
            Region::OptIn if self.heard & Heard::CONSENT == 0 => self.narrow(Heard::REGION, Permissions::NONE),
            Region::OptOut => self.narrow(Heard::REGION, self.policy.us.open),
            _ => {}
        }
        Ok(())
    }

    fn section(&mut self, section: &Section<'_>) -> Result<(), Error> {
        let policy = self.policy;
        match section {
            Section::Europe(consent) => self.narrow(Heard::TCF, policy.europe.permits(&consent.registered()?)),
            Section::Canada(consent) => self.narrow(Heard::CANADA, policy.canada.permits(&consent.registered()?)),
            // `1---` says that the law does not apply: that opens nothing.
            Section::UsPrivacy(UsPrivacy { notice: None, opted_out: None, .. }) => {}
            Section::UsPrivacy(said) => {
                let sale = said.opted_out == Some(true) || said.notice == Some(false);
                self.narrow(Heard::US_PRIVACY, policy.us.permits(OptOuts { sale, ..OptOuts::default() }));
            }
            Section::Us(said) => {
                let refused = said.opt_outs();
                let gpc = if refused.gpc { policy.gpc } else { Permissions::NONE };
                self.narrow(Heard::US, policy.us.permits(refused).without(gpc));
            }
            Section::Other => {}
        }
        Ok(())
    }

    #[inline(never)]
    fn narrow(&mut self, who: u8, permitted: Permissions) {
        self.heard |= who;
        self.open = self.open.and(permitted);
    }
}

impl Purposes {
    /// Nothing is permitted, whatever a string says.
    const CLOSED: Self = Self { opens: [[0; 2]; 4], interest: 0, vendor: 0, publisher: false, unasked: [0; 2] };

    /// What a string opens.
    #[must_use]
    pub fn permits(&self, consent: &Consent<'_>) -> Permissions {
        let mut permitted = 0u32;
        if self.disclosed(consent) {
            for purpose in 1..=24 {
                permitted |= u32::from(self.purpose(consent, purpose)) << purpose;
            }
        }
        opened(|index| {
            let alternatives = self.opens.get(index).copied().unwrap_or_default();
            alternatives.iter().any(|set| *set != 0 && set & !permitted == 0)
        })
    }

    /// Whether the visitor was told of the site's vendor, as far as the string can say.
    fn disclosed(&self, consent: &Consent<'_>) -> bool {
        match consent.disclosed {
            _ if self.vendor == 0 || self.publisher => true,
            Some(vendors) => vendors.contains(self.vendor),
            None => consent.version != 2 || consent.updated < DISCLOSURE,
        }
    }

    #[inline(never)]
    fn purpose(&self, consent: &Consent<'_>, purpose: u8) -> bool {
        let interest_counts = self.interest & !CONSENT_ONLY & 1 << purpose != 0;
        let unasked = purpose == 1 && consent.purpose_one_treatment && consent.country == self.unasked;
        if self.publisher {
            return unasked
                || consent.publisher.is_some_and(|own| {
                    own.consents.contains(purpose) || interest_counts && own.interests.contains(purpose)
                });
        }
        let mut by_consent = unasked || consent.consents.contains(purpose);
        let mut by_interest = interest_counts && consent.interests.contains(purpose);
        if self.vendor != 0 {
            by_consent &= consent.vendors.contains(self.vendor);
            by_interest &= consent.vendor_interests.contains(self.vendor);
            for restriction in consent.restrictions {
                if restriction.purpose == purpose && restriction.vendors.contains(self.vendor) {
                    by_consent &= restriction.kind == Kind::Consent;
                    by_interest &= restriction.kind == Kind::Interest;
                }
            }
        }
        by_consent || by_interest
    }
}

impl OptOut {
    /// What is left after objections.
    #[must_use]
    pub fn permits(&self, refused: OptOuts) -> Permissions {
        let mut open = self.open;
        for (objection, closes) in [
            (refused.sale, self.sale),
            (refused.sharing, self.sharing),
            (refused.targeted, self.targeted),
            (refused.child, self.child),
        ] {
            if objection {
                open = open.without(closes);
            }
        }
        open
    }
}

/// Permissions by what opens each.
fn opened(opens: impl Fn(usize) -> bool) -> Permissions {
    Permissions::from_bits((0..4).map(|index| u8::from(opens(index)) << index).sum())
}

/// Purposes as bits.
const fn purposes(numbers: &[u8]) -> u32 {
    let mut bits = 0;
    let mut rest = numbers;
    while let [number, others @ ..] = rest {
        bits |= 1 << *number;
        rest = others;
    }
    bits
}
