//! The outcome of tests as JUnit XML, which every continuous integration reads: a suite for each file, a case for each test.
//!
//! Written by hand: it is three elements, and the one thing that can go wrong is what [`escape`] does.

use std::fmt::Write as _;

use petitfour_compiler::Diagnostic;

use super::{Outcome, Played, report};

/// The outcome of what was played.
pub(super) fn outcome(outcome: &Outcome<'_>) -> String {
    let mut suites: Vec<(String, Vec<&Played<'_>>)> = Vec::new();
    for played in &outcome.played {
        let file = outcome.stories.place(played.story.name.span).file;
        match suites.iter_mut().find(|(name, _)| *name == file) {
            Some((_, all)) => all.push(played),
            None => suites.push((file, vec![played])),
        }
    }
    let mut body = String::new();
    for (file, all) in suites {
        let failed = all.iter().filter(|played| !played.missed.is_empty()).count();
        let file = escape(&file);
        let _ = writeln!(body, r#"  <testsuite name="{file}" tests="{}" failures="{failed}" errors="0">"#, all.len());
        for played in all {
            let line = outcome.stories.place(played.story.name.span).line;
            let name = escape(&played.story.name.text);
            let _ = write!(body, r#"    <testcase classname="{file}" name="{name}" file="{file}" line="{line}""#);
            if played.missed.is_empty() {
                body.push_str("/>\n");
                continue;
            }
            body.push_str(">\n");
            for miss in &played.missed {
                let (message, told) = (escape(&miss.message), escape(&report::failure(outcome, miss)));
                let _ = writeln!(body, r#"      <failure message="{message}" type="test/failed">{told}</failure>"#);
            }
            body.push_str("    </testcase>\n");
        }
        body.push_str("  </testsuite>\n");
    }
    whole(outcome.played.len(), outcome.failed(), 0, &body)
}

/// Faults that kept the tests from being played: so that no file of an earlier run is taken for this one's.
pub(super) fn faults(faults: &[Diagnostic]) -> String {
    let count = faults.len();
    let mut body = format!("  <testsuite name=\"faults\" tests=\"{count}\" failures=\"0\" errors=\"{count}\">\n");
    for fault in faults {
        let (file, line, message) = (escape(&fault.place.file), fault.place.line, escape(&fault.message));
        let _ = write!(body, r#"    <testcase classname="{file}" name="{message}" file="{file}" line="{line}">"#);
        let _ = writeln!(body, r#"<error message="{message}" type="{}"/></testcase>"#, fault.code);
    }
    body.push_str("  </testsuite>\n");
    whole(count, 0, count, &body)
}

fn whole(tests: usize, failures: usize, errors: usize, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"petitfour\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">\n{body}</testsuites>\n"
    )
}

/// Text as it may stand between tags and between quotes. XML 1.0 has no way to write most control characters.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_holds_stays_text() {
        assert_eq!(escape("a<b> & \"c\"\n\u{1}é"), "a&lt;b&gt; &amp; &quot;c&quot;&#10;\u{fffd}é");
    }
}
