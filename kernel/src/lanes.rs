//! Sixteen trees side by side, a byte for each: which leaf a visitor falls into, without a branch and without a wait for memory.
//!
//! Every split of every tree is asked, in the order of a walk: a split, all of its left side, all of its right side. A yes at a split that the
//! visitor comes by says that no leaf of its left side is theirs, so the first leaf that is still possible moves on. A split that they do
//! not come by stands left of that leaf and moves nothing, or right of a no and begins at a leaf that is not yet the first possible.
//!
//! Invariant: the same bytes out on every target, whatever comes in.
//! Absent on purpose: early ends. Thirty splits of sixteen trees take less time than one wrong guess of where a walk ends in each of them.

/// A byte for each of sixteen trees.
pub type Lanes = [u8; 16];

/// One split of each tree: where the value stands that it looks at, from which value on the answer is yes, the first leaf of its left side,
/// and how many leaves that has. All zeros where a tree has no more splits.
pub type Step = [Lanes; 4];

/// Values that a split can look at, by thirty-two: where one stands is a byte.
pub const BLOCKS: usize = 8;

/// The leaf of each tree; `None` without values. Those are given by thirty-two, at most [`BLOCKS`].
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[must_use]
#[inline(never)]
pub fn exits(values: &[[Lanes; 2]], steps: &[Step]) -> Option<Lanes> {
    use core::arch::wasm32::{
        u8x16_add, u8x16_eq, u8x16_max, u8x16_splat, u8x16_sub, u8x16_sub_sat, u8x16_swizzle, u64x2,
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
    let mut exits = u8x16_splat(0);
    for [places, bounds, lefts, counts] in steps {
        let mut at = load(places);
        let mut value = look(first, at);
        for block in more {
            at = u8x16_sub(at, u8x16_splat(32));
            value = v128_or(value, look(block.each_ref().map(load), at));
        }
        let left = load(lefts);
        // What is missing to a yes; a comparison of bytes without signs would be two instructions each.
        let short = v128_or(u8x16_sub_sat(load(bounds), value), u8x16_sub_sat(left, exits));
        let yes = u8x16_eq(short, u8x16_splat(0));
        exits = u8x16_max(exits, v128_and(yes, u8x16_add(left, load(counts))));
    }
    let both = u128::from(u64x2_extract_lane::<1>(exits)) << 64 | u128::from(u64x2_extract_lane::<0>(exits));
    Some(both.to_le_bytes())
}

/// The leaf of each tree; `None` without values. Those are given by thirty-two, at most [`BLOCKS`].
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[must_use]
pub fn exits(values: &[[Lanes; 2]], steps: &[Step]) -> Option<Lanes> {
    values.first()?;
    // As long as a byte can say, so that no place is outside of it.
    let mut table = [0u8; 32 * BLOCKS];
    table.iter_mut().zip(values.as_flattened().as_flattened()).for_each(|(own, value)| *own = *value);
    let mut exits = [0u8; 16];
    for [places, bounds, lefts, counts] in steps {
        let values = places.map(|place| table.get(usize::from(place)).copied().unwrap_or(0));
        for ((((exit, value), bound), left), count) in exits.iter_mut().zip(values).zip(bounds).zip(lefts).zip(counts) {
            let yes = 0u8.wrapping_sub(u8::from(value >= *bound)) & 0u8.wrapping_sub(u8::from(*exit >= *left));
            *exit = (left.wrapping_add(*count) & yes).max(*exit);
        }
    }
    Some(exits)
}
