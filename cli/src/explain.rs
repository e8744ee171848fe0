//! `petitfour explain`: why a person sees this and not that, and why two who look alike see different things.
//!
//! A person is a snapshot of a session, or a test as a marketer wrote it, played to its end. Everything that is told is read from the
//! bins, the gates and the weights that the decision itself went by. Of messages a collector is asked ([`message`]).

mod difference;
mod message;
mod person;
mod rank;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use petitfour::catalog::Catalog;
use petitfour::engine::Explanation;
use petitfour_compiler::story::Names;
use serde_json::{Value, json};

use self::difference::Difference;
use self::person::Person;
use crate::contents::{Bundle, Placement};
use crate::replay::check;
use crate::test::verdicts;
use crate::{folder, player, words};

/// Whom to explain, and where.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  petitfour explain --person \"shop/campaigns.test.yaml#everybody is welcome\" --placement hero --instead-of summer\n  \
                  petitfour explain --bundle bundle.pf4 --person anna.snapshot --person ben.snapshot --at \"2026-06-03 09:00 +02:00\"\n  \
                  petitfour explain --collector https://collect.shop.example --person email:anna@shop.example --instead-of call\n\n\
                  docs/testing.md says what a person is, docs/journeys.md#why-this-channel whom a collector knows."
)]
pub(crate) struct Arguments {
    /// The bundle, or campaign files [default: the campaign files beside the first person's test]
    #[arg(long, value_name = "PATH")]
    bundle: Option<PathBuf>,
    /// One person, or two: a session's snapshot, or FILE.test.yaml#name of a test. Of a collector one: a universal id, KIND:VALUE such as
    /// email:anna@shop.example, or a user id
    #[arg(long, value_name = "PERSON", required = true)]
    person: Vec<String>,
    /// The placement (repeatable) [default: all]
    #[arg(long, value_name = "NAME")]
    placement: Vec<String>,
    /// The moment, with the visitor's offset, or in Unix ms [default: the end of a test]
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
    /// The offset of the visitor's clock, where the moment has none [default: that of a test, else UTC]
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    timezone: Option<String>,
    /// Say also why this campaign is not what is seen; of messages: why they did not go by this channel
    #[arg(long, value_name = "CAMPAIGN|CHANNEL")]
    instead_of: Option<String>,
    /// Ask this collector what was sent to the person for journeys, and why by this channel. A token of a viewer goes with it from the
    /// environment, as PETITFOUR_TOKEN
    #[arg(long, value_name = "URL", conflicts_with_all = ["bundle", "placement", "at", "timezone"])]
    collector: Option<String>,
    /// So many of the person's latest messages
    #[arg(long, value_name = "N", requires = "collector", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=500))]
    last: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command; `false` when the campaign files or the tests have faults.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    if arguments.person.len() > 2 {
        bail!("give one person, or two to compare");
    }
    if let Some(collector) = &arguments.collector {
        let [person] = arguments.person.as_slice() else { bail!("of a collector's messages, give one person") };
        let asked = message::Asked { person, channel: arguments.instead_of.as_deref(), last: arguments.last as usize };
        return message::run(collector, &asked, arguments.json);
    }
    let Some((engine, declared)) = folder::open(&bundle(arguments)?)? else { return Ok(false) };
    let catalog = engine.catalog();
    let names = Names::of(catalog, &declared);
    let mut people = Vec::new();
    for told in &arguments.person {
        let at = arguments.at.as_deref();
        let Some(person) = Person::meet(told, &engine, &names, at, arguments.timezone.as_deref())? else {
            return Ok(false);
        };
        people.push(person);
    }
    person::tell_apart(&mut people);
    let mut told = Vec::new();
    for placement in placements(arguments, catalog)? {
        let seen: Vec<Explanation> = people.iter_mut().map(|person| person.look(&placement.name)).collect();
        let instead: Vec<Option<String>> = people
            .iter()
            .zip(&seen)
            .map(|(person, why)| Some(rank::instead_of(catalog, person, why, arguments.instead_of.as_deref()?)))
            .collect();
        let difference = match (people.as_slice(), seen.as_slice()) {
            ([one, other], [why, other_why]) => Some(Difference::between(catalog, (one, why), (other, other_why))),
            _ => None,
        };
        if arguments.json {
            told.push(as_json(&people, &seen, &instead, difference.as_ref()));
        } else {
            // A reader that has seen enough (`| head`) is no fault.
            let _ = write!(std::io::stdout(), "{}", as_text(&people, &seen, &instead, difference.as_ref()));
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&told)?);
    }
    Ok(true)
}

fn bundle(arguments: &Arguments) -> anyhow::Result<PathBuf> {
    if let Some(bundle) = &arguments.bundle {
        return Ok(bundle.clone());
    }
    let beside = arguments.person.iter().find_map(|told| {
        let (file, _) = person::parts(told);
        folder::is_test(file).then(|| file.parent().map(Path::to_path_buf).unwrap_or_default())
    });
    let beside = beside.context("give `--bundle`: a snapshot holds no campaigns")?;
    Ok(if beside.as_os_str().is_empty() { PathBuf::from(".") } else { beside })
}

/// The placements to look at; with a campaign in mind, only those where it stands.
fn placements(arguments: &Arguments, catalog: &Catalog) -> anyhow::Result<Vec<Placement>> {
    let all = Bundle::of(catalog).placements;
    for name in &arguments.placement {
        check(name, "placement", "", all.iter().map(|placement| placement.name.as_str()))?;
    }
    let wanted = |name: &String| arguments.placement.is_empty() || arguments.placement.contains(name);
    let wanted: Vec<Placement> = all.into_iter().filter(|placement| wanted(&placement.name)).collect();
    let Some(campaign) = &arguments.instead_of else { return Ok(wanted) };
    let place = match arguments.placement.as_slice() {
        [] => String::new(),
        named => format!(" at {}", named.join(" or ")),
    };
    let known = wanted.iter().flat_map(|placement| placement.campaigns.iter().map(String::as_str));
    check(campaign, "campaign", &place, known)?;
    Ok(wanted.into_iter().filter(|placement| placement.campaigns.contains(campaign)).collect())
}

fn as_text(
    people: &[Person],
    seen: &[Explanation],
    instead: &[Option<String>],
    difference: Option<&Difference>,
) -> String {
    let mut text = String::new();
    let mut line = |said: &str| {
        let _ = writeln!(text, "{said}");
    };
    line(seen.first().map_or("", |why| why.placement.as_str()));
    for ((person, why), instead) in people.iter().zip(seen).zip(instead) {
        line(&format!("  {} sees {}, at {}", person.name, player::seen(why), words::moment(person.at)));
        if let Some(said) = &why.said {
            if !said.options.is_empty() {
                line(&format!("    it says {}", said.options.join(", ")));
            }
            said.prices.iter().for_each(|price| line(&format!("    {price}")));
        }
        if let Some(instead) = instead {
            line(&format!("    {instead}"));
        }
    }
    match difference {
        // The first says what each sees.
        Some(difference) => difference.sentences.iter().skip(1).for_each(|said| line(&format!("  {said}"))),
        None => seen.iter().for_each(|why| line(&verdicts(why))),
    }
    line("");
    text
}

fn as_json(
    people: &[Person],
    seen: &[Explanation],
    instead: &[Option<String>],
    difference: Option<&Difference>,
) -> Value {
    let people: Vec<Value> = people
        .iter()
        .zip(seen)
        .zip(instead)
        .map(|((person, why), instead)| {
            json!({
                "name": person.name,
                "at": words::moment(person.at),
                "sees": player::seen(why),
                "why": why,
                "instead_of": instead,
            })
        })
        .collect();
    json!({ "placement": seen.first().map(|why| &why.placement), "people": people, "difference": difference })
}
