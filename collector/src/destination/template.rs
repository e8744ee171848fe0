//! Templates: text with `{{placeholders}}` that a parcel fills.
//!
//! A placeholder is a name; its value is a text, a number or a yes or no of the parcel's values. What is put in is made
//! harmless for where it goes: [`Place::Html`] escapes, [`Place::Line`] lets no line end, [`Place::Address`] encodes.
//!
//! Absent on purpose: conditions, loops, filters. Whoever needs them renders before deciding and sends the result.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};

/// Where a rendered text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Plain text of many lines.
    Text,
    /// One line: a subject, a header.
    Line,
    /// HTML; values are escaped, and behind `href="` or `src="` only `https:`, `http:`, `mailto:` and `tel:` pass.
    Html,
    /// Part of a web address: everything but letters, digits, `-`, `.`, `_` and `~` is percent-encoded.
    Address,
    /// Level of an MQTT topic: a value with a wildcard, a slash or nothing in it is refused.
    Topic,
}

/// A text that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Fixed(String),
    Value(String),
}

/// Why a text cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// `{{` without `}}`, or with something between them that is no name.
    Syntax,
    /// The parcel has no such value; the name is the template's own.
    Missing(String),
    /// The value does not fit where it would go.
    Unfit(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax => f.write_str("a placeholder is {{name}}, with letters, digits and _ alone"),
            Self::Missing(name) => write!(f, "the parcel has no value called {name}"),
            Self::Unfit(name) => write!(f, "the value of {name} does not fit where the template puts it"),
        }
    }
}

impl std::error::Error for Fault {}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`Fault::Syntax`].
    pub fn parse(text: &str, place: Place) -> Result<Self, Fault> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((fixed, behind)) = rest.split_once("{{") {
            let (name, behind) = behind.split_once("}}").ok_or(Fault::Syntax)?;
            let name = name.trim();
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(Fault::Syntax);
            }
            parts.push(Part::Fixed(fixed.to_owned()));
            parts.push(Part::Value(name.to_owned()));
            rest = behind;
        }
        parts.push(Part::Fixed(rest.to_owned()));
        Ok(Self { parts, place })
    }

    /// Fills it.
    ///
    /// # Errors
    /// [`Fault::Missing`], [`Fault::Unfit`].
    pub fn render(&self, values: &Map<String, Value>) -> Result<String, Fault> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Fixed(fixed) => text.push_str(fixed),
                Part::Value(name) => {
                    let value = plain(values.get(name)).ok_or_else(|| Fault::Missing(name.clone()))?;
                    if !self.place.put(&mut text, &value) {
                        return Err(Fault::Unfit(name.clone()));
                    }
                }
            }
        }
        if self.place == Place::Line { Ok(one_line(&text)) } else { Ok(text) }
    }
}

impl Place {
    /// Appends a value; false when it does not fit.
    fn put(self, text: &mut String, value: &str) -> bool {
        match self {
            Self::Text => text.extend(value.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))),
            Self::Line => text.push_str(value),
            Self::Html => {
                let opened = text.trim_end_matches(['"', '\'']);
                if opened.len() < text.len() && (opened.ends_with("href=") || opened.ends_with("src=")) && !links(value)
                {
                    return false;
                }
                for c in value.chars() {
                    match c {
                        '&' => text.push_str("&amp;"),
                        '<' => text.push_str("&lt;"),
                        '>' => text.push_str("&gt;"),
                        '"' => text.push_str("&quot;"),
                        '\'' => text.push_str("&#39;"),
                        '\n' | '\t' => text.push(c),
                        c if c.is_control() => {}
                        c => text.push(c),
                    }
                }
            }
            Self::Address => {
                for byte in value.bytes() {
                    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                        text.push(char::from(byte));
                    } else {
                        write!(text, "%{byte:02X}").ok();
                    }
                }
            }
            Self::Topic => {
                if value.is_empty() || value.chars().any(|c| c.is_control() || matches!(c, '/' | '+' | '#')) {
                    return false;
                }
                text.push_str(value);
            }
        }
        true
    }
}

/// May a link lead there?
fn links(value: &str) -> bool {
    let lower = value.trim_start().to_ascii_lowercase();
    ["https:", "http:", "mailto:", "tel:"].iter().any(|scheme| lower.starts_with(scheme))
}

/// Control characters, line ends among them, become spaces.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

fn plain(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(place: Place, template: &str, values: Value) -> Result<String, Fault> {
        Template::parse(template, place)?.render(values.as_object().unwrap())
    }

    #[test]
    fn a_value_is_made_harmless_for_where_it_goes() {
        let values = json!({ "name": "<b>\"O'Neil\"</b>\r\nBcc: all@example.com", "points": 12, "gold": true });
        let html = render(Place::Html, "<p title=\"{{name}}\">{{ points }}</p>", values.clone()).unwrap();
        assert!(!html.contains("<b>") && html.contains("&lt;b&gt;&quot;O&#39;Neil&quot;") && html.ends_with(">12</p>"));
        let line = render(Place::Line, "Hello {{name}}", values.clone()).unwrap();
        assert!(!line.contains(['\r', '\n']));
        assert_eq!(
            render(Place::Address, "?g={{gold}}&n={{name}}", json!({"gold": true, "name": "a b&c/ü"})).unwrap(),
            "?g=true&n=a%20b%26c%2F%C3%BC"
        );
    }

    #[test]
    fn a_link_leads_nowhere_but_to_a_page_a_mailbox_or_a_phone() {
        let link = |value: &str| render(Place::Html, "<a href=\"{{to}}\">", json!({ "to": value }));
        assert!(link("https://shop.example/?a=1&b=2").unwrap().contains("a=1&amp;b=2"));
        assert_eq!(link("javascript:alert(1)"), Err(Fault::Unfit("to".into())));
        assert_eq!(link(" JaVaScRiPt:alert(1)"), Err(Fault::Unfit("to".into())));
        assert_eq!(link("data:text/html,x"), Err(Fault::Unfit("to".into())));
    }

    #[test]
    fn a_topic_takes_no_wildcard_and_no_further_level() {
        let topic = |value: &str| render(Place::Topic, "screens/{{screen}}/now", json!({ "screen": value }));
        assert_eq!(topic("lobby-2").unwrap(), "screens/lobby-2/now");
        for value in ["", "+", "#", "a/b", "a\0"] {
            assert!(topic(value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn what_is_missing_is_named_and_what_is_no_template_is_refused() {
        assert_eq!(render(Place::Text, "{{a}}", json!({})), Err(Fault::Missing("a".into())));
        assert_eq!(render(Place::Text, "{{a}}", json!({ "a": [1] })), Err(Fault::Missing("a".into())));
        for text in ["{{", "{{a", "{{}}", "{{a b}}"] {
            assert_eq!(Template::parse(text, Place::Text), Err(Fault::Syntax), "{text}");
        }
    }
}
