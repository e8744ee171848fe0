/** A module of this package, where the host gives modules (Workers); elsewhere use its address. */
declare const module: WebAssembly.Module;
export default module;
