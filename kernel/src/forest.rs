//! Trees that ask one question at each split: the walk of a forest, written in campaign files or trained elsewhere.
//!
//! What a split asks is one bit of the visitor's answers, which are laid out once for all trees: numbers as a thermometer (bit `b` is set
//! from bin `b` on), everything else as the row that the bundle has for the bin. Splits stand in the order in which a walk meets them (a
//! split, all of its left side, all of its right side), so that how many splits stand to the left is all that a walk has to know.

use alloc::vec::Vec;

/// Bytes of answers beyond which there is no question: its number has 16 bits.
const MAX_ANSWERS: usize = 8_192;
/// Rows of a feature whose bits are a thermometer, in which a missing value answers no to everything.
const THERMOMETER: u16 = 0;
/// The same, but a missing value answers yes to everything.
const MISSING_IS_HIGHEST: u16 = u16::MAX;

/// The leaves that a visitor falls into, added up in Q16.16 (`docs/formats/bundle.md`, MODL 3); `None` when the data is cut.
#[must_use]
pub fn sum(data: &[u8], trees: usize, leaf_bytes: usize, bins: &[u16]) -> Option<i32> {
    let unit = i64::from(u32::from_le_bytes(*data.first_chunk()?));
    let (splits, answers, rest) = answers(data, bins)?;
    let (sizes, rest) = rest.split_at_checked(trees)?;
    let (lefts, rest) = rest.split_at_checked(splits)?;
    let (questions, leaves) = rest.split_at_checked(splits.checked_mul(2)?)?;
    let questions = questions.as_chunks::<2>().0;
    let (mut sum, mut root, mut first) = (0i64, 0, 0);
    for size in sizes {
        let (mut split, mut leaf, mut size) = (root, first, usize::from(*size));
        root += size;
        first += size + 1;
        while size > 0 {
            size -= 1;
            let question = usize::from(u16::from_le_bytes(*questions.get(split)?));
            let left = usize::from(*lefts.get(split)?).min(size);
            if answers.get(question / 8).is_some_and(|bits| bits >> (question % 8) & 1 == 1) {
                split += left + 1;
                leaf += left + 1;
                size -= left;
            } else {
                split += 1;
                size = left;
            }
        }
        sum += if leaf_bytes == 1 {
            i64::from(leaves.get(leaf)?.cast_signed())
        } else {
            i64::from(i16::from_le_bytes(*leaves.as_chunks::<2>().0.get(leaf)?))
        };
    }
    Some((sum.saturating_mul(unit) >> 16).clamp(i32::MIN.into(), i32::MAX.into()) as i32)
}

/// How many splits there are, what a visitor answers to their questions, a bit for each, and what stands behind: splits of each tree, how many
/// stand to the left of each, questions, leaves.
#[must_use]
pub fn answers<'a>(data: &'a [u8], bins: &[u16]) -> Option<(usize, Vec<u8>, &'a [u8])> {
    let (head, mut rest) = data.split_first_chunk::<12>()?;
    let [_, _, _, _, a, b, c, d, e, f, _, _] = *head;
    let mut answers = Vec::new();
    for _ in 0..u16::from_le_bytes([e, f]) {
        rest = answer(rest, bins, &mut answers)?;
    }
    Some((u32::from_le_bytes([a, b, c, d]) as usize, answers, rest))
}

/// Adds what the visitor answers to the questions about one attribute; what stands behind them is left.
fn answer<'a>(data: &'a [u8], bins: &[u16], answers: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (record, mut rest) = data.split_first_chunk::<6>()?;
    let [a, b, c, d, e, f] = *record;
    let bin = usize::from(bins.get(usize::from(u16::from_le_bytes([a, b]))).copied().unwrap_or(0));
    let (length, rows) = (usize::from(u16::from_le_bytes([c, d])), u16::from_le_bytes([e, f]));
    if answers.len() + length > MAX_ANSWERS {
        return None;
    }
    if rows == THERMOMETER || rows == MISSING_IS_HIGHEST {
        let set = if bin == 0 && rows == MISSING_IS_HIGHEST { usize::MAX } else { bin + 1 };
        answers.extend((0..length).map(|byte| match set.saturating_sub(8 * byte) {
            more @ 0..8 => !(0xFF << more),
            _ => 0xFF,
        }));
    } else {
        let table;
        (table, rest) = rest.split_at_checked(usize::from(rows) * length)?;
        let row = table.get(bin * length..).and_then(|row| row.get(..length));
        answers.extend_from_slice(row.or_else(|| table.get(..length))?);
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One attribute with a thermometer of 16 bits, one with rows of a byte for three bins.
    fn data(leaves: &[u8]) -> Vec<u8> {
        let mut data = Vec::new();
        data.extend(65_536u32.to_le_bytes());
        data.extend(3u32.to_le_bytes());
        data.extend([2, 0, 0, 0]);
        data.extend([0, 0, 2, 0, 0xFF, 0xFF]);
        data.extend([1, 0, 1, 0, 3, 0, 0b00, 0b01, 0b10]);
        // A tree of two splits (the second to the right of the first), then one of one split.
        data.extend([2, 1]);
        data.extend([0, 0, 0]);
        for question in [9u16, 16, 17] {
            data.extend(question.to_le_bytes());
        }
        data.extend(leaves);
        data
    }

    fn scores(data: &[u8], leaf_bytes: usize) -> [Option<i32>; 5] {
        [[8, 0], [9, 0], [9, 1], [0, 2], [9, 7]].map(|bins| sum(data, 2, leaf_bytes, &bins))
    }

    #[test]
    fn a_walk_goes_right_where_the_answer_is_yes_and_what_is_missing_may_be_the_highest() {
        let leaves = [1, 2, 4, 16, 32];
        assert_eq!(scores(&data(&leaves), 1), [17, 18, 20, 34, 18].map(Some));
        let wide: Vec<u8> = leaves.iter().flat_map(|leaf| (-256 * i16::from(*leaf)).to_le_bytes()).collect();
        assert_eq!(scores(&data(&wide), 2), [17, 18, 20, 34, 18].map(|sum| Some(-256 * sum)));
    }

    #[test]
    fn a_sum_beyond_all_measure_saturates() {
        let trees = 70_000;
        let mut data = Vec::new();
        data.extend(u32::MAX.to_le_bytes());
        data.extend([0; 8]);
        data.extend(std::iter::repeat_n(0, trees));
        let leaves = |leaf: i16| std::iter::repeat_n(leaf.to_le_bytes(), trees).flatten();
        let score = |leaf| sum(&data.iter().copied().chain(leaves(leaf)).collect::<Vec<u8>>(), trees, 2, &[]);
        assert_eq!((score(i16::MAX), score(i16::MIN)), (Some(i32::MAX), Some(i32::MIN)));
    }

    #[test]
    fn what_is_cut_or_leads_nowhere_has_no_score_and_comes_to_an_end() {
        let whole = data(&[1, 2, 4, 16, 32]);
        for end in 0..whole.len() {
            assert_eq!(scores(&whole[..end], 1)[3], None, "{end}");
        }
        // Left sides larger than their trees, and questions that nobody answers.
        let mut wrong = whole;
        let lefts = wrong.len() - 5 - 6 - 3;
        wrong[lefts..].fill(0xFF);
        assert_eq!(scores(&wrong, 1), [Some(-2); 5]);
    }
}
