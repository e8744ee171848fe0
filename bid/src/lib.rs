//! Whether to bid for an ad slot, how much, and why not.
//!
//! A [`BidRequest`] of OpenRTB 2.6 becomes a session of the engine: consent strings become permissions, device and page become context,
//! believed segments become memberships, and the host's profile of the person is looked up where that is permitted. The engine ranks the
//! placement's campaigns; the best that has a `bid`, may be shown there, is worth the floor and has budget left is offered. A [`Ledger`]
//! holds the money: what is offered is reserved until it is won, lost or expired, so bids side by side never spend more than there is.
//!
//! Invariants: no clock, no network, no randomness: a moment, a request and a ledger give the same answer again. Nothing of a person is
//! looked at without the permission to personalise. For each campaign, what is spent and what is reserved never exceed the budget, but for
//! notices that come after their reservation expired, which are counted all the same.
//! Absent on purpose: HTTP, conversion between currencies, private deals, video and audio (see `docs/bid.md`).

mod bidder;
mod config;
mod context;
mod creative;
mod ledger;
mod native;
mod offer;
mod permission;
mod reason;
mod request;
mod response;

pub use bidder::{Bidder, Outcome, Person, Profiles};
pub use config::Config;
pub use ledger::{ALLOWANCE, Claim, LATE, Ledger, MOST_OPEN, Notice, Spend};
pub use offer::{Amount, Budget, Offer, Price};
pub use reason::{Reason, Refusal};
pub use request::{BidRequest, Eid, Error, MAX_BYTES, Uid};
pub use response::{Bid, BidResponse, SeatBid};
