//! Bodies that come compressed: how much of them is unpacked.
//!
//! A few kilobytes can say gigabytes. The bound is on what comes out, and one byte more than allowed is enough to know.

use std::io::Read as _;

use flate2::bufread::MultiGzDecoder;

/// Why a compressed body is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// It is longer, unpacked, than allowed.
    Long,
    /// It is no gzip, or breaks off.
    Damaged,
}

/// Unpacks at most `limit` bytes.
///
/// # Errors
/// [`Error`].
pub fn unpack(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Error> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    // JSON shrinks to a fifth or so; what is announced is not believed.
    let mut unpacked = Vec::with_capacity(bytes.len().saturating_mul(5).min(limit));
    MultiGzDecoder::new(bytes).take(most).read_to_end(&mut unpacked).map_err(|_| Error::Damaged)?;
    if unpacked.len() > limit { Err(Error::Long) } else { Ok(unpacked) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn a_bomb_is_unpacked_to_its_bound_and_no_further() {
        let bomb = packed(&vec![b' '; 50_000_000]);
        assert!(bomb.len() < 60_000);
        assert_eq!(unpack(&bomb, 500), Err(Error::Long));
    }

    #[test]
    fn what_fits_comes_out_whole() {
        assert_eq!(unpack(&packed(b"{}"), 2).as_deref(), Ok(&b"{}"[..]));
        let two = [packed(b"{"), packed(b"}")].concat();
        assert_eq!(unpack(&two, 2).as_deref(), Ok(&b"{}"[..]));
    }

    #[test]
    fn what_breaks_off_is_damaged() {
        let whole = packed(b"{\"batch\":[]}");
        for end in 0..whole.len() {
            assert_eq!(unpack(&whole[..end], 100), Err(Error::Damaged), "{end}");
        }
        assert_eq!(unpack(b"{}", 100), Err(Error::Damaged));
    }
}
