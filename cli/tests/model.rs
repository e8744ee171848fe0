//! `petitfour model`: what it says of a model and of rows, and of what it cannot read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Stdio};

const MODEL: &str = "tree
version=v4
num_class=1
num_tree_per_iteration=1
max_feature_idx=1
objective=binary sigmoid:1
feature_names=degrees clouds
feature_infos=[-5:35] [0:8]

Tree=0
num_leaves=2
num_cat=0
split_feature=0
threshold=20.5
decision_type=10
left_child=-1
right_child=-2
leaf_value=-0.5 0.25
is_linear=0

end of trees
";

fn said(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_petitfour")).arg("model").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_model_says_what_it_asks_and_answers_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let model = path("model.txt", MODEL);
    let (code, told, faults) = said(&[&model]);
    assert_eq!(code, 0, "{faults}");
    assert!(
        told.contains("answers a probability; 1 tree with 2 leaves, 1 question at most")
            && told.contains("Never asked: clouds"),
        "{told}"
    );
    let (_, told, _) = said(&[&model, "--json"]);
    let card: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&card["features"][0]["thresholds"], &card["deepest"]), (&1.into(), &1.into()));

    let rows = path("rows.csv", "id;clouds;degrees\n1;;20.5\n2;3;21\n3;0;\n");
    let (code, told, faults) = said(&[&model, "--rows", &rows]);
    assert_eq!(code, 0, "{faults}");
    assert_eq!(told, "raw,answer\n-0.5,0.3775406687981454\n0.25,0.5621765008857981\n-0.5,0.3775406687981454\n");

    let warm = path("warm.csv", "degrees,clouds\n20,1\nwarm,1\n");
    let (code, told, faults) = said(&[&model, "--rows", &warm]);
    assert_eq!((code, told.lines().count()), (1, 2), "what was read before it is answered");
    assert!(faults.contains("warm.csv: line 3: `degrees` is `warm`, where the model wants a number"), "{faults}");
    let empty = path("empty.txt", "");
    let (code, _, faults) = said(&[&empty]);
    assert!(code == 1 && faults.contains("empty.txt: the file is empty; save the model anew"), "{faults}");
    let broken = path("broken.txt", &MODEL.replace("threshold=20.5", "threshold=20.5 3"));
    let (code, _, faults) = said(&[&broken]);
    assert!(
        code == 1 && faults.contains("broken.txt: line 14: `threshold` has 2 numbers where 1 are needed"),
        "{faults}"
    );
}

#[test]
fn whoever_has_read_enough_ends_it_without_a_panic() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/campaigns/shoppers.txt");
    let mut child = Command::new(env!("CARGO_BIN_EXE_petitfour"))
        .arg("model")
        .arg(&model)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let told = child.wait_with_output().unwrap();
    assert!(told.stderr.is_empty(), "{}", String::from_utf8_lossy(&told.stderr));
}
