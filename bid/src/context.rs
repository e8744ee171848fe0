//! What a request says of the moment, as context values of the bundle's names. What the bundle does not declare is not told.

use crate::request::BidRequest;
use petitfour::engine::Session;
use petitfour::time::Moment;

/// Tells a session what the request says; where the law for children applies, nothing finer than a region.
pub(crate) fn tell(session: &mut Session, request: &BidRequest) {
    let (device, geo, laws) = (&request.device, &request.device.geo, &request.regs);
    let child = laws.own.coppa.or(laws.ext.coppa) == Some(1);
    let fine = |text: &'_ Option<String>| if child { None } else { text.clone() };
    let said = [
        ("country", geo.country.clone()),
        ("region", geo.region.clone()),
        ("metro", fine(&geo.metro)),
        ("city", fine(&geo.city)),
        ("zip", fine(&geo.zip)),
        ("language", device.language.clone()),
        ("device", device.devicetype.and_then(kind).map(str::to_owned)),
        ("os", device.os.clone()),
        ("make", device.make.clone()),
        ("model", device.model.clone()),
        ("site", request.site.as_ref().and_then(|site| site.domain.clone())),
        ("page", request.site.as_ref().and_then(|site| site.page.clone())),
        ("app", request.app.as_ref().and_then(|app| app.bundle.clone())),
    ];
    for (name, value) in said {
        if let Some(value) = value {
            session.set_context_text(name, &value);
        }
    }
}

/// Tells a session of one slot.
pub(crate) fn slot(session: &mut Session, kind: &str, size: Option<(u32, u32)>) {
    session.set_context_text("slot", kind);
    let (width, height) = size.map_or((f64::NAN, f64::NAN), |(width, height)| (width.into(), height.into()));
    session.set_context_number("width", width);
    session.set_context_number("height", height);
}

/// The moment by the person's clock, where the request tells its offset.
pub(crate) fn moment(request: &BidRequest, moment: Moment) -> Moment {
    let offset = request.device.geo.utcoffset.filter(|offset| (-840..=840).contains(offset));
    Moment { offset_minutes: offset.unwrap_or(moment.offset_minutes), ..moment }
}

/// AdCOM, "Device Types".
fn kind(number: u8) -> Option<&'static str> {
    match number {
        1 => Some("mobile"),
        2 => Some("computer"),
        3 => Some("tv"),
        4 => Some("phone"),
        5 => Some("tablet"),
        6 => Some("connected"),
        7 => Some("set_top_box"),
        8 => Some("outdoor"),
        _ => None,
    }
}
