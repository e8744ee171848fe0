/** The guest of `edge/fastly/` in Viceroy, the host that Fastly's own tool runs a guest in locally. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { inClone, scratch } from "./files.mjs";
import { peak } from "./memory.mjs";

/** Where `cargo xtask setup --fastly` puts it. */
const usual = () => join(isAbsolute(process.env.XDG_CACHE_HOME ?? "") ? process.env.XDG_CACHE_HOME : join(homedir(), ".cache"), "petitfour", "viceroy-0.22.0", "bin", "viceroy");

/** The host, or nothing where it was not installed. */
export const viceroy = [process.env.PETITFOUR_VICEROY, usual()].find((path) => path && existsSync(path));

/** Why tests that need it did not run. */
export const absent = "NOT RUN: there is no Viceroy; `cargo xtask setup --fastly` builds it, once, in some fifteen minutes";

/** A guest by the name of its file. */
export const guest = (name) => join(process.env.PETITFOUR_GUESTS ?? join(process.env.CARGO_TARGET_DIR ?? inClone("target"), "wasm32-wasip1", "wasm"), `${name}.wasm`);

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const listens = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(!!socket.destroy()));
    socket.on("error", () => resolve(false));
  });

const text = (value) => JSON.stringify(value);

/** Runs `wasm` with the stores and backends in `settings` (TOML), until the test `t` ends. */
export async function host(t, wasm, settings = "") {
  const folder = scratch("fastly");
  const file = join(folder, "fastly.toml");
  writeFileSync(file, `manifest_version = 3\n[local_server]\n${settings}`);
  const port = await freePort();
  const child = spawn(viceroy, ["--addr", `127.0.0.1:${port}`, "-C", file, wasm], { stdio: ["ignore", "pipe", "pipe"] });
  const said = [];
  child.stdout.on("data", (line) => said.push(line));
  child.stderr.on("data", (line) => said.push(line));
  const gone = once(child, "exit");
  t.after(async () => {
    child.kill("SIGKILL");
    await gone;
  });
  const url = `http://127.0.0.1:${port}`;
  // It compiles the guest, then listens.
  for (const end = Date.now() + 30_000; !(await listens(port)); await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (child.exitCode !== null || Date.now() > end) throw new Error(`Viceroy did not start: ${Buffer.concat(said)}`);
  }
  return { url, peak: () => peak(child.pid) };
}

/** Where the visitor is, with all that the host always says. */
const place = (country) =>
  Object.entries({ as_name: "", as_number: 0, area_code: 0, city: "", conn_speed: "broadband", conn_type: "wifi", continent: "EU", country_code: country, country_code3: "", country_name: "", latitude: 0, longitude: 0, metro_code: 0, postal_code: "", proxy_description: "?", proxy_type: "?", region: "", utc_offset: 200 })
    .map(([name, value]) => `${name} = ${/itude/.test(name) ? "0.0" : text(value)}`)
    .join("\n");

/** Starts the guest as an edge: see `edges.mjs`. */
export function fastly(t, { bundle, origin, collector, key, feeds, seals, keys, country }) {
  const file = join(scratch("bundle"), "bundle.pf4");
  writeFileSync(file, bundle);
  const secrets = [["collector_key", key], ["seals", seals]].filter(([, value]) => value !== undefined);
  const config = [["feeds", feeds], ["bundle_keys", keys]].filter(([, value]) => value !== undefined);
  return host(
    t,
    guest("petitfour-fastly"),
    `
[local_server.backends.origin]
url = ${text(origin)}
${collector ? `[local_server.backends.collector]\nurl = ${text(collector)}` : ""}
[local_server.kv_stores]
petitfour = [{ key = "bundle", file = ${text(file)} }]
[local_server.secret_stores]
petitfour = [${secrets.map(([name, value]) => `{ key = ${text(name)}, data = ${text(value)} }`).join()}]
[local_server.config_stores.petitfour]
format = "inline-toml"
[local_server.config_stores.petitfour.contents]
${config.map(([name, value]) => `${name} = ${text(value)}`).join("\n")}
[local_server.geolocation]
format = "inline-toml"
use_default_loopback = false
[local_server.geolocation.addresses]
${country ? `[local_server.geolocation.addresses."127.0.0.1"]\n${place(country)}` : ""}
`,
  );
}
