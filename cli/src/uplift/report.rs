//! What a trial says, as text and as JSON.

use std::fmt;

use petitfour_uplift::{
    Advice, Choice, Counsel, Estimate, Imbalance, Learner, Lift, Ranking, Segment, Settings, Verdict,
};
use serde::Serialize;

use crate::simulate::summary::grouped;

/// Arms are told by their number in `arms`, the control's being 0.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) trial: String,
    pub(super) rows: usize,
    pub(super) rows_read: u64,
    pub(super) outcome: String,
    pub(super) is_rate: bool,
    pub(super) arms: Vec<String>,
    pub(super) probabilities: Vec<f64>,
    /// What effects are learned from.
    pub(super) columns: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) imbalances: Vec<Imbalance>,
    pub(super) settings: Settings,
    pub(super) everybody: Segment,
    pub(super) rankings: Vec<Ranking>,
    pub(super) advice: Advice,
    pub(super) segments: Vec<Segment>,
}

impl Report {
    pub(super) fn arm(&self, number: usize) -> &str {
        self.arms.get(number).map_or("", String::as_str)
    }

    /// What the learner is, in words.
    pub(super) fn learner(&self) -> &'static str {
        match self.settings.learner {
            Learner::S => "S-learner",
            Learner::T => "two models",
            Learner::Transformed => "transformed outcome",
            Learner::X => "X-learner",
        }
    }

    /// Whether people can be told apart by what an arm does, in words.
    pub(super) fn told_apart(ranking: &Ranking) -> &'static str {
        match ranking.qini.verdict() {
            Verdict::More => "who gains more can be told",
            Verdict::NoDifference => "no difference between people that can be told",
            Verdict::Less => "ranked worse than by chance: take another learner",
        }
    }

    /// What to do, in words.
    fn advised(&self) -> Vec<String> {
        let advice = &self.advice;
        let best = self.arm(advice.best);
        let whom =
            if advice.best == 0 { "leaving everybody alone".to_owned() } else { format!("`{best}` for everybody") };
        let gain = format!("a learned policy against {whom}: {} a row", worth(&advice.gain));
        let mut lines = match advice.choice {
            Choice::Learned => {
                let shares = advice.shares.iter().enumerate();
                let shares: Vec<String> =
                    shares.map(|(arm, share)| format!("`{}` {:.0}%", self.arm(arm), share * 100.0)).collect();
                vec![format!("Let the learned policy choose: {}.", shares.join(", "))]
            }
            Choice::Everyone(_) if advice.is_sure() => vec![format!("Give everybody `{best}`.")],
            Choice::Everyone(_) => {
                let (control, gain) = (self.arm(0), advice.worths.get(advice.best).map(|worth| worth.gain));
                vec![format!(
                    "No difference: no arm is worth more than `{control}` for sure. `{best}` looks best, by {} a row, which may be chance.",
                    gain.map_or_else(String::new, |gain| worth(&gain))
                )]
            }
            Choice::Nobody if advice.is_sure() => {
                vec![format!("Leave everybody alone (`{}`): every arm is worth less than it costs.", self.arm(0))]
            }
            Choice::Nobody => {
                vec![format!("No difference: no arm is worth more than `{}`. Leave everybody alone.", self.arm(0))]
            }
        };
        let verdict = match advice.gain.verdict() {
            Verdict::More => "it gains",
            Verdict::Less => "it loses",
            Verdict::NoDifference => "no difference",
        };
        lines.push(format!("On rows that it did not learn from, {gain}: {verdict}."));
        lines
    }

    /// A mean outcome.
    fn mean(&self, value: f64) -> String {
        if self.is_rate { format!("{:.2}%", value * 100.0) } else { format!("{value:.4}") }
    }

    /// More of the outcome.
    fn lift(&self, lift: &Estimate) -> String {
        if !self.is_rate {
            return worth(lift);
        }
        let points = |value: f64| value * 100.0;
        format!("{:+.2} ({:+.2} to {:+.2}) points", points(lift.value), points(lift.from), points(lift.to))
    }

    fn row(&self, arms: &[petitfour_uplift::Arm], lift: &Lift) -> [String; 5] {
        let of = |arm: usize| arms.get(arm).copied();
        let (control, treated) = (of(0), of(lift.arm));
        let pair = |tell: &dyn Fn(petitfour_uplift::Arm) -> String| {
            format!("{} / {}", control.map(tell).unwrap_or_default(), treated.map(tell).unwrap_or_default())
        };
        let few = || "too few rows".to_owned();
        let counsel = match lift.counsel {
            Counsel::Target => "target",
            Counsel::LeaveAlone => "leave alone",
            Counsel::CannotTell => "cannot tell",
        };
        [
            pair(&|arm| grouped(arm.rows as u64)),
            pair(&|arm| self.mean(arm.mean)),
            lift.lift.map_or_else(few, |lift| self.lift(&lift)),
            lift.worth.map_or_else(few, |told| worth(&told)),
            counsel.to_owned(),
        ]
    }

    fn segment(&self, f: &mut fmt::Formatter<'_>, segment: &Segment) -> fmt::Result {
        let mut rows = Vec::new();
        for part in &segment.parts {
            for lift in &part.lifts {
                let name = format!("{}: {}", part.name, self.arm(lift.arm));
                rows.push((name, self.row(&part.arms, lift)));
            }
        }
        let head = ["rows", if self.is_rate { "rate" } else { "mean" }, "lift", "worth", ""].map(str::to_owned);
        rows.insert(0, (format!("{}, control / arm", segment.name), head));
        let mut widths = [0; 5];
        for (_, cells) in &rows {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let first = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        for (name, cells) in &rows {
            let mut line = format!("  {name:first$}");
            for (cell, width) in cells.iter().zip(widths) {
                line.push_str(&format!("  {cell:width$}"));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// What a row is worth, or an amount.
fn worth(told: &Estimate) -> String {
    format!("{:+.4} ({:+.4} to {:+.4})", told.value, told.from, told.to)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = grouped(self.rows as u64);
        writeln!(f, "{}: {rows} rows of a trial, outcome `{}`, {}", self.trial, self.outcome, self.learner())?;
        if (self.rows as u64) < self.rows_read {
            writeln!(f, "  of {} rows of these arms, a sample", grouped(self.rows_read))?;
        }
        writeln!(f, "  learned from {}", self.columns.join(", "))?;
        for note in &self.notes {
            writeln!(f, "  {note}")?;
        }
        for told in &self.imbalances {
            let level = told.level.as_ref().map(|level| format!(" (`{level}`)")).unwrap_or_default();
            writeln!(
                f,
                "  BEWARE: `{}`{level} differs by {:+.1} standard errors between `{}` and the control: it was written after the treatment, \
                 or nobody drew who is treated. Leave it out with --drop",
                told.column,
                told.errors,
                self.arm(told.arm)
            )?;
        }
        writeln!(
            f,
            "\nWhat treating does, with 95% intervals (of all lines of a table together); an outcome is worth {}, treating costs {}",
            self.settings.value, self.settings.cost
        )?;
        self.segment(f, &self.everybody)?;
        writeln!(
            f,
            "\nCan it be told who gains more? (Qini for each treated row, {} halves held out)",
            self.settings.splits
        )?;
        for ranking in &self.rankings {
            let (qini, auuc) = (&ranking.qini, &ranking.auuc);
            writeln!(
                f,
                "  {}: Qini {:+.5} ({:+.5} to {:+.5}), AUUC {:+.5} ({:+.5} to {:+.5}): {}",
                self.arm(ranking.arm),
                qini.value,
                qini.from,
                qini.to,
                auuc.value,
                auuc.from,
                auuc.to,
                Self::told_apart(ranking)
            )?;
        }
        writeln!(f, "\nWhat to do")?;
        for line in self.advised() {
            writeln!(f, "  {line}")?;
        }
        for segment in &self.segments {
            writeln!(f, "\nBy {}", segment.name)?;
            self.segment(f, segment)?;
        }
        Ok(())
    }
}
