//! Sixteen trees side by side, a byte for each: which leaf a visitor falls into, without a branch and without a wait for memory.
//!
//! Every split of every tree is asked, in the order of a walk: a split, all of its left side, all of its right side. Between the leaves of its
//! two sides is its own place, and the leaf is known from two sides: a yes moves the first leaf that is still possible behind that place,
//! a no the last one before it. A split whose place is not between the two is not on the way, and moves neither.
//!
//! Invariant: the same bytes out on every target, whatever comes in.
//! Absent on purpose: early ends. Thirty splits of sixteen trees take less time than one wrong guess of where a walk ends in each of them.

/// A byte for each of sixteen trees.
pub type Lanes = [u8; 16];

/// Rows of a step, which is one split of each tree: where the value stands that it looks at, from which value on the answer is yes, and the
/// first leaf of its right side, 0 where a tree has no more splits.
pub const ROWS: usize = 3;

/// Values that a split can look at, by thirty-two: where one stands is a byte.
pub const BLOCKS: usize = 8;

/// The leaf of each tree; `None` without values, or when a row is cut. Values are given by thirty-two, at most [`BLOCKS`]. A row has a byte
/// for each of `trees`, and what stands behind it, up to sixteen, is as good as any: nobody looks at those lanes.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[must_use]
#[inline(never)]
pub fn exits(values: &[[Lanes; 2]], mut rows: &[u8], steps: usize, trees: usize) -> Option<Lanes> {
    use core::arch::wasm32::{
        u8x16_eq, u8x16_max, u8x16_min, u8x16_splat, u8x16_sub, u8x16_sub_sat, u8x16_swizzle, u64x2,
        u64x2_extract_lane, v128, v128_and, v128_or,
    };
    // Of the ways to say this safely, the one that is compiled to a single load.
    let load = |lanes: &Lanes| -> v128 {
        let both = u128::from_le_bytes(*lanes);
        u64x2(both as u64, (both >> 64) as u64)
    };
    // Beyond 15 a swizzle answers 0.
    let look = |[a, b]: [v128; 2], at| v128_or(u8x16_swizzle(a, at), u8x16_swizzle(b, u8x16_sub(at, u8x16_splat(16))));
    // Most models look at no more than thirty-two values, which then stay in two registers.
    let (first, more) = values.split_first()?;
    let first = first.each_ref().map(load);
    let (none, one) = (u8x16_splat(0), u8x16_splat(1));
    let (mut least, mut most) = (none, u8x16_splat(u8::MAX));
    for _ in 0..steps {
        let [places, bounds, rights] = step(&mut rows, trees)?;
        let mut at = load(places);
        let mut value = look(first, at);
        for block in more {
            at = u8x16_sub(at, u8x16_splat(32));
            value = v128_or(value, look(block.each_ref().map(load), at));
        }
        let right = load(rights);
        // What is missing to a yes, to a place before the last leaf, to one behind the first: a comparison would be two instructions.
        let short = u8x16_sub_sat(load(bounds), value);
        let yes = u8x16_eq(v128_or(short, u8x16_sub_sat(right, most)), none);
        let not_no = u8x16_eq(u8x16_min(short, u8x16_sub_sat(right, least)), none);
        most = u8x16_min(most, v128_or(u8x16_sub(right, one), not_no));
        least = u8x16_max(least, v128_and(right, yes));
    }
    let both = u128::from(u64x2_extract_lane::<1>(least)) << 64 | u128::from(u64x2_extract_lane::<0>(least));
    Some(both.to_le_bytes())
}

/// The leaf of each tree; `None` without values, or when a row is cut. Values are given by thirty-two, at most [`BLOCKS`]. A row has a byte
/// for each of `trees`, and what stands behind it, up to sixteen, is as good as any: nobody looks at those lanes.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[must_use]
pub fn exits(values: &[[Lanes; 2]], mut rows: &[u8], steps: usize, trees: usize) -> Option<Lanes> {
    values.first()?;
    // As long as a byte can say, so that no place is outside of it.
    let mut table = [0u8; 32 * BLOCKS];
    table.iter_mut().zip(values.as_flattened().as_flattened()).for_each(|(own, value)| *own = *value);
    let all = |truth: bool| 0u8.wrapping_sub(u8::from(truth));
    let (mut least, mut most) = ([0u8; 16], [u8::MAX; 16]);
    for _ in 0..steps {
        let [places, bounds, rights] = step(&mut rows, trees)?;
        let values = places.map(|place| table.get(usize::from(place)).copied().unwrap_or(0));
        for ((((least, most), value), bound), right) in
            least.iter_mut().zip(&mut most).zip(values).zip(bounds).zip(rights)
        {
            let yes = all(value >= *bound);
            let next = right & yes & all(right <= most);
            *most = (right.wrapping_sub(1) | yes | all(*right <= *least)).min(*most);
            *least = next.max(*least);
        }
    }
    Some(least)
}

/// The rows of the next step.
fn step<'a>(rows: &mut &'a [u8], trees: usize) -> Option<[&'a Lanes; ROWS]> {
    let (places, rest) = (rows.first_chunk()?, rows.get(trees..)?);
    let (bounds, rest) = (rest.first_chunk()?, rest.get(trees..)?);
    let (rights, rest) = (rest.first_chunk()?, rest.get(trees..)?);
    *rows = rest;
    Some([places, bounds, rights])
}
