//! What was learned and how right it was, for people and as JSON.

use std::fmt;
use std::path::Path;

use petitfour_lifetime::fit::{self, Fit};
use petitfour_lifetime::{Band, Error, GammaGamma, Holdout, Process, Purchases, Week};
use serde::Serialize;

use super::Study;
use crate::simulate::summary::grouped;

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) purchases: String,
    pub(super) rows: usize,
    /// The first day of all, and the last that was learned from.
    pub(super) from: String,
    pub(super) until: String,
    pub(super) customers: usize,
    pub(super) repeaters: usize,
    /// Buyers whose first purchase is later than that.
    newcomers: usize,
    pub(super) buying: Fitted,
    amounts: Option<Fitted>,
    /// Of frequency and spend, among repeaters.
    correlation: Option<f64>,
    without_amounts: Option<String>,
    pub(super) holdout: Option<Held>,
    ahead: Ahead,
    device: Option<Followed>,
}

/// How close a device's model is, in probability.
#[derive(Debug, Serialize)]
struct Followed {
    moments: usize,
    mean_absolute_error: f64,
    within_for_99_percent: f64,
    worst_error: f64,
    one_number_for_all: f64,
}

/// A model's parameters.
#[derive(Debug, Serialize)]
pub(super) struct Fitted {
    pub(super) model: &'static str,
    parameters: Vec<Parameter>,
    pub(super) log_likelihood: f64,
    customers: usize,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Parameter {
    name: &'static str,
    value: f64,
    standard_error: Option<f64>,
}

/// What was foreseen beside what happened.
#[derive(Debug, Serialize)]
pub(super) struct Held {
    pub(super) weeks: f64,
    pub(super) until: String,
    pub(super) purchases: Measure,
    spend: Option<Measure>,
    by_repeats: Vec<Bought>,
    /// Repeat purchases of everybody since the first day: week, actual, expected.
    curve: Vec<Reached>,
}

/// The model, and each customer's own rate so far.
#[derive(Debug, Serialize)]
pub(super) struct Measure {
    pub(super) actual: f64,
    pub(super) model: Off,
    pub(super) constant_rate: Off,
}

#[derive(Debug, Serialize)]
pub(super) struct Off {
    pub(super) expected: f64,
    pub(super) mean_absolute_error: f64,
    root_mean_square_error: f64,
}

#[derive(Debug, Serialize)]
struct Bought {
    repeats: u32,
    and_more: bool,
    customers: usize,
    actual: f64,
    expected: f64,
}

#[derive(Debug, Serialize)]
struct Reached {
    until_week: f64,
    actual: u64,
    expected: f64,
}

/// What is expected from now on.
#[derive(Debug, Serialize)]
struct Ahead {
    weeks: f64,
    discount_a_year: f64,
    /// Customers that are expected to be there still.
    alive: f64,
    purchases: f64,
    /// `null` where nothing is known of amounts, or their mean is infinite.
    value: Option<f64>,
}

impl Report {
    pub(super) fn of<M: Process>(path: &Path, purchases: &Purchases, study: &Study<M>) -> Self {
        let cohort = &study.cohort;
        let amounts = study.amounts.as_ref();
        let model = &study.buying.model;
        let sum = |of: &dyn Fn(&petitfour_lifetime::History) -> f64| {
            cohort.customers.iter().map(|customer| of(&customer.history)).sum::<f64>()
        };
        let weekly = study.weekly();
        let value =
            amounts.map(|fit| sum(&|history| model.discounted(history, study.weeks, weekly) * fit.model.mean(history)));
        Self {
            purchases: path.display().to_string(),
            rows: purchases.rows,
            from: cohort.start.to_string(),
            until: cohort.end.to_string(),
            customers: cohort.customers.len(),
            repeaters: cohort.repeaters(),
            newcomers: cohort.newcomers,
            buying: Fitted::of(M::NAME, M::PARAMETERS, model.parameters(), &study.buying),
            amounts: amounts.map(|fit| {
                let GammaGamma { p, q, v } = fit.model;
                Fitted::of("Gamma-Gamma", GammaGamma::PARAMETERS, [p, q, v], fit)
            }),
            correlation: amounts.and_then(|_| fit::correlated(&cohort.histories())),
            without_amounts: study.without_amounts.clone(),
            holdout: study.holdout.as_ref().map(|holdout| {
                Held::of(holdout, cohort.end.plus(i32::try_from(cohort.ahead).unwrap_or(i32::MAX)).to_string())
            }),
            ahead: Ahead {
                weeks: study.weeks,
                discount_a_year: study.discount,
                alive: sum(&|history| model.alive(history)),
                purchases: sum(&|history| model.expected(history, study.weeks)),
                value: value.filter(|value| value.is_finite()),
            },
            device: study.device.as_ref().map(|device| Followed {
                moments: device.closeness.moments,
                mean_absolute_error: device.closeness.mean,
                within_for_99_percent: device.closeness.most,
                worst_error: device.closeness.worst,
                one_number_for_all: device.closeness.constant,
            }),
        }
    }
}

impl Fitted {
    fn of<M, const N: usize>(model: &'static str, names: [&'static str; N], values: [f64; N], fit: &Fit<M, N>) -> Self {
        let parameter = |at: usize, (name, value)| Parameter {
            name,
            value,
            standard_error: fit.errors.and_then(|errors| errors.get(at).copied()),
        };
        Self {
            model,
            parameters: names.into_iter().zip(values).enumerate().map(|(at, told)| parameter(at, told)).collect(),
            log_likelihood: fit.ln_likelihood,
            customers: fit.customers,
            warnings: fit.warnings.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Held {
    fn of(holdout: &Holdout, until: String) -> Self {
        let measure = |model: &Error, constant: &Error| Measure {
            actual: model.actual,
            model: Off::of(model),
            constant_rate: Off::of(constant),
        };
        let last = petitfour_lifetime::LAST_BAND;
        let bought = |band: &Band| Bought {
            repeats: band.repeats,
            and_more: band.repeats == last,
            customers: band.customers,
            actual: band.actual,
            expected: band.expected,
        };
        let reached = |week: &Week| Reached { until_week: week.until, actual: week.actual, expected: week.expected };
        Self {
            weeks: holdout.weeks,
            until,
            purchases: measure(&holdout.purchases, &holdout.constant_rate),
            spend: holdout
                .spend
                .as_ref()
                .zip(holdout.constant_spend.as_ref())
                .map(|(own, constant)| measure(own, constant)),
            by_repeats: holdout.bands.iter().map(bought).collect(),
            curve: holdout.curve.iter().map(reached).collect(),
        }
    }
}

impl Off {
    fn of(error: &Error) -> Self {
        Self {
            expected: error.expected,
            mean_absolute_error: error.mean_absolute,
            root_mean_square_error: error.root_mean_square,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { purchases, rows, from, until, customers, repeaters, newcomers, .. } = self;
        let whole = |number: &usize| grouped(*number as u64);
        writeln!(f, "{purchases}: {} rows", whole(rows))?;
        write!(f, "Learned from {from} to {until}: {} customers, {} bought again", whole(customers), whole(repeaters))?;
        if *newcomers > 0 {
            write!(f, "; {} came later and are left out", whole(newcomers))?;
        }
        writeln!(f, "\n\n{}", self.buying)?;
        if let Some(amounts) = &self.amounts {
            writeln!(f, "{amounts}")?;
        }
        if let Some(correlation) = self.correlation {
            writeln!(f, "Frequency and spend are correlated {correlation:+.3} among those who bought again.\n")?;
        }
        if let Some(without) = &self.without_amounts {
            writeln!(f, "Nothing is said of amounts: {without}.\n")?;
        }
        match &self.holdout {
            Some(held) => writeln!(f, "{held}")?,
            None => writeln!(
                f,
                "Nothing was held back, so nothing says how right this is: --calibrate-until a day does.\n"
            )?,
        }
        let Ahead { weeks, discount_a_year, alive, purchases, value } = &self.ahead;
        write!(
            f,
            "In the {weeks:.1} weeks after {until}: {alive:.0} of them still there, {purchases:.1} purchases expected"
        )?;
        if let Some(value) = value {
            write!(f, ", worth {value:.2}")?;
            if *discount_a_year > 0.0 {
                write!(f, " at {:.1}% a year", discount_a_year * 100.0)?;
            }
        }
        writeln!(f)?;
        if let Some(device) = &self.device {
            let Followed { moments, mean_absolute_error, within_for_99_percent, worst_error, one_number_for_all } =
                device;
            let points = |part: &f64| part * 100.0;
            writeln!(
                f,
                "\nModel for campaign files, against the exact one on {} moments of customers it was not made of: off by {:.2} points of probability\n\
                 on average, within {:.1} for 99%, {:.1} at worst; one number for all would be off by {:.1}",
                whole(moments),
                points(mean_absolute_error),
                points(within_for_99_percent),
                points(worst_error),
                points(one_number_for_all)
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Fitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, parameters, log_likelihood, customers, warnings } = self;
        writeln!(f, "{model}: log-likelihood {log_likelihood:.3}, {} customers", grouped(*customers as u64))?;
        for Parameter { name, value, standard_error } in parameters {
            let error = standard_error.map_or_else(|| "unknown".to_owned(), |error| format!("{error:.4}"));
            writeln!(f, "  {name:<6}{value:>12.4}   standard error {error}")?;
        }
        warnings.iter().try_for_each(|warning| writeln!(f, "  warning: {warning}"))
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { weeks, until, purchases, spend, by_repeats, .. } = self;
        writeln!(f, "Held against the {weeks:.1} weeks until {until}, each customer by themselves:")?;
        writeln!(f, "{:<26}{:>12}{:>16}{:>12}", "", "model", "constant rate", "happened")?;
        purchases.print(f, "purchases")?;
        if let Some(spend) = spend {
            spend.print(f, "amounts")?;
        }
        writeln!(f, "\n{:<16}{:>10}{:>14}{:>12}", "repeats before", "customers", "bought after", "foreseen")?;
        for Bought { repeats, and_more, customers, actual, expected } in by_repeats {
            let repeats = format!("{repeats}{}", if *and_more { " and more" } else { "" });
            writeln!(f, "{repeats:<16}{:>10}{actual:>14.3}{expected:>12.3}", grouped(*customers as u64))?;
        }
        Ok(())
    }
}

impl Measure {
    fn print(&self, f: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
        let Self { actual, model, constant_rate } = self;
        let rows = [
            ("mean absolute error", model.mean_absolute_error, constant_rate.mean_absolute_error, None),
            ("all together", model.expected, constant_rate.expected, Some(actual)),
        ];
        for (name, own, constant, happened) in rows {
            let digits = if happened.is_some() { 1 } else { 3 };
            let happened = happened.map(|happened| format!("{happened:.1}")).unwrap_or_default();
            let told = format!("{what}, {name}");
            writeln!(f, "{told:<31}{own:>7.digits$}{constant:>16.digits$}{happened:>12}")?;
        }
        Ok(())
    }
}
