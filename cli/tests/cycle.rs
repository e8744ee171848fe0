//! `petitfour loop`: from a log to a bundle that decides what was judged, on public logs, on made-up ones of which the truth is known, and on files that are wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use petitfour::engine::{Engine, Session};
use petitfour::time::Moment;
use serde_json::Value;

#[path = "../../collector/tests/support/claim.rs"]
mod claim;

const COMMAND: &str = "cargo test -p petitfour-cli --test cycle";

fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_petitfour"));
    let output = command.current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn obd(name: &str) -> String {
    format!("{}/../data/obd/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn report(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap()
}

/// Every file that was written, by name.
fn written(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let names = ["report.html", "report.json", "bundle.pf4", "campaigns/campaigns.yaml", "campaigns/clicks.txt"];
    names.map(|name| (name.to_owned(), fs::read(folder.join(name)).unwrap())).to_vec()
}

#[test]
fn the_open_bandit_log_goes_round_and_the_report_says_that_it_cannot_rank() {
    let folder = tempfile::tempdir().unwrap();
    let (log, actions) = (obd("random_all.csv.gz"), obd("items_all.csv"));
    let asked = ["loop", &log, "--actions", &actions, "--trees", "60", "--out"];
    let (code, told, faults) = run(folder.path(), &[&asked[..], &["a"]].concat());
    assert_eq!(code, 0, "{faults}");
    for stage in
        ["1/8 log", "2/8 train", "3/8 quantise", "4/8 policy", "5/8 evaluate", "6/8 bundle", "7/8 replay", "8/8 report"]
    {
        assert!(faults.contains(stage), "{stage}: {faults}");
    }
    assert!(told.contains("Would it have been better? cannot tell:"), "{told}");
    let out = folder.path().join("a");
    let found = report(&out);
    assert_eq!((&found["rounds"], &found["candidates"], &found["outcomes"]), (&10_000.into(), &80.into(), &38.into()));
    assert_eq!(found["judged"]["policies"][0]["verdict"], "too few outcomes");
    let replayed = &found["replayed"];
    assert_eq!((&replayed["same"], &replayed["other"]), (&found["judged"]["rounds"], &0.into()), "{replayed}");
    let number = |value: &Value| value.as_f64().unwrap();
    let drift = found["device"]["drift"].as_array().unwrap();
    assert!(number(&drift[1]["largest"]) < 0.001, "{drift:?}");
    let brotli = number(&found["device"]["bundle_brotli"]);
    claim::claim("loop.obd.bundle", brotli, "bytes", "<= 5000", brotli <= 5_000.0, COMMAND);
    let share = number(&replayed["same"]) / number(&replayed["rounds"]);
    claim::claim("loop.obd.replayed", share, "", "= 1", share == 1.0, COMMAND);
    println!("bundle of 80 campaigns: {} bytes, {brotli} after brotli", found["device"]["bundle_bytes"]);
    assert!(brotli <= 5_000.0);

    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 6);
    assert!(!page.contains("<script") && !page.contains("http") && page.contains("Cannot tell: "), "{page}");

    // The same again gives the same bytes; the campaign files are clean, and their bundle is the one that was judged.
    let (code, _, faults) = run(folder.path(), &[&asked[..], &["b"]].concat());
    assert_eq!(code, 0, "{faults}");
    assert!(written(&out) == written(&folder.path().join("b")), "another run writes something else");
    let (code, told, faults) = run(folder.path(), &["check", "--strict", "a/campaigns"]);
    assert_eq!(code, 0, "{told}{faults}");
    let (code, _, faults) = run(folder.path(), &["build", "a/campaigns", "-o", "own.pf4"]);
    assert_eq!(code, 0, "{faults}");
    assert!(fs::read(folder.path().join("own.pf4")).unwrap() == fs::read(out.join("bundle.pf4")).unwrap());
}

#[test]
fn a_log_that_preferred_some_is_learned_from_as_if_it_had_not() {
    let folder = tempfile::tempdir().unwrap();
    let (log, actions) = (obd("bts_men.csv.gz"), obd("items_men.csv"));
    let (code, told, faults) = run(
        folder.path(),
        &[
            "loop",
            &log,
            "--actions",
            &actions,
            "--trees",
            "30",
            "--bits",
            "8",
            "--order-is-time",
            "--json",
            "--out",
            "a",
        ],
    );
    assert_eq!(code, 0, "{faults}");
    let found: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&found["uniform"], &found["order_is_time"], &found["device"]["bits"]),
        (&false.into(), &true.into(), &8.into())
    );
    assert!(found["model"]["weights_cut"].is_number());
    assert_eq!(found["replayed"]["other"], 0);
    assert!(
        fs::read_to_string(folder.path().join("a/report.html")).unwrap().contains("as if all had been shown alike")
    );
}

/// A log of three banners, all alike, whose rate depends on what the page tells: on phones the first is best, elsewhere the second; the price of the third makes it the worst.
/// The device `tv` is known by its text alone in the newest rounds.
fn banners(rounds: u64) -> String {
    let mut text = "visitor,banner,pscore,device,hour,clicked\n".to_owned();
    let mut state = 7_u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for number in 0..rounds {
        let device = ["phone", "desktop"][draw(2) as usize];
        let device = if number + 40 > rounds { "tv" } else { device };
        let (banner, hour) = (draw(3) as usize, draw(24));
        let rate = match (device, banner) {
            (_, 2) => 5,
            ("phone", 0) | ("desktop", 1) => 40,
            _ => 10,
        };
        let clicked = u8::from(draw(100) < rate);
        let hour = if number % 9 == 0 { String::new() } else { hour.to_string() };
        writeln!(text, "{},{},{:.9},{device},{hour},{clicked}", number / 2, ["red", "blue", "gold"][banner], 1.0 / 3.0)
            .unwrap();
    }
    text
}

#[test]
fn what_matters_is_found_shipped_and_told_to_be_better() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log.csv"), banners(6_000)).unwrap();
    fs::write(folder.path().join("items.csv"), "action,price\nred,10\nblue,10.5\ngold,99\n").unwrap();
    let (code, told, faults) = run(
        folder.path(),
        &[
            "loop",
            "log.csv",
            "--actions",
            "items.csv",
            "--action",
            "banner",
            "--reward",
            "clicked",
            "--context",
            "device",
            "--context",
            "hour",
            "--explore",
            "5%",
            "--trees",
            "80",
            "--out",
            "a",
        ],
    );
    assert_eq!(code, 0, "{faults}");
    assert!(told.contains("Would it have been better? it would have earned more than what was logged."), "{told}");
    let out = folder.path().join("a");
    let found = report(&out);
    assert_eq!(found["judged"]["policies"][0]["verdict"], "better");
    assert_eq!(found["replayed"]["same"], found["judged"]["rounds"]);
    let by_chance = found["replayed"]["by_chance"].as_u64().unwrap();
    let rounds = found["replayed"]["rounds"].as_u64().unwrap();
    assert!(by_chance > 0 && by_chance < rounds / 15, "{by_chance} of {rounds}");
    // The policy's own rate is some 38%, and the best that there is has 40%.
    let value = |estimator: usize| found["judged"]["policies"][0]["values"][estimator]["value"].as_f64().unwrap();
    assert!((0.33..0.44).contains(&value(3)), "{}", value(3));
    let yaml = fs::read_to_string(out.join("campaigns/campaigns.yaml")).unwrap();
    assert!(yaml.contains("\n    explore: { epsilon: 5% }") && yaml.contains("given: { banner: \"gold\""), "{yaml}");
    let engine = Arc::new(Engine::load(fs::read(out.join("bundle.pf4")).unwrap()).unwrap());
    let shown = |device: &str| {
        let mut session = Session::new(Arc::clone(&engine), [3; 32]);
        session.set_context_text("device", device);
        let campaign = session.rank_at(0, Moment::default())[0].campaign;
        engine.catalog().string(engine.catalog().campaign(campaign).unwrap().name()).to_owned()
    };
    assert_eq!((shown("phone").as_str(), shown("desktop").as_str()), ("red", "blue"));
}

#[test]
fn a_log_that_cannot_be_learned_from_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let told = |log: &str, more: &[&str]| {
        fs::write(folder.path().join("log.csv"), log).unwrap();
        let (code, _, faults) = run(folder.path(), &[&["loop", "log.csv", "--out", "a"], more].concat());
        assert_eq!(code, 1, "{faults}");
        assert!(!folder.path().join("a").exists(), "nothing is written");
        faults.lines().last().unwrap().to_owned()
    };
    let rows = |header: &str, row: &dyn Fn(u32) -> String| {
        let lines: Vec<String> = (0..200).map(row).collect();
        format!("{header}\n{}\n", lines.join("\n"))
    };
    let action = |number: u32| ["a", "b"][number as usize % 2];
    let clicks = |number: u32| u8::from(number.is_multiple_of(7));
    assert_eq!(
        told(&rows("action,click", &|number| format!("{},{}", action(number), clicks(number))), &[]),
        "petitfour: log.csv: line 1: there is no column named probability or propensity_score or pscore; name the columns as docs/evaluation.md has them"
    );
    let full = "action,pscore,click";
    assert_eq!(
        told(&rows(full, &|number| format!("a,0.5,{}", clicks(number))), &[]),
        "petitfour: log.csv: there is one action alone, so nothing to choose; name everything that could be chosen by --actions"
    );
    assert_eq!(
        told(&rows(full, &|number| format!("{},0.5,0", action(number))), &[]),
        "petitfour: log.csv: no round has a reward, so there is nothing to learn; is --reward the right column?"
    );
    assert_eq!(
        told(&rows(full, &|number| format!("{},0.5,1", action(number))), &[]),
        "petitfour: log.csv: every round has the same reward, so there is nothing to learn; is --reward the right column?"
    );
    assert!(
        told(&rows(full, &|number| format!("{},1,{}", action(number), clicks(number))), &[])
            .starts_with("petitfour: log.csv: everything was chosen surely, with the probability 1")
    );
    assert_eq!(
        told(&rows(full, &|number| format!("{},0.5,{}", action(number), number % 3)), &[]),
        "petitfour: log.csv: line 4: `click`: 2 is neither 0 nor 1; a device weighs campaigns by the probability that something comes of them: write 1 or 0"
    );
    assert_eq!(
        told(&rows(full, &|number| format!("{},1.5,{}", action(number), clicks(number))), &[]),
        "petitfour: log.csv: line 2: `pscore`: 1.5 is no probability of something that was chosen; it lies above 0 and is at most 1"
    );
    assert_eq!(
        told(&rows(full, &|number| format!("{},0.5,{}", action(number), u8::from(number == 3))), &[]),
        "petitfour: log.csv: of 1 outcomes none is in the half that is learned from: bring a longer log, or another --seed"
    );
    let fine = rows(full, &|number| format!("{},0.5,{}", action(number), clicks(number)));
    assert_eq!(
        told(&fine, &["--context", "device"]),
        "petitfour: log.csv: line 1: `device`: no column has this name; there are action, pscore, click"
    );
    fs::write(folder.path().join("items.csv"), "action,price\na,1\n").unwrap();
    assert_eq!(
        told(&fine, &["--actions", "items.csv"]),
        "petitfour: log.csv: line 3: `action`: `b` is none of the actions that are known; give everything that can be chosen a line in the file of --actions"
    );
    assert!(told(&fine, &["log.txt"]).contains("cannot read log.txt"));
    let candidates = rows("action,pscore,click,candidates", &|number| {
        format!("{},0.5,{},{}", action(number), clicks(number), if number < 9 { "a|b" } else { "a|b|c" })
    });
    assert!(told(&candidates, &[]).contains("`candidates` differ from round to round"));
}
