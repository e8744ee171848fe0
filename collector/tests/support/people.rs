//! What is stored of people, beside what the whole function says of the stored evidence.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;

use petitfour_collector::{
    graph::{
        Edge, Node, Policy, Rule,
        people::{Standing, everyone},
    },
    params,
    sql::{Connection, Result},
};

/// Every identifier, and what is stored of it.
pub fn nodes(connection: &Connection) -> Vec<(Node, Standing)> {
    let sql = "SELECT id, namespace, value, forms, first_at, person, shared FROM identifiers";
    let rows = connection.query(sql, params![]).expect("rows");
    rows.iter()
        .map(|row| {
            let node = Node {
                id: row.get(0)?,
                namespace: row.get(1)?,
                value: row.get(2)?,
                forms: row.get(3)?,
                first_at: row.get(4)?,
            };
            Ok((node, Standing { root: row.get(5)?, shared: row.get(6)? }))
        })
        .collect::<Result<_>>()
        .expect("nodes")
}

/// Every piece of evidence that counts.
pub fn edges(connection: &Connection) -> Vec<Edge> {
    let sql = "SELECT a, b, rule, source, evidence, confidence, first_at FROM edges e WHERE withdrawn IS NULL
         AND NOT EXISTS (SELECT 1 FROM cuts c WHERE c.a = e.a AND c.b = e.b)";
    let rows = connection.query(sql, params![]).expect("rows");
    rows.iter()
        .map(|row| {
            Ok(Edge {
                a: row.get(0)?,
                b: row.get(1)?,
                rule: Rule::of(row.get(2)?).expect("a rule"),
                source: row.get(3)?,
                evidence: row.get(4)?,
                confidence: row.get(5)?,
                first_at: row.get(6)?,
            })
        })
        .collect::<Result<_>>()
        .expect("edges")
}

/// What is stored of everybody, and what the whole function says.
pub fn both(connection: &Connection, policy: &Policy) -> (BTreeMap<i64, Standing>, BTreeMap<i64, Standing>) {
    let nodes = nodes(connection);
    let plain: Vec<Node> = nodes.iter().map(|(node, _)| node.clone()).collect();
    (nodes.iter().map(|(node, standing)| (node.id, *standing)).collect(), everyone(&plain, &edges(connection), policy))
}
