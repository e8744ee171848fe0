/** Records a figure that the project states, for `cargo xtask claims`: see xtask/README.md. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** `claim("package.installs", 4)`. Throws when the registry does not know the name. */
export function claim(name, value) {
  // Under `cargo xtask` its own binary is named, so that nothing waits for Cargo's lock.
  const door = process.env.PETITFOUR_XTASK;
  const [program, ...first] = door ? [door] : ["cargo", "xtask"];
  const { status, error, stderr } = spawnSync(program, [...first, "claims", "--record", `${name}=${value}`], {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`claim ${name} was not recorded: ${error?.message ?? stderr}`);
}
