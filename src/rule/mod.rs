//! Which campaigns a visitor matches, without interpreting a single rule.
//!
//! Every attribute's value is reduced to a bin, and for each bin the compiler has laid down the bit row of the conjuncts
//! that accept it. ANDing one row for each attribute leaves the conjuncts that accept all of them: a thousand campaigns
//! cost a few hundred loads (measured in `bench/`; the idea and its limits are those of bitmap indices).

use crate::catalog::{Catalog, NONE, Section};

/// A bit row, as little-endian words.
type Row<'a> = &'a [[u8; 8]];

/// Bin of a number among ascending little-endian borders: 0 when it is missing (NaN), else one more than the number of
/// borders that it has reached.
#[must_use]
pub fn number_bin(borders: Row<'_>, value: f64) -> u16 {
    if value.is_nan() {
        return 0;
    }
    // Shar's search: after one comparison the rest is a power of two, and every step adds its answer as a number. Which way
    // a comparison goes is a coin toss, and a branch on it would be mispredicted half the time.
    let passed = |place: usize| borders.get(place).is_some_and(|border| f64::from_le_bytes(*border) <= value);
    let Some(mut step) = borders.len().checked_ilog2() else { return 1 };
    let mut reached = if passed((1 << step) - 1) { borders.len() + 1 - (1 << step) } else { 0 };
    while step > 0 {
        step -= 1;
        reached += usize::from(passed(reached + (1 << step) - 1)) << step;
    }
    u16::try_from(reached + 1).unwrap_or(u16::MAX)
}

/// Reduces every input to its bin: a number by its borders, a text value, which arrives as the bin that it was interned
/// to, as it is. Returns whether some bin is another than before.
pub fn bin(catalog: &Catalog, inputs: &[f64], bins: &mut [u16]) -> bool {
    let all = catalog.section(Section::Borders).as_chunks::<8>().0;
    let mut changed = false;
    for ((attribute, input), bin) in catalog.attributes().zip(inputs).zip(bins) {
        let new = if attribute.is_text() {
            *input as u16
        } else {
            let first = attribute.first() as usize;
            number_bin(all.get(first..first.saturating_add(attribute.count() as usize)).unwrap_or(&[]), *input)
        };
        changed |= new != *bin;
        *bin = new;
    }
    changed
}

/// Combines the bit rows of all bins: in `matches`, bit j of the row stays set when conjunct j accepts every one.
///
/// `matches` has the length of a bit row. Bits beyond the last conjunct are left as they fall; a placement's mask clears
/// them. A bin that has no row, in a bundle that is wrong, accepts nothing.
pub fn combine(catalog: &Catalog, bins: &[u16], matches: &mut [u64]) {
    let index = catalog.section(Section::RowIndex).as_chunks::<4>().0;
    let words = catalog.section(Section::Rows).as_chunks::<8>().0;
    let length = matches.len();
    let mut rows = catalog.attributes().zip(bins).filter(|(attribute, _)| attribute.rows() != NONE).map(
        |(attribute, bin)| -> Option<Row<'_>> {
            let place = (attribute.rows() as usize).checked_add(usize::from(*bin))?;
            let start = (u32::from_le_bytes(*index.get(place)?) as usize).checked_mul(length)?;
            words.get(start..start.checked_add(length)?)
        },
    );
    matches.fill(u64::MAX);
    // Four at a time, so that the words of `matches` are loaded and stored a quarter as often.
    while let Some(first) = rows.next() {
        let mut row = || rows.next().unwrap_or(first);
        let (Some(a), Some(b), Some(c), Some(d)) = (first, row(), row(), row()) else {
            matches.fill(0);
            return;
        };
        for ((((word, a), b), c), d) in matches.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *word &= u64::from_le_bytes(*a) & u64::from_le_bytes(*b) & u64::from_le_bytes(*c) & u64::from_le_bytes(*d);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_reaches_its_borders_inclusively() {
        let borders = [1.0f64, 2.5].map(f64::to_le_bytes);
        let bins = [f64::NAN, 0.9, 1.0, 2.4, 2.5, f64::INFINITY, f64::NEG_INFINITY].map(|v| number_bin(&borders, v));
        assert_eq!(bins, [0, 1, 2, 2, 3, 3, 1]);
    }

    #[test]
    fn the_search_equals_counting_for_every_number_of_borders() {
        for count in 0..70u16 {
            let borders: std::vec::Vec<_> = (0..count).map(|border| f64::from(border).to_le_bytes()).collect();
            for half in -2..2 * i32::from(count) + 2 {
                let value = f64::from(half) / 2.0;
                let reached = borders.iter().filter(|border| f64::from_le_bytes(**border) <= value).count();
                assert_eq!(number_bin(&borders, value), reached as u16 + 1, "{value} among {count}");
            }
        }
    }
}
