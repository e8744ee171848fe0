/**
 * Golden scenarios through the packed package: the transcripts of Node, Chromium, workerd and Viceroy are those that were recorded
 * natively, byte for byte, from the same bundles. `tests/golden.rs` writes the bundles and judges their meaning.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { play } from "./golden/player.mjs";
import { launch, open, until } from "./support/browser.mjs";
import { absent, guest, host, viceroy } from "./support/fastly.mjs";
import { inClone, scratch, unpacked } from "./support/files.mjs";
import { serve } from "./support/server.mjs";
import { modules, workerd } from "./support/worker.mjs";
import { claim } from "./tools/claim.mjs";

const golden = inClone("tests", "golden");
const bundles = inClone("target", "golden");
const themes = readdirSync(golden).filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -5));
const campaigns = readdirSync(join(golden, "campaigns")).filter((name) => name.endsWith(".yaml")).map((name) => name.slice(0, -5));
const read = (name) => JSON.parse(readFileSync(join(golden, `${name}.json`), "utf8"));
const recorded = (name) => readFileSync(join(golden, `${name}.transcript`), "utf8");

// The bundles are not kept in the repository: the native player compiles them.
const stale = campaigns.some((name) => {
  const bundle = join(bundles, `${name}.pf4`);
  return !existsSync(bundle) || statSync(bundle).mtimeMs < statSync(join(golden, "campaigns", `${name}.yaml`)).mtimeMs;
});
if (stale) {
  const { status } = spawnSync("cargo", ["test", "--quiet", "--package", "petitfour", "--test", "golden"], { cwd: inClone(), stdio: "inherit" });
  assert.equal(status, 0, "the native player passes");
}

const folder = unpacked();
// The native player passed, or there would be no transcripts; the other surfaces are named as they pass.
const surfaces = ["natively"];

test("Node comes to the recorded bytes", async () => {
  const load = async (name) => {
    const glue = await import(pathToFileURL(join(folder, `${name}.js`)).href);
    const { memory } = await glue.default({ module_or_path: readFileSync(join(folder, `${name}_bg.wasm`)) });
    return { ...glue, memory };
  };
  const [{ Session, memory }, { Lens }] = await Promise.all([load("petitfour"), load("petitfour_lens")]);
  const bytes = Object.fromEntries(campaigns.map((name) => [name, new Uint8Array(readFileSync(join(bundles, `${name}.pf4`)))]));
  for (const name of themes) same(name, play(read(name), bytes, { Session, memory, Lens }));
  surfaces.push("Node");
});

test("Chromium comes to the recorded bytes", async () => {
  const page = `<!doctype html><title>golden</title><script type="module" src="/run.mjs"></script>`;
  const run = `
    import { play } from "/player/player.mjs";
    import init, { Session } from "/pkg/petitfour.js";
    import initLens, { Lens } from "/pkg/petitfour_lens.js";
    const { memory } = await init({ module_or_path: fetch("/pkg/petitfour_bg.wasm") });
    await initLens({ module_or_path: "/pkg/petitfour_lens_bg.wasm" });
    window.perform = async (name, campaigns) => {
      const theme = await (await fetch("/golden/" + name + ".json")).json();
      const bundles = {};
      for (const each of campaigns) bundles[each] = new Uint8Array(await (await fetch("/bundles/" + each + ".pf4")).arrayBuffer());
      return play(theme, bundles, { Session, memory, Lens });
    };`;
  const server = await serve({
    "/": page,
    "/run.mjs": run,
    "/player": inClone("wasm-tests", "golden"),
    "/golden": golden,
    "/bundles": bundles,
    "/pkg": folder,
  });
  const browser = await launch();
  try {
    const { page, complaints } = await open(browser);
    await page.goto(server.url);
    await until(page, () => !!window.perform);
    for (const name of themes) {
      same(name, await page.evaluate(([name, campaigns]) => window.perform(name, campaigns), [name, campaigns]));
    }
    assert.deepEqual(complaints, []);
    surfaces.push("Chromium");
  } finally {
    await browser.close();
    await server.close();
  }
});

test("workerd comes to the recorded bytes", async (t) => {
  const entry = join(scratch("golden"), "golden.mjs");
  writeFileSync(
    entry,
    `import wasm from "${folder}/petitfour_bg.wasm";
    import lensWasm from "${folder}/petitfour_lens_bg.wasm";
    import init, { Session } from "${folder}/petitfour.js";
    import initLens, { Lens } from "${folder}/petitfour_lens.js";
    import { play } from ${JSON.stringify(inClone("wasm-tests", "golden", "player.mjs"))};
    const read = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    export default {
      async fetch(request) {
        const { theme, bundles } = await request.json();
        const { memory } = await init({ module_or_path: wasm });
        await initLens({ module_or_path: lensWasm });
        const bytes = Object.fromEntries(Object.entries(bundles).map(([name, base64]) => [name, read(base64)]));
        return new Response(play(theme, bytes, { Session, memory, Lens }));
      },
    };`,
  );
  const bytes = Object.fromEntries(campaigns.map((name) => [name, readFileSync(join(bundles, `${name}.pf4`)).toString("base64")]));
  const { url } = await workerd(t, await modules(folder, new Uint8Array(), entry));
  for (const name of themes) {
    const answer = await fetch(url, { method: "POST", body: JSON.stringify({ theme: read(name), bundles: bytes }) });
    same(name, await answer.text());
  }
  surfaces.push("workerd");
});

test("Viceroy comes to the recorded bytes", { skip: !viceroy && absent }, async (t) => {
  const { url } = await host(t, guest("examples/golden"));
  const bytes = Object.fromEntries(campaigns.map((name) => [name, readFileSync(join(bundles, `${name}.pf4`)).toString("base64")]));
  for (const name of themes) {
    const answer = await fetch(url, { method: "POST", body: JSON.stringify({ theme: read(name), bundles: bytes }) });
    same(name, await answer.text());
  }
  surfaces.push("Viceroy");
});

test("every surface is counted", () => {
  const table = [...themes.map((name) => [name, recorded(name)])].map(([name, text]) => ({ theme: name, scenarios: text.match(/^# /gm).length, bytes: text.length }));
  const total = (key) => table.reduce((sum, row) => sum + row[key], 0);
  const line = (theme, scenarios, bytes, columns) => `${theme.padEnd(18)}${String(scenarios).padStart(10)}${String(bytes).padStart(10)}  ${columns.map((text) => text.padEnd(10)).join("")}`;
  const all = ["natively", "Node", "Chromium", "workerd", "Viceroy"];
  console.log(line("theme", "scenarios", "bytes", all));
  for (const { theme, scenarios, bytes } of table) console.log(line(theme, scenarios, bytes, all.map((name) => (surfaces.includes(name) ? "identical" : "NOT RUN"))));
  console.log(line("in all", total("scenarios"), total("bytes"), all.map((name) => (surfaces.includes(name) ? "identical" : "NOT RUN"))));
  claim("golden.parity", surfaces.length);
  assert.deepEqual(surfaces, all.filter((name) => name !== "Viceroy" || viceroy));
});

/** Compares line by line, so that a difference is one line and not a page. */
function same(name, played) {
  const [is, was] = [played.split("\n"), recorded(name).split("\n")];
  let scenario = "";
  was.forEach((line, number) => {
    if (line.startsWith("# ")) scenario = line;
    assert.equal(is[number], line, `${name}.transcript:${number + 1} ${scenario}`);
  });
  assert.equal(is.length, was.length);
}
