/**
 * Extended identifiers, OpenRTB's `eids`: read as they are, written back as they were. Needs no module of WebAssembly,
 * and keeps nothing.
 */

export interface Uid {
  id: string;
  /** 1 a browser or device, 2 an app's or a game's own, 3 a person, 500 and above a partner's. */
  atype?: number;
  ext?: Record<string, unknown>;
  [field: string]: unknown;
}

/** One partner's identifiers. Fields that are not named here come through too. */
export interface Eid {
  /** The partner's domain. */
  source: string;
  uids: Uid[];
  /** Who put it here (OpenRTB 2.6-202409). */
  inserter?: string;
  /** Who matched it. */
  matcher?: string;
  /** How it was matched. */
  mm?: number;
  ext?: Record<string, unknown>;
  [field: string]: unknown;
}

export interface Read {
  eids: Eid[];
  /** What was left out; the source where it had one. */
  refused: { source: string | null; code: "identity/placeholder" | "identity/malformed" | "identity/long" }[];
}

/** Sources at most. */
export const SOURCES: number;
/** Ids of one source. */
export const UIDS: number;
/** Characters of one id. */
export const CHARACTERS: number;

/**
 * Reads whatever holds extended identifiers: a list (`pbjs.getUserIdsAsEids()`), a bid request, its `user` (2.6 `eids`,
 * 2.5 `ext.eids`), an identity of UID2 or EUID, an answer of ID5, Prebid's `getUserIds()` for these.
 */
export function read(value: unknown): Read;

/** `user` of a bid request with these identifiers in place of any it had; with none at all unless `share` is true. */
export function write<User extends object>(
  user: User | null | undefined,
  eids: readonly Eid[],
  options: { share: boolean; version?: "2.6" | "2.5" | "both" },
): User & { eids?: Eid[]; ext?: Record<string, unknown> };

/** Whose shape an entry has. */
export function scheme(eid: Eid): "uid2" | "euid" | "id5" | null;

/** `[source, id]` of each id that stays the same, so that its digest recognises somebody. */
export function recognisable(eids: readonly Eid[]): [source: string, id: string][];
