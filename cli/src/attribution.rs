//! `petitfour attribution`: what is credited to each channel, by every rule at once, and what a holdout says beside it.
//!
//! The rules and the windows are of `petitfour_attribution`, and stand in `docs/attribution.md`.

mod chart;
mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::ValueEnum;
use petitfour_attribution::{By, Rule, Source, Windows};

use crate::simulate::recorded::unzipped;
use report::{Input, LeftOut, Report};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// The half-life of time decay where none is said: a week, as advertisers' platforms have it.
const HALF_LIFE: i64 = 7 * DAY;

/// How long after somebody first got something an outcome counts, where it is not said: as the collector's own lift has it.
const LIFT_WINDOW: i64 = 7 * DAY;

/// What to divide, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  petitfour attribution paths.csv.gz\n  \
                        petitfour attribution paths.csv --rule first,last,markov --order 3 --picture credits.svg\n  \
                        petitfour attribution touches.csv --by campaign --look-back-click 14d --direct direct --json\n\n\
                        docs/attribution.md says what the files look like and what each rule does.")]
pub(crate) struct Arguments {
    /// A table of paths (`path,total_conversions,total_conversion_value,total_null`) or a log of touches
    /// (`person,time,kind,channel,campaign,device,value`): CSV, plain or gzip'd
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Rules, parted by commas
    #[arg(long, value_name = "RULE", value_enum, value_delimiter = ',', default_value = "all")]
    rule: Vec<Name>,
    /// Touches that the Markov chain remembers, 1 to 4 [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=4))]
    order: Option<u8>,
    /// Percent of an outcome for the first touch, all between, and the last [default: 40/20/40]
    #[arg(long, value_name = "A/B/C", value_parser = ends)]
    position: Option<(f64, f64)>,
    /// After how long a touch weighs half as much, of time decay [default: 7d]
    #[arg(long, value_name = "TIME", value_parser = span)]
    half_life: Option<i64>,
    /// The channel of those who came by themselves, which last-non-direct passes over
    #[arg(long, value_name = "CHANNEL")]
    direct: Option<String>,
    /// Of a log: what is credited [default: channel]
    #[arg(long, value_name = "WHAT", value_enum)]
    by: Option<Party>,
    /// Of a log: how long before an outcome a view may lie [default: 1d]
    #[arg(long, value_name = "TIME", value_parser = span)]
    look_back_view: Option<i64>,
    /// Of a log: how long before an outcome a click may lie [default: 30d]
    #[arg(long, value_name = "TIME", value_parser = span)]
    look_back_click: Option<i64>,
    /// Of a log with `held_out`: how long after somebody first got something an outcome counts [default: 7d]
    #[arg(long, value_name = "TIME", value_parser = span)]
    lift_window: Option<i64>,
    /// Draw it, as SVG or as an HTML page, by the file's ending
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// A rule's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Every rule that can say something
    All,
    /// All to the first touch
    First,
    /// All to the last touch
    Last,
    /// All to the last touch that is not direct
    LastNonDirect,
    /// To every touch the same
    Linear,
    /// Most to the first and the last touch
    Position,
    /// More to what was later
    TimeDecay,
    /// By the removal effect of a Markov chain
    Markov,
    /// By Shapley's value, over outcomes
    Shapley,
    /// By Shapley's value, over rates of outcomes
    ShapleyRate,
}

/// What is credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Party {
    /// Where a touch was
    Channel,
    /// What was shown there
    Campaign,
    /// On which device it was
    Device,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let file = arguments.file.display();
    if let Some(picture) = &arguments.picture {
        form(picture)?;
    }
    let source = petitfour_attribution::read(unzipped(&arguments.file)?).map_err(|fault| anyhow!("{file}: {fault}"))?;
    let by = match arguments.by.unwrap_or(Party::Channel) {
        Party::Channel => By::Channel,
        Party::Campaign => By::Campaign,
        Party::Device => By::Device,
    };
    let usual = Windows::default();
    let windows = Windows {
        view: arguments.look_back_view.unwrap_or(usual.view),
        click: arguments.look_back_click.unwrap_or(usual.click),
    };
    let lift_window = arguments.lift_window.unwrap_or(LIFT_WINDOW);
    let input = match &source {
        Source::Paths(paths) => {
            arguments.refuse_what_logs_take()?;
            Input { paths: paths.clone(), log: None, lifts: Vec::new() }
        }
        Source::Log(log) => {
            let lifts = if by == By::Device { Vec::new() } else { log.lifts(by, lift_window) };
            if lifts.is_empty() && arguments.lift_window.is_some() {
                bail!("{file}: --lift-window is of rows `held_out` with a channel or campaign, and there are none");
            }
            Input { paths: log.paths(by, windows), log: Some((log, by, windows, lift_window)), lifts }
        }
    };
    if input.paths.paths.is_empty() && input.lifts.is_empty() {
        bail!(
            "{file}: there is no touch before an outcome, and no path; look at the names of the columns and at the windows"
        );
    }
    let (rules, mut left_out) = arguments.rules(&input)?;
    let mut report = Report::new(&arguments.file, &input);
    for rule in rules {
        match rule.credit(&input.paths) {
            Ok(credits) => report.add(&rule, &credits),
            Err(error) if arguments.asks_all() => left_out.push(LeftOut { rule: rule.name(), why: error.to_string() }),
            Err(error) => bail!("{file}: {}: {error}", rule.name()),
        }
    }
    report.finish(left_out);
    if let Some(picture) = &arguments.picture {
        let drawn = if form(picture)? == "html" { chart::page(&report) } else { chart::draw(&report) };
        std::fs::write(picture, drawn).with_context(|| format!("cannot write {}", picture.display()))?;
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(true)
}

impl Arguments {
    fn asks_all(&self) -> bool {
        self.rule.contains(&Name::All)
    }

    fn asks(&self, name: Name) -> bool {
        self.asks_all() || self.rule.contains(&name)
    }

    /// A table of paths has nothing to look back in.
    fn refuse_what_logs_take(&self) -> anyhow::Result<()> {
        let given = [
            ("--by", self.by.is_some()),
            ("--look-back-view", self.look_back_view.is_some()),
            ("--look-back-click", self.look_back_click.is_some()),
            ("--lift-window", self.lift_window.is_some()),
        ];
        if let Some((option, _)) = given.iter().find(|(_, is_given)| *is_given) {
            bail!("{}: {option} is of a log of touches, and this is a table of paths", self.file.display());
        }
        Ok(())
    }

    /// The rules in the order of tables, and those of `all` that cannot be asked, each with why.
    fn rules(&self, input: &Input<'_>) -> anyhow::Result<(Vec<Rule>, Vec<LeftOut>)> {
        let needs = [
            ("--order", self.order.is_some(), Name::Markov, "markov"),
            ("--position", self.position.is_some(), Name::Position, "position"),
            ("--half-life", self.half_life.is_some(), Name::TimeDecay, "time-decay"),
            ("--direct", self.direct.is_some(), Name::LastNonDirect, "last-non-direct"),
        ];
        for (option, is_given, name, rule) in needs {
            if is_given && !self.asks(name) {
                bail!("{option} is of the rule {rule}, which --rule leaves out");
            }
        }
        let mut left_out = Vec::new();
        let direct = match &self.direct {
            Some(direct) if !input.paths.channels.contains(direct) => {
                let names = input.paths.channels.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(", ");
                bail!("{}: no path has the channel `{direct}` of --direct; there are {names}", self.file.display());
            }
            Some(direct) => Some(Rule::LastNonDirect { direct: direct.clone() }),
            None if self.rule.contains(&Name::LastNonDirect) => {
                bail!("last-non-direct has to know which channel is direct: name it with --direct")
            }
            None => {
                let why = "name the direct channel with --direct".to_owned();
                left_out.push(LeftOut { rule: "last-non-direct".to_owned(), why });
                None
            }
        };
        let (first, last) = self.position.unwrap_or((0.4, 0.4));
        let all = [
            (Name::First, Some(Rule::First)),
            (Name::Last, Some(Rule::Last)),
            (Name::LastNonDirect, direct),
            (Name::Linear, Some(Rule::Linear)),
            (Name::Position, Some(Rule::Position { first, last })),
            (Name::TimeDecay, Some(Rule::TimeDecay { half_life: self.half_life.unwrap_or(HALF_LIFE) })),
            (Name::Markov, Some(Rule::Markov { order: self.order.unwrap_or(1) })),
            (Name::Shapley, Some(Rule::Shapley)),
            (Name::ShapleyRate, Some(Rule::ShapleyRate { seed: 1 })),
        ];
        let rules = all.into_iter().filter(|(name, _)| self.asks(*name)).filter_map(|(_, rule)| rule).collect();
        if !self.asks_all() {
            left_out.clear();
        }
        Ok((rules, left_out))
    }
}

/// What a picture is drawn as.
fn form(picture: &Path) -> anyhow::Result<&'static str> {
    match picture.extension().and_then(|ending| ending.to_str()) {
        Some("svg") => Ok("svg"),
        Some("html") => Ok("html"),
        _ => bail!("{}: a picture ends in .svg or .html", picture.display()),
    }
}

/// `30d`, `12h`, `90m`: ms.
fn span(text: &str) -> Result<i64, String> {
    let units = [("d", DAY), ("h", DAY / 24), ("m", 60_000)];
    let parsed = units.iter().find_map(|(unit, ms)| {
        let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*ms).filter(|span| (1..=3_650 * DAY).contains(span))
    });
    parsed.ok_or_else(|| "write a time such as `30d`, `12h` or `90m`, at most 3650d".to_owned())
}

/// `40/20/40`: parts of the first and the last touch.
fn ends(text: &str) -> Result<(f64, f64), String> {
    let parts: Option<Vec<f64>> = text.split('/').map(|part| part.parse().ok()).collect();
    match parts.as_deref() {
        Some([first, between, last])
            if [first, between, last].iter().all(|part| **part >= 0.0)
                && (first + between + last - 100.0).abs() < 1e-6 =>
        {
            Ok((first / 100.0, last / 100.0))
        }
        _ => Err("write three percentages that add up to 100, such as `40/20/40`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_parts_are_read_or_refused() {
        assert_eq!((span("30d"), span("90m"), span("1h")), (Ok(30 * DAY), Ok(5_400_000), Ok(3_600_000)));
        assert!(
            ["", "30", "0d", "-1d", "9999d", "1.5h", "99999999999999999999d"].iter().all(|text| span(text).is_err())
        );
        assert_eq!((ends("40/20/40"), ends("30/0/70")), (Ok((0.4, 0.4)), Ok((0.3, 0.7))));
        assert!(["40/20", "50/50/50", "-10/100/10", "a/b/c", "NaN/50/50"].iter().all(|text| ends(text).is_err()));
    }
}
