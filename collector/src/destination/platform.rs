//! Platforms: in which columns, and in which hash, each of them takes a list of people.
//!
//! A [`Member`] is what is known of one person: digests as devices send them, values as a CRM has them, ids of partners
//! and devices verbatim. [`Platform::rows`] writes of it what the platform takes and nothing else. Which digest that is
//! stands in [`Recipient`], and with sources in `docs/identity.md`; column names with sources in `docs/activation.md`.
//!
//! Invariant: a value that is to be hashed leaves hashed, or not at all.

use std::collections::BTreeMap;

use petitfour::identity::{Digest, Hashed, Namespace, Recipient, particular::Particular, phone::Plan};
use serde::{Deserialize, Serialize};

use crate::identity::{Field, spell};

/// Who takes the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Google Customer Match.
    Google,
    /// Meta's customer lists.
    Meta,
    /// Pinterest's customer lists.
    Pinterest,
    /// Snap Audience Match.
    Snap,
    /// Unified ID 2.0's identity map.
    Uid2,
    /// A publisher's match table.
    Publisher,
    /// Televisions and streaming boxes: a list of advertising ids.
    Tv,
}

/// One file of a platform's list.
#[derive(Debug, PartialEq, Eq)]
pub struct Sheet {
    /// What it is called among the platform's files.
    pub name: &'static str,
    /// Names of its columns.
    pub columns: &'static [&'static str],
    /// Whether the first line names them.
    pub headed: bool,
}

/// What is known of one person, for lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Member {
    /// Digests.
    pub identifiers: Vec<Held>,
    /// Values from a CRM: `email`, `phone` (E.164), `first_name`, `last_name`, `city`, `state`, `postcode`, `country`.
    pub values: BTreeMap<String, String>,
    /// Ids verbatim, by partner or by kind of device: `publisher.example`, `idfa`, `gaid`, `rida`, `tifa`…
    pub ids: BTreeMap<String, String>,
}

/// A digest with its kind and forms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// [`Hashed::code`].
    pub code: u8,
    /// SHA-256 in hex.
    pub digest: String,
}

/// Advertising ids of phones.
const MOBILE: [&str; 2] = ["idfa", "gaid"];

/// Advertising ids of televisions and boxes, by the words that OpenRTB's `device.ext.ifa_type` uses (IAB Tech Lab,
/// "Guidelines for Identifier for Advertising on OTT platforms"): Roku, Samsung, Vizio, LG, Amazon, Android TV, Xbox,
/// Apple TV, and the publisher's own.
const TELEVISION: [&str; 10] = ["rida", "tifa", "vida", "lgudid", "afai", "aaid", "msai", "idfa", "vaid", "dpid"];

const fn sheet(name: &'static str, columns: &'static [&'static str], headed: bool) -> Sheet {
    Sheet { name, columns, headed }
}

impl From<&Hashed> for Held {
    fn from(hashed: &Hashed) -> Self {
        Self { code: hashed.code(), digest: hashed.digest().hex() }
    }
}

impl Held {
    fn hashed(&self) -> Option<Hashed> {
        Hashed::from_code(self.code, Digest::given(&self.digest)?)
    }
}

impl Platform {
    /// The platform's files.
    #[must_use]
    pub fn sheets(self) -> &'static [Sheet] {
        match self {
            Self::Google => {
                const { &[sheet("customers", &["Email", "Phone", "First Name", "Last Name", "Country", "Zip"], true)] }
            }
            Self::Meta => {
                const { &[sheet("customers", &["email", "phone", "madid", "fn", "ln", "ct", "st", "zip", "country"], true)] }
            }
            // One kind of identifier a file, as these two want it.
            Self::Pinterest => const { &[sheet("emails", &["email"], false), sheet("mobile", &["maid"], false)] },
            Self::Snap => {
                const {
                    &[
                        sheet("emails", &["EMAIL_SHA256"], true),
                        sheet("phones", &["PHONE_SHA256"], true),
                        sheet("mobile", &["MOBILE_AD_ID_SHA256"], true),
                    ]
                }
            }
            Self::Uid2 => const { &[sheet("map", &["email_hash", "phone_hash"], true)] },
            Self::Publisher => const { &[sheet("match", &["id", "email_sha256", "phone_sha256"], true)] },
            Self::Tv => const { &[sheet("devices", &["ifa", "ifa_type"], true)] },
        }
    }

    /// Whose digests it takes.
    #[must_use]
    pub fn recipient(self) -> Recipient {
        match self {
            Self::Google => Recipient::Google,
            Self::Meta => Recipient::Meta,
            Self::Pinterest => Recipient::Pinterest,
            Self::Snap => Recipient::Snap,
            Self::Uid2 => Recipient::Uid2,
            Self::Publisher | Self::Tv => Recipient::Plain,
        }
    }

    /// The lines that one person has in a sheet; `partner` is the publisher whose ids are written.
    #[must_use]
    pub fn rows(self, sheet: &Sheet, member: &Member, partner: &str) -> Vec<Vec<String>> {
        if self == Self::Tv {
            let devices = TELEVISION.iter().filter_map(|kind| Some(vec![member.id(kind)?, (*kind).to_owned()]));
            return devices.collect();
        }
        let cell = |column: &&str| self.cell(column, member, partner).unwrap_or_default();
        let row: Vec<String> = sheet.columns.iter().map(cell).collect();
        // A country alone finds nobody, and a publisher's id without anything to match it by neither.
        let finds = sheet.columns.iter().zip(&row).any(|(column, cell)| !cell.is_empty() && finds(column));
        if finds { vec![row] } else { Vec::new() }
    }

    fn cell(self, column: &str, member: &Member, partner: &str) -> Option<String> {
        let particular = |name: &str, particular| {
            spell(self.recipient(), Field::Particular(particular), member.values.get(name)?).ok()?
        };
        match column {
            "Email" | "email" | "EMAIL_SHA256" | "email_hash" | "email_sha256" => {
                self.contact(member, Namespace::Email, "email", Field::Email)
            }
            "Phone" | "phone" | "PHONE_SHA256" | "phone_hash" | "phone_sha256" => {
                self.contact(member, Namespace::Phone, "phone", Field::Phone(Plan::International))
            }
            "First Name" | "fn" => particular("first_name", Particular::Name),
            "Last Name" | "ln" => particular("last_name", Particular::Name),
            "ct" => particular("city", Particular::City),
            "st" => particular("state", Particular::State),
            "zip" => particular("postcode", Particular::Postcode),
            "country" => particular("country", Particular::Country),
            // Google takes these two as they are.
            "Country" => Some(member.values.get("country")?.trim().to_ascii_uppercase()),
            "Zip" => Some(member.values.get("postcode")?.trim().to_owned()),
            "madid" | "maid" => MOBILE.iter().find_map(|kind| member.id(kind)),
            "MOBILE_AD_ID_SHA256" => MOBILE.iter().find_map(|kind| Some(Digest::of(member.id(kind)?).hex())),
            "id" => member.ids.get(partner).cloned(),
            _ => None,
        }
    }

    /// The digest of a device's word if there is one that fits, else of the CRM's value.
    fn contact(self, member: &Member, namespace: Namespace, value: &str, field: Field) -> Option<String> {
        let known = member.identifiers.iter().filter_map(Held::hashed);
        let fits = known.filter(|hashed| hashed.namespace() == Some(namespace));
        fits.filter_map(|hashed| self.recipient().spell(&hashed))
            .next()
            .or_else(|| spell(self.recipient(), field, member.values.get(value)?).ok()?)
    }
}

impl Member {
    /// A device's id in lower case; none when it is all zeroes, which stands for "tracking is limited".
    fn id(&self, kind: &str) -> Option<String> {
        let id = self.ids.get(kind)?.trim().to_ascii_lowercase();
        (!id.is_empty() && !id.chars().all(|c| c == '0' || c == '-')).then_some(id)
    }
}

/// Does a platform find a person by this column?
fn finds(column: &str) -> bool {
    matches!(
        column,
        "Email"
            | "Phone"
            | "email"
            | "phone"
            | "madid"
            | "maid"
            | "EMAIL_SHA256"
            | "PHONE_SHA256"
            | "MOBILE_AD_ID_SHA256"
            | "email_hash"
            | "phone_hash"
            | "email_sha256"
            | "phone_sha256"
            | "First Name"
            | "fn"
    )
}
