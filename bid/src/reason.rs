//! Why there is no bid: stable codes, and OpenRTB's numbers where there is one.

use petitfour::engine;
use serde::Serialize;

/// Why there is no bid for a slot, or none of a campaign. What is refused first is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Less time is left than an answer takes.
    Late,
    /// The buyer's seat is not among those that may bid, or among those that may not.
    Seat,
    /// The auction, or the slot's floor, is in another currency.
    Currency,
    /// Only deals may be bid on.
    Deal,
    /// Neither a banner with a size nor native.
    Format,
    /// No placement of the bundle is meant.
    Placement,
    /// Not among the first slots of the request.
    Slots,
    /// No campaign that bids may be shown at the placement.
    Campaign,
    /// The engine's gate refused the campaign.
    Refused(engine::Reason),
    /// The campaign reads the profile, and that is not permitted.
    Permission,
    /// The campaign is capped, and there is no profile that counts.
    Uncounted,
    /// The advertiser is blocked.
    Advertiser,
    /// A category is blocked, or those that are blocked cannot be read.
    Category,
    /// The creative has not what the slot asks for.
    Creative,
    /// The price is below the floor.
    Floor,
    /// The budget is spent.
    Budget,
    /// The day's budget is spent.
    DayBudget,
    /// The day's budget is spent as far as the day has come.
    Pacing,
    /// The same auction was answered before, and that is over.
    Repeated,
    /// Too many bids are outstanding.
    Busy,
}

impl Reason {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Late => "bid/late",
            Self::Seat => "bid/seat",
            Self::Currency => "bid/currency",
            Self::Deal => "bid/deal",
            Self::Format => "bid/format",
            Self::Placement => "bid/placement",
            Self::Slots => "bid/slots",
            Self::Campaign => "bid/campaign",
            Self::Refused(_) => "bid/refused",
            Self::Permission => "bid/permission",
            Self::Uncounted => "bid/uncounted",
            Self::Advertiser => "bid/advertiser",
            Self::Category => "bid/category",
            Self::Creative => "bid/creative",
            Self::Floor => "bid/floor",
            Self::Budget => "bid/budget",
            Self::DayBudget => "bid/day_budget",
            Self::Pacing => "bid/pacing",
            Self::Repeated => "bid/repeated",
            Self::Busy => "bid/busy",
        }
    }

    /// OpenRTB's number (List: No-Bid Reason Codes), where it has one that says this. 8 (unmatched user) and 9 (daily user cap) are never
    /// told: they say what we know of the person.
    #[must_use]
    pub fn nbr(self) -> Option<u32> {
        match self {
            Self::Busy => Some(1),
            Self::Late => Some(15),
            _ => None,
        }
    }

    /// What an exchange may be told: not what we know of the person, and not what we have left to spend.
    #[must_use]
    pub fn public(self) -> Self {
        match self {
            Self::Refused(_) | Self::Permission | Self::Uncounted => Self::Campaign,
            Self::DayBudget | Self::Pacing | Self::Repeated => Self::Budget,
            other => other,
        }
    }

    /// In words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Late => "less time is left than an answer takes",
            Self::Seat => "the seat may not bid here",
            Self::Currency => "the auction or its floor is in another currency",
            Self::Deal => "only private deals may be bid on",
            Self::Format => "neither a banner with a size nor native",
            Self::Placement => "the slot is no placement of the bundle",
            Self::Slots => "the request has more slots than are answered",
            Self::Campaign => "no campaign that bids may be shown",
            Self::Refused(reason) => match reason {
                engine::Reason::Schedule => "the campaign does not run now",
                engine::Reason::Segment => "the person is not in the campaign's segment",
                engine::Reason::StockOut | engine::Reason::StockUnknown | engine::Reason::StockStale => {
                    "the campaign's stock condition does not hold"
                }
                engine::Reason::CapHour
                | engine::Reason::CapDay
                | engine::Reason::CapWeek
                | engine::Reason::CapTotal => "the person has seen the campaign often enough",
                engine::Reason::Pace => "the campaign is shown to others at this hour, as its exposures are paced",
                engine::Reason::Holdout => "the person is in the share that is left alone on purpose",
                _ => "the campaign may not be shown",
            },
            Self::Permission => "the campaign reads the profile, or is capped, and that is not permitted",
            Self::Uncounted => "the campaign is capped, and there is no profile that counts",
            Self::Advertiser => "the advertiser is blocked",
            Self::Category => "a category is blocked, or the blocked ones cannot be read",
            Self::Creative => "the creative has not what the slot asks for",
            Self::Floor => "the price is below the floor",
            Self::Budget => "the budget is spent",
            Self::DayBudget => "the day's budget is spent",
            Self::Pacing => "the day's budget is spent as far as the day has come",
            Self::Repeated => "the same auction was answered before",
            Self::Busy => "too many bids are outstanding",
        }
    }
}

/// One reason, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The slot; none where it is about the whole request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imp: Option<String>,
    /// The campaign; none where it is about the slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// Why.
    #[serde(serialize_with = "code")]
    pub reason: Reason,
    /// The engine's reason or the figures that decided, in words.
    pub text: String,
}

fn code<S: serde::Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.code())
}
