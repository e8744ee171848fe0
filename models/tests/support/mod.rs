//! Models that a library trains here and now, and its own answers.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use petitfour_models::{Forest, Precision, Rows};

#[path = "../../../collector/tests/support/python.rs"]
mod python;

/// Lets `library` train, and compares every row of every model; how many models, and why others are refused, by name. `most` bounds how far
/// sums and answers may be apart.
pub fn grown(library: &str, extensions: &[&str], most: (f64, f64)) -> (usize, BTreeMap<String, String>) {
    let folder = tempfile::tempdir().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let done = Command::new(python::python())
        .arg(here.join("tests/support/grow.py"))
        .arg(library)
        .args([here.join("../data"), folder.path().to_owned()])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    held(folder.path(), extensions, most)
}

/// Compares what stands in a folder.
fn held(folder: &Path, extensions: &[&str], most: (f64, f64)) -> (usize, BTreeMap<String, String>) {
    let (mut models, mut refused) = (0, BTreeMap::new());
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(".refused") {
            let read = petitfour_models::read(&fs::read(&file).unwrap());
            let fault = read.err().unwrap_or_else(|| panic!("{name} is read"));
            println!("{name}: {fault}");
            refused.insert(name.to_owned(), fault.to_string());
        }
        if !extensions.iter().any(|extension| name.ends_with(&format!(".{extension}"))) {
            continue;
        }
        let (_, forest) =
            petitfour_models::read(&fs::read(&file).unwrap()).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let (rows, raw, answer) = compare(&forest, &file.with_extension("csv"), &file.with_extension("answers"));
        println!("{name}: {rows} rows, {} leaves, sums off by {raw:.1e}, answers by {answer:.1e}", forest.leaves());
        assert!(rows > 9_000 && raw <= most.0 && answer <= most.1, "{name}: off by {raw:e} and {answer:e}");
        models += 1;
    }
    (models, refused)
}

/// The rows of a file, and the largest difference of sums and of answers from what stands beside them.
fn compare(forest: &Forest, rows: &Path, answers: &Path) -> (usize, f64, f64) {
    // What LightGBM calls raw is the sum also where its answer is made of the mean.
    let scale = if forest.averaged && forest.precision == Precision::Double { forest.trees.len() as f64 } else { 1.0 };
    let mut rows = Rows::open(File::open(rows).unwrap(), &forest.features).unwrap();
    let (mut row, mut count, mut worst) = (Vec::new(), 0, (0.0_f64, 0.0_f64));
    for line in fs::read_to_string(answers).unwrap().lines() {
        assert!(rows.next_row(&mut row).unwrap());
        let (raw, answer) = line.split_once(' ').unwrap();
        let off = |ours: f64, theirs: &str| (ours - theirs.parse::<f64>().unwrap()).abs();
        worst = (worst.0.max(off(forest.raw(&row) * scale, raw)), worst.1.max(off(forest.answer(&row), answer)));
        count += 1;
    }
    assert!(!rows.next_row(&mut row).unwrap(), "as many rows as answers");
    (count, worst.0, worst.1)
}
