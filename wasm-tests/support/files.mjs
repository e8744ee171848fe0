/** Where things are: the clone, the packed package, folders that are gone after the test. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const inClone = (...parts) => join(root, ...parts);
export const modules = inClone("wasm-tests", "node_modules");

const folders = [];
process.on("exit", () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A folder of this test alone, outside the clone, so that nothing resolves into the clone by accident. */
export function scratch(name) {
  const folder = mkdtempSync(join(tmpdir(), `petitfour-${name}-`));
  folders.push(folder);
  return folder;
}

/** The packed package: what `cargo xtask pkg` wrote, or what the suite names. */
export function tarball() {
  if (process.env.PETITFOUR_TARBALL) return process.env.PETITFOUR_TARBALL;
  const target = inClone("target");
  const found = existsSync(target) && readdirSync(target).find((name) => /^petitfour-[\d.]+\.tgz$/.test(name));
  if (!found) throw new Error("there is no packed package: run `cargo xtask pkg`");
  return join(target, found);
}

/** The package as it was packed, unpacked; the answer is its folder. */
export function unpacked() {
  const folder = scratch("package");
  execFileSync("tar", ["-xzf", tarball(), "-C", folder]);
  return join(folder, "package");
}

/** A program that Cargo built: the one that the suite names, or the newest of the usual places. */
export function binary(name, variable) {
  if (process.env[variable]) return process.env[variable];
  const folder = process.env.CARGO_TARGET_DIR ?? inClone("target");
  const found = ["debug", "release"].map((profile) => join(folder, profile, name)).find(existsSync);
  if (!found) throw new Error(`${name} is not built: run \`cargo build -p petitfour-cli -p petitfour-collector\``);
  return found;
}
