//! Who leaves, leaves at any moment: the Pareto/NBD model.
//!
//! While somebody is there they buy by a Poisson process at a rate λ; they leave at a rate μ. λ is of a gamma distribution (r, α), μ of another (s, β).
//! Schmittlein, Morrison and Colombo, Counting Your Customers: Who Are They and What Will They Do Next?, Management Science 33(1), 1987; derived anew in
//! Fader and Hardie, A Note on Deriving the Pareto/NBD Model and Related Expressions, 2005 (brucehardie.com/notes/009).
//!
//! The likelihood there ends in a difference of two hypergeometric functions, in two cases by which of α and β is larger. It stands
//! for one integral, over when somebody
//! left: s·∫ (α + y)^−(r+x) · (β + y)^−(s+1) dy from the last purchase to now. It is taken as it is: nothing cancels where the two
//! are close, and there is one case.

use libm::lgamma;

use crate::history::History;
use crate::process::{Process, ln_sum};
use crate::quadrature::integral;

/// The Pareto/NBD model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParetoNbd {
    /// Shape of the rates of buying.
    pub r: f64,
    /// Their scale, in weeks: r/α is the mean rate.
    pub alpha: f64,
    /// Shape of the rates of leaving.
    pub s: f64,
    /// Their scale, in weeks: s/β is the mean rate.
    pub beta: f64,
}

impl ParetoNbd {
    fn ln_here(&self, history: &History) -> f64 {
        let x = f64::from(history.repeats);
        -(self.r + x) * (self.alpha + history.age).ln() - self.s * (self.beta + history.age).ln()
    }

    /// ln of s times the integral over when somebody left.
    fn ln_left(&self, history: &History) -> f64 {
        let Self { r, alpha, s, beta } = *self;
        let shape = r + f64::from(history.repeats);
        let from = alpha.min(beta) + history.last;
        let length = ((history.age - history.last) / from).ln_1p();
        if length <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let (buying, leaving) = (alpha + history.last, beta + history.last);
        // Along v = ln((min(α, β) + y)/from), relative to the beginning. Its logarithm is concave, so it is steepest at one of its ends.
        let share = |scale: f64| (alpha.min(beta) + history.age) / (scale + history.age);
        let steepness = 1.0 + shape * share(alpha) + (s + 1.0) * share(beta);
        let sum = integral(length, steepness, |v| {
            let y = from * v.exp_m1();
            (v - shape * (y / buying).ln_1p() - (s + 1.0) * (y / leaving).ln_1p()).exp()
        });
        s.ln() + from.ln() + sum.ln() - shape * buying.ln() - (s + 1.0) * leaving.ln()
    }
}

impl Process for ParetoNbd {
    const NAME: &'static str = "Pareto/NBD";
    const PARAMETERS: [&'static str; 4] = ["r", "alpha", "s", "beta"];

    fn of([r, alpha, s, beta]: [f64; 4]) -> Self {
        Self { r, alpha, s, beta }
    }

    fn parameters(&self) -> [f64; 4] {
        [self.r, self.alpha, self.s, self.beta]
    }

    fn begin(age: f64) -> [[f64; 4]; 2] {
        [[0.5, age / 4.0, 0.6, age / 4.0], [2.0, age, 1.0, age]]
    }

    fn ln_count(&self, repeats: u32) -> f64 {
        let Self { r, alpha, s, beta } = *self;
        lgamma(r + f64::from(repeats)) - lgamma(r) + r * alpha.ln() + s * beta.ln()
    }

    fn ln_timing(&self, history: &History) -> f64 {
        ln_sum(self.ln_here(history), self.ln_left(history))
    }

    fn alive(&self, history: &History) -> f64 {
        1.0 / (1.0 + (self.ln_left(history) - self.ln_here(history)).exp())
    }

    fn rate(&self, history: &History, ahead: f64) -> f64 {
        let mean = (self.r + f64::from(history.repeats)) / (self.alpha + history.age);
        mean * (-self.s * (ahead / (self.beta + history.age)).ln_1p()).exp()
    }

    fn bend(&self, history: &History) -> (f64, f64) {
        (self.beta + history.age, self.s)
    }

    /// The first purchase comes t weeks ahead, before they leave, with density E[λ·e^(−(λ + μ)t)].
    fn buys_within(&self, history: &History, weeks: f64) -> f64 {
        let (shape, buying, leaving) =
            (self.r + f64::from(history.repeats), self.alpha + history.age, self.beta + history.age);
        let scale = buying.min(leaving);
        let sum = integral((weeks / scale).ln_1p(), 1.0 + shape + self.s, |v| {
            let ahead = scale * v.exp_m1();
            let quiet = -(shape + 1.0) * (ahead / buying).ln_1p() - self.s * (ahead / leaving).ln_1p();
            shape / buying * quiet.exp() * (scale + ahead)
        });
        (self.alive(history) * sum).clamp(0.0, 1.0)
    }
}
