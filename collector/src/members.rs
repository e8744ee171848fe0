//! What a CRM or a warehouse says of visitors: who is in which segment; and what a device is told of itself.
//!
//! `POST /v1/memberships` takes lines of `kind,who,segment,in|out[,as of]`; all of them or none. A device hears of its own in the
//! answer to its next sync: those of its pseudonym, of every identifier that it has sent, and of every one of the person behind it. The later word wins.
//!
//! Absent on purpose: raw identifiers (they come hashed, as a device would hash them), and any say in who is one person: the graph has that.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, body::Body, extract::State, http::Request};
use petitfour::{
    engine::Engine,
    id::Key,
    identity::Digest,
    sync::answer::{self, Elsewhere, Feed, MAX_ROWS, Member, Receipt},
};
use serde_json::json;

use crate::{
    answer::Refusal,
    event::VISITOR,
    feed,
    intake::table,
    journey, params,
    person::{
        frequency,
        segments::{self, Standing},
    },
    site::App,
    sql::{Connection, Result},
    store,
};

/// Longest body: some ten thousand lines. A larger export is sent in parts.
const BYTES: usize = 1024 * 1024;

/// Messages that an answer confirms: more than a visit leaves unconfirmed.
const RECEIPTS: u32 = 16;

/// What a line may speak of, with its namespace (`docs/identity.md`).
const KINDS: [(&str, u8); 5] = [("visitor", VISITOR), ("user_id", 1), ("email", 2), ("phone", 3), ("crm_id", 4)];

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    namespace: u8,
    who: Vec<u8>,
    segment: u32,
    inside: bool,
    /// Unix ms; absent: now.
    as_of: Option<i64>,
}

/// What a device hears beside the verdict.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Its latest messages that are stored.
    pub received: Vec<Receipt>,
    /// Its segments.
    pub members: Vec<Member>,
    /// What the person saw on other devices and at partners.
    pub elsewhere: Vec<Elsewhere>,
    /// Where the person stands in journeys.
    pub standings: Vec<answer::Standing>,
    /// Versions of the feeds.
    pub feeds: Vec<Feed>,
}

/// Stores memberships.
///
/// # Errors
/// A [`Refusal`] with its status; nothing was stored then.
pub async fn take(State(app): State<Arc<App>>, request: Request<Body>) -> Result<Json<serde_json::Value>, Refusal> {
    let text = table::text(&app.room, request, BYTES).await?;
    let rows = parse(&text).map_err(Refusal::Line)?;
    let count = rows.len();
    app.writer.run("memberships", move |graph| enrol(graph.connection, &rows, graph.received)).await?;
    Ok(Json(json!({ "stored": count })))
}

/// Reads the lines; the error is the number of the first that is none. Empty lines and those that begin with `#` are passed over.
///
/// # Errors
/// The number of a line that does not read.
pub fn parse(text: &str) -> std::result::Result<Vec<Row>, usize> {
    table::lines(text, row)
}

fn row(line: &str) -> Option<Row> {
    let mut fields = line.split(',').map(str::trim);
    let (kind, who, segment, state) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let as_of = fields.next().map(|text| text.parse().ok().filter(|ms: &i64| *ms > 0));
    let (_, namespace) = KINDS.iter().find(|(name, _)| *name == kind)?;
    let who = if *namespace == VISITOR { pseudonym(who)?.to_vec() } else { Digest::given(who)?.0.to_vec() };
    let inside = match state {
        "in" => true,
        "out" => false,
        _ => return None,
    };
    if segment.is_empty() || fields.next().is_some() || as_of == Some(None) {
        return None;
    }
    Some(Row { namespace: *namespace, who, segment: Key::of(segment).0, inside, as_of: as_of.flatten() })
}

fn pseudonym(text: &str) -> Option<[u8; 16]> {
    let plain = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    plain.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(u128::to_be_bytes)
}

/// Writes memberships; of two words the later one stays, and of two of one time "out".
pub(crate) fn enrol(connection: &Connection, rows: &[Row], now: i64) -> Result<()> {
    for Row { namespace, who, segment, inside, as_of } in rows {
        connection.execute(
            "INSERT INTO memberships (namespace, who, segment, inside, as_of) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (namespace, who, segment) DO UPDATE SET inside = excluded.inside, as_of = excluded.as_of
             WHERE (excluded.as_of, 1 - excluded.inside) > (memberships.as_of, 1 - memberships.inside)",
            params![namespace, who, segment, inside, as_of.unwrap_or(now)],
        )?;
    }
    Ok(())
}

/// What a device that goes by this pseudonym is told.
pub(crate) fn news(connection: &Connection, engine: Option<&Arc<Engine>>, visitor: &[u8; 16]) -> Result<News> {
    let received = connection.query(
        "SELECT m.replica, m.sequence FROM messages m JOIN visitors v ON v.id = m.visitor
         WHERE v.pseudonym = ?1 ORDER BY m.id DESC LIMIT ?2",
        params![visitor, RECEIPTS],
    )?;
    let received =
        received.iter().map(|row| Ok(Receipt { replica: row.get::<i64>(0)?.cast_unsigned(), sequence: row.get(1)? }));
    let received = received.collect::<Result<_>>()?;
    let mut members = BTreeMap::new();
    let told = connection.query(
        "SELECT segment, inside, as_of FROM memberships WHERE namespace = 0 AND who = ?1
         UNION ALL
         SELECT m.segment, m.inside, m.as_of FROM visitors v
         JOIN identities i ON i.visitor = v.id
         JOIN memberships m ON m.namespace = i.namespace AND m.who = i.digest
         WHERE v.pseudonym = ?1
         UNION ALL
         SELECT m.segment, m.inside, m.as_of FROM identifiers v
         JOIN identifiers i ON i.person = v.person AND i.shared = 0
         JOIN memberships m ON m.namespace = i.namespace AND m.who = i.value
         WHERE v.namespace = 0 AND v.value = ?1 AND v.shared = 0 AND i.id <> v.id
         ORDER BY 3, 2 DESC",
        params![visitor],
    )?;
    for row in told {
        let segment: u32 = row.get(0)?;
        let as_of = u64::try_from(row.get::<i64>(2)?).unwrap_or_default();
        // Later rows are later words.
        members.insert(segment, Member { segment, inside: row.get(1)?, as_of });
    }
    let now = store::now();
    for (name, until) in bought(connection, visitor, now)? {
        // Its end comes with the next answer; until then a device knows it for as long as it was told.
        let as_of = u64::try_from(now.min(until)).unwrap_or_default();
        let segment = Key::of(&name).0;
        members.insert(segment, Member { segment, inside: until > now, as_of });
    }
    for standing in own(connection, engine, visitor, now)? {
        let as_of = u64::try_from(now).unwrap_or_default();
        members.insert(standing.key(), Member { segment: standing.key(), inside: standing.inside, as_of });
    }
    let mut members: Vec<Member> = members.into_values().collect();
    members.sort_by_key(|member| std::cmp::Reverse(member.as_of));
    members.truncate(MAX_ROWS);
    let elsewhere = frequency::elsewhere(connection, visitor, now)?;
    let walks = engine.is_some_and(|engine| engine.catalog().journeys().len() > 0);
    let standings = if walks { journey::standings(connection, visitor, MAX_ROWS)? } else { Vec::new() };
    Ok(News { received, members, elsewhere, standings, feeds: feed::versions(connection)? })
}

/// Segments of second and third parties as `provider/segment`, and until when they may be used. What has ended within the last
/// month is told as ended.
fn bought(connection: &Connection, visitor: &[u8; 16], now: i64) -> Result<Vec<(String, i64)>> {
    let rows = connection.query(
        "SELECT b.provider, b.segment, max(b.until) FROM identifiers v
         JOIN identifiers i ON i.person = v.person
         JOIN bought b ON b.identifier = i.id AND b.until > ?3
         WHERE v.namespace = ?1 AND v.value = ?2 AND v.shared = 0
         GROUP BY b.provider, b.segment",
        params![VISITOR, visitor, now - 30 * frequency::DAY],
    )?;
    rows.iter().map(|row| Ok((format!("{}/{}", row.get::<String>(0)?, row.get::<String>(1)?), row.get(2)?))).collect()
}

/// In which segments the whole person is, where one is known behind the visitor.
fn own(connection: &Connection, engine: Option<&Arc<Engine>>, visitor: &[u8; 16], now: i64) -> Result<Vec<Standing>> {
    let sql = "SELECT person FROM identifiers WHERE namespace = ?1 AND value = ?2 AND shared = 0";
    match (engine, connection.scalar::<i64>(sql, params![VISITOR, visitor])?) {
        (Some(engine), Some(person)) => segments::of(connection, engine, person, now),
        _ => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn lines_name_a_visitor_or_a_digest() {
        let text = format!(
            "# from the CRM\nvisitor,000102030405060708090a0b0c0d0e0f,gold,in\n\nemail, {DIGEST} , gold, out, 1780315200000\n"
        );
        let rows = parse(&text).unwrap_or_default();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].namespace, rows[0].who.len(), rows[0].inside, rows[0].as_of), (0, 16, true, None));
        assert_eq!((rows[1].namespace, rows[1].who.len(), rows[1].inside), (2, 32, false));
        assert_eq!(rows[1].as_of, Some(1_780_315_200_000));
    }

    #[test]
    fn the_first_line_that_does_not_read_is_named() {
        for line in [
            "visitor,short,gold,in",
            "visitor,+00102030405060708090a0b0c0d0e0f,gold,in",
            "email,anna@example.com,gold,in",
            "name,Anna,gold,in",
            "email,DIGEST,gold,perhaps",
            "email,DIGEST,,in",
            "email,DIGEST,gold,in,yesterday",
            "email,DIGEST,gold,in,1,2",
            "email,DIGEST",
        ] {
            let text = format!("email,{DIGEST},gold,in\n{}", line.replace("DIGEST", DIGEST));
            assert_eq!(parse(&text), Err(2), "{line}");
        }
    }
}
