//! `dsrdelete.json`: what others must know to ask us for a deletion, in the fields of both versions.

use serde_json::{Value, json};

use super::{key::Keys, requester::Charter, subject::ACCEPTED};

/// Where requests are sent.
pub const ENDPOINT: &str = "/v1/deletions";

/// Where the file stands: version 1.0 says the root, version 2.0 shows both.
pub const PLACES: [&str; 2] = ["/dsrdelete.json", "/.well-known/iabtl/dsrdelete.json"];

/// Where our keys stand for those who read version 2.0.
pub const KEYS: &str = "/.well-known/iabtl/jwks.json";

/// How often others should look again, in seconds: a day. A key that was changed is published beside the new one for as
/// long as its file stays.
const LOOK: u32 = 86_400;

/// The file.
#[must_use]
pub fn manifest(charter: &Charter, keys: &Keys) -> Value {
    let accepted: Vec<_> = ACCEPTED
        .iter()
        .map(|accepted| json!({ "id": accepted.id, "type": accepted.kind, "format": accepted.format }))
        .collect();
    json!({
        "endpoint": format!("{}{ENDPOINT}", charter.address),
        "pollFrequency": LOOK,
        "identifiers": accepted,
        "publicKey": keys.public(),
        "jwksUri": format!("{}{KEYS}", charter.address),
        "vendorScriptRequirement": false,
    })
}

/// The key set.
#[must_use]
pub fn key_set(keys: &Keys) -> Value {
    json!({ "pollFrequency": LOOK, "keys": keys.public() })
}
