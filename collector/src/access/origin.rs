//! Where a request comes from: a page of this very origin, or elsewhere.

use axum::http::{
    HeaderMap,
    header::{HOST, ORIGIN},
};

/// May this request change something under a cookie? Browsers say where a request comes from (`Sec-Fetch-Site`); one that is
/// too old to say so still names the page's origin with every POST. What says neither is refused.
#[must_use]
pub fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let (Some(origin), Some(host)) = (text(ORIGIN.as_str()), text(HOST.as_str())) else { return false };
    let named = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    named.is_some_and(|named| named.eq_ignore_ascii_case(host))
}

/// Does a browser say that a page of elsewhere sends this? A program says nothing of the kind.
#[must_use]
pub fn is_elsewhere(headers: &HeaderMap) -> bool {
    let said = headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site");
    said && !is_own(headers)
}

/// Was this address typed, kept or clicked outside of any page, or followed from a page of our own?
#[must_use]
pub fn is_called(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_none_or(|site| site == "none" || site == "same-origin")
}

/// Does the browser speak HTTPS? This server does not; the proxy in front says so.
#[must_use]
pub fn is_secure(headers: &HeaderMap) -> bool {
    let proto = headers.get("x-forwarded-proto").and_then(|proto| proto.to_str().ok()).unwrap_or_default();
    proto.split(',').next().map(str::trim) == Some("https")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_pages_of_this_very_origin_change_something() {
        let host = ("host", "collector.example:8080");
        for (own, pairs) in [
            (true, &[("sec-fetch-site", "same-origin")][..]),
            (false, &[("sec-fetch-site", "same-site")]),
            (false, &[("sec-fetch-site", "cross-site"), host, ("origin", "http://collector.example:8080")]),
            (false, &[("sec-fetch-site", "none")]),
            (true, &[host, ("origin", "https://collector.example:8080")]),
            (false, &[host, ("origin", "https://collector.example")]),
            (false, &[host, ("origin", "null")]),
            (false, &[host]),
        ] {
            assert_eq!(is_own(&headers(pairs)), own, "{pairs:?}");
        }
    }
}
