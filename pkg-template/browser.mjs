/**
 * Petit Four for bundlers and plain ES modules in a browser.
 *
 * `new URL("./petitfour_bg.wasm", import.meta.url)` is the form that Vite, webpack 5, Rollup and browsers all
 * follow, so the module stays one file that is streamed and cached.
 */
import init, { Session } from "./petitfour.js";
import { createClient } from "./core.mjs";
import { believed, bundleBytes, createHost, fetched, instantiate } from "./host.mjs";

export function load(options = {}) {
  const { client, start } = createClient(
    createHost(options, { lens: () => import("./lens.mjs"), reader: () => import("./reader.mjs"), identify: () => import("./identify.mjs") }),
  );
  if (options.context) client.context(options.context);
  // Both downloads start before either is waited for.
  const bundle = believed(bundleBytes(options.bundle), options.key, () => import("./signature.mjs"));
  const source = options.module ?? fetched(options.wasm ?? new URL("./petitfour_bg.wasm", import.meta.url), "wasm/missing");
  return start(instantiate(init, Session, source), bundle);
}
