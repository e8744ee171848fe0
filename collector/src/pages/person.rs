//! Somebody: what they did, by what they are known, in which segments they are, how often they saw what, and why all of it is one
//! person.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::Arc,
};

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    chart,
    evidence::{self, Evidence, State as Counted},
    markup::{Here, Sheet, Text, grouped, nothing, time},
    name, names, search,
};
use crate::{
    access::Who,
    answer::Refusal,
    graph::{self, Graph, Memory, Person, Step, Which},
    hex, params,
    person::{
        api, frequency,
        segments::{self, Standing},
        timeline::{self, Moment},
    },
    site::App,
    sql::{Connection, Result},
    store::now,
};

/// Moments that are shown.
const MOMENTS: i64 = 120;

/// Days of the picture of exposures.
const DAYS: i64 = 30;

/// Two identifiers, by universal id; `again` ties what was parted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pair {
    from: String,
    to: String,
    again: String,
}

/// The two ends of a path, by universal id.
type Ends = Option<(String, String)>;

/// Everything that is shown.
struct Shown {
    person: Person,
    evidence: Evidence,
    ends: Ends,
    path: Vec<Step>,
    standings: Vec<Standing>,
    frequency: BTreeMap<(i64, u32), i64>,
    names: BTreeMap<i64, String>,
    moments: Vec<Moment>,
}

/// The page.
///
/// # Errors
/// [`Refusal::Asked`] for what is no id, or when the store cannot be read.
pub async fn page(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    Path(uid): Path<String>,
    Query(pair): Query<Pair>,
) -> std::result::Result<Response, Refusal> {
    let uid: [u8; 16] = hex::read(&uid).ok_or(Refusal::Asked)?;
    let (policy, engine) = (Arc::clone(&app.policy), app.asked());
    let shown = app
        .reader
        .run("person", move |connection| {
            let Some(person) = graph::person(connection, &policy, &uid)? else { return Ok(None) };
            let standings = match &engine {
                Some(engine) => segments::of(connection, engine, person.root, now())?,
                None => Vec::new(),
            };
            let (ends, path) = why(connection, &policy, &person, &pair)?;
            Ok(Some(Shown {
                evidence: evidence::read(connection, person.root)?,
                ends,
                path,
                standings,
                frequency: frequency::of(connection, person.root, now().saturating_sub(DAYS * frequency::DAY))?,
                names: names(connection)?,
                moments: timeline::read(connection, person.root, MOMENTS)?,
                person,
            }))
        })
        .await?;
    let mut main = String::with_capacity(32 * 1024);
    let Some(shown) = shown else {
        search::form(&mut main, Some("Nobody goes by this id.")).ok();
        let sheet =
            Sheet { here: Here::Person, title: "Person", lead: "Somebody who was deleted has no page.", who: &who };
        return Ok(sheet.with(StatusCode::NOT_FOUND, &main));
    };
    let uid = hex::write(&shown.person.uid);
    let short: String = uid.chars().take(8).collect();
    shown.write(&mut main, &app, &who).ok();
    let lead = format!(
        "<code>{uid}</code>. Identifiers stand here as ids of our own: no digest by which they could be joined elsewhere is shown."
    );
    Ok(Sheet { here: Here::Person, title: &format!("Person {short}"), lead: &lead, who: &who }.around(&main))
}

/// The path that was asked for, or one between the two oldest ends, so that there is one to look at.
fn why(connection: &Connection, policy: &graph::Policy, person: &Person, pair: &Pair) -> Result<(Ends, Vec<Step>)> {
    let (first, last) = (person.identifiers.first(), person.identifiers.last());
    let (from, to) = match (hex::read::<16>(&pair.from), hex::read::<16>(&pair.to), first, last) {
        (Some(from), Some(to), ..) => (from, to),
        (_, _, Some(first), Some(last)) => (first.uid, last.uid),
        _ => return Ok((None, Vec::new())),
    };
    let ends = Some((hex::write(&from), hex::write(&to)));
    let (Some(one), Some(two)) = (number(connection, &from)?, number(connection, &to)?) else {
        return Ok((ends, Vec::new()));
    };
    let mut memory = Memory::default();
    let path = Graph::new(connection, policy, &mut memory, now()).path(one, two)?;
    Ok((ends, path))
}

fn number(connection: &Connection, uid: &[u8; 16]) -> Result<Option<i64>> {
    connection.scalar("SELECT id FROM identifiers WHERE uid = ?1", params![uid])
}

/// Parts two identifiers for good, or lets what was parted be tied again.
///
/// # Errors
/// [`Refusal::Asked`] for what is no id, [`Refusal::Nobody`] for an id of nobody, or the writer's.
pub async fn cut(
    State(app): State<Arc<App>>,
    Path(uid): Path<String>,
    Form(pair): Form<Pair>,
) -> std::result::Result<Response, Refusal> {
    let uid: [u8; 16] = hex::read(&uid).ok_or(Refusal::Asked)?;
    let (from, to) = (hex::read(&pair.from).ok_or(Refusal::Asked)?, hex::read(&pair.to).ok_or(Refusal::Asked)?);
    let again = !pair.again.is_empty();
    let done = app.writer.run("evidence", move |graph| {
        let (Some(one), Some(two)) = (number(graph.connection, &from)?, number(graph.connection, &to)?) else {
            return Ok(None);
        };
        let which = Which::Pair(one, two);
        if again { graph.restore(&which) } else { graph.withdraw(&which) }.map(Some)
    });
    done.await?.ok_or(Refusal::Nobody)?;
    Ok(Redirect::to(&format!("/collector/person/{}#evidence", hex::write(&uid))).into_response())
}

impl Shown {
    fn write(&self, out: &mut String, app: &App, who: &Who) -> fmt::Result {
        self.why(out, app, who)?;
        out.push_str("<div class=\"columns-2\">\n<div>\n");
        self.timeline(out)?;
        out.push_str("</div>\n<div>\n");
        self.identifiers(out)?;
        self.segments(out)?;
        self.frequency(out)?;
        out.push_str("</div>\n</div>\n");
        self.evidence(out, who)?;
        out.push_str(
            "<section class=\"card\" aria-labelledby=\"other-name\"><h2 id=\"other-name\">Somebody else</h2>\n",
        );
        search::form(out, None)?;
        out.push_str("</section>\n");
        Ok(())
    }

    fn why(&self, out: &mut String, app: &App, who: &Who) -> fmt::Result {
        out.push_str("<section class=\"card\" id=\"why\" aria-labelledby=\"why-name\">\n<h2 id=\"why-name\">Why one person</h2>\n");
        self.evidence.draw(out, &app.policy, &self.path)?;
        let (from, to) = self.ends.clone().unwrap_or_default();
        if self.person.identifiers.len() > 1 {
            out.push_str("<form class=\"ask\" method=\"get\"><label class=\"grow\">From <select name=\"from\">");
            self.options(out, &from)?;
            out.push_str("</select></label><label class=\"grow\">To <select name=\"to\">");
            self.options(out, &to)?;
            out.push_str("</select></label><button>Show the path</button></form>\n");
        } else {
            out.push_str(&nothing("One identifier alone: nothing was to be tied."));
        }
        if self.path.is_empty() && from != to {
            out.push_str("<p class=\"fault\">These two are not one person's, as far as the evidence goes.</p>\n");
        }
        if !self.path.is_empty() {
            out.push_str("<ol class=\"steps\">\n");
            for step in &self.path {
                self.step(out, step, who)?;
            }
            out.push_str("</ol>\n");
        }
        out.push_str("</section>\n");
        Ok(())
    }

    fn options(&self, out: &mut String, chosen: &str) -> fmt::Result {
        for known in &self.person.identifiers {
            let uid = hex::write(&known.uid);
            let selected = if uid == chosen { " selected" } else { "" };
            write!(out, "<option value=\"{uid}\"{selected}>{}</option>", Text(&self.evidence.label(known.id)))?;
        }
        Ok(())
    }

    fn step(&self, out: &mut String, step: &Step, who: &Who) -> fmt::Result {
        let message: String = hex::write(&step.edge.evidence).chars().take(12).collect();
        write!(
            out,
            "<li><p><strong>{}</strong> <span class=\"arrow\" aria-label=\"tied to\">→</span> <strong>{}</strong></p>\
             <p class=\"quiet\">{} · from {} · {} sure · {}{}</p>",
            Text(&self.evidence.label(step.from)),
            Text(&self.evidence.label(step.to)),
            step.edge.rule.text(),
            Text(&step.edge.source),
            sure(step.edge.confidence),
            time(step.edge.first_at, now()),
            if message.is_empty() { String::new() } else { format!(" · message <code>{message}</code>") },
        )?;
        if who.is_admin() {
            self.button(out, step.from, step.to, false)?;
        }
        out.push_str("</li>\n");
        Ok(())
    }

    fn button(&self, out: &mut String, a: i64, b: i64, again: bool) -> fmt::Result {
        let (Some(one), Some(two)) = (self.evidence.spots.get(&a), self.evidence.spots.get(&b)) else { return Ok(()) };
        let (extra, word) = if again {
            ("<input type=\"hidden\" name=\"again\" value=\"1\">", "Let them be tied again")
        } else {
            ("", "Part these two")
        };
        write!(
            out,
            "<form method=\"post\" action=\"/collector/person/{}/cut\"><input type=\"hidden\" name=\"from\" value=\"{}\">\
             <input type=\"hidden\" name=\"to\" value=\"{}\">{extra}<button class=\"plain\" aria-label=\"{word}: {} and {}\">{word}</button></form>",
            hex::write(&self.person.uid),
            one.uid,
            two.uid,
            Text(&one.label()),
            Text(&two.label()),
        )
    }

    fn identifiers(&self, out: &mut String) -> fmt::Result {
        out.push_str(
            "<section class=\"card\" aria-labelledby=\"known-name\">\n<h2 id=\"known-name\">Known by</h2>\n<table><caption class=\"hidden\">Identifiers</caption>\
             <thead><tr><th scope=\"col\">Kind</th><th scope=\"col\">Id</th><th scope=\"col\">Since</th></tr></thead>\n<tbody>\n",
        );
        for known in &self.person.identifiers {
            let uid: String = hex::write(&known.uid).chars().take(6).collect();
            let shared = if known.shared { " <span class=\"tag caramel\">shared</span>" } else { "" };
            writeln!(
                out,
                "<tr><th scope=\"row\">{}{shared}</th><td data-label=\"id\"><code>{uid}</code></td><td data-label=\"since\">{}</td></tr>",
                api::called(known.namespace).replace('_', " "),
                time(known.first_at, now())
            )?;
        }
        out.push_str("</tbody></table>\n");
        if !self.person.household.is_empty() {
            out.push_str("<h3>Household</h3><p>Shares an address, a number or a card with ");
            for (at, other) in self.person.household.iter().enumerate() {
                let uid = hex::write(other);
                let short: String = uid.chars().take(8).collect();
                let comma = if at > 0 { ", " } else { "" };
                write!(out, "{comma}<a href=\"/collector/person/{uid}\"><code>{short}</code></a>")?;
            }
            out.push_str(".</p>\n");
        }
        out.push_str("</section>\n");
        Ok(())
    }

    fn segments(&self, out: &mut String) -> fmt::Result {
        out.push_str("<section class=\"card\" aria-labelledby=\"in-name\">\n<h2 id=\"in-name\">Segments</h2>\n");
        if self.standings.is_empty() {
            out.push_str(&nothing("None is asked about, or nothing was told of this person yet."));
        } else {
            out.push_str("<ul class=\"tags\">\n");
            for standing in &self.standings {
                let (class, word) = if standing.inside { ("good", "in") } else { ("", "not in") };
                writeln!(
                    out,
                    "<li class=\"tag {class}\"><span class=\"hidden\">{word} </span>{}</li>",
                    Text(&standing.name)
                )?;
            }
            out.push_str("</ul>\n");
        }
        out.push_str("</section>\n");
        Ok(())
    }

    fn frequency(&self, out: &mut String) -> fmt::Result {
        out.push_str(
            "<section class=\"card\" aria-labelledby=\"seen-name\">\n<h2 id=\"seen-name\">Saw, in 30 days</h2>\n",
        );
        let mut campaigns: BTreeMap<u32, BTreeMap<i64, i64>> = BTreeMap::new();
        for ((day, campaign), count) in &self.frequency {
            *campaigns.entry(*campaign).or_default().entry(*day).or_default() += count;
        }
        if campaigns.is_empty() {
            out.push_str(&nothing("Nothing, on any device or channel that tells."));
        } else {
            let today = now() / frequency::DAY;
            out.push_str(
                "<table><caption class=\"hidden\">Exposures by campaign, all devices and channels</caption><thead class=\"hidden\"><tr><th scope=\"col\">Campaign</th>\
                 <th scope=\"col\">By day</th><th scope=\"col\">Exposures</th></tr></thead>\n<tbody>\n",
            );
            for (campaign, days) in &campaigns {
                write!(
                    out,
                    "<tr><th scope=\"row\">{}</th><td class=\"small-picture\">",
                    Text(&name(&self.names, (*campaign).into()))
                )?;
                let values: Vec<i64> =
                    (0..DAYS).rev().map(|ago| days.get(&(today - ago)).copied().unwrap_or_default()).collect();
                chart::columns(out, &values)?;
                writeln!(out, "</td><td data-label=\"exposures\">{}</td></tr>", grouped(days.values().sum()))?;
            }
            out.push_str("</tbody></table>\n");
        }
        out.push_str("</section>\n");
        Ok(())
    }

    fn timeline(&self, out: &mut String) -> fmt::Result {
        out.push_str("<section class=\"card\" aria-labelledby=\"did-name\">\n<h2 id=\"did-name\">Timeline</h2>\n");
        if self.moments.is_empty() {
            out.push_str(&nothing("Nothing was told of this person."));
        } else {
            out.push_str("<ol class=\"moments\">\n");
            for moment in &self.moments {
                self.moment(out, moment)?;
            }
            out.push_str("</ol>\n");
        }
        out.push_str("</section>\n");
        Ok(())
    }

    fn moment(&self, out: &mut String, moment: &Moment) -> fmt::Result {
        let mark = match moment.kind.as_str() {
            "decision" => "biscuit",
            "exposure" => "rose",
            "outcome" => "accent",
            "identify" | "alias" | "group" => "caramel",
            _ => "good",
        };
        write!(
            out,
            "<li><time>{}</time><span><span class=\"dot {mark}\"></span><span class=\"kind\">{}</span> <strong>{}</strong>",
            time(moment.at, now()),
            Text(&moment.kind),
            Text(&moment.name)
        )?;
        if let Some(value) = moment.value {
            write!(out, " <span class=\"tag\">{value}</span>")?;
        }
        if let Some(reason) = &moment.reason {
            write!(out, " <span class=\"quiet\">because: {}</span>", Text(&reason.replace('_', " ")))?;
        }
        writeln!(
            out,
            " <span class=\"quiet\">{} · {}</span></span></li>",
            Text(&moment.source),
            api::called(moment.namespace).replace('_', " ")
        )
    }

    fn evidence(&self, out: &mut String, who: &Who) -> fmt::Result {
        out.push_str("<section class=\"card\" id=\"evidence\" aria-labelledby=\"evidence-name\">\n<h2 id=\"evidence-name\">All evidence</h2>\n");
        if self.evidence.ties.is_empty() {
            out.push_str(&nothing("None."));
            out.push_str("</section>\n");
            return Ok(());
        }
        out.push_str(
            "<div class=\"wide\"><table><caption class=\"hidden\">Evidence at this person's identifiers</caption><thead><tr><th scope=\"col\">Between</th>\
             <th scope=\"col\" class=\"left\">and</th><th scope=\"col\" class=\"left\">Rule</th><th scope=\"col\" class=\"left\">Source</th><th scope=\"col\">Sure</th>\
             <th scope=\"col\">First said</th><th scope=\"col\" class=\"left\">State</th></tr></thead>\n<tbody>\n",
        );
        for tie in &self.evidence.ties {
            write!(
                out,
                "<tr><th scope=\"row\">{}</th><td class=\"left\" data-label=\"and\">{}</td><td class=\"left\" data-label=\"rule\">{}</td>\
                 <td class=\"left\" data-label=\"source\">{}</td><td data-label=\"sure\">{}</td><td data-label=\"first said\">{}</td><td class=\"left\" data-label=\"state\">",
                Text(&self.evidence.label(tie.a)),
                Text(&self.evidence.label(tie.b)),
                tie.rule.text(),
                Text(&tie.source),
                sure(tie.confidence),
                time(tie.at, now())
            )?;
            let shared = [tie.a, tie.b].iter().any(|id| self.evidence.spots.get(id).is_some_and(|spot| spot.shared));
            let own = [tie.a, tie.b].iter().all(|id| self.evidence.spots.get(id).is_some_and(|spot| spot.own));
            out.push_str(match tie.state {
                Counted::Counts if shared => "<span class=\"tag caramel\">shared, ties nobody</span>",
                Counted::Counts if !own => "<span class=\"tag\">kept, ties nothing</span>",
                Counted::Counts => "<span class=\"tag good\">counts</span>",
                Counted::Withdrawn => "<span class=\"tag\">withdrawn</span>",
                Counted::Cut => "<span class=\"tag bad\">parted</span> ",
            });
            if who.is_admin() && tie.state == Counted::Cut {
                self.button(out, tie.a, tie.b, true)?;
            }
            out.push_str("</td></tr>\n");
        }
        out.push_str("</tbody></table></div>\n</section>\n");
        Ok(())
    }
}

fn sure(confidence: u16) -> String {
    format!("{:.0} %", f64::from(confidence) / 10.0)
}
