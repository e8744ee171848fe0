/**
 * The bench, wasm part: the shipped package under Node on the workload, beside other engines, in one interleaved run.
 *
 * `cargo xtask bench` calls it after the native part, whose bundles and answers it needs. Figures of both go to
 * `target/bench.json`, and those that the project states to the ledger of claims.
 *
 * The other engines are pinned in `package.json`; they are installed when missing, and where that fails their rows are
 * left out, with the claims that name them. `BENCH_ROUNDS` sets the number of rounds, `BENCH_ALONE=1` leaves all others out.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { subject, time } from "./lib/clock.mjs";
import { coldStarts } from "./lib/cold/index.mjs";
import * as petitfour from "./lib/engines/petitfour.mjs";
import { verify } from "./lib/verify.mjs";
import { openNative, openVisitors, openWorkload, path } from "./lib/workload.mjs";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 40);
const ALONE = process.env.BENCH_ALONE === "1";

/** Products and yardsticks: file in `lib/engines/`, and whether it comes from npm. */
const OTHERS = [
  ["codegen", false],
  ["interpreter", false],
  ["json-logic-engine", true],
  ["flagd", true],
  ["growthbook", true],
  ["target", true],
];

const OWN = {
  object: "Petit Four, from a plain object",
  generic: "Petit Four, the same by a list of names",
  ready: "Petit Four, numbers already there",
  again: "Petit Four, nothing has changed",
  measured: "Petit Four, plain object, measuring",
  package: "Petit Four, the package's decide()",
};

function installed() {
  if (ALONE) return false;
  const lock = readFileSync(path("bench/package-lock.json"));
  const stamp = path("bench/node_modules/.installed-lock.json");
  if (existsSync(stamp) && readFileSync(stamp).equals(lock)) return true;
  console.log("▸ installing the engines pinned in bench/package-lock.json (npm ci)");
  console.log("  why: decisions are compared with theirs in one run. No install script of a package is run");
  const options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status } = spawnSync("npm", options, { cwd: path("bench"), stdio: ["ignore", "inherit", "inherit"] });
  if (status === 0) writeFileSync(stamp, lock);
  else console.log("  not installed: their rows are left out");
  return status === 0;
}

const bytes = (bundle) => ({
  raw: bundle.length,
  gzip: gzipSync(bundle, { level: 9 }).length,
  brotli: brotliCompressSync(bundle, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bundle.length },
  }).length,
});

/** Checks the answers of one workload and makes its subjects. */
async function prepare(name, visitors, peers) {
  const workload = await openWorkload(name);
  const verdict = verify(workload, visitors);
  const { visitors: asked, mismatches, invalid, skipped, unsteady, unlike_native } = verdict;
  console.log(
    `${name}: ${asked} visitors · ${mismatches} differ from the reference · with rollouts ` +
      `${invalid} invalid, ${skipped} skipped, ${unsteady} unsteady, ${unlike_native} unlike the native answer`,
  );
  const ways = await petitfour.open(workload, visitors);
  const subjects = Object.entries(OWN).map(([way, title]) => subject(way, title, ways[way]));
  for (const [other, fromNpm] of OTHERS) {
    if (ALONE || (fromNpm && !peers)) continue;
    const engine = await import(`./lib/engines/${other}.mjs`);
    subjects.push(subject(other, engine.title, await engine.open(workload)));
  }
  return { name, workload, verdict, subjects };
}

function report({ name, workload, verdict, subjects }, all) {
  console.log(`\n${name.padEnd(40)}${"p10".padStart(11)}${"median".padStart(11)}  ns a decision`);
  for (const { title, ns } of subjects) {
    const row = [ns.p10, ns.median].map((figure) => figure.toFixed(0).padStart(11)).join("");
    console.log(`  ${title.padEnd(38)}${row}${ns.visitors < all ? `  (${ns.visitors} visitors a round)` : ""}`);
  }
  const size = bytes(workload.bundle);
  const load = petitfour.loadTime(workload.bundle);
  console.log(`  bundle ${size.raw} bytes, gzip ${size.gzip}, brotli ${size.brotli} · opened in ${load.toFixed(2)} ms`);
  return {
    verify: verdict,
    rounds: ROUNDS,
    ns: Object.fromEntries(subjects.map(({ name, ns }) => [name, ns])),
    bundle: size,
    load_ms: load,
  };
}

/**
 * The figures that the project states. Tenth percentiles: on a machine that is shared, medians tell of the others. Bounds
 * are the registry's.
 */
function claims({ native, wasm, cold }) {
  const stated = {};
  const sum = (pick) => [...Object.values(native), ...Object.values(wasm)].reduce((all, each) => all + pick(each.verify), 0);
  stated["bench.reference.mismatches"] = sum((verdict) => verdict.mismatches);
  stated["bench.verify.invalid"] = sum((verdict) => verdict.invalid + verdict.unsteady + (verdict.unlike_native ?? 0));
  stated["bench.verify.skipped"] = sum((verdict) => verdict.skipped);
  for (const [name, count] of [["w100", 100], ["w1000", 1000]]) {
    stated[`bench.decide.${count}.native`] = native[name].ns.ready.p10;
    stated[`bench.decide.${count}.native.object`] = native[name].ns.object.p10;
    stated[`bench.decide.${count}.wasm.object`] = wasm[name].ns.object.p10;
    stated[`bench.decide.${count}.wasm.ready`] = wasm[name].ns.ready.p10;
    stated[`bench.decide.${count}.wasm.package`] = wasm[name].ns.package.p10;
    stated[`bench.bundle.${count}.brotli`] = wasm[name].bundle.brotli;
  }
  stated["bench.ratio.ready"] = wasm.w1000.ns.ready.p10 / wasm.w100.ns.ready.p10;
  for (const [name, count, others] of [
    ["w1000", 1000, ["flagd", "codegen"]],
    ["w100", 100, ["json-logic-engine", "flagd", "growthbook", "target"]],
  ]) {
    for (const other of others.filter((other) => wasm[name].ns[other])) {
      stated[`bench.ratio.${count}.${other}`] = wasm[name].ns[other].p10 / wasm[name].ns.object.p10;
    }
  }
  if (cold) {
    stated["bench.cold.ms"] = cold.petitfour;
    stated["bench.cold.growthbook"] = cold.petitfour / cold.growthbook;
  }
  return stated;
}

function record(stated) {
  // Under `cargo xtask` its own binary is named, so that nothing waits for Cargo's lock.
  const [program, ...first] = process.env.PETITFOUR_XTASK ? [process.env.PETITFOUR_XTASK] : ["cargo", "xtask"];
  for (const [name, value] of Object.entries(stated)) {
    const words = [...first, "claims", "--record", `${name}=${value}`];
    const { status, stderr } = spawnSync(program, words, { cwd: path("."), encoding: "utf8" });
    if (status !== 0) console.log(`  ${name} was not recorded: ${stderr.trim()}`);
  }
}

const peers = installed();
const visitors = await openVisitors();
await petitfour.start();
const workloads = [];
for (const name of ["w100", "w1000"]) workloads.push(await prepare(name, visitors, peers));
// Both in the same rounds, since one is compared with the other too.
await time(workloads.flatMap(({ subjects }) => subjects), visitors, ROUNDS);
const wasm = Object.fromEntries(workloads.map((each) => [each.name, report(each, visitors.length)]));
const cold = peers ? await coldStarts(await openWorkload("w100"), visitors[0]) : null;
if (cold) console.log(`import to first decision: ${cold.petitfour.toFixed(1)} ms · GrowthBook ${cold.growthbook.toFixed(1)} ms`);
const result = { date: new Date().toISOString(), native: await openNative(), wasm, cold };
const stated = claims(result);
writeFileSync(path("target/bench.json"), JSON.stringify({ ...result, stated }, null, 2));
for (const [name, ratio] of Object.entries(stated)) {
  if (name.startsWith("bench.ratio.")) console.log(`  ${name.padEnd(36)}${ratio.toFixed(2).padStart(9)} ×`);
}
if (process.env.BENCH_RECORD !== "0") record(stated);
const wrong = stated["bench.reference.mismatches"] + stated["bench.verify.invalid"] + stated["bench.verify.skipped"];
if (wrong > 0) {
  console.error(`${wrong} answers are wrong`);
  process.exitCode = 1;
}
