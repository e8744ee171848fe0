//! The register: requests for deletion from the moment that they are taken until they are proved.
//!
//! A request is taken, then erased from the store with everything that is sent on to destinations in one transaction, then
//! completed when the last destination has its copy. At that moment whom it named is let go of; what stays is who asked,
//! the number, the digest of the token, so that a repeat is known, and the proof.

use std::collections::HashSet;

use anyhow::Context as _;
use petitfour::identity::{Digest, Namespace};

use super::{
    Request, Subject,
    acknowledgement::named,
    desk::{Register, Taken},
    key::Keys,
    proof::{Proof, Step},
};
use crate::{
    params,
    sql::{Connection, Error, Result, Row},
    store::Place,
};

/// Requests that are completed in one transaction at most.
const TOGETHER: u64 = 100;

/// Requests in the store.
pub struct Book {
    place: Place,
}

/// One that is still to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Who asked; empty: the shop itself.
    pub requester: String,
    /// The request's number.
    pub number: String,
    /// Whom it is about.
    pub subject: Subject,
    /// The first party's token, to be sent on; empty when the shop asked.
    pub original: String,
}

impl Book {
    /// Over a store that exists.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self { place }
    }
}

impl Register for Book {
    fn take(&self, request: &Request, digest: &str, now: i64) -> anyhow::Result<Taken> {
        // One request costs a connection: they are few, and each is worth a synced row of its own.
        let connection = self.place.writer()?;
        let transaction = connection.write()?;
        let (namespace, value) = named(&request.subject);
        let added = transaction.execute(
            "INSERT INTO deletion_requests
               (requester, number, digest, origin, matter, namespace, value, original, received, erased, completed, proof)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, NULL, NULL, '') ON CONFLICT (requester, number) DO NOTHING",
            params![
                &request.requester,
                &request.number,
                digest,
                &request.origin,
                &request.matter,
                namespace,
                &value,
                &request.original,
                now
            ],
        )?;
        let known: Option<String> = transaction.scalar(
            "SELECT digest FROM deletion_requests WHERE requester = ?1 AND number = ?2",
            params![&request.requester, &request.number],
        )?;
        transaction.commit()?;
        Ok(match (added, known) {
            (1, _) => Taken::New,
            (_, Some(known)) if known == digest => Taken::Before,
            _ => Taken::Other,
        })
    }
}

/// Takes a request of the shop's own, in the caller's transaction; its number.
///
/// # Errors
/// Any error of the store.
pub fn ask(connection: &Connection, subject: &Subject, now: i64) -> Result<String> {
    let number = format!("{:016x}{:016x}", crate::destination::random(), crate::destination::random());
    let (namespace, value) = named(subject);
    connection.execute(
        "INSERT INTO deletion_requests
           (requester, number, digest, origin, matter, namespace, value, original, received, erased, completed, proof)
         VALUES ('', ?1, ?2, '', ?1, ?3, ?4, '', ?5, NULL, NULL, '')",
        params![&number, &Digest::of(&number).hex(), namespace, &value, now],
    )?;
    Ok(number)
}

/// Requests that were taken and not yet erased, the oldest first.
///
/// # Errors
/// Any error of the store.
pub fn pending(connection: &Connection, most: u32) -> Result<Vec<Pending>> {
    let rows = connection.query(
        "SELECT requester, number, namespace, value, original FROM deletion_requests
         WHERE completed IS NULL AND erased IS NULL ORDER BY received, requester, number LIMIT ?1",
        params![most],
    )?;
    let pending = |row: &Row| {
        let subject = subject(row.get(2)?, &row.get::<Vec<u8>>(3)?).ok_or(Error::Column(3))?;
        Ok(Pending { requester: row.get(0)?, number: row.get(1)?, subject, original: row.get(4)? })
    };
    rows.iter().map(pending).collect()
}

fn subject(namespace: u8, value: &[u8]) -> Option<Subject> {
    Some(match Namespace::of(namespace) {
        Some(namespace) => Subject::Identifier(namespace, Digest(value.try_into().ok()?)),
        None => Subject::Visitor(value.try_into().ok()?),
    })
}

/// Whether a request is still to be erased. Several collectors may have read it as pending.
///
/// # Errors
/// Any error of the store.
pub fn is_pending(connection: &Connection, request: &Pending) -> Result<bool> {
    connection.exists(
        "SELECT 1 FROM deletion_requests WHERE requester = ?1 AND number = ?2 AND erased IS NULL",
        params![&request.requester, &request.number],
    )
}

/// Notes what was erased, in the caller's transaction.
///
/// # Errors
/// Any error of the store.
pub fn erased(connection: &Connection, request: &Pending, steps: &[Step], now: i64) -> Result<()> {
    let steps = serde_json::to_string(steps).unwrap_or_default();
    connection.execute(
        "UPDATE deletion_requests SET erased = ?3, proof = ?4 WHERE requester = ?1 AND number = ?2",
        params![&request.requester, &request.number, now, &steps],
    )?;
    Ok(())
}

/// The id of the parcel that a request sends to destinations.
#[must_use]
pub fn parcel(requester: &str, number: &str) -> String {
    let hex = Digest::of([requester, number].join("\n")).hex();
    format!("delete-{}", hex.get(..32).unwrap_or_default())
}

/// Completes every request whose last copy has been delivered: seals its proof and lets go of whom it named. How many.
///
/// # Errors
/// When the store does not take it or nothing can be signed.
pub fn complete(connection: &Connection, keys: &Keys, domain: &str, now: i64) -> anyhow::Result<u64> {
    let transaction = connection.write()?;
    // A parcel's id is a digest, which no query can make: what still waits is read once. Those that wait for a destination that
    // is away do not count towards the bound, so that they keep nobody else from a proof.
    let parcels = transaction.query("SELECT DISTINCT id FROM outbox WHERE kind = 'delete'", params![])?;
    let waiting = parcels.iter().map(|row| row.get(0)).collect::<Result<HashSet<String>>>()?;
    let open = transaction.query(
        "SELECT requester, number FROM deletion_requests
         WHERE completed IS NULL AND erased IS NOT NULL ORDER BY received, requester, number",
        params![],
    )?;
    let mut completed = 0;
    for key in open {
        let (requester, number): (String, String) = (key.get(0)?, key.get(1)?);
        let id = parcel(&requester, &number);
        if waiting.contains(&id) {
            continue;
        }
        if completed == TOGETHER {
            break;
        }
        let sql = "SELECT digest, origin, received, proof FROM deletion_requests WHERE requester = ?1 AND number = ?2";
        let Some(row) = transaction.first(sql, params![&requester, &number])? else { continue };
        let steps: Vec<Step> = serde_json::from_str(&row.get::<String>(3)?).context("the steps of a request")?;
        let mut steps = steps;
        let delivered = transaction.query(
            "SELECT destination, at FROM delivery_log WHERE id = ?1 AND outcome = 1 ORDER BY destination",
            params![&id],
        )?;
        for copy in delivered {
            steps.push(Step { place: format!("destination {}", copy.get::<String>(0)?), count: 1, at: copy.get(1)? });
        }
        let proof = Proof {
            request: row.get(0)?,
            number: number.clone(),
            requester: requester.clone(),
            origin: row.get(1)?,
            received: row.get(2)?,
            completed: Some(now),
            steps,
        };
        transaction.execute(
            "UPDATE deletion_requests SET completed = ?3, proof = ?4, value = ?5, original = ''
             WHERE requester = ?1 AND number = ?2",
            params![&requester, &number, now, &proof.seal(keys.current(), domain, now)?, &[] as &[u8]],
        )?;
        completed += 1;
    }
    transaction.commit()?;
    Ok(completed)
}

/// Whether there is one that is erased and not yet completed.
///
/// # Errors
/// Any error of the store.
pub fn is_open(connection: &Connection) -> Result<bool> {
    let open = "SELECT 1 FROM deletion_requests WHERE completed IS NULL AND erased IS NOT NULL LIMIT 1";
    connection.exists(open, params![])
}

/// The sealed proof of a request; none while it is not completed.
///
/// # Errors
/// Any error of the store.
pub fn proof(connection: &Connection, requester: &str, number: &str) -> Result<Option<String>> {
    connection.scalar(
        "SELECT proof FROM deletion_requests WHERE requester = ?1 AND number = ?2 AND completed IS NOT NULL",
        params![requester, number],
    )
}
