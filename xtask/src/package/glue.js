/**
 * Sessions of the engine's module: what wasm-bindgen writes for it, by a table instead of a function for each call.
 *
 * Written by `cargo xtask pkg` from the calls that `src/js/session.rs` tells of. Texts and bytes go in as an address and a length,
 * which the module frees; they come out the same way, and are freed here.
 */

/**
 * The calls that share `number`, those that share `take` and those that share `bytes`, in the order of their numbers. Each group begins
 * with what comes out, a key of `LIFT`, and what goes in: `s` is a text, and what is not told a number. `take` gets bytes first.
 */
const CALLS = "@CALLS@";

let wasm, starting, view;

const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { ignoreBOM: true });

/** The module's memory. A view of it dies when it grows. */
const memory = () => (view?.length ? view : (view = new Uint8Array(wasm.memory.buffer)));

const taken = (at, length) => {
  at >>>= 0;
  return memory().subarray(at, at + length);
};

/** Writes bytes into the module's memory. */
const put = (bytes) => {
  const at = wasm.__wbindgen_malloc(bytes.length, 1);
  taken(at, bytes.length).set(bytes);
  return [at, bytes.length];
};

/** Bytes that came out. */
const got = (pair) => {
  const found = taken(...pair).slice();
  wasm.__wbindgen_free(...pair, 1);
  return found;
};

/** What comes out, by its kind: a number, or whether; of bytes a text, themselves, or whether there are any. */
const LIFT = {
  n: (number) => number,
  t: (number) => number !== 0,
  s: (pair) => text.decode(got(pair)),
  b: got,
  y: (pair) => got(pair).length > 0,
};

/** A session that nobody called `free` on goes with its object. */
const left = globalThis.FinalizationRegistry && new FinalizationRegistry((pointer) => wasm.__wbg_session_free(pointer, 1));

const own = (session, pointer) => {
  session.pointer = pointer;
  left?.register(session, pointer, session);
  return session;
};

/** One visitor over one bundle. Its calls are those of `src/js/session.rs`. */
export class Session {
  /** Throws the stable code of what is wrong with the bundle, as a string. */
  constructor(bundle, seed) {
    const pointer = wasm.session_open(...put(bundle), ...put(seed));
    if (!pointer) throw LIFT.s(wasm.session_fault(...put(bundle)));
    own(this, pointer);
  }

  sibling(seed) {
    return own(Object.create(Session.prototype), wasm.session_sibling(this.pointer, ...put(seed)));
  }

  // The way of a decision: nothing is gathered or spread.
  decide(placement, now, offset) {
    return wasm.session_decide(this.pointer, placement, now, offset);
  }

  poll() {
    return wasm.session_poll(this.pointer);
  }

  free() {
    left?.unregister(this);
    wasm.__wbg_session_free(this.pointer, 0);
    this.pointer = 0;
  }
}

const imports = {
  "@FROM@": {
    /** The engine has stopped on a fault of its own. */
    "@THROW@": (...pair) => {
      throw Error(text.decode(taken(...pair)));
    },
  },
};

const begin = ({ exports }) => {
  wasm = exports;
  const shared = [wasm.session_number, wasm.session_take, wasm.session_bytes];
  CALLS.split(";").forEach((groups, list) => {
    let count = 0;
    for (const group of groups.split(",")) {
      const [kind, ...names] = group.split(" ");
      const lift = LIFT[kind[0]];
      for (const name of names) {
        const call = count++;
        Session.prototype[name] = function (...given) {
          // Only the first list has room for texts where there are none.
          let sent = list ? [] : [1, 0];
          if (list === 1) sent = put(given.shift());
          const texts = given.filter((_, place) => kind[place + 1] === "s");
          if (texts.length) sent = put(utf8.encode(texts.join("\0")));
          const numbers = given.filter((_, place) => kind[place + 1] !== "s").reverse();
          return lift(shared[list](this.pointer, call, ...sent, ...numbers));
        };
      }
    }
  });
  return wasm;
};

const instantiate = async (source) => {
  if (source instanceof WebAssembly.Module) return begin(await WebAssembly.instantiate(source, imports));
  if (source instanceof Response) {
    // A server that names another type is believed to have sent the module all the same.
    const named = source.headers.get("content-type")?.startsWith("application/wasm");
    source = named ? WebAssembly.instantiateStreaming(source, imports) : source.arrayBuffer();
  }
  const found = await source;
  return begin((found.instance ? found : await WebAssembly.instantiate(found, imports)).instance);
};

/** Brings the module to life, once: from a compiled module, a response, or bytes, any of them promised. */
export default ({ module_or_path }) =>
  (starting ??= Promise.resolve(module_or_path)
    .then((source) => wasm ?? instantiate(source))
    .catch((error) => {
      starting = null;
      throw error;
    }));

/** The same from a compiled module, at once. */
export const initSync = ({ module }) => wasm ?? begin(new WebAssembly.Instance(module, imports));
