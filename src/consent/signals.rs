//! What was heard: everything that a page, a platform or a browser says about consent, as it is.

use super::{ConsentMode, Permissions};

/// What was heard. The default is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signals<'a> {
    /// Where the host knows the visitor to be.
    pub region: Region,
    /// `gdprApplies` of `__tcfapi`.
    pub gdpr_applies: Option<bool>,
    /// `tcString` of `__tcfapi`.
    pub tcf: Option<&'a str>,
    /// `gppString` of `__gpp`.
    pub gpp: Option<&'a str>,
    /// `applicableSections` of `__gpp`, section `n` as bit `n`, and bit 0 where none applies. 0 where it was not said: then
    /// every section counts.
    pub gpp_applies: u32,
    /// The legacy US Privacy string.
    pub us_privacy: Option<&'a str>,
    /// `navigator.globalPrivacyControl`, or the header `Sec-GPC: 1`.
    pub gpc: bool,
    /// Google Consent Mode.
    pub mode: ConsentMode,
    /// What the page itself said by a call.
    pub choice: Option<Permissions>,
}

/// What the law asks where the visitor is, as far as the host knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Region {
    /// Not known.
    #[default]
    Unknown,
    /// Nothing without consent: the European Economic Area, the United Kingdom, Switzerland, Brazil, Québec, …
    OptIn,
    /// Everything that was not objected to: the United States.
    OptOut,
}

/// Who was heard, as bits: kept with what is stored, so that it can be said later under which consent that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard(pub u8);

impl Heard {
    /// A TC string, its own or in a GPP string.
    pub const TCF: u8 = 1;
    /// A section of US law in a GPP string.
    pub const US: u8 = 2;
    /// A US Privacy string, its own or in a GPP string.
    pub const US_PRIVACY: u8 = 4;
    /// Global Privacy Control.
    pub const GPC: u8 = 8;
    /// Google Consent Mode.
    pub const MODE: u8 = 16;
    /// The page's own call.
    pub const CHOICE: u8 = 32;
    /// The region alone.
    pub const REGION: u8 = 64;
    /// Canada's section of a GPP string.
    pub const CANADA: u8 = 128;
    /// Those who can say that the visitor consented; the others know objections alone.
    pub(super) const CONSENT: u8 = Self::TCF | Self::MODE | Self::CHOICE | Self::CANADA;
}

impl<'a> Signals<'a> {
    /// Takes one signal in by name, so that a host can hand all of them over as pairs of text. Later ones replace earlier
    /// ones of the same name. `false` where there is no such name.
    ///
    /// | name | value |
    /// |--|--|
    /// | `region` | `opt_in`, `opt_out`; else unknown |
    /// | `gdpr` | `1` applies, `0` does not; else unknown |
    /// | `tcf`, `gpp`, `us_privacy` | the string; empty is none |
    /// | `gpp_sections` | ids with commas; `-1` for none, as `__gpp` has it; empty where it was not said |
    /// | `gpc` | `1` on |
    /// | `choice` | the four permissions as a number |
    /// | `ad_storage` … `security_storage` | `granted`, `denied` |
    pub fn hear(&mut self, name: &str, value: &'a str) -> bool {
        let text = (!value.is_empty()).then_some(value);
        match name {
            "region" => {
                self.region = match value {
                    "opt_in" => Region::OptIn,
                    "opt_out" => Region::OptOut,
                    _ => Region::Unknown,
                }
            }
            "gdpr" => {
                self.gdpr_applies = match value {
                    "1" => Some(true),
                    "0" => Some(false),
                    _ => None,
                }
            }
            "tcf" => self.tcf = text,
            "gpp" => self.gpp = text,
            "gpp_sections" => {
                let ids = text.into_iter().flat_map(|ids| ids.split(','));
                // What is no section is bit 0: said, and none of ours.
                let bit = |id: &str| id.trim().parse().ok().and_then(|id| 1u32.checked_shl(id)).unwrap_or(1);
                self.gpp_applies = ids.fold(0, |bits, id| bits | bit(id));
            }
            "us_privacy" => self.us_privacy = text,
            "gpc" => self.gpc = value == "1",
            "choice" => self.choice = value.parse().ok().map(Permissions::from_bits),
            _ => return self.mode.set(name, value),
        }
        true
    }
}
