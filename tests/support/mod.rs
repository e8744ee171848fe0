//! What the tests of the engine share: bundles from campaign files, points in time as people write them, and the player of
//! golden scenarios.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "only tests come here, though not from a function that Clippy knows as one"
)]

pub mod player;
pub mod scenario;
pub mod sim;

use petitfour::engine::Engine;
use petitfour::time::{Moment, Timestamp};
use petitfour_compiler::{Source, compile, render};
use std::path::PathBuf;
use std::sync::Arc;

/// The clone.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compiles one campaign file; warnings are allowed, faults are not.
pub fn bundle(name: &str, text: &str) -> Vec<u8> {
    let beside = root().join("tests/golden/campaigns");
    let files = |name: &str| std::fs::read(beside.join(name)).ok();
    let compiled = compile(&[Source { name: name.to_owned(), text: text.to_owned() }], &files);
    let Some(bundle) = compiled.bundle else {
        let faults = compiled.diagnostics.iter().map(|fault| render::diagnostic(fault, &compiled.sources, false));
        panic!("{name} does not compile:\n{}", faults.collect::<Vec<_>>().join("\n"));
    };
    bundle
}

/// A campaign file as an engine.
pub fn build(text: &str) -> Arc<Engine> {
    Arc::new(Engine::load(bundle("test.yaml", text)).expect("a bundle that was just compiled opens"))
}

/// `2026-06-01T23:30:00+02:00`: the instant, and where the visitor's clock stands. Seconds may have thousandths.
pub fn moment(text: &str) -> Moment {
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().expect(text);
    let (date, rest) = text.split_at(19);
    assert_eq!(date.as_bytes()[10], b'T', "{text}");
    let days = days(number(0, 4), number(5, 7), number(8, 10));
    let seconds = days * 86_400 + number(11, 13) * 3_600 + number(14, 16) * 60 + number(17, 19);
    let (thousandths, zone) = match rest.strip_prefix('.') {
        Some(rest) => (rest[..3].parse::<i64>().expect(text), &rest[3..]),
        None => (0, rest),
    };
    let offset = match zone {
        "Z" => 0,
        _ => {
            let size = zone[1..3].parse::<i64>().expect(text) * 60 + zone[4..6].parse::<i64>().expect(text);
            if zone.starts_with('-') { -size } else { size }
        }
    };
    let now = seconds * 1_000 + thousandths - offset * 60_000;
    Moment { now: Timestamp(u64::try_from(now).expect(text)), offset_minutes: i16::try_from(offset).expect(text) }
}

/// Days from 1970 to a date of the Gregorian calendar, counted year by year: slow, and plain enough to believe.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let leap = |year: i64| i64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    let before: i64 = (1970..year).map(|year| 365 + leap(year)).sum();
    let lengths = [31, 28 + leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    before + lengths.iter().take(month as usize - 1).sum::<i64>() + day - 1
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hexadecimal digits as bytes.
pub fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "half a byte in {text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect(text)).collect()
}
