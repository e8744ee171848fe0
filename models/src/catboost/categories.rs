//! Texts behind CatBoost's hashes, and the sets of them that its splits ask for.

use std::collections::{HashMap, HashSet};

use crate::fault::Fault;
use crate::forest::{Side, Test};
use crate::place::Place;
use crate::walk::set;

/// Levels of a column beyond which it is refused, as those of XGBoost are.
const MOST_LEVELS: usize = 1 << 16;

/// Categories of all statistics together, of which a small file could say that many are of one large table.
const MOST_COUNTS: usize = 1 << 20;

/// What to do where they are too many.
const RARE: &str = "put rare categories together before training";

/// What to do where a text is missing.
const POOL: &str = "save it with `pool=` the pool that it was trained on, which has the texts";

/// What to do about statistics of several columns.
const ALONE: &str = "train with `max_ctr_complexity=1`, or with `one_hot_max_size=255` for no statistics at all";

/// The categorical columns, in the order in which CatBoost numbers them, and the statistics of them.
pub(super) struct Categories {
    columns: Vec<Column>,
    statistics: Vec<Statistic>,
    /// The first number of a split that asks a statistic: all borders and values stand before.
    first: usize,
}

struct Column {
    /// Of a row.
    number: usize,
    /// Of the text that has this hash.
    levels: HashMap<i32, usize>,
}

/// A number for each text of a column.
struct Statistic {
    path: String,
    /// The column, or none where several are combined.
    column: Option<usize>,
    target: i64,
    borders: Vec<f32>,
    /// By level.
    values: Vec<f32>,
    /// Of any other text.
    other: f32,
}

/// How often what was seen with a text, by the hash of its hash.
struct Table {
    kind: String,
    denominator: f32,
    counts: HashMap<u64, Vec<f32>>,
}

impl Categories {
    /// Reads them, and the texts of each column, in the order of their levels.
    pub(super) fn read(
        info: &Place<'_>,
        file: &Place<'_>,
        features: &[Place<'_>],
        columns: Vec<usize>,
        borders: usize,
    ) -> Result<(Self, Vec<Vec<String>>), Fault> {
        let texts = texts(info)?;
        let written = info.field("ctrs").map_or_else(|_| Ok(Vec::new()), |list| list.items())?;
        let mut tables: Vec<Option<(usize, Table)>> = Vec::with_capacity(written.len());
        let mut numbers = 0_usize;
        for place in &written {
            let table = alone(place)?.map(|column| Ok((column, Table::read(place, file)?))).transpose()?;
            numbers += table.as_ref().map_or(0, |(_, table)| table.counts.len());
            if numbers > MOST_COUNTS {
                return Err(place.fault("the statistics are of too many categories together").remedy(RARE));
            }
            tables.push(table);
        }
        let mut first = borders;
        let (mut read, mut levels) = (Vec::new(), Vec::new());
        for (number, (place, column)) in features.iter().zip(columns).enumerate() {
            let values = place.field("values");
            let asked = values.as_ref().map_or_else(|_| Ok(Vec::new()), |values| values.numbers::<i32>())?;
            first += asked.len();
            let wanted: HashSet<i32> = asked.iter().copied().collect();
            let own = || tables.iter().flatten().filter(|(of, _)| *of == number).map(|(_, table)| table);
            let known = texts.iter().filter(|(hash, _)| {
                wanted.contains(hash) || own().any(|table| table.counts.contains_key(&mixed(*hash)))
            });
            let known: Vec<&(i32, String)> = known.collect();
            let numbers: HashMap<i32, usize> =
                known.iter().enumerate().map(|(level, (hash, _))| (*hash, level)).collect();
            if known.len() > MOST_LEVELS {
                return Err(place
                    .fault(format!("{} categories, where {MOST_LEVELS} are read", known.len()))
                    .remedy(RARE));
            }
            if let Some(hash) = asked.iter().find(|hash| !numbers.contains_key(hash)) {
                return Err(place.fault(format!("nothing says which text has the hash {hash}")).remedy(POOL));
            }
            for table in own() {
                let there = numbers.keys().filter(|hash| table.counts.contains_key(&mixed(**hash))).count();
                if there < table.counts.len() {
                    let lost = table.counts.len() - there;
                    return Err(place
                        .fault(format!("nothing says which texts {lost} of its categories are"))
                        .remedy(POOL));
                }
            }
            levels.push(known.into_iter().map(|(_, text)| text.clone()).collect());
            read.push(Column { number: column, levels: numbers });
        }
        let mut categories = Self { columns: read, statistics: Vec::new(), first };
        for (place, table) in written.iter().zip(tables) {
            let statistic = Statistic::read(place, table, &categories.columns)?;
            categories.statistics.push(statistic);
        }
        Ok((categories, levels))
    }

    /// The columns of a row that they are.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().map(|column| column.number)
    }

    /// Is the text this one?
    pub(super) fn one(&self, split: &Place<'_>) -> Result<(usize, Test), Fault> {
        let place = split.field("cat_feature_index")?;
        let number = place.number::<usize>()?;
        let column = self.columns.get(number).ok_or_else(|| {
            place.fault(format!("there is no feature {number} of categories, but {}", self.columns.len()))
        })?;
        let value = split.field("value")?;
        let hash = value.number::<i32>()?;
        let level = column
            .levels
            .get(&hash)
            .copied()
            .ok_or_else(|| value.fault(format!("{hash} is not among the `values` of feature {number}")))?;
        Ok((column.number, Test::Among { set: set(std::iter::once(level)), missing: Side::Right }))
    }

    /// Is the statistic of the text greater than a border?
    pub(super) fn statistic(&self, split: &Place<'_>) -> Result<(usize, Test), Fault> {
        let place = split.field("split_index")?;
        let index = place.number::<usize>()?;
        let border = split.field("border")?.number::<f32>()?;
        let target = split.field("ctr_target_border_idx")?.number::<i64>()?;
        let mut rest = index.checked_sub(self.first);
        for statistic in &self.statistics {
            let Some(place) = rest else { break };
            let Some(bound) = statistic.borders.get(place) else {
                rest = place.checked_sub(statistic.borders.len());
                continue;
            };
            if *bound != border || statistic.target != target {
                break;
            }
            let Some(column) = statistic.column.and_then(|column| self.columns.get(column)) else {
                return Err(
                    Fault::of(format!("{}: statistics of several columns together", statistic.path)).remedy(ALONE)
                );
            };
            let passed = statistic.values.iter().enumerate().filter(|(_, value)| **value > border);
            let set = set(passed.map(|(level, _)| level));
            let missing = if statistic.other > border { Side::Left } else { Side::Right };
            return Ok((column.number, Test::Among { set, missing }));
        }
        Err(place.fault(format!("{index} is no border {border} of `features_info.ctrs`")))
    }
}

/// The texts of the pool, by hash. A hash is one of 32 bits, which the file writes with a sign elsewhere.
fn texts(info: &Place<'_>) -> Result<Vec<(i32, String)>, Fault> {
    let Ok(list) = info.field("cat_features_hash") else { return Ok(Vec::new()) };
    if list.value.is_null() {
        return Ok(Vec::new());
    }
    let pairs = list.items()?;
    let read =
        pairs.iter().map(|pair| Ok((pair.field("hash")?.number::<u32>()?.cast_signed(), pair.field("value")?.text()?)));
    read.collect()
}

/// The one categorical column that a statistic is of.
fn alone(place: &Place<'_>) -> Result<Option<usize>, Fault> {
    match place.field("elements")?.items()?.as_slice() {
        [element] if element.field("combination_element")?.text()? == "cat_feature_value" => {
            element.field("cat_feature_index")?.number().map(Some)
        }
        _ => Ok(None),
    }
}

/// What a table knows a text of this hash by: `CalcHash` of `catboost/libs/model/hash.h`, of one column.
fn mixed(hash: i32) -> u64 {
    const FACTOR: u64 = 0x4906_ba49_4954_cb65;
    FACTOR.wrapping_mul(FACTOR.wrapping_mul(i64::from(hash).cast_unsigned()))
}

impl Table {
    fn read(ctr: &Place<'_>, file: &Place<'_>) -> Result<Self, Fault> {
        let kind = ctr.field("ctr_type")?.text()?;
        let name = ctr.field("identifier")?;
        let key = name.text()?;
        let data = file.field("ctr_data")?;
        let table = data.value.get(&key).map(|_| data.field(&key)).transpose()?;
        let table = table.ok_or_else(|| name.fault("`ctr_data` has no table of this name"))?;
        let stride = table.field("hash_stride")?;
        let width = stride.number::<usize>()?;
        let wanted = match kind.as_str() {
            "Counter" | "FeatureFreq" => width == 2,
            "BinarizedTargetMeanValue" | "FloatTargetMeanValue" => width == 3,
            "Borders" | "Buckets" => width > 2,
            other => return Err(ctr.fault(format!("there are no statistics `{other}`"))),
        };
        let list = table.field("hash_map")?;
        let items = list.items()?;
        if !wanted || !items.len().is_multiple_of(width) {
            return Err(stride.fault(format!("{width} for {} values of `{kind}`", items.len())));
        }
        let mut counts = HashMap::with_capacity(items.len() / width);
        for entry in items.chunks_exact(width) {
            let Some((hash, numbers)) = entry.split_first() else { continue };
            let hash = hash.number::<u64>()?;
            // What an empty place of CatBoost's own table is written as.
            if hash != u64::MAX {
                counts.insert(hash, numbers.iter().map(|number| number.number()).collect::<Result<_, _>>()?);
            }
        }
        let denominator = table.field("counter_denominator").map_or(Ok(0.0), |place| place.number::<f32>())?;
        Ok(Self { kind, denominator, counts })
    }

    /// What is counted of a text, and of how many.
    fn counted(&self, numbers: Option<&Vec<f32>>, target: usize) -> (f32, f32) {
        let at = |place: usize| numbers.and_then(|numbers| numbers.get(place)).copied().unwrap_or_default();
        let all = || numbers.into_iter().flatten().sum::<f32>();
        match self.kind.as_str() {
            "Counter" | "FeatureFreq" => (at(0), self.denominator),
            "BinarizedTargetMeanValue" | "FloatTargetMeanValue" => (at(0), at(1)),
            "Buckets" => (at(target), all()),
            // Borders: those beyond the one that is asked for.
            _ => (numbers.into_iter().flatten().skip(target + 1).sum(), all()),
        }
    }
}

impl Statistic {
    fn read(place: &Place<'_>, table: Option<(usize, Table)>, columns: &[Column]) -> Result<Self, Fault> {
        let target = place.field("target_border_idx")?;
        let mut statistic = Self {
            path: place.path.clone(),
            column: None,
            target: target.number()?,
            borders: place.field("borders")?.numbers()?,
            values: Vec::new(),
            other: 0.0,
        };
        let Some((number, table)) = table else { return Ok(statistic) };
        let column = columns
            .get(number)
            .ok_or_else(|| place.fault(format!("there is no feature {number} of categories, but {}", columns.len())))?;
        let part = |key: &str| place.field(key)?.number::<f32>();
        // Written so by CatBoost.
        let (above, below) = (part("prior_numerator")?, part("prior_denomerator")?);
        let (shift, scale) = (part("shift")?, part("scale")?);
        let target = target.number::<usize>()?;
        let value = |counts: Option<&Vec<f32>>| {
            let (good, all) = table.counted(counts, target);
            ((good + above) / (all + below) + shift) * scale
        };
        statistic.column = Some(number);
        statistic.other = value(None);
        statistic.values = vec![statistic.other; column.levels.len()];
        for (hash, level) in &column.levels {
            if let Some(place) = statistic.values.get_mut(*level) {
                *place = value(table.counts.get(&mixed(*hash)));
            }
        }
        Ok(statistic)
    }
}
