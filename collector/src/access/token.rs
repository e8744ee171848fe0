//! Tokens: 256 random bits in hex, of which SHA-256 alone is kept.

use petitfour::identity::Digest;

use crate::hex;

/// Bytes of a token and of a cookie.
const BYTES: usize = 32;

/// Longest text that is looked at as a token.
const LONGEST: usize = 256;

/// One that nobody has had before.
///
/// # Errors
/// When the system has no randomness to give.
pub fn make() -> std::io::Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(hex::write(&bytes))
}

/// What is kept of one; nothing for what is too long or empty to be one.
#[must_use]
pub fn digest(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= LONGEST).then(|| Digest::of(text).0)
}

/// Are two digests the same? Takes as long for those that differ early as for those that differ late.
#[must_use]
pub fn same(one: &[u8; 32], two: &[u8; 32]) -> bool {
    let differ = one.iter().zip(two).fold(0, |differ, (one, two)| std::hint::black_box(differ | (one ^ two)));
    differ == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_tokens_are_alike_and_each_has_256_bits() {
        let (one, two) = (make().unwrap(), make().unwrap());
        assert_ne!(one, two);
        assert_eq!(hex::read::<32>(&one).map(|bytes| bytes.len()), Some(32));
    }

    #[test]
    fn digests_are_compared_whole() {
        let one = digest("a").unwrap();
        let mut two = one;
        assert!(same(&one, &two));
        two[31] ^= 1;
        assert!(!same(&one, &two));
        assert_eq!((digest(""), digest(&"a".repeat(257))), (None, None));
    }
}
