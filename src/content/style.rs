//! How values are written: digits in groups, signs and separators as the bundle has them.

use crate::catalog::{Catalog, Fill};
use alloc::vec::Vec;

/// Most decimals of a number.
const MAX_DECIMALS: u32 = 6;

/// A number in units of its last decimal, half away from zero; `None` for what is missing or beyond 53 bits.
pub(super) fn whole(number: f64, decimals: u32) -> Option<i64> {
    let units = number * f64::from(10_u32.pow(decimals.min(MAX_DECIMALS)));
    // NaN is not below.
    (units.abs() < (1_i64 << 53) as f64).then_some((units + 0.5_f64.copysign(units)) as i64)
}

/// Writes a number given in units of its last decimal.
pub(super) fn number(amount: i64, fill: &Fill<'_>, catalog: &Catalog, out: &mut Vec<u8>) {
    let decimals = fill.decimals().min(MAX_DECIMALS);
    let digits = amount.unsigned_abs();
    let mut unit = u64::from(10_u32.pow(decimals));
    let mut whole = 1;
    while digits / unit > 9 {
        unit *= 10;
        whole += 1;
    }
    let group = if whole < fill.grouped_from() { 0 } else { fill.group() };
    if amount < 0 {
        out.push(b'-');
    }
    let mut sign = fill.before();
    let mut left = whole + decimals;
    loop {
        out.extend_from_slice(catalog.string_bytes(sign).unwrap_or_default());
        if left == 0 {
            break;
        }
        out.push(b'0' + (digits / unit % 10) as u8);
        unit /= 10;
        left -= 1;
        // String 0 is empty.
        sign = if left == 0 {
            fill.after()
        } else if left == decimals {
            fill.point()
        } else if left > decimals && (left - decimals).is_multiple_of(3) {
            group
        } else {
            0
        };
    }
}

/// Writes a text as it stands within a JSON string (RFC 8259, section 7). Names of a bundle have no control characters; those of a
/// foreign one become blanks.
pub(super) fn quoted(text: &[u8], out: &mut Vec<u8>) {
    for letter in text {
        if matches!(letter, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push((*letter).max(b' '));
    }
}
