//! Log-odds to probability, by a table: integer in, integer out.

/// Steps of 1/32 log-odds from 0 to 8.
const STEPS: usize = 256;

/// σ(i/32) in Q16, evaluated by the compiler in IEEE arithmetic, so every build has the same numbers.
const TABLE: [u32; STEPS + 1] = {
    let mut table = [0u32; STEPS + 1];
    let (mut e, mut i) = (1.0f64, 0);
    while i <= STEPS {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            table[i] = (65_536.0 / (1.0 + e) + 0.5) as u32;
        }
        e *= 0.969_233_234_476_344_1; // e^(−1/32)
        i += 1;
    }
    table
};

/// The probability, in 65 536ths, of a score in Q16.16 log-odds. Scores beyond ±8 are taken as ±8; never 0, never 1.
#[must_use]
pub fn probability(score: i32) -> u32 {
    let size = score.unsigned_abs().min(8 << 16);
    let (step, within) = ((size >> 11) as usize, size & 0x7FF);
    let low = TABLE.get(step).copied().unwrap_or(65_514);
    let high = TABLE.get(step + 1).copied().unwrap_or(low);
    let upper = low + (((high - low) * within) >> 11);
    if score < 0 { 65_536 - upper } else { upper }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_follows_the_logistic_function() {
        for thousandth in (-9_000..=9_000).step_by(37) {
            let odds = f64::from(thousandth) / 1_000.0;
            let expected = 65_536.0 / (1.0 + (-odds.clamp(-8.0, 8.0)).exp());
            let got = f64::from(probability((odds * 65_536.0) as i32));
            assert!((got - expected).abs() < 4.0, "{odds}: {got} {expected}");
        }
    }
}
