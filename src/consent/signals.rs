//! What was heard: everything that a page, a platform or a browser says about consent, as it is.

use super::{ConsentMode, Permissions, Storage};

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
        let Some(place) = NAMES.iter().chain(&Storage::NAMES).position(|known| *known == name) else { return false };
        let text = (!value.is_empty()).then_some(value);
        let on = value == "1";
        match place {
            0 => {
                self.region = match value {
                    "opt_in" => Region::OptIn,
                    "opt_out" => Region::OptOut,
                    _ => Region::Unknown,
                }
            }
            1 => self.gdpr_applies = (on || value == "0").then_some(on),
            2 => self.tcf = text,
            3 => self.gpp = text,
            4 => {
                // What is no section is bit 0: said, and none of ours.
                let bit = |id: &[u8]| number(id).and_then(|id| 1u32.checked_shl(id)).unwrap_or(1);
                let ids = value.as_bytes().split(|byte| *byte == b',').map(bit);
                self.gpp_applies = if text.is_some() { ids.fold(0, |bits, bit| bits | bit) } else { 0 };
            }
            5 => self.us_privacy = text,
            6 => self.gpc = on,
            7 => self.choice = number(value.as_bytes()).map(|bits| Permissions::from_bits(bits as u8)),
            storage => self.mode.set(1 << (storage - 8), value == "granted"),
        }
        true
    }
}

/// Names of signals; after them come those of Consent Mode.
const NAMES: [&str; 8] = ["region", "gdpr", "tcf", "gpp", "gpp_sections", "us_privacy", "gpc", "choice"];

/// A number of a few digits.
fn number(digits: &[u8]) -> Option<u32> {
    let plain = !digits.is_empty() && digits.len() < 4 && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
}
