//! How good scores are, given what came of them.

/// Area under the receiver operating characteristic: how often a row that came true scores above one that did not, ties counting half
/// (Hanley & McNeil 1982). `None` when all came out alike. Scores that are NaN rank above all others.
#[must_use]
pub fn auc(scores: &[f64], truths: &[bool]) -> Option<f64> {
    let mut rows: Vec<(f64, bool)> = scores.iter().copied().zip(truths.iter().copied()).collect();
    rows.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut below, mut won) = (0.0, 0.0);
    for ties in rows.chunk_by(|one, other| one.0 == other.0) {
        let came = ties.iter().filter(|(_, truth)| *truth).count() as f64;
        let not = ties.len() as f64 - came;
        won += came * (below + not / 2.0);
        below += not;
    }
    let pairs = below * (rows.len() as f64 - below);
    (pairs > 0.0).then(|| won / pairs)
}

/// Mean of minus the logarithm of the probability that was given to what came. Probabilities are held to 1e-15 from 0 and 1.
#[must_use]
pub fn log_loss(probabilities: &[f64], truths: &[bool]) -> f64 {
    let of = |(probability, truth): (&f64, &bool)| {
        let probability = probability.clamp(1e-15, 1.0 - 1e-15);
        -(if *truth { probability } else { 1.0 - probability }).ln()
    };
    probabilities.iter().zip(truths).map(of).sum::<f64>() / (truths.len() as f64).max(1.0)
}

/// Mean square of a probability's distance from what came (Brier 1950).
#[must_use]
pub fn brier(probabilities: &[f64], truths: &[bool]) -> f64 {
    let of = |(probability, truth): (&f64, &bool)| (probability - f64::from(*truth)).powi(2);
    probabilities.iter().zip(truths).map(of).sum::<f64>() / (truths.len() as f64).max(1.0)
}

/// Expected calibration error over ten groups of as many rows, by rank: by how much the mean probability of a group is off the share that
/// came true, in the mean of all rows (Nixon et al. 2019, adaptive bins).
#[must_use]
pub fn calibration_error(probabilities: &[f64], truths: &[bool]) -> f64 {
    let mut rows: Vec<(f64, bool)> = probabilities.iter().copied().zip(truths.iter().copied()).collect();
    rows.sort_by(|one, other| one.0.total_cmp(&other.0));
    let off = (0..10).filter_map(|group| rows.get(group * rows.len() / 10..(group + 1) * rows.len() / 10));
    let off = off.map(|group| {
        let came = group.iter().filter(|(_, truth)| *truth).count() as f64;
        (group.iter().map(|(probability, _)| probability).sum::<f64>() - came).abs()
    });
    off.sum::<f64>() / (rows.len() as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_counts_pairs_and_half_of_ties() {
        // Of the four pairs three are in order and one is a tie.
        assert_eq!(auc(&[0.1, 0.4, 0.4, 0.8], &[false, false, true, true]), Some(0.875));
        assert_eq!(auc(&[1.0, 2.0], &[true, true]), None);
        assert_eq!(auc(&[], &[]), None);
    }

    #[test]
    fn a_loss_and_an_error_are_those_of_paper_and_pencil() {
        assert!((log_loss(&[0.5, 0.25], &[true, false]) - (0.5f64.ln() + 0.75f64.ln()) / -2.0).abs() < 1e-15);
        assert!(log_loss(&[0.0], &[true]).is_finite());
        assert_eq!(brier(&[0.5, 0.25], &[true, false]), (0.25 + 0.0625) / 2.0);
        let (probabilities, truths): (Vec<f64>, Vec<bool>) = (0..100).map(|row| (0.3, row % 2 == 0)).unzip();
        assert!((calibration_error(&probabilities, &truths) - 0.2).abs() < 1e-12);
    }
}
