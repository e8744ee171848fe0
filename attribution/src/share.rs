//! Rules that look at one path alone: which part of its outcome each touch is credited with.

use crate::path::Path;

/// The parts of a path's touches, in order; they add up to 1.
pub(crate) fn parts(path: &Path, rule: &Each) -> Vec<f64> {
    let count = path.touches.len();
    let only = |place: usize| (0..count).map(|touch| f64::from(u8::from(touch == place))).collect();
    match rule {
        Each::First => only(0),
        Each::Last => only(count.saturating_sub(1)),
        Each::LastOther(direct) => {
            let other = path.touches.iter().rposition(|touch| touch.channel != *direct);
            only(other.unwrap_or(count.saturating_sub(1)))
        }
        Each::Linear => vec![1.0 / count as f64; count],
        Each::Position { first, last } => position(count, *first, *last),
        Each::Decay { half_life } => decay(path, *half_life),
    }
}

/// A rule of one path.
pub(crate) enum Each {
    First,
    Last,
    LastOther(u32),
    Linear,
    Position { first: f64, last: f64 },
    Decay { half_life: f64 },
}

/// The ends have their parts and those between share the rest. Where there is nothing between, the ends share it as their parts are to one
/// another.
fn position(count: usize, first: f64, last: f64) -> Vec<f64> {
    match count {
        0 => Vec::new(),
        1 => vec![1.0],
        2 if first + last > 0.0 => vec![first / (first + last), last / (first + last)],
        2 => vec![0.5, 0.5],
        _ => {
            let between = (1.0 - first - last) / (count - 2) as f64;
            let mut parts = vec![between; count];
            if let [begin, .., end] = parts.as_mut_slice() {
                (*begin, *end) = (first, last);
            }
            parts
        }
    }
}

/// Half as much for each half-life that a touch lies further back. Counted from the latest touch, so that the youngest weighs 1 and no
/// sum vanishes, however long ago all of them are: the parts are the same.
fn decay(path: &Path, half_life: f64) -> Vec<f64> {
    let latest = path.touches.iter().filter_map(|touch| touch.at).max().unwrap_or_default();
    let age = |at: Option<i64>| latest.saturating_sub(at.unwrap_or(latest)) as f64;
    let weights: Vec<f64> = path.touches.iter().map(|touch| (-age(touch.at) / half_life).exp2()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}
