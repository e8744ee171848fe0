//! `petitfour lifetime`: what customers will still buy, and how right that would have been.
//!
//! The models and their sources stand in `docs/lifetime.md`; here is what is asked of them.

mod chart;
mod report;
mod table;

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use petitfour_lifetime::fit::{self, Fit};
use petitfour_lifetime::{
    BgNbd, Closeness, Cohort, Columns, Day, Device, GammaGamma, Holdout, ParetoNbd, Process, Purchases,
};

use crate::simulate::recorded::unzipped;
use report::Report;

/// Weeks that are foreseen where nothing was held back and nobody says otherwise.
const YEAR: f64 = 52.0;

/// Weeks of a year, by which a yearly discount becomes a weekly one.
const WEEKS_A_YEAR: f64 = 365.25 / 7.0;

/// What to learn from, what to say, and what to write.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  petitfour lifetime purchases.csv\n  petitfour lifetime purchases.csv.gz --calibrate-until 2026-03-31 --picture holdout.svg\n  \
                  petitfour lifetime purchases.csv --weeks 52 --discount 10% --customers customers.csv\n  \
                  petitfour lifetime purchases.csv --campaign-model returns.json --within 28\n  petitfour lifetime purchases.csv --customer \"Customer ID\" --date InvoiceDate --amount Total\n\n\
                  docs/lifetime.md says what the models take for granted, and what is measured."
)]
pub(crate) struct Arguments {
    /// Purchases as CSV, plain or gzip'd: a row for each, with who, when and for how much
    #[arg(value_name = "PURCHASES")]
    purchases: PathBuf,
    /// The column that says who bought [default: one called customer, user, … or so]
    #[arg(long, value_name = "COLUMN")]
    customer: Option<String>,
    /// The column that says on which day: 2026-11-26 or 20261126, alone or before a time
    #[arg(long, value_name = "COLUMN")]
    date: Option<String>,
    /// The column that says for how much [default: one called amount, sales, … or so; without any, purchases alone are foreseen]
    #[arg(long, value_name = "COLUMN")]
    amount: Option<String>,
    /// Learn from purchases until this day, and hold what is foreseen against those after it [default: learn from all]
    #[arg(long, value_name = "DATE", value_parser = day)]
    calibrate_until: Option<Day>,
    /// So many weeks ahead [default: as many as the file has after --calibrate-until, else 52]
    #[arg(long, value_name = "N", value_parser = weeks)]
    weeks: Option<f64>,
    /// Which model of buying and leaving
    #[arg(long, value_enum, default_value_t = Model::Bgnbd)]
    model: Model,
    /// How much less a purchase in a year is worth than one today
    #[arg(long, value_name = "PERCENT", default_value = "0%", value_parser = percent)]
    discount: f64,
    /// Draw what was foreseen beside what happened as an SVG picture; needs --calibrate-until
    #[arg(long, value_name = "FILE", requires = "calibrate_until")]
    picture: Option<PathBuf>,
    /// Write a line for each customer as CSV: how likely they are still there, and what is expected of them
    #[arg(long, value_name = "FILE")]
    customers: Option<PathBuf>,
    /// Write the chance that somebody buys again within --within days as a model for campaign files, from what a visitor's profile knows
    #[arg(long, value_name = "FILE")]
    campaign_model: Option<PathBuf>,
    /// Days of that chance
    #[arg(long, value_name = "DAYS", default_value_t = 28, requires = "campaign_model", value_parser = clap::value_parser!(u32).range(1..=365))]
    within: u32,
    /// What campaign files call a purchase
    #[arg(long, value_name = "EVENT", default_value = "purchase", requires = "campaign_model")]
    event: String,
    /// Points of probability that it may be off by on average, or it is not written
    #[arg(long, value_name = "POINTS", default_value_t = 1.0, requires = "campaign_model", value_parser = points)]
    tolerance: f64,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// Models of buying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Model {
    /// BG/NBD: who leaves, leaves after a purchase
    Bgnbd,
    /// Pareto/NBD: who leaves, leaves at any moment
    Paretonbd,
}

/// What was learned, and over how long it is told.
struct Study<M> {
    cohort: Cohort,
    buying: Fit<M, 4>,
    amounts: Option<Fit<GammaGamma, 3>>,
    /// Weeks ahead.
    weeks: f64,
    /// A year.
    discount: f64,
    holdout: Option<Holdout>,
    /// Why there is nothing about amounts.
    without_amounts: Option<String>,
    /// For campaign files.
    device: Option<Device>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let name = arguments.purchases.display();
    let columns = Columns {
        customer: arguments.customer.clone(),
        date: arguments.date.clone(),
        amount: arguments.amount.clone(),
    };
    let purchases =
        Purchases::read(unzipped(&arguments.purchases)?, &columns).map_err(|fault| anyhow!("{name}: {fault}"))?;
    match arguments.model {
        Model::Bgnbd => tell::<BgNbd>(arguments, &purchases),
        Model::Paretonbd => tell::<ParetoNbd>(arguments, &purchases),
    }
}

fn tell<M: Process>(arguments: &Arguments, purchases: &Purchases) -> anyhow::Result<bool> {
    let study = Study::<M>::learn(arguments, purchases)?;
    let report = Report::of(&arguments.purchases, purchases, &study);
    let told = if arguments.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.to_string() };
    // Files first: whoever reads what is printed may have read enough, and that ends it.
    if let (Some(picture), Some(holdout)) = (&arguments.picture, &study.holdout) {
        std::fs::write(picture, chart::draw(&report, holdout))
            .with_context(|| format!("cannot write {}", picture.display()))?;
    }
    if let (Some(file), Some(device)) = (&arguments.campaign_model, &study.device) {
        std::fs::write(file, device.write(&arguments.event))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(customers) = &arguments.customers {
        table::write(customers, purchases, &study).with_context(|| format!("cannot write {}", customers.display()))?;
    }
    stdout().write_all(told.as_bytes())?;
    Ok(true)
}

impl<M: Process> Study<M> {
    fn learn(arguments: &Arguments, purchases: &Purchases) -> anyhow::Result<Self> {
        let name = arguments.purchases.display();
        let (Some(first), Some(last)) = (purchases.first(), purchases.last()) else {
            bail!("{name}: there is no purchase");
        };
        let end = arguments.calibrate_until.unwrap_or(last);
        let after = u32::try_from(last.since(end)).unwrap_or(0);
        if arguments.calibrate_until.is_some() && after == 0 {
            bail!(
                "{name}: the last purchase is of {last}, so nothing is left after {end} to hold against; calibrate until an earlier day"
            );
        }
        let asked = arguments.weeks.map_or(u32::MAX, |weeks| (weeks * 7.0).round() as u32);
        let Some(cohort) = purchases.cohort(end, after.min(asked)) else {
            bail!(
                "{name}: the first purchase is of {first}, so there is nothing to learn from until {end}; calibrate until a later day"
            );
        };
        let held = f64::from(cohort.ahead) / 7.0;
        let weeks = arguments.weeks.unwrap_or(if cohort.ahead > 0 { held } else { YEAR });
        let histories = cohort.histories();
        let buying: Fit<M, 4> = fit::process(&histories).map_err(|unfit| anyhow!("{name}: {unfit}"))?;
        let (amounts, without_amounts) = match purchases.has_amounts.then(|| fit::spend(&histories)) {
            Some(Ok(fit)) => (Some(fit), None),
            Some(Err(unfit)) => (None, Some(unfit.to_string())),
            None => (
                None,
                Some("the file has no column of amounts, or none that is called so; name it with --amount".to_owned()),
            ),
        };
        let amounts_model = amounts.as_ref().map(|fit| &fit.model);
        let holdout = arguments.calibrate_until.map(|_| Holdout::of(purchases, &cohort, &buying.model, amounts_model));
        let device = match &arguments.campaign_model {
            Some(_) => {
                Some(close(Device::follow(purchases, &cohort, &buying.model, arguments.within), arguments.tolerance)?)
            }
            None => None,
        };
        Ok(Self { device, cohort, buying, amounts, weeks, discount: arguments.discount, holdout, without_amounts })
    }

    /// The discount a week, continuously.
    fn weekly(&self) -> f64 {
        self.discount.ln_1p() / WEEKS_A_YEAR
    }
}

/// A device's model, where it is close enough.
fn close(device: Option<Device>, tolerance: f64) -> anyhow::Result<Device> {
    let Some(device) = device else {
        bail!("one customer is too few to make a model for campaign files of, and to measure it on another")
    };
    let Closeness { mean, worst, .. } = device.closeness;
    if mean * 100.0 > tolerance {
        bail!(
            "a profile knows too little here: the model for campaign files would be off by {:.2} points of probability on average ({:.1} at worst), where --tolerance is {tolerance}; nothing was written",
            mean * 100.0,
            worst * 100.0
        );
    }
    Ok(device)
}

/// `2026-11-26`.
fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "write a day, such as `2026-11-26`".to_owned())
}

/// `39`: more than none, and no more than a hundred years.
fn weeks(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (1.0 / 7.0..=5_200.0).contains(number));
    number.ok_or_else(|| "write a number of weeks from a day's (0.143) to 5200, such as `39`".to_owned())
}

/// `1`: more than nothing, and no more than everything.
fn points(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| *number > 0.0 && *number <= 100.0);
    number.ok_or_else(|| "write points of probability above 0 and up to 100, such as `1`".to_owned())
}

/// `10%`.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|text| text.parse::<f64>().ok());
    let number = number.filter(|number| (0.0..=1_000.0).contains(number));
    number.map(|number| number / 100.0).ok_or_else(|| "write a percentage from 0% to 1000%, such as `10%`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_horizon_and_a_discount_are_of_their_kind() {
        assert_eq!((weeks("39"), weeks("0.5")), (Ok(39.0), Ok(0.5)));
        assert!(["0", "-3", "NaN", "6000", "a year"].iter().all(|text| weeks(text).is_err()));
        assert_eq!((percent("10%"), percent("0%")), (Ok(0.1), Ok(0.0)));
        assert!(["10", "0.1", "-5%", "inf%", "%"].iter().all(|text| percent(text).is_err()));
        assert!(day("2026-02-30").is_err() && day("20260228").is_ok());
    }
}
