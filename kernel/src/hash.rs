//! The one hash of the house: XXH64, frozen.
//!
//! It names things (the low half of a name's hash is its key), it assigns (holdouts, splits), and it seals (bundles,
//! profiles). It is not cryptographic: nothing here keeps a secret or proves who wrote something.
//!
//! Invariant: these functions never change, since profiles, bundles and assignments outlive releases. The vectors in
//! the tests are those of the XXH64 specification.

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

/// How many buckets an assignment distinguishes: a share is stated in hundredths of a percent.
pub const BUCKETS: u16 = 10_000;

/// XXH64 of `bytes` under `seed` (specification of xxHash, version 0.1.1).
#[must_use]
pub fn xxh64(bytes: &[u8], seed: u64) -> u64 {
    let (blocks, tail) = bytes.as_chunks::<32>();
    let mut hash = if blocks.is_empty() { seed.wrapping_add(P5) } else { long(blocks, seed) };
    hash = hash.wrapping_add(bytes.len() as u64);
    let (words, tail) = tail.as_chunks::<8>();
    for word in words {
        hash = (hash ^ round(0, u64::from_le_bytes(*word))).rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
    }
    let (halves, tail) = tail.as_chunks::<4>();
    for half in halves {
        let half = u64::from(u32::from_le_bytes(*half));
        hash = (hash ^ half.wrapping_mul(P1)).rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
    }
    for byte in tail {
        hash = (hash ^ u64::from(*byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    avalanche(hash)
}

/// Where `unit` falls among [`BUCKETS`] under `salt`: the bucket of one visitor in one holdout or split.
///
/// Equal to `xxh64(unit as 8 little-endian bytes, salt)`, its high half scaled to `0..10_000`.
#[must_use]
pub fn bucket(unit: u64, salt: u64) -> u16 {
    below(unit, salt, u32::from(BUCKETS)) as u16
}

/// As [`bucket`], scaled to `0..limit`; 0 when `limit` is 0.
#[must_use]
pub fn below(unit: u64, salt: u64, limit: u32) -> u32 {
    let hash = of_number(unit, salt);
    (((hash >> 32) * u64::from(limit)) >> 32) as u32
}

/// `xxh64(number as 8 little-endian bytes, seed)`, which each campaign with a holdout asks for.
fn of_number(number: u64, seed: u64) -> u64 {
    let hash = seed.wrapping_add(P5).wrapping_add(8) ^ round(0, number);
    avalanche(hash.rotate_left(27).wrapping_mul(P1).wrapping_add(P4))
}

fn long(blocks: &[[u8; 32]], seed: u64) -> u64 {
    let mut lanes = [seed.wrapping_add(P1).wrapping_add(P2), seed.wrapping_add(P2), seed, seed.wrapping_sub(P1)];
    for block in blocks {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = round(*lane, u64::from_le_bytes(*word));
        }
    }
    let mut hash = 0u64;
    for (lane, turn) in lanes.iter().zip([1u32, 7, 12, 18]) {
        hash = hash.wrapping_add(lane.rotate_left(turn));
    }
    for lane in lanes {
        hash = (hash ^ round(0, lane)).wrapping_mul(P1).wrapping_add(P4);
    }
    hash
}

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

fn avalanche(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(P2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(P3);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors_hold() {
        for (text, seed, hash) in [
            (&b""[..], 0, 0xEF46_DB37_51D8_E999),
            (b"a", 0, 0xD24E_C4F1_A98C_6E5B),
            (b"abc", 0, 0x44BC_2CF5_AD77_0999),
            (b"Nobody inspects the spammish repetition", 0, 0xFBCE_A83C_8A37_8BF1),
            (b"xxhash", 20_141_025, 0xB559_B98D_844E_0635),
        ] {
            assert_eq!(xxh64(text, seed), hash, "{text:?}");
        }
    }

    #[test]
    fn a_bucket_is_the_scaled_high_half_of_the_hash() {
        let hash = xxh64(&42u64.to_le_bytes(), 7);
        assert_eq!(u64::from(bucket(42, 7)), ((hash >> 32) * 10_000) >> 32);
        assert_eq!(below(42, 7, 0), 0);
        for (number, seed) in [(0, 0), (u64::MAX, 1), (42, u64::MAX), (1 << 40, P3)] {
            assert_eq!(of_number(number, seed), xxh64(&number.to_le_bytes(), seed));
        }
    }

    #[test]
    fn buckets_are_even_over_many_visitors() {
        let low = (0..100_000u64).filter(|unit| bucket(*unit, 99) < 1_000).count();
        assert!((9_500..10_500).contains(&low), "{low}");
    }
}
