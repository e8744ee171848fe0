//! A trial from rows of a file. They are gone through three times: what arms there are and whether the outcome is a number, then twice by [`petitfour_training::gather`].

use std::collections::BTreeMap;

use petitfour_training::{self as training, Fault, Field, Source, Take, Values, gather};

use crate::trial::{Trial, fault};

/// Which columns are what.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The column that says which arm a row was given.
    pub treatment: String,
    /// What it says of rows that were left alone.
    pub control: String,
    /// What it says of the others that are wanted; empty: all there are.
    pub arms: Vec<String>,
    /// The column that says what came of a row: a number, or true and false.
    pub outcome: String,
    /// Columns that are left out: other outcomes, and whatever was written after the treatment.
    pub drop: Vec<String>,
    /// Columns that look like identifiers and are none.
    pub keep: Vec<String>,
    /// Rows beyond which a sample is taken.
    pub most: usize,
    /// Seed of the sample.
    pub seed: u64,
}

/// Arms beyond which a column is taken for no treatment.
const ARMS: usize = 20;
/// Bytes of an arm's name beyond which it is none.
const LONGEST: usize = 200;
/// What the arm is called while rows are gathered; a file can hardly have it.
const ARM: &str = "\u{1}arm";

/// Opens the rows from the beginning.
type Open<'o> = dyn FnMut() -> Result<Box<dyn Source>, Fault> + 'o;

/// Reads a trial; `open` is called three times, `tick` now and then with the rows that were gone through.
///
/// # Errors
///
/// Names the line where an outcome is missing or no number, or the arm is missing; the column that is asked for and not there; an arm that is not there, or has too few rows; what else
/// [`petitfour_training::gather`] and [`Trial::new`] refuse.
pub fn read(open: &mut Open<'_>, plan: &Plan, tick: &mut dyn FnMut(u64)) -> Result<Trial, Fault> {
    let mut source = open()?;
    let places = Places::of(source.as_ref(), plan)?;
    let counts = survey(source.as_mut(), &places, plan)?;
    drop(source);
    let arms = arms(&counts, plan)?;
    if joined(&plan.treatment) == joined(&plan.outcome) {
        return Err(fault(&format!("`{}` is treatment and outcome at once", plan.outcome), "name another --outcome"));
    }
    let outcome = joined(&plan.outcome);
    let keep = plan.keep.iter().cloned().chain([outcome.clone(), ARM.to_owned()]).collect();
    // An outcome that is dropped by a list of all outcomes is the one that is asked about.
    let drop = plan.drop.iter().filter(|name| joined(name) != outcome).cloned().collect();
    let gathered = training::Plan {
        target: plan.treatment.clone(),
        positive: Some(plan.control.clone()),
        drop,
        keep,
        weight: None,
        time: None,
        most: plan.most,
        seed: plan.seed,
    };
    let mut opened = || {
        let source = open()?;
        let columns = source.columns().iter().cloned().chain([ARM.to_owned()]).collect();
        Ok(Box::new(Chosen { source, columns, treatment: places.treatment, arms: arms.clone() }) as Box<dyn Source>)
    };
    let mut table = gather(&mut opened, &gathered, tick)?;
    let mut take = |name: &str| {
        let place = table.columns.iter().position(|column| column.name == name)?;
        Some(table.columns.remove(place))
    };
    let given =
        take(ARM).ok_or_else(|| fault("there is one arm only", "bring rows of a control and of a treatment"))?;
    let same =
        || fault(&format!("`{outcome}` is the same in every row: no treatment changed it"), "name another --outcome");
    let outcomes = take(&outcome).ok_or_else(same)?;
    let Values::Levels(levels) = &given.kind else { return Err(fault("the arms are no texts", "name them")) };
    let number = |value: &f64| {
        levels.get(*value as usize).and_then(|level| arms.iter().position(|arm| level.strip_prefix('=') == Some(arm)))
    };
    let arm = given.values.iter().map(|value| number(value).unwrap_or(usize::MAX)).collect();
    let mut trial = Trial::new(table.columns, (&outcome, outcomes.values), (arms, arm), None)?;
    trial.table.rows_read = table.rows_read;
    trial.table.notes = table.notes;
    Ok(trial)
}

/// Where columns stand that are looked at.
struct Places {
    treatment: usize,
    outcome: usize,
}

impl Places {
    fn of(source: &dyn Source, plan: &Plan) -> Result<Self, Fault> {
        let names: Vec<String> = source.columns().iter().map(|name| joined(name)).collect();
        let find = |wanted: &str| {
            names.iter().position(|name| *name == joined(wanted)).ok_or_else(|| {
                let (what, there) = (cut(wanted), names.iter().take(16).map(|name| cut(name)).collect::<Vec<_>>());
                fault(&format!("there is no column `{what}`"), &format!("there are {}", there.join(", ")))
            })
        };
        for name in plan.drop.iter().chain(&plan.keep) {
            find(name)?;
        }
        Ok(Self { treatment: find(&plan.treatment)?, outcome: find(&plan.outcome)? })
    }
}

/// Rows of each arm; refuses outcomes that are no numbers.
fn survey(source: &mut dyn Source, places: &Places, plan: &Plan) -> Result<BTreeMap<String, u64>, Fault> {
    let mut counts = BTreeMap::new();
    let unit = source.unit();
    source.each(&mut |place, fields| {
        let at = |what: String, remedy: &str| Fault { place: Some(format!("{unit} {place}")), ..fault(&what, remedy) };
        let Some(arm) = fields.get(places.treatment).and_then(said) else {
            return Err(at(
                format!("`{}`, which says the arm, is missing", cut(&plan.treatment)),
                "leave such rows out",
            ));
        };
        if arm.len() > LONGEST {
            let what = format!("`{}` is a text of {} bytes: it is no treatment", cut(&plan.treatment), arm.len());
            return Err(at(what, "name another --treatment"));
        }
        *counts.entry(arm).or_default() += 1;
        if counts.len() > ARMS {
            let what = format!("`{}` has more than {ARMS} different values: it is no treatment", cut(&plan.treatment));
            return Err(at(what, "name another --treatment"));
        }
        let outcome = cut(&plan.outcome);
        match fields.get(places.outcome) {
            Some(Field::Number(value)) if value.is_finite() => Ok(()),
            Some(Field::Text("TRUE" | "True" | "true" | "FALSE" | "False" | "false")) => Ok(()),
            Some(Field::Text(text)) if text.parse::<f64>().is_ok_and(f64::is_finite) => Ok(()),
            Some(Field::Text(text)) => {
                Err(at(format!("outcome `{outcome}` is `{}` and no number", cut(text)), "write 1 and 0, or an amount"))
            }
            _ => Err(at(format!("outcome `{outcome}` is missing or infinite"), "write 0 where nothing came of it")),
        }
    })?;
    Ok(counts)
}

/// The control, and the arms that are wanted, in the order in which they were named or of the alphabet.
fn arms(counts: &BTreeMap<String, u64>, plan: &Plan) -> Result<Vec<String>, Fault> {
    for wanted in [&plan.control].into_iter().chain(&plan.arms) {
        if !counts.contains_key(wanted) {
            let there: Vec<String> = counts.keys().map(|arm| format!("`{}`", cut(arm))).collect();
            let what = format!("`{}` is never `{}`", cut(&plan.treatment), cut(wanted));
            return Err(fault(&what, &format!("it is {}", there.join(", "))));
        }
    }
    if plan.arms.contains(&plan.control) {
        return Err(fault(&format!("`{}` is control and arm at once", cut(&plan.control)), "name another --arm"));
    }
    let all = || counts.keys().filter(|arm| **arm != plan.control).cloned().collect();
    let mut treated: Vec<String> = if plan.arms.is_empty() { all() } else { plan.arms.clone() };
    let mut seen = Vec::new();
    treated.retain(|arm| {
        !seen.contains(arm) && {
            seen.push(arm.clone());
            true
        }
    });
    if treated.is_empty() {
        let what =
            format!("`{}` is `{}` in every row: there is one arm only", cut(&plan.treatment), cut(&plan.control));
        return Err(fault(&what, "bring rows that were treated as well"));
    }
    Ok([plan.control.clone()].into_iter().chain(treated).collect())
}

/// Rows of the arms that are wanted, with the arm as a text in a column of its own: the treatment itself may be a number, and is what is gathered by.
struct Chosen {
    source: Box<dyn Source>,
    columns: Vec<String>,
    treatment: usize,
    arms: Vec<String>,
}

impl Source for Chosen {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn unit(&self) -> &'static str {
        self.source.unit()
    }

    fn each(&mut self, take: &mut Take<'_>) -> Result<(), Fault> {
        let (treatment, arms, width) = (self.treatment, &self.arms, self.columns.len());
        self.source.each(&mut |place, fields| {
            let Some(arm) = fields.get(treatment).and_then(said).filter(|arm| arms.contains(arm)) else {
                return Ok(());
            };
            // Never a number.
            let arm = format!("={arm}");
            let mut fields = fields.to_vec();
            fields.resize(width.saturating_sub(1), Field::Missing);
            fields.push(Field::Text(&arm));
            take(place, &fields)
        })
    }
}

fn said(field: &Field<'_>) -> Option<String> {
    match field {
        Field::Missing => None,
        Field::Number(value) => Some(value.to_string()),
        Field::Text(text) => Some((*text).to_owned()),
    }
}

/// A name as tables have it.
fn joined(name: &str) -> String {
    name.trim().replace(char::is_whitespace, "_")
}

/// A word of somebody's file, short enough to be said.
fn cut(word: &str) -> String {
    word.chars().take(40).collect()
}
