//! Digests: SHA-256 of a normalised value, and its two spellings.
//!
//! SHA-256 is written out here: see `docs/adr/0005-sha-256.md` for what the crate would cost every visitor. The
//! published vectors of FIPS 180-4 and a comparison with the crate on random input hold it in place (`tests/identity.rs`).

use super::placeholder;
use alloc::string::String;
use core::fmt;

/// SHA-256 of a normalised identifier. It is personal data still: it does not print itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `text`, as UTF-8.
    #[must_use]
    pub fn of(text: impl AsRef<[u8]>) -> Self {
        Self(sha256(text.as_ref()))
    }

    /// A SHA-256 that somebody has made already: 64 hex digits in either case, or 44 characters of base64.
    ///
    /// The digest of nothing, of `null` and their like is none: many sites hash before they look.
    #[must_use]
    pub fn given(text: &str) -> Option<Self> {
        let text = super::trimmed(text);
        let bytes = match text.len() {
            64 => from_hex(text)?,
            44 => from_base64(text)?,
            _ => return None,
        };
        Some(Self(bytes))
    }

    /// Is this the digest of a placeholder?
    pub(super) fn is_placeholder(&self) -> bool {
        let others: [&[u8]; 4] = [b"", b"0", b"test@test.com", b"test@example.com"];
        placeholder::words().chain(others).any(|word| Self::of(word) == *self)
    }

    /// 64 hex digits in lower case.
    #[must_use]
    pub fn hex(&self) -> String {
        let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }

    /// 44 characters of base64, with padding (RFC 4648, section 4).
    #[must_use]
    pub fn base64(&self) -> String {
        let mut text = String::with_capacity(44);
        for group in self.0.chunks(3) {
            let mut word = [0; 4];
            word.iter_mut().skip(1).zip(group).for_each(|(to, from)| *to = *from);
            let word = u32::from_be_bytes(word);
            for place in 0..4 {
                let sextet = (word >> (18 - 6 * place)) as u8 & 63;
                text.push(if place > group.len() { '=' } else { letter(sextet) });
            }
        }
        text
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}

/// SHA-256 of `bytes` (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut state = START;
    let (blocks, tail) = bytes.as_chunks::<64>();
    blocks.iter().for_each(|block| compress(&mut state, block));
    // The tail, a one bit, zeroes, and the length in bits: one block, or two when fewer than nine bytes are left.
    let mut last = [0u8; 128];
    let end = if tail.len() < 56 { 64 } else { 128 };
    let length = ((bytes.len() as u64) << 3).to_be_bytes();
    last.iter_mut().zip(tail.iter().chain(&[0x80])).for_each(|(to, from)| *to = *from);
    last.iter_mut().skip(end - 8).zip(length).for_each(|(to, from)| *to = from);
    last.as_chunks::<64>().0.iter().take(end / 64).for_each(|block| compress(&mut state, block));
    let mut digest = [0; 32];
    digest.as_chunks_mut::<4>().0.iter_mut().zip(state).for_each(|(to, word)| *to = word.to_be_bytes());
    digest
}

fn compress(state: &mut [u32; 8], block: &[u8; 64]) {
    // The schedule as a ring of the latest sixteen words: what leaves in front decides what enters behind.
    let mut words = [0u32; 16];
    words.iter_mut().zip(block.as_chunks::<4>().0).for_each(|(word, bytes)| *word = u32::from_be_bytes(*bytes));
    let mut now = *state;
    for constant in ROUNDS {
        let [w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15] = words;
        let [a, b, c, d, e, f, g, h] = now;
        let near = w1.rotate_right(7) ^ w1.rotate_right(18) ^ (w1 >> 3);
        let far = w14.rotate_right(17) ^ w14.rotate_right(19) ^ (w14 >> 10);
        let next = w0.wrapping_add(near).wrapping_add(w9).wrapping_add(far);
        words = [w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15, next];
        let chosen = (e & f) ^ (!e & g);
        let turned = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let first = h.wrapping_add(turned).wrapping_add(chosen).wrapping_add(constant).wrapping_add(w0);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        let second = (a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22)).wrapping_add(majority);
        now = [first.wrapping_add(second), a, b, c, d.wrapping_add(first), e, f, g];
    }
    state.iter_mut().zip(now).for_each(|(word, add)| *word = word.wrapping_add(add));
}

fn letter(sextet: u8) -> char {
    char::from(match sextet {
        0..26 => b'A' + sextet,
        26..52 => b'a' + (sextet - 26),
        52..62 => b'0' + (sextet - 52),
        62 => b'+',
        _ => b'/',
    })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (place, digit) in text.chars().enumerate() {
        let byte = bytes.get_mut(place / 2)?;
        *byte = *byte << 4 | digit.to_digit(16)? as u8;
    }
    Some(bytes)
}

fn from_base64(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let (mut word, mut held, mut place) = (0u32, 0, 0);
    for letter in text.strip_suffix('=')?.bytes() {
        let sextet = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        word = word << 6 | u32::from(sextet);
        held += 6;
        if held >= 8 {
            held -= 8;
            *bytes.get_mut(place)? = (word >> held) as u8;
            place += 1;
        }
    }
    // 43 letters carry two bits more than 32 bytes have: another spelling of the same digest is not base64.
    (word & 3 == 0).then_some(bytes)
}

const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

#[rustfmt::skip]
const ROUNDS: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors_of_sha_256_hold() {
        let million = "a".repeat(1_000_000);
        for (text, hex) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
            (million.as_str(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
        ] {
            assert_eq!(Digest::of(text).hex(), hex);
        }
    }

    #[test]
    fn both_spellings_are_read_back() {
        let digest = Digest::of("user@example.com");
        assert_eq!(digest.base64(), "tMmiiTI7IaAcPpQPFQ65uMVCWH8av9jw4cwf/F5HVRQ=");
        assert_eq!(Digest::given(&digest.base64()), Some(digest));
        assert_eq!(Digest::given(&digest.hex().to_uppercase()), Some(digest));
        assert_eq!(Digest::given("tMmiiTI7IaAcPpQPFQ65uMVCWH8av9jw4cwf/F5HVRR="), None);
        assert_eq!(Digest::given("user@example.com"), None);
    }
}
