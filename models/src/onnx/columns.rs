//! What stands in the columns that an ensemble is given, by the columns of a row that it is made of.

use crate::forest::{Blank, Side, Test};
use crate::onnx::proto::Element;
use crate::walk::set;

/// Categories that are read at most: as many as of XGBoost.
const MOST_LEVELS: f64 = 65_536.0;

/// One column of a tensor.
#[derive(Debug, Clone)]
pub(super) enum Column {
    /// A number of the row.
    Number {
        /// Which.
        feature: usize,
        /// What it is held as.
        element: Element,
        /// Was it cut to a whole number? Then it can be looked up, and not compared.
        cut: bool,
        /// What is done to it, in single precision.
        steps: Vec<Step>,
    },
    /// A text of the row.
    Text {
        /// Which.
        feature: usize,
    },
    /// A number for each of some levels of a text, or of some whole numbers.
    Coded {
        /// Of what.
        feature: usize,
        /// By level.
        values: Vec<(usize, f64)>,
        /// Of everything else, and of what is missing.
        other: f64,
    },
}

/// What is done to a number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// Taken for this where it is missing.
    Fill(f32),
    /// `(x - offset) · scale`.
    Scale { offset: f32, scale: f32 },
}

/// How an ensemble compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    AtMost,
    Below,
    AtLeast,
    Above,
    Equal,
    Unequal,
    Member,
}

/// A question as ONNX has it: *yes* leads to the node that it calls true.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) mode: Mode,
    pub(super) threshold: f64,
    /// What [`Mode::Member`] asks for.
    pub(super) members: Vec<f64>,
    /// Is what is missing *yes* whatever is asked?
    pub(super) missing: bool,
}

impl Mode {
    /// In the order of `nodes_modes` where these are numbers.
    pub(super) const ALL: [(Self, &str); 7] = [
        (Self::AtMost, "BRANCH_LEQ"),
        (Self::Below, "BRANCH_LT"),
        (Self::AtLeast, "BRANCH_GTE"),
        (Self::Above, "BRANCH_GT"),
        (Self::Equal, "BRANCH_EQ"),
        (Self::Unequal, "BRANCH_NEQ"),
        (Self::Member, "BRANCH_MEMBER"),
    ];
}

impl Step {
    pub(super) fn apply(self, value: f32) -> f32 {
        match self {
            Self::Fill(filled) => {
                if value.is_nan() {
                    filled
                } else {
                    value
                }
            }
            Self::Scale { offset, scale } => (value - offset) * scale,
        }
    }
}

impl Question {
    fn yes(&self, value: f64) -> bool {
        let Self { mode, threshold, missing, .. } = *self;
        let compared = match mode {
            Mode::AtMost => value <= threshold,
            Mode::Below => value < threshold,
            Mode::AtLeast => value >= threshold,
            Mode::Above => value > threshold,
            Mode::Equal => value == threshold,
            Mode::Unequal => value != threshold,
            Mode::Member => self.members.contains(&value),
        };
        compared || missing && value.is_nan()
    }
}

fn side(left: bool) -> Side {
    if left { Side::Left } else { Side::Right }
}

impl Column {
    pub(super) fn feature(&self) -> usize {
        match self {
            Self::Number { feature, .. } | Self::Text { feature } | Self::Coded { feature, .. } => *feature,
        }
    }

    /// How much it holds.
    pub(super) fn cells(&self) -> usize {
        match self {
            Self::Number { steps, .. } => 1 + steps.len(),
            Self::Text { .. } => 1,
            Self::Coded { values, .. } => 1 + values.len(),
        }
    }

    /// The same question of the row's own column, and whether its *yes* is the other's *no*.
    pub(super) fn ask(&self, question: &Question) -> Result<(Test, bool), String> {
        match self {
            Self::Text { .. } => Err("a text is compared with a number".to_owned()),
            Self::Coded { values, other, .. } => {
                // What most say is *no* of the test, however many there are.
                let most = question.yes(*other);
                let few = values.iter().filter(|(_, value)| question.yes(*value) != most);
                Ok((Test::Among { set: set(few.map(|(level, _)| *level)), missing: Side::Right }, most))
            }
            Self::Number { cut: true, .. } => Err("numbers that are cut to whole ones are compared".to_owned()),
            Self::Number { steps, .. } if steps.is_empty() => plain(question),
            Self::Number { steps, .. } => stepped(question, steps),
        }
    }
}

/// A question of a number as it stands in the row.
fn plain(question: &Question) -> Result<(Test, bool), String> {
    let Question { mode, threshold, .. } = *question;
    // Swapped, what was *yes* is to the right.
    let swapped = matches!(mode, Mode::AtLeast | Mode::Above | Mode::Unequal);
    let missing = side(question.yes(f64::NAN) != swapped);
    let test = match mode {
        Mode::AtMost | Mode::Above => Test::AtMost { threshold, blank: Blank::Missing(missing) },
        Mode::Below | Mode::AtLeast => Test::Below { threshold, missing },
        Mode::Equal | Mode::Unequal => Test::Among { set: set(std::iter::once(category(threshold)?)), missing },
        Mode::Member => {
            let members: Vec<usize> =
                question.members.iter().map(|member| category(*member)).collect::<Result<_, _>>()?;
            Test::Among { set: set(members.into_iter()), missing }
        }
    };
    Ok((test, swapped))
}

/// The number of a category. The Forest cuts fractions, which no category has.
pub(super) fn category(number: f64) -> Result<usize, String> {
    let is = number.fract() == 0.0 && (0.0..MOST_LEVELS).contains(&number);
    is.then_some(number as usize)
        .ok_or_else(|| format!("a number is asked to be {number}, which is no category from 0 to 65,535"))
}

/// A question of a number that something is done to first. Whatever is done keeps the order or turns it, rounding included, so that one bound
/// parts the row's own numbers; it is found by halving.
fn stepped(question: &Question, steps: &[Step]) -> Result<(Test, bool), String> {
    if matches!(question.mode, Mode::Equal | Mode::Unequal | Mode::Member) {
        return Err("a number that was scaled or filled in is asked to be equal".to_owned());
    }
    let yes = |value: f32| question.yes(steps.iter().fold(value, |value, step| step.apply(value)).into());
    let low = yes(f32::NEG_INFINITY);
    // *Yes* of the test is whatever the least numbers are.
    let missing = side(yes(f32::NAN) == low);
    let (mut first, mut last) = (ordered(f32::NEG_INFINITY), ordered(f32::INFINITY));
    if yes(f32::INFINITY) == low {
        return Ok((Test::AtMost { threshold: f64::INFINITY, blank: Blank::Missing(missing) }, !low));
    }
    while last - first > 1 {
        let middle = i64::midpoint(first, last);
        if yes(number(middle)) == low { first = middle } else { last = middle }
    }
    Ok((Test::AtMost { threshold: number(first).into(), blank: Blank::Missing(missing) }, !low))
}

/// A number's place in the order of all of single precision.
fn ordered(number: f32) -> i64 {
    let bits = i64::from(number.to_bits() & 0x7fff_ffff);
    if number.is_sign_negative() { -bits } else { bits }
}

fn number(place: i64) -> f32 {
    let bits = u32::try_from(place.unsigned_abs()).unwrap_or_default();
    f32::from_bits(if place < 0 { bits | 0x8000_0000 } else { bits })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn column(steps: Vec<Step>) -> Column {
        Column::Number { feature: 0, element: Element::Single, cut: false, steps }
    }

    proptest! {
        /// Whatever is done to a number before it is asked, the question of the number itself has the same answer.
        #[test]
        fn a_question_of_a_row_is_the_question_of_what_becomes_of_it(
            value in prop_oneof![any::<f32>(), -10.0_f32..10.0, Just(f32::NAN), Just(2.5)],
            threshold in prop_oneof![any::<f32>(), -10.0_f32..10.0, Just(2.5), (0_u8..9).prop_map(f32::from)],
            offset in -5.0_f32..5.0,
            scale in prop_oneof![0.01_f32..9.0, -9.0_f32..-0.01],
            fill in -10.0_f32..10.0,
            shape in 0..4,
            mode in prop::sample::select(vec![Mode::AtMost, Mode::Below, Mode::AtLeast, Mode::Above, Mode::Equal, Mode::Unequal]),
            missing in any::<bool>(),
        ) {
            let steps = match shape {
                0 => Vec::new(),
                1 => vec![Step::Scale { offset, scale }],
                2 => vec![Step::Fill(fill)],
                _ => vec![Step::Fill(fill), Step::Scale { offset, scale }],
            };
            let question = Question { mode, threshold: threshold.into(), members: Vec::new(), missing };
            let becomes = steps.iter().fold(value, |value, step| step.apply(value));
            // Equality is for categories: fractions are not, and what is negative is none.
            let whole = value.is_nan() || value.fract() == 0.0 && value >= 0.0;
            if let Ok((test, swapped)) = column(steps).ask(&question) && (whole || !matches!(mode, Mode::Equal | Mode::Unequal)) {
                prop_assert_eq!((test.side(value.into()) == Side::Left) != swapped, question.yes(becomes.into()));
            }
        }
    }
}
