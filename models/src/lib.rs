//! Models that others trained: read as their libraries write them, and scored as these score.
//!
//! A [`Forest`] is a sum of decision trees over a row of numbers, whatever library grew it: [`lightgbm`] reads what LightGBM saves, [`xgboost`]
//! what XGBoost saves, and [`read`] either. It scores in the precision and the order of the library, so that what comes out is what the library says; quantising it is another step.
//! [`Rows`] brings the rows of a CSV file into the order of a model's features. [`contribution`] takes a score apart by features, and [`drift`]
//! says whether rows are still like those of before.
//!
//! Invariants: a file from outside is read or refused with the line and a remedy, never half; what is read always ends (children stand
//! behind their parents), and nothing is allocated beyond a small multiple of the file.
//! Absent on purpose: training, and anything that runs where visitors are.

pub mod border;
pub mod contribution;
pub mod drift;
mod fault;
mod forest;
mod grid;
pub mod lightgbm;
pub mod metric;
mod quadrature;
mod rows;
mod ubjson;
pub mod xgboost;

pub use fault::Fault;
pub use forest::{Blank, Child, Feature, Forest, Link, MAX_LEAVES, Precision, Side, Split, Test, Tree};
pub use rows::Rows;

/// A library whose models are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// Text, as `Booster.save_model` writes it.
    LightGbm,
    /// JSON or UBJSON, as `Booster.save_model` writes it.
    XgBoost,
}

impl Library {
    /// As it calls itself.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LightGbm => "LightGBM",
            Self::XgBoost => "XGBoost",
        }
    }
}

/// Reads a model of whichever library it is.
///
/// # Errors
///
/// As [`lightgbm::read`] and [`xgboost::read`] say; a file of neither is refused.
pub fn read(bytes: &[u8]) -> Result<(Library, Forest), Fault> {
    if bytes.first() == Some(&b'{') {
        return Ok((Library::XgBoost, xgboost::read(bytes)?));
    }
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.starts_with("tree"));
    let text = text.ok_or_else(|| {
        Fault::of("this is neither LightGBM's text nor XGBoost's JSON or UBJSON")
            .remedy("save it with `booster.save_model(\"model.txt\")`, or `\"model.json\"` for XGBoost")
    })?;
    Ok((Library::LightGbm, lightgbm::read(text)?))
}
