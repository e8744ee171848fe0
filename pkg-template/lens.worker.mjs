/** The second module (explain, profile, inspect), for Workers: a static import, as workerd demands. */
import wasm from "./petitfour_lens_bg.wasm";
import init, { Lens } from "./petitfour_lens.js";

export async function open(bundle, snapshot = new Uint8Array()) {
  await init({ module_or_path: wasm });
  return new Lens(bundle, snapshot);
}
