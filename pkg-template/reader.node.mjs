/** The third module (consent signals, identifiers), for Node: read from disk when there is something to read. */
import { readFile } from "node:fs/promises";
import init, * as reader from "./petitfour_reader.js";

export async function open() {
  await init({ module_or_path: await readFile(new URL("./petitfour_reader_bg.wasm", import.meta.url)) });
  return reader;
}
