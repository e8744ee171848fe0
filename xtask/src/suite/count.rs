//! How many tests passed, read from the closing lines of the runners: Cargo's and Node's.

/// Tests by outcome.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Count {
    /// Ran and held.
    pub passed: u64,
    /// Ran and did not hold.
    pub failed: u64,
    /// Did not run: counted apart, never as passed.
    pub skipped: u64,
}

impl Count {
    /// Adds another count.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Adds what one printed line of a runner says, if it is a closing line.
    pub fn read(&mut self, line: &str) {
        let plain = without_colour(line);
        let line = plain.trim();
        if let Some(result) = line.strip_prefix("test result: ") {
            self.add(cargo(result));
        } else if let Some(result) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
            self.add(node(result));
        }
    }
}

/// `ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`
fn cargo(result: &str) -> Count {
    let number = |word: &str| {
        result
            .split([';', '.'])
            .find_map(|part| part.trim().strip_suffix(word)?.trim().parse::<u64>().ok())
            .unwrap_or(0)
    };
    Count { passed: number("passed"), failed: number("failed"), skipped: number("ignored") }
}

/// `pass 12`, `fail 0`, `cancelled 0`, `skipped 1`, `todo 0`, each on a line of its own
fn node(result: &str) -> Count {
    let mut words = result.split_whitespace();
    let (Some(word), Some(number), None) = (words.next(), words.next(), words.next()) else { return Count::default() };
    let number = number.parse().unwrap_or(0);
    match word {
        "pass" => Count { passed: number, ..Count::default() },
        "fail" | "cancelled" => Count { failed: number, ..Count::default() },
        "skipped" | "todo" => Count { skipped: number, ..Count::default() },
        _ => Count::default(),
    }
}

/// The line without terminal colours, which a runner may send through a pipe when it is told to.
fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            for skipped in characters.by_ref() {
                if skipped.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Count {
        let mut count = Count::default();
        lines.iter().for_each(|line| count.read(line));
        count
    }

    #[test]
    fn cargos_closing_lines_add_up_and_ignored_tests_are_skipped() {
        let count = read(&[
            "running 3 tests",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 4 filtered out; finished in 12.50s",
        ]);
        assert_eq!(count, Count { passed: 14, failed: 3, skipped: 1 });
    }

    #[test]
    fn nodes_closing_lines_are_read_in_both_reporters_and_in_colour() {
        let count = read(&["# tests 9", "# pass 4", "# fail 1", "ℹ pass 3", "\u{1b}[34mℹ skipped 2\u{1b}[39m"]);
        assert_eq!(count, Count { passed: 7, failed: 1, skipped: 2 });
    }

    #[test]
    fn ordinary_output_counts_nothing() {
        assert_eq!(read(&["# pass the salt please", "pass 3", "# duration_ms 12.5", ""]), Count::default());
    }
}
