//! Acknowledgements: what a requester is told, signed, with the codes of the version that it speaks.

use serde_json::{Value, json};

use super::{
    jws,
    key::Key,
    requester::Signature,
    subject::{self, Subject},
};

/// Which version of the framework a request speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 1.0: the origin's token is `idJWT`, the subject a claim of its own.
    One,
    /// 2.0: the origin's token is `orJWT`, the subject three claims.
    Two,
}

/// Whose token something is said of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The first party's, with whom the person spoke.
    Origin,
    /// The requester's.
    Requester,
}

/// What a request comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Taken.
    Accepted,
    /// A claim that must be there is not.
    Missing,
    /// No token, or one that cannot be read.
    Token(Whose),
    /// The signature does not hold.
    Signature(Whose, Signature),
    /// A time that is none.
    Time(Whose),
    /// More than five minutes in the future.
    Future(Whose),
    /// Too old, or past its own end.
    Expired,
    /// The request is older than the token that it carries.
    Sequence,
    /// Made out to somebody else.
    Audience,
    /// The number of the request was used before, for another one.
    Reused,
    /// The subject cannot be read.
    Subject(subject::Fault),
    /// Something is wrong here.
    Fault,
}

impl Version {
    /// As it stands in tokens.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::One => "1.0",
            Self::Two => "2.0",
        }
    }
}

impl Verdict {
    /// `raResultCode`.
    #[must_use]
    pub fn code(self, version: Version) -> u32 {
        match version {
            Version::One => self.first(),
            Version::Two => self.second(),
        }
    }

    fn first(self) -> u32 {
        match self {
            Self::Accepted => 0,
            Self::Missing => 1,
            Self::Signature(..) => 2,
            Self::Token(_) | Self::Audience | Self::Reused | Self::Fault => 3,
            Self::Subject(subject::Fault::Kind) => 4,
            Self::Subject(_) => 5,
            Self::Time(_) | Self::Future(_) | Self::Expired | Self::Sequence => 6,
        }
    }

    fn second(self) -> u32 {
        use Signature::{Algorithm, Good, Stranger, Unknown, Wrong};
        // The codes of the two tokens differ in one digit.
        let of = |whose, origin: u32| if whose == Whose::Origin { origin } else { origin + 100 };
        match self {
            Self::Accepted => 10000,
            Self::Fault => 10010,
            Self::Signature(whose, Stranger) => of(whose, 11102),
            Self::Signature(whose, Unknown) => of(whose, 11105),
            Self::Signature(whose, Algorithm) => of(whose, 12101),
            Self::Token(whose) => of(whose, 13101),
            Self::Missing | Self::Audience | Self::Reused => 13201,
            Self::Signature(whose, Wrong | Good) => of(whose, 13102),
            Self::Time(whose) => of(whose, 13103),
            Self::Future(whose) => of(whose, 13104),
            // There is no code for a request that is too old; this one says that its time is not a good one.
            Self::Expired => 13203,
            Self::Sequence => 13205,
            Self::Subject(subject::Fault::Kind) => 14201,
            Self::Subject(subject::Fault::Format) => 14202,
            Self::Subject(subject::Fault::Shape) => 14203,
            Self::Subject(subject::Fault::Value) => 14204,
        }
    }

    /// `raResultString`: what to do about it. Repeats nothing of the request.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Accepted => "success",
            Self::Missing => "a claim that must be there is not: see the framework's tables",
            Self::Token(Whose::Origin) => "the first party's token cannot be read",
            Self::Token(Whose::Requester) => "the request's token cannot be read",
            Self::Signature(_, Signature::Stranger) => "the issuer is not listed here: write to the operator",
            Self::Signature(_, Signature::Unknown) => "no key of that name is listed here for the issuer",
            Self::Signature(_, Signature::Algorithm) => "the key is for another algorithm",
            Self::Signature(..) => "the signature does not hold",
            Self::Time(_) => "iat is no positive whole number of seconds",
            Self::Future(_) => "iat lies more than five minutes in the future",
            Self::Expired => "the request is too old: make a new one",
            Self::Sequence => "the request is older than the first party's token in it",
            Self::Audience => "aud names somebody else",
            Self::Reused => "jti was used before for another request",
            Self::Subject(subject::Fault::Kind) => "identifierType is not among those in dsrdelete.json",
            Self::Subject(subject::Fault::Format) => "identifierFormat is not among those in dsrdelete.json",
            Self::Subject(subject::Fault::Shape) => "identifierValue is not of identifierFormat",
            Self::Subject(subject::Fault::Value) => "identifierValue is nobody's",
            Self::Fault => "the request could not be stored: send it again",
        }
    }

    /// The token that says so. `number` is the acknowledgement's own, `request` the token that is answered.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn acknowledge(
        self,
        version: Version,
        key: &Key,
        domain: &str,
        (number, request): (&str, &str),
        now: i64,
    ) -> anyhow::Result<String> {
        let claims: Value = json!({
            "version": version.text(),
            "rqJWT": request,
            "jti": number,
            "iss": domain,
            "iat": now / 1000,
            "raResultCode": self.code(version),
            "raResultString": self.text(),
        });
        jws::sign(key, &claims)
    }
}

impl From<subject::Fault> for Verdict {
    fn from(fault: subject::Fault) -> Self {
        Self::Subject(fault)
    }
}

/// What a subject is called in our own records: kind and value, both in ASCII.
#[must_use]
pub fn named(subject: &Subject) -> (u8, Vec<u8>) {
    match subject {
        Subject::Identifier(namespace, digest) => (namespace.number(), digest.0.to_vec()),
        // Pseudonyms have no namespace of their own (see `members`).
        Subject::Visitor(pseudonym) => (0, pseudonym.to_vec()),
    }
}
