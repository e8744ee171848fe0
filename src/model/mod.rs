//! Scores: what the bundle's models make of a visitor, in integers.
//!
//! Models read the same bins as rules, so one binning pass serves both. A score is Q16.16 log-odds, an `i32` that
//! saturates; a probability is Q16. Integer sums are the same bits on every target, in every order.

mod linear;
mod sigmoid;

pub use petitfour_kernel::forest::{group, values};
pub use sigmoid::probability;

use crate::catalog::{Catalog, Model, Section};
use petitfour_kernel::forest;

/// Scores a visitor whose attributes fall into `bins`. A model of a kind that this build does not know, or whose data is
/// cut, scores its bias.
#[must_use]
pub fn score(catalog: &Catalog, model: &Model<'_>, bins: &[u16]) -> i32 {
    let data = catalog.section(Section::ModelData).get(model.data()..).unwrap_or(&[]);
    // A linear model's weights are Q8.8, the score is Q16.16.
    let sum = match model.kind() {
        2 => linear::sum(data, model.parts(), bins).saturating_mul(256),
        3 => forest::sum(data, usize::from(model.leaf_bytes()), bins).unwrap_or(0),
        _ => 0,
    };
    model.bias().saturating_add(sum)
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk::<2>().map(|chunk| u16::from_le_bytes(*chunk))
}
