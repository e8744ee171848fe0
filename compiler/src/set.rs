//! Sets of values: which values of one attribute a condition accepts, closed under and, or and not.
//!
//! A set of numbers is the values at which membership changes, so its changes are exactly the borders that the bundle
//! needs. A set of texts is a finite set or all but a finite set. Whether a missing value belongs is kept apart: a
//! missing value satisfies no condition, and `not` of a condition accepts it.

use std::collections::BTreeSet;

/// Values of one attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Set {
    /// Whether a missing value belongs.
    pub(crate) missing: bool,
    pub(crate) values: Values,
}

/// The values that are there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    /// Membership below the first change, and the ascending, finite values from which on it is the other way round.
    Numbers { below: bool, changes: Vec<f64> },
    /// Membership of every text but the listed ones, which are the other way round.
    Texts { others: bool, listed: BTreeSet<String> },
}

impl Set {
    /// No value at all, of the same kind as `self`.
    pub(crate) fn none_like(&self) -> Self {
        let values = match self.values {
            Values::Numbers { .. } => Values::Numbers { below: false, changes: Vec::new() },
            Values::Texts { .. } => Values::Texts { others: false, listed: BTreeSet::new() },
        };
        Self { missing: false, values }
    }

    /// The numbers from `least` on and below `end`; either may be open.
    pub(crate) fn numbers(least: Option<f64>, end: Option<f64>) -> Self {
        let mut changes: Vec<f64> = Vec::new();
        let mut below = least.is_none();
        match (least, end) {
            (Some(least), Some(end)) if end <= least => {}
            (least, end) => changes.extend(least.into_iter().chain(end)),
        }
        if least.is_none() && end == Some(f64::NEG_INFINITY) {
            below = false;
        }
        // What changes at infinity changes for no value that a page can mean.
        changes.retain(|change| change.is_finite());
        Self { missing: false, values: Values::Numbers { below, changes } }
    }

    /// Exactly these numbers.
    pub(crate) fn points(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        let mut changes: Vec<f64> = Vec::with_capacity(2 * numbers.len());
        for number in numbers {
            // Where one ends and the next begins nothing changes.
            if changes.last() == Some(&number) {
                changes.pop();
            } else {
                changes.push(number);
            }
            changes.push(number.next_up());
        }
        Self { missing: false, values: Values::Numbers { below: false, changes } }
    }

    /// The numbers from the first of `changes` on, without those from the second on, with those from the third on, and so forth; they
    /// ascend.
    pub(crate) fn turns(changes: Vec<f64>) -> Self {
        Self { missing: false, values: Values::Numbers { below: false, changes } }
    }

    /// These texts.
    pub(crate) fn texts(listed: impl IntoIterator<Item = String>) -> Self {
        Self { missing: false, values: Values::Texts { others: false, listed: listed.into_iter().collect() } }
    }

    /// Every value that is there.
    pub(crate) fn present(text: bool) -> Self {
        let values = if text {
            Values::Texts { others: true, listed: BTreeSet::new() }
        } else {
            Values::Numbers { below: true, changes: Vec::new() }
        };
        Self { missing: false, values }
    }

    /// What does not belong.
    pub(crate) fn complement(mut self) -> Self {
        self.missing = !self.missing;
        self.flip();
        self
    }

    /// Every value that is there and does not belong: `is_not`, to which a missing value does not answer either.
    pub(crate) fn others(mut self) -> Self {
        self.flip();
        self
    }

    fn flip(&mut self) {
        match &mut self.values {
            Values::Numbers { below, .. } => *below = !*below,
            Values::Texts { others, .. } => *others = !*others,
        }
    }

    /// What belongs to both; sets of different kinds share nothing.
    pub(crate) fn and(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a && b)
    }

    /// What belongs to either.
    pub(crate) fn or(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a || b)
    }

    fn combine(&self, other: &Self, rule: impl Fn(bool, bool) -> bool) -> Self {
        let values = match (&self.values, &other.values) {
            (Values::Numbers { below: a, .. }, Values::Numbers { below: b, .. }) => {
                let below = rule(*a, *b);
                let mut all: Vec<f64> = self.changes().iter().chain(other.changes()).copied().collect();
                all.sort_by(f64::total_cmp);
                all.dedup();
                let mut changes = Vec::new();
                let mut now = below;
                for change in all {
                    let next = rule(self.has_number(change), other.has_number(change));
                    if next != now {
                        changes.push(change);
                        now = next;
                    }
                }
                Values::Numbers { below, changes }
            }
            (Values::Texts { others: a, listed: x }, Values::Texts { others: b, listed: y }) => {
                let others = rule(*a, *b);
                let listed = x.union(y).filter(|text| rule(self.has_text(text), other.has_text(text)) != others);
                Values::Texts { others, listed: listed.cloned().collect() }
            }
            _ => self.none_like().values,
        };
        Self { missing: rule(self.missing, other.missing), values }
    }

    /// The same set for whole numbers, with whole borders: fewer bins, and "at most 3" is "below 4".
    pub(crate) fn of_whole_numbers(mut self) -> Self {
        if let Values::Numbers { changes, .. } = &mut self.values {
            let mut whole: Vec<f64> = Vec::with_capacity(changes.len());
            for change in changes.iter().map(|change| change.ceil()) {
                // Two changes between the same two whole numbers undo each other.
                if whole.last() == Some(&change) {
                    whole.pop();
                } else {
                    whole.push(change);
                }
            }
            *changes = whole;
        }
        self
    }

    /// Where membership changes; empty for texts.
    pub(crate) fn changes(&self) -> &[f64] {
        match &self.values {
            Values::Numbers { changes, .. } => changes,
            Values::Texts { .. } => &[],
        }
    }

    /// Whether a number belongs.
    pub(crate) fn has_number(&self, number: f64) -> bool {
        match &self.values {
            Values::Numbers { below, changes } => {
                below ^ (changes.partition_point(|change| *change <= number) % 2 == 1)
            }
            Values::Texts { .. } => false,
        }
    }

    /// Whether a number below every border belongs.
    pub(crate) fn has_lowest(&self) -> bool {
        matches!(self.values, Values::Numbers { below: true, .. })
    }

    /// Whether a text belongs.
    pub(crate) fn has_text(&self, text: &str) -> bool {
        match &self.values {
            Values::Texts { others, listed } => others ^ listed.contains(text),
            Values::Numbers { .. } => false,
        }
    }

    /// Whether a text that nobody names belongs.
    pub(crate) fn has_other_texts(&self) -> bool {
        matches!(self.values, Values::Texts { others: true, .. })
    }

    /// Whether nothing belongs.
    pub(crate) fn is_empty(&self) -> bool {
        !self.missing && *self == self.none_like()
    }

    /// Whether everything belongs, a missing value too.
    pub(crate) fn is_all(&self) -> bool {
        self.clone().complement().is_empty()
    }

    /// Whether every member of `self` belongs to `other`.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.and(&other.clone().complement()).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_accepts_a_missing_value_and_is_not_does_not() {
        let five = Set::numbers(Some(5.0), Some(5.0f64.next_up()));
        assert!(!five.missing && !five.clone().others().missing && five.clone().complement().missing);
        assert!(five.has_number(5.0) && !five.has_number(5.5) && five.others().has_number(5.5));
    }

    #[test]
    fn points_are_the_union_of_single_numbers() {
        let numbers = [3.0, 1.0, 3.0, 1.0f64.next_up(), -2.0];
        let single = |number: f64| Set::numbers(Some(number), Some(number.next_up()));
        let union = numbers.map(single).into_iter().reduce(|all, one| all.or(&one)).unwrap();
        assert_eq!(Set::points(numbers), union);
        assert!(Set::points([]).is_empty());
    }

    #[test]
    fn a_contradiction_is_empty() {
        let contradiction = Set::numbers(Some(5.0), None).and(&Set::numbers(None, Some(3.0f64.next_up())));
        assert!(contradiction.is_empty());
        assert!(Set::numbers(Some(5.0), Some(5.0)).is_empty());
        assert!(Set::numbers(None, Some(f64::NEG_INFINITY)).is_empty());
    }

    #[test]
    fn the_whole_line_has_no_borders() {
        let all = Set::numbers(Some(5.0), None).or(&Set::numbers(None, Some(5.0)));
        assert_eq!(all, Set::present(false));
        assert!(!all.is_all());
    }

    #[test]
    fn whole_numbers_have_whole_borders() {
        let six = Set::numbers(Some(6.0), Some(6.0f64.next_up()));
        let seven = Set::numbers(Some(7.0), Some(7.0f64.next_up()));
        assert_eq!(six.or(&seven).of_whole_numbers(), Set::numbers(Some(6.0), Some(8.0)));
        assert!(Set::numbers(Some(3.2), Some(3.9)).of_whole_numbers().is_empty());
    }

    #[test]
    fn texts_combine_whether_listed_or_excepted() {
        let ab = Set::texts(["a".to_owned(), "b".to_owned()]);
        let not_b = Set::texts(["b".to_owned()]).others();
        assert_eq!(ab.and(&not_b), Set::texts(["a".to_owned()]));
        assert!(ab.or(&not_b).has_text("b") && ab.or(&not_b).has_other_texts());
        assert!(Set::texts(["a".to_owned()]).is_within(&not_b));
    }
}
