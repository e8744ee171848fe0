//! Who leaves, leaves after a purchase: the BG/NBD model.
//!
//! While somebody is there they buy by a Poisson process at a rate λ; after each repeat purchase they leave for good with probability p. λ is of a gamma
//! distribution (r, α), p of a beta distribution (a, b). Fader, Hardie and Lee, "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD
//! Model, Marketing Science 24(2), 2005: the likelihood is their equation (6), in the form of logarithms that they give for spreadsheets.
//!
//! Of somebody who is there, λ is of (r + x, α + T) and p of (a, b + x). So the purchases a week t weeks ahead are E[λ·e^(−λpt)] =
//! (r + x)/(α + T) · E[(1 + p·t/(α + T))^(−(r + x + 1))], whose sum over time is their equation (10), and (9) for somebody new;
//! unlike these, which divide by a − 1, it holds for every a.

use libm::lgamma;

use crate::history::History;
use crate::hypergeometric::mean_power;
use crate::process::{Process, ln_sum};

/// The BG/NBD model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BgNbd {
    /// Shape of the rates.
    pub r: f64,
    /// Scale of the rates, in weeks: r/α is the mean rate.
    pub alpha: f64,
    /// First parameter of leaving: a/(a + b) is its mean.
    pub a: f64,
    /// Second parameter of leaving.
    pub b: f64,
}

impl BgNbd {
    /// r + x + 1 and a + b + x.
    fn power(&self, history: &History) -> (f64, f64) {
        let x = f64::from(history.repeats);
        (self.r + x + 1.0, self.a + self.b + x)
    }

    /// ln of the odds against being there: of having left right after the last repeat. −∞ where there was none.
    fn ln_left(&self, history: &History) -> f64 {
        if history.repeats == 0 {
            return f64::NEG_INFINITY;
        }
        let x = f64::from(history.repeats);
        let silence = ((history.age - history.last) / (self.alpha + history.last)).ln_1p();
        self.a.ln() - (self.b + x - 1.0).ln() + (self.r + x) * silence
    }
}

impl Process for BgNbd {
    const NAME: &'static str = "BG/NBD";
    const PARAMETERS: [&'static str; 4] = ["r", "alpha", "a", "b"];

    fn of([r, alpha, a, b]: [f64; 4]) -> Self {
        Self { r, alpha, a, b }
    }

    fn parameters(&self) -> [f64; 4] {
        [self.r, self.alpha, self.a, self.b]
    }

    fn begin(age: f64) -> [[f64; 4]; 2] {
        [[0.5, age / 4.0, 0.8, 2.5], [2.0, age, 0.3, 3.0]]
    }

    fn ln_count(&self, repeats: u32) -> f64 {
        let (Self { r, alpha, a, b }, x) = (*self, f64::from(repeats));
        lgamma(r + x) - lgamma(r) + r * alpha.ln() + lgamma(a + b) - lgamma(a + b + x) + lgamma(b + x) - lgamma(b)
    }

    fn ln_timing(&self, history: &History) -> f64 {
        let here = -(self.r + f64::from(history.repeats)) * (self.alpha + history.age).ln();
        here + ln_sum(0.0, self.ln_left(history))
    }

    fn alive(&self, history: &History) -> f64 {
        1.0 / (1.0 + self.ln_left(history).exp())
    }

    fn rate(&self, history: &History, ahead: f64) -> f64 {
        let ((power, c), scale) = (self.power(history), self.alpha + history.age);
        (power - 1.0) / scale * mean_power(power, self.a, c, ahead / scale)
    }

    /// Those who leave soon are gone within (α + T)/(power·p): the mean p tells how early that is. From there on it falls as a power of at most a, or, where
    /// everybody leaves alike, exponentially, and is nothing before it is steeper than 50.
    fn bend(&self, history: &History) -> (f64, f64) {
        let (power, c) = self.power(history);
        let early = (c / (self.a * power)).min(1.0);
        ((self.alpha + history.age) * early, self.a.min(power).min(50.0))
    }

    /// Nobody leaves before their next purchase, so whoever is here buys within t weeks unless λ is too small for it.
    fn buys_within(&self, history: &History, weeks: f64) -> f64 {
        let quiet = -(self.r + f64::from(history.repeats)) * (weeks / (self.alpha + history.age)).ln_1p();
        self.alive(history) * -quiet.exp_m1()
    }
}
