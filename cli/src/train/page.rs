//! A model card as text: all of it as Markdown, and what a terminal shows.

use std::fmt::Write as _;

use petitfour_training::{By, Calibrated, Kind, MOVED};

use super::card::{Card, Model};
use crate::simulate::summary::grouped;

/// Columns that a terminal shows.
const SHOWN: usize = 8;

/// What a terminal shows.
pub(super) fn brief(card: &Card) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}: {}", card.origin.files.join(", "), rows(card));
    let _ = writeln!(text, "{}", parted(card));
    let _ = writeln!(
        text,
        "\n{:<22}{:>8}{:>10}{:>10}{:>9}",
        "on the rows held out", "AUC", "± 2 s.e.", "log loss", "Brier"
    );
    for (name, model) in [("trees", &card.trees), ("logistic regression", &card.linear)] {
        let measures = &model.measures;
        let _ = writeln!(
            text,
            "{name:<22}{:>8.4}{:>10.4}{:>10.4}{:>9.4}",
            measures.auc,
            2.0 * measures.auc_error,
            measures.log_loss,
            measures.brier
        );
    }
    let _ = writeln!(text, "\nRecommended: {}.", recommended(card));
    if let Some(calibrated) = &card.calibrated {
        let Calibrated { before, line, table, .. } = calibrated;
        let _ = writeln!(
            text,
            "Calibrated, log loss is {:.4} by a line and {:.4} by a table, {:.4} as it is: {}.",
            line.log_loss,
            table.log_loss,
            before.log_loss,
            calibrating(calibrated)
        );
    }
    let wide = card.columns.iter().take(SHOWN).map(|asked| asked.name.chars().count()).max().unwrap_or(6).max(6);
    let _ = writeln!(text, "\n{:<wide$}{:>8}{:>11}", "column", "gain", "AUC alone");
    for asked in card.columns.iter().take(SHOWN) {
        let _ = writeln!(text, "{:<wide$}{:>7.1}%{:>11.3}", asked.name, asked.gain * 100.0, asked.alone);
    }
    for warning in &card.warnings {
        let _ = writeln!(text, "\nwarning: {warning}");
    }
    for note in &card.notes {
        let _ = writeln!(text, "\n{note}");
    }
    text
}

/// What to do about calibration.
fn calibrating(calibrated: &Calibrated) -> &'static str {
    let Calibrated { before, line, table, .. } = calibrated;
    if before.log_loss <= line.log_loss.min(table.log_loss) {
        "leave the answers as they are"
    } else if line.log_loss <= table.log_loss {
        "take the line of `calibration.json`"
    } else {
        "take the table of `calibration.json`"
    }
}

/// The whole card, with the pictures beside it.
pub(super) fn write(card: &Card) -> String {
    let mut text = format!("# Model card: `{}` = `{}`\n\n", card.target, card.positive);
    let _ = writeln!(text, "Trained on {}. {}. {}.\n", card.origin.date, rows(card), parted(card));
    let _ = writeln!(text, "**Recommended:** {}.\n", recommended(card));
    if !card.warnings.is_empty() {
        text.push_str("## Warnings\n\n");
        for warning in &card.warnings {
            let _ = writeln!(text, "- {warning}");
        }
        text.push('\n');
    }
    text.push_str("## Worth\n\nOn the rows held out, which neither model has seen.\n\n");
    text.push_str("| | AUC | ± 2 s.e. | log loss | Brier | rate | mean answer | file |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (name, Model { file, measures }) in [("trees", &card.trees), ("logistic regression", &card.linear)] {
        let _ = writeln!(
            text,
            "| {name} | {:.4} | {:.4} | {:.4} | {:.4} | {:.4} | {:.4} | `{file}` |",
            measures.auc,
            2.0 * measures.auc_error,
            measures.log_loss,
            measures.brier,
            measures.rate,
            measures.mean
        );
    }
    let _ = writeln!(text, "\nAlways saying the rate has log loss {:.4}.", card.trees.measures.log_loss_of_rate);
    text.push_str("\n## Calibration\n\nOf the recommended model, rows in ten bins by answer.\n\n![Calibration](calibration.svg)\n\n");
    text.push_str("| rows | said | did | 95% |\n| --- | --- | --- | --- |\n");
    for bin in card.calibration() {
        let _ =
            writeln!(text, "| {} | {:.4} | {:.4} | {:.4} to {:.4} |", bin.rows, bin.said, bin.did, bin.low, bin.high);
    }
    if let Some(calibrated) = &card.calibrated {
        let Calibrated { calibration, before, line, table } = calibrated;
        text.push_str("\nCalibrated on the rows that say when to stop, and measured on those held out:\n\n");
        text.push_str("| | calibration error | Brier | log loss |\n| --- | --- | --- | --- |\n");
        for (name, told) in [("as it is", before), ("by a line", line), ("by a table", table)] {
            let _ =
                writeln!(text, "| {name} | {:.4} | {:.4} | {:.4} |", told.calibration_error, told.brier, told.log_loss);
        }
        let _ = writeln!(
            text,
            "\nThe line is {:.4} × log-odds {:+.4} (`calibrate:` in campaign files); the table has {} steps. Both are in `calibration.json`. By log loss: {}.",
            calibration.line.slope,
            calibration.line.intercept,
            calibration.table.steps.len(),
            calibrating(calibrated)
        );
    }
    text.push_str(
        "\n## Columns\n\nGain is of the trees; *alone* is the AUC of the column by itself; from a stability index of ",
    );
    let _ = writeln!(text, "{MOVED} on a column has moved.\n\n![Gain](gain.svg)\n");
    text.push_str("| column | gain | alone | stability index |\n| --- | --- | --- | --- |\n");
    for asked in &card.columns {
        let moved = card.drift.columns.iter().find(|moved| moved.name == asked.name);
        let index = moved.map_or(0.0, |moved| moved.stability_index);
        let name = asked.name.replace('|', "\\|");
        let _ = writeln!(text, "| `{name}` | {:.1}% | {:.3} | {index:.3} |", asked.gain * 100.0, asked.alone);
    }
    let dropped = if card.dropped.is_empty() { "none".to_owned() } else { card.dropped.join(", ") };
    let _ = writeln!(text, "\nLeft out: {dropped}.");
    for note in &card.notes {
        let _ = writeln!(text, "{note}");
    }
    let _ = writeln!(
        text,
        "\n## Origin\n\n| | |\n| --- | --- |\n| files | {} |\n| SHA-256 | `{}` |\n| trees | {} with {} leaves |\n| seed | {} |",
        card.origin.files.join(", "),
        card.origin.sha256,
        card.grown.trees,
        grouped(card.grown.leaves as u64),
        card.settings.seed
    );
    text
}

fn rows(card: &Card) -> String {
    let all = format!(
        "{} rows, `{}` = `{}` in {:.1}%",
        grouped(card.rows_read),
        card.target,
        card.positive,
        overall(card) * 100.0
    );
    if card.rows_used as u64 == card.rows_read {
        return all;
    }
    format!("{all}; learned from a sample of {}, in which each row had the same chance", grouped(card.rows_used as u64))
}

/// The rate over all parts.
fn overall(card: &Card) -> f64 {
    let (learned, held) = (card.parts.learned_from + card.parts.said_when_to_stop, card.parts.held_out);
    (card.drift.rates.0 * learned as f64 + card.drift.rates.1 * held as f64) / (learned + held).max(1) as f64
}

fn parted(card: &Card) -> String {
    let parts = &card.parts;
    let how = match parts.by {
        By::Time => "by time",
        By::Order => "by the order of the file",
        By::Random => "at random, by the target",
    };
    format!(
        "Parted {how}: {} learned from, {} that say when to stop, {} held out",
        grouped(parts.learned_from as u64),
        grouped(parts.said_when_to_stop as u64),
        grouped(parts.held_out as u64)
    )
}

fn recommended(card: &Card) -> String {
    let again =
        if card.settings.refit { "; what is written was trained again on all rows, after it was measured" } else { "" };
    match card.recommended {
        Kind::Trees => format!(
            "the {} trees in `model.txt`, {:+.4} AUC against the logistic regression{again}",
            card.grown.trees,
            card.trees.measures.auc - card.linear.measures.auc
        ),
        Kind::Linear => format!(
            "the logistic regression in `linear.json`, {:+.4} AUC against the trees{again}",
            card.linear.measures.auc - card.trees.measures.auc
        ),
    }
}
