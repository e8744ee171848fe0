//! `petitfour inspect profile`: what is remembered of a visitor, for a person to read.
//!
//! Takes the bytes as a browser keeps them (base64, the value of the key or cookie) or as they are. A bundle gives the
//! names back; without one everything is told by its key.

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, anyhow};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use petitfour::{
    consent::Permissions,
    engine::{Engine, Session},
    time::Moment,
    view::{self, ProfileView},
};

use crate::inspect;

/// What to print, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  petitfour inspect profile profile.txt --bundle bundle.pf4\n  \
                  petitfour inspect profile - --json        reads what is pasted\n\n\
                  In a browser's console: copy(localStorage[\"petitfour.profile\"])")]
pub(crate) struct Arguments {
    /// The profile, base64 or bytes; `-` reads standard input
    file: PathBuf,
    /// The bundle whose names to put back
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A bundle that names nothing.
const EMPTY: &str = "petitfour: 1\nversion: 1\n";

/// Runs the command; bytes that are no profile are a fault.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let name = arguments.file.display();
    let bytes = unpack(read(&arguments.file)?);
    let bundle = match &arguments.bundle {
        Some(file) => inspect::open(file)?.bytes().to_vec(),
        None => {
            let source = petitfour_compiler::Source { name: "nothing".to_owned(), text: EMPTY.to_owned() };
            petitfour_compiler::compile(&[source], &|_| None).bundle.context("the bundle that names nothing")?
        }
    };
    let engine = Engine::load(bundle).map_err(|error| anyhow!("{error} ({})", error.code()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_millis() as u64);
    let moment = Moment::utc(now);
    let mut session = Session::new(Arc::new(engine), [0; 32]);
    session.consent(Permissions::from_bits(0b11), moment);
    session.restore(&bytes).map_err(|error| anyhow!("{name}: {error} ({})", error.code()))?;
    let view = view::profile(&session, moment);
    let text = if arguments.json { serde_json::to_string_pretty(&view)? } else { print(&view) };
    // A reader that has seen enough (`| head`) is no fault.
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    Ok(true)
}

/// The bytes of a file; `-` is standard input.
pub(crate) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file != Path::new("-") {
        return std::fs::read(file).with_context(|| format!("cannot read {}", file.display()));
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
    Ok(bytes)
}

/// Base64 to bytes; what is no base64 stays as it is. A cookie's value may be quoted, its "=" escaped.
pub(crate) fn unpack(bytes: Vec<u8>) -> Vec<u8> {
    let text = std::str::from_utf8(&bytes).unwrap_or_default().replace("%3D", "");
    let bare = text.trim_matches(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '='));
    STANDARD_NO_PAD.decode(bare).ok().filter(|decoded| !decoded.is_empty()).unwrap_or(bytes)
}

fn print(view: &ProfileView) -> String {
    let mut text = String::new();
    let mut line = |indent: usize, said: String| {
        let _ = writeln!(text, "{:indent$}{said}", "");
    };
    line(0, format!("visitor {}, {} visits", view.visitor, view.visits));
    line(0, format!("{} of {} bytes", view.bytes, view.max_bytes));
    let mut block = |title: &str, rows: Vec<String>| {
        if !rows.is_empty() {
            line(0, String::new());
            line(0, title.to_owned());
            rows.into_iter().for_each(|row| line(2, row));
        }
    };
    let counters = view.counters.iter().map(|counter| {
        let days: u64 = counter.days.iter().map(|day| day.count).sum();
        let days = if counter.days.is_empty() { String::new() } else { format!(", {days} on days that count") };
        let worth = if counter.worth > 0.0 { format!(", worth {}", counter.worth) } else { String::new() };
        let ago = counter.hours_ago.map(|hours| format!(", {} ago", ago(hours))).unwrap_or_default();
        format!("{}: {}{days}{worth}{ago}", counter.name, counter.total)
    });
    block("what was done", counters.collect());
    block("interests", view.affinities.iter().map(|it| format!("{} {}: {}", it.name, it.value, it.strength)).collect());
    block("what was said", view.traits.iter().map(|it| format!("{}: {}", it.name, it.value)).collect());
    let inside = |inside| if inside { "in" } else { "out" };
    block(
        "what the origin said",
        view.memberships.iter().map(|it| format!("{}: {}", it.name, inside(it.inside))).collect(),
    );
    block(
        "journeys",
        view.journeys
            .iter()
            .map(|it| format!("{}: {}", it.name, if it.step.is_empty() { "at a step that is gone" } else { &it.step }))
            .collect(),
    );
    let caps = view.caps.iter().map(|cap| {
        format!(
            "{}: {} this hour, {} today, {} in seven days, {} ever",
            cap.campaign, cap.hour, cap.day, cap.week, cap.total
        )
    });
    block("what was seen", caps.collect());
    text
}

fn ago(hours: u64) -> String {
    if hours < 48 { format!("{hours} hours") } else { format!("{} days", hours / 24) }
}
