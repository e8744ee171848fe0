//! Devices and programs that send and send again while collectors die under them, and the sums in the end.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use petitfour_collector::{
    counts,
    key::{Key, Kind},
    params, ring,
    store::{Place, Store},
};

use crate::support::{Server, agent, basic, batch, message, post, until};

pub const CAMPAIGN: &str = "summer";

/// Devices at once; the last one sends batches.
const DEVICES: u64 = 6;

/// Programs at once, which send events as Segment's libraries do.
const PROGRAMS: u64 = 2;

/// The secret of their write key.
const SECRET: &str = "a program's";

type Sync = (u64, u32);

/// What the clients know, over all runs.
#[derive(Default)]
pub struct Told {
    /// Everything that was ever sent.
    sent: BTreeSet<Sync>,
    /// Everything that was answered 200, with how often.
    answered: BTreeMap<Sync, u32>,
    /// Answers 503.
    pub refused: u64,
}

impl Told {
    /// How many were answered 200.
    pub fn answered(&self) -> usize {
        self.answered.len()
    }
}

/// One device (or a replay tool) that sends until its collector is gone.
pub struct Client {
    replica: u64,
    next: u32,
    /// Sent without an answer: sent again after the restart, as a device does.
    unanswered: Vec<u32>,
}

/// Makes the store with the key under which programs send.
pub fn prepare(place: &Place) {
    let mut store = Store::open(place).expect("a store");
    let mut key = Key::new("program", Kind::Server, SECRET, 0);
    key.rate = 1_000_000;
    store.write(0, |graph| ring::add(graph.connection, &key)).expect("a key");
}

/// Devices and programs.
pub fn clients() -> Vec<Client> {
    (1..=DEVICES + PROGRAMS).map(|replica| Client { replica, next: 0, unanswered: Vec::new() }).collect()
}

impl Client {
    pub fn run(&mut self, url: &str, told: &Mutex<Told>, stop: &AtomicBool) {
        let agent = agent();
        let program = self.replica > DEVICES;
        while !stop.load(Relaxed) {
            let mut sequences = std::mem::take(&mut self.unanswered);
            if sequences.is_empty() {
                let count = if self.replica >= DEVICES { 7 } else { 1 };
                sequences = (self.next..self.next + count).collect();
                self.next += count;
            }
            told.lock().expect("told").sent.extend(sequences.iter().map(|sequence| (self.replica, *sequence)));
            let answer =
                if program { self.events(&agent, url, &sequences) } else { self.syncs(&agent, url, &sequences) };
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
                Ok((503, _)) => {
                    told.lock().expect("told").refused += 1;
                    self.unanswered = sequences;
                    thread::sleep(Duration::from_millis(10));
                }
                Ok((status, body)) => panic!("unexpected answer {status} {body}"),
                // Gone. Three of four are tried again, the rest given up: they may or may not be there.
                Err(_) => {
                    self.unanswered = sequences.into_iter().filter(|sequence| sequence % 4 != 3).collect();
                    return;
                }
            }
        }
    }

    fn syncs(&self, agent: &ureq::Agent, url: &str, sequences: &[u32]) -> Answer {
        let bytes: Vec<Vec<u8>> =
            sequences.iter().map(|sequence| message(self.replica, *sequence, CAMPAIGN).encode()).collect();
        match bytes.as_slice() {
            [one] => post(agent, &format!("{url}/v1/sync"), one),
            many => post(agent, &format!("{url}/v1/syncs"), &batch(many)),
        }
    }

    /// Events of a handful of people, each named by what it is.
    fn events(&self, agent: &ureq::Agent, url: &str, sequences: &[u32]) -> Answer {
        let calls: Vec<serde_json::Value> = sequences
            .iter()
            .map(|sequence| {
                serde_json::json!({
                    "type": "track", "event": format!("{} {sequence}", self.replica),
                    "messageId": format!("{} {sequence}", self.replica),
                    "userId": format!("user {}", sequence % 50), "anonymousId": format!("browser {}", sequence % 70),
                })
            })
            .collect();
        let body = serde_json::json!({ "batch": calls }).to_string();
        let sent = agent
            .post(format!("{url}/v1/batch"))
            .header("authorization", basic(SECRET))
            .header("content-type", "application/json")
            .send(body.as_bytes());
        let mut response = sent?;
        let body = response.body_mut().read_to_string()?;
        Ok((response.status().as_u16(), body))
    }
}

type Answer = Result<(u16, String), ureq::Error>;

/// What is stored, held against what the clients know.
#[derive(Debug, PartialEq, Eq)]
pub struct Sums {
    pub sent: usize,
    pub answered: usize,
    pub repeats: u32,
    pub stored: usize,
    /// Answered 200 and not there.
    pub lost: u64,
    /// The most that any count has beyond the distinct messages.
    pub doubled: u64,
    /// There and never sent.
    pub invented: usize,
    /// Figures that are not the number of distinct messages, or of distinct events.
    pub uneven: usize,
}

/// Reads the store through a collector that has nothing more to do.
pub fn sums(told: &Told, server: &Server, place: &Place) -> Sums {
    settled(server);
    let shown = server.counts();
    let connection = place.reader().expect("the store");
    let rows = connection.query("SELECT replica, sequence FROM messages", params![]).expect("rows");
    let rows: Vec<Sync> = rows
        .iter()
        .map(|row| (row.get::<i64>(0).expect("a replica").cast_unsigned(), row.get(1).expect("a sequence")))
        .collect();
    let mut stored: BTreeSet<Sync> = rows.iter().copied().collect();
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
    let names = connection.query("SELECT name FROM events", params![]).expect("rows");
    let named: Vec<Sync> = names
        .iter()
        .map(|row| {
            let name: String = row.get(0).expect("a name");
            let (program, sequence) = name.split_once(' ').expect("two numbers");
            (program.parse().expect("a program"), sequence.parse().expect("a sequence"))
        })
        .collect();
    let events: BTreeSet<Sync> = named.iter().copied().collect();
    stored.extend(&events);
    let pairs = figures.iter().map(|figure| (*figure, distinct));
    let pairs: Vec<(i64, i64)> =
        pairs.chain([named.len() as i64, total("events")].map(|figure| (figure, events.len() as i64))).collect();
    Sums {
        sent: told.sent.len(),
        answered: told.answered.len(),
        repeats: told.answered.values().map(|times| times - 1).sum(),
        stored: stored.len(),
        lost: told.answered.keys().filter(|sync| !stored.contains(sync)).count() as u64,
        doubled: pairs.iter().map(|(figure, wanted)| figure - wanted).max().unwrap_or_default().max(0).cast_unsigned(),
        invented: stored.difference(&told.sent).count(),
        uneven: pairs.iter().filter(|(figure, wanted)| figure != wanted).count(),
    }
}

/// Waits until nothing waits in the log for the store; at once where there is no log.
pub fn settled(server: &Server) {
    // Two looks in a row: the first may be older than the last append. A look is taken every two seconds.
    let mut still = 0;
    until("the store follows the log to its end", || {
        let text = server.get("/metrics", &[]).text();
        let pending = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        if pending("petitfour_log_appends_total{result=\"acknowledged\"}") == Some(0.0)
            && pending("petitfour_log_stored_total") == Some(0.0)
            && !server.has_log
        {
            return true;
        }
        thread::sleep(Duration::from_millis(2_200));
        still = if pending("petitfour_log_pending") == Some(0.0) { still + 1 } else { 0 };
        still > 1
    });
}
