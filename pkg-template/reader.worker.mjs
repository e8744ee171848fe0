/** The third module (consent signals, identifiers), for Workers: a static import, as workerd demands. */
import wasm from "./petitfour_reader_bg.wasm";
import init, * as reader from "./petitfour_reader.js";

export async function open() {
  await init({ module_or_path: wasm });
  return reader;
}
