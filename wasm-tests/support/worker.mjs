/** The Worker of `edge/cloudflare/`, built as wrangler builds it, in a real workerd. */
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { inClone, scratch } from "./files.mjs";
import { children, peak } from "./memory.mjs";

/** Files that stay modules of their own, by what workerd calls them. */
const KINDS = { wasm: "CompiledWasm", pf4: "Data" };

/** Modules for workerd: `entry` (TypeScript) over the package in `pkg`, with `bundle` beside it. */
export async function modules(pkg, bundle, entry = inClone("edge", "cloudflare", "src", "worker.ts")) {
  const folder = scratch("worker");
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(pkg, join(folder, "node_modules", "petitfour"));
  copyFileSync(entry, join(folder, "worker.ts"));
  writeFileSync(join(folder, "bundle.pf4"), bundle);
  const found = new Map();
  const aside = {
    name: "aside",
    setup(build) {
      build.onResolve({ filter: /\.(wasm|pf4)$/ }, async ({ path, resolveDir }) => {
        const file = /^[./]/.test(path) ? resolve(resolveDir, path) : (await build.resolve(`./node_modules/${path}`, { resolveDir: folder, kind: "import-statement" })).path;
        found.set(basename(path), file);
        return { path: `./${basename(path)}`, external: true };
      });
    },
  };
  const { outputFiles } = await build({
    entryPoints: [join(folder, "worker.ts")],
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker"],
    preserveSymlinks: true,
    write: false,
    minify: true,
    plugins: [aside],
  });
  return [
    { type: "ESModule", path: "worker.mjs", contents: outputFiles[0].text },
    ...[...found].map(([path, file]) => ({ type: KINDS[path.split(".").pop()], path, contents: readFileSync(file) })),
  ];
}

/** Starts workerd over `modules`; the answer is its address. It ends with the test `t`. */
export async function workerd(t, modules, bindings = {}, more = {}) {
  const host = new Miniflare({
    modules,
    compatibilityDate: "2026-04-01",
    host: "127.0.0.1",
    port: 0,
    bindings,
    ...more,
  });
  t.after(() => host.dispose());
  const others = children();
  const url = (await host.ready).origin;
  const mine = children().filter((id) => !others.includes(id));
  return { url, host, peak: () => peak(...mine) };
}

/** Starts the Worker over the package in `pkg` as an edge: see `edges.mjs`. */
export const worker = (pkg) => async (t, { bundle, origin, collector, key, feeds, seals, country }) => {
  const set = { ORIGIN: origin, COLLECTOR: collector, COLLECTOR_KEY: key, FEEDS: feeds, SEALS: seals };
  const bindings = Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined));
  return workerd(t, await modules(pkg, bundle), bindings, country ? { cf: { country, isEUCountry: country === "FR" ? "1" : undefined } } : {});
};
