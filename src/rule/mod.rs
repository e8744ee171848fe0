//! Which campaigns a visitor matches, without interpreting a single rule.
//!
//! Every attribute's value is reduced to a bin, and for each bin the compiler has laid down the bit row of the conjuncts
//! that accept it. ANDing one row for each attribute leaves the conjuncts that accept all of them: a thousand campaigns
//! cost a few hundred loads (measured in `bench/`; the idea and its limits are those of bitmap indices).

use crate::catalog::{Attribute, Catalog};

/// Bin of a number among ascending little-endian borders: 0 when it is missing (NaN), else one more than the number of
/// borders that it has reached.
#[must_use]
pub fn number_bin(borders: &[[u8; 8]], value: f64) -> u16 {
    if value.is_nan() {
        return 0;
    }
    let reached = borders.partition_point(|border| f64::from_le_bytes(*border) <= value);
    u16::try_from(reached + 1).unwrap_or(u16::MAX)
}

/// Bin of an attribute's input: a number as it is, a text value as the bin that it was interned to.
#[must_use]
pub fn bin(catalog: &Catalog, attribute: &Attribute<'_>, input: f64) -> u16 {
    if attribute.is_text() { input as u16 } else { number_bin(catalog.borders(attribute), input) }
}

/// Combines the bit rows of all bins: in `matches`, bit j of the row stays set when conjunct j accepts every one.
///
/// `matches` has the length of a bit row. Bits beyond the last conjunct are left as they fall; a placement's mask clears
/// them. An attribute whose bin has no row in a bundle that is wrong accepts nothing.
pub fn combine(catalog: &Catalog, bins: &[u16], matches: &mut [u64]) {
    matches.fill(u64::MAX);
    for (attribute, bin) in catalog.attributes().zip(bins) {
        match catalog.bin_row(&attribute, *bin) {
            None if attribute.rows() == crate::catalog::NONE => {}
            Some(row) if row.len() == matches.len() => {
                for (word, accepted) in matches.iter_mut().zip(row) {
                    *word &= u64::from_le_bytes(*accepted);
                }
            }
            _ => matches.fill(0),
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
}
