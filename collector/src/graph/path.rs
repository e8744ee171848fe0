//! Why two identifiers are one person: the shortest path of evidence between them.

use std::collections::{BTreeMap, VecDeque};

use super::{Edge, Graph, people::Part};
use crate::{
    params,
    sql::{Error, Result},
};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// From this identifier.
    pub from: i64,
    /// To that one.
    pub to: i64,
    /// The evidence: the first that ties them.
    pub edge: Edge,
}

impl Graph<'_> {
    /// The shortest path of evidence between two identifiers of one person; empty when they are not one person's, or the same
    /// identifier.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn path(&self, from: i64, to: i64) -> Result<Vec<Step>> {
        let part = self.members(from)?;
        if !part.nodes.contains_key(&to) {
            return Ok(Vec::new());
        }
        let mut came: BTreeMap<i64, Step> = BTreeMap::new();
        let mut waiting = VecDeque::from([from]);
        while let Some(id) = waiting.pop_front() {
            if id == to {
                break;
            }
            let mut ties = part.ties(id, self.policy);
            ties.sort_by_key(|(other, edge)| (*other, edge.rule, edge.first_at));
            for (other, edge) in ties {
                if other != from && part.nodes.contains_key(&other) && !came.contains_key(&other) {
                    came.insert(other, Step { from: id, to: other, edge: edge.clone() });
                    waiting.push_back(other);
                }
            }
        }
        let mut path = Vec::new();
        let mut at = to;
        while let Some(step) = came.get(&at) {
            at = step.from;
            path.push(step.clone());
        }
        path.reverse();
        Ok(path)
    }

    /// Everybody of the person that an identifier belongs to.
    pub(crate) fn members(&self, id: i64) -> Result<Part> {
        let person: i64 = self
            .connection
            .scalar("SELECT person FROM identifiers WHERE id = ?1", params![id])?
            .ok_or(Error::Column(0))?;
        let sql = "SELECT id, namespace, value, forms, first_at, shared FROM identifiers WHERE person = ?1";
        let mut part = Part::default();
        for row in self.connection.query(sql, params![person])? {
            let node = super::node(&row, 0)?;
            if !row.get::<bool>(5)? {
                part.around.insert(node.id, self.around(node.id)?);
            }
            part.nodes.insert(node.id, node);
        }
        Ok(part)
    }
}
