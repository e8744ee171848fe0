/** The second module (explain, profile, inspect), for Node: read from disk when someone looks. */
import { readFile } from "node:fs/promises";
import init, { Lens } from "./petitfour_lens.js";

export async function open(bundle, snapshot = new Uint8Array()) {
  await init({ module_or_path: await readFile(new URL("./petitfour_lens_bg.wasm", import.meta.url)) });
  return new Lens(bundle, snapshot);
}
