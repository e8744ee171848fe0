//! Oblivious trees: every level of a tree asks one question of all its nodes, so a visitor's answers are the leaf's number.

use super::short;

/// Deepest tree: 256 leaves.
const MAX_DEPTH: usize = 8;

/// Sum of the leaves that the visitor falls into, Q8.8.
pub(super) fn sum(data: &[u8], depth: usize, trees: usize, bins: &[u16]) -> i32 {
    if depth > MAX_DEPTH {
        return 0;
    }
    let size = 4 * depth + (2 << depth);
    let trees = data.chunks_exact(size).take(trees);
    trees.filter_map(|tree| leaf(tree, depth, bins)).map(i32::from).fold(0, i32::saturating_add)
}

fn leaf(tree: &[u8], depth: usize, bins: &[u16]) -> Option<i16> {
    let mut number = 0;
    for level in 0..depth {
        let (attribute, first) = (short(tree, 4 * level)?, short(tree, 4 * level + 2)?);
        let bin = bins.get(usize::from(attribute)).copied().unwrap_or(0);
        number |= usize::from(bin >= first) << level;
    }
    short(tree, 4 * depth + 2 * number).map(u16::cast_signed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn the_first_level_is_the_lowest_bit_of_the_leaf() {
        let words: [u16; 8] = [0, 3, 1, 2, 10, 20, 30, 40];
        let tree: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let leaves = [[2, 1], [3, 1], [2, 2], [3, 2]].map(|bins| sum(&tree, 2, 1, &bins));
        assert_eq!(leaves, [10, 20, 30, 40]);
    }
}
