/** A collector of its own, as it is built, ended with the test. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { binary, scratch } from "./files.mjs";

/** Starts one, open to all unless `closed`, that ends with the test `t`, or when `stop` is called; `www` are `[PATH=]DIR`s. */
export async function collector(t, { bundle, www = [], data = scratch("collector"), listen = "127.0.0.1:0", closed = false, more = [] }) {
  const given = [...(closed ? [] : ["--open"]), "--listen", listen, "--data", data, ...(bundle ? ["--bundle", bundle] : []), ...www.flatMap((each) => ["--www", each]), ...more];
  const child = spawn(binary("petitfour-collector", "PETITFOUR_COLLECTOR"), given, { stdio: ["ignore", "pipe", "pipe"] });
  const said = [];
  child.stderr.on("data", (text) => said.push(text));
  const gone = once(child, "exit");
  const lines = [];
  const reader = createInterface(child.stdout);
  reader.on("line", (line) => lines.push(line));
  const first = await Promise.race([once(reader, "line"), gone]);
  const url = /http:\/\/[\d.:]+/.exec(first[0])?.[0];
  if (!url) throw new Error(`the collector did not start: ${Buffer.concat(said)}`);
  const stop = async () => {
    child.kill("SIGTERM");
    await gone;
  };
  t?.after(stop);
  return { url, stop, lines, counts: async () => (await fetch(`${url}/v1/counts`)).json() };
}

/** Makes a write key in the store of a data folder; its secret. */
export const key = (data, name, ...given) => execFileSync(binary("petitfour-collector", "PETITFOUR_COLLECTOR"), ["key", "add", name, "--data", data, ...given], { encoding: "utf8" }).trim();
