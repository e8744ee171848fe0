//! The dossier: everything that the store holds of a person, for that person to read and to take along.
//!
//! The same sections as JSON for programs and as a page for people, written while they are read: a page of rows at a time, from
//! one view of the store, so that memory is bounded however much there is. Each section says in a sentence what it is. Digests
//! are shown: they are the person's own.
//!
//! Invariant: every section asks by the person's own identifiers alone. Of somebody else at the other end of a piece of evidence no
//! id is shown.

use std::fmt::Write as _;

use petitfour::consent::Permissions;
use serde_json::{Map, Value as Json};

use super::api::called;
use crate::{
    event::Kind,
    graph::Rule,
    hex, names, params,
    sql::{Cell, Connection, Result, Row},
    store::now,
};

/// Rows that are read at once.
const PAGE: i64 = 500;

/// Bytes that are gathered before they are handed on.
const CHUNK: usize = 16 * 1024;

/// What it is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For programs.
    Json,
    /// For people.
    Html,
}

/// How a column's value is said.
#[derive(Clone, Copy, PartialEq)]
enum Show {
    Plain,
    /// Unix ms; its name ends in `_at`.
    Time,
    Hex,
    Namespace,
    Event,
    Reason,
    Rule,
    Thousandths,
    Share,
    Truth,
    Permitted,
    Body,
    Day,
}

struct Section {
    name: &'static str,
    about: &'static str,
    columns: &'static [(&'static str, Show)],
    /// `?1`: the number at which the person goes; `?2` and `?3`: how many rows, after how many.
    sql: &'static str,
}

/// Where a person's devices are found.
macro_rules! of_devices {
    ($columns:literal, $from:literal, $order:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM identifiers i JOIN visitors v ON v.pseudonym = i.value ",
            $from,
            " WHERE i.person = ?1 AND i.namespace = 0 ORDER BY ",
            $order,
            " LIMIT ?2 OFFSET ?3"
        )
    };
}

const SECTIONS: [Section; 23] = [
    Section {
        name: "Identifiers",
        about: "Ways by which you are known here. A digest can be compared with that of your address; nobody reads the address from it.",
        columns: &[
            ("id", Show::Hex),
            ("kind", Show::Namespace),
            ("digest", Show::Hex),
            ("first_at", Show::Time),
            ("shared_by_many", Show::Truth),
        ],
        sql: "SELECT uid, namespace, value, first_at, shared FROM identifiers WHERE person = ?1 ORDER BY id LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Evidence",
        about: "Why these identifiers are taken to be one person's.",
        columns: &[
            ("from", Show::Hex),
            ("to", Show::Hex),
            ("to_kind", Show::Namespace),
            ("rule", Show::Rule),
            ("source", Show::Plain),
            ("confidence", Show::Thousandths),
            ("permitted", Show::Permitted),
            ("first_at", Show::Time),
            ("withdrawn_at", Show::Time),
        ],
        sql: "SELECT m.uid, CASE WHEN o.person = ?1 OR o.shared = 1 THEN o.uid END, o.namespace, e.rule, e.source,
                     e.confidence, e.permitted, e.first_at, e.withdrawn
              FROM identifiers m JOIN edges e ON e.a = m.id JOIN identifiers o ON o.id = e.b WHERE m.person = ?1
              UNION ALL
              SELECT m.uid, CASE WHEN o.shared = 1 THEN o.uid END, o.namespace, e.rule, e.source,
                     e.confidence, e.permitted, e.first_at, e.withdrawn
              FROM identifiers m JOIN edges e ON e.b = m.id JOIN identifiers o ON o.id = e.a
              WHERE m.person = ?1 AND o.person <> ?1
              ORDER BY 8, 1, 2, 4, 5 LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Addresses",
        about: "Where you can be reached.",
        columns: &[("channel", Show::Plain), ("address", Show::Plain), ("told_at", Show::Time)],
        sql: "SELECT c.channel, c.address, c.at FROM identifiers i JOIN contacts c ON c.identifier = i.id
              WHERE i.person = ?1 ORDER BY c.at, c.channel, c.address LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Events",
        about: "What you did, as shops, apps and tills told it.",
        columns: &[
            ("at", Show::Time),
            ("kind", Show::Event),
            ("name", Show::Plain),
            ("source", Show::Plain),
            ("of", Show::Namespace),
            ("value", Show::Thousandths),
            ("permitted", Show::Permitted),
            ("received_at", Show::Time),
            ("body", Show::Body),
        ],
        sql: "SELECT e.at, e.kind, e.name, e.source, i.namespace, e.value, e.permitted, e.received, e.body
              FROM identifiers i JOIN events e ON e.identifier = i.id
              WHERE i.person = ?1 ORDER BY e.at, e.id LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Decisions",
        about: "What was chosen for you on your devices, and why.",
        columns: &[
            ("at", Show::Time),
            ("placement", Show::Plain),
            ("campaign", Show::Plain),
            ("creative", Show::Plain),
            ("reason", Show::Reason),
            ("probability", Show::Share),
            ("withheld", Show::Plain),
        ],
        sql: of_devices!(
            "d.at, p.name, c.name, r.name, d.reason, d.probability, w.name",
            "JOIN decisions d ON d.visitor = v.id
             LEFT JOIN names p ON p.kind = 'placement' AND p.key = d.placement
             LEFT JOIN names c ON c.kind = 'campaign' AND c.key = d.campaign
             LEFT JOIN names r ON r.kind = 'creative' AND r.key = d.creative
             LEFT JOIN names w ON w.kind = 'campaign' AND w.key = d.withheld",
            "d.at, d.visitor, d.decision"
        ),
    },
    Section {
        name: "Candidates",
        about: "What chance could have chosen for you there, and with which probability.",
        columns: &[
            ("at", Show::Time),
            ("placement", Show::Plain),
            ("campaign", Show::Plain),
            ("probability", Show::Share),
        ],
        sql: of_devices!(
            "k.at, p.name, c.name, k.probability",
            "JOIN candidates k ON k.visitor = v.id
             LEFT JOIN decisions d ON d.visitor = k.visitor AND d.decision = k.decision
             LEFT JOIN names p ON p.kind = 'placement' AND p.key = d.placement
             LEFT JOIN names c ON c.kind = 'campaign' AND c.key = k.campaign",
            "k.at, k.visitor, k.decision, k.campaign"
        ),
    },
    Section {
        name: "Exposures",
        about: "Which of those were really seen.",
        columns: &[("at", Show::Time), ("campaign", Show::Plain)],
        sql: of_devices!(
            "x.at, c.name",
            "JOIN exposures x ON x.visitor = v.id
             LEFT JOIN decisions d ON d.visitor = x.visitor AND d.decision = x.decision
             LEFT JOIN names c ON c.kind = 'campaign' AND c.key = d.campaign",
            "x.at, x.visitor, x.decision"
        ),
    },
    Section {
        name: "Outcomes",
        about: "What came of them, as your devices told it.",
        columns: &[("at", Show::Time), ("event", Show::Plain), ("value", Show::Thousandths), ("campaign", Show::Plain)],
        sql: of_devices!(
            "o.at, n.name, o.value, c.name",
            "JOIN outcomes o ON o.visitor = v.id
             LEFT JOIN decisions d ON d.visitor = o.visitor AND d.decision = o.decision
             LEFT JOIN names n ON n.kind = 'event' AND n.key = o.event
             LEFT JOIN names c ON c.kind = 'campaign' AND c.key = d.campaign",
            "o.at, o.visitor, o.message, o.position"
        ),
    },
    Section {
        name: "Devices",
        about: "Browsers and apps of yours that send here.",
        columns: &[("pseudonym", Show::Hex), ("first_at", Show::Time), ("last_at", Show::Time)],
        sql: of_devices!("v.pseudonym, v.first_received, v.last_received", "", "v.id"),
    },
    Section {
        name: "Messages",
        about: "Their messages: what arrived when.",
        columns: &[
            ("received_at", Show::Time),
            ("began_at", Show::Time),
            ("sequence", Show::Plain),
            ("entries", Show::Plain),
            ("bytes", Show::Plain),
        ],
        sql: of_devices!(
            "m.received, m.began, m.sequence, m.entries, m.bytes",
            "JOIN messages m ON m.visitor = v.id",
            "m.id"
        ),
    },
    Section {
        name: "Identifiers from devices",
        about: "Digests that your devices sent.",
        columns: &[("kind", Show::Namespace), ("digest", Show::Hex), ("received_at", Show::Time)],
        sql: of_devices!(
            "d.namespace, d.digest, d.first_received",
            "JOIN identities d ON d.visitor = v.id",
            "d.first_received, d.namespace, d.digest"
        ),
    },
    Section {
        name: "Segments",
        about: "Groups in which you are, or are not, by what is stored here.",
        columns: &[("segment", Show::Plain), ("inside", Show::Truth), ("since_at", Show::Time)],
        sql: "SELECT coalesce(n.name, '#' || CAST(s.segment AS TEXT)), s.inside, s.since FROM standings s
              LEFT JOIN names n ON n.kind = 'campaign' AND n.key = s.segment
              WHERE s.person = ?1 ORDER BY s.segment LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Segments from elsewhere",
        about: "Groups in which others said that you are, or are not.",
        columns: &[("segment", Show::Plain), ("of", Show::Namespace), ("inside", Show::Truth), ("as_of_at", Show::Time)],
        sql: "SELECT coalesce(n.name, '#' || CAST(m.segment AS TEXT)), m.namespace, m.inside, m.as_of FROM identifiers i
              JOIN memberships m ON m.namespace = i.namespace AND m.who = i.value
              LEFT JOIN names n ON n.kind = 'campaign' AND n.key = m.segment
              WHERE i.person = ?1 ORDER BY m.namespace, m.who, m.segment LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Seen at partners",
        about: "How often partners say that you saw a campaign.",
        columns: &[
            ("day", Show::Day),
            ("campaign", Show::Plain),
            ("channel", Show::Plain),
            ("source", Show::Plain),
            ("count", Show::Plain),
        ],
        sql: "SELECT m.day, coalesce(n.name, '#' || CAST(m.campaign AS TEXT)), m.channel, m.source, m.count FROM identifiers i
              JOIN impressions m ON m.identifier = i.id
              LEFT JOIN names n ON n.kind = 'campaign' AND n.key = m.campaign
              WHERE i.person = ?1 ORDER BY m.day, m.identifier, m.campaign, m.channel, m.source LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Ids at partners",
        about: "Under which ids partners know you.",
        columns: &[("of", Show::Namespace), ("source", Show::Plain), ("id", Show::Plain)],
        sql: "SELECT i.namespace, p.source, p.id FROM identifiers i JOIN partner_ids p ON p.identifier = i.id
              WHERE i.person = ?1 ORDER BY p.source, p.id LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Bought segments",
        about: "Groups in which companies that sell such lists say that you are.",
        columns: &[
            ("provider", Show::Plain),
            ("taxonomy", Show::Plain),
            ("segment", Show::Plain),
            ("until_at", Show::Time),
        ],
        sql: "SELECT b.provider, b.taxonomy, b.segment, b.until FROM identifiers i JOIN bought b ON b.identifier = i.id
              WHERE i.person = ?1 ORDER BY b.provider, b.taxonomy, b.segment, b.identifier LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Records found alike",
        about: "Imported records that may be yours, how likely, and what each column says.",
        columns: &[
            ("of", Show::Namespace),
            ("source", Show::Plain),
            ("probability", Show::Plain),
            ("evidence", Show::Body),
            ("at", Show::Time),
            ("tied_at", Show::Time),
        ],
        sql: "SELECT i.namespace, p.source, p.probability, p.evidence, p.at, p.tied
              FROM identifiers i JOIN proposals p ON p.a = i.id WHERE i.person = ?1
              UNION ALL
              SELECT i.namespace, p.source, p.probability, p.evidence, p.at, p.tied
              FROM identifiers i JOIN proposals p ON p.b = i.id JOIN identifiers o ON o.id = p.a
              WHERE i.person = ?1 AND o.person <> ?1
              ORDER BY 5, 2, 3, 4 LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Profile",
        about: "What is remembered of all that together: counters and traits, in the engine's own format.",
        columns: &[("bytes", Show::Hex), ("at", Show::Time)],
        sql: "SELECT bytes, at FROM profiles WHERE person = ?1 LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Hours",
        about: "In which hours of your day you were there: on how many days, and what you did then, of your latest thousand events.",
        columns: &[("hour", Show::Plain), ("presences", Show::Plain), ("events", Show::Plain)],
        sql: "SELECT hour, presences, events FROM hours WHERE person = ?1 ORDER BY hour LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Waiting to be handed over",
        about: "What is to be sent to others or to you.",
        columns: &[("to", Show::Plain), ("kind", Show::Plain), ("at", Show::Time), ("body", Show::Body)],
        sql: "SELECT o.destination, o.kind, o.at, o.body FROM identifiers i JOIN outbox o ON o.person = lower(hex(i.uid))
              WHERE i.person = ?1 ORDER BY o.at, o.destination, o.id LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Journeys",
        about: "Where you stand in what is sent and shown step by step.",
        columns: &[("journey", Show::Plain), ("step", Show::Plain), ("since", Show::Time)],
        sql: "SELECT coalesce(n.name, ''), CASE j.step WHEN 0 THEN 'done' WHEN 1 THEN 'reached' WHEN 2 THEN 'left'
                WHEN 4 THEN 'done' WHEN 5 THEN 'reached' WHEN 6 THEN 'left' ELSE coalesce(s.name, '') END, j.since
              FROM identifiers i JOIN journeys j ON j.identifier = i.id
              LEFT JOIN names n ON n.kind = 'journey' AND n.key = j.journey
              LEFT JOIN names s ON s.kind = 'step' AND s.key = j.step
              WHERE i.person = ?1 ORDER BY j.since, j.identifier, j.journey LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Messages",
        about: "What was sent to you for them, or why not.",
        columns: &[("at", Show::Time), ("channel", Show::Plain), ("message", Show::Plain), ("not_because", Show::Plain)],
        sql: "SELECT m.at, m.channel, m.message, m.reason FROM identifiers i JOIN sendings m ON m.identifier = i.id
              WHERE i.person = ?1 ORDER BY m.at, m.identifier, m.journey LIMIT ?2 OFFSET ?3",
    },
    Section {
        name: "Handed over",
        about: "What was sent to others or to you.",
        columns: &[("to", Show::Plain), ("kind", Show::Plain), ("at", Show::Time)],
        sql: "SELECT o.destination, o.kind, o.at FROM identifiers i JOIN delivery_log o ON o.person = lower(hex(i.uid))
              WHERE i.person = ?1 ORDER BY o.at, o.destination, o.id LIMIT ?2 OFFSET ?3",
    },
];

/// Writes everything of the person that goes at this number; `emit` takes the text as it comes, and says whether there
/// is still somebody who reads.
///
/// # Errors
/// Any error of the store; what was emitted is then to be taken as broken off.
pub fn write(
    connection: &Connection,
    uid: &[u8; 16],
    root: i64,
    format: Format,
    emit: &mut dyn FnMut(String) -> bool,
) -> Result<()> {
    let view = connection.read()?;
    let mut out = String::with_capacity(CHUNK * 2);
    head(&mut out, format, uid);
    for (at, section) in SECTIONS.iter().enumerate() {
        section.begin(&mut out, format, at == 0);
        let mut done = 0;
        loop {
            let rows = section.read(&view, root, done)?;
            for row in &rows {
                section.row(&mut out, format, row, done == 0);
                done += 1;
                if out.len() >= CHUNK && !emit(std::mem::take(&mut out)) {
                    return Ok(());
                }
            }
            if (rows.len() as i64) < PAGE {
                break;
            }
        }
        section.end(&mut out, format, done == 0);
    }
    out.push_str(match format {
        Format::Json => "]}\n",
        Format::Html => "</main></body></html>\n",
    });
    emit(out);
    Ok(())
}

fn head(out: &mut String, format: Format, uid: &[u8; 16]) {
    let (who, made) = (hex::write(uid), now());
    // Writing into a string cannot fail.
    match format {
        Format::Json => write!(out, r#"{{"person":"{who}","made_at":{made},"sections":["#).ok(),
        Format::Html => write!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n<title>Your data</title>\n\
             <link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"/collector/style.css\">\n</head>\n<body>\n\
             <header>\n<h1>Your data</h1>\n<p class=\"quiet\">Known here as {who}. Written {}.</p>\n</header>\n<main>\n",
            time(made)
        )
        .ok(),
    };
}

impl Section {
    fn read(&self, connection: &Connection, root: i64, after: i64) -> Result<Vec<Row>> {
        let hex = match connection.dialect() {
            crate::sql::Dialect::Sqlite => "lower(hex(i.uid))",
            crate::sql::Dialect::Postgres => "encode(i.uid, 'hex')",
        };
        connection.query(&self.sql.replace("lower(hex(i.uid))", hex), params![root, PAGE, after])
    }

    fn begin(&self, out: &mut String, format: Format, first: bool) {
        match format {
            Format::Json => {
                let comma = if first { "" } else { "," };
                let (name, about) = (Json::from(self.name), Json::from(self.about));
                write!(out, r#"{comma}{{"name":{name},"about":{about},"rows":["#).ok();
            }
            Format::Html => {
                write!(out, "<section>\n<h2>{}</h2>\n<p>{}</p>\n", escaped(self.name), escaped(self.about)).ok();
            }
        }
    }

    fn row(&self, out: &mut String, format: Format, row: &Row, first: bool) {
        let said = self.columns.iter().zip(row.cells()).map(|((name, show), cell)| (*name, *show, say(*show, cell)));
        match format {
            Format::Json => {
                let object: Map<String, Json> = said.map(|(name, _, value)| (name.to_owned(), value)).collect();
                let comma = if first { "" } else { "," };
                write!(out, "{comma}{}", Json::Object(object)).ok();
            }
            Format::Html => {
                if first {
                    out.push_str("<div class=\"wide\"><table>\n<thead><tr>");
                    for (name, _) in self.columns {
                        let title = name.strip_suffix("_at").unwrap_or(name).replace('_', " ");
                        write!(out, "<th scope=\"col\">{}</th>", escaped(&title)).ok();
                    }
                    out.push_str("</tr></thead>\n<tbody>\n");
                }
                out.push_str("<tr>");
                for (_, show, value) in said {
                    let text = match value {
                        Json::Null => String::new(),
                        Json::String(text) => text,
                        Json::Number(number) if show == Show::Time => {
                            number.as_i64().map_or_else(|| number.to_string(), time)
                        }
                        other => other.to_string(),
                    };
                    write!(out, "<td>{}</td>", escaped(&text)).ok();
                }
                out.push_str("</tr>\n");
            }
        }
    }

    fn end(&self, out: &mut String, format: Format, empty: bool) {
        out.push_str(match (format, empty) {
            (Format::Json, _) => "]}",
            (Format::Html, true) => "<p class=\"quiet\">Nothing.</p>\n</section>\n",
            (Format::Html, false) => "</tbody>\n</table></div>\n</section>\n",
        });
    }
}

fn say(show: Show, cell: &Cell) -> Json {
    match (show, cell) {
        (_, Cell::Null) => Json::Null,
        (Show::Hex, Cell::Bytes(bytes)) => hex::write(bytes).into(),
        (Show::Namespace, Cell::Int(number)) => u8::try_from(*number).map_or("unknown", called).into(),
        (Show::Event, Cell::Int(number)) => {
            u8::try_from(*number).ok().and_then(Kind::of).map_or("event", Kind::text).into()
        }
        (Show::Reason, Cell::Int(code)) => names::reason(*code).into(),
        (Show::Rule, Cell::Int(number)) => {
            u8::try_from(*number).ok().and_then(Rule::of).map_or("unknown", Rule::text).into()
        }
        (Show::Thousandths, Cell::Int(number)) => (*number as f64 / 1_000.0).into(),
        (Show::Share, Cell::Int(number)) => (*number as f64 / f64::from(u16::MAX)).into(),
        (Show::Truth, Cell::Int(number)) => (*number != 0).into(),
        (Show::Permitted, Cell::Int(bits)) => permitted(*bits).into(),
        (Show::Day, Cell::Int(day)) => {
            let ms = day.saturating_mul(super::frequency::DAY);
            jiff::Timestamp::from_millisecond(ms)
                .map_or_else(|_| day.to_string(), |time| time.strftime("%Y-%m-%d").to_string())
                .into()
        }
        (Show::Body, Cell::Text(text)) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
        (_, Cell::Int(number)) => (*number).into(),
        (_, Cell::Real(number)) => (*number).into(),
        (_, Cell::Text(text)) => text.as_str().into(),
        (_, Cell::Bytes(bytes)) => hex::write(bytes).into(),
    }
}

fn permitted(bits: i64) -> String {
    let permissions = Permissions::from_bits(u8::try_from(bits).unwrap_or_default());
    let named = [
        (permissions.store(), "store"),
        (permissions.measure(), "measure"),
        (permissions.personalise(), "personalise"),
        (permissions.share(), "share"),
    ];
    named.iter().filter(|(open, _)| *open).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| ms.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// What others wrote is text, never markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
