//! What each partner takes of what a shop knows of a customer: the collector's way into the engine's [`identity`].
//!
//! Devices send digests; a customer relationship system has the values themselves, and more of them: names, birth dates,
//! addresses. Both come to the same digest, since the same code makes it.
//!
//! Lists for platforms are written by it ([`destination::platform`](crate::destination::platform)).
//!
//! Absent on purpose: any store or log of such values.

use petitfour::identity::{
    self, Digest, Namespace, Recipient, Refusal,
    particular::{self, Particular},
    phone::{self, Plan},
};

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// An e-mail address, or its SHA-256.
    Email,
    /// A phone number written like this, or its SHA-256.
    Phone(Plan),
    /// A name, a part of a birth date, a part of an address.
    Particular(Particular),
}

/// The value as `recipient` takes it: hashed and spelled. None when the partner takes no such thing, or not of a value
/// that came hashed in another form.
///
/// # Errors
/// [`Refusal`]: the value is none, and nothing is to be sent.
pub fn spell(recipient: Recipient, field: Field, text: &str) -> Result<Option<String>, Refusal> {
    let read = match field {
        Field::Email => identity::read(Namespace::Email, text)?,
        Field::Phone(plan) => phone::read(text, plan)?,
        Field::Particular(particular) => return spell_particular(recipient, particular, text),
    };
    Ok(read.iter().find_map(|hashed| recipient.spell(hashed)))
}

fn spell_particular(recipient: Recipient, particular: Particular, text: &str) -> Result<Option<String>, Refusal> {
    let normal = particular::normalise(particular, text)?;
    Ok(match (recipient, particular) {
        (Recipient::Meta, Particular::Currency) => Some(normal),
        (Recipient::Meta, _) | (Recipient::Google | Recipient::Pinterest, Particular::Name) => {
            Some(Digest::of(normal).hex())
        }
        _ => None,
    })
}
