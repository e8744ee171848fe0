//! Contributions as a picture: from where a score begins, one step for each feature, to where it ends.

use std::fmt::Write as _;

use crate::picture::{MARGIN, escape, frame, text};

/// One feature's part.
pub(super) struct Step {
    /// What is so; both rows have it where nothing stands in `beside`.
    pub(super) label: String,
    /// What is so of the row that the score begins at.
    pub(super) beside: Option<String>,
    pub(super) added: f64,
}

const WIDTH: f64 = 960.0;
/// Where the words end and the steps begin.
const LEFT: f64 = 560.0;
const ROW: f64 = 28.0;
/// A second line of words.
const LINE: f64 = 15.0;
/// Steps that are drawn by themselves; the others become one.
const SHOWN: usize = 15;
/// Letters that fit beside the steps.
const LETTERS: usize = 84;

const STYLE: &str = "rect.more{fill:#3c8d5a}rect.less{fill:#b5563c}line{stroke:#8a8f98}";

/// Draws it; `first` is what the score begins with, and `start` says so.
pub(super) fn draw(title: &str, start: &str, first: f64, steps: &[Step]) -> String {
    let mut rows: Vec<(&str, Option<&str>, f64)> =
        steps.iter().take(SHOWN).map(|step| (step.label.as_str(), step.beside.as_deref(), step.added)).collect();
    let others = format!("{} others together", steps.len().saturating_sub(SHOWN));
    if steps.len() > SHOWN {
        rows.push((&others, None, steps.iter().skip(SHOWN).map(|step| step.added).sum()));
    }
    let mut reached = first;
    let mut ends = vec![first];
    ends.extend(rows.iter().map(|(_, _, added)| {
        reached += added;
        reached
    }));
    let (least, most) = ends.iter().fold((first, first), |(least, most), end| (least.min(*end), most.max(*end)));
    let scale = (WIDTH - LEFT - 4.0 * MARGIN) / (most - least).max(f64::MIN_POSITIVE);
    let place = |score: f64| LEFT + MARGIN + (score - least) * scale;
    let mut body = String::new();
    text(&mut body, MARGIN, MARGIN + 12.0, "t", title);
    text(&mut body, MARGIN, MARGIN + 32.0, "s", start);
    let mut y = MARGIN + 48.0;
    let mut from = first;
    for (label, beside, added) in &rows {
        let height = if beside.is_some() { ROW + LINE } else { ROW };
        let to = from + added;
        let (left, right) = (place(from.min(to)), place(from.max(to)));
        let class = if *added < 0.0 { "less" } else { "more" };
        text(&mut body, MARGIN, y + 17.0, "", &cut(label));
        if let Some(beside) = beside {
            text(&mut body, MARGIN, y + 17.0 + LINE, "s", &cut(beside));
        }
        let _ = writeln!(
            body,
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}</title></rect>",
            y + 4.0,
            (right - left).max(1.0),
            height - 8.0,
            escape(&format!("{label}: {added:+.4}, to {to:.4}"))
        );
        let _ = writeln!(
            body,
            "<line x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{1:.1}\" y2=\"{2:.1}\"/>",
            place(to),
            y + 4.0,
            y + height + 4.0
        );
        text(&mut body, right + 6.0, y + 17.0, "s", &format!("{added:+.2}"));
        from = to;
        y += height;
    }
    text(&mut body, place(from) - 20.0, y + 18.0, "", &format!("{from:.2}"));
    frame(title, STYLE, WIDTH, y + 18.0 + MARGIN, &body)
}

fn cut(label: &str) -> String {
    if label.chars().count() <= LETTERS {
        return label.to_owned();
    }
    label.chars().take(LETTERS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_begins_where_the_last_one_ended() {
        let step =
            |added: f64| Step { label: "a<b".to_owned(), beside: (added < 0.0).then(|| "not b".to_owned()), added };
        let steps: Vec<Step> = (0..20).map(|at| step(if at == 1 { -2.0 } else { 1.0 })).collect();
        let picture = draw("t", "s", 0.5, &steps);
        assert_eq!(picture.matches("<rect class=\"more\"").count(), 15, "fourteen, and the others as one");
        assert_eq!(picture.matches("<rect class=\"less\"").count(), 1);
        assert!(picture.contains("5 others together: +5.0000, to 17.5000") && picture.contains("a&lt;b"), "{picture}");
        assert_eq!(picture.matches(">not b<").count(), 1);
    }
}
