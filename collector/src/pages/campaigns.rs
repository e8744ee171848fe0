//! What campaigns did, what they changed, and how far visitors came with each.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::Arc,
};

use axum::{Extension, extract::State, response::Response};

use super::{
    chart, counted, lifted,
    markup::{Here, Sheet, Text, grouped, nothing, percent, share},
};
use crate::{
    access::Who,
    answer::Refusal,
    counts::{Campaign, Counts},
    lift::Lift,
    site::App,
};

/// The page.
///
/// # Errors
/// When the store cannot be read.
pub async fn page(State(app): State<Arc<App>>, Extension(who): Extension<Who>) -> Result<Response, Refusal> {
    let counts = counted(&app).await?;
    let lifts = lifted(&app).await?;
    let mut main = String::with_capacity(16 * 1024);
    write(&mut main, &counts, &lifts).ok();
    let lead = "What each campaign changed, held against visitors from whom it was withheld; how far visitors came with it; and what was counted.";
    Ok(Sheet { here: Here::Campaigns, title: "Campaigns", lead, who: &who }.around(&main))
}

fn write(out: &mut String, counts: &Counts, lifts: &BTreeMap<i64, Lift>) -> fmt::Result {
    let of = |row: &Campaign| {
        i64::from_str_radix(&row.key, 16).ok().and_then(|key| lifts.get(&key)).copied().unwrap_or_default()
    };
    let rows: Vec<(&Campaign, Lift)> = counts.campaigns.iter().map(|row| (row, of(row))).collect();
    lift(out, &rows)?;
    funnels(out, &rows)?;
    table(out, counts)
}

fn lift(out: &mut String, rows: &[(&Campaign, Lift)]) -> fmt::Result {
    out.push_str("<section class=\"card\" id=\"lift\" data-live aria-labelledby=\"lift-name\">\n<h2 id=\"lift-name\">Lift against the holdout</h2>\n");
    let held: Vec<_> = rows.iter().filter(|(_, lift)| lift.withheld.visitors > 0).collect();
    if held.is_empty() {
        out.push_str(&nothing(
            "No campaign was withheld from anybody yet. Give one a <code>holdout</code> and this says what it changes.",
        ));
        out.push_str("</section>\n");
        return Ok(());
    }
    let ends = held.iter().filter_map(|(_, lift)| lift.interval).map(|found| found.from.abs().max(found.to.abs()));
    let most = axis(ends.fold(0.0, f64::max));
    write!(
        out,
        "<p class=\"quiet\">Visitors for whom it was chosen, and visitors from whom it was withheld: how many had an outcome other than a click \
         within seven days of the first time. The bar is where the difference lies, 95 times of 100. One campaign of twenty \
         that changes nothing will seem to.</p>\n\
         <div class=\"wide\"><table class=\"lift\"><caption class=\"hidden\">Difference of outcome rates between chosen and withheld visitors, \
         with its 95 % interval</caption>\n<thead><tr><th scope=\"col\">Campaign</th><th scope=\"col\">Chosen</th><th scope=\"col\">Withheld</th>\
         <th scope=\"col\" class=\"picture\"><span class=\"axis\"><span>−{most}</span><span>no difference</span><span>+{most}</span></span></th>\
         <th scope=\"col\">Difference</th></tr></thead>\n<tbody>\n",
        most = points(most),
    )?;
    for (row, lift) in held {
        write!(
            out,
            "<tr data-lift=\"{}\"><th scope=\"row\">{}</th><td data-label=\"chosen\">{}<small>{} of {}</small></td>\
             <td data-label=\"withheld\">{}<small>{} of {}</small></td><td class=\"picture\">",
            Text(&row.key),
            Text(&row.name),
            percent(lift.chosen.outcomes, lift.chosen.visitors),
            grouped(lift.chosen.outcomes),
            grouped(lift.chosen.visitors),
            percent(lift.withheld.outcomes, lift.withheld.visitors),
            grouped(lift.withheld.outcomes),
            grouped(lift.withheld.visitors),
        )?;
        if let Some(interval) = lift.interval {
            chart::interval(out, interval, most)?;
        }
        write!(out, "<p class=\"said\">{}</p></td><td data-label=\"difference\">", said(lift))?;
        match lift.interval {
            Some(found) => write!(
                out,
                "<strong>{}</strong><small>{} to {}</small>",
                signed(found.difference),
                signed(found.from),
                signed(found.to)
            )?,
            None => out.push('–'),
        }
        out.push_str("</td></tr>\n");
    }
    out.push_str("</tbody></table></div>\n</section>\n");
    Ok(())
}

/// The plain sentence.
fn said(lift: &Lift) -> String {
    let mut text = match lift.interval {
        None if lift.chosen.visitors == 0 => "It was not chosen for anybody yet.".to_owned(),
        None => "Nobody in either group had an outcome other than a click yet.".to_owned(),
        Some(found) if !found.is_told() => {
            let needed = (found.to - found.from) / 2.0;
            format!("No difference can be told yet: it would have to be about {}.", points(needed))
        }
        Some(found) => {
            let (low, high) = (found.from.abs().min(found.to.abs()), found.from.abs().max(found.to.abs()));
            let more = if found.difference > 0.0 { "more" } else { "fewer" };
            format!("Of 100 visitors, {} to {} {more} had an outcome.", number(low * 100.0), number(high * 100.0))
        }
    };
    if lift.mixed > 0 {
        // Their holdout was changed while it ran.
        text.push_str(&format!(" {} visitors were in both groups and are left out.", grouped(lift.mixed)));
    }
    text
}

/// The end of the axis: a round number of percentage points.
fn axis(most: f64) -> f64 {
    [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5].into_iter().find(|end| most <= *end).unwrap_or(1.0)
}

fn points(share: f64) -> String {
    format!("{} points", number(share * 100.0))
}

fn signed(share: f64) -> String {
    let text = format!("{:.1}", (share * 100.0).abs());
    match text.as_str() {
        "0.0" => text,
        _ if share < 0.0 => format!("−{text}"),
        _ => format!("+{text}"),
    }
}

/// One decimal where it says something.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The stages of a funnel.
const STAGES: [&str; 4] = ["chosen for", "saw it", "clicked", "did more"];

fn funnels(out: &mut String, rows: &[(&Campaign, Lift)]) -> fmt::Result {
    let mut rows: Vec<_> = rows.iter().filter(|(_, lift)| lift.funnel.chosen > 0).collect();
    rows.sort_by_key(|(_, lift)| std::cmp::Reverse(lift.funnel.chosen));
    if rows.is_empty() {
        return Ok(());
    }
    out.push_str(
        "<section class=\"card\" id=\"funnels\" data-live aria-labelledby=\"funnels-name\">\n<h2 id=\"funnels-name\">How far visitors came</h2>\n\
         <p class=\"quiet\">Visitors, each counted once. Clicks and outcomes are those that the campaign is credited with.</p>\n<div class=\"funnels\">\n",
    );
    for (row, Lift { funnel, .. }) in rows {
        let values = [funnel.chosen, funnel.exposed, funnel.clicked, funnel.outcome];
        write!(out, "<article><h3>{}</h3>", Text(&row.name))?;
        chart::funnel(out, &values)?;
        out.push_str("<dl>");
        for (at, (stage, value)) in STAGES.iter().zip(values).enumerate() {
            let part = if at == 0 { String::new() } else { percent(value, funnel.chosen) };
            write!(out, "<div><dt>{stage}</dt><dd>{}<small>{part}</small></dd></div>", grouped(value))?;
        }
        out.push_str("</dl></article>\n");
    }
    out.push_str("</div>\n</section>\n");
    Ok(())
}

fn table(out: &mut String, counts: &Counts) -> fmt::Result {
    out.push_str("<section class=\"card\" id=\"counts\" data-live aria-labelledby=\"counts-name\">\n<h2 id=\"counts-name\">Counts</h2>\n");
    if counts.campaigns.is_empty() {
        out.push_str(&nothing("Nothing yet. Open a page that runs the engine, permit measuring, and look again."));
        out.push_str("</section>\n");
        return Ok(());
    }
    out.push_str(
        "<p class=\"legend\"><span class=\"key biscuit\"></span>chosen <span class=\"key rose\"></span>seen \
         <span class=\"key accent\"></span>clicked</p>\n<div class=\"wide\"><table><caption class=\"hidden\">Counts by campaign</caption>\n\
         <thead><tr><th scope=\"col\">Campaign</th><th scope=\"col\" class=\"picture\"><span class=\"hidden\">Picture</span></th>\
         <th scope=\"col\">Decisions</th><th scope=\"col\">Exposures</th><th scope=\"col\">Clicks</th><th scope=\"col\">Click rate</th>\
         <th scope=\"col\">Outcomes</th><th scope=\"col\">Withheld</th></tr></thead>\n<tbody>\n",
    );
    let most = counts.campaigns.iter().map(|row| row.decisions).max().unwrap_or_default();
    for row in &counts.campaigns {
        write!(
            out,
            "<tr data-campaign=\"{}\"><th scope=\"row\">{}</th><td class=\"picture\">",
            Text(&row.key),
            Text(&row.name)
        )?;
        chart::bar(
            out,
            &[
                ("biscuit", share(row.decisions, most)),
                ("rose", share(row.exposures, most)),
                ("accent", share(row.clicks, most)),
            ],
        )?;
        out.push_str("</td>");
        for (field, value) in [
            ("decisions", grouped(row.decisions)),
            ("exposures", grouped(row.exposures)),
            ("clicks", grouped(row.clicks)),
            ("click rate", percent(row.clicks, row.exposures)),
            ("outcomes", grouped(row.outcomes)),
            ("withheld", grouped(row.withheld)),
        ] {
            write!(out, "<td data-label=\"{field}\">{value}</td>")?;
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n</section>\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lift::Group;

    fn of(chosen: (i64, i64), withheld: (i64, i64)) -> Lift {
        let group = |(outcomes, visitors)| Group { visitors, outcomes };
        let (chosen, withheld) = (group(chosen), group(withheld));
        Lift { chosen, withheld, interval: chosen.against(withheld), ..Lift::default() }
    }

    #[test]
    fn an_interval_across_zero_is_said_to_tell_nothing() {
        assert!(said(&of((6, 100), (5, 100))).starts_with("No difference can be told yet"));
        assert_eq!(said(&of((56, 70), (48, 80))), "Of 100 visitors, 5.2 to 33.4 more had an outcome.");
        assert_eq!(said(&of((48, 80), (56, 70))), "Of 100 visitors, 5.2 to 33.4 fewer had an outcome.");
    }

    #[test]
    fn the_axis_ends_at_a_round_number() {
        assert_eq!([0.004, 0.03, 0.21, 0.9].map(axis), [0.005, 0.05, 0.3, 1.0]);
    }
}
