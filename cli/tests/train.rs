//! `petitfour train`: what it writes and says of real rows, of rows larger than its memory, and of rows it cannot learn from.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data").join(name)
}

fn train(arguments: &[&str]) -> (i32, String, String) {
    said(Command::new(env!("CARGO_BIN_EXE_petitfour")).arg("train").args(arguments).output().unwrap())
}

fn said(output: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

#[test]
fn shoppers_make_a_model_a_card_and_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model");
    let (rows, out_name) = (data("shoppers/online_shoppers_intention.csv.gz"), out.display().to_string());
    let rows = rows.display().to_string();
    let (code, told, faults) =
        train(&[&rows, "--target", "Revenue", "--trees", "60", "--date", "2026-11-26", "--out", &out_name]);
    assert_eq!(code, 0, "{faults}");
    assert!(told.contains("9,292 rows, `Revenue` = `TRUE` in 15.6%") && told.contains("Recommended: the "), "{told}");
    assert!(told.contains("warning: `PageValues` may know what it is to tell: alone it has AUC 0.8"), "{told}");
    assert!(told.contains("--drop PageValues") && told.contains("parted at random, which flatters"), "{told}");
    let card: serde_json::Value = serde_json::from_slice(&fs::read(out.join("card.json")).unwrap()).unwrap();
    assert_eq!((&card["recommended"], &card["origin"]["date"]), (&"trees".into(), &"2026-11-26".into()));
    assert_eq!((&card["rows_used"], &card["leaks"][0]["name"]), (&9_292.into(), &"PageValues".into()));
    assert_eq!(card["leaks"].as_array().unwrap().len(), 1);
    assert!(card["trees"]["measures"]["auc"].as_f64().unwrap() > 0.91, "{card}");
    let page = fs::read_to_string(out.join("card.md")).unwrap();
    let hash = card["origin"]["sha256"].as_str().unwrap();
    assert!(page.contains(hash) && hash.len() == 64 && page.contains("![Calibration](calibration.svg)"), "{page}");
    for picture in ["calibration.svg", "gain.svg"] {
        let picture = fs::read_to_string(out.join(picture)).unwrap();
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n") && !picture.contains("NaN"));
    }

    let model = out.join("model.txt").display().to_string();
    let done = Command::new(env!("CARGO_BIN_EXE_petitfour")).args(["model", &model, "--rows", &rows]).output().unwrap();
    let (code, answers, faults) = said(done);
    assert_eq!((code, answers.lines().count()), (0, 9_293), "{faults}");
    let mean = answers.lines().skip(1).map(|line| line.split_once(',').unwrap().1.parse::<f64>().unwrap()).sum::<f64>();
    assert!((mean / 9_292.0 - 0.156).abs() < 0.01, "{mean}");
}

#[test]
fn what_cannot_be_learned_from_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let out = folder.path().join("out").display().to_string();
    let rows = path("rows.csv", "a,b\n1,0\n2,inf\n");
    let (code, _, faults) = train(&[&rows, "--target", "a", "--positive", "1", "--out", &out]);
    assert_eq!(code, 1);
    assert!(
        faults.ends_with("rows.csv: line 3: `b` is infinite; leave the field empty where the value is not known\n"),
        "{faults}"
    );
    let (_, _, faults) = train(&[&rows, "--target", "c", "--out", &out]);
    assert!(faults.ends_with("there is no column `c`; there are a, b\n"), "{faults}");
    let broken = path("broken.parquet", "PAR1 and no more");
    let (code, _, faults) = train(&[&broken, "--target", "a", "--out", &out]);
    assert!(code == 1 && faults.contains("broken.parquet: cannot be read as Parquet"), "{faults}");
    let (code, _, faults) = train(&[&rows, &broken, "--target", "a", "--out", &out]);
    assert!(code == 1 && faults.contains("several files are read if all of them are Parquet"), "{faults}");
    let (code, _, faults) = train(&[&rows, "--target", "a", "--class-weight", "0", "--out", &out]);
    assert!(code == 2 && faults.contains("write `balanced`, or a number above 0"), "{faults}");
    assert!(!Path::new(&out).exists(), "nothing is written");
}

/// Columns of random numbers beside `at`, `place` and `came`.
const NUMBERS: usize = 12;
/// Rows of one row group, and how many groups.
const GROUP: usize = 50_000;
const GROUPS: usize = 16;

/// Writes 800,000 rows: 104 MB, most of it numbers that cannot be compressed.
fn generate(path: &Path) {
    let numbers: String = (0..NUMBERS).map(|number| format!("required double n{number}; ")).collect();
    let schema = parse_message_type(&format!(
        "message rows {{ required int64 at; required binary place (UTF8); {numbers} required int64 came; }}"
    ))
    .unwrap();
    let mut writer = SerializedFileWriter::new(
        File::create(path).unwrap(),
        Arc::new(schema),
        Arc::new(WriterProperties::builder().build()),
    )
    .unwrap();
    let mut seed = 1_u64;
    let mut draw = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1_u64 << 53) as f64
    };
    for group in 0..GROUPS {
        let columns: Vec<Vec<f64>> = (0..NUMBERS).map(|_| (0..GROUP).map(|_| draw()).collect()).collect();
        let came: Vec<i64> =
            (0..GROUP).map(|row| i64::from(draw() < 0.1 + 0.5 * columns[0][row] * columns[1][row])).collect();
        let at: Vec<i64> = (0..GROUP).map(|row| (group * GROUP + row) as i64).collect();
        let places: Vec<ByteArray> = (0..GROUP).map(|row| ["north", "south", "west"][row % 3].into()).collect();
        let mut rows = writer.next_row_group().unwrap();
        let mut column = 0;
        while let Some(mut next) = rows.next_column().unwrap() {
            match column {
                1 => next.typed::<ByteArrayType>().write_batch(&places, None, None).unwrap(),
                0 => next.typed::<Int64Type>().write_batch(&at, None, None).unwrap(),
                number if number == NUMBERS + 2 => next.typed::<Int64Type>().write_batch(&came, None, None).unwrap(),
                number => next.typed::<DoubleType>().write_batch(&columns[number - 2], None, None).unwrap(),
            };
            next.close().unwrap();
            column += 1;
        }
        rows.close().unwrap();
    }
    writer.close().unwrap();
}

#[test]
fn parquet_larger_than_memory_is_learned_from() {
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows.parquet");
    generate(&rows);
    let size = fs::metadata(&rows).unwrap().len();
    // 64 MiB of data for the whole process, by the kernel's own account (RLIMIT_DATA).
    let limited = |sample: &str| {
        let script = "ulimit -d 65536; exec \"$0\" \"$@\"";
        let arguments =
            ["train", &rows.display().to_string(), "--target", "came", "--time", "at", "--trees", "40", "--json"];
        let more = ["--sample", sample, "--out", &folder.path().join(sample).display().to_string()];
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_petitfour")]).args(arguments).args(more);
        said(command.env("MALLOC_ARENA_MAX", "1").env("RAYON_NUM_THREADS", "2").output().unwrap())
    };
    assert!(size > 100_000_000, "{size}");
    let (code, card, faults) = limited("20000");
    assert_eq!(code, 0, "{faults}");
    let card: serde_json::Value = serde_json::from_str(&card).unwrap();
    assert_eq!((&card["rows_read"], &card["rows_used"]), (&800_000.into(), &20_000.into()));
    assert_eq!((&card["parts"]["by"], &card["parts"]["held_out"]), (&"time".into(), &4_000.into()));
    let auc = card["trees"]["measures"]["auc"].as_f64().unwrap();
    println!("{size} bytes within 64 MiB: AUC {auc:.3} of 20,000 of 800,000 rows");
    assert!(auc > 0.6, "{auc}");
    let (code, _, faults) = limited("800000");
    assert!(code != 0, "the limit is one: all rows do not fit into it; {faults}");
}
