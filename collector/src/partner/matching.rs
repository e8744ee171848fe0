//! Match tables: which of a partner's ids is which of ours.
//!
//! A line is a partner's id and a digest that we know the person by. One id of a partner leads to one digest: a table that
//! says two things of one id says nothing of it, since a guess would join two people.

use std::collections::BTreeMap;

use petitfour::identity::{Digest, Namespace};

use super::lines::{Fault, Record};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The partner's id.
    pub id: String,
    /// Our kind.
    pub namespace: Namespace,
    /// Our digest.
    pub digest: Digest,
}

/// A table of one partner.
#[derive(Debug, Clone, Default)]
pub struct Matching(BTreeMap<String, Option<(Namespace, Digest)>>);

impl Match {
    /// Reads a record with `id`, `kind` and `digest`.
    ///
    /// # Errors
    /// `match/id`, `match/kind`, `match/digest`.
    pub fn read(record: &Record) -> Result<Self, &'static str> {
        let namespace = match record.get("kind").ok_or("match/kind")? {
            "user_id" => Namespace::User,
            "email" => Namespace::Email,
            "phone" => Namespace::Phone,
            "crm_id" => Namespace::Crm,
            "idfa" => Namespace::Idfa,
            "gaid" => Namespace::Gaid,
            _ => return Err("match/kind"),
        };
        let digest = record.get("digest").and_then(Digest::given).ok_or("match/digest")?;
        Ok(Self { id: record.get("id").ok_or("match/id")?.to_owned(), namespace, digest })
    }
}

impl Matching {
    /// Takes a line in.
    pub fn add(&mut self, line: Match) {
        let told = Some((line.namespace, line.digest));
        let known = self.0.entry(line.id).or_insert(told);
        if *known != told {
            *known = None;
        }
    }

    /// Takes every line of a file in; what does not read comes back.
    ///
    /// # Errors
    /// When the file cannot be read further.
    pub fn load(&mut self, file: impl std::io::Read) -> std::io::Result<Vec<Fault>> {
        let mut faults = Vec::new();
        super::lines::read(file, Match::read, |read| match read {
            Ok(line) => self.add(line),
            Err(fault) => faults.push(fault),
        })?;
        Ok(faults)
    }

    /// Whom a partner's id stands for.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<(Namespace, Digest)> {
        self.0.get(id).copied().flatten()
    }

    /// Ids that lead to somebody, and ids of which two things were said.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let known = self.0.values().filter(|known| known.is_some()).count();
        (known, self.0.len() - known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_which_two_things_are_said_leads_to_nobody() {
        let (jane, john) = (Digest::of("jane@example.com").hex(), Digest::of("john@example.com").hex());
        let file = format!(
            "id,kind,digest\na,email,{jane}\na,email,{jane}\nb,email,{jane}\nb,email,{john}\nc,cookie,{john}\nd,email,x\n"
        );
        let mut matching = Matching::default();
        let faults = matching.load(file.as_bytes()).unwrap();
        assert_eq!(matching.find("a"), Some((Namespace::Email, Digest::of("jane@example.com"))));
        assert_eq!((matching.find("b"), matching.find("z"), matching.counts()), (None, None, (1, 1)));
        let codes: Vec<_> = faults.iter().map(|fault| (fault.line, fault.code)).collect();
        assert_eq!(codes, [(6, "match/kind"), (7, "match/digest")]);
    }
}
