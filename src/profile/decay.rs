//! Decay in integers: the same bits on every target.
//!
//! An interest is kept as its strength at the hour when it last moved, which is forward decay (Cormode, Shkapenyuk,
//! Srivastava, Xu, ICDE 2009) with the landmark moved up at each event, so that the number stays small. It only ever grows
//! as a pair (hour, strength), which is what the merge needs.

/// 2^(−i/32) in Q16.
const HALVES: [u32; 33] = {
    let mut table = [65_536u32; 33];
    let (mut power, mut i) = (65_536.0f64, 1);
    while i < 33 {
        power *= 0.978_572_062_087_700_1; // 2^(−1/32)
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            table[i] = (power + 0.5) as u32;
        }
        i += 1;
    }
    table
};

/// `value` after `hours`, halved every `half_life` hours. Interpolates within a 32nd of a half-life; the relative error is
/// below 2^−13.
pub(super) fn decayed(value: u64, hours: u64, half_life: u16) -> u64 {
    let half_life = u64::from(half_life.max(1));
    let halvings = hours / half_life;
    if halvings >= 48 {
        return 0;
    }
    let part = ((hours % half_life) << 16) / half_life;
    let (step, within) = ((part >> 11) as usize, part & 0x7FF);
    let high = HALVES.get(step).copied().map_or(0, u64::from);
    let low = HALVES.get(step + 1).copied().map_or(0, u64::from);
    let factor = high - (((high - low) * within) >> 11);
    (value.saturating_mul(factor) >> 16) >> halvings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decay_follows_the_power_of_two() {
        for (hours, half_life) in [(0u64, 24u16), (1, 24), (23, 24), (24, 24), (100, 168), (1_000, 168), (7, 1)] {
            let expected = 1_000_000.0 * 0.5f64.powf(hours as f64 / f64::from(half_life));
            let got = decayed(1_000_000, hours, half_life) as f64;
            assert!((got - expected).abs() <= expected / 8_192.0 + 1.0, "{hours}/{half_life}: {got} {expected}");
        }
    }

    #[test]
    fn decay_never_grows() {
        let mut before = u64::MAX;
        for hours in 0..2_000 {
            let now = decayed(1 << 31, hours, 37);
            assert!(now <= before);
            before = now;
        }
        assert_eq!(decayed(u64::from(u32::MAX), 10_000_000, 1), 0);
    }
}
