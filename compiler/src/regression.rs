//! From a regression that was trained to weights by bin (`docs/formats/bundle.md`, MODL 2): levels as they are, lines as steps.
//!
//! A device knows of a number only between which borders it lies. By how much steps and the rounding of weights may move a score at most is
//! known here, for numbers that training saw; what lies beyond those is taken for the nearest of them.

use petitfour_models::regression::{Term, Weights};

use crate::column::{Column, columns, in_thousandths};
use crate::condition::Resolver;
use crate::declaration::Kind;
use crate::diagnostic::Report;
use crate::quantise::Weighted;
use crate::scorer::WEIGHT_BOUND;
use crate::set::Set;
use crate::trained::Trained;

/// The bias, and the weights of each attribute.
pub(crate) fn resolve(
    trained: &Trained,
    resolver: &mut Resolver<'_>,
    report: &mut Report,
) -> Option<(f64, Vec<Weighted>)> {
    let Trained { forest, span, tolerance, calibration, borders, .. } = trained;
    let columns = columns(trained, resolver, report)?;
    let mut bias = calibration.of(forest.bias);
    let (mut found, mut fits) = (Vec::with_capacity(forest.terms.len()), true);
    for term in &forest.terms {
        let column = columns.get(term.feature).and_then(Option::as_ref)?;
        let (weights, middle) = match weights(trained, term, column) {
            Ok(weights) => weights,
            Err(fault) => {
                let remedy = "map it to a value of the other kind, or train with what the device has";
                report.error("model/feature-kind", column.span, fault).remedy(remedy);
                fits = false;
                continue;
            }
        };
        let scaled = weights.into_iter().map(|(set, weight)| (set, calibration.slope * (weight - middle)));
        let scaled: Vec<(Set, f64)> = scaled.collect();
        if scaled.iter().any(|(_, weight)| weight.abs() > WEIGHT_BOUND) {
            let name = forest.features.get(term.feature).map_or("", |feature| feature.name.as_str());
            let what = format!("`{name}` moves a score by more than {WEIGHT_BOUND} log-odds to one side");
            report.error("file/out-of-range", *span, what).remedy("train without values that far out");
            fits = false;
        }
        bias += calibration.slope * middle;
        let narrowed = scaled.into_iter().map(|(set, weight)| {
            let attribute = resolver.attributes.get(column.attribute);
            (attribute.map_or_else(|| set.clone(), |attribute| attribute.narrow(set.clone())), weight)
        });
        found.push((column.attribute, narrowed.collect()));
    }
    let worst = calibration.slope * forest.stepping(*borders);
    if worst > *tolerance {
        let what = format!(
            "with {borders} borders for each number a score may move by {worst:.4} log-odds; at most {tolerance} are allowed"
        );
        report
            .error("model/drift", *span, what)
            .remedy("allow more borders (`borders:`), or more log-odds (`tolerance:`)");
        fits = false;
    }
    fits.then_some((bias, found))
}

/// What each set of values adds, and the middle of it; the fault says why the device cannot tell the sets apart.
fn weights(trained: &Trained, term: &Term, column: &Column) -> Result<(Vec<(Set, f64)>, f64), String> {
    let text = column.kind == Kind::Text;
    let feature = trained.forest.features.get(term.feature).ok_or("a term is of no feature")?;
    let scaled = |number: f64| if column.thousandths { in_thousandths(number) } else { number };
    let mut found: Vec<(Set, f64)> = Vec::new();
    let missing = |weight: f64| (Set { missing: true, ..Set::present(text).others() }, weight);
    match &term.weights {
        Weights::Number { .. } if text => {
            Err(format!("the model multiplies `{}`, and on the device it is a text", feature.name))
        }
        Weights::Number { each, missing: none, seen: (least, largest) } => {
            let steps = term.steps(trained.borders).ok_or("a term of numbers has no steps")?;
            let ends = steps.borders.iter().map(|border| Some(scaled(*border)));
            let begins = std::iter::once(None).chain(ends.clone());
            let ends = ends.chain(std::iter::once(None));
            for ((begin, end), weight) in begins.zip(ends).zip(&steps.weights) {
                found.push((Set::numbers(begin, end), *weight));
            }
            found.push(missing(*none));
            Ok((found, each * f64::midpoint(*least, *largest)))
        }
        Weights::Levels { levels: weights, other } => {
            let levels = feature.levels.as_deref().unwrap_or_default();
            if text {
                for (level, weight) in levels.iter().zip(weights) {
                    found.push((Set::texts([level.clone()]), *weight));
                }
                found.push((Set::texts(levels.iter().cloned()).others(), *other));
            } else {
                let numbers: Option<Vec<f64>> = levels.iter().map(|level| level.trim().parse().ok()).collect();
                let numbers = numbers.ok_or_else(|| {
                    format!("the categories of `{}` are texts, and on the device it is a number", feature.name)
                })?;
                let there = |number: &f64| !column.thousandths || in_thousandths(*number) / 1_000.0 == *number;
                for (number, weight) in numbers.iter().zip(weights).filter(|(number, _)| there(number)) {
                    found.push((Set::points([scaled(*number)]), *weight));
                }
                found.push((Set::points(numbers.into_iter().filter(there).map(scaled)).others(), *other));
            }
            found.push(missing(*other));
            Ok((found, 0.0))
        }
    }
}
