//! The report as a page: words and pictures in one file, without script; and what a terminal shows.

use std::fmt::Write as _;

use super::chart::{self, percent};
use super::judge::{Opinion, round};
use super::report::Report;
use crate::picture::{self, escape};
use crate::simulate::summary::grouped;

const STYLE: &str = ":root{color-scheme:light dark}body{font:16px/1.55 system-ui,sans-serif;max-width:900px;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
h1{font-size:1.7rem;line-height:1.2}h2{font-size:1.2rem;margin-top:2.4rem}svg{width:100%;height:auto;margin:.6rem 0}table{border-collapse:collapse;font-size:.92rem;margin:.8rem 0}\
td,th{padding:.25rem .8rem .25rem 0;text-align:left;border-bottom:1px solid #8a8f9844;vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
.verdict{border-left:4px solid #b5563c;padding:.5rem 1rem;background:#b5563c14}.verdict.better{border-color:#3c8d5a;background:#3c8d5a14}.note{color:#666;font-size:.92rem}code{font-size:.9em;overflow-wrap:anywhere}\
.h{font-size:13px;font-weight:600}@media(prefers-color-scheme:dark){body{color:#eee;background:#16181c}.note{color:#aaa}}";

/// Outcomes below which an interval is not to be believed: of two that are expected, one log in seven has none (docs/evaluation.md).
const FEW: usize = 10;

/// What a terminal shows.
pub(super) fn brief(report: &Report) -> String {
    let mut text = String::new();
    let judged = &report.judged;
    let _ =
        writeln!(text, "\n{:<34}{:>12}{:>24}{:>10}", "outcomes of a hundred decisions", "dr", "95% interval", "worth");
    let interval = |from: Option<f64>, to: Option<f64>| match (from, to) {
        (Some(from), Some(to)) => format!("{} to {}", percent(from), percent(to)),
        _ => "-".to_owned(),
    };
    let earned = judged.logged.value.unwrap_or_default();
    let _ = writeln!(
        text,
        "{:<34}{:>12}{:>24}{:>10}",
        "as logged",
        percent(earned),
        interval(judged.logged.from, judged.logged.to),
        grouped(judged.outcomes as u64)
    );
    for opinion in judged.policies.iter().chain([&judged.crossed]) {
        let value = opinion.value("dr");
        let _ = writeln!(
            text,
            "{:<34}{:>12}{:>24}{:>10.1}",
            opinion.policy,
            value.and_then(|value| value.value).map_or_else(|| "-".to_owned(), percent),
            value.map_or_else(String::new, |value| interval(value.from, value.to)),
            opinion.effective_outcomes
        );
    }
    let _ = writeln!(text, "\nWould it have been better? {}.", judged.verdict());
    for note in warnings(report) {
        let _ = writeln!(text, "\n{note}");
    }
    text
}

/// The whole page.
pub(super) fn write(report: &Report) -> String {
    let mut body = String::new();
    let judged = &report.judged;
    let whole = |number: usize| grouped(number as u64);
    let _ = writeln!(body, "<h1>From {} and back</h1>", escape(&report.logs.join(", ")));
    let _ = writeln!(
        body,
        "<p>{} decisions among {} candidates, of which {} had an outcome ({}). One half was learned from; the bundle that came of it is judged on the other.</p>",
        whole(report.rounds),
        whole(report.candidates),
        whole(report.outcomes),
        percent(report.outcomes as f64 / report.rounds.max(1) as f64)
    );
    verdict(&mut body, report);
    for note in warnings(report) {
        let _ = writeln!(body, "<p class=\"note\">{}</p>", escape(&note));
    }

    body.push_str("<h2>Would it have been better?</h2>\n");
    body.push_str(&chart::estimates(report));
    let _ = writeln!(
        body,
        "<p>What each policy would have earned on the {} decisions that the model has not seen, of which {} had an outcome. <code>dm</code> is what the model itself believes: it picked these \
         candidates because they looked good to it, so it flatters. <code>ipw</code> and <code>snipw</code> ask the log alone, <code>dr</code> corrects the model by the log, and is what policies are compared by.</p>",
        whole(judged.rounds),
        whole(judged.outcomes)
    );
    opinions(&mut body, report);

    body.push_str("<h2>How much of the log speaks of it</h2>\n");
    if let Some(own) = judged.policies.first() {
        let _ = writeln!(
            body,
            "<p>Where the log did what the bundle would do, a round speaks for many; where it did something else, for almost none. All in all these {} rounds are worth {} rounds of the \
             bundle's own, and {:.1} outcomes. The heaviest counts {:.1} times.</p>",
            whole(judged.rounds),
            whole(own.effective_rounds.round() as usize),
            own.effective_outcomes,
            own.largest_weight
        );
    }
    body.push_str(&chart::weights(report));

    body.push_str("<h2>What was learned</h2>\n");
    learned(&mut body, report);
    body.push_str(&chart::losses(report));
    body.push_str("<h2>Is a probability what comes?</h2>\n");
    reliability(&mut body, report);
    body.push_str(&chart::reliability(report));
    body.push_str("<h2>What is shown how often</h2>\n");
    body.push_str(&chart::shown(report));
    body.push_str("<h2>What it takes on a device</h2>\n");
    device(&mut body, report);
    body.push_str(&chart::bytes(report));
    body.push_str("<h2>Is what was judged what ships?</h2>\n");
    replayed(&mut body, report);
    next(&mut body, report);
    sources(&mut body, report);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>Loop</title>\n\
         <style>{}{}{STYLE}</style>\n<body>\n{body}</body>\n</html>\n",
        picture::STYLE,
        chart::STYLE
    )
}

fn verdict(body: &mut String, report: &Report) {
    let judged = &report.judged;
    let Some(own) = judged.policies.first() else { return };
    let class = if own.verdict == "better" { "verdict better" } else { "verdict" };
    let _ = writeln!(
        body,
        "<p class=\"{class}\"><strong>Would it have been better?</strong> {}.",
        escape(&capital(&own.words))
    );
    let _ = write!(
        body,
        " As logged, {} of the decisions had an outcome; the estimate for the bundle is {}",
        percent(judged.logged.value.unwrap_or_default()),
        own.value("dr").and_then(|value| value.value).map_or_else(|| "none".to_owned(), percent)
    );
    if let (Some(from), Some(to)) = (own.difference_from, own.difference_to)
        && own.verdict != "too few outcomes"
    {
        let _ = write!(body, ", a difference of {} to {} points", signed(from), signed(to));
    }
    let _ = write!(
        body,
        ". In {} of the {} decisions the log showed what the bundle would have shown, and {} of these had an outcome: so much is known.",
        grouped(judged.matched as u64),
        grouped(judged.rounds as u64),
        grouped(judged.matched_outcomes as u64)
    );
    if own.smallest.is_finite() && own.verdict == "cannot tell" {
        let _ = write!(
            body,
            " The smallest difference that these decisions would find in four of five cases is {:.2} points.",
            own.smallest * 100.0
        );
    }
    if let Some(needed) = own
        .rounds_needed
        .filter(|needed| *needed > judged.rounds as f64 && *needed < 1e12 && own.verdict == "cannot tell")
    {
        let _ = write!(
            body,
            " If the difference is what it looks like, it takes some {} decisions to judge by.",
            grouped((needed / 1_000.0).ceil() as u64 * 1_000)
        );
    }
    body.push_str("</p>\n");
}

/// What keeps a reader from believing too much.
fn warnings(report: &Report) -> Vec<String> {
    let mut told = report.notes.clone();
    let model = &report.model;
    if model.best == 0 {
        told.push(format!(
            "Nothing was found to learn: on rounds that they had not seen, no trees were better than always saying the rate. What ships is one tree all the same, and its choice is little more than chance; {} outcomes are too few, or what is known says nothing of them.",
            model.outcomes
        ));
    }
    if model.best + 1 == model.losses.len() {
        told.push(format!(
            "The most trees that were allowed, {}, answered best: more may be better still (--trees).",
            model.best
        ));
    }
    let (reliability, error) = (&report.judged.reliability, 2.0 * report.judged.reliability.auc_error);
    if model.best > 0 && reliability.auc - error <= 0.5 {
        told.push(format!(
            "On the half that judges, the model tells decisions with an outcome from others no better than chance would: AUC {:.3} ± {error:.3}, where a half is chance.",
            reliability.auc
        ));
    }
    if report.judged.matched_outcomes < FEW {
        told.push(format!(
            "An interval knows nothing of outcomes that it has not seen: of what the bundle would show, {} came in the half that judges, so its interval says little, however narrow it looks.",
            match report.judged.matched_outcomes {
                0 => "no outcome".to_owned(),
                1 => "one outcome".to_owned(),
                more => format!("{more} outcomes"),
            }
        ));
    }
    if let Some(own) = report.judged.policies.first() {
        told.extend(own.warnings.clone());
    }
    told
}

fn opinions(body: &mut String, report: &Report) {
    let judged = &report.judged;
    body.push_str("<table><tr><th>policy</th><th class=\"n\">dr, less what was logged</th><th class=\"n\">worth outcomes</th><th>can it be told?</th></tr>\n");
    let row = |body: &mut String, opinion: &Opinion| {
        let difference = match (opinion.difference_from, opinion.difference_to) {
            (Some(from), Some(to)) => format!("{} ({} to {})", signed(opinion.difference), signed(from), signed(to)),
            _ => signed(opinion.difference),
        };
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td class=\"n\">{difference}</td><td class=\"n\">{:.1}</td><td>{}</td></tr>",
            escape(&opinion.policy),
            opinion.effective_outcomes,
            escape(&opinion.words)
        );
    };
    for opinion in judged.policies.iter().chain([&judged.crossed]) {
        row(body, opinion);
    }
    let _ = writeln!(
        body,
        "</table>\n<p class=\"note\">Differences in points of a hundred. The last line judges the recipe, not the bundle: each half by the model of the other, over all {} decisions.</p>",
        grouped(judged.crossed_rounds as u64)
    );
}

fn learned(body: &mut String, report: &Report) {
    let model = &report.model;
    let asked: Vec<String> = model
        .asked
        .iter()
        .filter(|(_, splits)| *splits > 0)
        .take(8)
        .map(|(name, splits)| format!("<code>{}</code> ({splits})", escape(name)))
        .collect();
    let asked = if asked.is_empty() { "nothing".to_owned() } else { asked.join(", ") };
    let _ = writeln!(
        body,
        "<p>{} trees with {} leaves, from {} decisions of which {} had an outcome. They ask {asked}, with the number of splits. How many trees there are was said by five parts of these decisions, \
         each answered by trees of the other four; with so few outcomes that number itself is a matter of chance: of the other half it is {}.</p>",
        model.trees,
        grouped(model.leaves as u64),
        grouped(model.rounds as u64),
        model.outcomes,
        model.other_best
    );
    match model.weights_cut {
        None => body.push_str("<p>The log chose among all candidates alike, so every decision counts the same.</p>\n"),
        Some(cut) => {
            let _ = writeln!(
                body,
                "<p>The log preferred some candidates (probabilities from {} to {}), so a decision counts by one over its probability, as if all had been shown alike; {} of them, which would have \
                 counted more than ten times, count ten times.</p>",
                percent(report.least_probability),
                percent(report.most_probability),
                percent(cut)
            );
        }
    }
}

fn reliability(body: &mut String, report: &Report) {
    let found = &report.judged.reliability;
    let _ = writeln!(
        body,
        "<p>Of what was shown in the half that judges, the model said {} in the mean, and {} came. AUC is {:.3} ± {:.3} (a half is chance), log loss {:.5} beside {:.5} of always saying the rate.</p>",
        percent(found.said),
        percent(found.rate),
        found.auc,
        2.0 * found.auc_error,
        found.log_loss,
        found.log_loss_of_rate
    );
}

fn device(body: &mut String, report: &Report) {
    let found = &report.judged.reliability;
    let whole = |number: usize| grouped(number as u64);
    let _ = writeln!(
        body,
        "<p>Each candidate is a campaign that says to the model what it is, so its share of the trees is what still depends on the visitor. On the device AUC is {:.3} where it was {:.3}, log loss {:.5} where it was {:.5}.</p>",
        found.auc_on_device, found.auc, found.log_loss_on_device, found.log_loss
    );
    body.push_str("<table><tr><th>leaves</th><th class=\"n\">bundle</th><th class=\"n\">after brotli</th><th class=\"n\">a score moved by, in the mean</th><th class=\"n\">at most</th><th class=\"n\">situations with another best</th></tr>\n");
    for drift in &report.device.drift {
        let ships = if drift.bits == report.device.bits { ", ships" } else { "" };
        let _ = writeln!(
            body,
            "<tr><td>{} bits{ships}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{:.6}</td><td class=\"n\">{:.6}</td><td class=\"n\">{} of {}</td></tr>",
            drift.bits,
            whole(drift.bundle_bytes),
            whole(drift.bundle_brotli),
            drift.mean,
            drift.largest,
            whole(drift.other_best),
            whole(drift.situations)
        );
    }
    body.push_str("</table>\n<p class=\"note\">Scores are log-odds, over every candidate in every situation that the log has.</p>\n");
}

fn replayed(body: &mut String, report: &Report) {
    let found = &report.replayed;
    let whole = |number: usize| grouped(number as u64);
    let verdict = if found.is_same() { "It is" } else { "IT IS NOT" };
    let _ = writeln!(
        body,
        "<p>{verdict}: the engine, given the bundle and what was known in each of the {} rounds that judge, had the judged policy's best and told its probabilities in {}.",
        whole(found.rounds),
        whole(found.same)
    );
    if found.by_chance > 0 {
        let _ = write!(body, " Chance took another one in {} of them.", whole(found.by_chance));
    }
    if let Some(first) = &found.first_other {
        let _ = write!(body, " The first other: {}.", escape(first));
    }
    if found.tied > 0 {
        let _ = write!(
            body,
            " In {} of them several candidates were worth the same, and the first in the file was taken; in {} of these a probability, which the device keeps in 65,536ths, made them so.",
            whole(found.tied),
            whole(found.tied_by_rounding)
        );
    }
    let _ = writeln!(
        body,
        " The trees before rounding would have preferred another in {} rounds.</p>",
        whole(found.library_prefers_another)
    );
}

fn next(body: &mut String, report: &Report) {
    let chance = if report.explore > 0.0 {
        format!(
            "The bundle lets chance choose any candidate in {}% of the decisions, and logs with which probability it chose: run this again on that log.",
            round(report.explore * 100.0)
        )
    } else {
        "The bundle shows the best, always. Then everything has the probability 1, and its log says nothing of anything else: with <code>--explore 10%</code> the next log can be judged too.".to_owned()
    };
    let _ = writeln!(
        body,
        "<h2>The next round</h2>\n<p>{chance} What each campaign shows is a text that says its name: write the creatives.</p>"
    );
}

fn sources(body: &mut String, report: &Report) {
    let order = if report.order_is_time { "by the order of the log" } else { "at random, by cluster" };
    let asked = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { escape(&names.join(", ")) };
    let _ = writeln!(
        body,
        "<h2>Sources</h2>\n<table><tr><td>log</td><td>{}, SHA-256 <code>{}</code></td></tr>\n<tr><td>a page tells</td><td>{}</td></tr>\n<tr><td>known of a candidate</td><td>its name; {}</td></tr>\n\
         <tr><td>halves</td><td>{order}; seed {}</td></tr></table>",
        escape(&report.logs.join(", ")),
        report.sha256,
        asked(&report.columns),
        asked(&report.features),
        report.seed
    );
    body.push_str(
        "<p class=\"note\">Estimators: D. Horvitz, D. Thompson 1952 (ipw); A. Swaminathan, T. Joachims 2015 (snipw); M. Dudík, D. Erhan, J. Langford, L. Li 2014 (dr). Intervals: empirical likelihood, A. Owen 1988. \
         Worth in rounds: L. Kish 1965. AUC's error: J. Hanley, B. McNeil 1982. Intervals of rates: E. Wilson 1927. Number of trees: cross-validation, M. Stone 1974.</p>\n",
    );
}

/// Points of a hundred, with a sign.
fn signed(difference: f64) -> String {
    format!("{:+.2}", difference * 100.0)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}
