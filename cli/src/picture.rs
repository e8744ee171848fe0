//! What pictures have in common: a frame that follows the reader's colours, and text that stays text.

use std::fmt::Write as _;

/// Around every picture, in units of which a browser makes pixels.
pub(crate) const MARGIN: f64 = 24.0;

/// Text, and what lies behind everything, in light and in dark.
pub(crate) const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#222}.t{font-size:16px;font-weight:600}.s{fill:#666}\
rect.bg{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#eee}.s{fill:#aaa}rect.bg{fill:#16181c}}";

/// One SVG file without script, for every browser.
pub(crate) fn frame(title: &str, style: &str, width: f64, height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n\
         <title>{}</title>\n<style>{style}{STYLE}</style>\n<rect class=\"bg\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n",
        escape(title)
    )
}

/// A picture within a page, which brings the style: [`STYLE`] and that of its shapes.
pub(crate) fn within(title: &str, width: f64, height: f64, body: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n<title>{}</title>\n{body}</svg>\n",
        escape(title)
    )
}

/// A line of text; `class` is `t` for a title, `s` for what is said beside, or empty.
pub(crate) fn text(body: &mut String, x: f64, y: f64, class: &str, told: &str) {
    let _ = writeln!(body, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escape(told));
}

/// Somebody's words within markup.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_text() {
        assert_eq!(escape("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
    }
}
