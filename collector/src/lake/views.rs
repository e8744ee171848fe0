//! `lake.sql`: the lake as DuckDB reads it. Each view names the published parts and leaves out whoever has a tombstone.
//!
//! It is written beside the data at every publication, so a session reads it again to see what is new. Readers that cannot
//! run it take the parts from the latest manifest and the anti-join from here.

use std::fmt::Write as _;

use petitfour::id::Key;

use super::{
    Manifest,
    part::Encoding,
    schema::{CANDIDATES, DECISIONS, EDGES, EXPOSURES, Growth, OUTCOMES, PERSONS, TABLES, TOMBSTONES, Table},
};
use crate::ledger::CLICK;

/// Its name in the lake.
pub const FILE: &str = "lake.sql";

/// Views over views, for the questions that are asked first.
const MORE: &str = "
-- Decisions with what their keys are called, and whether they were seen.
CREATE OR REPLACE VIEW readable_decisions AS
SELECT d.occurred, d.visitor, d.decision, p.name AS placement, c.name AS campaign, r.name AS creative, d.reason, d.probability,
       w.name AS withheld, EXISTS (SELECT 1 FROM exposures e WHERE e.visitor = d.visitor AND e.decision = d.decision) AS exposed
FROM decisions d
LEFT JOIN names p ON p.kind = 'placement' AND p.key = d.placement
LEFT JOIN names c ON c.kind = 'campaign' AND c.key = d.campaign
LEFT JOIN names r ON r.kind = 'creative' AND r.key = d.creative
LEFT JOIN names w ON w.kind = 'campaign' AND w.key = d.withheld;

-- Outcomes with the decision that is credited: the one that was told, else the latest exposure within 24 hours before.
CREATE OR REPLACE VIEW credited_outcomes AS
SELECT o.message, o.position, any_value(o.visitor) AS visitor, any_value(o.occurred) AS occurred, any_value(o.event) AS event,
       any_value(o.value) AS value,
       coalesce(any_value(o.told), max_by(e.decision, (e.occurred, e.decision < 9223372036854775808, e.decision))) AS decision
FROM outcomes o
LEFT JOIN exposures e ON o.told IS NULL AND e.visitor = o.visitor AND e.occurred BETWEEN o.occurred - INTERVAL 24 HOUR AND o.occurred
GROUP BY o.message, o.position;

-- Touches and outcomes as `petitfour attribution` reads them: COPY (FROM touches) TO 'touches.csv';
CREATE OR REPLACE VIEW touches AS
WITH told AS (
  SELECT visitor, occurred, 'chosen' AS kind, 'site' AS channel, campaign, NULL::VARCHAR AS named, NULL::DECIMAL(18,3) AS value, true AS device
  FROM decisions WHERE campaign IS NOT NULL
  UNION ALL
  SELECT visitor, occurred, 'held_out', 'site', withheld, NULL, NULL, true FROM decisions WHERE withheld IS NOT NULL
  UNION ALL
  SELECT e.visitor, e.occurred, 'view', 'site', d.campaign, NULL, NULL, true
  FROM exposures e JOIN decisions d ON d.visitor = e.visitor AND d.decision = e.decision WHERE d.campaign IS NOT NULL
  UNION ALL
  SELECT o.visitor, o.occurred, 'click', 'site', d.campaign, NULL, NULL, true
  FROM credited_outcomes o JOIN decisions d ON d.visitor = o.visitor AND d.decision = o.decision
  WHERE o.event = :click AND d.campaign IS NOT NULL
  UNION ALL
  SELECT visitor, occurred, 'outcome', NULL, NULL, NULL, value, true FROM outcomes WHERE event <> :click
  UNION ALL
  SELECT identifier, day_at, 'view', channel, campaign, NULL, NULL, false FROM impressions
  UNION ALL
  SELECT identifier, occurred, 'click', regexp_extract(url, '[?&]utm_source=([^&]+)', 1), NULL, regexp_extract(url, '[?&]utm_campaign=([^&]+)', 1), NULL, false
  FROM (SELECT identifier, occurred, coalesce(body ->> '$.context.page.url', body ->> '$.properties.url') AS url FROM events WHERE kind = 'page') a
  WHERE regexp_matches(url, '[?&]utm_source=[^&]')
  UNION ALL
  SELECT identifier, occurred, 'click', 'mail', NULL, body ->> '$.properties.message', NULL, false FROM events WHERE name = 'mail_clicked'
)
SELECT coalesce(p.person, t.visitor) AS person, epoch_ms(t.occurred) AS time, t.kind, t.channel,
       coalesce(t.named, c.name, t.campaign::VARCHAR) AS campaign, CASE WHEN t.device THEN t.visitor END AS device, t.value
FROM told t
LEFT JOIN persons p ON p.identifier = t.visitor
LEFT JOIN names c ON c.kind = 'campaign' AND c.key = t.campaign;
";

/// The file's content.
#[must_use]
pub fn sql(address: &str, manifest: &Manifest) -> String {
    let mut out = format!(
        "-- The lake at version {}. Written anew at every publication; read it again to see what is new:\n--   .read '{}/{FILE}'\n",
        manifest.version, address
    );
    for table in [&TOMBSTONES].into_iter().chain(TABLES.iter().filter(|table| table.name != TOMBSTONES.name)) {
        // Writing into a string cannot fail.
        view(&mut out, address, manifest, table).ok();
    }
    out.push_str(&MORE.replace(":click", &Key::of(CLICK).0.to_string()));
    out
}

fn view(out: &mut String, address: &str, manifest: &Manifest, table: &Table) -> std::fmt::Result {
    write!(out, "\n-- {}.\nCREATE OR REPLACE VIEW {} AS\n", table.about, table.name)?;
    let mut parts = manifest.of(table.name).peekable();
    let days = matches!(table.growth, Growth::Log(_));
    if parts.peek().is_none() {
        let columns = table.columns.iter().map(|one| format!("NULL::{} AS {}", one.kind.duckdb(), quoted(one.name)));
        let day = days.then(|| "NULL::DATE AS day".to_owned());
        return writeln!(out, "SELECT {} WHERE false;", columns.chain(day).collect::<Vec<_>>().join(", "));
    }
    let names =
        table.columns.iter().map(|one| format!("r.{}", quoted(one.name))).chain(days.then(|| "r.day".to_owned()));
    write!(out, "SELECT {}", names.collect::<Vec<_>>().join(", "))?;
    // The day in a part's path: files of other days are not even opened.
    let hive = if days { "hive_partitioning = true, hive_types = {'day': DATE}" } else { "hive_partitioning = false" };
    let files = parts.map(|part| literal(&format!("{address}/{}", part.path))).collect::<Vec<_>>().join(",\n  ");
    match manifest.encoding {
        Encoding::Parquet => write!(out, " FROM read_parquet([\n  {files}\n], {hive}) r")?,
        Encoding::Ndjson => {
            let columns = table.columns.iter().map(|one| format!("{}: '{}'", quoted(one.name), one.kind.duckdb()));
            let columns = columns.collect::<Vec<_>>().join(", ");
            write!(
                out,
                " FROM read_json([\n  {files}\n], format = 'newline_delimited', {hive}, columns = {{{columns}}}) r"
            )?;
        }
    }
    let mut glue = "\nWHERE";
    for hidden in hidden(table) {
        write!(out, "{glue} NOT EXISTS (SELECT 1 FROM tombstones t WHERE t.id > r.through AND {hidden})")?;
        glue = "\n  AND";
    }
    out.push_str(";\n");
    Ok(())
}

/// When a tombstone hides a row.
fn hidden(table: &Table) -> Vec<String> {
    let owners = table.owners.iter().filter_map(|at| table.columns.get(*at)).map(|column| quoted(column.name));
    owners
        .map(|owner| {
            let scope = if [DECISIONS.name, CANDIDATES.name, EXPOSURES.name, OUTCOMES.name].contains(&table.name) {
                " OR (t.scope = 'measured' AND r.occurred <= t.until)"
            } else if table.name == EDGES.name {
                " OR (t.scope = 'shared' AND r.source = 'device')"
            } else if table.name == PERSONS.name {
                " OR t.scope = 'shared'"
            } else {
                ""
            };
            format!("t.uid = r.{owner} AND (t.scope = 'everything'{scope})")
        })
        .collect()
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
