/** Petit Four for Node: the module, and a bundle named by a path, are read from disk. */
import { readFile } from "node:fs/promises";
import { Session, initSync } from "./petitfour.js";
import { createClient } from "./core.mjs";
import { believed, bundleBytes, createHost, fetched, instantiate } from "./host.mjs";

const read = async (bundle) => {
  if (/^https?:/.test(bundle)) return (await fetched(bundle, "bundle/missing")).arrayBuffer();
  try {
    return await readFile(bundle);
  } catch {
    throw "bundle/missing";
  }
};

const fromDisk = async (module) => {
  try {
    return module ?? (await readFile(new URL("./petitfour_bg.wasm", import.meta.url)));
  } catch {
    throw "wasm/missing";
  }
};

/** Not the glue's own `init`: it asks what `Response` is, and Node then loads its whole HTTP client, for some 30 ms. */
const init = async ({ module_or_path }) => {
  const source = await module_or_path;
  return initSync({ module: source instanceof WebAssembly.Module ? source : await WebAssembly.compile(source) });
};

export function load(options = {}) {
  const { client, start } = createClient(
    createHost(options, { lens: () => import("./lens.node.mjs"), reader: () => import("./reader.node.mjs"), identify: () => import("./identify.mjs") }),
  );
  if (options.context) client.context(options.context);
  return start(instantiate(init, Session, fromDisk(options.module)), believed(bundleBytes(options.bundle, read), options.key, () => import("./signature.mjs")));
}
