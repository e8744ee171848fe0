//! Where a device finds what a trained model asks: the attribute of each feature, and in which numbers it has it.

use crate::condition::{Asked, Resolver, Unit};
use crate::declaration::Kind;
use crate::diagnostic::Report;
use crate::segment::Subject;
use crate::source::Span;
use crate::trained::Trained;

/// A feature on the device.
pub(crate) struct Column {
    pub(crate) attribute: usize,
    pub(crate) kind: Kind,
    /// Are the device's numbers thousandths of the model's?
    pub(crate) thousandths: bool,
    /// Where the author says it, or names the model.
    pub(crate) span: Span,
}

/// The attribute of each feature that is asked.
pub(crate) fn columns(
    trained: &Trained,
    resolver: &mut Resolver<'_>,
    report: &mut Report,
) -> Option<Vec<Option<Column>>> {
    let Trained { forest, subjects, span, .. } = trained;
    let span = *span;
    let mut columns = Vec::with_capacity(subjects.len());
    let (mut missing, mut all) = (Vec::new(), true);
    for (feature, subject) in forest.features.iter().zip(subjects) {
        let Some((subject, own)) = subject else {
            columns.push(None);
            continue;
        };
        if let Subject::Context(word) = subject
            && word.span == span
            && !resolver.names.context.contains_key(word.text.as_str())
        {
            missing.push(format!("`{}`", feature.name));
            continue;
        }
        let Some((attribute, asked)) = resolver.subject(subject, report) else {
            all = false;
            continue;
        };
        let kind = resolver.attributes.get(attribute)?.kind;
        if let (Asked::Text(values), Some(levels)) = (&asked, &feature.levels) {
            undeclared(&feature.name, levels, values, *own, report);
        }
        let thousandths = matches!(asked, Asked::Number(Unit::Thousandths));
        columns.push(Some(Column { attribute, kind, thousandths, span: *own }));
    }
    if !missing.is_empty() {
        report
            .error(
                "model/unknown-feature",
                span,
                format!("no context value has the name of what the model asks for: {}", missing.join(", ")),
            )
            .remedy(
                "say where each is found: `features: { Name: { context: ... } }`, or `event:`, `trait:`, `moment:`, …",
            );
        return None;
    }
    all.then_some(columns)
}

/// Warns of categories that no page says: where the values are declared, each of the model's should be among them.
fn undeclared(feature: &str, levels: &[String], values: &[String], span: Span, report: &mut Report) {
    let strange: Vec<String> =
        levels.iter().filter(|level| !values.contains(level)).map(|level| format!("`{level}`")).collect();
    if values.is_empty() || strange.is_empty() {
        return;
    }
    let more = strange.len().saturating_sub(8);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named = strange.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
    report
        .warning(
            "model/undeclared-value",
            span,
            format!("of `{feature}` the model knows what is not among the declared values: {named}{rest}"),
        )
        .remedy("a value that the model does not know is missing to it: write values as they were written in training");
}

/// The least whole number of thousandths that is, as a number of whole units, not below `bound`.
pub(crate) fn in_thousandths(bound: f64) -> f64 {
    let near = (bound * 1_000.0).ceil();
    let reaches = |thousandths: f64| thousandths / 1_000.0 >= bound;
    // The product is rounded, by less than one where thousandths are told apart at all.
    [near - 1.0, near, near + 1.0].into_iter().find(|thousandths| reaches(*thousandths)).unwrap_or(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousandths_turn_where_whole_units_do() {
        for thousandths in 0..200_000 {
            let value = f64::from(thousandths) / 1_000.0;
            assert_eq!(in_thousandths(value), f64::from(thousandths));
            assert_eq!(in_thousandths(value.next_up()), f64::from(thousandths + 1));
            assert_eq!(in_thousandths(-value), f64::from(-thousandths));
        }
    }
}
