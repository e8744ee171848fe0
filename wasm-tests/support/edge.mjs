/** An edge: the package in Node, which records an event for each request and answers with a note in a cookie of its own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** The cookies of one request, and those of its answer. */
export function jar(header = "") {
  const cookies = new Map(header.split("; ").filter(Boolean).map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
  const set = new Map();
  return {
    set: () => [...set.values()],
    read: () => [...cookies].map((pair) => pair.join("=")).join("; "),
    write(cookie) {
      const [name, value] = /^([^=]+)=([^;]*)/.exec(cookie).slice(1);
      set.set(name, cookie);
      if (/Max-Age=0/.test(cookie)) cookies.delete(name);
      else cookies.set(name, value);
    },
  };
}

/** Opens the package of the folder `pkg` over `bundle`; the answer takes a cookie header and a function of the client. */
export async function edge(pkg, bundle) {
  const { load } = await import(pathToFileURL(join(pkg, "node.mjs")).href);
  const module = await WebAssembly.compile(readFileSync(join(pkg, "petitfour_bg.wasm")));
  return async (header, work, options = {}) => {
    const cookies = jar(header);
    const cookie = options.cookie === false ? undefined : cookies;
    const client = await load({ bundle, module, storage: null, hold: false, ...options, cookie });
    const answer = await work(client);
    return { answer, set: cookies.set(), errors: client.errors(), client };
  };
}
