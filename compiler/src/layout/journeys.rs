//! `JRNY`, `STEP`, `TRIG`, `MESG`, `CHAN`.

use petitfour::catalog::NONE;
use petitfour::hash::xxh64;
use petitfour::id::Key;

use super::{Record, Strings};
use crate::attribute::low_half;
use crate::journey::program::{Does, Fires, Line};
use crate::plan::Plan;

#[derive(Default)]
pub(super) struct Journeys {
    pub(super) journeys: Record,
    pub(super) steps: Record,
    pub(super) triggers: Record,
    pub(super) messages: Record,
    pub(super) channels: Record,
}

/// Where the tables begin that campaigns fill first.
struct Base {
    /// First conjunct and number of conjuncts of each condition.
    conditions: Vec<(usize, usize)>,
    stock: usize,
    step: usize,
}

impl Journeys {
    pub(super) fn write(plan: &Plan<'_>, strings: &mut Strings) -> Option<Self> {
        let mut tables = Self::default();
        let mut bit: usize = plan.campaigns.iter().map(|campaign| campaign.conjuncts.len()).sum();
        let mut conditions = Vec::new();
        for condition in &plan.programs.conditions {
            conditions.push((bit, condition.len()));
            bit += condition.len();
        }
        let stock = plan.folder.campaigns.iter().map(|campaign| campaign.stock.len()).sum();
        let mut base = Base { conditions, stock, step: 0 };
        for (named, program) in plan.folder.journeys.iter().zip(&plan.programs.journeys) {
            let item = &named.item;
            let record = tables.journeys.name(&named.name, strings).u32(program.enter)?;
            match program.goal {
                Some(goal) => record.u32(goal)?,
                None => record.raw32(NONE),
            };
            record.u32(program.exits.0)?.raw32(item.again.unwrap_or(NONE));
            record.i64(item.schedule.from).i64(item.schedule.until);
            record.u32(base.step)?.u32(program.lines.len())?;
            record.u64(xxh64(format!("journey:{}", named.name).as_bytes(), 0));
            record
                .raw16(item.holdout)
                .raw16(u16::from(item.ends_when_changed))
                .u16(program.exits.1)?
                .u16(program.exits.2)?;
            for line in &program.lines {
                write_line(line, &base, &mut tables.steps, strings)?;
            }
            base.step += program.lines.len();
        }
        for trigger in &plan.programs.triggers {
            write_trigger(trigger, &base, &mut tables.triggers)?;
        }
        for (message, channel) in &plan.programs.messages {
            tables.messages.name(message, strings).u32(*channel)?.raw32(0);
        }
        for channel in &plan.folder.channels {
            let item = &channel.item;
            let record = tables.channels.name(&channel.name, strings);
            let pressure = plan.folder.pressure.as_ref();
            let is_exempt =
                pressure.is_some_and(|pressure| pressure.except.iter().any(|name| name.text == channel.name));
            record.u8(item.needs.bits()).u8(item.caps.0).u8(item.caps.1).u8(u8::from(is_exempt));
            record.raw16(item.quiet.0).raw16(item.quiet.1);
        }
        Some(tables)
    }
}

fn write_line(line: &Line, base: &Base, into: &mut Record, strings: &mut Strings) -> Option<()> {
    let (kind, weekdays) = match &line.does {
        Does::Stop(_) => (0, 0),
        Does::Wait { .. } => (1, 0),
        Does::Clock { weekdays, .. } => (2, *weekdays),
        Does::If(_) => (3, 0),
        Does::Stock(_) => (4, 0),
        Does::Score(..) => (5, 0),
        Does::Split(..) => (6, 0),
        Does::Set(..) => (7, 0),
        Does::Send(..) => (8, 0),
        Does::On => (9, 0),
    };
    into.raw32(line.code).raw32(strings.put(&line.name)).u8(kind).u8(u8::from(line.asks_page)).u8(weekdays).zeros(1);
    match &line.does {
        Does::Stop(end) => into.raw32(*end).raw32(0),
        Does::Wait { at_most, trigger } => {
            into.raw32(at_most.unwrap_or(NONE));
            match trigger {
                Some(trigger) => into.u32(*trigger)?,
                None => into.raw32(NONE),
            }
        }
        Does::Clock { minute, hours, .. } => into.raw32(u32::from(*minute)).raw32(*hours),
        Does::If(condition) => {
            let (first, count) = base.conditions.get(*condition)?;
            into.u32(*first)?.u32(*count)?
        }
        Does::Stock(stock) => into.u32(base.stock + stock)?.raw32(0),
        Does::Score(model, least) => into.u32(*model)?.raw32(*least),
        Does::Split(bound, salt) => into.raw32(u32::from(*bound)).raw32(*salt),
        Does::Set(name, value) => {
            into.raw32(*name).u64(*value);
            return on(line.no, base, into);
        }
        Does::Send(first, count) => into.u32(*first)?.u32(*count)?,
        Does::On => into.raw32(0).raw32(0),
    };
    on(line.yes, base, into)?;
    on(line.no, base, into)
}

fn on(to: Option<usize>, base: &Base, into: &mut Record) -> Option<()> {
    match to {
        Some(to) => into.u32(base.step + to)?,
        None => into.raw32(NONE),
    };
    Some(())
}

fn write_trigger(trigger: &Fires, base: &Base, into: &mut Record) -> Option<()> {
    let (event, property) = match &trigger.on {
        Some(on) => (Key::of(&on.event.text).0, on.property.as_ref()),
        None => (NONE, None),
    };
    into.raw32(event);
    match property {
        Some((property, value)) => into.raw32(Key::of(&property.text).0).raw32(low_half(&value.text)),
        None => into.raw32(NONE).raw32(0),
    };
    match trigger.when.map(|condition| base.conditions.get(condition)) {
        Some(condition) => {
            let (first, count) = condition?;
            into.u32(*first)?.u32(*count)?
        }
        None => into.raw32(NONE).raw32(0),
    };
    match trigger.stock {
        Some((stock, is_out)) => into.u16(base.stock + stock)?.raw16(u16::from(is_out)),
        None => into.raw16(u16::MAX).raw16(0),
    };
    Some(())
}
