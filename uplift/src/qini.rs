//! The curve of what is gained when the rows that are thought to gain most are treated first.
//!
//! At a share φ of the rows by falling score, `Q(φ) = (Y_T − Y_C · N_T / N_C) / N` (Radcliffe 2007, §5): outcomes of the treated among them, less those of
//! the untreated among them as if there were as many of these, for each of all `N` treated rows. So `Q(1)` is the effect on the mean row.
//! The Qini coefficient is the area between `Q` and the straight line from 0 to `Q(1)`, over φ from 0 to 1, not divided by anything else; AUUC is the area under `Q`.

/// A curve of straight pieces from (0, 0) to (1, effect).
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    points: Vec<Point>,
}

/// What is gained by treating a share of the rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Of all rows, by falling score.
    pub share: f64,
    /// Outcomes gained, for each row that was treated.
    pub gain: f64,
}

impl Curve {
    /// Each row has its score, whether it was treated, and its outcome. Rows of one score enter together, so their order says nothing. `None` where no
    /// row was treated, or all were.
    #[must_use]
    pub fn of(rows: &[(f64, bool, f64)]) -> Option<Self> {
        let all = rows.iter().filter(|(_, treated, _)| *treated).count() as f64;
        if all < 1.0 || all >= rows.len() as f64 {
            return None;
        }
        let mut sorted = rows.to_vec();
        sorted.sort_by(|one, other| other.0.total_cmp(&one.0));
        let mut points = vec![Point { share: 0.0, gain: 0.0 }];
        let (mut treated, mut control) = ((0.0, 0.0), (0.0, 0.0));
        for alike in sorted.chunk_by(|one, other| one.0 == other.0) {
            for (_, given, outcome) in alike {
                let side = if *given { &mut treated } else { &mut control };
                *side = (side.0 + 1.0, side.1 + outcome);
            }
            let without = if control.0 > 0.0 { control.1 * treated.0 / control.0 } else { 0.0 };
            let share = (treated.0 + control.0) / rows.len() as f64;
            points.push(Point { share, gain: (treated.1 - without) / all });
        }
        Some(Self { points })
    }

    /// Its corners, by rising share.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The effect on the mean row.
    #[must_use]
    pub fn effect(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.gain)
    }

    /// The area under the curve.
    #[must_use]
    pub fn auuc(&self) -> f64 {
        let pieces = self.points.iter().zip(self.points.iter().skip(1));
        pieces.map(|(one, next)| (next.share - one.share) * (one.gain + next.gain) / 2.0).sum()
    }

    /// The area between the curve and the line of chance.
    #[must_use]
    pub fn qini(&self) -> f64 {
        self.auuc() - self.effect() / 2.0
    }

    /// The gain at a share, between the corners that it falls between.
    #[must_use]
    pub fn at(&self, share: f64) -> f64 {
        let after = self.points.partition_point(|point| point.share < share);
        let before = after.checked_sub(1).and_then(|place| self.points.get(place));
        match (before, self.points.get(after)) {
            (Some(one), Some(next)) if next.share > one.share => {
                one.gain + (next.gain - one.gain) * (share - one.share) / (next.share - one.share)
            }
            (_, Some(next)) => next.gain,
            _ => self.effect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_counts_as_by_hand() {
        // By falling score: treated 1, control 0, treated 0, control 1.
        let rows = [(4.0, true, 1.0), (3.0, false, 0.0), (2.0, true, 0.0), (1.0, false, 1.0)];
        let curve = Curve::of(&rows).unwrap();
        let gains: Vec<f64> = curve.points().iter().map(|point| point.gain).collect();
        assert_eq!(gains, [0.0, 0.5, 0.5, 0.5, 0.0]);
        assert_eq!((curve.effect(), curve.auuc(), curve.qini()), (0.0, 0.375, 0.375));
        assert_eq!((curve.at(0.0), curve.at(0.125), curve.at(0.5), curve.at(1.0)), (0.0, 0.25, 0.5, 0.0));
        assert!(Curve::of(&[(1.0, true, 1.0)]).is_none() && Curve::of(&[]).is_none());
    }
}
