/** The edge for Workers (workerd): both modules are static imports, since compiling at run time is forbidden there. */
import wasm from "./petitfour_bg.wasm";
import init, { Session } from "./petitfour.js";
import { createEdge } from "./edge.mjs";
import { instantiate } from "./host.mjs";
import { open } from "./reader.worker.mjs";

export * from "./edge.mjs";
export { personalise } from "./rewriter.mjs";

export async function openEdge(options) {
  const [{ memory }, reader] = await Promise.all([instantiate(init, Session, wasm), open()]);
  return createEdge({ Session, memory, reader, ...options });
}
