//! What of an event's JSON is kept: everything that is no identifier of anybody.
//!
//! Identifiers that stand where they belong were taken out by [`super::who`]. Copies of them stand elsewhere too: in a page's address, in a
//! field that a form was named after, in somebody else's e-mail address that an invitation carries. So every text is looked at: what is an
//! e-mail address, or holds one of this event's own identifiers, is left out, and addresses of pages lose their query but for `utm_…`.
//!
//! Absent on purpose: names, streets, free text. Whoever sends them means them to be kept, and a list of words would only seem to help.

use serde_json::{Map, Value};

/// The shortest identifier that is looked for in other texts: a shorter one is part of too many.
pub const RECOGNISED: usize = 6;

/// Fields that hold the address of a page, wherever they stand.
const ADDRESSES: [&str; 9] =
    ["url", "search", "referrer", "referer", "href", "page_location", "page_referrer", "link_url", "path"];

/// Takes what is not to be kept out of the object.
pub fn clean(object: &mut Map<String, Value>, raw: &[String]) {
    object.retain(|name, value| !is_told(name, raw) && keep(value, ADDRESSES.contains(&name.as_str()), raw));
}

fn keep(value: &mut Value, address: bool, raw: &[String]) -> bool {
    match value {
        Value::String(text) => {
            if address && text.contains(['?', '#', '=']) {
                *text = bare(text);
            }
            !is_told(text, raw)
        }
        Value::Number(number) if !raw.is_empty() => !raw.iter().any(|known| *known == number.to_string()),
        Value::Array(list) => {
            list.retain_mut(|value| keep(value, address, raw));
            true
        }
        Value::Object(object) => {
            clean(object, raw);
            true
        }
        _ => true,
    }
}

/// Does the text tell who somebody is?
fn is_told(text: &str, raw: &[String]) -> bool {
    text.len() >= RECOGNISED
        && (raw.iter().any(|known| text.contains(known.as_str()))
            || (text.contains('@') && text.split(is_between).any(is_mail))
            // An "@" that an address was escaped with.
            || text.contains("%40"))
}

/// What stands around an address in a longer text.
fn is_between(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '(' | ')' | '"' | '\'' | ':' | '/' | '?' | '&' | '=')
}

fn is_mail(word: &str) -> bool {
    word.split_once('@').is_some_and(|(local, domain)| {
        let domain = domain.trim_end_matches(['.', '!']);
        !local.is_empty() && domain.split_once('.').is_some_and(|(host, top)| !host.is_empty() && !top.is_empty())
    })
}

/// The address without its fragment, and of its query what says which campaign brought the visitor.
fn bare(address: &str) -> String {
    let whole = address.split('#').next().unwrap_or_default();
    let (path, query) = match whole.split_once('?') {
        Some((path, query)) => (path, query),
        None if whole.contains('=') && !whole.contains('/') => ("", whole),
        None => (whole, ""),
    };
    let kept: Vec<&str> = query.split('&').filter(|parameter| parameter.starts_with("utm_")).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cleaned(value: Value, raw: &[&str]) -> Value {
        let Value::Object(mut object) = value else { return Value::Null };
        clean(&mut object, &raw.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        Value::Object(object)
    }

    #[test]
    fn an_address_is_left_out_wherever_it_stands() {
        let told = json!({
            "friend": "jane@example.com",
            "note": "write to <jane@example.com>, please",
            "list": [1, "jane@example.com", { "deep": "a@b.co", "kept": true }],
            "jane@example.com": 1,
            "link": "mailto:jane%40example.com",
            "kept": "two @ three", "price": "3@4",
        });
        assert_eq!(cleaned(told, &[]), json!({ "list": [1, { "kept": true }], "kept": "two @ three", "price": "3@4" }));
    }

    #[test]
    fn copies_of_the_events_own_identifiers_are_left_out() {
        let told = json!({ "customer": "customer-77", "account": 1234567, "url": "https://shop.example/account/customer-77", "size": "42" });
        assert_eq!(cleaned(told, &["customer-77", "1234567"]), json!({ "size": "42" }));
    }

    #[test]
    fn addresses_of_pages_keep_their_campaign_alone() {
        let told = json!({
            "url": "https://shop.example/tea?utm_source=mail&gclid=x&token=y#top",
            "search": "?utm_source=mail&gclid=x",
            "referrer": "https://elsewhere.example/?q=tea",
        });
        let kept = json!({ "url": "https://shop.example/tea?utm_source=mail", "search": "?utm_source=mail", "referrer": "https://elsewhere.example/" });
        assert_eq!(cleaned(told, &[]), kept);
    }
}
