//! SIGKILL under load, again and again: what was answered 200 is there, and nothing is counted twice.
//!
//! This proves the recovery, not the disk: the page cache survives a killed process. That no 200 leaves before its sync
//! is proved by `fsync.rs`. `PETITFOUR_DRILL=1` kills 200 times instead of 20.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on says why by panicking"
)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use petitfour_collector::{counts, params, store::Place};
use support::{Server, agent, batch, claim, drill, message, post, scatter};
use tempfile::tempdir;

const COMMAND: &str = "cargo test -p petitfour-collector --test kill";
const CAMPAIGN: &str = "summer";

/// Clients at once; the last one sends batches.
const CLIENTS: u64 = 6;

type Sync = (u64, u32);

/// What the clients know, over all runs.
#[derive(Default)]
struct Told {
    /// Everything that was ever sent.
    sent: BTreeSet<Sync>,
    /// Everything that was answered 200, with how often.
    answered: BTreeMap<Sync, u32>,
}

/// One device (or a replay tool) that sends until its collector is gone.
struct Client {
    replica: u64,
    next: u32,
    /// Sent without an answer: sent again after the restart, as a device does.
    unanswered: Vec<u32>,
}

impl Client {
    fn run(&mut self, url: &str, told: &Mutex<Told>, stop: &AtomicBool) {
        let agent = agent();
        let batches = self.replica == CLIENTS;
        while !stop.load(Relaxed) {
            let mut sequences = std::mem::take(&mut self.unanswered);
            if sequences.is_empty() {
                let count = if batches { 7 } else { 1 };
                sequences = (self.next..self.next + count).collect();
                self.next += count;
            }
            told.lock().expect("told").sent.extend(sequences.iter().map(|sequence| (self.replica, *sequence)));
            let bytes: Vec<Vec<u8>> =
                sequences.iter().map(|sequence| message(self.replica, *sequence, CAMPAIGN).encode()).collect();
            let answer = match bytes.as_slice() {
                [one] => post(&agent, &format!("{url}/v1/sync"), one),
                many => post(&agent, &format!("{url}/v1/syncs"), &batch(many)),
            };
            match answer {
                Ok((200, _)) => {
                    let mut told = told.lock().expect("told");
                    for sequence in sequences {
                        *told.answered.entry((self.replica, sequence)).or_default() += 1;
                        // One in five is sent once more although it was answered, as after a lost answer.
                        if sequence % 5 == 0 && told.answered[&(self.replica, sequence)] == 1 {
                            self.unanswered.push(sequence);
                        }
                    }
                }
                Ok((503, _)) => self.unanswered = sequences,
                Ok((status, body)) => panic!("unexpected answer {status} {body}"),
                // Gone. Three of four are tried again, the rest given up: they may or may not be there.
                Err(_) => {
                    self.unanswered = sequences.into_iter().filter(|sequence| sequence % 4 != 3).collect();
                    return;
                }
            }
        }
    }
}

#[test]
fn nothing_that_was_answered_is_lost_and_nothing_counts_twice() {
    let runs: u32 = if drill() { 200 } else { 20 };
    let folder = tempdir().expect("a folder");
    let told = Mutex::new(Told::default());
    let mut clients: Vec<Client> =
        (1..=CLIENTS).map(|replica| Client { replica, next: 0, unanswered: Vec::new() }).collect();

    let mut kills = 0;
    for run in 0..runs {
        let server = Server::start(folder.path(), &[]);
        let url = server.url.clone();
        let stop = AtomicBool::new(false);
        let before = told.lock().expect("told").answered.len();
        thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(|| client.run(&url, &told, &stop));
            }
            // Under load: not before something was answered in this run, then at a moment that differs each time.
            while told.lock().expect("told").answered.len() == before {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(Duration::from_micros(scatter(run.into()) % 150_000));
            server.kill();
            kills += 1;
            stop.store(true, Relaxed);
        });
    }

    let told = told.into_inner().expect("told");
    let server = Server::start(folder.path(), &[]);
    let shown = server.counts();
    assert!(server.stop());
    let connection = Place::folder(folder.path()).reader().expect("the store");
    let rows = connection.query("SELECT replica, sequence FROM messages", params![]).expect("rows");
    let rows: Vec<Sync> = rows
        .iter()
        .map(|row| (row.get::<i64>(0).expect("a replica").cast_unsigned(), row.get(1).expect("a sequence")))
        .collect();
    let stored: BTreeSet<Sync> = rows.iter().copied().collect();
    let integrity: String = connection.scalar("PRAGMA integrity_check", params![]).expect("an answer").expect("a word");

    let lost = told.answered.keys().filter(|sync| !stored.contains(sync)).count() as u64;
    let invented = stored.difference(&told.sent).count();
    // Each message is one decision, one exposure, one click: whatever a count has beyond the distinct messages is doubled.
    let distinct = stored.len() as i64;
    let recount = counts::recount(&connection).expect("the store");
    let counted = recount.values().next().cloned().unwrap_or_default();
    let row = &shown["campaigns"][0];
    let total = |name: &str| shown["totals"][name].as_i64().unwrap_or_default();
    let figures = [
        rows.len() as i64,
        total("syncs"),
        total("decisions"),
        total("exposures"),
        total("clicks"),
        row["decisions"].as_i64().unwrap_or_default(),
        row["exposures"].as_i64().unwrap_or_default(),
        row["clicks"].as_i64().unwrap_or_default(),
        counted.decisions,
        counted.exposures,
        counted.clicks,
    ];
    let doubled = figures.iter().map(|figure| figure - distinct).max().unwrap_or_default().max(0).cast_unsigned();
    let repeats: u32 = told.answered.values().map(|times| times - 1).sum();

    println!(
        "kill: {kills} kills, {} syncs sent, {} answered 200 ({repeats} of them again), {} stored without an answer, {lost} lost, {doubled} doubled",
        told.sent.len(),
        told.answered.len(),
        stored.len() as u64 + lost - told.answered.len() as u64,
    );
    claim("collector.kill.runs", kills, "kills", ">= 20", kills >= 20, COMMAND);
    claim("collector.kill.lost", lost, "syncs", "= 0", lost == 0, COMMAND);
    claim("collector.kill.doubled", doubled, "syncs", "= 0", doubled == 0, COMMAND);

    assert_eq!((lost, doubled, invented), (0, 0, 0));
    assert_eq!(figures, [distinct; 11], "every count is the number of distinct messages");
    assert_eq!(integrity, "ok");
    assert!(told.answered.len() as u64 > u64::from(runs), "there was load");
}
