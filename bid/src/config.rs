//! What a host says of itself once: who bids, where, and whose segments it believes.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Of one bidder. Every field may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The buyer's seat at the exchange; bids of one seat stand together in the answer.
    pub seat: String,
    /// `imp.tagid` to placement, where the two are not the same.
    pub placements: BTreeMap<String, String>,
    /// Providers (`user.data[].id`, or its `name`) whose segments' ids are names of memberships.
    pub providers: Vec<String>,
    /// `provider/segment` to membership, where they are not.
    pub segments: BTreeMap<String, String>,
    /// Where relative addresses of creatives begin: `https://shop.example`.
    pub origin: Option<String>,
    /// Where notices go: `https://bid.example/notice`; they ask `/won`, `/billed` and `/lost` beneath it. No notices without it.
    pub notices: Option<String>,
    /// Ms that the answer needs on its way and here; a request that leaves less is not answered.
    pub answer_ms: u32,
    /// Seconds until a bid that nothing is heard of is given up, unless the slot says less.
    pub expiry: u32,
    /// Say why there is no bid: for each campaign, in the outcome and in `ext` of the answer. It asks every gate again.
    pub reasons: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seat: String::new(),
            placements: BTreeMap::new(),
            providers: Vec::new(),
            segments: BTreeMap::new(),
            origin: None,
            notices: None,
            // What an exchange in the same region takes there and back; ours is microseconds.
            answer_ms: 20,
            // Longer than pages of text are read, shorter than an hour of the day's pace.
            expiry: 900,
            reasons: false,
        }
    }
}
