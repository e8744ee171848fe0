//! Deletion: everything that the store holds of somebody goes in one transaction, and a proof stays that names nobody.
//!
//! What goes: all identifiers of the person that are theirs alone, with events, evidence, addresses and partners' counts; what their devices
//! sent; what others said of their segments; the profile; letters that carry an address of theirs; what waits to be handed over. Every destination that has had something of them is told to delete. What
//! stays: keyed hashes, by which whatever was still on its way is let go when it arrives ([`crate::graph`], `crate::forget`), a
//! tombstone for every lake, and one row of `deletions`.
//!
//! Invariant: a proof is sealed with the store's key over everything that it says, so that it cannot be written by hand later.
//! Absent on purpose: identifiers that many share. They are nobody's, and deleting them would take from the others.

use std::collections::BTreeMap;

use petitfour::consent::Permissions;
use ring::hmac;
use serde_json::{Value as Json, json};

use crate::{
    counts,
    destination::{Kind, Parcel, dispatch::Routes},
    event::VISITOR,
    graph::{self, Graph},
    hex,
    lake::tombstone,
    ledger::Ledger,
    params,
    rights::erasure,
    sql::{Connection, Error, Result, Value},
};

/// Longest text of who asked.
const BY: usize = 64;

/// Dead letters that are read at once when an address is looked for in them.
const LETTERS: i64 = 200;

/// Whose data is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// The person whose id this is, or once was.
    Person([u8; 16]),
    /// Whoever is known by one of these values of a kind; known or not, they are let go when they come later.
    Identifier(u8, Vec<Vec<u8>>),
}

/// What is left of a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Its number, random.
    pub id: String,
    /// When, Unix ms.
    pub at: i64,
    /// Who asked, as they call themselves: a desk or a program, never the person.
    pub requested_by: String,
    /// Keyed hash of whom it was.
    pub who: [u8; 32],
    /// Rows that went, by table.
    pub rows: BTreeMap<String, u64>,
    /// Number of the last tombstone: a lake that was exported up to it shows nothing.
    pub tombstone: i64,
}

/// Whether a text may stand as who asked: words of letters, digits, dots, dashes. No address fits.
#[must_use]
pub fn is_name(by: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, ' ' | '.' | '_' | '-');
    !by.is_empty() && by.len() <= BY && by.chars().all(fits)
}

/// Deletes; none when the person is not known.
///
/// # Errors
/// Any error of the store; the whole transaction is then to be given up.
pub fn delete(graph: &mut Graph<'_>, whom: &Whom, by: &str, letters: &[i64], routes: &Routes) -> Result<Option<Proof>> {
    let connection = graph.connection;
    let (mut targets, names, asked) = match targets(graph, whom)? {
        Some(found) => found,
        None => return Ok(None),
    };
    let mut rows = Rows::default();
    let holders = erasure::holders(connection, &names)?;
    let member = erasure::member(&with_forms(connection, &targets)?);
    for name in &names {
        rows.handed(connection, name)?;
    }
    targets.sort_unstable();
    targets.dedup();
    for (namespace, value) in &targets {
        rows.erase(graph, *namespace, value)?;
    }
    for letter in letters {
        rows.add("dead_letters", connection.execute("DELETE FROM dead_letters WHERE id = ?1", params![letter])?);
    }
    let id = random()?;
    let parcel = Parcel {
        id: format!("deletion-{id}"),
        person: names.first().cloned().unwrap_or_default(),
        kind: Kind::Delete,
        at: graph.received,
        body: json!({ "member": member, "original": "" }),
    };
    rows.add("passed_on", erasure::pass_on(connection, routes, &holders, &parcel)?);
    let proof = Proof {
        id,
        at: graph.received,
        requested_by: by.to_owned(),
        who: graph.keyed(&[b"deletion", &asked])?,
        rows: rows.0.into_iter().map(|(table, count)| (table.to_owned(), count)).collect(),
        tombstone: tombstone::last(connection)?,
    };
    let counts = json!(proof.rows).to_string();
    connection.execute(
        "INSERT INTO deletions (id, at, requested_by, who, counts, tombstone) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![&proof.id, proof.at, &proof.requested_by, &proof.who, &counts, proof.tombstone],
    )?;
    Ok(Some(proof))
}

/// The same with the forms that each digest serves, while the store still knows them.
fn with_forms(connection: &Connection, targets: &[(u8, Vec<u8>)]) -> Result<erasure::Targets> {
    let sql = "SELECT forms FROM identifiers WHERE namespace = ?1 AND value = ?2";
    targets
        .iter()
        .map(|(namespace, value)| {
            let forms: Option<u8> = connection.scalar(sql, params![*namespace, value])?;
            Ok(((*namespace, value.clone()), forms.unwrap_or_default()))
        })
        .collect()
}

/// Identifiers by kind and value; the names under which something was handed over; the universal id that was asked for.
type Targets = (Vec<(u8, Vec<u8>)>, Vec<String>, [u8; 16]);

fn targets(graph: &mut Graph<'_>, whom: &Whom) -> Result<Option<Targets>> {
    let (connection, policy) = (graph.connection, graph.policy);
    let of = |person: &graph::Person| -> (Vec<(u8, Vec<u8>)>, Vec<String>) {
        let own = person.identifiers.iter().filter(|known| !known.shared);
        let names = own.clone().map(|known| hex::write(&known.uid)).collect();
        (own.map(|known| (known.namespace, known.value.clone())).collect(), names)
    };
    match whom {
        Whom::Person(uid) => {
            let Some(person) = graph::person(connection, policy, uid)? else { return Ok(None) };
            let (targets, names) = of(&person);
            Ok(Some((targets, names, *uid)))
        }
        Whom::Identifier(namespace, values) => {
            let mut all = (Vec::new(), Vec::new());
            let mut asked = [0; 16];
            for value in values {
                asked = graph.universal(*namespace, value)?;
                if let Some(person) = graph::find(connection, policy, *namespace, value)? {
                    let (targets, names) = of(&person);
                    all.0.extend(targets);
                    all.1.extend(names);
                    // An address that many share is nobody's: what hangs on it stays.
                    let shared = person.identifiers.iter().any(|known| known.shared && known.value == *value);
                    if shared {
                        continue;
                    }
                }
                // Not known yet, it may still be on its way.
                all.0.push((*namespace, value.clone()));
            }
            Ok(Some((all.0, all.1, asked)))
        }
    }
}

/// What was deleted, by table.
#[derive(Default)]
pub(crate) struct Rows(BTreeMap<&'static str, u64>);

/// What hangs on an identifier, by its number.
const BY_IDENTIFIER: [(&str, &str); 12] = [
    ("events", "SELECT count(*) FROM events WHERE identifier = ?1"),
    ("contacts", "SELECT count(*) FROM contacts WHERE identifier = ?1"),
    ("impressions", "SELECT count(*) FROM impressions WHERE identifier = ?1"),
    ("edges", "SELECT (SELECT count(*) FROM edges WHERE a = ?1) + (SELECT count(*) FROM edges WHERE b = ?1)"),
    ("partner_ids", "SELECT count(*) FROM partner_ids WHERE identifier = ?1"),
    ("bought", "SELECT count(*) FROM bought WHERE identifier = ?1"),
    ("journeys", "SELECT count(*) FROM journeys WHERE identifier = ?1"),
    ("sendings", "SELECT count(*) FROM sendings WHERE identifier = ?1"),
    (
        "proposals",
        "SELECT (SELECT count(*) FROM proposals WHERE a = ?1) + (SELECT count(*) FROM proposals WHERE b = ?1)",
    ),
    ("profiles", "SELECT count(*) FROM profiles WHERE person = ?1"),
    ("standings", "SELECT count(*) FROM standings WHERE person = ?1"),
    ("hours", "SELECT count(*) FROM hours WHERE person = ?1"),
];

/// What a device sent, by its visitor's number.
const BY_VISITOR: [(&str, &str); 6] = [
    ("messages", "SELECT count(*) FROM messages WHERE visitor = ?1"),
    ("decisions", "SELECT count(*) FROM decisions WHERE visitor = ?1"),
    ("candidates", "SELECT count(*) FROM candidates WHERE visitor = ?1"),
    ("exposures", "SELECT count(*) FROM exposures WHERE visitor = ?1"),
    ("outcomes", "SELECT count(*) FROM outcomes WHERE visitor = ?1"),
    ("identities", "SELECT count(*) FROM identities WHERE visitor = ?1"),
];

impl Rows {
    /// How many went of a table.
    pub(crate) fn of(&self, table: &str) -> u64 {
        self.0.get(table).copied().unwrap_or_default()
    }

    fn add(&mut self, table: &'static str, count: u64) {
        if count > 0 {
            *self.0.entry(table).or_default() += count;
        }
    }

    fn count(&mut self, connection: &Connection, table: &'static str, sql: &str, id: i64) -> Result<()> {
        let count: i64 = connection.scalar(sql, params![id])?.unwrap_or_default();
        self.add(table, count.unsigned_abs());
        Ok(())
    }

    /// Deletes what hangs on an identifier, and buries it whether it is known or not.
    pub(crate) fn erase(&mut self, graph: &mut Graph<'_>, namespace: u8, value: &[u8]) -> Result<()> {
        let connection = graph.connection;
        let sql = "SELECT id FROM identifiers WHERE namespace = ?1 AND value = ?2";
        let id: Option<i64> = connection.scalar(sql, params![namespace, value])?;
        if let Some(id) = id {
            self.add("identifiers", 1);
            for (table, sql) in BY_IDENTIFIER {
                self.count(connection, table, sql, id)?;
            }
        }
        let told = "DELETE FROM memberships WHERE namespace = ?1 AND who = ?2";
        self.add("memberships", connection.execute(told, params![namespace, value])?);
        if namespace == VISITOR {
            let Ok(pseudonym) = <[u8; 16]>::try_from(value) else { return Ok(()) };
            let sql = "SELECT id FROM visitors WHERE pseudonym = ?1";
            if let Some(visitor) = connection.scalar::<i64>(sql, params![&pseudonym])? {
                self.add("visitors", 1);
                for (table, sql) in BY_VISITOR {
                    self.count(connection, table, sql, visitor)?;
                }
            }
            let at = graph.received;
            let mut ledger = Ledger::new(graph);
            ledger.forget(&pseudonym, Permissions::ALL, at)?;
            ledger.close()?;
            // Events that other libraries tell of the pseudonym are let go too.
            return graph.bury(namespace, value, at);
        }
        let sent = "DELETE FROM identities WHERE namespace = ?1 AND digest = ?2";
        let sent = connection.execute(sent, params![namespace, value])?;
        self.add("identities", sent);
        // The page shows running sums.
        counts::add(connection, &BTreeMap::from([("identities", -sent.cast_signed())]))?;
        match id {
            Some(id) => graph.erase(id, graph.received),
            None => graph.bury(namespace, value, graph.received),
        }
    }

    /// What waits to be handed over, and what the log of deliveries says of whom it went to.
    fn handed(&mut self, connection: &Connection, name: &str) -> Result<()> {
        // Deletions that wait are of an earlier request, and are to be done.
        let waiting = "DELETE FROM outbox WHERE person = ?1 AND kind <> 'delete'";
        self.add("outbox", connection.execute(waiting, params![name])?);
        self.add("suppressions", connection.execute("DELETE FROM suppressions WHERE who = ?1", params![name])?);
        let sql = "UPDATE delivery_log SET person = '' WHERE person = ?1";
        self.add("delivery_log", connection.execute(sql, params![name])?);
        Ok(())
    }
}

/// Letters in which something of the person stands as it was sent: an address that the store has, or what was asked for.
/// Reads every letter, so it is for a reader, before the transaction that deletes.
///
/// # Errors
/// Any error of the store.
pub fn letters(connection: &Connection, whom: &Whom, raw: Option<&str>) -> Result<Vec<i64>> {
    let mut needles: Vec<String> =
        raw.map(str::trim).filter(|text| text.len() > 3).map(str::to_lowercase).into_iter().collect();
    let (sql, values): (&str, Vec<Value<'_>>) = match whom {
        Whom::Person(uid) => ("a.uid = ?1", vec![Value::from(uid)]),
        Whom::Identifier(namespace, values) => match values.first() {
            Some(value) => ("a.namespace = ?1 AND a.value = ?2", vec![Value::from(namespace), Value::from(value)]),
            None => return Ok(Vec::new()),
        },
    };
    let addresses = format!(
        "SELECT c.address FROM identifiers a JOIN identifiers i ON i.person = a.person JOIN contacts c ON c.identifier = i.id
         WHERE {sql} AND i.shared = 0"
    );
    for row in connection.query(&addresses, &values)? {
        needles.push(row.get::<String>(0)?.to_lowercase());
    }
    let digests = format!(
        "SELECT i.value FROM identifiers a JOIN identifiers i ON i.person = a.person WHERE {sql} AND i.shared = 0"
    );
    for row in connection.query(&digests, &values)? {
        needles.push(hex::write(&row.get::<Vec<u8>>(0)?));
    }
    let mut found = Vec::new();
    let mut after = i64::MIN;
    while !needles.is_empty() {
        let sql = "SELECT id, body FROM dead_letters WHERE id > ?1 ORDER BY id LIMIT ?2";
        let rows = connection.query(sql, params![after, LETTERS])?;
        let Some(last) = rows.last() else { break };
        after = last.get(0)?;
        for row in &rows {
            let text = String::from_utf8_lossy(&row.get::<Vec<u8>>(1)?).to_lowercase();
            if needles.iter().any(|needle| text.contains(needle.as_str())) {
                found.push(row.get(0)?);
            }
        }
    }
    Ok(found)
}

/// The proof of a number.
///
/// # Errors
/// Any error of the store.
pub fn proof(connection: &Connection, id: &str) -> Result<Option<Proof>> {
    let sql = "SELECT id, at, requested_by, who, counts, tombstone FROM deletions WHERE id = ?1";
    let Some(row) = connection.first(sql, params![id])? else { return Ok(None) };
    let counts: String = row.get(4)?;
    Ok(Some(Proof {
        id: row.get(0)?,
        at: row.get(1)?,
        requested_by: row.get(2)?,
        who: row.get(3)?,
        rows: serde_json::from_str(&counts).unwrap_or_default(),
        tombstone: row.get(5)?,
    }))
}

impl Proof {
    /// The document, sealed with the store's key.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn document(&self, connection: &Connection) -> Result<Json> {
        let mut document = json!({
            "deletion": self.id,
            "at": self.at,
            "requested_by": self.requested_by,
            "who": hex::write(&self.who),
            "rows": self.rows,
            "lake": { "tombstone": self.tombstone },
        });
        let key: Option<Vec<u8>> = connection.scalar("SELECT key FROM tombstone_key", params![])?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key.ok_or(Error::Column(0))?);
        let seal = hmac::sign(&key, document.to_string().as_bytes());
        if let Some(object) = document.as_object_mut() {
            object.insert("seal".to_owned(), hex::write(seal.as_ref()).into());
        }
        Ok(document)
    }
}

fn random() -> Result<String> {
    let mut bytes = [0; 16];
    let filled = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes);
    filled.map_err(|_| Error::Column(0))?;
    Ok(hex::write(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_is_a_name_and_never_an_address() {
        assert!(is_name("privacy desk 2") && is_name("cron.nightly"));
        assert!(!is_name("") && !is_name("anna@example.com") && !is_name(&"a".repeat(65)) && !is_name("<b>"));
    }
}
