//! What a model of buying has to say.

use crate::history::History;
use crate::quadrature::integral;

/// A model of when somebody buys and when they leave for good, with four parameters. Everybody has a rate and a way of leaving of their own; the
/// parameters say how these spread over all customers.
///
/// What follows is told from how many purchases a week are still expected of somebody who is there ([`Process::rate`]): their sum is
/// [`Process::expected`], and, each discounted to today, [`Process::discounted`].
pub trait Process: Copy {
    /// What the model is called.
    const NAME: &'static str;
    /// Its parameters, in the order in which they are given and told.
    const PARAMETERS: [&'static str; 4];

    /// The model of these parameters, all above 0.
    fn of(parameters: [f64; 4]) -> Self;

    /// Its parameters.
    fn parameters(&self) -> [f64; 4];

    /// Where a search for the parameters begins, of customers who have been watched for `age` weeks on average.
    fn begin(age: f64) -> [[f64; 4]; 2];

    /// The part of the logarithm of the likelihood that asks for the number of repeats alone.
    fn ln_count(&self, repeats: u32) -> f64;

    /// The part of it that asks for times too.
    fn ln_timing(&self, history: &History) -> f64;

    /// The logarithm of the likelihood of somebody's purchases.
    fn ln_likelihood(&self, history: &History) -> f64 {
        self.ln_count(history.repeats) + self.ln_timing(history)
    }

    /// How likely somebody has not left yet.
    fn alive(&self, history: &History) -> f64;

    /// Purchases a week that are expected so many weeks after now, of somebody who is here now. Falls with time.
    fn rate(&self, history: &History, ahead: f64) -> f64;

    /// The weeks t within which [`Process::rate`] bends, and a bound of how its logarithm falls for each unit of ln(1 + t).
    fn bend(&self, history: &History) -> (f64, f64);

    /// How likely somebody buys at least once within so many weeks from now.
    fn buys_within(&self, history: &History, weeks: f64) -> f64;

    /// Purchases that are expected within so many weeks from now. Of [`History::NEW`]: repeat purchases of somebody new.
    fn expected(&self, history: &History, weeks: f64) -> f64 {
        self.discounted(history, weeks, 0.0)
    }

    /// The same, where a purchase in t weeks counts e^(−`rate`·t): the expected number, discounted continuously at `rate` a week.
    fn discounted(&self, history: &History, weeks: f64, rate: f64) -> f64 {
        let (scale, falls) = self.bend(history);
        // Along v = ln(1 + t/scale) powers of 1 + t/scale are exponentials, which quadrature takes to the last digits.
        let ahead = |v: f64| scale * v.exp_m1();
        let steepness = falls + 1.0 + rate * (scale + weeks);
        let sum = integral((weeks / scale).ln_1p(), steepness, |v| {
            self.rate(history, ahead(v)) * (-rate * ahead(v)).exp() * (scale + ahead(v))
        });
        self.alive(history) * sum
    }
}

/// ln(e^one + e^other).
pub(crate) fn ln_sum(one: f64, other: f64) -> f64 {
    let (most, least) = if one > other { (one, other) } else { (other, one) };
    if least == f64::NEG_INFINITY { most } else { most + (least - most).exp().ln_1p() }
}
