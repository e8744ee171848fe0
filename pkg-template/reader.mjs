/** The third module (consent signals, identifiers), for browsers: fetched when there is something to read. */
import init, * as reader from "./petitfour_reader.js";

export async function open() {
  await init({ module_or_path: new URL("./petitfour_reader_bg.wasm", import.meta.url) });
  return reader;
}
