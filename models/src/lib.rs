//! Models that others trained: read as their libraries write them, and scored as these score.
//!
//! A [`Forest`] is a sum of decision trees over a row of numbers, whatever library grew it: [`lightgbm`] reads what LightGBM saves, [`xgboost`]
//! what XGBoost saves, [`catboost`] what CatBoost does, [`onnx`] what scikit-learn's models and others' are exported to, [`regression`] the logistic
//! regression that `petitfour train` writes, and [`read`] any of them. It scores in the precision and the order of the library, so that what comes out is what the library says; quantising it is another step.
//! [`Rows`] brings the rows of a CSV file into the order of a model's features. [`contribution`] takes a score apart by features, and [`drift`]
//! says whether rows are still like those of before.
//!
//! Invariants: a file from outside is read or refused with the line and a remedy, never half; what is read always ends (children stand
//! behind their parents), and nothing is allocated beyond a small multiple of the file.
//! Absent on purpose: training, and anything that runs where visitors are.

pub mod border;
pub mod calibration;
pub mod catboost;
pub mod contribution;
pub mod drift;
mod fault;
mod forest;
mod given;
mod grid;
pub mod lightgbm;
pub mod metric;
pub mod onnx;
mod place;
mod quadrature;
pub mod regression;
mod rows;
mod ubjson;
mod walk;
pub mod xgboost;

pub use fault::Fault;
pub use forest::{Blank, Child, Feature, Forest, Link, MAX_LEAVES, Precision, Side, Split, Test, Tree, ZERO};
pub use grid::BORDERS;
pub use rows::Rows;

/// A library whose models are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// Text, as `Booster.save_model` writes it.
    LightGbm,
    /// JSON or UBJSON, as `Booster.save_model` writes it.
    XgBoost,
    /// JSON, as `save_model` writes it when asked for that.
    CatBoost,
    /// ONNX, whatever was exported to it.
    Onnx,
    /// A regression, as `petitfour train` writes it.
    Regression,
}

impl Library {
    /// As it calls itself.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LightGbm => "LightGBM",
            Self::XgBoost => "XGBoost",
            Self::CatBoost => "CatBoost",
            Self::Onnx => "ONNX",
            Self::Regression => "regression of petitfour train",
        }
    }
}

/// Reads a model of whichever library it is.
///
/// # Errors
///
/// As [`lightgbm::read`], [`xgboost::read`], [`catboost::read`] and [`onnx::read`] say; a file of none of them is refused.
pub fn read(bytes: &[u8]) -> Result<(Library, Forest), Fault> {
    if bytes.is_empty() {
        return Err(Fault::of("the file is empty").remedy("save the model anew"));
    }
    if bytes.first() == Some(&b'{') {
        let value = xgboost::parse(bytes)?;
        if value.get("features_info").is_some() {
            return Ok((Library::CatBoost, catboost::forest(&value)?));
        }
        if regression::is(&value) {
            return Ok((Library::Regression, regression::forest(&value)?));
        }
        return Ok((Library::XgBoost, xgboost::forest(&value)?));
    }
    // The version of the format, which is the first field of every ONNX file.
    if bytes.first() == Some(&8) {
        return Ok((Library::Onnx, onnx::read(bytes)?));
    }
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.starts_with("tree"));
    let text = text.ok_or_else(|| {
        Fault::of("this is neither LightGBM's text nor XGBoost's JSON or UBJSON, nor CatBoost's JSON, nor ONNX")
            .remedy("docs/models.md says how each library saves what is read")
    })?;
    Ok((Library::LightGbm, lightgbm::read(text)?))
}
