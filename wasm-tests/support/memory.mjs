/** How much memory a host took, as Linux counts it. */
import { readFileSync, readdirSync } from "node:fs";

const read = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

/** The processes that this one started and that still live. */
export const children = () =>
  readdirSync("/proc").filter((id) => /^\d+$/.test(id) && Number(/\) \S (\d+)/.exec(read(`/proc/${id}/stat`))?.[1]) === process.pid);

/** The most memory that these processes had resident, in bytes. */
export const peak = (...ids) => ids.reduce((sum, id) => sum + 1024 * Number(/VmHWM:\s*(\d+)/.exec(read(`/proc/${id}/status`))?.[1] ?? 0), 0);
