//! What an attribute's value is, where the host does not tell it: read from the profile and the moment.

use crate::catalog::{Attribute, Catalog, Source};
use crate::journey::Place;
use crate::profile::Profile;
use crate::time::Moment;

/// A part of the local time.
pub(super) fn moment(attribute: &Attribute<'_>, moment: Moment) -> u8 {
    match attribute.argument() {
        0 => moment.hour(),
        1 => moment.weekday(),
        _ => moment.month(),
    }
}

/// What the profile says of an attribute; NaN when it says nothing.
pub(super) fn remembered(catalog: &Catalog, profile: &Profile, attribute: &Attribute<'_>, moment: Moment) -> f64 {
    let subject = attribute.subject();
    match attribute.source() {
        Source::Trait => match profile.said(subject) {
            Some(hash) if attribute.is_text() => f64::from(catalog.text_bin(attribute, hash)),
            Some(bits) => f64::from_bits(bits),
            None => f64::NAN,
        },
        Source::Count if attribute.argument() == 0 => profile.total(subject) as f64,
        Source::Count => profile.within(subject, attribute.argument(), moment) as f64,
        Source::Recency => profile.hours_since(subject, moment).map_or(f64::NAN, |hours| hours as f64),
        Source::Affinity => {
            let half_life =
                catalog.affinities().find(|affinity| affinity.key() == subject).map(|found| found.half_life());
            half_life.map_or(f64::NAN, |hours| profile.strength(subject, attribute.argument(), hours, moment) as f64)
        }
        Source::Visits => profile.visits() as f64,
        Source::Worth => profile.worth(subject) as f64,
        Source::Member => profile.is_member(subject).map_or(f64::NAN, |is_in| f64::from(u8::from(is_in))),
        Source::Seen if attribute.argument() == 0 => profile.exposures_ever(subject) as f64,
        Source::Seen => profile.exposures(subject, attribute.argument(), moment) as f64,
        Source::Journey => profile.place(subject).map_or(f64::NAN, |(value, _)| f64::from(Place::read(value).stands())),
        Source::Context | Source::Moment | Source::Unknown => f64::NAN,
    }
}
