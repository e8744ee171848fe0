//! Linear scores over bins: one weight for each bin of each attribute that counts.

use super::short;

/// Sum of the weights of the visitor's bins, Q8.8.
pub(super) fn sum(mut data: &[u8], terms: usize, bins: &[u16]) -> i32 {
    let mut sum = 0i32;
    for _ in 0..terms {
        let (Some(attribute), Some(count)) = (short(data, 0), short(data, 2)) else { break };
        let bin = bins.get(usize::from(attribute)).copied().unwrap_or(0);
        if bin < count {
            let weight = short(data, 4 + 2 * usize::from(bin)).map_or(0, u16::cast_signed);
            sum = sum.saturating_add(i32::from(weight));
        }
        data = data.get(4 + 2 * usize::from(count)..).unwrap_or(&[]);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn each_term_adds_the_weight_of_its_bin() {
        let words: [u16; 9] = [0, 3, 0, 5, 7, 1, 2, 100, 200];
        let data: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(sum(&data, 2, &[1, 1]), 205);
        assert_eq!(sum(&data, 2, &[2, 9]), 7);
    }
}
