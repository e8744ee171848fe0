//! Audiences: lists of people as files, in the columns and the hash that a platform takes.
//!
//! Each batch becomes files of its own: who is to be added, who to be removed, whose data is to be deleted, for each
//! audience and each of the platform's sheets. A file is written beside its name, synced, and put there whole, so that
//! whoever fetches it never sees half of one; the name follows from the parcels, so the same batch again replaces
//! itself. Lists are sets of digests: a line that was there before changes nothing, which is how a repeat does no harm.
//!
//! [`write_list`] writes a whole list at once, for suppression and for the first delivery.
//!
//! Absent on purpose: any upload by a platform's own API (each wants an account, a consent and a review of its own).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use petitfour::identity::Digest;
use serde::Deserialize;

use super::{
    Destination, Kind, Parcel, Receipt,
    platform::{Member, Platform, Sheet},
};

/// Parcels in one go: what Meta's lists take at a time.
const BATCH: usize = 10_000;

/// Files as a destination.
pub struct Audience {
    folder: PathBuf,
    platform: Platform,
    /// Whose ids a publisher's match table carries.
    partner: String,
}

/// What the body of an audience parcel says.
#[derive(Deserialize)]
struct Order {
    /// The audience; not needed when everything is to be deleted.
    #[serde(default)]
    audience: String,
    #[serde(default)]
    member: Member,
}

/// What goes into the same files.
#[derive(Default)]
struct Group<'a> {
    indices: Vec<usize>,
    members: Vec<(&'a Parcel, Member)>,
}

impl Audience {
    /// Files for `platform` under `folder`, which is made when it is missing.
    #[must_use]
    pub fn new(folder: PathBuf, platform: Platform, partner: String) -> Self {
        Self { folder, platform, partner }
    }

    /// Files of one action on one audience.
    fn write(&self, audience: &str, action: &str, parcels: &[(&Parcel, Member)]) -> io::Result<()> {
        let ids: Vec<&str> = parcels.iter().map(|(parcel, _)| parcel.id.as_str()).collect();
        let at = parcels.iter().map(|(parcel, _)| parcel.at).max().unwrap_or_default();
        let mark = Digest::of(ids.join("\n")).hex();
        let folder = self.folder.join(plain(audience));
        for sheet in self.platform.sheets() {
            let members = parcels.iter().map(|(_, member)| member);
            let lines = lines(self.platform, sheet, members, &self.partner);
            if !lines.is_empty() {
                let name = format!("{action}-{}-{at}-{}.csv", sheet.name, mark.get(..16).unwrap_or_default());
                put(&folder, &name, &text(sheet, &lines))?;
            }
        }
        Ok(())
    }

    fn finds(&self, member: &Member) -> bool {
        self.platform.sheets().iter().any(|sheet| !self.platform.rows(sheet, member, &self.partner).is_empty())
    }
}

impl Destination for Audience {
    fn limit(&self) -> usize {
        BATCH
    }

    fn deliver(&mut self, parcels: &[Parcel]) -> Vec<Receipt> {
        let mut receipts = vec![Receipt::Delivered; parcels.len()];
        let mut groups: BTreeMap<(String, &str), Group<'_>> = BTreeMap::new();
        for (index, parcel) in parcels.iter().enumerate() {
            let order = serde_json::from_value::<Order>(parcel.body.clone());
            let refused = match (&order, parcel.kind) {
                (_, Kind::Mail | Kind::Event) => Some("audience/kind"),
                (Err(_), _) => Some("audience/body"),
                (Ok(order), Kind::Add | Kind::Remove) if order.audience.is_empty() => Some("audience/name"),
                // Nobody whom the platform could find: nothing of this person can be there either.
                (Ok(order), kind) if kind != Kind::Delete && !self.finds(&order.member) => Some("audience/nothing"),
                _ => None,
            };
            if let (Some(reason), Some(receipt)) = (refused, receipts.get_mut(index)) {
                *receipt = Receipt::refused(reason);
            } else if let Ok(order) = order {
                let audience = if parcel.kind == Kind::Delete { "deletions".to_owned() } else { order.audience };
                let group = groups.entry((audience, parcel.kind.word())).or_default();
                group.indices.push(index);
                group.members.push((parcel, order.member));
            }
        }
        for ((audience, action), group) in groups {
            if self.write(&audience, action, &group.members).is_err() {
                for index in group.indices {
                    if let Some(receipt) = receipts.get_mut(index) {
                        *receipt = Receipt::retry("audience/disk");
                    }
                }
            }
        }
        receipts
    }
}

/// Writes everybody as one list, `NAME-SHEET.csv` for each sheet, and says how many lines each has.
///
/// # Errors
/// When the disk does not take it; the files that were there before stay.
pub fn write_list<'a>(
    folder: &Path,
    name: &str,
    platform: Platform,
    partner: &str,
    members: impl Iterator<Item = &'a Member> + Clone,
) -> io::Result<Vec<(PathBuf, usize)>> {
    let mut written = Vec::new();
    for sheet in platform.sheets() {
        let lines = lines(platform, sheet, members.clone(), partner);
        let path = put(folder, &format!("{}-{}.csv", plain(name), sheet.name), &text(sheet, &lines))?;
        written.push((path, lines.len()));
    }
    Ok(written)
}

/// Lines in order and once, so that the same people make the same bytes and their order says nothing.
fn lines<'a>(
    platform: Platform,
    sheet: &Sheet,
    members: impl Iterator<Item = &'a Member>,
    partner: &str,
) -> BTreeSet<String> {
    members.flat_map(|member| platform.rows(sheet, member, partner)).map(|row| line(&row)).collect()
}

fn text(sheet: &Sheet, lines: &BTreeSet<String>) -> String {
    let mut text = String::new();
    if sheet.headed {
        text.push_str(&sheet.columns.join(","));
        text.push_str("\r\n");
    }
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text
}

/// A line of CSV (RFC 4180).
fn line(cells: &[String]) -> String {
    let quoted = cells.iter().map(|cell| {
        if cell.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
    });
    quoted.collect::<Vec<_>>().join(",")
}

/// A file name of an audience's name: letters, digits and `-` stay, anything else becomes `_` and its code.
fn plain(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || c == '-' {
            text.push(c);
        } else {
            text.push_str(&format!("_{:x}_", u32::from(c)));
        }
    }
    text
}

/// Puts a file into a folder whole: written beside its name, synced, renamed, and the folder synced.
fn put(folder: &Path, name: &str, text: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let (path, half) = (folder.join(name), folder.join(format!(".{name}.half")));
    let mut file = File::create(&half)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&half, &path)?;
    File::open(folder)?.sync_all()?;
    Ok(path)
}
