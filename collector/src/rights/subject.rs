//! Subject: whose data is to be deleted, as a request names them.
//!
//! [`ACCEPTED`] is what `dsrdelete.json` says; a request that names something else is refused with the code for that.

use petitfour::identity::{self, Digest, Namespace};

/// Whom a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Everybody who is known by this digest.
    Identifier(Namespace, Digest),
    /// One browser or app, by its pseudonym.
    Visitor([u8; 16]),
}

/// One kind of identifier that requests may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its number in `dsrdelete.json`; never given to another.
    pub id: u32,
    /// `identifierType`.
    pub kind: &'static str,
    /// `identifierFormat`.
    pub format: &'static str,
}

/// Why an identifier is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The type is not accepted.
    Kind,
    /// The type is, in another format.
    Format,
    /// The value is not of the format that it says.
    Shape,
    /// The value is of its format, and nobody's: zeroes, the digest of nothing.
    Value,
}

const fn accepted(id: u32, kind: &'static str, format: &'static str) -> Accepted {
    Accepted { id, kind, format }
}

/// What is accepted.
pub const ACCEPTED: [Accepted; 9] = [
    accepted(1, "email", "sha256"),
    accepted(2, "phone", "sha256"),
    accepted(3, "idfa", "uuid"),
    accepted(4, "gaid", "uuid"),
    accepted(5, "idfa", "sha256"),
    accepted(6, "gaid", "sha256"),
    accepted(7, "user_id", "sha256"),
    accepted(8, "crm_id", "sha256"),
    accepted(9, "visitor", "hex"),
];

impl Subject {
    /// Reads type, format and value of a request.
    ///
    /// # Errors
    /// [`Fault`] by its variant.
    pub fn read(kind: &str, format: &str, value: &str) -> Result<Self, Fault> {
        let mut known = ACCEPTED.iter().filter(|accepted| accepted.kind == kind).peekable();
        known.peek().ok_or(Fault::Kind)?;
        known.find(|accepted| accepted.format == format).ok_or(Fault::Format)?;
        let namespace = match kind {
            "email" => Namespace::Email,
            "phone" => Namespace::Phone,
            "idfa" => Namespace::Idfa,
            "gaid" => Namespace::Gaid,
            "user_id" => Namespace::User,
            "crm_id" => Namespace::Crm,
            _ => return visitor(value).map(Self::Visitor),
        };
        if format == "uuid" {
            let read = identity::read(namespace, value).map_err(|refusal| match refusal {
                identity::Refusal::Malformed | identity::Refusal::Long => Fault::Shape,
                _ => Fault::Value,
            })?;
            return read.first().map(|read| Self::Identifier(namespace, *read.digest())).ok_or(Fault::Value);
        }
        let digest = Digest::given(value).ok_or(Fault::Shape)?;
        // The reader of addresses knows the digests of nothing, of `null` and their like.
        if identity::read(Namespace::Email, value).is_err() {
            return Err(Fault::Value);
        }
        Ok(Self::Identifier(namespace, digest))
    }
}

fn visitor(text: &str) -> Result<[u8; 16], Fault> {
    let plain = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number =
        if plain { u128::from_str_radix(text, 16).map_err(|_| Fault::Shape)? } else { return Err(Fault::Shape) };
    if number == 0 { Err(Fault::Value) } else { Ok(number.to_be_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_read_in_its_format_and_in_no_other() {
        let digest = Digest::of("jane@example.com");
        assert_eq!(Subject::read("email", "sha256", &digest.hex()), Ok(Subject::Identifier(Namespace::Email, digest)));
        let id = "AEBE52E7-03EE-455A-B3C4-E57283966239";
        let lower = Digest::of(id.to_lowercase());
        assert_eq!(Subject::read("idfa", "uuid", id), Ok(Subject::Identifier(Namespace::Idfa, lower)));
        assert_eq!(Subject::read("idfa", "sha256", &lower.hex()), Ok(Subject::Identifier(Namespace::Idfa, lower)));
        let visitor = "000102030405060708090a0b0c0d0e0f";
        assert!(matches!(Subject::read("visitor", "hex", visitor), Ok(Subject::Visitor([0, 1, ..]))));
    }

    #[test]
    fn each_fault_has_a_name_of_its_own() {
        let hex = Digest::of("jane@example.com").hex();
        assert_eq!(Subject::read("cookie", "sha256", &hex), Err(Fault::Kind));
        assert_eq!(Subject::read("email", "md5", &hex), Err(Fault::Format));
        assert_eq!(Subject::read("email", "sha256", "jane@example.com"), Err(Fault::Shape));
        assert_eq!(Subject::read("email", "sha256", &Digest::of("").hex()), Err(Fault::Value));
        assert_eq!(Subject::read("idfa", "uuid", "00000000-0000-0000-0000-000000000000"), Err(Fault::Value));
        assert_eq!(Subject::read("visitor", "hex", &"0".repeat(32)), Err(Fault::Value));
    }
}
