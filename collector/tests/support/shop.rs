//! A store with people in it: events, syncs, memberships and partners' counts, and what is asked of the lake made of it.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use petitfour::{
    id::Key,
    identity::{Digest, Namespace},
    sync::{Entry, Message},
};
use petitfour_collector::{
    event::{ANONYMOUS, Contact, Event, Identifier, Kind, VISITOR},
    journal::Journal,
    ledger::{Intake, Verdict},
    person::frequency::DAY,
    sql::{Cell, Connection},
    store::{Place, Store},
};
use serde_json::Value;

use crate::{peers::python, postgres::Postgres, support};

/// One person: a user id, an e-mail address, an id of another library, and a device.
#[derive(Clone)]
pub struct Somebody {
    pub name: String,
    pub replica: u64,
}

impl Somebody {
    pub fn new(number: u64) -> Self {
        Self { name: format!("person{number}x"), replica: 7_000 + number }
    }

    pub fn address(&self) -> String {
        format!("{}@example.com", self.name)
    }

    fn digest(&self, namespace: u8, value: &str) -> Identifier {
        Identifier { namespace, forms: 0, value: Digest::of(value).0.to_vec() }
    }

    pub fn user(&self) -> Identifier {
        self.digest(Namespace::User as u8, &self.name)
    }

    pub fn email(&self) -> Identifier {
        self.digest(Namespace::Email as u8, &self.address())
    }

    pub fn browser(&self) -> Identifier {
        self.digest(ANONYMOUS, &format!("anonymous {}", self.name))
    }

    pub fn pseudonym(&self) -> Identifier {
        Identifier { namespace: VISITOR, forms: 0, value: self.message(0, Vec::new()).visitor.to_vec() }
    }

    pub fn identifiers(&self) -> Vec<Identifier> {
        vec![self.user(), self.email(), self.browser(), self.pseudonym()]
    }

    /// An event of the person's own, named by all identifiers.
    pub fn event(&self, number: u64, at: i64) -> Event {
        let mut message = [0; 16];
        message[..8].copy_from_slice(&self.replica.to_be_bytes());
        message[8..].copy_from_slice(&number.to_be_bytes());
        Event {
            kind: Kind::Track,
            message,
            source: "till".into(),
            name: "purchase".into(),
            at,
            identifiers: self.identifiers(),
            value: 12_345,
            permitted: 15,
            contacts: vec![Contact { channel: "email".into(), address: self.address() }],
            body: format!(r#"{{"properties":{{"note":"<b>of {} no {number}</b>"}}}}"#, self.name),
        }
    }

    /// A sync of the person's device: decided among two, seen, clicked, bought without a decision named, and who it is.
    pub fn message(&self, sequence: u32, more: Vec<Entry>) -> Message {
        let mut message = support::message(self.replica, sequence, "sunny");
        message.began += u64::from(sequence) * 60_000;
        let [Entry::Decision { id: decision, .. }, ..] = message.entries[..] else {
            panic!("it begins with a decision")
        };
        for (name, probability) in [("sunny", 60_000), ("rainy", 5_535)] {
            let campaign = Key::of(name).0;
            message.entries.push(Entry::Candidate { decision, after: 0, campaign, probability });
        }
        message.entries.push(Entry::Outcome { event: Key::of("purchase").0, decision: 0, after: 2_000, value: 9_990 });
        message.entries.extend(more);
        message
    }
}

pub fn record(store: &mut Store, now: i64, events: &[Event]) {
    let written = store.write(now, |graph| {
        let mut journal = Journal::new(graph);
        for event in events {
            journal.record(event)?;
        }
        journal.close()
    });
    written.expect("stored");
}

pub fn sync(store: &mut Store, now: i64, messages: &[Message]) -> Vec<Verdict> {
    let intakes: Vec<Intake> = messages
        .iter()
        .map(|message| Intake { message: message.clone(), bytes: 100, digest: u64::from(message.sequence) })
        .collect();
    store.store(intakes.iter(), now).expect("stored")
}

/// People with everything that a store may hold of them.
pub fn fill(store: &mut Store, now: i64, people: &[Somebody], each: u64) {
    for somebody in people {
        let events: Vec<Event> = (0..each)
            .map(|number| somebody.event(number, now - i64::try_from(number).expect("few") * DAY / 3))
            .collect();
        record(store, now, &events);
        sync(store, now, &[somebody.message(0, Vec::new()), somebody.message(1, Vec::new())]);
        let who = somebody.user();
        let written = store.write(now, |graph| {
            let identifier = graph.identifier(who.namespace, &who.value, 0, now)?.id;
            graph.connection.execute(
                "INSERT INTO memberships (namespace, who, segment, inside, as_of) VALUES (?1, ?2, 77, 1, ?3)",
                petitfour_collector::params![who.namespace, &who.value, now],
            )?;
            graph.connection.execute(
                "INSERT INTO standings (person, segment, inside, since)
                 SELECT person, 99, 1, ?2 FROM identifiers WHERE id = ?1",
                petitfour_collector::params![identifier, now],
            )?;
            graph.connection.execute(
                "INSERT INTO impressions (identifier, campaign, day, channel, source, count)
                 VALUES (?1, ?2, ?3, 'tv', 'box', 3)",
                petitfour_collector::params![identifier, Key::of("sunny").0, now / DAY],
            )?;
            graph.connection.execute(
                "INSERT INTO partner_ids (identifier, source, id, atype) VALUES (?1, 'box', ?2, 1)",
                petitfour_collector::params![identifier, &somebody.name],
            )?;
            graph.connection.execute(
                "INSERT INTO bought (identifier, provider, taxonomy, segment, price, currency, until, needs)
                 VALUES (?1, 'seller', 4, '12', 1, 'EUR', ?2, 1)",
                petitfour_collector::params![identifier, now + 1],
            )
        });
        written.expect("stored");
    }
}

/// A fresh store of each kind; the folder lives as long as it is held.
pub fn places() -> Vec<(tempfile::TempDir, Place)> {
    let folder = || tempfile::tempdir().expect("a folder");
    let first = folder();
    let sqlite = Place::folder(first.path());
    vec![(first, sqlite), (folder(), Place::Postgres(Postgres::shared().schema()))]
}

/// How the binary is told of a store.
pub fn arguments(folder: &Path, place: &Place) -> Vec<String> {
    match place {
        Place::Folder(folder) => vec!["--data".into(), folder.display().to_string()],
        Place::Postgres(address) => {
            vec!["--data".into(), folder.display().to_string(), "--store".into(), address.clone()]
        }
    }
}

/// Runs the binary to its end; what it said.
pub fn run(arguments: &[String]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_petitfour-collector")).args(arguments).output().expect("it runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// What DuckDB answers to queries over a lake: for each its rows. Times are Unix ms, decimals thousandths.
pub fn duck(lake: &Path, queries: &[String]) -> Vec<Vec<Vec<Value>>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/duck.py");
    let mut child = Command::new(python())
        .arg(script)
        .arg(lake.join("lake.sql"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python");
    let text = serde_json::to_vec(queries).expect("JSON");
    child.stdin.take().expect("a pipe").write_all(&text).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{queries:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("rows")
}

/// One number that DuckDB answers.
pub fn ask(lake: &Path, query: &str) -> i64 {
    duck(lake, &[query.to_owned()])[0][0][0].as_i64().expect("a number")
}

pub fn count(connection: &Connection, sql: &str) -> i64 {
    connection.scalar(sql, &[]).expect("a count").expect("a row")
}

/// Tables of the store in which any of these texts or bytes stands, with the column.
pub fn whereabouts(connection: &Connection, texts: &[String], bytes: &[Vec<u8>]) -> Vec<String> {
    let tables = match connection.dialect() {
        petitfour_collector::sql::Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
        petitfour_collector::sql::Dialect::Postgres => {
            "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()"
        }
    };
    let mut found = Vec::new();
    for table in connection.query(tables, &[]).expect("tables") {
        let table: String = table.get(0).expect("a name");
        for row in connection.query(&format!("SELECT * FROM {table}"), &[]).expect("rows") {
            for (at, cell) in row.cells().iter().enumerate() {
                let hit = match cell {
                    Cell::Text(text) => texts.iter().any(|one| text.contains(one.as_str())),
                    Cell::Bytes(held) => {
                        let text = String::from_utf8_lossy(held);
                        bytes.iter().any(|one| held == one) || texts.iter().any(|one| text.contains(one.as_str()))
                    }
                    _ => false,
                };
                if hit {
                    found.push(format!("{table}.{at}"));
                }
            }
        }
    }
    found
}
