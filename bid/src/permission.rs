//! What a request permits: its consent strings by the bundle's policy, narrowed by what the device and the law for children say.

use crate::request::BidRequest;
use petitfour::catalog::Catalog;
use petitfour::consent::{Error, Permissions, Region, Signals};

/// Closed by a device that limits tracking: to personalise and to share, as bits.
const LIMITED: u8 = 0b1010;

/// Where nothing is permitted without consent, whether a request says so or not: the European Economic Area, the United Kingdom,
/// Switzerland and Brazil (ISO 3166-1 alpha-3, as OpenRTB has it).
const OPT_IN: [&str; 33] = [
    "AUT", "BEL", "BGR", "BRA", "CHE", "CYP", "CZE", "DEU", "DNK", "ESP", "EST", "FIN", "FRA", "GBR", "GRC", "HRV",
    "HUN", "IRL", "ISL", "ITA", "LIE", "LTU", "LUX", "LVA", "MLT", "NLD", "NOR", "POL", "PRT", "ROU", "SVK", "SVN",
    "SWE",
];

/// What is permitted, and why a string counts as nothing.
pub(crate) fn of(catalog: &Catalog, request: &BidRequest) -> (Permissions, Option<Error>) {
    let (laws, older, user) = (&request.regs.own, &request.regs.ext, &request.user);
    let text = |new: &'_ Option<String>, old: &'_ Option<String>| {
        new.clone().filter(|text| !text.is_empty()).or_else(|| old.clone()).filter(|text| !text.is_empty())
    };
    let tcf = text(&user.consent, &user.ext.consent);
    let gpp = text(&laws.gpp, &older.gpp);
    let us_privacy = text(&laws.us_privacy, &older.us_privacy);
    let sections = laws.gpp_sid.as_ref().or(older.gpp_sid.as_ref());
    let gpc = laws.gpc.as_ref().or(older.gpc.as_ref());
    let country = request.device.geo.country.as_deref().unwrap_or_default().to_ascii_uppercase();
    let said = laws.gdpr.or(older.gdpr);
    let signals = Signals {
        // An exchange that says that the law does not apply is believed; one that says nothing is not taken to have said so.
        region: if said.is_none() && OPT_IN.contains(&country.as_str()) { Region::OptIn } else { Region::Unknown },
        gdpr_applies: said.and_then(|applies| match applies {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }),
        tcf: tcf.as_deref(),
        gpp: gpp.as_deref(),
        gpp_applies: sections.map_or(0, |ids| ids.iter().fold(0, |bits, id| bits | section(*id))),
        us_privacy: us_privacy.as_deref(),
        gpc: gpc.is_some_and(|said| said.as_str() == Some("1") || said.as_i64() == Some(1)),
        ..Signals::default()
    };
    let verdict = catalog.policy().decide(&signals);
    let limited = request.device.lmt == Some(1) || request.device.dnt == Some(1);
    let permissions = if laws.coppa.or(older.coppa) == Some(1) {
        Permissions::NONE
    } else if limited {
        verdict.permissions.without(Permissions::from_bits(LIMITED))
    } else {
        verdict.permissions
    };
    (permissions, verdict.fault)
}

/// The bit of a section; bit 0 for what is none.
fn section(id: i32) -> u32 {
    u32::try_from(id).ok().and_then(|id| 1u32.checked_shl(id)).unwrap_or(1)
}
