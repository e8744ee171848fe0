//! E-mail addresses in the three forms that partners hash.
//!
//! All are trimmed and in lower case (Unicode's, so that ÄRGER@… and ärger@… are one address). For mailboxes that
//! ignore dots and suffixes, some partners fold: UID2 at `gmail.com` only, Google at `googlemail.com` too. Neither joins
//! the two domains. Google also drops spaces inside.
//!
//! Absent on purpose: punycode, Unicode normalisation (no partner publishes either), any look at whether a mailbox exists.

use super::{Digest, Forms, Hashed, Namespace, Refusal, join, placeholder, trimmed};
use alloc::string::String;
use alloc::vec::Vec;

/// Longest address, in bytes (RFC 5321, section 4.5.3.1.3, less the brackets).
pub const MAX_TEXT: usize = 254;

/// A form in which a partner hashes an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Trimmed, lower case: Meta, Snap.
    Plain,
    /// As UID2 says: at `gmail.com`, no dots and no suffix from "+" on.
    Uid2,
    /// As Google's Data Manager says: the same at `googlemail.com` too, and no spaces anywhere.
    Google,
}

/// Digests of an address: one when all forms agree, two when folding changes it. A ready SHA-256 counts as the plain form.
///
/// # Errors
/// [`Refusal::Placeholder`], [`Refusal::Malformed`], [`Refusal::Long`].
pub fn read(text: &str) -> Result<Vec<Hashed>, Refusal> {
    // Base64 of a digest means something else in lower case; an address has an "@", which base64 has not.
    if text.contains('@') { read_lowered(&lowered(text)?) } else { read_lowered(text) }
}

/// As [`read`], of an address in lower case. For a host that lowers letters itself: in a browser, that spares every
/// visitor the tables of Unicode (`docs/adr/0005-sha-256.md` has the figure).
///
/// # Errors
/// As [`read`].
pub fn read_lowered(text: &str) -> Result<Vec<Hashed>, Refusal> {
    let text = trimmed(text);
    if placeholder::is_placeholder(text) {
        return Err(Refusal::Placeholder);
    }
    if let Some(digest) = Digest::given(text) {
        let known = Hashed::new(Namespace::Email, Forms::PLAIN, digest);
        return if digest.is_placeholder() { Err(Refusal::Placeholder) } else { Ok(Vec::from([known])) };
    }
    let google = fold(text, Form::Google)?;
    let mut parts = google.splitn(2, |byte| *byte == b'@');
    if placeholder::is_nobodys(parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) {
        return Err(Refusal::Placeholder);
    }
    let mut read = Vec::from([Hashed::new(Namespace::Email, Forms::GOOGLE, Digest::of(google))]);
    for (form, forms) in [(Form::Uid2, Forms::UID2), (Form::Plain, Forms::PLAIN)] {
        // An address with spaces inside exists for Google alone.
        if let Ok(normal) = fold(text, form) {
            join(&mut read, Hashed::new(Namespace::Email, forms, Digest::of(normal)));
        }
    }
    Ok(read)
}

/// The text that is hashed. Normalising again changes nothing.
///
/// # Errors
/// [`Refusal::Malformed`] when it is not one address; [`Refusal::Long`] beyond [`MAX_TEXT`].
pub fn normalise(text: &str, form: Form) -> Result<String, Refusal> {
    String::from_utf8(fold(trimmed(&lowered(text)?), form)?).map_err(|_| Refusal::Malformed)
}

fn lowered(text: &str) -> Result<String, Refusal> {
    // Lower case may take more bytes than upper case; twice is more than it ever does.
    if text.len() > 8 * MAX_TEXT { Err(Refusal::Long) } else { Ok(text.to_lowercase()) }
}

/// Works on bytes: what is looked for is ASCII, and whole letters of more bytes pass as they are.
fn fold(text: &str, form: Form) -> Result<Vec<u8>, Refusal> {
    if text.len() > 2 * MAX_TEXT {
        return Err(Refusal::Long);
    }
    let mut address = Vec::with_capacity(text.len());
    address.extend(text.bytes().filter(|byte| form != Form::Google || !byte.is_ascii_whitespace()));
    if address.len() > MAX_TEXT {
        return Err(Refusal::Long);
    }
    let mut parts = address.splitn(2, |byte| *byte == b'@');
    let (local, domain) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let plain = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | 0x80..);
    let shaped = !local.is_empty()
        && local.iter().all(|byte| plain(byte) || SIGNS.contains(byte))
        && domain.iter().all(plain)
        && domain.contains(&b'.')
        && domain.split(|byte| *byte == b'.').all(|label| !label.is_empty())
        && !text.chars().any(is_unseen);
    if !shaped {
        return Err(Refusal::Malformed);
    }
    let folds = match form {
        Form::Plain => false,
        Form::Uid2 => domain == b"gmail.com",
        Form::Google => domain == b"gmail.com" || domain == b"googlemail.com",
    };
    if folds {
        let mailbox = local.iter().position(|byte| *byte == b'+').unwrap_or(local.len());
        let (end, mut place) = (local.len(), 0);
        address.retain(|byte| {
            let kept = place >= end || (place < mailbox && *byte != b'.');
            place += 1;
            kept
        });
        if address.first() == Some(&b'@') {
            return Err(Refusal::Malformed);
        }
    }
    Ok(address)
}

/// What RFC 5322 allows in a mailbox beside letters and digits. Quoted mailboxes are not read: they are rarer than
/// "Jane <jane@…>" pasted into a form.
const SIGNS: &[u8] = b"!#$%&'*+/=?^_`{|}~";

/// Spaces, control characters and marks that cannot be seen, beyond ASCII: they came with a paste.
fn is_unseen(c: char) -> bool {
    !c.is_ascii()
        && (c.is_whitespace() || matches!(c, '\u{80}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn google_folds_where_uid2_does_not() {
        let address = "Jane.Doe+shop@GoogleMail.com";
        assert_eq!(normalise(address, Form::Plain).unwrap(), "jane.doe+shop@googlemail.com");
        assert_eq!(normalise(address, Form::Uid2).unwrap(), "jane.doe+shop@googlemail.com");
        assert_eq!(normalise(address, Form::Google).unwrap(), "janedoe@googlemail.com");
        let forms: Vec<_> = read(address).unwrap().iter().map(Hashed::forms).collect();
        assert_eq!(forms, [Forms::GOOGLE, Forms::PLAIN.and(Forms::UID2)]);
    }

    #[test]
    fn letters_of_every_script_are_lowered() {
        assert_eq!(normalise("ÄRGER@Straße.de", Form::Plain).unwrap(), "ärger@straße.de");
        assert_eq!(normalise("ΟΔΟΣ@example.gr", Form::Plain).unwrap(), "οδος@example.gr");
        assert_eq!(normalise("\u{feff} jane@example.com\u{a0}", Form::Plain).unwrap(), "jane@example.com");
    }

    #[test]
    fn spaces_inside_leave_googles_form_only() {
        assert_eq!(normalise("jane doe@gmail.com", Form::Plain), Err(Refusal::Malformed));
        let read = read("jane doe@gmail.com").unwrap();
        assert_eq!(read, [Hashed::new(Namespace::Email, Forms::GOOGLE, Digest::of("janedoe@gmail.com"))]);
    }

    #[test]
    fn what_is_not_one_address_is_malformed() {
        for text in
            ["a", "a@b", "@b.c", "a@b..c", "a@@b.c", "mailto:a@b.c", "Jane <a@b.c>", "a@b.c,d@e.f", "+x@gmail.com"]
        {
            assert_eq!(read(text), Err(Refusal::Malformed), "{text}");
        }
        assert_eq!(read(&std::format!("{}@b.c", "a".repeat(251))), Err(Refusal::Long));
    }

    #[test]
    fn nobodys_mailbox_is_a_placeholder() {
        for text in [
            "test@test.com",
            " Test@Example.COM",
            "null",
            "\"null\"",
            "undefined@shop.com",
            "a@a.com",
            "jane@shop.invalid",
            "name@domain.com",
            "{{ email }}",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ] {
            assert_eq!(read(text), Err(Refusal::Placeholder), "{text}");
        }
        assert!(read("user@example.com").is_ok());
    }
}
