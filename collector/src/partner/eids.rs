//! OpenRTB's `user.eids`: the ids by which partners know a person, for a bid request.
//!
//! Absent on purpose: our own id of the person. A number that every bidder saw would tie together what was kept apart.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// One id of one partner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uid {
    /// The partner's domain: `uidapi.com`, `id5-sync.com`, `liveramp.com`…
    pub source: String,
    /// The id, verbatim.
    pub id: String,
    /// What kind of thing it names (AdCOM, "Agent Types"): 1 a browser or device, 2 an app of a device, 3 a person.
    pub atype: u32,
}

/// Most ids of one partner: what the package takes too.
const MOST: usize = 16;

/// The list as OpenRTB 2.6 has it; empty unless the person permits sharing. Partners and ids are in order and once.
#[must_use]
pub fn eids(uids: &[Uid], share: bool) -> Value {
    let mut partners: BTreeMap<&str, BTreeSet<(&str, u32)>> = BTreeMap::new();
    if share {
        for uid in uids.iter().filter(|uid| !uid.source.is_empty() && !uid.id.is_empty()) {
            partners.entry(&uid.source).or_default().insert((&uid.id, uid.atype));
        }
    }
    let partner = |(source, ids): (&str, BTreeSet<(&str, u32)>)| {
        let uids: Vec<_> = ids.iter().take(MOST).map(|(id, atype)| json!({ "id": id, "atype": atype })).collect();
        json!({ "source": source, "uids": uids })
    };
    partners.into_iter().map(partner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(source: &str, id: &str, atype: u32) -> Uid {
        Uid { source: source.into(), id: id.into(), atype }
    }

    #[test]
    fn ids_stand_under_their_partner_once_and_in_order() {
        let uids = [
            uid("uidapi.com", "b", 3),
            uid("id5-sync.com", "x", 1),
            uid("uidapi.com", "a", 3),
            uid("uidapi.com", "b", 3),
        ];
        assert_eq!(
            eids(&uids, true),
            json!([
                { "source": "id5-sync.com", "uids": [{ "id": "x", "atype": 1 }] },
                { "source": "uidapi.com", "uids": [{ "id": "a", "atype": 3 }, { "id": "b", "atype": 3 }] },
            ])
        );
    }

    #[test]
    fn without_permission_to_share_there_are_none() {
        assert_eq!(eids(&[uid("uidapi.com", "a", 3)], false), json!([]));
    }
}
