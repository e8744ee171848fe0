//! Which pairs are compared at all: those that share a key.
//!
//! A rule is one key or a pair of keys (soundex of a name and year of birth, postcode district and occupation, …), made
//! from the columns that there are. Candidates are the union of all rules. A block that is too large says little and
//! costs its square; it is left to the rules that cut finer. The cheapest rules come first, until the budget of pairs
//! is spent: memory stays within a fixed number of pairs for each record, whatever the data.

#![expect(clippy::indexing_slicing, reason = "indices are made here, from the lengths of what they index")]

use crate::{
    compare::{self, Aspect},
    records::{NONE, Records},
    value::{Value, soundex},
};

/// Records of one block; 1,225 pairs.
pub const MAX_BLOCK: usize = 50;
/// Pairs for each record, over all rules and counted once for each; 16 bytes while they are gathered.
pub const MAX_PAIRS: usize = 120;
/// And altogether: 640 MB.
pub const MAX_ALL_PAIRS: usize = 40_000_000;
/// Rules; one bit of a mask each.
const MAX_RULES: usize = 64;

/// A key that records may share.
#[derive(Clone, Debug)]
pub struct Key {
    /// What it is called.
    pub name: String,
    /// The measures that agree in some way whenever the key does.
    pub measures: Vec<usize>,
    /// Whether it cuts fine enough to stand alone.
    alone: bool,
    /// Hashes of each record, none where its value is missing.
    hashes: Vec<Vec<u64>>,
}

/// A rule with what it found.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it is called.
    pub name: String,
    /// The measures that it holds fixed.
    pub measures: Vec<usize>,
    /// Pairs that share its key.
    pub pairs: usize,
    /// Pairs in blocks that were too large.
    pub skipped: u64,
}

/// Pairs to compare, and which rules found each.
#[derive(Debug, Default)]
pub struct Candidates {
    /// Pairs of records, the smaller first, in order, each once.
    pub pairs: Vec<(u32, u32)>,
    /// For each pair, one bit for each rule.
    pub rules_of: Vec<u64>,
    /// The rules that were used.
    pub rules: Vec<Rule>,
}

impl Candidates {
    /// Finds them.
    pub fn find(records: &Records) -> Self {
        let keys = keys(records);
        let mut plans: Vec<(Vec<usize>, u64)> = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            if key.alone {
                plans.push((vec![at], 0));
            }
            for (offset, other) in keys.iter().enumerate().skip(at + 1) {
                if key.measures.iter().all(|measure| !other.measures.contains(measure)) {
                    plans.push((vec![at, offset], 0));
                }
            }
        }
        for (plan, cost) in &mut plans {
            *cost = blocks(&keys, plan, records.len()).1;
        }
        plans.sort_by_key(|(plan, cost)| (*cost, plan.clone()));
        let mut budget = (MAX_PAIRS * records.len()).min(MAX_ALL_PAIRS);
        let mut found: Vec<(u64, u64)> = Vec::new();
        let mut rules = Vec::new();
        for (plan, cost) in plans {
            if cost == 0 || rules.len() >= MAX_RULES || cost > budget as u64 {
                continue;
            }
            budget -= usize::try_from(cost).unwrap_or(budget);
            let (order, _, skipped) = blocks(&keys, &plan, records.len());
            let bit = 1_u64 << rules.len();
            let before = found.len();
            for block in runs(&order) {
                for (at, (_, a)) in block.iter().enumerate() {
                    for (_, b) in block.iter().skip(at + 1) {
                        if a != b {
                            found.push((u64::from(*a.min(b)) << 32 | u64::from(*a.max(b)), bit));
                        }
                    }
                }
            }
            let name = plan.iter().map(|key| keys[*key].name.as_str()).collect::<Vec<_>>().join(" + ");
            let measures = plan.iter().flat_map(|key| keys[*key].measures.clone()).collect();
            rules.push(Rule { name, measures, pairs: found.len() - before, skipped });
        }
        found.sort_unstable();
        let (mut pairs, mut rules_of): (Vec<(u32, u32)>, Vec<u64>) = (Vec::new(), Vec::new());
        for (pair, bit) in found {
            #[expect(clippy::cast_possible_truncation, reason = "both halves are 32 bits")]
            let pair = ((pair >> 32) as u32, pair as u32);
            match (pairs.last(), rules_of.last_mut()) {
                (Some(last), Some(mask)) if *last == pair => *mask |= bit,
                _ => {
                    pairs.push(pair);
                    rules_of.push(bit);
                }
            }
        }
        Self { pairs, rules_of, rules }
    }
}

/// Records by the hash of their keys, blocks of one and blocks too large left out; pairs of those that stay and of
/// those too large.
fn blocks(keys: &[Key], plan: &[usize], records: usize) -> (Vec<(u64, u32)>, u64, u64) {
    let mut order: Vec<(u64, u32)> = Vec::new();
    for record in 0..records {
        let id = u32::try_from(record).unwrap_or(NONE);
        match plan {
            [one] => order.extend(keys[*one].hashes[record].iter().map(|hash| (*hash, id))),
            [one, two] => {
                for a in &keys[*one].hashes[record] {
                    order.extend(keys[*two].hashes[record].iter().map(|b| (mix(*a ^ b.rotate_left(32)), id)));
                }
            }
            _ => {}
        }
    }
    order.sort_unstable();
    order.dedup();
    let (mut kept, mut pairs, mut skipped) = (Vec::with_capacity(order.len()), 0, 0);
    for block in runs(&order) {
        let size = block.len() as u64;
        if block.len() > MAX_BLOCK {
            skipped += size * (size - 1) / 2;
        } else if size > 1 {
            pairs += size * (size - 1) / 2;
            kept.extend_from_slice(block);
        }
    }
    (kept, pairs, skipped)
}

fn runs(order: &[(u64, u32)]) -> impl Iterator<Item = &[(u64, u32)]> {
    order.chunk_by(|a, b| a.0 == b.0)
}

/// Makes the keys that the measures allow.
fn keys(records: &Records) -> Vec<Key> {
    let mut keys = Vec::new();
    let names: Vec<usize> = (0..records.measures.len())
        .filter(|at| matches!(records.measures[*at].aspect, Aspect::Given | Aspect::Surname | Aspect::OtherNames))
        .collect();
    if !names.is_empty() {
        // The values of any name measure hold the whole name; a record that the first misses has no given name.
        let whole = |record: usize| {
            names.iter().find_map(|at| {
                let measure = &records.measures[*at];
                measure.values.get(measure.of[record] as usize)
            })
        };
        let over = |hashes: &dyn Fn(&Value) -> Vec<u64>| -> Vec<Vec<u64>> {
            (0..records.len()).map(|record| whole(record).map(hashes).unwrap_or_default()).collect()
        };
        let sounds = over(&|value| match value {
            Value::Name(name) => {
                let mut sounds: Vec<u64> = name.words().map(|word| hash(&soundex(word))).collect();
                sounds.sort_unstable();
                sounds.dedup();
                sounds
            }
            _ => Vec::new(),
        });
        // Unordered, so that a given name in the surname's place is found.
        let both = over(&|value| match value {
            Value::Name(name) if !name.surname.is_empty() && !name.given.is_empty() => {
                vec![hash(&soundex(&name.given)).wrapping_add(hash(&soundex(&name.surname)))]
            }
            _ => Vec::new(),
        });
        let starts = over(&|value| match value {
            Value::Name(name) => {
                let start = |word: &str| hash(word.chars().take(3).collect::<String>().as_bytes());
                let mut starts: Vec<u64> = name.words().map(start).collect();
                starts.sort_unstable();
                starts.dedup();
                starts
            }
            _ => Vec::new(),
        });
        keys.push(Key { name: "sound of a name".to_owned(), measures: names.clone(), alone: false, hashes: sounds });
        keys.push(Key { name: "start of a name".to_owned(), measures: names.clone(), alone: false, hashes: starts });
        keys.push(Key { name: "sound of both names".to_owned(), measures: names, alone: true, hashes: both });
    }
    for (at, measure) in records.measures.iter().enumerate() {
        let mut push = |what: &str, alone: bool, part: &dyn Fn(&Value) -> Vec<u64>| {
            let of_value: Vec<Vec<u64>> = measure.values.iter().map(part).collect();
            let hashes =
                measure.of.iter().map(|value| of_value.get(*value as usize).cloned().unwrap_or_default()).collect();
            let name = if what.is_empty() { measure.name.clone() } else { format!("{what} of {}", measure.name) };
            keys.push(Key { name, measures: vec![at], alone, hashes });
        };
        let text = |value: &Value| match value {
            Value::Text(text) | Value::Code(text) => vec![hash(text.as_bytes())],
            _ => Vec::new(),
        };
        match measure.aspect {
            Aspect::Given | Aspect::Surname | Aspect::OtherNames => {}
            Aspect::Birth => {
                push("", true, &|value| match value {
                    // Day and month in order of size, so that swapped ones are found.
                    Value::Date(date) => {
                        vec![hash(
                            &[date.year.to_le_bytes(), [date.month.min(date.day), date.month.max(date.day)]].concat(),
                        )]
                    }
                    _ => Vec::new(),
                });
                push("year", false, &|value| match value {
                    Value::Date(date) => vec![hash(&date.year.to_le_bytes())],
                    _ => Vec::new(),
                });
                push("month and day", false, &|value| match value {
                    Value::Date(date) if (date.month, date.day) != (1, 1) => vec![hash(&[date.month, date.day])],
                    _ => Vec::new(),
                });
            }
            Aspect::Email => {
                push("", true, &|value| match value {
                    Value::Email(local, domain) => {
                        vec![hash(local.as_bytes()) ^ hash(domain.as_bytes()).rotate_left(7)]
                    }
                    _ => Vec::new(),
                });
                push("local part", true, &|value| match value {
                    Value::Email(local, _) => vec![hash(local.as_bytes())],
                    _ => Vec::new(),
                });
                push("start", true, &|value| match value {
                    Value::Email(local, _) => vec![hash(local.chars().take(4).collect::<String>().as_bytes())],
                    _ => Vec::new(),
                });
                push("domain", false, &|value| match value {
                    Value::Email(_, domain) if !domain.is_empty() => vec![hash(domain.as_bytes())],
                    _ => Vec::new(),
                });
            }
            Aspect::Phone => push("end", true, &|value| match value {
                Value::Code(code) => {
                    vec![hash(code.get(code.len().saturating_sub(6)..).unwrap_or_default().as_bytes())]
                }
                _ => Vec::new(),
            }),
            Aspect::Postcode => {
                push("", true, &text);
                push("district", false, &|value| match value {
                    Value::Code(code) => vec![hash(compare::district(code).as_bytes())],
                    _ => Vec::new(),
                });
            }
            Aspect::Street => push("", true, &text),
            Aspect::Number => push("", true, &text),
            Aspect::Place | Aspect::Text | Aspect::HouseNumber => push("", false, &text),
            Aspect::Category if measure.terms > 20 => push("", false, &text),
            Aspect::Category => {}
        }
    }
    keys
}

/// FNV-1a, stirred: keys of one rule must not collide by design of the data, nothing more is asked of it.
fn hash(bytes: &[u8]) -> u64 {
    mix(bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// The finalizer of splitmix64.
pub fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
