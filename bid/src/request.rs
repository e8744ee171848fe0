//! An OpenRTB 2.6 bid request: the fields that are read, and no others.
//!
//! What stands in `ext` in older versions (`user.ext.eids`, `regs.ext.gdpr`) is read where the newer place is empty. Fields that this file
//! does not know are skipped. Bounded: [`MAX_BYTES`], and 128 levels by the parser.

use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;
use std::fmt;

/// Bytes of a request: some hundred times an ordinary one.
pub const MAX_BYTES: usize = 512 * 1024;

/// A bid request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct BidRequest {
    /// The auction.
    #[serde(deserialize_with = "filled")]
    pub id: String,
    /// Ms that the host has spent with the request already, by its own clock.
    #[serde(skip)]
    pub waited: u32,
    #[serde(deserialize_with = "filled")]
    pub(crate) imp: Vec<Imp>,
    pub(crate) site: Option<Site>,
    pub(crate) app: Option<App>,
    #[serde(deserialize_with = "filled")]
    pub(crate) device: Device,
    #[serde(deserialize_with = "filled")]
    pub(crate) user: User,
    #[serde(deserialize_with = "filled")]
    pub(crate) regs: Regs,
    pub(crate) at: Option<i64>,
    pub(crate) test: Option<u8>,
    pub(crate) tmax: Option<u32>,
    #[serde(deserialize_with = "filled")]
    pub(crate) cur: Vec<String>,
    #[serde(deserialize_with = "filled")]
    pub(crate) wseat: Vec<String>,
    #[serde(deserialize_with = "filled")]
    pub(crate) bseat: Vec<String>,
    #[serde(deserialize_with = "filled")]
    pub(crate) bcat: Vec<String>,
    pub(crate) cattax: Option<u32>,
    #[serde(deserialize_with = "filled")]
    pub(crate) badv: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Imp {
    #[serde(deserialize_with = "filled")]
    pub(crate) id: String,
    pub(crate) tagid: Option<String>,
    pub(crate) banner: Option<Banner>,
    pub(crate) native: Option<Native>,
    #[serde(deserialize_with = "filled")]
    pub(crate) bidfloor: f64,
    pub(crate) bidfloorcur: Option<String>,
    pub(crate) secure: Option<u8>,
    pub(crate) exp: Option<u32>,
    pub(crate) pmp: Option<Pmp>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Banner {
    #[serde(deserialize_with = "filled")]
    pub(crate) format: Vec<Size>,
    #[serde(flatten)]
    pub(crate) size: Size,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Size {
    pub(crate) w: Option<u32>,
    pub(crate) h: Option<u32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Native {
    #[serde(deserialize_with = "filled")]
    pub(crate) request: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pmp {
    #[serde(deserialize_with = "filled")]
    pub(crate) private_auction: u8,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Site {
    pub(crate) domain: Option<String>,
    pub(crate) page: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct App {
    pub(crate) bundle: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Device {
    #[serde(deserialize_with = "filled")]
    pub(crate) geo: Geo,
    pub(crate) dnt: Option<u8>,
    pub(crate) lmt: Option<u8>,
    pub(crate) devicetype: Option<u8>,
    pub(crate) make: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) os: Option<String>,
    pub(crate) language: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Geo {
    pub(crate) country: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) metro: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) zip: Option<String>,
    pub(crate) utcoffset: Option<i16>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct User {
    pub(crate) id: Option<String>,
    pub(crate) buyeruid: Option<String>,
    pub(crate) consent: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub(crate) eids: Vec<Eid>,
    #[serde(deserialize_with = "filled")]
    pub(crate) data: Vec<Data>,
    #[serde(deserialize_with = "filled")]
    pub(crate) ext: UserExt,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UserExt {
    pub(crate) consent: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub(crate) eids: Vec<Eid>,
}

/// The ids by which one partner knows the person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Eid {
    /// The partner's domain.
    #[serde(deserialize_with = "filled")]
    pub source: String,
    /// Its ids.
    #[serde(deserialize_with = "filled")]
    pub uids: Vec<Uid>,
}

/// One id of one partner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Uid {
    /// The id, verbatim.
    #[serde(deserialize_with = "filled")]
    pub id: String,
    /// What kind of thing it names (AdCOM, "Agent Types").
    pub atype: Option<u32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Data {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub(crate) segment: Vec<Segment>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Segment {
    pub(crate) id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Regs {
    #[serde(flatten)]
    pub(crate) own: Laws,
    #[serde(deserialize_with = "filled")]
    pub(crate) ext: Laws,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Laws {
    pub(crate) coppa: Option<u8>,
    pub(crate) gdpr: Option<u8>,
    pub(crate) us_privacy: Option<String>,
    pub(crate) gpp: Option<String>,
    pub(crate) gpp_sid: Option<Vec<i32>>,
    pub(crate) gpc: Option<serde_json::Value>,
}

/// Why bytes are no request. What they hold is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// More than [`MAX_BYTES`].
    Size,
    /// Not JSON, nested too deep, or a field of another type.
    Malformed,
    /// No `id`, no slot, or a slot without an `id` of its own.
    Incomplete,
}

impl BidRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// See [`Error`]; OpenRTB's number for all of them is 2, "Invalid Request".
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_BYTES {
            return Err(Error::Size);
        }
        let request: Self = serde_json::from_slice(bytes).map_err(|_| Error::Malformed)?;
        let complete = !request.id.is_empty() && !request.imp.is_empty();
        // Two slots of one id would be one bid, and one reservation.
        let mut ids = BTreeSet::new();
        if !complete || !request.imp.iter().all(|imp| !imp.id.is_empty() && ids.insert(imp.id.as_str())) {
            return Err(Error::Incomplete);
        }
        Ok(request)
    }

    /// Is nothing paid for what is won?
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.test == Some(1)
    }

    /// The person's ids at partners: 2.6, or 2.5 where there are none.
    pub(crate) fn eids(&self) -> &[Eid] {
        if self.user.eids.is_empty() { &self.user.ext.eids } else { &self.user.eids }
    }
}

impl Banner {
    /// The sizes that fit, the preferred one first.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (u32, u32)> {
        self.format
            .iter()
            .chain([&self.size])
            .filter_map(|size| Some((size.w?, size.h?)))
            .filter(|(w, h)| *w > 0 && *h > 0)
    }
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Size => "bid/request_size",
            Self::Malformed => "bid/request_malformed",
            Self::Incomplete => "bid/request_incomplete",
        }
    }

    /// OpenRTB's number.
    #[must_use]
    pub fn nbr(self) -> u32 {
        2
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "the request is larger than 512 KiB",
            Self::Malformed => "the request is not JSON as OpenRTB 2.6 has it",
            Self::Incomplete => "the request has no id, no slot, or a slot without an id of its own",
        })
    }
}

impl std::error::Error for Error {}

/// Exchanges write `null` where there is nothing.
fn filled<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
