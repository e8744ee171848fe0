//! Files as people have them: what is read, and what is said of what cannot be.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use petitfour_uplift::{Plan, Trial};

mod support;

use support::{of_text, plan};

/// A trial of 300 rows: arms 0, 1 and 2, outcomes that differ.
fn file() -> String {
    let mut text = String::from("who,age,sent mail,sales,bought\n");
    for row in 0..300 {
        let bought = row % 7 == 0;
        text.push_str(&format!(
            "p{row},{},{},{},{bought}\n",
            20 + row % 50,
            row % 3,
            if bought { row as f64 / 4.0 } else { 0.0 }
        ));
    }
    text
}

fn wanted(outcome: &str) -> Plan {
    Plan { drop: vec!["who".to_owned()], ..plan("sent mail", "0", outcome) }
}

fn refused(text: &str, plan: &Plan) -> String {
    of_text(text, plan).unwrap_err().to_string()
}

#[test]
fn arms_may_be_numbers_and_outcomes_true_or_amounts() {
    let plan = Plan { drop: ["who", "sales", "bought"].map(str::to_owned).to_vec(), ..wanted("bought") };
    let trial: Trial = of_text(&file(), &plan).unwrap();
    assert_eq!((trial.arms.clone(), trial.len(), trial.binary), (vec!["0".into(), "1".into(), "2".into()], 300, true));
    assert_eq!((trial.arm[..4].to_vec(), trial.outcome(0), trial.outcome(1)), (vec![0, 1, 2, 0], 1.0, 0.0));
    assert_eq!(trial.table.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["age"]);
    let trial = of_text(&file(), &Plan { arms: vec!["2".to_owned()], outcome: "sales".to_owned(), ..plan }).unwrap();
    assert_eq!((trial.arms.clone(), trial.len(), trial.binary), (vec!["0".into(), "2".into()], 200, false));
    assert_eq!((trial.outcome(14 * 2 / 3 + 1), trial.propensities.clone()), (trial.table.truth[10], vec![0.5, 0.5]));
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_a_remedy() {
    let text = file();
    for (plan, said) in [
        (plan("group", "0", "bought"), "there is no column `group`; there are who, age, sent_mail, sales, bought"),
        (plan("sent mail", "0", "visits"), "there is no column `visits`"),
        (Plan { drop: vec!["name".to_owned()], ..wanted("bought") }, "there is no column `name`"),
        (plan("sent mail", "none", "bought"), "`sent mail` is never `none`; it is `0`, `1`, `2`"),
        (Plan { arms: vec!["7".to_owned()], ..wanted("bought") }, "`sent mail` is never `7`"),
        (Plan { arms: vec!["0".to_owned()], ..wanted("bought") }, "`0` is control and arm at once"),
        (plan("who", "p1", "bought"), "line 22: `who` has more than 20 different values: it is no treatment"),
        (wanted("who"), "line 2: outcome `who` is `p0` and no number; write 1 and 0, or an amount"),
        (plan("sent mail", "0", "sent mail"), "`sent mail` is treatment and outcome at once"),
        (wanted("sales"), ""),
    ] {
        match of_text(&text, &plan) {
            Err(fault) => assert!(!said.is_empty() && fault.to_string().contains(said), "{fault}"),
            Ok(_) => assert_eq!(said, ""),
        }
    }
    let third = |with: &str| text.replacen("p1,21,1,0,false", with, 1);
    assert!(refused(&third("p1,21,1,,false"), &wanted("sales")).starts_with("line 3: outcome `sales` is missing"));
    assert!(refused(&third("p1,21,1,inf,false"), &wanted("sales")).starts_with("line 3: outcome `sales`"));
    assert!(
        refused(&third("p1,21,,0,false"), &wanted("sales"))
            .starts_with("line 3: `sent mail`, which says the arm, is missing")
    );
    assert!(refused(&third("p1,21,1,0"), &wanted("sales")).starts_with("line 3"));
    let one: String = text
        .lines()
        .filter(|line| !line.contains(",1,") && !line.contains(",2,"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(refused(&one, &wanted("bought")).contains("there is one arm only"));
    let same = text.replace("true", "false");
    assert!(refused(&same, &wanted("bought")).contains("`bought` is the same in every row"));
    let few: String = text.lines().take(60).map(|line| format!("{line}\n")).collect();
    assert!(refused(&few, &wanted("bought")).contains("has 20 rows, where at least 50 are needed"));
    let long = third(&format!("p1,21,{},0,false", "x".repeat(300)));
    assert!(refused(&long, &wanted("bought")).starts_with("line 3: `sent mail` is a text of 300 bytes"));
    assert!(refused("", &wanted("bought")).contains("there is no column"));
}
