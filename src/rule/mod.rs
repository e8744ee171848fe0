//! Which campaigns a visitor matches, without interpreting a single rule.
//!
//! Every attribute's value is reduced to a bin, and for each bin the compiler has laid down the bit row of the conjuncts
//! that accept it. ANDing one row for each attribute leaves the conjuncts that accept all of them: a thousand campaigns
//! cost a few hundred loads (measured in `bench/`; the idea and its limits are those of bitmap indices).
//!
//! The loops stand in `kernel/`, which is compiled for speed; here is where they find their tables.

use crate::catalog::{Catalog, Section};
pub use petitfour_kernel::rule::number_bin;
use petitfour_kernel::rule::{self, Tables};

/// Reduces every input to its bin: a number by its borders, a text value, which arrives as the bin that it was interned
/// to, as it is. Returns whether some bin is another than before.
pub fn bin(catalog: &Catalog, inputs: &[f64], bins: &mut [u16]) -> bool {
    rule::bin(tables(catalog), inputs, bins)
}

/// Combines the bit rows of all bins: in `matches`, bit j of the row stays set when conjunct j accepts every one.
///
/// `matches` has the length of a bit row. Bits beyond the last conjunct are left as they fall; a placement's mask clears
/// them. A bin that has no row, in a bundle that is wrong, accepts nothing.
pub fn combine(catalog: &Catalog, bins: &[u16], matches: &mut [u64]) {
    rule::combine(tables(catalog), bins, matches);
}

/// Does one of these conjuncts match? None beyond the row does, however many a bundle says there are.
#[must_use]
pub fn any(matches: &[u64], first: usize, count: usize) -> bool {
    (first..first.saturating_add(count).min(64 * matches.len()))
        .any(|bit| matches.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1))
}

fn tables(catalog: &Catalog) -> Tables<'_> {
    Tables {
        columns: catalog.section(Section::Attributes).as_chunks().0,
        borders: catalog.section(Section::Borders).as_chunks().0,
        index: catalog.section(Section::RowIndex).as_chunks().0,
        rows: catalog.section(Section::Rows).as_chunks().0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conjuncts_beyond_the_row_match_nothing_and_are_not_gone_through() {
        let matches = [1 << 63, 1];
        assert!(any(&matches, 63, 1) && any(&matches, 0, 64) && any(&matches, 64, 1));
        assert!(!any(&matches, 0, 63) && !any(&matches, 65, 63) && !any(&matches, 63, 0));
        // A loop over them would take years.
        assert!(!any(&matches, 65, usize::MAX) && !any(&matches, usize::MAX, usize::MAX));
    }
}
