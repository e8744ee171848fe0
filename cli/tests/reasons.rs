//! `petitfour model --why` and `--importance`: what makes a score, what makes two scores differ, and whether rows are like those of before.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Warm days sell, and the more so without clouds; on rainy ones nobody comes.
const MODEL: &str = "tree
version=v4
num_class=1
num_tree_per_iteration=1
max_feature_idx=3
objective=binary sigmoid:1
feature_names=degrees clouds weather hour
feature_infos=[-5:35] [0:8] 0:1:2 [0:23]

Tree=0
num_leaves=3
num_cat=0
split_feature=0 1
threshold=20.5 3.5
decision_type=10 10
left_child=-1 -2
right_child=1 -3
leaf_value=-0.5 1.5 0.5
leaf_count=500 300 200
is_linear=0

Tree=1
num_leaves=2
num_cat=1
split_feature=2
threshold=0
decision_type=1
left_child=-1
right_child=-2
leaf_value=-0.25 0.25
leaf_count=400 600
cat_boundaries=0 1
cat_threshold=1
is_linear=0

end of trees

parameters:
[categorical_feature: 2]
end of parameters

pandas_categorical:[[\"rain\", \"snow\", \"sunny\"]]
";

const SENTENCES: &str = "degrees: it was {value} degrees warm
clouds:
  for:
    - { at_most: 3, say: the sky was blue }
    - { absent: true, say: nobody looked at the sky }
  say: \"{value} eighths of the sky were clouded\"
weather: the weather was {value}
";

const ROWS: &str = "degrees,clouds,weather,hour\n25,1,sunny,9\n25,7,sunny,9\n10,,rain,12\n21,3,snow,13\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.0.path()).join(name)
    }

    /// Asks within the folder; exit code, output and faults.
    fn said(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_petitfour"));
        let output = command.arg("model").args(arguments).current_dir(self.0.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (code, told, faults) = self.said(&[arguments, &["--json"]].concat());
        assert_eq!(code, 0, "{faults}");
        serde_json::from_str(&told).unwrap()
    }
}

fn shop() -> Folder {
    Folder::with(&[("model.txt", MODEL), ("rows.csv", ROWS), ("sentences.yaml", SENTENCES)])
}

fn sum(parts: &Value, key: &str) -> f64 {
    parts.as_array().unwrap().iter().map(|part| part[key].as_f64().unwrap()).sum()
}

#[test]
fn a_score_is_made_of_its_contributions_in_the_marketers_sentences() {
    let shop = shop();
    let told = shop.json(&["model.txt", "--rows", "rows.csv", "--why", "2", "--sentences", "sentences.yaml"]);
    let (score, base) = (told["score"].as_f64().unwrap(), told["base"].as_f64().unwrap());
    assert!((score - 1.75).abs() < 1e-12 && (base - 0.35).abs() < 1e-12, "{told}");
    assert!((base + sum(&told["contributions"], "contribution") - score).abs() < 1e-12);
    // By hand: degrees bring the first tree from 0.3 to 1.1, or from 0.5 to 1.5 where the sky is known; clouds 0.2 or 0.4; weather 0.2.
    let parts = told["contributions"].as_array().unwrap();
    for (part, (feature, contribution)) in
        parts.iter().zip([("degrees", 0.9), ("clouds", 0.3), ("weather", 0.2), ("hour", 0.0)])
    {
        assert!(
            part["feature"] == feature && (part["contribution"].as_f64().unwrap() - contribution).abs() < 1e-12,
            "{part}"
        );
    }
    assert_eq!(parts[0]["sentence"], "it was 25 degrees warm");
    let (code, text, faults) =
        shop.said(&["model.txt", "--rows", "rows.csv", "--why", "4", "--sentences", "sentences.yaml"]);
    assert_eq!(code, 0, "{faults}");
    assert!(text.contains("line 4 scores -0.7500 (32.1%)") && text.contains("nobody looked at the sky"), "{text}");
    assert!(text.contains("nothing comes of: hour") && text.contains("0.3500 - 1.1000 = -0.7500"), "{text}");
}

#[test]
fn what_makes_two_scores_differ_adds_up_to_the_difference() {
    let shop = shop();
    let ask = ["model.txt", "--rows", "rows.csv", "--why", "2", "--beside", "3", "--sentences", "sentences.yaml"];
    let told = shop.json(&ask);
    assert!((told["difference"].as_f64().unwrap() - 1.0).abs() < 1e-12, "{told}");
    assert!((sum(&told["contributions"], "difference") - 1.0).abs() < 1e-12);
    let first = &told["contributions"][0];
    assert_eq!(first["sentences"][0], "the sky was blue");
    assert_eq!(first["sentences"][1], "7 eighths of the sky were clouded");
    let (_, text, _) = shop.said(&ask);
    let clouds =
        "clouds\n           2: the sky was blue (+0.3000)\n           3: 7 eighths of the sky were clouded (-0.4500)\n";
    assert!(text.contains(clouds), "{text}");
    assert!(text.contains("both: it was 25 degrees warm (+") && text.contains("  +1.0000  in all"), "{text}");
    // A line that stands further up is found too.
    let back = shop.json(&["model.txt", "--rows", "rows.csv", "--why", "3", "--beside", "2"]);
    assert_eq!(back["difference"], -1.0);
    assert_eq!(back["contributions"][0]["sentences"][0], "clouds is 7", "without a sentence it is told plainly");
}

#[test]
fn a_picture_shows_each_step() {
    let shop = shop();
    let picture = shop.path("why.svg").display().to_string();
    let ask = ["model.txt", "--rows", "rows.csv", "--why", "2", "--picture", &picture];
    assert_eq!(shop.said(&ask).0, 0);
    let drawn = std::fs::read_to_string(&picture).unwrap();
    assert_eq!(drawn.matches("<rect class=\"more\"").count(), 3, "{drawn}");
    assert_eq!(shop.said(&[&ask[..], &["--beside", "3"]].concat()).0, 0);
    let drawn = std::fs::read_to_string(&picture).unwrap();
    assert!(drawn.contains("both: degrees is 25"), "{drawn}");
    assert!(drawn.contains(">clouds is 1<") && drawn.contains(">line 3: clouds is 7<"), "{drawn}");
}

#[test]
fn what_cannot_be_answered_says_why_and_what_to_do() {
    let shop = shop();
    let fault = |arguments: &[&str]| {
        let (code, _, faults) = shop.said(&[&["model.txt", "--rows", "rows.csv"], arguments].concat());
        (code, faults)
    };
    let (code, told) = fault(&["--why", "1"]);
    assert!(
        code == 1 && told.contains("line 1 is no row: the names stand in line 1, the first row in line 2"),
        "{told}"
    );
    let (code, told) = fault(&["--why", "2", "--beside", "9"]);
    assert!(code == 1 && told.contains("no row begins in line 9; the last row begins in line 5"), "{told}");
    assert_eq!(fault(&["--beside", "3"]).0, 2, "beside what?");
    assert_eq!(fault(&["--why", "2", "--importance"]).0, 2, "one or the other");
    let (code, told) = fault(&["--json"]);
    assert!(code == 1 && told.contains("ask with --why or --importance"), "{told}");

    std::fs::write(shop.path("wrong.yaml"), "degree: it was {value} degrees warm\n").unwrap();
    let (code, told) = fault(&["--why", "2", "--sentences", "wrong.yaml"]);
    assert!(code == 1 && told.contains("sentence/unknown-feature") && told.contains("wrong.yaml:1:1"), "{told}");
    assert!(told.contains("did you mean `degrees`?"), "{told}");

    let bare: String =
        MODEL.lines().filter(|line| !line.starts_with("leaf_count")).map(|line| format!("{line}\n")).collect();
    std::fs::write(shop.path("bare.txt"), bare).unwrap();
    let (code, _, told) = shop.said(&["bare.txt", "--rows", "rows.csv", "--why", "2"]);
    assert!(
        code == 1 && told.contains("bare.txt: tree 0 does not say how much of the training each leaf saw"),
        "{told}"
    );
    assert_eq!(shop.said(&["bare.txt", "--rows", "rows.csv"]).0, 0, "it answers all the same");
}

#[test]
fn what_counts_is_told_over_all_rows_and_drift_beside_older_ones() {
    let rows = |warm: usize| {
        let row = |at: usize| {
            format!("{},{},{},{}\n", if at % 100 < warm { 25 } else { 10 }, at % 9, ["rain", "sunny"][at % 2], at % 24)
        };
        format!("degrees,clouds,weather,hour\n{}", (0..2_000).map(row).collect::<String>())
    };
    let shop = Folder::with(&[
        ("model.txt", MODEL),
        ("may.csv", &rows(30)),
        ("june.csv", &rows(80)),
        ("empty.csv", "degrees,clouds,weather,hour\n"),
    ]);
    let told = shop.json(&["model.txt", "--rows", "june.csv", "--importance", "--against", "may.csv"]);
    assert_eq!((&told["rows"], &told["features"][0]["feature"]), (&2_000.into(), &"degrees".into()));
    let drift = &told["drift"];
    let degrees = &drift["features"][0];
    // 30% and 80% warm days: (.5)(ln .8/.3) + (-.5)(ln .2/.7) = 1.1168.
    assert!((degrees["psi"].as_f64().unwrap() - 1.116_8).abs() < 5e-3 && degrees["verdict"] == "drifted", "{degrees}");
    let shift = told["mean_score"].as_f64().unwrap() - drift["old_mean_score"].as_f64().unwrap();
    assert!(
        (sum(&drift["features"], "mean_shift") - shift).abs() < 1e-12,
        "shifts add up to that of the score: {drift}"
    );
    let names: Vec<&str> =
        drift["features"].as_array().unwrap().iter().filter_map(|shift| shift["feature"].as_str()).collect();
    assert_eq!(names.len(), 3, "what is never asked cannot drift: {names:?}");

    let (_, text, _) = shop.said(&["model.txt", "--rows", "june.csv", "--importance", "--against", "may.csv"]);
    assert!(
        text.contains("Scores are spread quite otherwise than before")
            && text.contains("Other people than before by: degrees."),
        "{text}"
    );
    let (_, text, _) = shop.said(&["model.txt", "--rows", "may.csv", "--importance", "--against", "may.csv"]);
    assert!(text.ends_with("Scores are spread as before.\n"), "{text}");
    let (code, _, told) = shop.said(&["model.txt", "--rows", "june.csv", "--importance", "--against", "empty.csv"]);
    assert!(code == 1 && told.contains("empty.csv has no row"), "{told}");
}
