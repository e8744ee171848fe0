//! A slow, other way to the removal effect, and files that are not everywhere.

#![allow(dead_code, reason = "not every test takes all of it")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;

use flate2::read::MultiGzDecoder;
use petitfour_attribution::{Log, Paths, Source, read};

#[path = "../../../collector/tests/support/claim.rs"]
mod claim;

/// Records a figure for `cargo xtask claims`.
pub fn claim(name: &str, value: f64, unit: &str, most: f64) {
    let bound = format!("<= {most}");
    claim::claim(name, value, unit, &bound, value <= most, "cargo test -p petitfour-attribution --test reference");
}

/// A file of data that must not be copied into this project; where it is absent, that is said aloud.
pub fn shared(file: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")).join(file);
    if !path.is_file() {
        println!("SKIPPED: {} is not here", path.display());
        return None;
    }
    Some(path)
}

/// The table of paths that the reference figures are of.
pub fn path_data() -> Option<Paths> {
    let file = MultiGzDecoder::new(File::open(shared("attribution/path_data.csv.gz")?).unwrap());
    match read(file).unwrap() {
        Source::Paths(paths) => Some(paths),
        Source::Log(_) => panic!("a table of paths"),
    }
}

pub fn paths(text: &str) -> Paths {
    match read(text.as_bytes()).unwrap() {
        Source::Paths(paths) => paths,
        Source::Log(_) => panic!("a table of paths"),
    }
}

pub fn log(text: &str) -> Log {
    match read(text.as_bytes()).unwrap() {
        Source::Log(log) => log,
        Source::Paths(_) => panic!("a log of touches"),
    }
}

/// The removal effect of every channel, by letting everybody walk: all begin at the beginning, each step moves the part that goes there, and
/// whoever comes to an outcome is counted, until less than 1e-17 still walks. It goes forwards where the crate goes backwards, knows states by their history as text,
/// keeps loops of a state to itself, and takes the rate of the whole from the chain instead of from the table.
pub fn walked(paths: &Paths, order: usize) -> Vec<f64> {
    let mut states: HashMap<String, usize> = HashMap::from([(String::new(), 0)]);
    let mut steps: Vec<HashMap<usize, f64>> = vec![HashMap::new()];
    let (mut outcomes, mut nulls, mut ends_with) = (vec![0.0], vec![0.0], vec![usize::MAX]);
    for path in &paths.paths {
        let weight = (path.conversions + path.nulls) as f64;
        if weight == 0.0 {
            continue;
        }
        let mut from = 0;
        for (place, touch) in path.touches.iter().enumerate() {
            let begin = (place + 1).saturating_sub(order);
            let history: Vec<&str> = path.touches[begin..=place]
                .iter()
                .map(|touch| paths.channels[touch.channel as usize].as_str())
                .collect();
            let count = states.len();
            let to = *states.entry(history.join("\u{1}")).or_insert(count);
            if to == count {
                steps.push(HashMap::new());
                outcomes.push(0.0);
                nulls.push(0.0);
                ends_with.push(touch.channel as usize);
            }
            *steps[from].entry(to).or_default() += weight;
            from = to;
        }
        outcomes[from] += path.conversions as f64;
        nulls[from] += path.nulls as f64;
    }
    let all: Vec<f64> =
        (0..steps.len()).map(|state| steps[state].values().sum::<f64>() + outcomes[state] + nulls[state]).collect();
    let steps: Vec<Vec<(usize, f64)>> =
        steps.iter().zip(&all).map(|(to, all)| to.iter().map(|(to, count)| (*to, count / all)).collect()).collect();
    let reach = |without: usize| {
        let mut walking = vec![0.0; steps.len()];
        walking[0] = 1.0;
        let mut reached = 0.0;
        for _ in 0..2_000_000 {
            let mut next = vec![0.0; steps.len()];
            let mut left = 0.0;
            for (state, part) in walking.iter().enumerate().filter(|(_, part)| **part > 0.0) {
                reached += part * outcomes[state] / all[state];
                for (to, probability) in &steps[state] {
                    if ends_with[*to] != without {
                        next[*to] += part * probability;
                        left += part * probability;
                    }
                }
            }
            if left < 1e-17 {
                return reached;
            }
            walking = next;
        }
        panic!("they walk for ever");
    };
    let whole = reach(usize::MAX - 1);
    (0..paths.channels.len()).map(|channel| if whole > 0.0 { 1.0 - reach(channel) / whole } else { 0.0 }).collect()
}
