/** Bundles for the tests, made by the command line as an author would. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, inClone, scratch } from "./files.mjs";

/** Compiles a campaign file or folder; the answer is `{ path, bytes }`. */
export function compile(source) {
  const path = join(scratch("bundle"), "bundle.pf4");
  execFileSync(binary("petitfour", "PETITFOUR_CLI"), ["build", source, "-o", path], { stdio: "pipe" });
  return { path, bytes: new Uint8Array(readFileSync(path)) };
}

/** Compiles campaigns from text. */
export function compileText(text) {
  const file = join(scratch("campaigns"), "campaigns.yaml");
  writeFileSync(file, text);
  return compile(file);
}

/** Compiles campaigns from text into `folder`, with the bundle of their segments and journeys for a collector beside it. */
export function build(text, folder) {
  const [file, path, segments] = ["campaigns.yaml", "bundle.pf4", "segments.pf4"].map((name) => join(folder, name));
  writeFileSync(file, text);
  execFileSync(binary("petitfour", "PETITFOUR_CLI"), ["build", file, "-o", path, "--segments", segments], { stdio: "pipe" });
  return { path, segments };
}

/** The small site of `campaigns.yaml`. */
export const small = () => compile(inClone("wasm-tests", "support", "campaigns.yaml"));
