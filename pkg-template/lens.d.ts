import type { Explanation, Profile } from "./index.js";

/** The second module: what people look at, and visitors never download. */
export interface Lens {
  /** `now` in milliseconds since 1970, `offset` of the local time in minutes. */
  explain(placement: string, now: number, offset: number): Omit<Explanation, "errors">;
  profile(now: number, offset: number): Profile;
  /** The bundle, printed back. */
  inspect(): unknown;
  free(): void;
}

/** Opens a lens on a bundle and, with a session's snapshot, on one visitor. */
export function open(bundle: Uint8Array, snapshot?: Uint8Array): Promise<Lens>;
