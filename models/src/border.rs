//! Where a split parts the numbers, exactly: a comparison that a library makes of single precision values has its border between two single
//! precision numbers, and not at the bound that is written.

use crate::forest::Precision;

/// The least number that is not below `bound`.
#[must_use]
pub fn not_below(bound: f64, precision: Precision) -> f64 {
    match precision {
        Precision::Double => bound,
        Precision::Single | Precision::Mixed => rounding_to(single_from(bound)),
    }
}

/// The least number that is above `bound`.
#[must_use]
pub fn above(bound: f64, precision: Precision) -> f64 {
    match precision {
        Precision::Double => bound.next_up(),
        Precision::Single | Precision::Mixed => {
            let least = single_from(bound);
            rounding_to(if f64::from(least) > bound { least } else { least.next_up() })
        }
    }
}

/// The least single precision number that is not below a number.
fn single_from(bound: f64) -> f32 {
    let nearest = bound as f32;
    if f64::from(nearest) < bound { nearest.next_up() } else { nearest }
}

/// The least number that is rounded to `single` or beyond: halfway from the one before, which itself goes to the even one of the two.
fn rounding_to(single: f32) -> f64 {
    let before = single.next_down();
    if !single.is_finite() || !before.is_finite() {
        return f64::from(single);
    }
    // Two neighbours in single precision have their exact middle in double precision.
    let middle = f64::midpoint(f64::from(before), f64::from(single));
    if middle as f32 == single { middle } else { middle.next_up() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_border_parts_numbers_as_the_comparison_does(bound in any::<f64>().prop_filter("a number", |b| b.is_finite() && b.abs() < 1e38), ulps in -3i64..=3) {
            for precision in [Precision::Double, Precision::Single, Precision::Mixed] {
                let seen = |value: f64| if precision == Precision::Double { value } else { f64::from(value as f32) };
                for (border, is_right) in [
                    (not_below(bound, precision), &(|value: f64| seen(value) >= bound) as &dyn Fn(f64) -> bool),
                    (above(bound, precision), &|value: f64| seen(value) > bound),
                ] {
                    prop_assert!(is_right(border), "{border} is to the right of {bound}");
                    prop_assert!(!is_right(border.next_down()), "{} is to the left of {bound}", border.next_down());
                    let near = f64::from_bits(border.to_bits().wrapping_add_signed(ulps));
                    prop_assert_eq!(is_right(near), near >= border);
                }
            }
        }
    }

    #[test]
    fn zero_has_its_neighbours() {
        assert_eq!(not_below(0.0, Precision::Double), 0.0);
        assert_eq!(above(0.0, Precision::Double), f64::from_bits(1));
        assert!(not_below(0.0, Precision::Single) <= 0.0 && above(0.0, Precision::Single) > 0.0);
    }
}
