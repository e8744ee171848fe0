//! Judging a request for deletion: read it, check both signatures, its times and its subject.
//!
//! A request is a token of the requester that carries a token of the first party. The order of the checks is from what
//! costs nothing to what costs a signature, and nothing that a token says is acted on before it was checked.

use serde_json::Value;

use super::{
    acknowledgement::{Verdict, Version, Whose},
    jws::Token,
    requester::{Requesters, Signature},
    subject::Subject,
};

/// How far a clock may be ahead, in seconds (version 2.0, code 13104).
const AHEAD: i64 = 300;

const DAY: i64 = 86_400;

/// A request that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The version that it speaks.
    pub version: Version,
    /// Its own number.
    pub number: String,
    /// Who sends it.
    pub requester: String,
    /// The first party's number of the whole matter.
    pub matter: String,
    /// With whom the person spoke.
    pub origin: String,
    /// Whom it is about.
    pub subject: Subject,
    /// When it was made, in Unix seconds.
    pub made: i64,
    /// The first party's token, to be sent on as it is.
    pub original: String,
}

/// By what requests are judged.
#[derive(Clone)]
pub struct Judge {
    requesters: Requesters,
    domain: String,
    /// In seconds.
    oldest: i64,
}

impl Judge {
    /// A judge who knows these requesters; `domain` is ours, and a request may be `days` old.
    #[must_use]
    pub fn new(requesters: Requesters, domain: String, days: u32) -> Self {
        Self { requesters, domain, oldest: i64::from(days) * DAY }
    }

    /// Judges a token; `now` in Unix ms. The version is told also of what is refused, as far as it can be seen.
    ///
    /// # Errors
    /// The verdict, with the version to answer in.
    pub fn judge(&self, text: &str, now: i64) -> Result<Request, (Version, Verdict)> {
        let Some(token) = Token::read(text) else { return Err((Version::Two, Verdict::Token(Whose::Requester))) };
        let version = version(&token);
        self.check(&token, version, now / 1000).map_err(|verdict| (version, verdict))
    }

    fn check(&self, token: &Token<'_>, version: Version, now: i64) -> Result<Request, Verdict> {
        let carried = if version == Version::One { "idJWT" } else { "orJWT" };
        let original = token.text(carried).ok_or(Verdict::Missing)?;
        let origin = Token::read(original).ok_or(Verdict::Token(Whose::Origin))?;
        let claim = |token: &Token<'_>, name| token.text(name).map(str::to_owned).ok_or(Verdict::Missing);
        let (kind, format, value) = subject(token, version).ok_or(Verdict::Missing)?;
        let request = Request {
            version,
            number: claim(token, "jti")?,
            requester: claim(token, "iss")?.to_ascii_lowercase(),
            matter: claim(&origin, "jti")?,
            origin: claim(&origin, "iss")?.to_ascii_lowercase(),
            // Read last: what is wrong with it is told to those alone who may ask.
            subject: Subject::Visitor([0; 16]),
            made: made(token, Whose::Requester)?,
            original: original.to_owned(),
        };
        for (token, whose) in [(token, Whose::Requester), (&origin, Whose::Origin)] {
            match self.requesters.check(token) {
                Signature::Good => {}
                bad => return Err(Verdict::Signature(whose, bad)),
            }
        }
        let began = made(&origin, Whose::Origin)?;
        for (time, whose) in [(began, Whose::Origin), (request.made, Whose::Requester)] {
            if time > now.saturating_add(AHEAD) {
                return Err(Verdict::Future(whose));
            }
        }
        if request.made < began {
            return Err(Verdict::Sequence);
        }
        if request.made < now.saturating_sub(self.oldest) || ended(token, now) || ended(&origin, now) {
            return Err(Verdict::Expired);
        }
        // The framework knows no `aud`; whoever sets it means it.
        if token.claims.get("aud").is_some_and(|audience| !names(audience, &self.domain)) {
            return Err(Verdict::Audience);
        }
        Ok(Request { subject: Subject::read(&kind, &format, &value)?, ..request })
    }
}

fn version(token: &Token<'_>) -> Version {
    if token.claims.contains_key("idJWT") || token.text("version").is_some_and(|text| text.starts_with("1.")) {
        Version::One
    } else {
        Version::Two
    }
}

/// Type, format and value of the identifier.
fn subject(token: &Token<'_>, version: Version) -> Option<(String, String, String)> {
    let within = match version {
        Version::One => token.claims.get("sub")?.as_object()?,
        Version::Two => &token.claims,
    };
    let text = |name| within.get(name).and_then(Value::as_str).map(str::to_owned);
    Some((text("identifierType")?, text("identifierFormat")?, text("identifierValue")?))
}

fn made(token: &Token<'_>, whose: Whose) -> Result<i64, Verdict> {
    let time = token.claims.get("iat").ok_or(Verdict::Missing)?;
    time.as_i64().filter(|time| *time > 0).ok_or(Verdict::Time(whose))
}

fn ended(token: &Token<'_>, now: i64) -> bool {
    // An end that is no number is none that can be kept.
    token.claims.get("exp").is_some_and(|end| end.as_i64().is_none_or(|end| end < now.saturating_sub(AHEAD)))
}

fn names(audience: &Value, domain: &str) -> bool {
    match audience {
        Value::String(text) => text.eq_ignore_ascii_case(domain),
        Value::Array(list) => list.iter().any(|one| names(one, domain)),
        _ => false,
    }
}
