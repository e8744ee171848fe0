//! Diagnostics as text for a terminal: the line of the file, a mark under the place, the remedy below.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::source::Source;

/// Draws one diagnostic; `coloured` for a terminal that shows colours.
#[must_use]
pub fn diagnostic(diagnostic: &Diagnostic, sources: &[Source], coloured: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code);
    let text = |place: &Place| {
        sources.iter().find(|source| source.name == place.file).map_or("", |source| source.text.as_str())
    };
    let mut group = title.elements(None::<Snippet<'_, annotate_snippets::Annotation<'_>>>);
    let place = &diagnostic.place;
    if !place.file.is_empty() {
        let mut snippet = Snippet::source(text(place))
            .path(place.file.as_str())
            .annotation(AnnotationKind::Primary.span(place.bytes.clone()));
        match &diagnostic.related {
            Some(related) if related.place.file == place.file => {
                let span = related.place.bytes.clone();
                snippet = snippet.annotation(AnnotationKind::Context.span(span).label(related.label.as_str()));
                group = group.element(snippet);
            }
            Some(related) => {
                let span = related.place.bytes.clone();
                let other = Snippet::source(text(&related.place))
                    .path(related.place.file.as_str())
                    .annotation(AnnotationKind::Context.span(span).label(related.label.as_str()));
                group = group.element(snippet).element(other);
            }
            None => group = group.element(snippet),
        }
    }
    if let Some(remedy) = &diagnostic.remedy {
        group = group.element(Level::HELP.message(remedy.as_str()));
    }
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}
