//! The evidence around a person as a picture: identifiers by kind, what ties them, and the path between two.
//!
//! Columns run from the strongest kinds to the weakest. A line is evidence between two identifiers, coloured by its rule; one that
//! counts no more is broken. What too many own stands with a dashed edge: it ties nobody.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use crate::{
    graph::{Policy, Rule, Step},
    hex, params,
    person::api,
    sql::{Connection, Result},
};

/// Identifiers that are drawn.
const DRAWN: usize = 60;

/// Pieces of evidence that are read.
const READ: i64 = 400;

/// Columns: ranks up to this, and what they are called.
const COLUMNS: [(u8, &str); 4] =
    [(1, "Accounts"), (4, "Addresses and cards"), (6, "Partners and clicks"), (u8::MAX, "Browsers and devices")];

const WIDTH: f64 = 240.0;
const STEP: f64 = 52.0;
const TOP: f64 = 72.0;

/// How far a line leads around each column that it passes.
const AROUND: f64 = 44.0;

/// An identifier in the picture.
#[derive(Debug, Clone)]
pub struct Spot {
    /// Its number.
    pub id: i64,
    /// Its universal id.
    pub uid: String,
    /// Its kind.
    pub namespace: u8,
    /// Too many own it.
    pub shared: bool,
    /// It is one of this person's.
    pub own: bool,
}

/// Whether a piece of evidence counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does.
    Counts,
    /// It was withdrawn.
    Withdrawn,
    /// The pair was parted.
    Cut,
}

/// A piece of evidence in the picture.
#[derive(Debug, Clone)]
pub struct Tie {
    /// One end.
    pub a: i64,
    /// The other.
    pub b: i64,
    /// By what it came.
    pub rule: Rule,
    /// Where from.
    pub source: String,
    /// Of 1,000.
    pub confidence: u16,
    /// When it was said first.
    pub at: i64,
    /// Does it count?
    pub state: State,
}

/// Everything around a person.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Identifiers by number.
    pub spots: BTreeMap<i64, Spot>,
    /// What ties them, and what did.
    pub ties: Vec<Tie>,
}

impl Spot {
    /// What people call it: its kind and the beginning of its id.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} {}", api::called(self.namespace).replace('_', " "), self.short())
    }

    fn short(&self) -> String {
        self.uid.chars().take(6).collect()
    }
}

/// The evidence at every identifier of a person.
///
/// # Errors
/// Any error of the store.
pub fn read(connection: &Connection, root: i64) -> Result<Evidence> {
    let rows = connection.query(
        "SELECT e.a, e.b, e.rule, e.source, e.confidence, e.first_at, e.withdrawn, c.at
         FROM identifiers m JOIN edges e ON e.a = m.id OR e.b = m.id
         LEFT JOIN cuts c ON c.a = e.a AND c.b = e.b
         WHERE m.person = ?1 ORDER BY e.first_at, e.a, e.b, e.rule LIMIT ?2",
        params![root, READ],
    )?;
    let mut found = Evidence::default();
    for row in connection.query("SELECT id FROM identifiers WHERE person = ?1", params![root])? {
        found.spot(connection, row.get(0)?, root)?;
    }
    for row in rows {
        let (withdrawn, cut): (Option<i64>, Option<i64>) = (row.get(6)?, row.get(7)?);
        let state = match (cut, withdrawn) {
            (Some(_), _) => State::Cut,
            (None, Some(_)) => State::Withdrawn,
            (None, None) => State::Counts,
        };
        let (a, b, rule): (i64, i64, u8) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let Some(rule) = Rule::of(rule) else { continue };
        // Evidence between two of a person's own is found at both.
        let source: String = row.get(3)?;
        if found.ties.iter().any(|tie| (tie.a, tie.b, tie.rule, &tie.source) == (a, b, rule, &source)) {
            continue;
        }
        found.spot(connection, a, root)?;
        found.spot(connection, b, root)?;
        found.ties.push(Tie { a, b, rule, source, confidence: row.get(4)?, at: row.get(5)?, state });
    }
    Ok(found)
}

impl Evidence {
    fn spot(&mut self, connection: &Connection, id: i64, root: i64) -> Result<()> {
        if self.spots.contains_key(&id) {
            return Ok(());
        }
        let sql = "SELECT uid, namespace, shared, person FROM identifiers WHERE id = ?1";
        if let Some(row) = connection.first(sql, params![id])? {
            let own = row.get::<i64>(3)? == root;
            let uid = hex::write(&row.get::<[u8; 16]>(0)?);
            self.spots.insert(id, Spot { id, uid, namespace: row.get(1)?, shared: row.get(2)?, own });
        }
        Ok(())
    }

    /// What an identifier is called.
    #[must_use]
    pub fn label(&self, id: i64) -> String {
        self.spots.get(&id).map_or_else(|| "?".to_owned(), Spot::label)
    }

    /// Draws it; the steps of a path are drawn over everything, with their numbers.
    pub fn draw(&self, out: &mut String, policy: &Policy, path: &[Step]) -> fmt::Result {
        let columns = self.columns(policy, path);
        let mut places: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
        let most = columns.iter().map(|(_, spots)| spots.len()).max().unwrap_or(1);
        let high = TOP + most as f64 * STEP + 16.0;
        for (at, (_, spots)) in columns.iter().enumerate() {
            // A short column stands in the middle of the tall one.
            let first = TOP + (most - spots.len()) as f64 * STEP / 2.0 + STEP / 3.0;
            for (nth, spot) in spots.iter().enumerate() {
                places.insert(spot.id, (24.0 + at as f64 * WIDTH, first + nth as f64 * STEP));
            }
        }
        let middle = f64::midpoint(TOP, high);
        let wide = columns.len().max(1) as f64 * WIDTH;
        write!(
            out,
            r#"<div class="wide"><svg class="graph" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img" aria-label="{} identifiers and {} pieces of evidence between them; the table below says the same">"#,
            self.spots.len(),
            self.ties.len()
        )?;
        for (at, (name, _)) in columns.iter().enumerate() {
            write!(out, r#"<text class="column" x="{}" y="24">{name}</text>"#, 14.0 + at as f64 * WIDTH)?;
        }
        let mut drawn: Vec<(i64, i64)> = Vec::new();
        for tie in &self.ties {
            // Several pieces between the same two are one line, of the first that counts.
            let same = self.ties.iter().filter(|other| (other.a, other.b) == (tie.a, tie.b));
            let shown = same.clone().find(|other| other.state == State::Counts).unwrap_or(tie);
            if drawn.contains(&(tie.a, tie.b)) {
                continue;
            }
            drawn.push((tie.a, tie.b));
            let off = if shown.state == State::Counts { "" } else { " off" };
            if let (Some(one), Some(two)) = (places.get(&tie.a), places.get(&tie.b)) {
                Line::between(*one, *two, middle).draw(out, &format!("tie {}{off}", class(shown.rule)))?;
            }
        }
        let steps = path.iter().filter_map(|step| Some((*places.get(&step.from)?, *places.get(&step.to)?)));
        let steps: Vec<Line> = steps.map(|(one, two)| Line::between(one, two, middle)).collect();
        for step in &steps {
            step.draw(out, "tie path")?;
        }
        let on: Vec<i64> = path.iter().flat_map(|step| [step.from, step.to]).collect();
        for (_, spots) in &columns {
            for spot in spots {
                let Some((x, y)) = places.get(&spot.id) else { continue };
                let mut class = if spot.own { "spot".to_owned() } else { "spot other".to_owned() };
                if spot.shared {
                    class.push_str(" shared");
                }
                if on.contains(&spot.id) {
                    class.push_str(" on");
                }
                let note = if spot.shared { " · shared" } else { "" };
                write!(
                    out,
                    r#"<g class="{class}"><circle cx="{x}" cy="{y}" r="9"/><text x="{}" y="{}">{}</text><text class="id" x="{}" y="{}">{}{note}</text></g>"#,
                    x + 17.0,
                    y - 1.0,
                    api::called(spot.namespace).replace('_', " "),
                    x + 17.0,
                    y + 14.0,
                    spot.short(),
                )?;
            }
        }
        for (step, number) in steps.iter().zip(1..) {
            step.number(out, number)?;
        }
        out.push_str("</svg></div>\n");
        let hidden = self.spots.len().saturating_sub(places.len());
        if hidden > 0 {
            writeln!(out, "<p class=\"quiet\">{hidden} more identifiers are not drawn.</p>")?;
        }
        out.push_str("<p class=\"legend\">");
        for rule in [Rule::Declared, Rule::Together, Rule::Row, Rule::Table, Rule::Matched] {
            if self.ties.iter().any(|tie| tie.rule == rule) {
                write!(out, "<span class=\"key {}\"></span>{} ", class(rule), rule.text())?;
            }
        }
        out.push_str("<span class=\"key way\"></span>the path</p>\n");
        Ok(())
    }

    fn columns(&self, policy: &Policy, path: &[Step]) -> Vec<(&'static str, Vec<&Spot>)> {
        let on: Vec<i64> = path.iter().flat_map(|step| [step.from, step.to]).collect();
        let mut columns: Vec<(&str, Vec<&Spot>)> = COLUMNS.iter().map(|(_, name)| (*name, Vec::new())).collect();
        // What is on the path is drawn in any case.
        let mut spots: Vec<&Spot> = self.spots.values().collect();
        spots.sort_by_key(|spot| (!on.contains(&spot.id), !spot.own, policy.kind(spot.namespace).rank, spot.id));
        spots.truncate(DRAWN);
        spots.sort_by_key(|spot| (policy.kind(spot.namespace).rank, spot.namespace, !spot.own, spot.id));
        for spot in spots {
            // Clicks are the weakest, and stand with the partners that they lead to.
            let rank = match policy.kind(spot.namespace).rank {
                9.. => 6,
                rank => rank,
            };
            let at = COLUMNS.iter().position(|(most, _)| rank <= *most).unwrap_or_default();
            if let Some((_, column)) = columns.get_mut(at) {
                column.push(spot);
            }
        }
        columns.retain(|(_, spots)| !spots.is_empty());
        columns
    }
}

/// A line between two identifiers: level where it leaves a column, a bow within one, and around what stands between them.
struct Line {
    from: (f64, f64),
    one: (f64, f64),
    two: (f64, f64),
    to: (f64, f64),
}

impl Line {
    fn between(one: (f64, f64), two: (f64, f64), middle: f64) -> Self {
        let ((x, y), (u, v)) = if one.0 <= two.0 { (one, two) } else { (two, one) };
        if (u - x).abs() < 1.0 {
            return Self { from: (x, y), one: (x - 56.0, y), two: (u - 56.0, v), to: (u, v) };
        }
        let between = ((u - x) / WIDTH).round() - 1.0;
        let away = if f64::midpoint(y, v) <= middle { -AROUND } else { AROUND } * between;
        let bow = (u - x) * 0.45;
        Self { from: (x, y), one: (x + bow, y + away), two: (u - bow, v + away), to: (u, v) }
    }

    fn draw(&self, out: &mut String, class: &str) -> fmt::Result {
        let Self { from, one, two, to } = self;
        write!(
            out,
            r#"<path class="{class}" d="M{:.1} {:.1}C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}"/>"#,
            from.0, from.1, one.0, one.1, two.0, two.1, to.0, to.1
        )
    }

    /// A number in its middle.
    fn number(&self, out: &mut String, number: usize) -> fmt::Result {
        let middle = |from: f64, one: f64, two: f64, to: f64| (from + 3.0 * (one + two) + to) / 8.0;
        let x = middle(self.from.0, self.one.0, self.two.0, self.to.0);
        let y = middle(self.from.1, self.one.1, self.two.1, self.to.1);
        write!(
            out,
            r#"<circle class="badge" cx="{x:.1}" cy="{y:.1}" r="9"/><text class="number" x="{x:.1}" y="{:.1}">{number}</text>"#,
            y + 4.0
        )
    }
}

/// The class of a rule.
fn class(rule: Rule) -> &'static str {
    match rule {
        Rule::Declared => "declared",
        Rule::Together => "together",
        Rule::Row => "row",
        Rule::Table => "match",
        Rule::Matched => "alike",
    }
}
