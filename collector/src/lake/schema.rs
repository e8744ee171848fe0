//! Which tables the lake has, what each column means, and in which unit.
//!
//! The same list makes the files, the views, the checks of the tests and (by [`markdown`]) the tables of `docs/lake.md`. It is also
//! written into every Parquet file's key-value metadata.

use std::fmt::Write as _;

/// What a column holds, and how Parquet and DuckDB know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A JSON document.
    Json,
    /// A signed number of 64 bits.
    Int,
    /// An unsigned number of 64 bits: ids of decisions.
    Unsigned,
    /// A time in ms, UTC.
    Time,
    /// A number with a fraction.
    Real,
    /// True or false.
    Truth,
    /// An amount with three decimals, exact.
    Decimal,
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// What it is called.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What it means, with its unit.
    pub about: &'static str,
}

/// How a table grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// Rows are added and stay as they are; by day of the column at this place.
    Log(usize),
    /// All rows are written anew each time.
    State,
}

/// One table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// What it is called: a folder, and a view.
    pub name: &'static str,
    /// What a row is.
    pub about: &'static str,
    /// How it grows.
    pub growth: Growth,
    /// By which columns the rows of a part are sorted.
    pub sorted: &'static [usize],
    /// Columns with universal ids: a tombstone of any of them hides the row.
    pub owners: &'static [usize],
    /// The columns.
    pub columns: &'static [Column],
}

impl Kind {
    /// As DuckDB calls it.
    #[must_use]
    pub fn duckdb(self) -> &'static str {
        match self {
            Self::Text => "VARCHAR",
            Self::Json => "JSON",
            Self::Int => "BIGINT",
            Self::Unsigned => "UBIGINT",
            Self::Time => "TIMESTAMP WITH TIME ZONE",
            Self::Real => "DOUBLE",
            Self::Truth => "BOOLEAN",
            Self::Decimal => "DECIMAL(18,3)",
        }
    }
}

const fn column(name: &'static str, kind: Kind, about: &'static str) -> Column {
    Column { name, kind, nullable: false, about }
}

const fn absent(name: &'static str, kind: Kind, about: &'static str) -> Column {
    Column { name, kind, nullable: true, about }
}

const THROUGH: Column =
    column("through", Kind::Int, "number of the last tombstone in force when the row was read; later ones hide it");
const VISITOR: Column = column("visitor", Kind::Text, "universal id of the device's pseudonym, 32 hex digits");
const DECISION: Column = column("decision", Kind::Unsigned, "id of the decision, unique by visitor");
const MESSAGE: Column = column("message", Kind::Int, "number of the sync that brought it");
const OCCURRED: Column = column("occurred", Kind::Time, "when, by the device's clock, ms");
const RECEIVED: Column = column("received", Kind::Time, "when the collector stored it, ms");

/// What was done and said.
pub const EVENTS: Table = Table {
    name: "events",
    about: "what somebody did or said of themselves, from every source but the sync",
    growth: Growth::Log(5),
    sorted: &[1, 5],
    owners: &[1],
    columns: &[
        column("id", Kind::Int, "number of the row in the store"),
        column("identifier", Kind::Text, "universal id of the identifier that it was told of, 32 hex digits"),
        column("kind", Kind::Text, "track, identify, page, screen, group or alias"),
        column("name", Kind::Text, "what was done or looked at; empty where the kind has none"),
        column("source", Kind::Text, "name of the write key, or of the import"),
        column("occurred", Kind::Time, "when, the sender's clock corrected, ms"),
        RECEIVED,
        column("value", Kind::Decimal, "what it came to, whole units of the event's currency"),
        column("permitted", Kind::Int, "permissions as bits: 1 store, 2 personalise, 4 measure, 8 share"),
        column("message", Kind::Text, "what a repeat is known by, 32 hex digits"),
        column("body", Kind::Json, "properties, traits and context, without raw identifiers"),
        THROUGH,
    ],
};

/// What devices decided.
pub const DECISIONS: Table = Table {
    name: "decisions",
    about: "what a device chose for a placement",
    growth: Growth::Log(3),
    sorted: &[1, 3],
    owners: &[1],
    columns: &[
        MESSAGE,
        VISITOR,
        DECISION,
        OCCURRED,
        RECEIVED,
        column("placement", Kind::Int, "key of the placement"),
        absent("campaign", Kind::Int, "key of the campaign; NULL: a fallback"),
        absent("creative", Kind::Int, "key of the creative"),
        column("reason", Kind::Text, "why it ended so"),
        column("probability", Kind::Real, "probability with which it was chosen, 0 to 1"),
        absent(
            "withheld",
            Kind::Int,
            "key of the campaign that would have won, had the visitor not been in its holdout",
        ),
        THROUGH,
    ],
};

/// What chance could have chosen.
pub const CANDIDATES: Table = Table {
    name: "candidates",
    about: "a campaign that a placement which explores could have drawn, the drawn one too",
    growth: Growth::Log(3),
    sorted: &[1, 3],
    owners: &[1],
    columns: &[
        MESSAGE,
        VISITOR,
        DECISION,
        OCCURRED,
        RECEIVED,
        column("campaign", Kind::Int, "key of the campaign"),
        column("probability", Kind::Real, "probability with which the campaign is drawn, 0 to 1"),
        THROUGH,
    ],
};

/// What was really seen.
pub const EXPOSURES: Table = Table {
    name: "exposures",
    about: "a decision that was really seen: half of it for a second",
    growth: Growth::Log(3),
    sorted: &[1, 3],
    owners: &[1],
    columns: &[MESSAGE, VISITOR, DECISION, OCCURRED, RECEIVED, THROUGH],
};

/// What came of it.
pub const OUTCOMES: Table = Table {
    name: "outcomes",
    about: "what came of decisions: a click, a purchase",
    growth: Growth::Log(3),
    sorted: &[1, 3],
    owners: &[1],
    columns: &[
        MESSAGE,
        VISITOR,
        column("position", Kind::Int, "place within the sync, from 0"),
        OCCURRED,
        RECEIVED,
        column("event", Kind::Int, "key of the event"),
        column("value", Kind::Decimal, "what it came to, whole units"),
        absent(
            "told",
            Kind::Unsigned,
            "the decision that the device named; the view credited_outcomes says who is credited",
        ),
        THROUGH,
    ],
};

/// Ways by which somebody is known.
pub const IDENTIFIERS: Table = Table {
    name: "identifiers",
    about: "ways by which somebody is known",
    growth: Growth::State,
    sorted: &[0],
    owners: &[0],
    columns: &[
        column("identifier", Kind::Text, "universal id: a keyed hash, 32 hex digits"),
        column("kind", Kind::Text, "visitor, user_id, email, phone, …"),
        column("forms", Kind::Int, "bits: which normal forms of an address or a number the digest serves"),
        column("first_at", Kind::Time, "earliest time that it was told of, ms"),
        column("shared", Kind::Truth, "too many own it: it is nobody's"),
        absent(
            "digest",
            Kind::Text,
            "SHA-256 in hex (of a visitor the pseudonym); NULL unless the lake was asked for digests",
        ),
        THROUGH,
    ],
};

/// Who is who.
pub const PERSONS: Table = Table {
    name: "persons",
    about: "to which person an identifier belongs",
    growth: Growth::State,
    sorted: &[1, 0],
    owners: &[0, 1],
    columns: &[
        column("identifier", Kind::Text, "universal id of the identifier"),
        column("person", Kind::Text, "universal id that the person goes by: that of its oldest identifier"),
        THROUGH,
    ],
};

/// Why.
pub const EDGES: Table = Table {
    name: "edges",
    about: "evidence that two identifiers are one person's",
    growth: Growth::State,
    sorted: &[0, 1],
    owners: &[0, 1],
    columns: &[
        column("a", Kind::Text, "universal id of one identifier"),
        column("b", Kind::Text, "universal id of the other"),
        column("rule", Kind::Text, "by what it came: together, declared, …"),
        column("source", Kind::Text, "name of the write key, device, or of the import"),
        column("confidence", Kind::Real, "how sure, 0 to 1"),
        column("permitted", Kind::Int, "permissions as bits: 1 store, 2 personalise, 4 measure, 8 share"),
        column("first_at", Kind::Time, "when it was first told, ms"),
        RECEIVED,
        absent("withdrawn", Kind::Time, "since when it counts no more, ms"),
        THROUGH,
    ],
};

/// What others say of who is in which segment.
pub const MEMBERSHIPS: Table = Table {
    name: "memberships",
    about: "who is in which segment, as a CRM or a warehouse said",
    growth: Growth::State,
    sorted: &[0, 1],
    owners: &[0],
    columns: &[
        column("identifier", Kind::Text, "universal id of the identifier that it was said of"),
        column("segment", Kind::Int, "key of the segment"),
        column("inside", Kind::Truth, "in, or out"),
        column("as_of", Kind::Time, "as of when, ms"),
        THROUGH,
    ],
};

/// In which segments persons are.
pub const STANDINGS: Table = Table {
    name: "standings",
    about: "in which segments a person was when it was last looked",
    growth: Growth::State,
    sorted: &[0, 1],
    owners: &[0],
    columns: &[
        column("person", Kind::Text, "universal id that the person goes by"),
        column("segment", Kind::Int, "key of the segment"),
        column("inside", Kind::Truth, "in, or out"),
        column("since", Kind::Time, "since when, ms"),
        THROUGH,
    ],
};

/// What partners report.
pub const IMPRESSIONS: Table = Table {
    name: "impressions",
    about: "exposures that partners report, by day",
    growth: Growth::State,
    sorted: &[0, 2],
    owners: &[0],
    columns: &[
        column("identifier", Kind::Text, "universal id of the identifier"),
        column("campaign", Kind::Int, "key of the campaign"),
        column("day_at", Kind::Time, "the day's beginning, UTC, ms"),
        column("channel", Kind::Text, "where: tv, social, …"),
        column("source", Kind::Text, "which partner"),
        column("count", Kind::Int, "how often"),
        THROUGH,
    ],
};

/// What keys are called.
pub const NAMES: Table = Table {
    name: "names",
    about: "what the keys of campaigns, creatives, placements and events are called",
    growth: Growth::State,
    sorted: &[0, 1],
    owners: &[],
    columns: &[
        column("kind", Kind::Text, "campaign, creative, placement or event"),
        column("key", Kind::Int, "the stable 32-bit key"),
        column("name", Kind::Text, "what its author called it"),
        THROUGH,
    ],
};

/// Who was deleted.
pub const TOMBSTONES: Table = Table {
    name: "tombstones",
    about: "whose rows no view shows any more",
    growth: Growth::Log(4),
    sorted: &[0],
    owners: &[],
    columns: &[
        column("id", Kind::Int, "number of the tombstone; it hides rows whose `through` is smaller"),
        column("uid", Kind::Text, "universal id that is hidden, 32 hex digits"),
        column(
            "scope",
            Kind::Text,
            "everything; measured (decisions, candidates, exposures, outcomes); shared (what ties)",
        ),
        absent("until", Kind::Time, "of measured: until which time of the device, ms"),
        column("deleted", Kind::Time, "when it was deleted in the store, ms"),
        THROUGH,
    ],
};

/// All of them.
pub const TABLES: [Table; 13] = [
    EVENTS,
    DECISIONS,
    CANDIDATES,
    EXPOSURES,
    OUTCOMES,
    IDENTIFIERS,
    PERSONS,
    EDGES,
    MEMBERSHIPS,
    STANDINGS,
    IMPRESSIONS,
    NAMES,
    TOMBSTONES,
];

/// The table of a name.
#[must_use]
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

/// The list as `docs/lake.md` has it.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::new();
    for table in &TABLES {
        // Writing into a string cannot fail.
        write!(text, "### {}\n\n{}.\n\n| column | type | |\n|--|--|--|\n", table.name, sentence(table.about)).ok();
        for column in table.columns {
            let null = if column.nullable { ", may be NULL" } else { "" };
            writeln!(text, "| `{}` | {}{null} | {} |", column.name, column.kind.duckdb(), column.about).ok();
        }
        text.push('\n');
    }
    text
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_says_through_which_tombstone_it_was_read() {
        for table in &TABLES {
            assert_eq!(table.columns.last(), Some(&THROUGH), "{}", table.name);
            for at in table.owners.iter().chain(table.sorted) {
                assert!(table.columns.get(*at).is_some(), "{}", table.name);
            }
        }
    }

    #[test]
    fn the_document_has_the_same_columns() {
        let document = include_str!("../../../docs/lake.md");
        for part in markdown().split("\n\n").filter(|part| !part.is_empty()) {
            assert!(document.contains(part.trim()), "docs/lake.md lacks:\n{part}");
        }
    }
}
