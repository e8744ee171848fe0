//! What partners' files change in the store: ids that are tied, exposures that are counted, segments that were bought.
//!
//! A partner's id becomes an identifier like any other, by its digest; verbatim it stands apart, for the partner alone. A match table ties
//! it to ours by evidence of the rule `match table` and the partner's name as source, so `withdraw` takes the whole of a wrong table back.
//! An exposure is counted on the partner's id: one that is matched later counts for the person from then on, and so does what
//! was reported before.
//!
//! Invariant: a file that is taken in again changes nothing.

use petitfour::{
    id::Key,
    identity::{Digest, Hashed, Refusal, opaque},
};

use super::{
    exposure::Exposure,
    matching::Match,
    segment::{Membership, Needs},
};
use crate::{
    graph::{Evidence, Graph, Rule},
    params,
    person::frequency::{DAY, Impressions, count},
    sql::Result,
};

/// How sure a partner's table is, of 1,000.
const SURE: u16 = 900;

/// What is permitted where a partner may tell us: the contract says so.
const PERMITTED: u8 = 0b1111;

/// A partner, as its files are taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// Its domain, as OpenRTB names sources: `liveramp.com`.
    pub source: String,
    /// What its ids name (AdCOM, "Agent Types"): 1 a browser or device, 2 an app, 3 a person.
    pub atype: u32,
    /// In which channel it shows: `display`, `tv`, …
    pub channel: String,
}

impl Partner {
    fn hashed(&self, id: &str) -> std::result::Result<Hashed, Refusal> {
        opaque::partner(&self.source, id)
    }

    fn identifier(&self, graph: &mut Graph<'_>, id: &str, table: bool) -> Result<Option<i64>> {
        // What is no id (a placeholder, a digit over and over) names nobody.
        let Ok(hashed) = self.hashed(id) else { return Ok(None) };
        let known = named(graph, &hashed, graph.received)?;
        graph.connection.execute(
            // A match table is where a partner says what its ids name; a log is read with what somebody typed.
            "INSERT INTO partner_ids (identifier, source, id, atype) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (identifier) DO UPDATE SET atype = excluded.atype WHERE ?5 = 1",
            params![known, &self.source, id, self.atype, table],
        )?;
        Ok(Some(known))
    }

    /// Takes in lines of a match table; how many ids are tied.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn tie(&self, graph: &mut Graph<'_>, lines: &[Match]) -> Result<usize> {
        let mut tied = 0;
        for line in lines {
            let Some(theirs) = self.identifier(graph, &line.id, true)? else { continue };
            let ours = Hashed::new(line.namespace, petitfour::identity::Forms::NONE, line.digest);
            let ours = named(graph, &ours, graph.received)?;
            let message = Digest::of([self.source.as_bytes(), b"\n", line.id.as_bytes()].concat());
            let evidence = Evidence {
                rule: Rule::Table,
                source: &self.source,
                message: message.0.first_chunk::<16>().map_or(&[], |name| name.as_slice()),
                confidence: SURE,
                permitted: PERMITTED,
                at: graph.received,
            };
            graph.tie(ours, theirs, &evidence)?;
            tied += 1;
        }
        Ok(tied)
    }

    /// Counts exposures; how many are new.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn count(&self, graph: &mut Graph<'_>, exposures: &[Exposure]) -> Result<usize> {
        let mut fresh = 0;
        for exposure in exposures {
            let name = Digest::of([self.source.as_bytes(), b"\nexposure\n", exposure.key.as_bytes()].concat()).0;
            let name: [u8; 16] = name.first_chunk().copied().unwrap_or_default();
            let seen = "INSERT INTO seen (message, received) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            if graph.connection.execute(seen, params![&name, graph.received])? == 0 {
                continue;
            }
            let Some(identifier) = self.identifier(graph, &exposure.id, false)? else { continue };
            count(
                graph.connection,
                &Impressions {
                    identifier,
                    campaign: Key::of(&exposure.campaign).0,
                    day: exposure.at.div_euclid(DAY),
                    channel: self.channel.clone(),
                    source: self.source.clone(),
                    count: 1,
                },
            )?;
            graph.connection.execute(
                "INSERT INTO names (kind, key, name) VALUES ('campaign', ?1, ?2) ON CONFLICT DO NOTHING",
                params![Key::of(&exposure.campaign).0, &exposure.campaign],
            )?;
            fresh += 1;
        }
        Ok(fresh)
    }

    /// Takes in who is in which segment that was bought; the later end counts.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn enrol(&self, graph: &mut Graph<'_>, lines: &[Membership]) -> Result<usize> {
        let mut stored = 0;
        for line in lines {
            let Some(identifier) = self.identifier(graph, &line.id, false)? else { continue };
            let needs: u8 = match line.needs {
                Needs::Nothing => 0,
                Needs::Personalise => 1,
                Needs::Share => 2,
            };
            graph.connection.execute(
                "INSERT INTO bought (identifier, provider, taxonomy, segment, price, currency, until, needs, vendor)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (identifier, provider, taxonomy, segment) DO UPDATE SET price = excluded.price,
                   currency = excluded.currency, until = excluded.until, needs = excluded.needs, vendor = excluded.vendor
                 WHERE excluded.until > bought.until",
                params![
                    identifier,
                    &line.provider,
                    line.taxonomy,
                    &line.segment,
                    line.price,
                    &line.currency,
                    line.until,
                    needs,
                    line.vendor
                ],
            )?;
            stored += 1;
        }
        Ok(stored)
    }
}

fn named(graph: &mut Graph<'_>, hashed: &Hashed, at: i64) -> Result<i64> {
    let namespace = hashed.code() & 31;
    Ok(graph.identifier(namespace, &hashed.digest().0, hashed.forms().bits(), at)?.id)
}
