/**
 * From import to the first decision in a fresh process, each engine in one bundled file, processes in turn.
 *
 * The import is on the clock, and with it reading and compiling the module; starting Node is not.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { payload } from "../engines/growthbook.mjs";
import { path } from "../workload.mjs";

const RUNS = 15;

/** Median milliseconds by engine; null when esbuild, which the package's tests bring, is not there. */
export async function coldStarts(workload, visitor) {
  let esbuild;
  try {
    esbuild = createRequire(new URL("../../../wasm-tests/package.json", import.meta.url))("esbuild");
  } catch {
    return null;
  }
  const folder = path("target/bench/cold");
  mkdirSync(folder, { recursive: true });
  copyFileSync(path("pkg/petitfour_bg.wasm"), `${folder}/petitfour_bg.wasm`);
  writeFileSync(`${folder}/rules.json`, JSON.stringify(payload(workload)));
  writeFileSync(`${folder}/visitor.json`, JSON.stringify(visitor));
  const engines = { petitfour: path(`target/bench/${workload.name}.pf4`), growthbook: `${folder}/rules.json` };
  for (const name of Object.keys(engines)) {
    await esbuild.build({
      entryPoints: [path(`bench/lib/cold/${name}.mjs`)],
      outfile: `${folder}/${name}.mjs`,
      bundle: true,
      minify: true,
      platform: "node",
      format: "esm",
      external: ["./lens.node.mjs"],
      logLevel: "error",
    });
  }
  const times = Object.fromEntries(Object.keys(engines).map((name) => [name, []]));
  for (let run = 0; run < RUNS; run++) {
    for (const [name, rules] of Object.entries(engines)) {
      const child = [path("bench/lib/cold/child.mjs"), `${folder}/${name}.mjs`, rules, `${folder}/visitor.json`];
      times[name].push(JSON.parse(execFileSync(process.execPath, child, { encoding: "utf8" })).spent);
    }
  }
  return Object.fromEntries(
    Object.entries(times).map(([name, all]) => [name, all.sort((a, b) => a - b)[Math.floor(RUNS / 2)]]),
  );
}
