/**
 * Petit Four for Workers (workerd): the module is a static import, since compiling at run time is forbidden there.
 *
 * The lens (explain, profile) is not imported by default: a Worker's bundle carries every import, looked at or
 * not. Pass `lens: () => import("petitfour/lens")` to have it. The reader is: without it no consent signal is heard
 * at the edge, where most requests bring one.
 */
import wasm from "./petitfour_bg.wasm";
import init, { Session } from "./petitfour.js";
import { createClient } from "./core.mjs";
import { believed, bundleBytes, createHost, instantiate } from "./host.mjs";

export function load(options = {}) {
  const { client, start } = createClient(createHost(options, { reader: () => import("./reader.worker.mjs"), identify: () => import("./identify.mjs") }));
  if (options.context) client.context(options.context);
  return start(instantiate(init, Session, options.module ?? wasm), believed(bundleBytes(options.bundle), options.key, () => import("./signature.mjs")));
}
