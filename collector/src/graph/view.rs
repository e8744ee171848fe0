//! A person as it is read: by any id that was ever given out, or by any identifier.

use super::Policy;
use crate::{
    params,
    sql::{Connection, Error, Result},
};

/// Persons of one household share an address or a number that so many at most share; with more it is an office's.
const HOUSEHOLD: usize = 8;

/// An identifier of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its number in the store.
    pub id: i64,
    /// Its kind.
    pub namespace: u8,
    /// Its digest, or the pseudonym.
    pub value: Vec<u8>,
    /// Which forms the digest serves.
    pub forms: u8,
    /// Its own universal id.
    pub uid: [u8; 16],
    /// Earliest time that it was told of, Unix ms.
    pub first_at: i64,
    /// Too many own it: it is nobody's.
    pub shared: bool,
}

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The universal id that the person goes by now.
    pub uid: [u8; 16],
    /// The identifier whose id that is.
    pub root: i64,
    /// All identifiers, the oldest first.
    pub identifiers: Vec<Known>,
    /// Universal ids of the others of the household.
    pub household: Vec<[u8; 16]>,
}

/// The person whose id this is, or once was.
///
/// # Errors
/// Any error of the store.
pub fn person(connection: &Connection, policy: &Policy, uid: &[u8; 16]) -> Result<Option<Person>> {
    let root: Option<i64> = connection.scalar("SELECT person FROM identifiers WHERE uid = ?1", params![uid])?;
    root.map(|root| read(connection, policy, root)).transpose()
}

/// The person that an identifier belongs to.
///
/// # Errors
/// Any error of the store.
pub fn find(connection: &Connection, policy: &Policy, namespace: u8, value: &[u8]) -> Result<Option<Person>> {
    let sql = "SELECT person FROM identifiers WHERE namespace = ?1 AND value = ?2";
    let root: Option<i64> = connection.scalar(sql, params![namespace, value])?;
    root.map(|root| read(connection, policy, root)).transpose()
}

fn read(connection: &Connection, policy: &Policy, root: i64) -> Result<Person> {
    let rows = connection.query(
        "SELECT id, namespace, value, forms, uid, first_at, shared FROM identifiers WHERE person = ?1
         ORDER BY first_at, namespace, value",
        params![root],
    )?;
    let identifiers = rows
        .iter()
        .map(|row| {
            Ok(Known {
                id: row.get(0)?,
                namespace: row.get(1)?,
                value: row.get(2)?,
                forms: row.get(3)?,
                uid: row.get(4)?,
                first_at: row.get(5)?,
                shared: row.get(6)?,
            })
        })
        .collect::<Result<Vec<Known>>>()?;
    let uid = connection.scalar("SELECT uid FROM identifiers WHERE id = ?1", params![root])?;
    let household = household(connection, policy, root)?;
    Ok(Person { uid: uid.ok_or(Error::Column(0))?, root, identifiers, household })
}

/// Others who share an address, a number or a card with a person, where few enough do.
fn household(connection: &Connection, policy: &Policy, root: i64) -> Result<Vec<[u8; 16]>> {
    let shared = connection.query(
        "SELECT id, namespace FROM identifiers WHERE person = ?1
         UNION
         SELECT DISTINCT s.id, s.namespace FROM identifiers m
         JOIN edges e ON e.a = m.id JOIN identifiers s ON s.id = e.b
         WHERE m.person = ?1 AND s.person <> ?1 AND e.withdrawn IS NULL
         UNION
         SELECT DISTINCT s.id, s.namespace FROM identifiers m
         JOIN edges e ON e.b = m.id JOIN identifiers s ON s.id = e.a
         WHERE m.person = ?1 AND s.person <> ?1 AND e.withdrawn IS NULL",
        params![root],
    )?;
    let mut others = std::collections::BTreeSet::new();
    for row in shared {
        let (id, namespace): (i64, u8) = (row.get(0)?, row.get(1)?);
        // Addresses, numbers and cards are what a household shares; a device in a shop is not.
        if !(2..=4).contains(&policy.kind(namespace).rank) {
            continue;
        }
        let owners = connection.query(
            "SELECT p.uid FROM edges e JOIN identifiers m ON m.id = e.a JOIN identifiers p ON p.id = m.person
             WHERE e.b = ?1 AND e.withdrawn IS NULL AND m.person <> ?1
             UNION
             SELECT p.uid FROM edges e JOIN identifiers m ON m.id = e.b JOIN identifiers p ON p.id = m.person
             WHERE e.a = ?1 AND e.withdrawn IS NULL AND m.person <> ?1
             LIMIT ?2",
            params![id, HOUSEHOLD as i64 + 1],
        )?;
        if owners.len() <= HOUSEHOLD {
            for owner in owners {
                others.insert(owner.get::<[u8; 16]>(0)?);
            }
        }
    }
    let own: Option<[u8; 16]> = connection.scalar("SELECT uid FROM identifiers WHERE id = ?1", params![root])?;
    if let Some(own) = own {
        others.remove(&own);
    }
    Ok(others.into_iter().collect())
}
