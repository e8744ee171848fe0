//! The Open Bandit logs of `data/obd`, and what the Open Bandit Pipeline says of logs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::read::GzDecoder;
use petitfour_evaluation::{Columns, Items, Log, Policy, Rewards, Table, Thompson};

#[path = "../../../collector/tests/support/python.rs"]
#[allow(dead_code, reason = "not every test speaks with Python")]
mod python;

/// `data/obd`.
pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/obd")
}

/// What was there to choose from in a campaign.
#[allow(dead_code, reason = "not every test reads it")]
pub fn items(campaign: &str) -> Items {
    Items::read(File::open(data().join(format!("items_{campaign}.csv"))).unwrap(), None).unwrap()
}

/// The log of a campaign under a policy.
#[allow(dead_code, reason = "not every test reads it")]
pub fn log(policy: &str, campaign: &str) -> Log {
    let file = File::open(data().join(format!("{policy}_{campaign}.csv.gz"))).unwrap();
    Columns::default().read(GzDecoder::new(file), &items(campaign).names).unwrap()
}

/// Thompson sampling by what was believed of a campaign's items.
#[allow(dead_code, reason = "not every test reads it")]
pub fn thompson(log: &Log, campaign: &str) -> Policy {
    let file = File::open(data().join(format!("prior_{campaign}.csv"))).unwrap();
    Thompson::read(file).unwrap().policy(log, 100_000, 1).unwrap()
}

/// What the pipeline prints.
#[allow(dead_code, reason = "not every test speaks with Python")]
pub fn oracle(arguments: &[&Path]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/oracle.py");
    let done = Command::new(python::python()).arg(script).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Names and numbers.
#[allow(dead_code, reason = "not every test speaks with Python")]
pub fn numbers(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().map(|line| line.split_once('\t').unwrap());
    lines.map(|(name, number)| (name.to_owned(), number.parse().unwrap())).collect()
}

/// Little-endian doubles.
#[allow(dead_code, reason = "not every test speaks with Python")]
pub fn doubles(file: &Path) -> Vec<f64> {
    let bytes = fs::read(file).unwrap();
    bytes.chunks_exact(8).map(|eight| f64::from_le_bytes(eight.try_into().unwrap())).collect()
}

/// A log that was handed over in a folder, with the policy and the predictions beside it.
#[allow(dead_code, reason = "not every test speaks with Python")]
pub fn handed(folder: &Path) -> (Log, Policy, Rewards) {
    let shape = fs::read_to_string(folder.join("shape.txt")).unwrap();
    let actions: usize = shape.split(' ').nth(1).unwrap().parse().unwrap();
    let names: Vec<String> = (0..actions).map(|action| action.to_string()).collect();
    let log = Columns::default().read(File::open(folder.join("log.csv")).unwrap(), &names).unwrap();
    let table = |name: &str| {
        let rows: Vec<Vec<f64>> = doubles(&folder.join(name)).chunks_exact(actions).map(<[f64]>::to_vec).collect();
        let own = (0..rows.len() as u32).collect();
        Table::new(&log, rows, own).unwrap()
    };
    let (policy, rewards) = (Policy::new(&log, table("policy.f64")).unwrap(), Rewards::given(table("q.f64")));
    (log, policy, rewards)
}

/// Hands a log over.
#[allow(dead_code, reason = "not every test speaks with Python")]
pub fn hand_over(folder: &Path, log: &Log, policy: &Policy, rewards: &Rewards) {
    let mut rows = "action,position,reward,pscore\n".to_owned();
    for round in log.rounds() {
        rows.push_str(&format!("{},{},{},{}\n", round.action, round.position, round.reward, round.probability));
    }
    fs::write(folder.join("log.csv"), rows).unwrap();
    fs::write(folder.join("shape.txt"), format!("{} {}", log.rounds().len(), log.actions().len())).unwrap();
    for (name, table) in [("policy.f64", policy.table()), ("q.f64", rewards.table())] {
        let bytes: Vec<u8> = (0..log.rounds().len())
            .flat_map(|round| table.row(round))
            .flat_map(|number| number.to_le_bytes())
            .collect();
        fs::write(folder.join(name), bytes).unwrap();
    }
}
