//! Trees that ask one question at each split: the leaves of a forest, written in campaign files or trained elsewhere.
//!
//! What a split asks is whether a byte has reached a bound. The bytes of a visitor are laid out once for all trees: of a number the bin itself,
//! of everything else what the bundle has for the bin. Trees stand in groups of sixteen, which [`lanes`](crate::lanes) asks side by side.

use alloc::vec::Vec;

use crate::lanes::{self, BLOCKS, Lanes, ROWS};

/// Values that are enough for most models.
const USUAL_VALUES: usize = 256;
/// Rows of a value that is the bin itself, 0 where it is missing.
const BINS: u16 = 0;
/// The same, but a missing value is the highest.
const MISSING_IS_HIGHEST: u16 = u16::MAX;

/// Trees that are asked side by side.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// What their splits look at.
    pub values: &'a [[Lanes; 2]],
    /// How many they are, at most sixteen.
    pub trees: usize,
    /// Splits of the largest.
    pub steps: usize,
    /// Three rows for each step, and all that stands behind them.
    pub rows: &'a [u8],
    /// Their leaves, of each tree one more than there are steps.
    leaves: &'a [u8],
}

/// The leaves that a visitor falls into, added up in Q16.16 (`docs/formats/bundle.md`, MODL 3); `None` when the data is cut.
#[must_use]
pub fn sum(data: &[u8], leaf_bytes: usize, bins: &[u16]) -> Option<i32> {
    let unit = i64::from(u32::from_le_bytes(*data.first_chunk()?));
    let (groups, values, mut rest) = values(data, bins)?;
    let mut sum = 0i64;
    for _ in 0..groups {
        let group;
        (group, rest) = self::group(&values, leaf_bytes, rest)?;
        let (narrow, wide) = (group.leaves, group.leaves.as_chunks::<2>().0);
        // Both count without a product: a multiplication for each tree would be seen.
        let (mut first, mut own) = (0, 0);
        for exit in lanes::exits(group.values, group.rows, group.steps, group.trees)?.into_iter().take(group.trees) {
            let leaf = first + usize::from(exit);
            first += group.steps + 1;
            own += if leaf_bytes == 1 {
                i32::from(narrow.get(leaf)?.cast_signed())
            } else {
                i32::from(i16::from_le_bytes(*wide.get(leaf)?))
            };
        }
        sum += i64::from(own);
    }
    Some((sum.saturating_mul(unit) >> 16).clamp(i32::MIN.into(), i32::MAX.into()) as i32)
}

/// The next group, and what stands behind it.
#[must_use]
pub fn group<'a>(values: &'a [u8], leaf_bytes: usize, data: &'a [u8]) -> Option<(Group<'a>, &'a [u8])> {
    let ([a, b, blocks, steps, trees], rest) = data.split_first_chunk::<5>()?;
    let values = values.as_chunks().0.as_chunks().0.get(usize::from(u16::from_le_bytes([*a, *b]))..)?;
    let values = values.get(..usize::from(*blocks).min(BLOCKS))?;
    let (steps, trees) = (usize::from(*steps), usize::from(*trees));
    let rows = rest;
    let (_, rest) = rest.split_at_checked(ROWS * steps * trees)?;
    let (leaves, rest) = rest.split_at_checked((steps + 1) * trees * leaf_bytes)?;
    Some((Group { values, trees, steps, rows, leaves }, rest))
}

/// How many groups there are, the values of a visitor, filled up to whole blocks of thirty-two, and the groups.
#[must_use]
pub fn values<'a>(data: &'a [u8], bins: &[u16]) -> Option<(u32, Vec<u8>, &'a [u8])> {
    let (head, rest) = data.split_first_chunk::<12>()?;
    let [_, _, _, _, a, b, c, d, e, f, g, h] = *head;
    let (plain, mut rest) = rest.split_at_checked(2 * usize::from(u16::from_le_bytes([e, f])))?;
    let mut values = Vec::with_capacity(USUAL_VALUES);
    values.extend(plain.as_chunks().0.iter().map(|attribute| byte(bin(*attribute, bins))));
    for _ in 0..u16::from_le_bytes([g, h]) {
        rest = value(rest, bins, &mut values)?;
    }
    // At least one block, which trees without a split look at too.
    values.resize((values.len() | 31) + 1, 0);
    Some((u32::from_le_bytes([a, b, c, d]), values, rest))
}

/// Adds one value; what stands behind its record is left.
fn value<'a>(data: &'a [u8], bins: &[u16], values: &mut Vec<u8>) -> Option<&'a [u8]> {
    let ([a, b, c, d, e, f], mut rest) = data.split_first_chunk::<6>()?;
    let (bin, base) = (bin([*a, *b], bins), u16::from_le_bytes([*c, *d]));
    values.push(match u16::from_le_bytes([*e, *f]) {
        MISSING_IS_HIGHEST if bin == 0 => u8::MAX,
        BINS | MISSING_IS_HIGHEST => byte(bin.saturating_sub(base)),
        rows => {
            let table;
            (table, rest) = rest.split_at_checked(usize::from(rows))?;
            *table.get(usize::from(bin)).or_else(|| table.first())?
        }
    });
    Some(rest)
}

fn byte(value: u16) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

fn bin(attribute: [u8; 2], bins: &[u16]) -> u16 {
    bins.get(usize::from(u16::from_le_bytes(attribute))).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number by its bin, one from 255 on whose missing value is the highest, one with two rows of three bins.
    fn data(leaves: &[u8]) -> Vec<u8> {
        let mut data = Vec::new();
        data.extend(65_536u32.to_le_bytes());
        data.extend(1u32.to_le_bytes());
        data.extend([1, 0, 3, 0]);
        data.extend([0, 0]);
        data.extend([1, 0, 255, 0, 0xFF, 0xFF]);
        data.extend([2, 0, 0, 0, 3, 0, 0, 1, 0]);
        data.extend([2, 0, 0, 0, 3, 0, 0, 0, 1]);
        // A tree of three splits (the second to the left of the first, the third to the right), then one of one split.
        data.extend([0, 0, 1, 3, 2]);
        for row in [[0, 3], [9, 1], [2, 1], [1, 0], [45, 0], [1, 0], [2, 0], [1, 0], [3, 0]] {
            data.extend(row);
        }
        data.extend(leaves);
        data.extend([0; 16]);
        data
    }

    /// Of 0: 9 goes right. Of 1: 300 goes right below, and so does what is missing. Of 2: 1 goes right above 9, and 2 in the second tree.
    const VISITORS: [[u16; 3]; 7] = [[8, 299, 0], [8, 300, 0], [8, 0, 2], [9, 0, 0], [300, 0, 1], [9, 0, 2], [9, 0, 7]];
    const LEAVES: [u8; 8] = [1, 2, 4, 8, 16, 32, 0, 0];
    const SCORES: [i32; 7] = [17, 18, 34, 20, 24, 36, 20];

    fn scores(data: &[u8], leaf_bytes: usize) -> [Option<i32>; 7] {
        VISITORS.map(|bins| sum(data, leaf_bytes, &bins))
    }

    #[test]
    fn a_yes_goes_right_and_what_is_missing_may_be_the_highest() {
        assert_eq!(scores(&data(&LEAVES), 1), SCORES.map(Some));
        let wide: Vec<u8> = LEAVES.iter().flat_map(|leaf| (-256 * i16::from(*leaf)).to_le_bytes()).collect();
        assert_eq!(scores(&data(&wide), 2), SCORES.map(|sum| Some(-256 * sum)));
    }

    #[test]
    fn a_sum_beyond_all_measure_saturates() {
        let groups = 5_000u32;
        let score = |leaf: i16| {
            let mut data = Vec::new();
            data.extend(u32::MAX.to_le_bytes());
            data.extend(groups.to_le_bytes());
            data.extend([0; 4]);
            for _ in 0..groups {
                data.extend([0, 0, 1, 0, 16]);
                data.extend([leaf.to_le_bytes(); 16].as_flattened());
            }
            sum(&data, 2, &[])
        };
        assert_eq!((score(i16::MAX), score(i16::MIN)), (Some(i32::MAX), Some(i32::MIN)));
    }

    #[test]
    fn what_is_cut_or_leads_nowhere_has_no_score_and_comes_to_an_end() {
        let whole = data(&LEAVES);
        for end in 0..whole.len() {
            // A row is loaded by sixteen bytes, of which ten stand behind all that counts.
            let all = if end < whole.len() - 10 { [None; 7] } else { SCORES.map(Some) };
            assert_eq!(scores(&whole[..end], 1), all, "{end}");
        }
        // Places, bounds and leaves of all kinds: a leaf that is not there is no leaf of the next tree's.
        for byte in [0xFF, 1, 7] {
            let mut wrong = whole.clone();
            let rows = wrong.len() - 16 - LEAVES.len() - 18;
            wrong[rows..rows + 18].fill(byte);
            for score in scores(&wrong, 1) {
                assert!(score.is_none_or(|score| (-256..=254).contains(&score)), "{byte} {score:?}");
            }
        }
    }
}
