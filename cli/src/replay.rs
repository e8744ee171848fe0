//! `petitfour replay`: one decision made again, from what it depended on: bundle, snapshot and moment.
//!
//! What is compared is what a log has of it. Its id is not made again: it numbers the decisions of a session that is gone.

mod logged;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use petitfour::engine::{Engine, Session};
use petitfour::time::{Moment, Timestamp};
use petitfour_compiler::diagnostic::nearest;
use serde_json::json;

use self::logged::{Choice, Logged};
use crate::{folder, profile, words};

/// What to decide again, and what was logged.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  petitfour replay --bundle bundle.pf4 --snapshot anna.snapshot --at \"2026-06-03 09:00 +02:00\" --placement hero\n  \
                  petitfour replay --bundle bundle.pf4 --snapshot anna.snapshot --expect row.json --timezone +02:00\n\n\
                  docs/testing.md says what a log has to keep for that.\n\
                  Exit codes: 0 the same (or nothing to compare with), 1 it differs, 2 wrong usage."
)]
pub(crate) struct Arguments {
    /// The bundle that decided, or the campaign files that it was built from
    #[arg(long, value_name = "PATH")]
    bundle: PathBuf,
    /// The session's snapshot, bytes or base64; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    snapshot: PathBuf,
    /// When it was decided, with the visitor's offset, or in Unix ms [default: `at` of what was logged]
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
    /// The offset of the visitor's clock, where the moment has none, such as +02:00
    #[arg(long, value_name = "OFFSET", default_value = "UTC", allow_hyphen_values = true)]
    timezone: String,
    /// The placement (repeatable) [default: that of what was logged, else all]
    #[arg(long, value_name = "NAME")]
    placement: Vec<String>,
    /// What was logged: JSON or a file of it; an object or a list of such, with any of placement, at, campaign, creative, reason,
    /// probability, withheld. Names or keys, as the collector's tables, its lake and the package's decisions have them
    #[arg(long, value_name = "JSON")]
    expect: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command; `false` when a decision is another than was logged.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let Some((engine, _)) = folder::open(&arguments.bundle)? else { return Ok(false) };
    let logged = arguments.expect.as_deref().map(logged::read).transpose()?.unwrap_or_default();
    let at = match (&arguments.at, logged.iter().find_map(|logged| logged.at.as_ref())) {
        (Some(at), _) => moment(at, &arguments.timezone)?,
        // Logs write UTC; the offset says where the visitor's clock stood then.
        (None, Some(at)) => Moment { now: moment(at, "UTC")?.now, ..moment("0", &arguments.timezone)? },
        (None, None) => bail!("give `--at`: a decision depends on its moment"),
    };
    let placements = placements(arguments, &engine, &logged)?;
    let mut session = snapshot(&engine, &arguments.snapshot)?;
    let (mut told, mut all_same) = (Vec::new(), true);
    for placement in placements {
        let choice = Choice::of(&engine, &placement, &session.decide(&placement, at));
        let own = logged.iter().filter(|logged| logged.is_of(&placement));
        let compared: Vec<_> = own.map(|logged| logged.differences(&choice)).collect();
        let differences: Vec<_> = compared.iter().flatten().collect();
        all_same &= differences.is_empty();
        if arguments.json {
            told.push(json!({
                "choice": choice,
                "compared": !compared.is_empty(),
                "differences": differences,
            }));
            continue;
        }
        let mut text = format!("{placement} at {}\n{choice}\n", words::moment(at));
        for difference in &differences {
            text.push_str(&format!("  DIFFERS: {difference}\n"));
        }
        if !compared.is_empty() && differences.is_empty() {
            text.push_str("  as it was logged\n");
        }
        // A reader that has seen enough (`| head`) is no fault.
        let _ = write!(std::io::stdout(), "{text}");
    }
    if arguments.json {
        let hash = format!("{:016x}", engine.catalog().hash());
        let whole = json!({ "at": words::moment(at), "bundle": hash, "same": all_same, "decisions": told });
        println!("{}", serde_json::to_string_pretty(&whole)?);
    }
    Ok(all_same)
}

/// A session from the bytes that another one gave of itself.
pub(crate) fn snapshot(engine: &Arc<Engine>, file: &std::path::Path) -> anyhow::Result<Session> {
    let bytes = profile::unpack(profile::read(file)?);
    Session::from_snapshot(Arc::clone(engine), &bytes).map_err(|error| {
        let hash = engine.catalog().hash();
        anyhow!("{}: {error} ({}); the bundle given has the hash {hash:016x}", file.display(), error.code())
    })
}

/// A moment as people or logs write it; `timezone` holds where it has no offset of its own.
pub(crate) fn moment(text: &str, timezone: &str) -> anyhow::Result<Moment> {
    let offset = if timezone == "UTC" { "+00:00" } else { timezone };
    let zone = petitfour_compiler::moment(&format!("2000-01-01 12:00 {offset}"))
        .with_context(|| format!("`{timezone}` is no offset: write +02:00, -05:00 or UTC"))?;
    if let Ok(milliseconds) = text.parse() {
        return Ok(Moment { now: Timestamp(milliseconds), ..zone });
    }
    let text = if text.contains([' ', 'T']) { text.to_owned() } else { format!("{text} 00:00") };
    // A second offset behind one that is there is no date: then the text has its own.
    let zoned = petitfour_compiler::moment(&format!("{text} {offset}"));
    zoned
        .or_else(|| petitfour_compiler::moment(&text))
        .with_context(|| format!("`{text}` is no moment: write \"2026-06-03 09:00 +02:00\", or Unix milliseconds"))
}

/// The placements to decide for.
fn placements(arguments: &Arguments, engine: &Engine, logged: &[Logged]) -> anyhow::Result<Vec<String>> {
    let known: Vec<String> =
        engine.catalog().placements().map(|placement| engine.catalog().string(placement.name()).to_owned()).collect();
    let mut wanted = arguments.placement.clone();
    if wanted.is_empty() {
        wanted = known.iter().filter(|name| logged.iter().any(|logged| logged.is_of(name))).cloned().collect();
    }
    if wanted.is_empty() {
        if !logged.is_empty() {
            bail!("what was logged names no placement of this bundle: give `--placement`");
        }
        return Ok(known);
    }
    for name in &wanted {
        check(name, "placement", "", known.iter().map(String::as_str))?;
    }
    Ok(wanted)
}

/// A fault with the nearest name when there is none of this name at a place, such as ` at hero`.
pub(crate) fn check<'a>(
    name: &str,
    what: &str,
    place: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> anyhow::Result<()> {
    if known.clone().any(|known| known == name) {
        return Ok(());
    }
    match nearest(name, known.clone()) {
        Some(near) => bail!("there is no {what} `{name}`{place}; did you mean `{near}`?"),
        None => bail!("there is no {what} `{name}`{place}; known: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_with_its_own_offset_or_the_one_that_is_given() {
        let told = |text, timezone| words::moment(moment(text, timezone).unwrap());
        assert_eq!(told("2026-06-03 09:00", "UTC"), "2026-06-03 09:00 +00:00");
        assert_eq!(told("2026-06-03 09:00", "+02:00"), "2026-06-03 09:00 +02:00");
        assert_eq!(told("2026-06-03T09:00:30-05:00", "+02:00"), "2026-06-03 09:00 -05:00");
        assert_eq!(told("2026-06-03", "-05:00"), "2026-06-03 00:00 -05:00");
        assert_eq!(told("1780470000123", "+02:00"), "2026-06-03 09:00 +02:00");
        assert!(moment("soon", "UTC").is_err() && moment("2026-06-03", "Paris").is_err());
    }
}
