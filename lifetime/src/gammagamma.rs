//! For how much somebody buys at a time: the Gamma-Gamma model.
//!
//! The amounts of one customer are of a gamma distribution (p, ν), and ν over customers of another (q, v). How much and how often are
//! taken to have nothing to do with each other.
//! Fader, Hardie and Lee, RFM and CLV: Using Iso-Value Curves for Customer Base Analysis, Journal of Marketing Research 42(4), 2005;
//! Fader and Hardie, The Gamma-Gamma
//! Model of Monetary Value, 2013 (brucehardie.com/notes/025): the likelihood of a mean of x amounts is its equation (1), the mean expected next (5).

use libm::lgamma;

use crate::history::History;

/// The Gamma-Gamma model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GammaGamma {
    /// Shape of the amounts of one customer.
    pub p: f64,
    /// Shape over customers; above 1, or the mean over all of them is infinite.
    pub q: f64,
    /// Scale over customers, in the amounts' unit.
    pub v: f64,
}

impl GammaGamma {
    /// Its parameters, in their order.
    pub const PARAMETERS: [&'static str; 3] = ["p", "q", "v"];

    /// Can it be asked about somebody? Only of repeats that cost something.
    #[must_use]
    pub fn reads(history: &History) -> bool {
        history.repeats > 0 && history.spend > 0.0
    }

    /// The logarithm of the likelihood of somebody's mean amount, where [`GammaGamma::reads`].
    #[must_use]
    pub fn ln_likelihood(&self, history: &History) -> f64 {
        let (Self { p, q, v }, x, mean) = (*self, f64::from(history.repeats), history.spend);
        let (shape, sum) = (p * x, v + x * mean);
        // ln of sum/(v or x·mean) by ln_1p: the sums of large numbers that differ little.
        lgamma(shape + q)
            - lgamma(shape)
            - lgamma(q)
            - mean.ln()
            - q * (x * mean / v).ln_1p()
            - shape * (sum / (x * mean)).ln()
    }

    /// Amount that is expected of somebody's next purchase: their own mean, drawn towards everybody's the more the fewer repeats they have. Infinite where
    /// `p·x + q <= 1`.
    #[must_use]
    pub fn mean(&self, history: &History) -> f64 {
        let (x, rest) = (f64::from(history.repeats), self.p * f64::from(history.repeats) + self.q - 1.0);
        if rest > 0.0 { (self.v + x * history.spend) * self.p / rest } else { f64::INFINITY }
    }
}

/// Pearson's correlation of repeats and mean amounts among those whom the model reads; `None` where one of the two does not vary.
pub(crate) fn correlation(histories: &[History]) -> Option<f64> {
    let read = || histories.iter().filter(|history| GammaGamma::reads(history));
    let count = read().count() as f64;
    let (x, y) = read().fold((0.0, 0.0), |(x, y), history| (x + f64::from(history.repeats), y + history.spend));
    let (x, y) = (x / count, y / count);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for history in read() {
        let (dx, dy) = (f64::from(history.repeats) - x, history.spend - y);
        (xx, xy, yy) = (xx + dx * dx, xy + dx * dy, yy + dy * dy);
    }
    let found = xy / (xx * yy).sqrt();
    found.is_finite().then_some(found)
}
