//! The heads of a page's request and answer: what an origin is not to see, and what is not true of a page made for one visitor.

/// What would make an origin's answer half a page, or none that could be joined with another visitor's.
pub const UNSENT: [&str; 4] = ["if-none-match", "if-modified-since", "range", "if-range"];

/// What was true of the origin's page, and of no other.
pub const UNTRUE: [&str; 12] = [
    "etag",
    "last-modified",
    "content-length",
    "expires",
    "age",
    "surrogate-control",
    "cdn-cache-control",
    "accept-ranges",
    "content-md5",
    "content-digest",
    "digest",
    "repr-digest",
];

/// A page is asked for: what a browser opens in a tab, or in a frame. `destination` is `Sec-Fetch-Dest`.
#[must_use]
pub fn asks_for_page(method: &str, destination: Option<&str>, accept: Option<&str>) -> bool {
    let framed = destination.is_some_and(|to| matches!(to, "document" | "iframe" | "frame"));
    method == "GET" && (framed || accept.is_some_and(|types| types.contains("text/html")))
}

/// Why an answer of the origin cannot be filled; nothing when it can, and `Some(None)` when it is no page at all.
#[must_use]
pub fn unfit(status: u16, content_type: Option<&str>, encoding: Option<&str>) -> Option<Option<&'static str>> {
    let kind = content_type.unwrap_or_default().to_ascii_lowercase();
    if status != 200 || !kind.starts_with("text/html") {
        return Some(None);
    }
    let charset = kind
        .split_once("charset=")
        .map(|(_, name)| name.split(';').next().unwrap_or_default().trim().trim_matches('"'));
    if charset.is_some_and(|name| !matches!(name, "utf-8" | "utf8" | "us-ascii")) {
        return Some(Some("edge/charset"));
    }
    (encoding.is_some_and(|name| name != "identity")).then_some(Some("edge/encoded"))
}

/// Values of `Server-Timing` and of `x-petitfour`: what was wrong, or that nothing was.
#[must_use]
pub fn say(codes: &[&str]) -> (String, String) {
    let first = codes.first().unwrap_or(&"edge");
    (format!("petitfour;desc=\"{first}\""), if codes.is_empty() { (*first).to_owned() } else { codes.join(",") })
}

/// What the law of a place asks, by the country's two letters: consent in the EEA, the United Kingdom and Switzerland, objection in the
/// United States.
#[must_use]
pub fn region(country: &str) -> Option<&'static str> {
    const OPT_IN: &str =
        "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE GB CH IS LI NO";
    match country {
        "US" => Some("opt_out"),
        _ if country.len() == 2 && OPT_IN.split(' ').any(|known| known == country) => Some("opt_in"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_opens_in_a_tab() {
        assert!(asks_for_page("GET", Some("document"), None) && asks_for_page("GET", None, Some("text/html,*/*")));
        assert!(!asks_for_page("POST", Some("document"), None) && !asks_for_page("GET", Some("image"), Some("*/*")));
    }

    #[test]
    fn only_a_plain_page_is_filled() {
        assert_eq!(unfit(200, Some("text/html; charset=UTF-8"), None), None);
        assert_eq!(unfit(200, Some("Text/HTML; charset=utf-8; x=y"), Some("identity")), None);
        assert_eq!(unfit(404, Some("text/html"), None), Some(None));
        assert_eq!(unfit(200, Some("application/json"), None), Some(None));
        assert_eq!(unfit(200, Some("text/html; charset=\"latin1\""), None), Some(Some("edge/charset")));
        assert_eq!(unfit(200, Some("text/html"), Some("br")), Some(Some("edge/encoded")));
    }

    #[test]
    fn the_law_is_that_of_the_place() {
        assert_eq!(["FR", "US", "JP", "", "T B"].map(region), [Some("opt_in"), Some("opt_out"), None, None, None]);
    }
}
