//! How good answers are: ranking, loss, and whether a probability is what it says.

use serde::Serialize;

/// Bins of a calibration table.
const BINS: usize = 10;
/// Kept from 0 and 1, so that one wrong certainty is not infinitely wrong.
const CERTAIN: f64 = 1e-15;

/// What answers to some rows are worth. All is by the weights of the rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measures {
    /// Chance that a row that did is answered higher than one that did not; ties count a half.
    pub auc: f64,
    /// Standard error of it (Hanley and McNeil 1982).
    pub auc_error: f64,
    /// Mean of -ln of what was said of what happened.
    pub log_loss: f64,
    /// Log loss of one who always answers the rate of these rows.
    pub log_loss_of_rate: f64,
    /// Mean square of answer minus truth (Brier 1950).
    pub brier: f64,
    /// Share of rows that did.
    pub rate: f64,
    /// Mean answer.
    pub mean: f64,
    /// Mean distance of answer and rate over the bins of `calibration`, by the bins' weights.
    pub calibration_error: f64,
    /// Rows in ten bins of one size, by answer.
    pub calibration: Vec<Bin>,
}

/// Rows of similar answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// How many.
    pub rows: usize,
    /// Mean answer.
    pub said: f64,
    /// Share that did.
    pub did: f64,
    /// Where the rate of such rows lies, with 95% (Wilson 1927).
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Measures {
    /// Measures probabilities; all slices are of one length.
    #[must_use]
    pub fn of(answers: &[f64], truth: &[f64], weights: &[f64]) -> Self {
        let all = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            values.zip(weights).map(|(value, weight)| value * weight).sum::<f64>() / all
        };
        let rate = mean(&mut truth.iter().copied());
        let auc = auc(answers, truth, weights);
        let calibration = bins(answers, truth, weights);
        let constant = vec![rate; truth.len()];
        let rows = answers.len().max(1) as f64;
        Self {
            auc,
            auc_error: auc_error(auc, truth),
            log_loss: log_loss(answers, truth, weights),
            log_loss_of_rate: log_loss(&constant, truth, weights),
            brier: mean(&mut answers.iter().zip(truth).map(|(answer, truth)| (answer - truth).powi(2))),
            rate,
            mean: mean(&mut answers.iter().copied()),
            calibration_error: calibration.iter().map(|bin| bin.rows as f64 / rows * (bin.said - bin.did).abs()).sum(),
            calibration,
        }
    }
}

/// Mean of -ln of what was said of what happened.
pub(crate) fn log_loss(answers: &[f64], truth: &[f64], weights: &[f64]) -> f64 {
    let (mut loss, mut all) = (0.0, 0.0);
    for ((answer, truth), weight) in answers.iter().zip(truth).zip(weights) {
        let said = if *truth > 0.5 { *answer } else { 1.0 - answer };
        loss -= weight * said.clamp(CERTAIN, 1.0).ln();
        all += weight;
    }
    if all > 0.0 { loss / all } else { 0.0 }
}

/// The area under the ROC curve; a half where all rows are of one kind.
#[must_use]
pub fn auc(answers: &[f64], truth: &[f64], weights: &[f64]) -> f64 {
    let mut sorted: Vec<(f64, f64, f64)> =
        answers.iter().zip(truth).zip(weights).map(|((answer, truth), weight)| (*answer, *truth, *weight)).collect();
    sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut below, mut did, mut area) = (0.0, 0.0, 0.0);
    for alike in sorted.chunk_by(|one, other| one.0 == other.0) {
        let (mut yes, mut no) = (0.0, 0.0);
        for (_, truth, weight) in alike {
            if *truth > 0.5 { yes += weight } else { no += weight }
        }
        area += yes * (below + no / 2.0);
        below += no;
        did += yes;
    }
    if below > 0.0 && did > 0.0 { area / (below * did) } else { 0.5 }
}

/// Standard error of an area, by the numbers of rows of either kind (Hanley and McNeil 1982, eq. 1).
fn auc_error(auc: f64, truth: &[f64]) -> f64 {
    let did = truth.iter().filter(|truth| **truth > 0.5).count() as f64;
    let not = truth.len() as f64 - did;
    if did < 1.0 || not < 1.0 {
        return 0.5;
    }
    let (two_did, two_not) = (auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc));
    let square = auc * auc;
    let variance = auc * (1.0 - auc) + (did - 1.0) * (two_did - square) + (not - 1.0) * (two_not - square);
    (variance / (did * not)).max(0.0).sqrt()
}

fn bins(answers: &[f64], truth: &[f64], weights: &[f64]) -> Vec<Bin> {
    let mut sorted: Vec<(f64, f64, f64)> =
        answers.iter().zip(truth).zip(weights).map(|((answer, truth), weight)| (*answer, *truth, *weight)).collect();
    sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
    let size = sorted.len().div_ceil(BINS).max(1);
    let bin = |alike: &[(f64, f64, f64)]| {
        let all = alike.iter().map(|(.., weight)| weight).sum::<f64>().max(f64::MIN_POSITIVE);
        let did = alike.iter().map(|(_, truth, weight)| truth * weight).sum::<f64>() / all;
        let said = alike.iter().map(|(answer, _, weight)| answer * weight).sum::<f64>() / all;
        let (low, high) = wilson(did, alike.len() as f64);
        Bin { rows: alike.len(), said, did, low, high }
    };
    sorted.chunks(size).map(bin).collect()
}

/// The score interval of a rate, 95%.
fn wilson(rate: f64, count: f64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    let square = Z * Z / count;
    let middle = (rate + square / 2.0) / (1.0 + square);
    let half = Z / (1.0 + square) * (rate * (1.0 - rate) / count + square / (4.0 * count)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_counts_pairs_and_ties_half() {
        // Pairs (did, did not): .8>.1 .8>.5 .5>.1 .5=.5: 3.5 of 4.
        let area = auc(&[0.1, 0.5, 0.5, 0.8], &[0.0, 1.0, 0.0, 1.0], &[1.0; 4]);
        assert_eq!(area, 3.5 / 4.0);
        // A row that counts twice is two rows.
        let twice = auc(&[0.1, 0.5, 0.5, 0.8], &[0.0, 1.0, 0.0, 1.0], &[2.0, 1.0, 1.0, 1.0]);
        let two = auc(&[0.1, 0.1, 0.5, 0.5, 0.8], &[0.0, 0.0, 1.0, 0.0, 1.0], &[1.0; 5]);
        assert_eq!(twice, two);
        assert_eq!(auc(&[0.1, 0.2], &[1.0, 1.0], &[1.0; 2]), 0.5, "nothing to rank");
    }

    #[test]
    fn the_standard_error_of_chance_is_that_of_ranks() {
        // The variance of Mann and Whitney's statistic where there is no difference (1947): (n + m + 1) / 12 n m.
        let truth: Vec<f64> = (0..109).map(|row| f64::from(row < 51)).collect();
        let variance = f64::from(58 + 51 + 1) / (12.0 * 58.0 * 51.0);
        assert!((auc_error(0.5, &truth) - variance.sqrt()).abs() < 1e-12);
        assert!(auc_error(0.9, &truth) < auc_error(0.7, &truth));
    }

    #[test]
    fn one_who_says_the_rate_is_calibrated_and_ranks_nothing() {
        let truth: Vec<f64> = (0..1_000).map(|row| f64::from(row % 4 == 0)).collect();
        let measures = Measures::of(&[0.25; 1_000], &truth, &[1.0; 1_000]);
        assert_eq!((measures.auc, measures.rate, measures.mean, measures.brier), (0.5, 0.25, 0.25, 0.1875));
        assert!((measures.log_loss - measures.log_loss_of_rate).abs() < 1e-12);
        assert_eq!(
            (measures.calibration.len(), measures.calibration.iter().map(|bin| bin.rows).sum::<usize>()),
            (10, 1_000)
        );
        assert!(measures.calibration_error < 0.02, "{}", measures.calibration_error);
    }
}
