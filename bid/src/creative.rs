//! A creative's fields as an advertisement: addresses that are whole and harmless, and HTML in which nothing is unescaped.
//!
//! Exchanges replace `${…}` in markup, so a dollar sign is escaped like the signs of HTML.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The fields of a creative that an advertisement can show.
#[derive(Debug, Clone, Default)]
pub(crate) struct Creative {
    pub(crate) name: String,
    fields: BTreeMap<String, String>,
}

/// Where addresses may lead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach<'a> {
    /// Where relative ones begin.
    pub(crate) origin: Option<&'a str>,
    /// Is only https allowed?
    pub(crate) secure: bool,
}

impl Creative {
    pub(crate) fn new(name: &str, content: &str) -> Self {
        Self { name: name.to_owned(), fields: serde_json::from_str(content).unwrap_or_default() }
    }

    /// The first of these fields that says something.
    pub(crate) fn text(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.fields.get(*name)).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The address in a field; `None` where there is none, an error in words where it may not be used.
    pub(crate) fn address(&self, name: &str, reach: Reach<'_>) -> Result<Option<String>, String> {
        let Some(text) = self.text(&[name]) else { return Ok(None) };
        let whole = absolute(text, reach.origin).ok_or_else(|| format!("`{name}` is no whole address"))?;
        if reach.secure && !whole.starts_with("https://") {
            return Err(format!("`{name}` is not https"));
        }
        Ok(Some(whole))
    }

    /// Its own size, where it says one.
    pub(crate) fn size(&self) -> Option<(u32, u32)> {
        let number = |name| self.text(&[name]).and_then(|text| text.parse().ok());
        Some((number("width")?, number("height")?))
    }

    /// A banner, with the size that it takes among those that fit.
    pub(crate) fn banner(&self, sizes: &[(u32, u32)], reach: Reach<'_>) -> Result<(String, (u32, u32)), String> {
        let size = match self.size() {
            Some(own) => sizes.iter().find(|size| **size == own).copied(),
            None => sizes.first().copied(),
        };
        let Some((width, height)) = size else { return Err("its size fits no slot".to_owned()) };
        let link = self.address("link", reach)?.ok_or("it has no `link`")?;
        let image = self.address("image", reach)?;
        let headline = self.text(&["headline", "title"]);
        if image.is_none() && headline.is_none() {
            return Err("it has neither `image` nor `headline`".to_owned());
        }
        let mut html = format!(
            "<a href=\"{}\" target=\"_blank\" rel=\"noopener sponsored\" style=\"display:block;overflow:hidden;width:{width}px;\
             height:{height}px;text-decoration:none;color:inherit\">",
            escape(&link)
        );
        if let Some(image) = image {
            let alt = self.text(&["alt"]).or(headline).unwrap_or_default();
            let _ = write!(html, "<img src=\"{}\" alt=\"{}\" style=\"max-width:100%\">", escape(&image), escape(alt));
        }
        for (tag, names) in
            [("strong", &["headline", "title"][..]), ("span", &["text", "body"]), ("em", &["cta", "button"])]
        {
            if let Some(text) = self.text(names) {
                let _ = write!(html, "<{tag}>{}</{tag}>", escape(text));
            }
        }
        html.push_str("</a>");
        Ok((html, (width, height)))
    }
}

/// An address with its scheme and host. Signs that no address has are refused, with them what an exchange would replace.
fn absolute(text: &str, origin: Option<&str>) -> Option<String> {
    let plain = text.bytes().all(|byte| byte > b' ' && byte != 0x7F && !b"<>\"'\\^`{|}".contains(&byte));
    if !plain {
        return None;
    }
    let web = |text: &str| {
        let begins = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        let scheme = ["https://", "http://"].into_iter().find(|scheme| begins(scheme))?;
        let rest = text.get(scheme.len()..)?;
        rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '[').then(|| format!("{scheme}{rest}"))
    };
    // `//host` is another host, and whatever has a colon before a slash is another scheme.
    let relative = (text.starts_with('/') && !text.starts_with("//")) || text.starts_with('#') || text.starts_with('?');
    match origin {
        Some(origin) if relative => {
            let slash = if text.starts_with('/') { "" } else { "/" };
            web(&format!("{}{slash}{text}", origin.trim_end_matches('/')))
        }
        _ => web(text),
    }
}

/// Text for HTML, within an element or a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '$' => escaped.push_str("&#36;"),
            '`' => escaped.push_str("&#96;"),
            '\0' => escaped.push('\u{FFFD}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_addresses_of_the_web_are_used() {
        let origin = Some("https://shop.example/");
        for (text, whole) in [
            ("https://a.example/x?y=1#z", Some("https://a.example/x?y=1#z")),
            ("HTTPS://a.example", Some("https://a.example")),
            ("/art/a.svg", Some("https://shop.example/art/a.svg")),
            ("#water", Some("https://shop.example/#water")),
            ("//evil.example", None),
            ("javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("https://", None),
            ("https:///x", None),
            ("https://a.example/\"onload=\"", None),
            ("https://a.example/${AUCTION_PRICE}", None),
            ("https://a.example/a b", None),
            (" https://a.example", None),
        ] {
            assert_eq!(absolute(text, origin).as_deref(), whole, "{text}");
        }
        assert_eq!(absolute("/art/a.svg", None), None);
    }
}
