//! Small symmetric matrices, by Cholesky's decomposition: four rows are no reason for a library of linear algebra.

/// N rows of N.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Matrix<const N: usize>([[f64; N]; N]);

impl<const N: usize> Matrix<N> {
    /// Of what stands in each row and column, asked once for both of its places.
    pub(crate) fn symmetric(entry: impl Fn(usize, usize) -> f64) -> Self {
        let mut rows = [[0.0; N]; N];
        for row in 0..N {
            for column in 0..=row {
                let value = entry(row, column);
                set(&mut rows, row, column, value);
                set(&mut rows, column, row, value);
            }
        }
        Self(rows)
    }

    /// x of A·x = b; `None` where A is not positive definite.
    pub(crate) fn solve(&self, right: [f64; N]) -> Option<[f64; N]> {
        let lower = self.lower()?;
        let mut forward = [0.0; N];
        for row in 0..N {
            let known: f64 = (0..row).map(|column| at(&lower, row, column) * item(&forward, column)).sum();
            put(&mut forward, row, (item(&right, row) - known) / at(&lower, row, row));
        }
        let mut found = [0.0; N];
        for row in (0..N).rev() {
            let known: f64 = (row + 1..N).map(|column| at(&lower, column, row) * item(&found, column)).sum();
            put(&mut found, row, (item(&forward, row) - known) / at(&lower, row, row));
        }
        Some(found)
    }

    /// The diagonal of the inverse; `None` where the matrix is not positive definite.
    pub(crate) fn inverse_diagonal(&self) -> Option<[f64; N]> {
        let mut diagonal = [0.0; N];
        for axis in 0..N {
            let mut unit = [0.0; N];
            put(&mut unit, axis, 1.0);
            put(&mut diagonal, axis, item(&self.solve(unit)?, axis));
        }
        Some(diagonal)
    }

    /// L of A = L·Lᵀ.
    fn lower(&self) -> Option<[[f64; N]; N]> {
        let mut lower = [[0.0; N]; N];
        for row in 0..N {
            for column in 0..=row {
                let known: f64 = (0..column).map(|before| at(&lower, row, before) * at(&lower, column, before)).sum();
                let rest = at(&self.0, row, column) - known;
                let value = if row == column {
                    // Of a matrix that was measured, less than this is nothing.
                    if rest.is_nan() || rest <= 1e-9 * at(&self.0, row, row).abs() {
                        return None;
                    }
                    rest.sqrt()
                } else {
                    rest / at(&lower, column, column)
                };
                set(&mut lower, row, column, value);
            }
        }
        Some(lower)
    }
}

fn at<const N: usize>(rows: &[[f64; N]; N], row: usize, column: usize) -> f64 {
    rows.get(row).and_then(|row| row.get(column)).copied().unwrap_or_default()
}

fn set<const N: usize>(rows: &mut [[f64; N]; N], row: usize, column: usize, value: f64) {
    if let Some(place) = rows.get_mut(row).and_then(|row| row.get_mut(column)) {
        *place = value;
    }
}

fn item<const N: usize>(items: &[f64; N], place: usize) -> f64 {
    items.get(place).copied().unwrap_or_default()
}

fn put<const N: usize>(items: &mut [f64; N], place: usize, value: f64) {
    if let Some(item) = items.get_mut(place) {
        *item = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_solved_and_one_without_a_peak_is_not() {
        let rows = [[4.0, 2.0, 0.6], [2.0, 3.0, 0.4], [0.6, 0.4, 1.0]];
        let matrix = Matrix::<3>::symmetric(|row, column| rows[row][column]);
        let found = matrix.solve([1.0, -2.0, 0.5]).unwrap();
        for (row, wanted) in rows.iter().zip([1.0, -2.0, 0.5]) {
            let got: f64 = row.iter().zip(found).map(|(one, other)| one * other).sum();
            assert!((got - wanted).abs() < 1e-14);
        }
        assert_eq!(
            Matrix::<2>::symmetric(|row, column| [[4.0, 0.0], [0.0, 16.0]][row][column]).inverse_diagonal(),
            Some([0.25, 0.0625])
        );
        for flat in [[[1.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [0.0, -1.0]], [[f64::NAN, 0.0], [0.0, 1.0]]] {
            assert_eq!(Matrix::<2>::symmetric(|row, column| flat[row][column]).solve([1.0, 1.0]), None);
        }
    }
}
