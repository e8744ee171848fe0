//! What is written into the slots of a placement: the rules of `slots.mjs` of the package, which `docs/edge.md` states.
//!
//! Values are never markup: texts and attributes are escaped as the rewriter writes them, and what is built here is escaped here.

use crate::visit::Content;
use lol_html::errors::AttributeNameError;
use lol_html::html_content::{ContentType, Element};
use url::Url;

/// Elements that can be slots.
pub(crate) const SLOT: [&str; 5] = ["data-pf-text", "data-pf-html", "data-pf-src", "data-pf-href", "data-pf-alt"];

/// Where a placement with content and without slots ends: the script then decides for it as if no server had.
pub(crate) const VOID: &str = "<template data-pf-void></template>";

/// Kinds that can mean something on an element.
fn kinds(tag: &str) -> &'static [&'static str] {
    match tag {
        "img" => &["src", "alt"],
        "source" => &["src"],
        "video" | "audio" => &["src", "text", "html"],
        "a" => &["text", "html", "href"],
        "area" => &["href", "alt"],
        _ => &["text", "html"],
    }
}

/// Writes what a creative says into one slot.
pub(crate) fn fill(slot: &mut Element<'_, '_>, content: &Content, base: &Url) -> Result<(), AttributeNameError> {
    let tag = slot.tag_name();
    for kind in kinds(&tag) {
        let Some(field) = slot.get_attribute(&format!("data-pf-{kind}")) else { continue };
        let value = content.get(&field).map_or("", String::as_str);
        match *kind {
            "alt" => slot.set_attribute("alt", value)?,
            "href" if value.is_empty() => slot.remove_attribute("href"),
            _ if value.is_empty() => slot.set_attribute("hidden", "")?,
            "text" | "html" if tag == "script" || tag == "style" => {}
            "text" => slot.set_inner_content(value, ContentType::Text),
            "html" => slot.set_inner_content(&without_tags(value), ContentType::Text),
            _ if is_safe(value, base, *kind == "src") => slot.set_attribute(kind, value)?,
            _ => {}
        }
    }
    Ok(())
}

/// The rendering of a placement without slots (`data-pf-plain`), as HTML. Class names are the page's to style.
pub(crate) fn plain(content: &Content, base: &Url) -> String {
    let field = |name: &str| content.get(name).map_or("", String::as_str);
    let mut inner = String::new();
    if !field("image").is_empty() && is_safe(field("image"), base, true) {
        inner +=
            &format!(r#"<img class="pf-image" alt="{}" src="{}">"#, escaped(field("alt")), escaped(field("image")));
    }
    for (kind, tag) in [("headline", "strong"), ("text", "span"), ("cta", "span")] {
        if !field(kind).is_empty() {
            inner += &format!(r#"<{tag} class="pf-{kind}">{}</{tag}>"#, escaped(field(kind)));
        }
    }
    let link = field("link");
    if !link.is_empty() && is_safe(link, base, false) {
        format!(r#"<a class="pf-creative" href="{}">{inner}</a>"#, escaped(link))
    } else {
        format!(r#"<div class="pf-creative">{inner}</div>"#)
    }
}

/// True for addresses that cannot run script: web, relative to `base`, mail and telephone; for images also `data:image/`.
fn is_safe(address: &str, base: &Url, image: bool) -> bool {
    let Ok(read) = base.join(address) else { return false };
    let is_picture = || address.trim_start().get(..11).is_some_and(|start| start.eq_ignore_ascii_case("data:image/"));
    matches!(read.scheme(), "http" | "https" | "mailto" | "tel") || image && is_picture()
}

/// Here is no sanitizer: what stands between angle brackets is left out, and the rest is text.
fn without_tags(markup: &str) -> String {
    let mut parts = markup.split('<');
    let mut text = parts.next().unwrap_or_default().to_owned();
    parts.filter_map(|part| part.split_once('>')).for_each(|(_, rest)| text += rest);
    text
}

fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_can_run_script_is_not_written() -> Result<(), url::ParseError> {
        let base = Url::parse("https://shop.example/a/")?;
        for good in ["/x", "x?y#z", "//cdn.example/x", "mailto:a@b.example", "tel:+33", "https://other.example", ""] {
            assert!(is_safe(good, &base, false), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            " java\nscript:alert(1)",
            "JAVASCRIPT:1",
            "data:text/html,x",
            "vbscript:x",
            "data:image/png,x",
        ] {
            assert!(!is_safe(bad, &base, false), "{bad}");
        }
        assert!(is_safe("data:image/png;base64,AA", &base, true) && !is_safe("data:text/html,x", &base, true));
        Ok(())
    }

    #[test]
    fn what_stands_between_angle_brackets_is_left_out() {
        assert_eq!(without_tags("<b>Cold</b> & <script>alert(1)</script> <img onerror=x"), "Cold & alert(1) ");
        assert_eq!(without_tags("1 < 2"), "1 ");
        assert_eq!(escaped("<'\"&>"), "&lt;&#39;&quot;&amp;&gt;");
    }
}
