//! Every figure that the project states anywhere: name, meaning, bound, and the command that measures it.
//!
//! A document may state a figure only when it stands here. Bounds come from the issues that asked for them.

use super::claim::{Bound, Claim, claim};

/// The claim of that name.
pub fn find(name: &str) -> Option<&'static Claim> {
    CLAIMS.iter().find(|claim| claim.name == name)
}

const SIZE: &str = "cargo xtask size";
const BENCH: &str = "cargo xtask bench";
const KILL: &str = "cargo test -p petitfour-collector --test kill";
const HANDOVER: &str = "cargo test -p petitfour-collector --test handover";
const JOURNEYS: &str = "PETITFOUR_DRILL=1 cargo test -p petitfour-collector --test journeys";
const TIMERS: &str = "cargo run --release -p petitfour-collector --example timers";
const CLUSTER: &str = "cargo test -p petitfour-collector --test cluster";
const FAULTS: &str = "cargo test -p petitfour-collector --test faults";
const LOAD: &str = "cargo run --release -p petitfour-collector --example load";
const FSYNC: &str = "cargo test -p petitfour-collector --test fsync";
const HOSTILE: &str = "cargo test -p petitfour-collector --test hostile";
const GOLDEN: &str = "cargo xtask test --only golden";
const BROWSER: &str = "cargo xtask test --only package";
const EDGE: &str = "node bench/edge/run.mjs";
const PARTNERS: &str = "cargo test -p petitfour-collector --test partners";
const GRAPH: &str = "cargo test -p petitfour-collector --test graph";
const PEOPLE: &str = "cargo test -p petitfour-linkage --test people";
const ATTRIBUTION: &str = "cargo test -p petitfour-attribution --test reference";
const DEVICE: &str = "cargo test -p petitfour-cli --test device";
const IMPORTERS: &str = "cargo test -p petitfour-cli --test importers";
const REGRESSION: &str = "cargo test -p petitfour-cli --test regression";
const EVALUATION: &str = "cargo test -p petitfour-evaluation --test obp";
const LOOP: &str = "cargo test -p petitfour-cli --test cycle";
const LIFETIME: &str = "cargo test -p petitfour-lifetime --test cdnow";
const TRAINING: &str = "cargo test -p petitfour-training --test gates";
const REPLAY: &str = "cargo xtask demo --check";

/// Every claim, in the order of the table.
pub const CLAIMS: &[Claim] = &[
    claim(
        "size.script_tag.brotli",
        "script.js and the wasm that it streams, brotli 11",
        "bytes",
        Bound::AtMost(40_000.0),
        SIZE,
    ),
    claim("size.wasm.brotli", "the wasm that every visitor downloads, brotli 11", "bytes", Bound::Stated, SIZE),
    claim("size.script.brotli", "the script tag's JavaScript, brotli 11", "bytes", Bound::Stated, SIZE),
    claim("collector.kill.runs", "times that the collector was killed under load", "kills", Bound::AtLeast(20.0), KILL),
    claim("collector.kill.lost", "syncs answered 200 and not found after the kills", "syncs", Bound::Equal(0.0), KILL),
    claim("collector.kill.doubled", "syncs counted twice after the kills", "syncs", Bound::Equal(0.0), KILL),
    claim(
        "collector.kill.postgres.lost",
        "syncs and events answered 200 over PostgreSQL and not found after the kills",
        "syncs",
        Bound::Equal(0.0),
        KILL,
    ),
    claim(
        "collector.kill.postgres.doubled",
        "syncs counted twice over PostgreSQL after the kills",
        "syncs",
        Bound::Equal(0.0),
        KILL,
    ),
    claim(
        "collector.kill.nats.lost",
        "syncs answered 200 behind a log and not found after the kills",
        "syncs",
        Bound::Equal(0.0),
        KILL,
    ),
    claim(
        "collector.kill.nats.doubled",
        "syncs counted twice behind a log after the kills",
        "syncs",
        Bound::Equal(0.0),
        KILL,
    ),
    claim(
        "collector.cluster.lost",
        "syncs answered 200 and lost while servers of the log died and came back",
        "syncs",
        Bound::Equal(0.0),
        CLUSTER,
    ),
    claim(
        "collector.cluster.doubled",
        "syncs counted twice while servers of the log died and came back",
        "syncs",
        Bound::Equal(0.0),
        CLUSTER,
    ),
    claim(
        "collector.shared_graph.wrong",
        "people that two collectors over one PostgreSQL tied wrongly",
        "people",
        Bound::Equal(0.0),
        CLUSTER,
    ),
    claim(
        "collector.faults.disk_full.lost",
        "syncs answered 200 and lost on a disk that filled up",
        "syncs",
        Bound::Equal(0.0),
        FAULTS,
    ),
    claim(
        "collector.faults.torn_tail.lost",
        "syncs answered 200 and lost with a torn tail of the log",
        "syncs",
        Bound::Equal(0.0),
        FAULTS,
    ),
    claim(
        "collector.faults.postgres.lost",
        "syncs answered 200 and lost when PostgreSQL was killed and came back",
        "syncs",
        Bound::Equal(0.0),
        FAULTS,
    ),
    claim(
        "collector.load.events_per_second",
        "durable events a second in batches of twenty, 64 clients at a time on the same cores",
        "events/s",
        Bound::AtLeast(20_000.0),
        LOAD,
    ),
    claim(
        "collector.load.ratio_to_raw",
        "the same over bare batch inserts of SQLite with the same fsync",
        "times",
        Bound::AtLeast(0.5),
        LOAD,
    ),
    claim(
        "collector.fsync.early_answers",
        "200s written before their fsync had returned, in a traced run",
        "answers",
        Bound::Equal(0.0),
        FSYNC,
    ),
    claim(
        "collector.hostile.peak",
        "most memory of the collector while it is sent what is malformed, huge, deep, slow or compressed to burst",
        "KB",
        Bound::AtMost(196_608.0),
        HOSTILE,
    ),
    claim(
        "collector.handover.kills",
        "times that the collector was killed while it delivered",
        "kills",
        Bound::AtLeast(10.0),
        HANDOVER,
    ),
    claim(
        "journeys.kills.lost",
        "people who waited in a journey and were not written to after the kills",
        "people",
        Bound::Equal(0.0),
        JOURNEYS,
    ),
    claim(
        "journeys.kills.twice",
        "people who were written to under two ids after the kills",
        "people",
        Bound::Equal(0.0),
        JOURNEYS,
    ),
    claim(
        "journeys.timers.ratio",
        "cost of one due message while a million wait, over that while ten thousand do",
        "times",
        Bound::AtMost(2.0),
        TIMERS,
    ),
    claim("collector.handover.lost", "parcels not delivered after the kills", "parcels", Bound::Equal(0.0), HANDOVER),
    claim(
        "identity.overmerge.people",
        "people that ten thousand stay who share one kiosk, one inbox and one number",
        "people",
        Bound::Equal(10_000.0),
        GRAPH,
    ),
    claim(
        "frequency.partners.exposures",
        "exposures of one person that a site and two partners report: 1, 2 and 3",
        "exposures",
        Bound::Equal(6.0),
        PARTNERS,
    ),
    claim(
        "collector.fsync.early_events",
        "200s to events written before their fsync had returned, in a traced run",
        "answers",
        Bound::Equal(0.0),
        FSYNC,
    ),
    claim("golden.scenarios", "golden scenarios", "scenarios", Bound::AtLeast(40.0), GOLDEN),
    claim(
        "golden.parity",
        "surfaces whose bytes equal the golden ones: native, Node, Chromium, workerd, Viceroy",
        "surfaces",
        Bound::AtLeast(5.0),
        GOLDEN,
    ),
    claim(
        "edge.overhead",
        "median of the Worker on the shop's page over a rewriter that changes nothing, 8 requests at a time",
        "times",
        Bound::AtMost(1.1),
        EDGE,
    ),
    claim(
        "edge.worker.gzip",
        "the Worker as wrangler packs it, engine, reader and a small bundle included, gzip",
        "bytes",
        Bound::AtMost(120_000.0),
        BROWSER,
    ),
    claim(
        "bench.decide.100.native",
        "one decision among 100 campaigns, native, attributes ready",
        "ns",
        Bound::Stated,
        BENCH,
    ),
    claim(
        "bench.decide.100.native.object",
        "one decision among 100 campaigns, native, from named values",
        "ns",
        Bound::Stated,
        BENCH,
    ),
    claim(
        "bench.decide.100.wasm.object",
        "one decision among 100 campaigns, wasm under Node, from a plain object",
        "ns",
        Bound::Stated,
        BENCH,
    ),
    claim(
        "bench.decide.100.wasm.ready",
        "one decision among 100 campaigns, wasm under Node, attributes ready",
        "ns",
        Bound::Stated,
        BENCH,
    ),
    claim(
        "bench.decide.100.wasm.package",
        "one decision among 100 campaigns, the package's own decide() under Node",
        "ns",
        Bound::Stated,
        BENCH,
    ),
    claim("bench.bundle.100.brotli", "bundle of 100 campaigns, brotli 11", "bytes", Bound::Stated, BENCH),
    claim(
        "bench.decide.1000.native",
        "one decision among 1,000 campaigns, native, attributes ready",
        "ns",
        Bound::Stated,
        BENCH,
    ),
    claim(
        "bench.decide.1000.native.object",
        "one decision among 1,000 campaigns, native, from named values",
        "ns",
        Bound::Stated,
        BENCH,
    ),
    claim(
        "bench.decide.1000.wasm.object",
        "one decision among 1,000 campaigns, wasm under Node, from a plain object",
        "ns",
        Bound::Stated,
        BENCH,
    ),
    claim(
        "bench.decide.1000.wasm.ready",
        "one decision among 1,000 campaigns, wasm under Node, attributes ready",
        "ns",
        Bound::Stated,
        BENCH,
    ),
    claim(
        "bench.decide.1000.wasm.package",
        "one decision among 1,000 campaigns, the package's own decide() under Node",
        "ns",
        Bound::Stated,
        BENCH,
    ),
    claim("bench.bundle.1000.brotli", "bundle of 1,000 campaigns, brotli 11", "bytes", Bound::Stated, BENCH),
    claim("bench.ratio.ready", "1,000 campaigns over 100, wasm, attributes ready", "times", Bound::AtMost(3.0), BENCH),
    claim(
        "bench.ratio.1000.flagd",
        "flagd over Petit Four, 1,000 campaigns, one run",
        "times",
        Bound::AtLeast(100.0),
        BENCH,
    ),
    claim(
        "bench.ratio.1000.codegen",
        "codegen over Petit Four, 1,000 campaigns, one run",
        "times",
        Bound::AtLeast(2.0),
        BENCH,
    ),
    claim(
        "bench.ratio.100.json-logic-engine",
        "json-logic-engine over Petit Four, 100 campaigns, one run",
        "times",
        Bound::AtLeast(2.0),
        BENCH,
    ),
    claim(
        "bench.ratio.100.flagd",
        "flagd over Petit Four, 100 campaigns, one run",
        "times",
        Bound::AtLeast(10.0),
        BENCH,
    ),
    claim(
        "bench.ratio.100.growthbook",
        "growthbook over Petit Four, 100 campaigns, one run",
        "times",
        Bound::AtLeast(60.0),
        BENCH,
    ),
    claim(
        "bench.ratio.100.target",
        "target over Petit Four, 100 campaigns, one run",
        "times",
        Bound::AtLeast(400.0),
        BENCH,
    ),
    claim("bench.cold.ms", "import of the package to the first decision, Node", "ms", Bound::Stated, BENCH),
    claim(
        "bench.cold.growthbook",
        "import to the first decision, Petit Four over GrowthBook",
        "times",
        Bound::AtMost(1.0),
        BENCH,
    ),
    claim(
        "bench.reference.mismatches",
        "answers that differ from the reference with all rollouts at 100 %",
        "answers",
        Bound::Equal(0.0),
        BENCH,
    ),
    claim(
        "bench.verify.invalid",
        "winners that the verifier refuses, with rollouts",
        "answers",
        Bound::Equal(0.0),
        BENCH,
    ),
    claim(
        "bench.verify.skipped",
        "winners that the verifier misses, with rollouts",
        "answers",
        Bound::Equal(0.0),
        BENCH,
    ),
    claim("score.wrong", "log-odds of any scorer off LightGBM's own, at most", "", Bound::AtMost(0.001), BENCH),
    claim("score.v8", "one row, 100 trees of 31 leaves, wasm under Node, bins there", "ns", Bound::Stated, BENCH),
    claim("score.v8.bins", "the same from 32 numbers", "ns", Bound::Stated, BENCH),
    claim("score.native", "one row of the same, native, bins there", "ns", Bound::Stated, BENCH),
    claim("score.ratio.lightgbm", "LightGBM's row over score.v8.bins, one run", "times", Bound::AtLeast(2.0), BENCH),
    claim("score.ratio.lleaves", "lleaves' row over score.v8.bins, one run", "times", Bound::Stated, BENCH),
    claim("score.ratio.m2cgen", "m2cgen's row over score.v8.bins, one run", "times", Bound::AtLeast(4.0), BENCH),
    claim("score.ratio.onnxruntime-web", "ONNX Runtime Web's over score.v8.bins", "times", Bound::AtLeast(8.0), BENCH),
    claim("replay.decisions", "decisions over the recorded visitors", "decisions", Bound::Stated, REPLAY),
    claim(
        "replay.fallback_share",
        "decisions over the recorded visitors that fell back, the worse of both recordings",
        "percent",
        Bound::AtMost(50.0),
        REPLAY,
    ),
    claim(
        "profile.chain.median",
        "median profile after 10, 100 or 1,000 events of chained recorded visitors, the largest of them",
        "bytes",
        Bound::AtMost(1_024.0),
        REPLAY,
    ),
    claim(
        "profile.chain.max",
        "largest profile of a chained recorded visitor",
        "bytes",
        Bound::AtMost(2_944.0),
        REPLAY,
    ),
    claim("replay.profile.max", "largest profile of a recorded visitor", "bytes", Bound::AtMost(2_944.0), REPLAY),
    claim(
        "sync.visit.segment_bytes",
        "event requests of a recorded visit of 50 events on 5 pages, @segment/analytics-next with its defaults",
        "bytes",
        Bound::Stated,
        BROWSER,
    ),
    claim("sync.visit.bytes", "sync requests of the same visit, Petit Four", "bytes", Bound::Stated, BROWSER),
    claim("sync.visit.ratio", "the former over the latter", "times", Bound::AtLeast(20.0), BROWSER),
    claim("browser.shop", "tests of the shop in a real browser that passed", "tests", Bound::AtLeast(1.0), BROWSER),
    claim(
        "consent.matrix",
        "permissions × storage × runtime in which nothing was written or sent that was not permitted",
        "cells",
        Bound::Equal(192.0),
        BROWSER,
    ),
    claim(
        "tabs.lost",
        "events lost, of a thousand that two tabs and an edge recorded at once",
        "events",
        Bound::Equal(0.0),
        BROWSER,
    ),
    claim(
        "identity.febrl1.f1",
        "records put together as one person's, febrl1, pairwise F1",
        "share",
        Bound::AtLeast(0.995),
        PEOPLE,
    ),
    claim("identity.febrl3.f1", "the same, febrl3", "share", Bound::AtLeast(0.995), PEOPLE),
    claim("identity.febrl3.candidates", "pairs compared, febrl3", "pairs", Bound::Stated, PEOPLE),
    claim(
        "identity.febrl3.f1_without_number",
        "pairwise F1, febrl3 without soc_sec_id",
        "share",
        Bound::AtLeast(0.98),
        PEOPLE,
    ),
    claim("identity.fake_1000.f1", "pairwise F1, fake_1000", "share", Bound::AtLeast(0.68), PEOPLE),
    claim("identity.fake_1000.precision", "pairwise precision, fake_1000", "share", Bound::AtLeast(0.98), PEOPLE),
    claim("identity.fake_1000.candidates", "pairs compared, fake_1000", "pairs", Bound::Stated, PEOPLE),
    claim("identity.historical.f1", "pairwise F1, half of historical_50k", "share", Bound::AtLeast(0.80), PEOPLE),
    claim("identity.historical.precision", "pairwise precision, the same half", "share", Bound::Stated, PEOPLE),
    claim("identity.historical.recall", "pairwise recall, the same half", "share", Bound::Stated, PEOPLE),
    claim("identity.historical.candidates", "pairs compared, the same half", "pairs", Bound::Stated, PEOPLE),
    claim("identity.historical.seconds", "seconds that it took, optimised", "s", Bound::Stated, PEOPLE),
    claim(
        "identity.different.false_pairs",
        "pairs put together among people who are all different, one record of each from three sets",
        "pairs",
        Bound::AtMost(10.0),
        PEOPLE,
    ),
    claim(
        "attribution.first_last_linear.wrong",
        "credits and values of first, last and linear that differ in any of six decimals from those of a table that was computed elsewhere",
        "fields",
        Bound::Equal(0.0),
        ATTRIBUTION,
    ),
    claim(
        "attribution.markov.off",
        "largest difference of removal effects, credits and values of Markov order 1 to 3 from the same table, which has six decimals",
        "",
        Bound::AtMost(1e-6),
        ATTRIBUTION,
    ),
    claim(
        "attribution.walked.off",
        "largest difference of removal effects of order 1 to 4 from those of letting everybody walk",
        "",
        Bound::AtMost(1e-10),
        ATTRIBUTION,
    ),
    claim(
        "model.moved_8_bits",
        "the larger of AUC's and log loss's moves by leaves of 8 bits, mean of ten models of 100 trees of 31 leaves, the worse of two sets",
        "",
        Bound::AtMost(0.002),
        DEVICE,
    ),
    claim("model.moved_16_bits", "the same with leaves of 16 bits", "", Bound::AtMost(0.000_5), DEVICE),
    claim(
        "model.bytes_8_bits",
        "of trees and borders with leaves of 8 bits, after brotli, shoppers",
        "bytes",
        Bound::AtMost(19_000.0),
        DEVICE,
    ),
    claim("model.bytes_16_bits", "the same with leaves of 16 bits", "bytes", Bound::AtMost(19_000.0), DEVICE),
    claim(
        "model.importers_catboost_moved",
        "the most that a score of a row of both sets moves with leaves of 16 bits, over CatBoost's models of a probability",
        "log-odds",
        Bound::AtMost(0.001),
        IMPORTERS,
    ),
    claim(
        "model.importers_onnx_moved",
        "the same over models of log-odds in ONNX",
        "log-odds",
        Bound::AtMost(0.001),
        IMPORTERS,
    ),
    claim(
        "model.regression_moved",
        "the most that a score of a row of both sets moves by a regression's steps, 255 borders",
        "log-odds",
        Bound::AtMost(0.1),
        REGRESSION,
    ),
    claim("training.shoppers.auc", "trees, mean of ten stratified partings", "", Bound::AtLeast(0.9215), TRAINING),
    claim(
        "training.shoppers_honest.auc",
        "the same without the column that leaks",
        "",
        Bound::AtLeast(0.7578),
        TRAINING,
    ),
    claim("training.bank.auc", "the same of calls without their duration", "", Bound::AtLeast(0.7003), TRAINING),
    claim(
        "evaluation.obp.off",
        "largest difference of an estimate from the Open Bandit Pipeline's, given the same inputs",
        "",
        Bound::AtMost(1e-9),
        EVALUATION,
    ),
    claim(
        "loop.obd.bundle",
        "bundle of 80 campaigns that share a trained model, after brotli",
        "bytes",
        Bound::AtMost(5_000.0),
        LOOP,
    ),
    claim(
        "loop.obd.replayed",
        "share of the rounds that judge in which the engine chooses what was judged",
        "",
        Bound::Equal(1.0),
        LOOP,
    ),
    claim(
        "lifetime.cdnow.log_likelihood",
        "of the BG/NBD on CDNOW; published: -9582.429",
        "",
        Bound::AtLeast(-9582.4295),
        LIFETIME,
    ),
    claim("package.installs", "ways to install the tarball that decided once", "ways", Bound::Equal(4.0), BROWSER),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_claims_share_a_name() {
        let mut names: Vec<&str> = CLAIMS.iter().map(|claim| claim.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CLAIMS.len());
    }
}
