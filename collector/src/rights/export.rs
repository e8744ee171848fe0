//! Export: everything that is known of a person, for that person to read and to take along.
//!
//! The same sections three ways: JSON for programs, HTML and text for people. Each section says in a sentence what it is
//! and why it is kept; a table of columns follows. Pages need no script, no style from elsewhere and no network.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::destination::rfc3339;

/// What a person is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// The person's stable id.
    pub person: String,
    /// When it was made, in Unix ms.
    pub made: i64,
    /// Everything, by kind.
    pub sections: Vec<Section>,
}

/// One kind of data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// What it is called.
    pub name: String,
    /// What it is, and why it is kept: a sentence.
    pub about: String,
    /// The rows; names that end in `_at` are Unix ms and shown as times.
    pub rows: Vec<Map<String, Value>>,
}

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1b1f}\
    table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{border-bottom:1px solid #ddd;padding:.3rem .6rem;\
    text-align:left;vertical-align:top;overflow-wrap:anywhere}th{border-bottom:2px solid #888}h2{margin-top:2.5rem}";

impl Export {
    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// As a page of its own.
    #[must_use]
    pub fn html(&self) -> String {
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\"><title>Your data</title>\
             <style>{STYLE}</style></head><body>\n<h1>Your data</h1>\n<p>Known here as <code>{}</code>. Written {}.</p>\n",
            escaped(&self.person),
            escaped(&time(self.made)),
        );
        for section in &self.sections {
            write!(page, "<h2>{}</h2>\n<p>{}</p>\n", escaped(&section.name), escaped(&section.about)).ok();
            let columns = section.columns();
            if section.rows.is_empty() {
                page.push_str("<p>Nothing.</p>\n");
                continue;
            }
            page.push_str("<table><thead><tr>");
            for column in &columns {
                write!(page, "<th>{}</th>", escaped(&title(column))).ok();
            }
            page.push_str("</tr></thead><tbody>\n");
            for row in &section.rows {
                page.push_str("<tr>");
                for column in &columns {
                    write!(page, "<td>{}</td>", escaped(&shown(column, row))).ok();
                }
                page.push_str("</tr>\n");
            }
            page.push_str("</tbody></table>\n");
        }
        page.push_str("</body></html>\n");
        page
    }

    /// As plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("Your data\n\nKnown here as {}. Written {}.\n", self.person, time(self.made));
        for section in &self.sections {
            write!(text, "\n{}\n{}\n{}\n", section.name, "-".repeat(section.name.chars().count()), section.about).ok();
            if section.rows.is_empty() {
                text.push_str("Nothing.\n");
            }
            for row in &section.rows {
                text.push('\n');
                for column in section.columns().iter().filter(|column| row.contains_key(**column)) {
                    let value = crate::destination::template::one_line(&shown(column, row));
                    writeln!(text, "  {}: {value}", title(column)).ok();
                }
            }
        }
        text
    }
}

impl Section {
    /// Every column that any row has, in the order in which they first come.
    fn columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = Vec::new();
        for name in self.rows.iter().flat_map(Map::keys) {
            if !columns.contains(&name.as_str()) {
                columns.push(name);
            }
        }
        columns
    }
}

fn time(ms: i64) -> String {
    rfc3339(ms).unwrap_or_else(|| ms.to_string())
}

fn title(column: &str) -> String {
    column.strip_suffix("_at").unwrap_or(column).replace('_', " ")
}

fn shown(column: &str, row: &Map<String, Value>) -> String {
    match row.get(column) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if column.ends_with("_at") || column == "at" => {
            number.as_i64().map_or_else(|| number.to_string(), time)
        }
        Some(other) => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn export() -> Export {
        let rows =
            [json!({ "seen_at": 1_780_315_200_000_i64, "page": "<script>alert(1)</script>" }), json!({ "more": [1] })];
        let rows = rows.iter().map(|row| row.as_object().unwrap().clone()).collect();
        let section =
            Section { name: "Visits".into(), about: "What you looked at, to remember it for you.".into(), rows };
        let empty = Section { name: "Mail".into(), about: "What was sent.".into(), rows: Vec::new() };
        Export { person: "p-1".into(), made: 0, sections: vec![section, empty] }
    }

    #[test]
    fn a_page_shows_every_value_as_text_and_times_as_times() {
        let page = export().html();
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
        assert!(
            page.contains("<th>seen</th>") && page.contains("2026-06-01T12:00:00Z") && page.contains("<p>Nothing.</p>")
        );
    }

    #[test]
    fn text_and_json_say_the_same() {
        let export = export();
        assert!(export.text().contains("  seen: 2026-06-01T12:00:00Z\n") && export.text().contains("  more: [1]\n"));
        assert_eq!(serde_json::from_value::<Export>(export.json()).unwrap(), export);
    }
}
