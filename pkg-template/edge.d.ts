import type { Content, Context } from "./index.js";

/** A decision of an edge's. */
export interface EdgeDecision {
  readonly placement: string;
  readonly campaign: string | null;
  readonly creative: string | null;
  readonly content: Content | null;
  /** 16 hexadecimal digits; empty when nothing was chosen. */
  readonly id: string;
  /** Shown because somebody asked to see it; not counted. */
  readonly preview?: boolean;
}

/** The origin's word of a visitor, as an edge sealed it. */
export interface Told {
  readonly visitor: Uint8Array;
  readonly answer: Uint8Array;
}

/** What an edge knows of a request. */
export interface EdgeRequest {
  /** The header's text. */
  cookie?: string | null;
  /** Unix ms; left out: now. */
  now?: number;
  /** What {@link Edge.told} found. */
  told?: Told | null;
  /** What {@link Edge.previewed} found. */
  preview?: ReadonlyMap<string, string> | null;
  /** Minutes east of UTC where the visitor is. */
  offset?: number;
  /** What is true of the moment; what the bundle does not use is ignored. */
  context?: Context;
  /** `Sec-GPC: 1` was sent. */
  gpc?: boolean;
  /** What the law asks where the visitor is. */
  region?: string | null;
  /** The page came by https: so do its cookies. */
  secure?: boolean;
  /** The page's address, which relative addresses of creatives are relative to. */
  base?: string;
}

/** What one slot gets. */
export interface Slot {
  /** Text to stand in it, to be escaped; `null`: what is there stays. */
  text: string | null;
  set: [name: string, value: string][];
  remove: string[];
  hide: boolean;
}

/** One request. `end` it when the page is out. */
export interface Visit {
  /** What was wrong so far. */
  readonly codes: string[];
  /** Bits: 1 store, 2 personalise, 4 measure, 8 share. */
  readonly permissions: number;
  /** Values of `Set-Cookie`, complete before the first byte of the page. */
  cookies(): string[];
  /** Records an event; before `cookies` is read. */
  track(event: string, value?: number): void;
  decide(placement: string): EdgeDecision;
  /** Attributes of the placement's start tag. */
  marks(decision: EdgeDecision): [name: string, value: string][];
  /** What a slot gets: `tag` in lower case, `field(kind)` the value of `data-pf-KIND` or `null`. */
  slot(tag: string, field: (kind: string) => string | null | undefined, content: Content): Slot;
  /** HTML of a placement without slots. */
  plain(content: Content): string;
  /** Messages for the collector. */
  end(): Uint8Array[];
}

export interface Edge {
  visit(request: EdgeRequest): Visit;
  /** Opens a request's sealed cookie, for {@link Edge.visit}. */
  told(cookie: string | null | undefined, now?: number): Promise<{ told: Told | null; code: string | null }>;
  /** Opens what `?pf_preview=` asks to see, for {@link Edge.visit}. */
  previewed(text: string | null | undefined, now?: number): Promise<{ preview: ReadonlyMap<string, string> | null; code: string | null }>;
  /** `Set-Cookie` for what a collector answered to a page's sync, or `null`. */
  seal(cookie: string | null | undefined, message: Uint8Array, answer: Uint8Array, given?: { now?: number; secure?: boolean }): Promise<string | null>;
  /** The author's version of the bundle. */
  version(): number;
  /** Takes another bundle; the code of what is wrong with it, and then goes on with the last good one. */
  use(bundle: Uint8Array): Promise<string | null>;
  /** Takes in levels of a feed. */
  feed(name: string, levels: [place: string, item: string, level: number, asOf: number][]): boolean;
}

export interface EdgeOptions {
  bundle: Uint8Array;
  /** Public keys as `petitfour keys` writes them, in a list or with commas between: no bundle is used that none of them signed. */
  keys?: string | readonly string[];
  /**
   * Secrets as `name:base64url` with commas between, 32 bytes or more each; the first seals, all open. With them memberships are believed
   * from the sealed cookie alone. Rejects with `seal/secret` when they are none.
   */
  secrets?: string;
  /** The lowest version that is taken. */
  minimum?: number;
  random?: (count: number) => Uint8Array;
  report?: (code: string) => void;
}

/** Opens an edge; throws a {@link Code} as a string when the bundle is none. */
export function openEdge(options: EdgeOptions): Promise<Edge>;

export interface Outbox {
  /** Sends these with the next; a promise to wait for when this call began the sending, else `null`. */
  add(messages: Uint8Array[]): Promise<void> | null;
}
/** Tells the `collector` at that address what visits left: together with a server write `key`, one by one without. Without an address nobody. */
export function createOutbox(options?: { collector?: string; key?: string }): Outbox;

export interface Supply {
  /** A promise to wait for when it is time to look (once a minute at most), and else `null`. */
  refresh(now?: number): Promise<void> | null;
}
/** Newer bundles and levels of `feeds` from a collector, or bundles alone from `find` where there is none. */
export function createSupply(edge: Edge, from: { collector?: string; feeds?: readonly string[]; find?: () => Promise<ArrayBuffer | Uint8Array | null>; report?: (code: string) => void }): Supply;

/** Fills the placements of a page as it streams through `HTMLRewriter`; `after` is called behind its last byte. Workers only. */
export function personalise(response: Response, visit: Visit, after: () => void): Response;

/** A page is asked for: what a browser opens in a tab, or in a frame. */
export function asksForPage(method: string, header: (name: string) => string | null | undefined): boolean;
/** Takes from a request's headers what would make the origin's page personal, or half a page. */
/** Why an answer is no page that can be filled: a code, "" for what is none at all, or null when it can be. */
export function hinders(status: number, header: (name: string) => string | null | undefined): string | null;
/** Names the query parameter of a preview. */
export const PREVIEW: string;
/** Makes a request's headers those of anybody, so that the origin's page is one for all. */
export function forOrigin(headers: Pick<Headers, "get" | "set" | "delete">): void;
/** Makes an answer's headers those of a page for this visit alone. */
export function personal(headers: Pick<Headers, "set" | "append" | "delete">, visit: Pick<Visit, "cookies" | "codes">): void;
/** `Server-Timing` and `x-petitfour`. */
export function say(headers: Pick<Headers, "append">, codes: readonly string[]): void;
export function codeOf(error: unknown, otherwise: string): string;
