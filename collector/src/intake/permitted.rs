//! What a visitor permits of an event, from the words that came with it.
//!
//! Two words are heard: Segment's consent object (`context.consent.categoryPreferences`) and our own four permissions by name
//! (`context.permissions`). Whoever has spoken has to agree. Where nobody has, the write key's own word holds, which its owner gave when the
//! key was made (`key::Key::otherwise`).
//!
//! Invariant: what cannot be read permits nothing, and neither does what may not be stored or not be measured: an event is kept to be counted.
//! Absent on purpose: consent strings. A page that has one has our module, which judges it where the visitor is.

use petitfour::consent::Permissions;
use serde_json::{Map, Value};

/// Bits by the order of [`Permissions::NAMES`].
const STORE: u8 = 1;
const PERSONALISE: u8 = 2;
const MEASURE: u8 = 4;
const SHARE: u8 = 8;

/// Names of consent categories, as Segment's documents, OneTrust and other platforms have them, and what each is about.
const CATEGORIES: [(&str, u8); 22] = [
    ("store", STORE),
    ("personalise", PERSONALISE),
    ("measure", MEASURE),
    ("share", SHARE),
    ("analytics", MEASURE),
    ("performance", MEASURE),
    ("statistics", MEASURE),
    ("measurement", MEASURE),
    ("c0002", MEASURE),
    ("functional", PERSONALISE),
    ("functionality", PERSONALISE),
    ("preferences", PERSONALISE),
    ("personalization", PERSONALISE),
    ("personalisation", PERSONALISE),
    ("c0003", PERSONALISE),
    ("advertising", SHARE),
    ("marketing", SHARE),
    ("marketingandadvertising", SHARE),
    ("targeting", SHARE),
    ("datasharing", SHARE),
    ("c0004", SHARE),
    ("c0005", SHARE),
];

/// What the words of an event's context permit; `otherwise` where nobody has spoken.
#[must_use]
pub fn read(context: Option<&Map<String, Value>>, otherwise: Permissions) -> Permissions {
    let said = |name| context.and_then(|context| context.get(name)).filter(|value| !value.is_null());
    let mut permitted = None;
    if let Some(consent) = said("consent") {
        // An object without preferences says nothing, as Segment has it.
        let preferences =
            consent.as_object().map(|consent| consent.get("categoryPreferences").filter(|value| !value.is_null()));
        permitted = match preferences {
            Some(None) => None,
            Some(Some(Value::Object(preferences))) if preferences.is_empty() => None,
            Some(Some(Value::Object(preferences))) => Some(categories(preferences)),
            _ => Some(Permissions::NONE),
        };
    }
    if let Some(own) = said("permissions") {
        let own = named(own, otherwise);
        permitted = Some(permitted.map_or(own, |heard| heard.and(own)));
    }
    let permitted = permitted.unwrap_or(otherwise);
    // Whoever may not keep it may do nothing with it; and to keep what somebody did is to measure it.
    if permitted.store() && permitted.measure() { permitted } else { Permissions::NONE }
}

/// A permission is open when a category speaks of it and none that does is refused; storing, when any of them is permitted.
fn categories(preferences: &Map<String, Value>) -> Permissions {
    let (mut opened, mut closed) = (0, 0);
    for (name, value) in preferences {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let about = CATEGORIES.iter().find(|(known, _)| *known == plain).map_or(0, |(_, about)| *about);
        if value == &Value::Bool(true) {
            opened |= about;
        } else {
            closed |= about;
        }
    }
    let mut open = opened & !closed;
    if opened != 0 && closed & STORE == 0 {
        open |= STORE;
    }
    Permissions::from_bits(open)
}

/// The four by name, as an object of booleans (what is not named is as `otherwise` has it) or a list of what is permitted.
fn named(said: &Value, otherwise: Permissions) -> Permissions {
    let bits = |name: &str| Permissions::NAMES.iter().position(|known| *known == name).map(|place| 1_u8 << place);
    match said {
        Value::Object(said) => {
            let mut open = otherwise.bits();
            for (name, value) in said {
                match (bits(name), value) {
                    (Some(bit), Value::Bool(true)) => open |= bit,
                    (Some(bit), _) => open &= !bit,
                    (None, _) => {}
                }
            }
            Permissions::from_bits(open)
        }
        Value::Array(said) => {
            let named = said.iter().filter_map(Value::as_str).filter_map(bits);
            Permissions::from_bits(named.fold(0, |open, bit| open | bit))
        }
        _ => Permissions::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bits(context: Value, otherwise: u8) -> u8 {
        read(context.as_object(), Permissions::from_bits(otherwise)).bits()
    }

    #[test]
    fn where_nobody_has_spoken_the_keys_word_holds() {
        for context in [
            json!({}),
            json!({ "consent": {} }),
            json!({ "consent": { "categoryPreferences": {} } }),
            json!({ "permissions": null }),
        ] {
            assert_eq!(bits(context, 5), 5);
        }
    }

    #[test]
    fn categories_open_what_they_are_about() {
        let said = |preferences: Value| bits(json!({ "consent": { "categoryPreferences": preferences } }), 15);
        assert_eq!(
            said(json!({ "Analytics": true, "Advertising": false, "Functional": true, "DataSharing": false })),
            7
        );
        assert_eq!(said(json!({ "Analytics": true, "Advertising": true, "DataSharing": false })), 5);
        assert_eq!(said(json!({ "Advertising": true })), 0);
        assert_eq!(said(json!({ "C0002": true, "C0004": true })), 13);
        assert_eq!(said(json!({ "Analytics": false, "C0001": true })), 0);
        assert_eq!(said(json!({ "store": false, "Analytics": true })), 0);
        assert_eq!(said(json!({ "Analytics": "true" })), 0);
    }

    #[test]
    fn whoever_has_spoken_has_to_agree() {
        let said = json!({ "consent": { "categoryPreferences": { "Analytics": true, "Functional": true } }, "permissions": { "personalise": false } });
        assert_eq!(bits(said, 15), 5);
        assert_eq!(bits(json!({ "permissions": ["store", "measure", "share"] }), 0), 13);
        assert_eq!(bits(json!({ "permissions": { "share": true } }), 5), 13);
    }

    #[test]
    fn what_cannot_be_read_permits_nothing() {
        for context in [
            json!({ "consent": 1 }),
            json!({ "consent": { "categoryPreferences": [] } }),
            json!({ "permissions": "all" }),
        ] {
            assert_eq!(bits(context, 15), 0);
        }
    }
}
