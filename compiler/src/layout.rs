//! Writing a bundle: exactly `docs/formats/bundle.md`, and the same plan always gives the same bytes.
//!
//! The limits of the format are checked here and told as faults; nothing is ever cut to fit.

use std::collections::BTreeMap;

use petitfour::bundle;
use petitfour::catalog::NONE;
use petitfour::hash::xxh64;
use petitfour::id::Key;

use crate::attribute::low_half;
use crate::bits::Rows;
use crate::campaign::Campaign;
use crate::content::resolve::{MAX_VALUES, Said};
use crate::declaration::Kind;
use crate::diagnostic::Report;
use crate::plan::{Plan, Planned};
use crate::reader::Word;
use crate::source::Span;

mod bids;
mod contents;
mod journeys;

use contents::Contents;
use journeys::Journeys;

/// Each is looked at when something happens: a device walks through as many as these in well under a millisecond.
const MAX_JOURNEYS: usize = 4_096;

/// Name and version of what wrote the bundle.
const COMPILER: &str = concat!("petitfour ", env!("CARGO_PKG_VERSION"));

/// Writes a plan as a bundle; `None` when a limit of the format is passed.
pub(crate) fn write(plan: &Plan<'_>, report: &mut Report) -> Option<Vec<u8>> {
    check_limits(plan, report)?;
    let rows = Rows::build(plan);
    let mut strings = Strings::default();
    let mut sections: Vec<([u8; 4], u32, Vec<u8>)> = Vec::new();
    let stride = u32::try_from(rows.words * 8).ok()?;
    let site = strings.put(&plan.folder.site);
    let compiler = strings.put(COMPILER);

    let mut meta = Record::default();
    meta.u32(rows.words)?
        .u32(rows.conjuncts)?
        .u8(plan.folder.policy.otherwise.bits())
        .zeros(1)
        .raw16(plan.folder.pseudonym_days);
    // A cap is at least 1, so 0 is left for none: so it stood in bundles before there was any.
    let cap = |cap: u8| if cap == u8::MAX { 0 } else { cap };
    let (day, week) =
        plan.folder.pressure.as_ref().map_or((0, 0), |pressure| (cap(pressure.caps.0), cap(pressure.caps.1)));
    meta.raw32(site).raw32(compiler).u8(day).u8(week).zeros(10);
    let columns = write_attributes(plan, &rows, &mut strings)?;
    let campaigns = write_campaigns(plan, &mut strings)?;
    let (placements, explorations) = write_placements(plan, &mut strings)?;
    let profile = write_profile(plan, &mut strings)?;
    let facts = write_facts(plan, &mut strings)?;
    let mut models = write_models(plan, &mut strings)?;
    models.data.extend(explorations);
    let journeys = Journeys::write(plan, &mut strings)?;
    let contents = Contents::write(plan, &mut strings)?;
    let bids = bids::write(plan, &mut strings)?;

    let mut index = Record::default();
    for row in &rows.index {
        index.raw32(*row);
    }
    let mut bit_rows = Record::default();
    for word in rows.rows.iter().flatten() {
        bit_rows.u64(*word);
    }
    let mut masks = Record::default();
    for word in rows.masks.iter().flatten() {
        masks.u64(*word);
    }

    sections.push((*b"META", 32, meta.0));
    sections.push((*b"STRS", 1, strings.finish()?));
    sections.push((*b"ATTR", 40, columns.attributes.0));
    sections.push((*b"BORD", 8, columns.borders.0));
    sections.push((*b"DICT", 8, columns.dictionary.0));
    sections.push((*b"DSTR", 4, columns.names.0));
    sections.push((*b"ROWX", 4, index.0));
    sections.push((*b"ROWS", stride, bit_rows.0));
    sections.push((*b"CONJ", 4, campaigns.conjuncts.0));
    sections.push((*b"CAMP", 80, campaigns.campaigns.0));
    sections.push((*b"CREA", 24, campaigns.creatives.0));
    sections.push((*b"PLAC", 20, placements.0));
    sections.push((*b"MASK", stride, masks.0));
    sections.push((*b"CNTR", 24, profile.counters.0));
    sections.push((*b"AFFI", 20, profile.affinities.0));
    sections.push((*b"TRAI", 12, profile.traits.0));
    sections.push((*b"EVTS", 12, profile.events.0));
    sections.push((*b"FEED", 16, facts.feeds.0));
    sections.push((*b"STOK", 20, facts.stocks.0));
    sections.push((*b"MODL", 24, models.models.0));
    sections.push((*b"MDAT", 1, models.data));
    sections.push((*b"CONS", 1, plan.folder.policy.encode()));
    sections.push((*b"JRNY", 64, journeys.journeys.0));
    sections.push((*b"STEP", 28, journeys.steps.0));
    sections.push((*b"TRIG", 24, journeys.triggers.0));
    sections.push((*b"MESG", 16, journeys.messages.0));
    sections.push((*b"CHAN", 16, journeys.channels.0));
    sections.push((*b"PART", 40, contents.parts.0));
    sections.push((*b"FILL", 28, contents.fills.0));
    sections.push((*b"PRIC", 48, contents.prices.0));
    sections.push((*b"BIDS", 48, bids.0));
    sections.push((*b"PACE", 16, write_paces(plan)?.0));
    let bytes = envelope(plan.folder.version, sections)?;
    if bytes.len() > bundle::MAX_BYTES {
        let span = plan.folder.campaigns.first().map(|campaign| campaign.id.span).unwrap_or_default();
        report
            .error("bundle/size", span, format!("the bundle has {} bytes of {}", bytes.len(), bundle::MAX_BYTES))
            .remedy("split the site into several bundles, or share segments between campaigns");
        return None;
    }
    Some(bytes)
}

/// What the fields of the format can hold, told at the first thing that does not fit.
fn check_limits(plan: &Plan<'_>, report: &mut Report) -> Option<()> {
    let short = usize::from(u16::MAX);
    let mut fits = true;
    let mut bound = |what: &str, count: usize, most: usize, span: Span| {
        if count > most {
            report.error("bundle/limit", span, format!("{count} {what}; a bundle holds {most}"));
            fits = false;
        }
    };
    let top = plan.folder.campaigns.first().map(|campaign| campaign.id.span).unwrap_or_default();
    bound("attributes", plan.attributes.all().len(), short - 1, top);
    bound("models", plan.models.len(), short - 1, top);
    bound("stock conditions", plan.stocks().count(), short - 1, top);
    bound("values in texts", plan.contents.fills.len(), MAX_VALUES, top);
    let first = plan.folder.journeys.first().map(|journey| journey.span).unwrap_or_default();
    bound("journeys", plan.programs.journeys.len(), MAX_JOURNEYS, first);
    for attribute in plan.attributes.all() {
        bound(&format!("values and borders of `{}`", attribute.name), attribute.bins(), short - 1, top);
    }
    for campaign in &plan.folder.campaigns {
        bound("creatives in one campaign", campaign.creatives.len(), short, campaign.id.span);
    }
    fits.then_some(())
}

/// Header, directory, sections.
fn envelope(version: u64, sections: Vec<([u8; 4], u32, Vec<u8>)>) -> Option<Vec<u8>> {
    let sections: Vec<_> = sections.into_iter().filter(|(_, _, bytes)| !bytes.is_empty()).collect();
    let mut directory = Record::default();
    let mut body: Vec<u8> = Vec::new();
    let begin = bundle::HEADER + bundle::ENTRY * sections.len();
    for (kind, stride, bytes) in &sections {
        body.resize((begin + body.len()).next_multiple_of(8) - begin, 0);
        directory.0.extend(kind);
        directory.u32(begin + body.len())?.u32(bytes.len())?.raw32(*stride);
        body.extend(bytes);
    }
    let mut file = Record::default();
    file.0.extend(bundle::MAGIC);
    file.raw16(bundle::FORMAT).u16(sections.len())?.u32(begin + body.len())?.raw32(0).u64(version);
    // Hash, key id and reserved bytes; the hash is filled in last.
    file.zeros(8 + 8 + 24);
    file.0.extend(directory.0);
    file.0.extend(body);
    let hash = bundle::seal(&file.0);
    file.0.get_mut(24..32)?.copy_from_slice(&hash.to_le_bytes());
    Some(file.0)
}

/// The string heap: every text once, in the order of first use, the empty one first.
#[derive(Debug, Default)]
struct Strings {
    all: Vec<String>,
    known: BTreeMap<String, u32>,
}

impl Strings {
    fn put(&mut self, text: &str) -> u32 {
        if self.all.is_empty() {
            self.all.push(String::new());
            self.known.insert(String::new(), 0);
        }
        if let Some(number) = self.known.get(text) {
            return *number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(NONE);
        self.all.push(text.to_owned());
        self.known.insert(text.to_owned(), number);
        number
    }

    fn finish(self) -> Option<Vec<u8>> {
        let mut heap = Record::default();
        heap.u32(self.all.len())?.raw32(0);
        let mut end = 0usize;
        for text in &self.all {
            end += text.len();
            heap.u32(end)?;
        }
        self.all.iter().for_each(|text| heap.0.extend(text.as_bytes()));
        Some(heap.0)
    }
}

/// Little-endian fields, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Record(Vec<u8>);

impl Record {
    fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    fn raw16(&mut self, value: u16) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn raw32(&mut self, value: u32) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A count or an index that must fit.
    fn u16(&mut self, value: usize) -> Option<&mut Self> {
        u16::try_from(value).ok().map(|value| self.raw16(value))
    }

    /// A count or an index that must fit.
    fn u32(&mut self, value: usize) -> Option<&mut Self> {
        u32::try_from(value).ok().map(|value| self.raw32(value))
    }

    fn i32(&mut self, value: i32) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn i64(&mut self, value: i64) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn zeros(&mut self, count: usize) -> &mut Self {
        self.0.resize(self.0.len() + count, 0);
        self
    }

    /// A key and the name that it stands for, as most records begin.
    fn name(&mut self, name: &str, strings: &mut Strings) -> &mut Self {
        self.raw32(Key::of(name).0).raw32(strings.put(name))
    }
}

/// `ATTR`, `BORD`, `DICT`, `DSTR`.
#[derive(Default)]
struct Columns {
    attributes: Record,
    borders: Record,
    dictionary: Record,
    names: Record,
}

fn write_attributes(plan: &Plan<'_>, rows: &Rows, strings: &mut Strings) -> Option<Columns> {
    let mut columns = Columns::default();
    let (mut borders, mut texts) = (0usize, 0usize);
    for (attribute, first) in plan.attributes.all().iter().zip(&rows.first) {
        let (kind, start, count) = match attribute.kind {
            Kind::Text => (0u8, texts, attribute.texts.len()),
            Kind::Number => (1u8, borders, attribute.borders.len()),
        };
        let record = columns.attributes.name(&attribute.name, strings);
        record.u8(attribute.origin as u8).u8(kind).raw16(u16::from(attribute.reads_profile()));
        record.raw32(attribute.subject).raw32(attribute.argument);
        record.u32(attribute.bins())?.u32(start)?.u32(count)?.raw32(*first).raw32(0);
        for border in &attribute.borders {
            columns.borders.u64(border.to_bits());
        }
        for text in &attribute.texts {
            columns.dictionary.u64(xxh64(text.as_bytes(), 0));
            columns.names.raw32(strings.put(text));
        }
        match attribute.kind {
            Kind::Text => texts += count,
            Kind::Number => borders += count,
        }
    }
    Some(columns)
}

/// `CONJ`, `CAMP`, `CREA`.
#[derive(Default)]
struct Campaigns {
    conjuncts: Record,
    campaigns: Record,
    creatives: Record,
}

fn write_campaigns(plan: &Plan<'_>, strings: &mut Strings) -> Option<Campaigns> {
    let mut sections = Campaigns::default();
    let (mut bit, mut stock, mut creative, mut option) = (0usize, 0usize, 0usize, 0usize);
    for (index, planned) in plan.campaigns.iter().enumerate() {
        let campaign = plan.folder.campaigns.get(planned.campaign)?;
        write_campaign(plan, planned, campaign, (bit, stock, creative), &mut sections.campaigns, strings)?;
        for _ in &planned.conjuncts {
            sections.conjuncts.u32(index)?;
        }
        let said = plan.contents.creatives.get(planned.campaign)?;
        for (own, said) in campaign.creatives.iter().zip(said) {
            let record = sections.creatives.name(&own.name, strings).u32(index)?.raw32(own.item.weight);
            said_by(said, option, record, strings)?;
            option += said.options.len();
        }
        bit += planned.conjuncts.len();
        stock += campaign.stock.len();
        creative += campaign.creatives.len();
    }
    for _ in plan.conditions().flatten() {
        sections.conjuncts.raw32(NONE);
    }
    for (fallback, said) in plan.folder.fallbacks.iter().zip(&plan.contents.fallbacks) {
        let record = sections.creatives.name(&fallback.name, strings).raw32(NONE).raw32(1);
        said_by(said, option, record, strings)?;
    }
    Some(sections)
}

/// The text of a creative, and where the options of its parts begin when it is composed.
fn said_by(said: &Said, option: usize, record: &mut Record, strings: &mut Strings) -> Option<()> {
    record.raw32(strings.put(&said.json)).u32(if said.is_composed { option + 1 } else { 0 })?;
    Some(())
}

fn write_campaign(
    plan: &Plan<'_>,
    planned: &Planned,
    campaign: &Campaign,
    (bit, stock, creative): (usize, usize, usize),
    into: &mut Record,
    strings: &mut Strings,
) -> Option<()> {
    let caps = &campaign.caps;
    let short = |cap: Option<(u32, Span)>| cap.and_then(|(cap, _)| u16::try_from(cap).ok()).unwrap_or(u16::MAX);
    let model = campaign.model.as_ref();
    let model = model.and_then(|name| plan.folder.models.iter().position(|model| model.name == name.text));
    let weight: u32 = campaign.creatives.iter().map(|creative| creative.item.weight).sum();
    let salt = xxh64(format!("holdout:{}", campaign.id.text).as_bytes(), 0);
    let start = into.0.len();
    into.name(&campaign.id.text, strings).i32(campaign.priority).i32(campaign.value);
    into.i64(campaign.schedule.from).i64(campaign.schedule.until);
    into.raw16(short(caps.hour)).raw16(short(caps.day)).raw16(short(caps.week));
    into.raw16(u16::from(planned.reads_profile)).raw32(caps.total.map_or(NONE, |(cap, _)| cap));
    into.raw16(campaign.holdout);
    into.u16(if campaign.stock.is_empty() { usize::from(u16::MAX) } else { stock })?;
    into.u16(model.unwrap_or(usize::from(u16::MAX)))?.u16(campaign.creatives.len())?;
    into.u32(creative)?.raw32(weight).u32(bit)?.u32(planned.conjuncts.len())?;
    into.u16(model.and_then(|at| plan.spread(at)).map_or(0, |at| at + 1))?;
    into.zeros(start + 72 - into.0.len()).u64(salt);
    Some(())
}

/// `PLAC`, and how placements explore: behind the data of all models.
fn write_placements(plan: &Plan<'_>, strings: &mut Strings) -> Option<(Record, Vec<u8>)> {
    let own: usize = plan.folder.campaigns.iter().map(|campaign| campaign.creatives.len()).sum();
    let before: usize = plan.models.iter().chain(plan.spreads.iter().flatten()).map(|model| model.data.len()).sum();
    let (mut placements, mut explorations) = (Record::default(), Vec::new());
    for (mask, placement) in plan.folder.placements.iter().enumerate() {
        let fallback = placement.item.fallback.as_ref();
        let fallback = fallback.and_then(|name| plan.folder.fallbacks.iter().position(|it| it.name == name.text));
        let scored =
            plan.folder.campaigns.iter().any(|campaign| {
                campaign.model.is_some() && campaign.placements.iter().any(|it| it.text == placement.name)
            });
        let record = placements.name(&placement.name, strings);
        match fallback {
            Some(at) => record.u32(own + at)?,
            None => record.raw32(NONE),
        };
        let explored = match placement.item.explore {
            Some(explore) => {
                let at = u32::try_from(before + explorations.len() + 1).ok()?;
                explorations.extend(explore.encode()?);
                at.checked_mul(256)?
            }
            None => 0,
        };
        record.u32(mask)?.raw32(u32::from(scored) | explored);
    }
    Some((placements, explorations))
}

/// `CNTR`, `AFFI`, `TRAI`, `EVTS`.
#[derive(Default)]
struct Profile {
    counters: Record,
    affinities: Record,
    traits: Record,
    events: Record,
}

fn write_profile(plan: &Plan<'_>, strings: &mut Strings) -> Option<Profile> {
    let mut sections = Profile::default();
    for (name, counter) in &plan.counters {
        let record = sections.counters.name(name, strings).raw32(Key::of(&counter.event).0);
        match &counter.property {
            Some((property, value)) => record.raw32(Key::of(property).0).raw32(low_half(value)),
            None => record.raw32(NONE).raw32(0),
        };
        record.raw16(counter.days).raw16(u16::from(counter.summed));
    }
    for affinity in &plan.folder.affinities {
        let record = sections.affinities.name(&affinity.name, strings);
        record.raw32(Key::of(&affinity.item.event.text).0).raw32(Key::of(&affinity.item.property.text).0);
        record.raw16(affinity.item.half_life_hours).raw16(affinity.item.weight);
    }
    // Profiles keep hashes of these texts; a viewer finds the names again in the bundle's strings.
    let told = plan.folder.traits.iter().flat_map(|known| &known.item.values);
    for value in told.chain(plan.folder.affinities.iter().flat_map(|affinity| &affinity.item.values)) {
        strings.put(&value.text);
    }
    for known in &plan.folder.traits {
        sections.traits.name(&known.name, strings).u8(u8::from(known.item.kind == Kind::Number)).zeros(3);
    }
    for event in &plan.folder.events {
        sections.events.name(&event.name, strings).raw32(u32::from(event.item.outcome));
    }
    Some(sections)
}

/// `FEED`, `STOK`.
#[derive(Default)]
struct Facts {
    feeds: Record,
    stocks: Record,
}

fn write_facts(plan: &Plan<'_>, strings: &mut Strings) -> Option<Facts> {
    let mut sections = Facts::default();
    for feed in &plan.folder.feeds {
        let place = feed.item.place.as_ref();
        let place = place.and_then(|name| plan.folder.context.iter().position(|context| context.name == name.text));
        let record = sections.feeds.name(&feed.name, strings);
        match place {
            Some(at) => record.u32(at)?,
            None => record.raw32(NONE),
        };
        record.raw32(0);
    }
    let feed = |word: &Word| plan.folder.feeds.iter().position(|feed| feed.name == word.text);
    for (stock, has_next) in plan.stocks() {
        let record = sections.stocks.u32(feed(&stock.feed)?)?.name(&stock.item.text, strings);
        match &stock.above {
            Some(other) => record.u32(feed(other)?)?,
            None => record.i32(stock.at_least),
        };
        let flags = u8::from(stock.above.is_some()) | u8::from(has_next) << 1 | u8::from(stock.by_hash) << 2;
        record.raw16(stock.max_age).u8(u8::from(stock.shown_when_unknown)).u8(flags);
    }
    Some(sections)
}

/// `PACE`.
fn write_paces(plan: &Plan<'_>) -> Option<Record> {
    let mut paces = Record::default();
    for (index, planned) in plan.campaigns.iter().enumerate() {
        let Some(exposures) = plan.folder.campaigns.get(planned.campaign)?.exposures else { continue };
        let record = paces.u32(index)?.raw32(exposures.day.unwrap_or(0)).raw32(exposures.total.unwrap_or(0));
        record.u8(u8::from(exposures.even)).zeros(3);
    }
    Some(paces)
}

/// `MODL`, `MDAT`.
#[derive(Default)]
struct Models {
    models: Record,
    data: Vec<u8>,
}

fn write_models(plan: &Plan<'_>, strings: &mut Strings) -> Option<Models> {
    let mut sections = Models::default();
    let named = || plan.folder.models.iter().map(|model| model.name.as_str());
    let own = named().map(str::to_owned).zip(&plan.models);
    // No author can write such a name.
    let unsure = named().map(|name| format!("{name} (spread)")).zip(&plan.spreads);
    for (name, model) in own.chain(unsure.filter_map(|(name, spread)| Some((name, spread.as_ref()?)))) {
        let record = sections.models.name(&name, strings);
        record.u8(model.kind).u8(model.leaf_bytes).raw16(u16::from(model.reads_profile)).i32(model.bias);
        record.u32(sections.data.len())?.raw32(model.parts);
        sections.data.extend(&model.data);
    }
    Some(sections)
}
