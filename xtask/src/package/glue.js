/**
 * Sessions of the engine's module: what wasm-bindgen writes for it, by a table instead of a function for each call.
 *
 * Written by `cargo xtask pkg` from the calls that wasm-bindgen found. Texts and bytes go in as an address and a length, which
 * the module frees; they come out the same way, and are freed here.
 */

/** Name, what goes in (`n` number, `s` text, `b` bytes), what comes out, in the order in which the module exports them. */
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

/** Writes texts and bytes into the module's memory: what is left are numbers. */
const lower = (shape, given) =>
  given.flatMap((value, place) => {
    if (shape[place] === "n") return value;
    const bytes = shape[place] === "s" ? utf8.encode(value) : value;
    const at = wasm.__wbindgen_malloc(bytes.length, 1);
    taken(at, bytes.length).set(bytes);
    return [at, bytes.length];
  });

/** What comes out, by its kind: text, bytes, truth, a session, a number as it is. */
const LIFT = {
  s(pair) {
    const found = text.decode(taken(...pair));
    wasm.__wbindgen_free(...pair, 1);
    return found;
  },
  b(pair) {
    const found = taken(...pair).slice();
    wasm.__wbindgen_free(...pair, 1);
    return found;
  },
  t: (number) => number !== 0,
  o: (pointer) => pointer && own(Object.create(Session.prototype), pointer),
  n: (number) => number,
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
    const session = Session.open(bundle, seed);
    if (!session) throw Session.fault(bundle);
    return session;
  }

  free() {
    left?.unregister(this);
    wasm.__wbg_session_free(this.pointer, 0);
    this.pointer = 0;
  }
}

const imports = {
  "./petitfour_bg.js": {
    /** The engine has stopped on a fault of its own. */
    "@THROW@": (...pair) => {
      throw Error(text.decode(taken(...pair)));
    },
  },
};

const begin = ({ exports }) => {
  wasm = exports;
  CALLS.split(",").forEach((call, place) => {
    const [name, shape, kind, owner] = call.split(" ");
    const [run, lift] = [wasm["@" + place], LIFT[kind]];
    if (owner) Session[name] = (...given) => lift(run(...lower(shape, given)));
    else if (/[sb]/.test(shape)) Session.prototype[name] = function (...given) {
      return lift(run(this.pointer, ...lower(shape, given)));
    };
    // The way of a decision: nothing is gathered or spread. What is too many the module does not see.
    else Session.prototype[name] = function (a, b, c, d, e) {
      return lift(run(this.pointer, a, b, c, d, e));
    };
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
