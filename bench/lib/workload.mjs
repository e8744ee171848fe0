/** Reads the workload, and the bundles that the native part has made of it. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

export const root = new URL("../../", import.meta.url);
export const path = (relative) => fileURLToPath(new URL(relative, root));

const json = async (relative) => JSON.parse(await readFile(new URL(relative, root), "utf8"));

/** `name` is `w100` or `w1000`. */
export async function openWorkload(name) {
  try {
    return {
      ...(await json(`bench/workload/${name}.json`)),
      bundle: new Uint8Array(await readFile(new URL(`target/bench/${name}.pf4`, root))),
      full: new Uint8Array(await readFile(new URL(`target/bench/${name}-full.pf4`, root))),
      native: await json(`target/bench/${name}-answers.json`),
    };
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    throw new Error(`${error.path} is missing: \`cargo xtask bench\` runs the native part first, which writes it`);
  }
}

/** The 1,000 visitors: flat objects, `id`, twelve texts and eight numbers. */
export const openVisitors = () => json("bench/workload/visitors.json");

/** What the native part measured. */
export const openNative = () => json("target/bench/native.json");
