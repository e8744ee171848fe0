//! Results on disk: `target/claims/<name>.json`, one for each claim, stamped with date and commit.
//!
//! A result stands for the commit that it was measured at. It still stands at a later commit when only documents
//! changed in between. Changes that are not committed count as their HEAD: the ledger trusts the person at the keyboard
//! and nobody else, and a build server has no such changes.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt, fs,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::registry::find;
use crate::{step::quiet, workspace::Workspace};

/// When and of what a measurement was taken.
#[derive(Clone, Serialize, Deserialize)]
pub struct Stamp {
    /// UTC, as `2026-01-31T12:00:00Z`.
    pub date: String,
    /// Full hash of HEAD.
    pub commit: String,
}

impl Stamp {
    /// The present moment and HEAD.
    ///
    /// # Errors
    /// When the folder is no git clone.
    pub fn now(workspace: &Workspace) -> Result<Self> {
        let commit = quiet(workspace.tool("git").args(["rev-parse", "HEAD"]))
            .context("results are stamped with a commit, so this must be a git clone")?;
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
        Ok(Self { date: utc(elapsed.as_secs()), commit: commit.trim().to_owned() })
    }
}

/// One result as it is written.
#[derive(Clone, Serialize, Deserialize)]
pub struct Measured {
    /// The claim's name.
    pub name: String,
    /// What came out.
    pub value: f64,
    /// Of what.
    pub unit: String,
    /// The bound when it was measured, for a person who opens the file; the registry's is the one that counts.
    pub bound: String,
    /// Whether the value kept that bound.
    pub holds: bool,
    /// The command that measures it again.
    pub command: String,
    /// When and of what.
    #[serde(flatten)]
    pub stamp: Stamp,
}

/// How a claim stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Measured, within bound, and nothing that matters has changed since.
    Holds,
    /// Measured, and outside its bound.
    Broken,
    /// Measured at a commit behind changes that may matter.
    Stale,
    /// Never measured here, or the file cannot be read.
    Missing,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Padded by the caller's width, as a column of a table.
        f.pad(match self {
            Self::Holds => "yes",
            Self::Broken => "no",
            Self::Stale => "stale",
            Self::Missing => "missing",
        })
    }
}

/// The results of one clone.
pub struct Ledger<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
    /// Whether a commit still stands: many results share one, and git is asked once.
    standing: RefCell<BTreeMap<String, bool>>,
}

impl<'a> Ledger<'a> {
    /// Opens `target/claims/`.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(workspace: &'a Workspace) -> Result<Self> {
        let folder = workspace.results().join("claims");
        fs::create_dir_all(&folder)?;
        Ok(Self { workspace, folder, standing: RefCell::default() })
    }

    /// Writes a result of a claim that the registry knows.
    ///
    /// # Errors
    /// When the registry does not know it, or the file cannot be written.
    pub fn record(&self, name: &str, value: f64) -> Result<()> {
        let claim = find(name).with_context(|| format!("no claim is called {name:?}; add it to the registry"))?;
        let measured = Measured {
            name: name.to_owned(),
            value,
            unit: claim.unit.to_owned(),
            bound: claim.bound.to_string(),
            holds: claim.bound.admits(value),
            command: claim.command.to_owned(),
            stamp: Stamp::now(self.workspace)?,
        };
        let file = self.folder.join(format!("{name}.json"));
        fs::write(&file, serde_json::to_vec_pretty(&measured)?).with_context(|| format!("writing {}", file.display()))
    }

    /// Reads a claim's result and says how it stands.
    pub fn standing(&self, claim: &Claim) -> (Option<Measured>, Standing) {
        let read = fs::read(self.folder.join(format!("{}.json", claim.name))).ok();
        let Some(measured) = read.and_then(|bytes| serde_json::from_slice::<Measured>(&bytes).ok()) else {
            return (None, Standing::Missing);
        };
        let standing = if !self.stands(&measured.stamp.commit) {
            Standing::Stale
        } else if measured.holds && claim.bound.admits(measured.value) {
            Standing::Holds
        } else {
            Standing::Broken
        };
        (Some(measured), standing)
    }

    /// Whether HEAD differs from the commit in documents alone.
    fn stands(&self, commit: &str) -> bool {
        *self.standing.borrow_mut().entry(commit.to_owned()).or_insert_with(|| {
            let git = |arguments: &[&str]| quiet(self.workspace.tool("git").args(arguments));
            git(&["merge-base", "--is-ancestor", commit, "HEAD"]).is_ok()
                && git(&["diff", "--name-only", commit, "HEAD"]).is_ok_and(|changed| changed.lines().all(is_document))
        })
    }
}

/// Whether a changed file can change no measurement.
fn is_document(path: &str) -> bool {
    path.starts_with("docs/") || path.ends_with(".md") || path.starts_with("LICENSE")
}

/// Seconds since 1970 as a UTC date and time (Howard Hinnant's `civil_from_days`).
fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest % 3_600 / 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar_across_leap_days_and_year_ends() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds), date);
        }
    }

    #[test]
    fn only_documents_leave_a_measurement_standing() {
        assert!(is_document("README.md") && is_document("docs/adr/0001.md") && is_document("LICENSE-MIT"));
        assert!(!is_document("src/lib.rs") && !is_document("Cargo.lock") && !is_document("wasm-tests/package.json"));
    }

    #[test]
    fn a_result_reads_back_as_it_was_written() {
        let text = r#"{"name":"size.wasm.brotli","value":12.5,"unit":"bytes","bound":"stated","holds":true,
            "command":"cargo xtask size","date":"2026-01-01T00:00:00Z","commit":"abc"}"#;
        let read: Measured = serde_json::from_str(text).expect("the documented shape");
        assert_eq!((read.value, read.stamp.commit.as_str()), (12.5, "abc"));
    }
}
