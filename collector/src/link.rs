//! `petitfour-collector link`: which records of a file are one person's, proposed with the evidence, and tied when the operator says so.
//!
//! The records are resolved by [`petitfour_linkage`] without labels ([docs/linkage.md](../../docs/linkage.md)). Every pair that is likely one
//! person's becomes a proposal: the two records' identifiers, how likely, and what each column says in bits. With `--accept` those that are likely
//! enough become evidence of the rule `found alike`; the source takes them back as a whole.
//!
//! Absent on purpose: the records themselves. Of a row only its identifier's digest is kept.

use std::{io::Write, path::PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use petitfour::identity::{self, Digest, Namespace};
use petitfour_linkage::{Edge, Mapping, Options as Linking, Resolved, Table, Watch};
use serde_json::json;

use crate::{
    graph::{Evidence, Graph, Policy, Rule},
    params,
    person::api::{NAMES, called},
    sql::Result,
    store::{Place, Store, now},
};

/// Proposals of one transaction.
const STEP: usize = 1_000;

/// Proposals that are shown.
const SHOWN: usize = 5;

/// Width of a waterfall's longest bar.
const BAR: f64 = 24.0;

/// The file, and whose records they are.
#[derive(Debug, Args)]
pub struct Options {
    /// Records: CSV with a header, plain or gzipped
    file: PathBuf,
    /// The column with the identifier by which the graph knows a record
    #[arg(long, value_name = "COLUMN")]
    id: String,
    /// What kind of identifier that is
    #[arg(long, value_name = "KIND", default_value = "crm_id")]
    kind: String,
    /// Name of the source, by which the ties are taken back
    #[arg(long, value_name = "NAME")]
    source: String,
    /// What columns mean where their names do not tell: {"columns": {"nr": "record_id"}}
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Tie what is at least this likely, such as 0.95
    #[arg(long, value_name = "PROBABILITY")]
    accept: Option<f64>,
    /// Only say what would be proposed
    #[arg(long)]
    dry_run: bool,
}

/// Does it; what is said goes to `out`.
///
/// # Errors
/// When the file, the mapping or the store cannot be used.
pub fn run(options: &Options, place: &Place, out: &mut impl Write) -> anyhow::Result<()> {
    let namespace = NAMES.iter().find(|(name, _)| *name == options.kind).map(|(_, number)| *number);
    let Some(namespace) = namespace else {
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        bail!("{:?} is no kind of identifier; there are {}", options.kind, names.join(", "));
    };
    if options.accept.is_some_and(|least| !(0.0..=1.0).contains(&least)) {
        bail!("--accept takes a probability between 0 and 1");
    }
    let table = Table::open(&options.file).with_context(|| options.file.display().to_string())?;
    let Some(column) = table.column(&options.id) else {
        bail!("{} has no column {:?}; it has {}", options.file.display(), options.id, table.columns().join(", "));
    };
    let mapping = match &options.mapping {
        None => Mapping::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            Mapping::parse(&text).with_context(|| path.display().to_string())?
        }
    };
    let bar = Bar::new();
    let resolution = Resolved::new(&table, &Linking { mapping }, &bar)
        .with_context(|| options.file.display().to_string())?
        .resolution();
    drop(bar);
    let digests: Vec<Option<Digest>> =
        (0..table.len()).map(|row| digest(namespace, table.field(row, column))).collect();
    let nameless = digests.iter().filter(|digest| digest.is_none()).count();
    writeln!(
        out,
        "{} records, {} people; {} candidate pairs, {} proposals",
        table.len(),
        resolution.clusters.len(),
        resolution.candidates,
        resolution.edges.len()
    )?;
    if nameless > 0 {
        writeln!(out, "{nameless} records have no usable {} in {:?} and are left out", called(namespace), options.id)?;
    }
    for edge in resolution.edges.iter().take(SHOWN) {
        waterfall(edge, table.field(edge.left, column), table.field(edge.right, column), out)?;
    }
    if options.dry_run {
        return Ok(());
    }
    let mut store = Store::open(place)?;
    let (mut proposed, mut tied) = (0, 0);
    for edges in resolution.edges.chunks(STEP) {
        let (some, ties) = store
            .write(now(), |graph| propose(graph, edges, &digests, namespace, options))
            .context("the store cannot be written")?;
        proposed += some;
        tied += ties;
    }
    writeln!(out, "{proposed} proposed, {tied} tied under the source {:?}", options.source)?;
    let sql = "SELECT count(*) FROM edges WHERE source = ?1 AND withdrawn IS NOT NULL";
    let withdrawn: i64 = store.connection().scalar(sql, params![&options.source])?.unwrap_or_default();
    if withdrawn > 0 {
        writeln!(
            out,
            "{withdrawn} of this source were withdrawn and tie nothing: POST /v1/evidence/restore lets them count"
        )?;
    }
    Ok(())
}

fn digest(namespace: u8, text: &str) -> Option<Digest> {
    let known = Namespace::of(namespace)?;
    identity::read(known, text).ok()?.first().map(|hashed| *hashed.digest())
}

fn propose(
    graph: &mut Graph<'_>,
    edges: &[Edge],
    digests: &[Option<Digest>],
    namespace: u8,
    options: &Options,
) -> Result<(usize, usize)> {
    let (mut proposed, mut tied) = (0, 0);
    let now = graph.received;
    for edge in edges {
        let ends = (digests.get(edge.left).copied().flatten(), digests.get(edge.right).copied().flatten());
        // Two rows of one record need no tie.
        let (Some(left), Some(right)) = ends else { continue };
        if left == right {
            continue;
        }
        let one = graph.identifier(namespace, &left.0, 0, now)?.id;
        let two = graph.identifier(namespace, &right.0, 0, now)?.id;
        let accepted = options.accept.is_some_and(|least| edge.probability >= least);
        let weights: Vec<_> = edge
            .evidence
            .iter()
            .map(|weight| json!({ "measure": &*weight.measure, "level": weight.level, "bits": weight.bits }))
            .collect();
        let evidence = json!({ "prior": edge.prior, "pooled": edge.pooled, "weights": weights }).to_string();
        graph.connection.execute(
            "INSERT INTO proposals (a, b, source, probability, evidence, at, tied) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (a, b, source) DO UPDATE SET probability = excluded.probability, evidence = excluded.evidence,
               tied = coalesce(proposals.tied, excluded.tied)",
            params![
                one.min(two),
                one.max(two),
                &options.source,
                edge.probability,
                &evidence,
                now,
                accepted.then_some(now)
            ],
        )?;
        proposed += 1;
        if accepted {
            let message = Digest::of([left.0, right.0].concat()).0;
            // Who accepts it says that it is sure enough, whatever the pair alone would come to.
            let confidence = ((edge.probability * 1_000.0) as u16).max(least(graph.policy));
            let evidence = Evidence {
                rule: Rule::Matched,
                source: &options.source,
                message: message.first_chunk::<16>().map_or(&[], |name| name.as_slice()),
                confidence,
                permitted: 0b1111,
                at: now,
            };
            graph.tie(one, two, &evidence)?;
            tied += 1;
        }
    }
    Ok((proposed, tied))
}

fn least(policy: &Policy) -> u16 {
    policy.confidence
}

/// How a proposal comes to its odds: a bar for each column, to the right for one person, to the left against.
fn waterfall(edge: &Edge, left: &str, right: &str, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "\n  {left} and {right}: {:.1} % likely one person", edge.probability * 100.0)?;
    let longest = edge.evidence.iter().map(|weight| weight.bits.abs()).fold(edge.prior.abs(), f64::max).max(1.0);
    let mut line = |name: &str, level: &str, bits: f64| {
        let width = (bits.abs() / longest * BAR).round() as usize;
        let bar = if bits < 0.0 { "░" } else { "█" }.repeat(width);
        writeln!(out, "    {name:<16}{level:<18}{bits:>+7.1}  {bar}")
    };
    line("before", "", edge.prior)?;
    for weight in &edge.evidence {
        line(&weight.measure, weight.level, weight.bits)?;
    }
    Ok(())
}

/// Progress to the terminal, by stage.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{msg:<28} {wide_bar} {pos}/{len}") {
            bar.set_style(style);
        }
        Self(bar)
    }
}

impl Watch for Bar {
    fn stage(&self, what: &'static str, total: u64) {
        self.0.set_length(total);
        self.0.set_position(0);
        self.0.set_message(what);
    }

    fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
