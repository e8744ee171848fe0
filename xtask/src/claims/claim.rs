//! A figure that the project states, and what its value has to keep to.

use std::fmt;

/// What a value has to keep to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Bound {
    /// Not above.
    AtMost(f64),
    /// Not below.
    AtLeast(f64),
    /// Exactly.
    Equal(f64),
    /// Stated without a bound: holds when it was measured.
    Stated,
}

impl Bound {
    /// Whether a value keeps to it. A value that is no number never does.
    pub fn admits(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
            #[expect(clippy::float_cmp, reason = "the values with an exact bound are counts")]
            Self::Equal(exact) => value == exact,
            Self::Stated => value.is_finite(),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "<= {most}"),
            Self::AtLeast(least) => write!(f, ">= {least}"),
            Self::Equal(exact) => write!(f, "= {exact}"),
            Self::Stated => f.write_str("stated"),
        }
    }
}

/// One figure.
pub struct Claim {
    /// Its name and the name of its file.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What its value counts.
    pub unit: &'static str,
    /// What the value has to keep to.
    pub bound: Bound,
    /// The command that measures it.
    pub command: &'static str,
}

/// A claim of these.
pub const fn claim(
    name: &'static str,
    meaning: &'static str,
    unit: &'static str,
    bound: Bound,
    command: &'static str,
) -> Claim {
    Claim { name, meaning, unit, bound, command }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_no_number_keeps_to_no_bound() {
        for bound in [Bound::AtMost(1.0), Bound::AtLeast(0.0), Bound::Equal(0.0), Bound::Stated] {
            assert!(!bound.admits(f64::NAN), "{bound}");
        }
    }

    #[test]
    fn a_bound_admits_its_own_edge() {
        assert!(Bound::AtMost(2.0).admits(2.0) && !Bound::AtMost(2.0).admits(2.5));
        assert!(Bound::AtLeast(2.0).admits(2.0) && !Bound::AtLeast(2.0).admits(1.0));
        assert!(Bound::Equal(0.0).admits(0.0) && !Bound::Equal(0.0).admits(1.0));
    }
}
