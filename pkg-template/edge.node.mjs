/** The edge for Node servers: the modules are read from disk, once. */
import { readFile } from "node:fs/promises";
import { Session, initSync } from "./petitfour.js";
import { createEdge } from "./edge.mjs";
import { open } from "./reader.node.mjs";

export * from "./edge.mjs";

export async function openEdge(options) {
  const [bytes, reader] = await Promise.all([readFile(new URL("./petitfour_bg.wasm", import.meta.url)), open()]);
  const { memory } = initSync({ module: await WebAssembly.compile(bytes) });
  return createEdge({ Session, memory, reader, ...options });
}
