/** The second module (explain, profile, inspect), for browsers: fetched when someone looks, never before. */
import init, { Lens } from "./petitfour_lens.js";

export async function open(bundle, snapshot = new Uint8Array()) {
  await init({ module_or_path: new URL("./petitfour_lens_bg.wasm", import.meta.url) });
  return new Lens(bundle, snapshot);
}
