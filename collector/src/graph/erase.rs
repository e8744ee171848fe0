//! Deleting identifiers: the row goes, with all evidence, events and addresses that hang on it, and a grave stays.
//!
//! The grave is a keyed hash of the identifier and a time: what was told until then and arrives later is let go, what is told
//! after it is new.

use std::collections::BTreeSet;

use super::{Graph, people::is_shared};
use crate::{
    event::VISITOR,
    lake::tombstone::{self, Scope},
    ledger::DEVICE,
    params,
    person::hours,
    sql::Result,
};

/// Everything that hangs on an identifier, rows before what they refer to. What is kept by person goes by the identifier's own number at
/// once; whoever is left of the person has it made anew.
const EVERYTHING: [&str; 15] = [
    "DELETE FROM events WHERE identifier = ?1",
    "DELETE FROM contacts WHERE identifier = ?1",
    "DELETE FROM edges WHERE a = ?1 OR b = ?1",
    "DELETE FROM cuts WHERE a = ?1 OR b = ?1",
    "DELETE FROM impressions WHERE identifier = ?1",
    "DELETE FROM partner_ids WHERE identifier = ?1",
    "DELETE FROM bought WHERE identifier = ?1",
    "DELETE FROM proposals WHERE a = ?1 OR b = ?1",
    "DELETE FROM journeys WHERE identifier = ?1",
    "DELETE FROM sendings WHERE identifier = ?1",
    // Of whoever went by its id: made anew for those who are left.
    "DELETE FROM profiles WHERE person = ?1",
    "DELETE FROM standings WHERE person = ?1",
    hours::LEAVE[0],
    hours::LEAVE[1],
    "DELETE FROM identifiers WHERE id = ?1",
];

impl Graph<'_> {
    /// Deletes an identifier and buries it: what was told of it until `at` is let go from now on.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn erase(&mut self, id: i64, at: i64) -> Result<()> {
        let Some((node, _)) = self.node(id)? else { return Ok(()) };
        self.bury(node.namespace, &node.value, at)?;
        self.remove(id)
    }

    /// Buries an identifier, known or not: what was told of it until `at` is let go, and no lake shows it.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn bury(&mut self, namespace: u8, value: &[u8], at: i64) -> Result<()> {
        let grave = self.keyed(&[b"deleted", &[namespace], value])?;
        self.connection.execute(
            "INSERT INTO tombstones (who, everything, measured, shared, received) VALUES (?1, 0, ?2, ?2, ?3)
             ON CONFLICT (who) DO UPDATE SET measured = excluded.measured, shared = excluded.shared
             WHERE excluded.measured > tombstones.measured",
            params![&grave, at, self.received],
        )?;
        let uid = self.universal(namespace, value)?;
        tombstone::note(self.connection, &uid, Scope::Everything, None, self.received)
    }

    /// Lets go of what a device said of its visitor: everything, or what it said until a time.
    pub(crate) fn forget(&mut self, pseudonym: &[u8; 16], everything: bool, until: i64) -> Result<()> {
        let sql = "SELECT id FROM identifiers WHERE namespace = ?1 AND value = ?2";
        let Some(id) = self.connection.scalar::<i64>(sql, params![VISITOR, pseudonym])? else { return Ok(()) };
        if everything {
            return self.remove(id);
        }
        let rows = self.connection.query(
            "SELECT a, b FROM edges WHERE (a = ?1 OR b = ?1) AND source = ?2 AND first_at <= ?3",
            params![id, DEVICE, until],
        )?;
        self.connection.execute(
            "DELETE FROM edges WHERE (a = ?1 OR b = ?1) AND source = ?2 AND first_at <= ?3",
            params![id, DEVICE, until],
        )?;
        self.erased()?;
        for row in rows {
            self.judge(row.get(0)?, row.get(1)?, false)?;
        }
        Ok(())
    }

    /// What was remembered may be gone, here and in every other collector over this store.
    fn erased(&mut self) -> Result<()> {
        self.memory.clear();
        self.connection.execute(
            "INSERT INTO about (key, value) VALUES ('erased', 1)
             ON CONFLICT (key) DO UPDATE SET value = about.value + 1",
            params![],
        )?;
        Ok(())
    }

    /// Deletes an identifier and leaves nothing of it: one that nothing refers to any more.
    pub(crate) fn remove(&mut self, id: i64) -> Result<()> {
        let person: Option<i64> =
            self.connection.scalar("SELECT person FROM identifiers WHERE id = ?1", params![id])?;
        let others: Vec<i64> = self.around(id)?.others.into_keys().collect();
        for statement in EVERYTHING {
            self.connection.execute(statement, params![id])?;
        }
        self.erased()?;
        self.changed.extend(person);
        let mut seeds: BTreeSet<i64> = BTreeSet::new();
        for other in others {
            let Some((node, flags)) = self.node(other)? else { continue };
            let around = self.around(other)?;
            let shared = is_shared(&node, &around.neighbours(), self.policy);
            if shared != flags.shared {
                self.connection.execute("UPDATE identifiers SET shared = ?2 WHERE id = ?1", params![other, shared])?;
                for neighbour in around.others.keys() {
                    seeds.extend(self.around(*neighbour)?.others.into_keys());
                }
            }
            // Around what is shared before and after nothing changes, however many there are.
            if !(shared && flags.shared) {
                seeds.insert(other);
                seeds.extend(around.others.into_keys());
            }
        }
        // Those who went by its id, and no longer touch it.
        let left = self.connection.query("SELECT id FROM identifiers WHERE person = ?1", params![id])?;
        for row in left {
            seeds.insert(row.get(0)?);
        }
        self.settle(seeds)
    }
}
