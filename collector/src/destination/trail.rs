//! Trail: the addresses by which a mail is heard of again: an image, and the links in its HTML part by way of the collector.
//!
//! Each carries the parcel's id, the letter and the subject that were sent, and where a link leads, under a keyed hash over all of it and
//! the destination's name. So nobody can make one up, and what leads on leads where the letter said and nowhere else. It names no person:
//! the collector finds them by the parcel in its own log.
//!
//! Absent on purpose: links of the text part, which stay as they are written, and links without quotes around them.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde::{Deserialize, Serialize};

/// The address of the image.
pub const OPENED: &str = "/v1/mail/opened";
/// The address that links lead by.
pub const CLICKED: &str = "/v1/mail/clicked";

/// Bytes of a token: 128 bits.
const TOKEN: usize = 16;

/// How mails of one destination are heard of.
#[derive(Clone)]
pub struct Trail {
    name: String,
    address: String,
    key: hmac::Key,
}

/// What an address says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The parcel.
    #[serde(rename = "m")]
    pub parcel: String,
    /// The letter.
    #[serde(rename = "l")]
    pub letter: String,
    /// The subject that it went out under.
    #[serde(rename = "s")]
    pub subject: String,
    /// Where the link leads; empty for the image.
    #[serde(default)]
    pub to: String,
}

impl Trail {
    /// Of the destination `name`, by the collector that mail programs reach at `address` (`https://…`); `key` is a secret text.
    #[must_use]
    pub fn new(name: &str, address: &str, key: &str) -> Self {
        Self {
            name: name.to_owned(),
            address: address.trim_end_matches('/').to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()),
        }
    }

    /// The destination.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Is this the token of what is said?
    #[must_use]
    pub fn holds(&self, mark: &Mark, token: &str) -> bool {
        // The token is compared under a MAC of its own, so that the time it takes says nothing.
        let ours = hmac::sign(&self.key, self.token(mark).as_bytes());
        hmac::verify(&self.key, token.as_bytes(), ours.as_ref()).is_ok()
    }

    /// An HTML part whose links lead by the collector, with the image at its end; links to `except` stay as they are.
    #[must_use]
    pub fn lay(&self, html: &str, mark: &Mark, except: &str) -> String {
        let mut out = self.links(html, mark, except);
        let image = format!(r#"<img src="{}" width="1" height="1" alt="">"#, escaped(&self.address(OPENED, mark)));
        let end = out.to_ascii_lowercase().rfind("</body>").unwrap_or(out.len());
        out.insert_str(end, &image);
        out
    }

    fn links(&self, html: &str, mark: &Mark, except: &str) -> String {
        // Lower case of ASCII keeps every byte's place.
        let lower = html.to_ascii_lowercase();
        let (mut out, mut done) = (String::with_capacity(html.len()), 0);
        for (at, before) in lower.match_indices("href=") {
            let start = at + before.len();
            let found = html.get(start..).and_then(|rest| {
                let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
                rest.get(1..)?.split_once(quote).map(|(link, _)| link)
            });
            let Some(link) = found.filter(|_| at >= done) else { continue };
            let to = unescaped(link);
            let scheme = to.trim_start().to_ascii_lowercase();
            if to == except || !(scheme.starts_with("https://") || scheme.starts_with("http://")) {
                continue;
            }
            out.push_str(html.get(done..=start).unwrap_or_default());
            out.push_str(&escaped(&self.address(CLICKED, &Mark { to: to.trim().to_owned(), ..mark.clone() })));
            done = start + 1 + link.len();
        }
        out.push_str(html.get(done..).unwrap_or_default());
        out
    }

    fn address(&self, path: &str, mark: &Mark) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("m", &mark.parcel).append_pair("l", &mark.letter).append_pair("s", &mark.subject);
        if !mark.to.is_empty() {
            query.append_pair("to", &mark.to);
        }
        query.append_pair("t", &self.token(mark));
        format!("{}{path}?{}", self.address, query.finish())
    }

    fn token(&self, mark: &Mark) -> String {
        let mut said = String::new();
        for part in [&self.name, &mark.parcel, &mark.letter, &mark.subject, &mark.to] {
            // With its length before it, no two lists of parts make one text. Writing into a string cannot fail.
            write!(said, "{}:{part}", part.len()).ok();
        }
        let tag = hmac::sign(&self.key, said.as_bytes());
        URL_SAFE_NO_PAD.encode(tag.as_ref().get(..TOKEN).unwrap_or_default())
    }
}

fn escaped(address: &str) -> String {
    address.replace('&', "&amp;").replace('"', "&quot;")
}

fn unescaped(link: &str) -> String {
    link.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Mark {
        Mark { parcel: "p-1".into(), letter: "news".into(), subject: "plain".into(), to: String::new() }
    }

    /// What stands between quotes behind `before`, as a query's names and values.
    fn said(html: &str, before: &str) -> (Mark, String) {
        let link = html.split(before).nth(1).unwrap().split(['"', '\'']).next().unwrap().replace("&amp;", "&");
        let query = link.split_once('?').unwrap().1;
        let value = |name: &str| {
            let found = form_urlencoded::parse(query.as_bytes()).find(|(found, _)| found == name);
            found.map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        (Mark { parcel: value("m"), letter: value("l"), subject: value("s"), to: value("to") }, value("t"))
    }

    #[test]
    fn links_to_the_web_lead_by_the_collector_and_others_stay() {
        let trail = Trail::new("letters", "https://c.example/", "key");
        let html = "<BODY><a href=\"https://shop.example/?a=1&amp;b=2\">A</a><A HREF='http://b.example'>B</A>\
            <a href=\"mailto:x@shop.example\">C</a><a href=\"https://c.example/v1/leave?p=1\">D</a><a href=plain>E</a></BODY>";
        let laid = trail.lay(html, &mark(), "https://c.example/v1/leave?p=1");
        let (first, token) = said(&laid, "href=\"");
        assert_eq!(first, Mark { to: "https://shop.example/?a=1&b=2".into(), ..mark() });
        assert!(trail.holds(&first, &token));
        assert_eq!(said(&laid, "HREF='").0.to, "http://b.example");
        for stays in ["href=\"mailto:x@shop.example\"", "href=\"https://c.example/v1/leave?p=1\"", "href=plain"] {
            assert!(laid.contains(stays), "{stays} in {laid}");
        }
        let (image, token) = said(&laid, "<img src=\"");
        assert!(image == mark() && trail.holds(&image, &token) && laid.ends_with("alt=\"\"></BODY>"), "{laid}");
    }

    #[test]
    fn nobody_makes_up_an_address_or_leads_it_elsewhere() {
        let trail = Trail::new("letters", "https://c.example", "key");
        let laid = trail.lay("<a href=\"https://shop.example\">", &mark(), "");
        let (mark, token) = said(&laid, "href=\"");
        for other in [
            Mark { to: "https://evil.example".into(), ..mark.clone() },
            Mark { to: String::new(), ..mark.clone() },
            Mark { parcel: "p-2".into(), ..mark.clone() },
            Mark { subject: "plainhttps".into(), to: "://shop.example".into(), ..mark.clone() },
        ] {
            assert!(!trail.holds(&other, &token), "{other:?}");
        }
        assert!(!Trail::new("others", "https://c.example", "key").holds(&mark, &token));
        assert!(!Trail::new("letters", "https://c.example", "other").holds(&mark, &token));
    }
}
