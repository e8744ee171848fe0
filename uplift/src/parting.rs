//! Which rows are learned from and which are measured on: at random, each arm alike.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::trial::Trial;

/// For each row the number of its part, of `parts`; each arm is parted by itself.
pub(crate) fn parts(trial: &Trial, parts: usize, seed: u64) -> Vec<usize> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut of = vec![0; trial.len()];
    for arm in 0..trial.arms.len() {
        let mut rows = trial.rows_of(&[arm]);
        rows.shuffle(&mut random);
        for (place, row) in rows.into_iter().enumerate() {
            if let Some(part) = of.get_mut(row) {
                *part = place % parts.max(1);
            }
        }
    }
    of
}

/// The rows of one part, and all others, ascending.
pub(crate) fn sides(of: &[usize], part: usize) -> (Vec<usize>, Vec<usize>) {
    (0..of.len()).partition(|row| of.get(*row) == Some(&part))
}
