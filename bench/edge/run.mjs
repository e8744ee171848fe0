/**
 * What personalising costs at the edge: requests a second, median and 99th percentile through one workerd, of the Worker of
 * `edge/cloudflare/`, of the same Worker with a rewriter that changes nothing, of the least Worker with such a rewriter, and of one
 * that passes the page on.
 *
 *     node bench/edge/run.mjs [ROUNDS] [REQUESTS] [AT_A_TIME]
 *
 * The page is the shop's, from an origin on loopback that also takes what the Worker reports. They take turns, round by
 * round, so that a busy machine is busy for all. Bounded: 24 rounds of 400 requests each unless told otherwise, 8 at a time.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, get } from "node:http";
import { createRequire } from "node:module";
import { createServer as createPort } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { compile } from "../../wasm-tests/support/bundle.mjs";
import { inClone, modules as installed, unpacked } from "../../wasm-tests/support/files.mjs";
import { modules } from "../../wasm-tests/support/worker.mjs";
import { claim } from "../../wasm-tests/tools/claim.mjs";

const [rounds, requests] = [Number(process.argv[2] ?? 24), Number(process.argv[3] ?? 400)];
const AT_A_TIME = Number(process.argv[4] ?? 8);
const DATE = "2026-04-01";

const ORIGIN = `const url = (request, env) => new URL(new URL(request.url).pathname, env.ORIGIN);`;
const WAYS = {
  "passed on": `${ORIGIN} export default { fetch: (request, env) => fetch(url(request, env)) };`,
  "a rewriter that changes nothing": `${ORIGIN} export default { async fetch(request, env) {
    return new HTMLRewriter().on("[data-petitfour]", { element() {} }).on("[data-pf-text],[data-pf-src],[data-pf-href],[data-pf-alt]", { element() {} }).transform(await fetch(url(request, env)));
  } };`,
};

const page = readFileSync(inClone("www", "index.html"));
const origin = createServer((request, response) => {
  request.resume();
  if (request.url === "/bundle.pf4") return response.writeHead(304).end();
  response.setHeader("content-type", request.method === "POST" ? "application/json" : "text/html; charset=utf-8");
  response.end(request.method === "POST" ? "{}" : page);
});
origin.keepAliveTimeout = 60_000;
await once(origin.listen(0, "127.0.0.1"), "listening");
const home = `127.0.0.1:${origin.address().port}`;

const free = async () => {
  const server = createPort().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
};

const folder = mkdtempSync(join(tmpdir(), "petitfour-edge-"));
const shop = compile(inClone("examples", "soda"));
const built = await modules(unpacked(), shop.bytes);
/** The package with a rewriter that meets the same elements and leaves them alone. */
const idle = unpacked();
writeFileSync(
  join(idle, "rewriter.mjs"),
  `import { PLACEMENT, SLOT } from "./slots.mjs";
export const personalise = (response, visit, after) => new HTMLRewriter().on(PLACEMENT, { element() {} }).on(SLOT, { element() {} }).onDocument({ end: after }).transform(response);
`,
);
const FIELDS = { ESModule: "esModule", CompiledWasm: "wasm", Data: "data" };
const services = [];
const add = async (name, files) => {
  const port = await free();
  const inside = `way${services.length}`;
  mkdirSync(join(folder, inside));
  for (const { path, contents } of files) writeFileSync(join(folder, inside, path), contents);
  const list = files.map(({ type, path }) => `(name = "${path}", ${FIELDS[type]} = embed "${inside}/${path}")`).join(", ");
  const bindings = `(name = "ORIGIN", text = "http://${home}"), (name = "COLLECTOR", text = "http://${home}"), (name = "COLLECTOR_KEY", text = "k")`;
  services.push({ name, port, text: `(modules = [${list}], compatibilityDate = "${DATE}", bindings = [${bindings}])` });
};
for (const [name, contents] of Object.entries(WAYS)) await add(name, [{ type: "ESModule", path: "worker.mjs", contents }]);
await add("the same Worker, whose rewriter changes nothing", await modules(idle, shop.bytes));
await add("personalised", built);
writeFileSync(
  join(folder, "config.capnp"),
  `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "internet", network = (allow = ["local"])), ${services.map(({ text }, number) => `(name = "s${number}", worker = ${text})`).join(", ")}],
  sockets = [${services.map(({ port }, number) => `(name = "h${number}", address = "127.0.0.1:${port}", http = (), service = "s${number}")`).join(", ")}],
);`,
);
const began = performance.now();
// The program itself: the package's own starter would be ended in its place, and leave it running.
const { default: program } = createRequire(join(installed, "workerd", "package.json"))("workerd");
const workerd = spawn(program, ["serve", join(folder, "config.capnp")], { stdio: ["ignore", "ignore", "inherit"] });
// Whatever ends this, ends it too.
process.on("exit", () => workerd.kill());
const agent = new Agent({ keepAlive: true, maxSockets: AT_A_TIME });

const ask = (port) =>
  new Promise((resolve, reject) => {
    const asked = performance.now();
    get({ host: "127.0.0.1", port, path: "/?temperature=31&weather=sunny&shop=bellecour", agent, headers: { accept: "text/html" } }, (response) => {
      let length = 0;
      response.on("data", (part) => (length += part.length));
      response.on("end", () => resolve({ took: performance.now() - asked, length, status: response.statusCode }));
    }).on("error", reject);
  });

const first = services.at(-1).port;
for (;;) {
  const answer = await ask(first).catch(() => null);
  if (answer?.status === 200) break;
  if (performance.now() - began > 20_000) throw new Error(`workerd did not answer: ${JSON.stringify(answer)}`);
  await new Promise((resolve) => setTimeout(resolve, 10));
}
const start = performance.now() - began;

const measured = services.map(() => ({ times: [], seconds: 0, length: 0 }));
const round = async (port, into) => {
  let left = requests;
  const asked = performance.now();
  await Promise.all(
    Array.from({ length: AT_A_TIME }, async () => {
      while (left-- > 0) {
        const { took, length } = await ask(port);
        into.times.push(took);
        into.length = length;
      }
    }),
  );
  into.seconds += (performance.now() - asked) / 1000;
};
for (const { port } of services) await round(port, { times: [], seconds: 0 });
for (let turn = 0; turn < rounds; turn++) {
  for (const number of services.keys()) {
    const place = (number + turn) % services.length;
    await round(services[place].port, measured[place]);
  }
  process.stderr.write(`\r${turn + 1} of ${rounds} rounds`);
}
process.stderr.write("\r");

const at = (times, share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
console.log("requests/s    p50 ms    p99 ms     bytes  what");
const medians = measured.map(({ times, seconds, length }, number) => {
  times.sort((a, b) => a - b);
  const [p50, p99] = [at(times, 0.5), at(times, 0.99)];
  console.log(`${(times.length / seconds).toFixed(0).padStart(10)}${p50.toFixed(2).padStart(10)}${p99.toFixed(2).padStart(10)}${String(length).padStart(10)}  ${services[number].name}`);
  return p50;
});
const [, least, same, personalised] = medians;
const ratio = personalised / least;
const raw = built.reduce((sum, { contents }) => sum + contents.length, 0);
const gzip = built.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0);
console.log(`      ${ratio.toFixed(3)}  median of personalised beside a rewriter that changes nothing, ${(personalised / same).toFixed(3)} beside the same Worker with one`);
console.log(`${raw.toString().padStart(11)}  bytes of the Worker with its bundle, ${gzip} after gzip; ${start.toFixed(0)} ms from the start of workerd to its first answer`);
claim("edge.overhead", ratio);
workerd.kill();
agent.destroy();
origin.close();
origin.closeAllConnections();
rmSync(folder, { recursive: true, force: true });
