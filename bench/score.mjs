/**
 * The bench, one row scored by a trained model: the shipped wasm and the native engine beside LightGBM's own call for single rows, lleaves,
 * ONNX Runtime native and in wasm, and the JavaScript that m2cgen writes. One model for all: 100 trees of 31 leaves on 32 features (`score/train.py`).
 *
 * `cargo xtask bench` calls it after the native part. All answers are compared first, and all are timed in the same rounds: in each, every subject
 * scores some rows, one at a time, then the next subject does. Subjects outside of this process wait to be told. Who is slow gets fewer rows, so
 * that a turn stays about a millisecond and is seldom interrupted; over the rounds everybody scores the same thousand.
 *
 * In V8 there are two ways to see the shipped module: `decision` is the whole of a decision for a new visitor at a placement where the model is
 * asked (32 numbers written, each to its bin, rules, score, choice); `otherwise` is the same session at a placement where it is not; `bare`
 * decides over a bundle without the model's attributes. So the score alone is the first less the second, and bins and score are the first less
 * the third, each at the same quantile.
 *
 * What is not installed has its rows left out, with the claims that name it. `SCORE_ROUNDS` sets the number of rounds.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import init, { Session } from "../pkg/petitfour.js";
import { path } from "./lib/workload.mjs";

const ROUNDS = Number(process.env.SCORE_ROUNDS ?? 150);
const WIDTH = 32;
const TURN_NS = 1e6;
/** 2026-06-15T12:00:00Z, as everywhere in the bench. */
const NOW = 1781524800000;

const TITLES = {
  decision: "Petit Four in V8, the whole decision",
  otherwise: "  the same without the score",
  bare: "  the same without bins and score",
  score: "Petit Four native, score",
  binned: "Petit Four native, bins and score",
  lightgbm: "LightGBM, C API, single row, fast",
  lleaves: "lleaves",
  onnxruntime: "ONNX Runtime, native",
  "onnxruntime-web": "ONNX Runtime Web, wasm",
  m2cgen: "m2cgen, JavaScript",
};

/** The Python that `cargo xtask setup` made for a list of packages; its folder is named after the list's content (FNV-1a). */
function python(list) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of readFileSync(path(list))) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const program = join(cache, "petitfour", `python-${hash.toString(16).padStart(16, "0")}`, "bin", "python");
  if (existsSync(program)) return program;
  console.log(`  the packages of ${list} are not there (cargo xtask setup): what needs them is left out`);
  return null;
}

function run(program, words) {
  const { status, stderr } = spawnSync(program, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
}

/** Subjects of another process: it says what it has, then answers `NAME FROM COUNT` with nanoseconds a row. */
async function others(program, words) {
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${words.join(" ")} ended`);
    return value;
  };
  const found = [];
  for (let line; (line = await next()) !== ""; ) {
    const { name, off, missing } = JSON.parse(line);
    if (missing) console.log(`  ${name} is left out: ${missing}`);
    else found.push({ name, off });
  }
  return found.map(({ name, off }) => ({
    name,
    off,
    end: () => child.stdin.end(),
    async pass(first, count) {
      child.stdin.write(`${name} ${first} ${count}\n`);
      return Number(await next());
    },
  }));
}

/** A subject of this process. */
function here(name, off, score) {
  return {
    name,
    off,
    end() {},
    async pass(first, count) {
      const began = performance.now();
      for (let row = first; row < first + count; row++) score(row);
      return ((performance.now() - began) * 1e6) / count;
    },
  };
}

const odds = (chance) => Math.log(chance / (1 - chance));

async function own(folder, rows) {
  const { memory } = await init({ module_or_path: readFileSync(path("pkg/petitfour_bg.wasm")) });
  const seed = new Uint8Array(32).fill(7);
  const open = (file) => new Session(new Uint8Array(readFileSync(join(folder, file))), seed);
  const [session, bare] = [open("score.pf4"), open("bare.pf4")];
  const at = Array.from({ length: WIDTH }, (_, feature) => session.attribute(`f${feature}`));
  const blocks = rows.map((row) => {
    const block = new Float64Array(session.attributes()).fill(NaN);
    row.forEach((value, feature) => (block[at[feature]] = value));
    return block;
  });
  const views = (of) => [new Float64Array(memory.buffer, of.input(), of.attributes()), new Uint32Array(memory.buffer, of.output(), 16)];
  const [main, plain, only] = [session.placement("main"), session.placement("plain"), bare.placement("main")];
  session.decide(main, NOW, 0);
  bare.decide(only, NOW, 0);
  const [input, output] = views(session);
  const decide = (placement) => (row) => {
    input.set(blocks[row]);
    session.decide(placement, NOW, 0);
    return output[1];
  };
  const decision = decide(main);
  const winners = JSON.parse(readFileSync(join(folder, "winners.json"), "utf8"));
  const unlike = winners.filter((winner, row) => decision(row) !== (winner ?? 0xffffffff)).length;
  console.log(`  ${rows.length} decisions in V8, ${unlike} unlike the native ones, and ${new Set(winners).size} campaigns win`);
  if (unlike > 0) throw new Error(`${unlike} decisions in V8 are unlike the native ones`);
  return [
    here("decision", 0, decision),
    here("otherwise", 0, decide(plain)),
    here("bare", 0, () => bare.decide(only, NOW, 0)),
  ];
}

async function web(folder, rows, raw) {
  let ort;
  try {
    ort = await import("onnxruntime-web/wasm");
  } catch (error) {
    console.log(`  onnxruntime-web is left out: ${error.message}`);
    return [];
  }
  const require = createRequire(import.meta.url);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  ort.env.wasm.wasmBinary = readFileSync(require.resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
  const session = await ort.InferenceSession.create(readFileSync(join(folder, "model.onnx")), { executionProviders: ["wasm"] });
  const singles = rows.map((row) => ({ rows: new ort.Tensor("float32", Float32Array.from(row), [1, WIDTH]) }));
  const chances = session.outputNames[1];
  let off = 0;
  for (let row = 0; row < rows.length; row++) {
    const answer = await session.run(singles[row], [chances]);
    off = Math.max(off, Math.abs(odds(answer[chances].data[1]) - raw[row]));
  }
  return [
    {
      name: "onnxruntime-web",
      off,
      end() {},
      async pass(first, count) {
        const began = performance.now();
        for (let row = first; row < first + count; row++) await session.run(singles[row], [chances]);
        return ((performance.now() - began) * 1e6) / count;
      },
    },
  ];
}

async function generated(folder, rows, raw) {
  if (!existsSync(join(folder, "model.mjs"))) return [];
  const { score } = await import(pathToFileURL(join(folder, "model.mjs")));
  const off = Math.max(...rows.map((row, number) => Math.abs(odds(score(row)[1]) - raw[number])));
  return [here("m2cgen", off, (row) => score(rows[row]))];
}

/** Interleaved rounds. Every subject gets `times`, a figure for each round. */
async function time(subjects, count) {
  for (const subject of subjects) {
    // Compilers want to see a function many times; and how long a row takes decides how many make a turn.
    let ns = Infinity;
    for (const began = performance.now(); performance.now() - began < 500; ) ns = Math.min(ns, await subject.pass(0, 100));
    subject.turn = Math.min(count, Math.max(10, 10 * Math.round(TURN_NS / ns / 10)));
    subject.turn = [10, 20, 50, 100, 200, 250, 500, 1000].filter((turn) => turn <= subject.turn).at(-1);
    subject.times = [];
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const subject of subjects) {
      // Once unmeasured: whoever had the caches before has left nothing in them.
      await subject.pass((round * subject.turn) % count, Math.min(subject.turn, 10));
      subject.times.push(await subject.pass((round * subject.turn) % count, subject.turn));
    }
  }
}

const at = (times, share) => [...times].sort((a, b) => a - b)[Math.floor(times.length * share)];
const quantiles = (times) => ({ p10: at(times, 0.1), p50: at(times, 0.5) });

function record(stated) {
  const [program, ...first] = process.env.PETITFOUR_XTASK ? [process.env.PETITFOUR_XTASK] : ["cargo", "xtask"];
  for (const [name, value] of Object.entries(stated)) {
    const words = [...first, "claims", "--record", `${name}=${value}`];
    const { status, stderr } = spawnSync(program, words, { cwd: path("."), encoding: "utf8" });
    if (status !== 0) console.log(`  ${name} was not recorded: ${stderr.trim()}`);
  }
}

const folder = process.env.SCORE_FOLDER ?? path("target/bench/score");
mkdirSync(folder, { recursive: true });
const [trainer, compilers] = [python("models/tests/requirements.txt"), python("bench/score/requirements.txt")];
if (!trainer) process.exit(0);
run(trainer, [path("bench/score/train.py"), folder]);
if (compilers) run(compilers, [path("bench/score/train.py"), folder, "--generate"]);
const doubles = (name) => new Float64Array(new Uint8Array(readFileSync(join(folder, name))).buffer);
const [flat, raw] = [doubles("rows.f64"), doubles("raw.f64")];
const rows = Array.from({ length: raw.length }, (_, row) => flat.slice(row * WIDTH, (row + 1) * WIDTH));

const serve = path("bench/score/serve.py");
const native = process.env.SCORE_NATIVE ?? path("target/release/petitfour-bench");
const subjects = [
  ...(await others(native, ["--score", folder])),
  ...(await own(folder, rows)),
  ...(await others(trainer, [serve, folder, "lightgbm", "onnxruntime"])),
  ...(compilers ? await others(compilers, [serve, folder, "lleaves"]) : []),
  ...(await web(folder, rows, raw)),
  ...(await generated(folder, rows, raw)),
];
await time(subjects, rows.length);
for (const subject of subjects) subject.end();

console.log(`\n${"one row, 100 trees of 31 leaves, 32 features".padEnd(48)}${"p10".padStart(9)}${"p50".padStart(9)}  ns; log-odds off by`);
const figures = {};
for (const { name, times, off } of subjects) {
  const { p10, p50 } = (figures[name] = { ...quantiles(times), off });
  console.log(`  ${TITLES[name].padEnd(46)}${p10.toFixed(0).padStart(9)}${p50.toFixed(0).padStart(9)}  ${off.toExponential(1)}`);
}
const less = (name, title, one, other) => {
  const differ = (share) => figures[one][share] - figures[other][share];
  figures[name] = { p10: differ("p10"), p50: differ("p50") };
  console.log(`  ${title.padEnd(46)}${figures[name].p10.toFixed(0).padStart(9)}${figures[name].p50.toFixed(0).padStart(9)}`);
};
less("alone", "Petit Four in V8, score alone (difference)", "decision", "otherwise");
less("both", "Petit Four in V8, bins and score (difference)", "decision", "bare");

const stated = {
  "score.wrong": Math.max(...subjects.map(({ off }) => off)),
  "score.v8": figures.alone.p10,
  "score.v8.bins": figures.both.p10,
  "score.native": figures.score.p10,
};
for (const other of ["lightgbm", "lleaves", "onnxruntime-web", "m2cgen"]) {
  if (figures[other]) stated[`score.ratio.${other}`] = figures[other].p10 / figures.both.p10;
}
for (const [name, value] of Object.entries(stated)) console.log(`  ${name.padEnd(28)}${value.toPrecision(4)}`);
writeFileSync(path("target/score.json"), JSON.stringify({ date: new Date().toISOString(), rounds: ROUNDS, figures, stated }, null, 2));
if (process.env.BENCH_RECORD !== "0") record(stated);
if (stated["score.wrong"] > 1e-3) {
  console.error("some log-odds are not LightGBM's");
  process.exitCode = 1;
}
