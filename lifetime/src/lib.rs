//! What customers will still buy: how often, and for how much.
//!
//! Nobody tells a shop that they have left it. What it has is *when* people bought, and of each person three numbers carry everything that the
//! models here can use ([`History`]): repeat purchases, the time of the last one, and the time since the first. [`BgNbd`] and [`ParetoNbd`]
//! ([`Process`]) say how likely somebody is still there and how often they will buy; [`GammaGamma`] says for how much at a time. The product,
//! over a horizon and discounted, is what a customer is still worth.
//!
//! ```text
//! purchases -> Purchases::cohort -> fit -> Process::expected · GammaGamma::mean -> value
//!                                     \-> Holdout: what was foreseen beside what happened
//! ```
//!
//! Invariants: times are weeks since a customer's first purchase; all purchases of one day are one. Likelihoods are sums of logarithms, finite
//! for every history that can be and all parameters within [`fit::RANGE`]. A fit says where it cannot be trusted ([`fit::Warning`]).
//! Absent on purpose: covariates and seasons (the models have one rate for each customer, whatever the month), costs and margins (an amount is
//! what the file says), files (readers are given).

mod bgnbd;
mod day;
mod device;
mod fault;
pub mod fit;
mod gammagamma;
mod history;
mod holdout;
mod hypergeometric;
mod matrix;
mod paretonbd;
mod process;
mod purchases;
mod quadrature;
mod search;
mod trees;

pub use bgnbd::BgNbd;
pub use day::Day;
pub use device::{Closeness, Device, Seen};
pub use fault::Fault;
pub use gammagamma::GammaGamma;
pub use history::{Cohort, Customer, Future, History};
pub use holdout::{Band, Error, Holdout, LAST_BAND, Week};
pub use paretonbd::ParetoNbd;
pub use process::Process;
pub use purchases::{Buyer, Columns, Purchases};
