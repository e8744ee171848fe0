//! Requests to bids: slot by slot, the best campaign that may, can and is worth it.

use crate::config::Config;
use crate::context;
use crate::creative::{Creative, Reach};
use crate::ledger::{Claim, Ledger};
use crate::native;
use crate::offer::{Offer, Price};
use crate::permission;
use crate::reason::{Reason, Refusal};
use crate::request::{BidRequest, Eid, Imp};
use crate::response::{Bid, BidResponse, SeatBid};
use petitfour::consent::Permissions;
use petitfour::decision::Contender;
use petitfour::engine::{self, Engine, Session};
use petitfour::hash::xxh64;
use petitfour::id::Key;
use petitfour::sync::answer::{Answer, MAX_ROWS, Member};
use petitfour::time::{Moment, Timestamp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Slots of one request that are answered: more than any page has.
const SLOTS: usize = 32;

/// Who a request is about, as partners and the exchange know them.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// Partners' ids.
    pub eids: &'a [Eid],
    /// The exchange's id.
    pub user: Option<&'a str>,
    /// The bidder's own id, as the exchange was told it.
    pub buyer: Option<&'a str>,
}

/// Where profiles are looked up. Asked only while a request permits to store and to personalise.
pub trait Profiles {
    /// The bytes of the person's profile, as a session would keep it.
    fn profile(&self, person: &Person<'_>) -> Option<Vec<u8>>;
}

impl<F: Fn(&Person<'_>) -> Option<Vec<u8>>> Profiles for F {
    fn profile(&self, person: &Person<'_>) -> Option<Vec<u8>> {
        self(person)
    }
}

/// A bundle that bids.
pub struct Bidder {
    /// What siblings are made of: its levels of feeds are theirs.
    session: Session,
    config: Config,
    profiles: Option<Box<dyn Profiles + Send + Sync>>,
    currency: String,
    /// By the campaign's place.
    offers: BTreeMap<usize, Offer>,
    /// By the creative's place; of the campaigns that bid.
    creatives: BTreeMap<usize, Creative>,
    /// Names of placements.
    placements: BTreeMap<String, usize>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The answer; `None` is an answer without content (HTTP 204).
    pub response: Option<BidResponse>,
    /// Why not, in the order in which it was found: of the request, of slots, of campaigns.
    pub refusals: Vec<Refusal>,
    /// What the request permitted.
    pub permissions: Permissions,
    /// Why a consent string counts as no permission: a stable code.
    pub fault: Option<&'static str>,
    id: String,
}

impl Outcome {
    /// OpenRTB's number of the first reason that has one.
    #[must_use]
    pub fn nbr(&self) -> Option<u32> {
        self.refusals.iter().find_map(|refusal| refusal.reason.nbr())
    }

    /// The answer without a bid that says why, for exchanges that read it: `nbr`, and our own reasons in `ext`, each once for a slot.
    ///
    /// What an exchange could learn from it of the person, or of our prices and budgets, is not in it: no campaign, no figure.
    #[must_use]
    pub fn no_bid(&self) -> Value {
        let mut told = BTreeSet::new();
        let mut reasons = Vec::new();
        for Refusal { imp, reason, .. } in &self.refusals {
            let public = reason.public();
            if told.insert((imp, public.code())) {
                let mut row = json!({ "reason": public.code(), "text": public.text() });
                if let (Some(row), Some(imp)) = (row.as_object_mut(), imp) {
                    row.insert("imp".to_owned(), imp.as_str().into());
                }
                reasons.push(row);
            }
        }
        let mut answer = json!({ "id": self.id, "seatbid": [], "ext": { "petitfour": { "reasons": reasons } } });
        if let (Some(answer), Some(nbr)) = (answer.as_object_mut(), self.nbr()) {
            answer.insert("nbr".to_owned(), nbr.into());
        }
        answer
    }
}

/// What is the same for every slot of a request.
struct Round<'a> {
    request: &'a BidRequest,
    session: Session,
    permissions: Permissions,
    /// Is there a profile that counts exposures?
    counted: bool,
    /// By the person's clock.
    local: Moment,
    /// By the bidder's.
    moment: Moment,
}

/// What a slot takes.
enum Shape {
    Banner(Vec<(u32, u32)>),
    Native(native::Request),
}

/// What fills it.
struct Filled {
    adm: String,
    mtype: u32,
    size: Option<(u32, u32)>,
}

impl Bidder {
    /// A bidder over a bundle.
    #[must_use]
    pub fn new(engine: Arc<Engine>, config: Config) -> Self {
        let catalog = engine.catalog();
        let mut currency = String::new();
        let (mut offers, mut creatives) = (BTreeMap::new(), BTreeMap::new());
        for bid in catalog.bids() {
            let (Some(offer), Some(campaign)) = (Offer::of(catalog, &bid), catalog.campaign(bid.campaign())) else {
                continue;
            };
            currency.clear();
            currency.push_str(bid.currency());
            offers.insert(bid.campaign(), offer);
            for place in (campaign.first_creative()..).take(campaign.creative_count().into()) {
                if let Some(creative) = catalog.creative(place) {
                    let (name, content) = (catalog.string(creative.name()), catalog.string(creative.content()));
                    creatives.insert(place, Creative::new(name, content));
                }
            }
        }
        let names = catalog.placements().enumerate();
        let placements = names.map(|(place, placement)| (catalog.string(placement.name()).to_owned(), place)).collect();
        let session = Session::new(Arc::clone(&engine), [0; 32]);
        Self { session, config, profiles: None, currency, offers, creatives, placements }
    }

    /// Looks profiles up here.
    #[must_use]
    pub fn with_profiles(mut self, profiles: impl Profiles + Send + Sync + 'static) -> Self {
        self.profiles = Some(Box::new(profiles));
        self
    }

    /// Takes in a level of a feed, as [`Session::feed`] does, for every request from now on.
    pub fn feed(&mut self, feed: &str, place: &str, item: &str, level: i32, as_of: Timestamp) -> bool {
        self.session.feed(feed, place, item, level, as_of)
    }

    /// What campaigns offer, in the order of the bundle.
    pub fn offers(&self) -> impl Iterator<Item = &Offer> + Clone {
        self.offers.values()
    }

    /// The bundle's currency; empty where no campaign bids.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// Answers a request. `moment` is now by the bidder's clock, whose local days are those of the budgets. What is offered is reserved in
    /// the ledger, unless the request is a test.
    pub fn bid(&self, request: &BidRequest, ledger: &mut dyn Ledger, moment: Moment) -> Outcome {
        let (permissions, fault) = permission::of(self.session.engine().catalog(), request);
        let fault = fault.map(petitfour::consent::Error::code);
        let mut outcome = Outcome { response: None, refusals: Vec::new(), permissions, fault, id: request.id.clone() };
        if let Some(refusal) = self.refusal(request) {
            outcome.refusals.push(refusal);
            return outcome;
        }
        let mut round = self.round(request, permissions, moment);
        let mut bids = Vec::new();
        for (place, imp) in request.imp.iter().enumerate() {
            let mut refusals = Vec::new();
            if place >= SLOTS {
                refusals.push(about(Reason::Slots, None, format!("more than {SLOTS}")));
            } else if let Some(bid) = self.bid_for(imp, &mut round, ledger, &mut refusals) {
                bids.push(bid);
            }
            outcome
                .refusals
                .extend(refusals.into_iter().map(|refusal| Refusal { imp: Some(imp.id.clone()), ..refusal }));
        }
        if !bids.is_empty() {
            let seatbid = vec![SeatBid { bid: bids, seat: self.config.seat.clone() }];
            outcome.response = Some(BidResponse { id: request.id.clone(), seatbid, cur: self.currency.clone() });
        }
        outcome
    }

    /// What refuses the request as a whole.
    fn refusal(&self, request: &BidRequest) -> Option<Refusal> {
        let (seat, answer_ms) = (&self.config.seat, self.config.answer_ms);
        // Without a seat of its own, the bidder is on no list that names those that may.
        let barred = (!request.wseat.is_empty() && !request.wseat.contains(seat)) || request.bseat.contains(seat);
        let dollars = request.cur.is_empty() && self.currency == "USD";
        if let Some(tmax) = request.tmax.filter(|tmax| *tmax > 0 && request.waited.saturating_add(answer_ms) > *tmax) {
            let left = tmax.saturating_sub(request.waited);
            Some(about(Reason::Late, None, format!("{left} ms of {tmax} are left, and {answer_ms} are needed")))
        } else if self.offers.is_empty() {
            Some(about(Reason::Campaign, None, "no campaign of the bundle bids".to_owned()))
        } else if barred {
            Some(about(Reason::Seat, None, Reason::Seat.text().to_owned()))
        } else if !dollars && !request.cur.contains(&self.currency) {
            // Where an auction says nothing, its currency is the dollar.
            Some(about(Reason::Currency, None, format!("{} is not taken", self.currency)))
        } else {
            None
        }
    }

    /// A session that knows what the request says, and may be known.
    fn round<'a>(&self, request: &'a BidRequest, permissions: Permissions, moment: Moment) -> Round<'a> {
        let known = permissions.store() && permissions.personalise();
        let own = request.user.buyeruid.as_deref().or(request.user.id.as_deref()).filter(|_| known);
        // Holdouts and creatives are split by the person where that is permitted, else anew for each auction.
        let mut session = self.session.sibling(seed(own.unwrap_or(&request.id)));
        let local = context::moment(request, moment);
        session.consent(permissions, local);
        let mut counted = false;
        if known {
            let person = Person {
                eids: request.eids(),
                user: request.user.id.as_deref(),
                buyer: request.user.buyeruid.as_deref(),
            };
            let bytes = self.profiles.as_ref().and_then(|profiles| profiles.profile(&person));
            // A profile that does not read is none.
            counted = bytes.is_some_and(|bytes| session.restore(&bytes).is_ok());
            let members = self.members(request, moment);
            // It is ours, so it reads.
            let _ = session.answer(&Answer { members, ..Answer::default() }.encode(), local);
        }
        context::tell(&mut session, request);
        Round { request, session, permissions, counted, local, moment }
    }

    /// Memberships that believed providers tell.
    fn members(&self, request: &BidRequest, moment: Moment) -> Vec<Member> {
        let mut names = BTreeSet::new();
        for data in &request.user.data {
            let provider = |name: &&String| self.config.providers.contains(name);
            let providers = || data.id.iter().chain(&data.name);
            let believed = providers().any(|name| provider(&name));
            for segment in data.segment.iter().filter_map(|segment| segment.id.as_deref()) {
                let mapped = providers().find_map(|name| self.config.segments.get(&format!("{name}/{segment}")));
                if let Some(name) = mapped.map(String::as_str).or_else(|| believed.then_some(segment)) {
                    names.insert(name);
                }
            }
        }
        // Those that the bundle asks of; others would take their place among the rows of an answer.
        let catalog = self.session.engine().catalog();
        let asked: BTreeSet<Key> = catalog
            .attributes()
            .filter(|attribute| attribute.source() == petitfour::catalog::Source::Member)
            .map(|attribute| attribute.subject())
            .collect();
        let keys = names.into_iter().map(Key::of).filter(|key| asked.contains(key));
        keys.take(MAX_ROWS).map(|key| Member { segment: key.0, inside: true, as_of: moment.now.0 }).collect()
    }

    fn bid_for(
        &self,
        imp: &Imp,
        round: &mut Round<'_>,
        ledger: &mut dyn Ledger,
        refusals: &mut Vec<Refusal>,
    ) -> Option<Bid> {
        let refuse = |reason: Reason| about(reason, None, reason.text().to_owned());
        if imp.pmp.as_ref().is_some_and(|pmp| pmp.private_auction == 1) {
            refusals.push(refuse(Reason::Deal));
            return None;
        }
        let Some(shape) = Shape::of(imp) else {
            refusals.push(refuse(Reason::Format));
            return None;
        };
        let Some(placement) = imp.tagid.as_ref().and_then(|tag| {
            let name = self.config.placements.get(tag).unwrap_or(tag);
            self.placements.get(name)
        }) else {
            refusals.push(refuse(Reason::Placement));
            return None;
        };
        let in_ours = imp.bidfloorcur.as_deref().unwrap_or("USD") == self.currency;
        let Some(floor) = Price::at_least(imp.bidfloor).filter(|floor| *floor == Price(0) || in_ours) else {
            refusals.push(refuse(if in_ours { Reason::Floor } else { Reason::Currency }));
            return None;
        };
        let size = if let Shape::Banner(sizes) = &shape { sizes.first().copied() } else { None };
        context::slot(&mut round.session, shape.name(), size);
        for contender in round.session.rank_at(*placement, round.local) {
            let Some(offer) = self.offers.get(&contender.campaign) else { continue };
            match self.offer(offer, &contender, (imp, &shape, floor), round, ledger) {
                Ok(bid) => return Some(bid),
                Err((reason, text)) => refusals.push(about(reason, Some(&offer.campaign), text)),
            }
        }
        if self.config.reasons {
            self.explain(*placement, round, refusals);
        }
        if refusals.is_empty() {
            refusals.push(refuse(Reason::Campaign));
        }
        None
    }

    /// One campaign for one slot, which the engine lets through.
    fn offer(
        &self,
        offer: &Offer,
        contender: &Contender,
        (imp, shape, floor): (&Imp, &Shape, Price),
        round: &Round<'_>,
        ledger: &mut dyn Ledger,
    ) -> Result<Bid, (Reason, String)> {
        let plain = |reason: Reason| (reason, reason.text().to_owned());
        let request = round.request;
        let catalog = self.session.engine().catalog();
        if catalog.campaign(contender.campaign).is_some_and(|campaign| campaign.is_capped()) && !round.counted {
            return Err(plain(Reason::Uncounted));
        }
        if request.badv.iter().any(|blocked| is_within(&offer.domain, blocked)) {
            return Err((Reason::Advertiser, format!("{} is blocked", offer.domain)));
        }
        if !request.bcat.is_empty() && !offer.categories.is_empty() {
            // Absent is 1: the taxonomy of the campaign files.
            let readable = request.cattax.is_none_or(|taxonomy| taxonomy == 1);
            let blocks = |category: &String| request.bcat.iter().any(|blocked| is_category(category, blocked));
            if !readable || offer.categories.iter().any(blocks) {
                return Err(plain(Reason::Category));
            }
        }
        let price = offer.price(contender.chance);
        if price < floor {
            return Err((Reason::Floor, format!("{} is offered, and {} is the least", price.units(), floor.units())));
        }
        // At a fixed price (3) the floor is what is paid.
        let price = if request.at == Some(3) && floor > Price(0) { floor } else { price };
        let creative = self.creatives.get(&contender.creative).ok_or_else(|| plain(Reason::Creative))?;
        let reach = Reach { origin: self.config.origin.as_deref(), secure: imp.secure == Some(1) };
        let Filled { adm, mtype, size } =
            shape.fill(creative, &offer.domain, reach).map_err(|missing| (Reason::Creative, missing))?;
        let number = number(&[&self.config.seat, &request.id, &imp.id, &offer.campaign]);
        let expiry =
            imp.exp.filter(|seconds| *seconds > 0).map_or(self.config.expiry, |most| most.min(self.config.expiry));
        let until = Timestamp(round.moment.now.0.saturating_add(u64::from(expiry) * 1_000));
        let claim = Claim { bid: number, campaign: offer.key, price, budget: offer.budget, until };
        if !request.is_test() {
            ledger.reserve(&claim, round.moment).map_err(plain)?;
        }
        let id = format!("{number:016x}");
        let notice = |ask: &str, macros: &str| {
            self.config.notices.as_ref().map(|base| format!("{}/{ask}?bid={id}{macros}", base.trim_end_matches('/')))
        };
        Ok(Bid {
            nurl: notice("won", "&price=${AUCTION_PRICE}"),
            burl: notice("billed", "&price=${AUCTION_PRICE}"),
            lurl: notice("lost", "&loss=${AUCTION_LOSS}"),
            impid: imp.id.clone(),
            price: price.units(),
            adid: creative.name.clone(),
            crid: creative.name.clone(),
            cid: offer.campaign.clone(),
            adomain: vec![offer.domain.clone()],
            cat: offer.categories.clone(),
            cattax: (!offer.categories.is_empty()).then_some(1),
            adm,
            mtype,
            w: size.map(|size| size.0),
            h: size.map(|size| size.1),
            exp: expiry,
            id,
        })
    }

    /// Why the engine refused campaigns that bid.
    fn explain(&self, placement: usize, round: &mut Round<'_>, refusals: &mut Vec<Refusal>) {
        let Some(name) = self.placements.iter().find(|(_, place)| **place == placement).map(|(name, _)| name) else {
            return;
        };
        for verdict in round.session.explain(name, round.local).campaigns {
            let bids = self.offers.values().any(|offer| offer.campaign == verdict.campaign);
            let reason = match verdict.reason {
                engine::Reason::Chosen | engine::Reason::Outranked => continue,
                engine::Reason::Permission => Reason::Permission,
                // The engine reads what is not told as unknown; that it was not permitted to be is the better word.
                engine::Reason::Segment if !round.permissions.personalise() && self.reads(&verdict.campaign) => {
                    Reason::Permission
                }
                other => Reason::Refused(other),
            };
            if bids {
                refusals.push(about(reason, Some(&verdict.campaign), verdict.detail));
            }
        }
    }

    fn reads(&self, name: &str) -> bool {
        let catalog = self.session.engine().catalog();
        catalog.campaigns().any(|campaign| campaign.reads_profile() && catalog.string(campaign.name()) == name)
    }
}

impl Shape {
    /// A banner where it may be one, else native.
    fn of(imp: &Imp) -> Option<Self> {
        let sizes: Vec<(u32, u32)> = imp.banner.iter().flat_map(|banner| banner.sizes().collect::<Vec<_>>()).collect();
        if !sizes.is_empty() {
            return Some(Self::Banner(sizes));
        }
        imp.native.as_ref().and_then(|native| native::Request::parse(&native.request)).map(Self::Native)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Banner(_) => "banner",
            Self::Native(_) => "native",
        }
    }

    fn fill(&self, creative: &Creative, domain: &str, reach: Reach<'_>) -> Result<Filled, String> {
        match self {
            Self::Banner(sizes) => {
                creative.banner(sizes, reach).map(|(adm, size)| Filled { adm, mtype: 1, size: Some(size) })
            }
            Self::Native(request) => {
                request.answer(creative, domain, reach).map(|adm| Filled { adm, mtype: 4, size: None })
            }
        }
    }
}

fn about(reason: Reason, campaign: Option<&str>, text: String) -> Refusal {
    Refusal { imp: None, campaign: campaign.map(str::to_owned), reason, text }
}

/// Is a domain the blocked one, or beneath it?
fn is_within(domain: &str, blocked: &str) -> bool {
    let blocked = blocked.trim().to_ascii_lowercase();
    let blocked = blocked.strip_prefix("www.").unwrap_or(&blocked);
    let beneath = domain.strip_suffix(blocked);
    !blocked.is_empty() && beneath.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Is a category the blocked one, or beneath it?
fn is_category(category: &str, blocked: &str) -> bool {
    category.strip_prefix(blocked).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Entropy that is the same for the same text: who is held out, and of whom which creative is, must not change from slot to slot.
fn seed(text: &str) -> [u8; 32] {
    let mut seed = [0; 32];
    for (salt, part) in seed.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *part = xxh64(text.as_bytes(), salt as u64).to_le_bytes();
    }
    seed
}

/// A number for these texts; what one ends with, the next cannot begin with.
fn number(texts: &[&str]) -> u64 {
    texts.iter().fold(0, |seed, text| xxh64(text.as_bytes(), seed)).max(1)
}
