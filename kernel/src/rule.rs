//! Inputs to bins, bins to the conjuncts that accept them: `rule` of the engine, on bare tables.

/// "None" where an index may be absent.
const NONE: u32 = u32::MAX;

/// A bit row, as little-endian words.
type Row<'a> = &'a [[u8; 8]];

/// An attribute's record, as far as rules read it (`docs/formats/bundle.md`, ATTR).
#[derive(Debug, Clone, Copy)]
pub struct Column<'a>(pub &'a [u8; 40]);

/// The tables of a bundle that rules read.
#[derive(Debug, Clone, Copy)]
pub struct Tables<'a> {
    /// A record for each attribute.
    pub columns: &'a [[u8; 40]],
    /// Borders of all numbers, as little-endian f64.
    pub borders: &'a [[u8; 8]],
    /// (attribute, bin) to row.
    pub index: &'a [[u8; 4]],
    /// Bit rows.
    pub rows: &'a [[u8; 8]],
}

impl Column<'_> {
    /// Text rather than a number?
    #[must_use]
    pub fn is_text(self) -> bool {
        self.0[9] == 0
    }

    /// First border or dictionary entry.
    #[must_use]
    pub fn first(self) -> u32 {
        self.word(24)
    }

    /// How many borders or dictionary entries.
    #[must_use]
    pub fn count(self) -> u32 {
        self.word(28)
    }

    /// Where its rows are listed, all ones when no conjunct asks.
    #[must_use]
    pub fn rows(self) -> u32 {
        self.word(32)
    }

    // The offsets are constants below the length of the record, so that this compiles to a load.
    fn word(self, at: usize) -> u32 {
        self.0.get(at..).and_then(<[u8]>::first_chunk::<4>).map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }
}

/// Bin of a number among ascending little-endian borders: 0 when it is missing (NaN), else one more than the number of
/// borders that it has reached.
#[must_use]
pub fn number_bin(borders: &[[u8; 8]], value: f64) -> u16 {
    if value.is_nan() {
        return 0;
    }
    // Shar's search: after one comparison the rest is a power of two, and every step adds its answer as a number. Which way
    // a comparison goes is a coin toss, and a branch on it would be mispredicted half the time.
    let passed = |place: usize| borders.get(place).is_some_and(|border| f64::from_le_bytes(*border) <= value);
    let Some(mut step) = borders.len().checked_ilog2() else { return 1 };
    let mut reached = if passed((1 << step) - 1) { borders.len() + 1 - (1 << step) } else { 0 };
    while step > 0 {
        step -= 1;
        reached += usize::from(passed(reached + (1 << step) - 1)) << step;
    }
    u16::try_from(reached + 1).unwrap_or(u16::MAX)
}

/// Reduces every input to its bin; returns whether some bin is another than before.
pub fn bin(tables: Tables<'_>, inputs: &[f64], bins: &mut [u16]) -> bool {
    let mut changed = false;
    for ((column, input), bin) in tables.columns.iter().map(Column).zip(inputs).zip(bins) {
        let new = if column.is_text() {
            *input as u16
        } else {
            let first = column.first() as usize;
            let own = tables.borders.get(first..first.saturating_add(column.count() as usize));
            number_bin(own.unwrap_or(&[]), *input)
        };
        changed |= new != *bin;
        *bin = new;
    }
    changed
}

/// Combines the bit rows of all bins in `matches`, which has the length of one.
pub fn combine(tables: Tables<'_>, bins: &[u16], matches: &mut [u64]) {
    let Tables { columns, index, rows: words, .. } = tables;
    let length = matches.len();
    let mut rows = columns.iter().map(Column).zip(bins).filter(|(column, _)| column.rows() != NONE).map(
        |(column, bin)| -> Option<Row<'_>> {
            let place = (column.rows() as usize).checked_add(usize::from(*bin))?;
            let start = (u32::from_le_bytes(*index.get(place)?) as usize).checked_mul(length)?;
            words.get(start..start.checked_add(length)?)
        },
    );
    matches.fill(u64::MAX);
    // Four at a time, so that the words of `matches` are loaded and stored a quarter as often.
    while let Some(first) = rows.next() {
        let mut row = || rows.next().unwrap_or(first);
        let (Some(a), Some(b), Some(c), Some(d)) = (first, row(), row(), row()) else {
            matches.fill(0);
            return;
        };
        for ((((word, a), b), c), d) in matches.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *word &= u64::from_le_bytes(*a) & u64::from_le_bytes(*b) & u64::from_le_bytes(*c) & u64::from_le_bytes(*d);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_reaches_its_borders_inclusively() {
        let borders = [1.0f64, 2.5].map(f64::to_le_bytes);
        let bins = [f64::NAN, 0.9, 1.0, 2.4, 2.5, f64::INFINITY, f64::NEG_INFINITY].map(|v| number_bin(&borders, v));
        assert_eq!(bins, [0, 1, 2, 2, 3, 3, 1]);
    }

    #[test]
    fn the_search_equals_counting_for_every_number_of_borders() {
        for count in 0..70u16 {
            let borders: std::vec::Vec<_> = (0..count).map(|border| f64::from(border).to_le_bytes()).collect();
            for half in -2..2 * i32::from(count) + 2 {
                let value = f64::from(half) / 2.0;
                let reached = borders.iter().filter(|border| f64::from_le_bytes(**border) <= value).count();
                assert_eq!(number_bin(&borders, value), reached as u16 + 1, "{value} among {count}");
            }
        }
    }
}
