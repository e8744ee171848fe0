//! An OpenRTB 2.6 bid response, as it is written.

use serde::Serialize;
use serde_json::Value;

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BidResponse {
    /// The auction.
    pub id: String,
    /// Bids, by seat: one.
    pub seatbid: Vec<SeatBid>,
    /// What prices are in.
    pub cur: String,
}

/// The bids of one seat.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeatBid {
    /// One for each slot that is bid on.
    pub bid: Vec<Bid>,
    /// The seat.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub seat: String,
}

/// What is offered for one slot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bid {
    /// Names the bid in notices: sixteen digits of hexadecimal.
    pub id: String,
    /// The slot.
    pub impid: String,
    /// For a thousand impressions.
    pub price: f64,
    /// What is shown: the creative's name.
    pub adid: String,
    /// The creative's name again: what is reviewed.
    pub crid: String,
    /// The campaign's name.
    pub cid: String,
    /// Domains of the advertiser.
    pub adomain: Vec<String>,
    /// Categories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cat: Vec<String>,
    /// Their taxonomy: 1, IAB Tech Lab's content categories 1.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cattax: Option<u32>,
    /// Markup, or a native answer as text.
    pub adm: String,
    /// 1 banner, 4 native.
    pub mtype: u32,
    /// Width of a banner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub w: Option<u32>,
    /// Height of a banner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub h: Option<u32>,
    /// Seconds until the bid is given up.
    pub exp: u32,
    /// Asked when it has won.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nurl: Option<String>,
    /// Asked when it is billed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burl: Option<String>,
    /// Asked when it has lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lurl: Option<String>,
}

impl Bid {
    /// The number by which the ledger knows the bid of an `id`.
    #[must_use]
    pub fn number(id: &str) -> Option<u64> {
        let digits = id.len() == 16 && id.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
        digits.then(|| u64::from_str_radix(id, 16).ok()).flatten()
    }
}

impl BidResponse {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        // Strings, numbers that are finite and lists of them: nothing that could fail.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}
