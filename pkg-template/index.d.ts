import type { Eid } from "./eids.js";
import type { Reader } from "./reader.js";

/**
 * Petit Four: decides on the visitor's own device what a page shows.
 *
 * No call of this package throws into the page. What goes wrong becomes a stable {@link Code}, reported once,
 * and the page keeps its default content.
 */

/** The four permissions. All are closed unless the bundle's policy or {@link PetitFour.consent} opens them. */
export interface Permissions {
  /** Keep a profile on this device. */
  store: boolean;
  /** Let what the profile remembers choose what is shown. */
  personalise: boolean;
  /** Tell the collector what was decided, seen and done, under a pseudonym. */
  measure: boolean;
  /** Send hashed identifiers. */
  share: boolean;
}

/**
 * What others say of consent, as they say it. In a page most of it is heard without a call; a server takes it from the
 * request. An empty text or `null` takes a signal back.
 */
export interface Signals {
  /** What the law asks where the visitor is: consent, or that nobody objected. */
  region?: "opt_in" | "opt_out" | "" | null;
  /** Whether the GDPR applies (`gdprApplies`). */
  gdpr?: boolean | null;
  /** The TC string (`tcString`, cookie `euconsent-v2`). */
  tcf?: string | null;
  /** The GPP string (`gppString`). */
  gpp?: string | null;
  /** Sections of it that apply (`applicableSections`). */
  gpp_sections?: readonly number[] | string | null;
  /** The US Privacy string (cookie `usprivacy`). */
  us_privacy?: string | null;
  /** Global Privacy Control (`navigator.globalPrivacyControl`, header `Sec-GPC: 1`). */
  gpc?: boolean | null;
  /** States of Google Consent Mode. */
  ad_storage?: State;
  analytics_storage?: State;
  ad_user_data?: State;
  ad_personalization?: State;
  functionality_storage?: State;
  personalization_storage?: State;
  security_storage?: State;
}

type State = "granted" | "denied" | "" | null;

/** What is permitted, and why. */
export interface Verdict extends Permissions {
  /** Who was heard. */
  heard: ("tcf" | "us" | "us_privacy" | "gpc" | "consent_mode" | "choice" | "region" | "canada")[];
  /** What could not be read; then nothing is permitted. */
  fault: Code | null;
}

/**
 * Why a campaign, or nothing, was chosen. For a decision it is `chosen`, `fallback`, `holdout` or `nothing`;
 * the others refuse one campaign and appear in {@link Explanation}.
 */
export type Reason =
  | "chosen"
  /** Another campaign of the placement ranked higher. */
  | "outranked"
  | "permission"
  | "schedule"
  | "segment"
  | "stock_out"
  | "stock_unknown"
  | "stock_stale"
  | "cap_hour"
  | "cap_day"
  | "cap_week"
  | "cap_total"
  /** The visitor belongs to the share that is left alone on purpose. */
  | "holdout"
  /** The campaign is shown to a share of the visitors now, as the origin paces it, and this one is not among them. */
  | "pace"
  /** No campaign: the placement's fallback creative. */
  | "fallback"
  /** A server decided, and the page took it over: see {@link PetitFour.adopt}. Why it was chosen only the server knows. */
  | "adopted"
  /** No campaign and no fallback, or not loaded: the page keeps its own content. */
  | "nothing";

/** The text fields of a creative, as the campaign file names them. Frozen, and the same object each time. */
export type Content = Readonly<Record<string, string>>;

export interface Decision {
  readonly placement: string;
  readonly campaign: string | null;
  readonly creative: string | null;
  readonly content: Content | null;
  readonly reason: Reason;
  /** How likely this creative was to be chosen among the eligible, 0 to 1. */
  readonly probability: number;
  /** 16 hexadecimal digits, unique to this decision; empty when nothing was decided. */
  readonly id: string;
  /** The campaign that would have been shown, had the visitor not been in its holdout. */
  readonly withheld: string | null;
}

export interface Refusal {
  campaign: string;
  reason: Reason;
  /** A short plain sentence. */
  detail: string;
}

export interface Explanation {
  placement: string;
  reason: Reason;
  campaign: string | null;
  creative: string | null;
  /** Every campaign of the placement, with the gate that refused it. */
  campaigns: Refusal[];
  /** Of a creative with parts or values: the options that were chosen (`part.option`), and what moved each price. */
  said?: { options: string[]; prices: string[] };
  /** Stable codes of what went wrong on this page so far. */
  errors: string[];
}

export interface Profile {
  visitor: string;
  permissions: number;
  /** Size of the encoded profile. */
  bytes: number;
  /** The most that it may take. */
  max_bytes: number;
  visits: number;
  /** `day` is a local day, in days since 1970. */
  counters: { name: string; total: number; days: { day: number; count: number }[]; hours_ago: number | null; worth: number }[];
  affinities: { name: string; value: string; strength: number }[];
  traits: { name: string; value: string }[];
  /** Exposures of campaigns; `caps` has the limits per hour, day, week and in all. */
  caps: { campaign: string; hour: number; day: number; week: number; total: number; caps: (number | null)[] }[];
  /** Segments that the origin told of; `as_of` in minutes since 1970. */
  memberships: { name: string; inside: boolean; as_of: number }[];
  /** Where journeys stand: a step, or `done`, `reached`, `left`, `""` when the bundle lost it. `since` and `due` in Unix ms. */
  journeys: { name: string; step: string; since: number; due: number | null; entries: number }[];
}

/** Values at the top level of an event. Anything else is left out. */
export type Properties = Record<string, unknown>;

/** What is true right now; `null` takes a value back. */
export type Context = Record<string, string | number | boolean | null | undefined>;

/** What identifies a visitor. Each is normalised and hashed on the device; `docs/identity.md` says how. */
export interface Identifiers {
  /** The site's own number of a customer. */
  userId?: string | number | null;
  /** The number of the customer relationship system. */
  crmId?: string | number | null;
  /** An address, or its SHA-256 in hex or base64. */
  email?: string | null;
  /** A number with its country, `+33 6 12 34 56 78` or `0033 …`, or the SHA-256 of it. */
  phone?: string | null;
  /**
   * The calling code of the country (33) in which `phone` is written as it is dialled there; 0 when it has its country's
   * code, though perhaps no "+".
   */
  phoneCountry?: number | string | null;
  /** Apple's advertising identifier, in an app's web view. */
  idfa?: string | null;
  /** Google's advertising identifier, in an app's web view. */
  gaid?: string | null;
  /** What the system says about limiting ad tracking: `true` refuses `idfa` and `gaid`. */
  limitAdTracking?: boolean | number | string | null;
  uid2?: string | null;
  id5?: string | null;
  /** Partners' ids in any shape that `petitfour/eids` reads, such as `pbjs.getUserIdsAsEids()`; see {@link PetitFour.eids}. */
  eids?: unknown;
  /** Another partner's id; `source` is the partner's domain. */
  partner?: { source: string; id: string } | { source: string; id: string }[] | null;
}

/** The name of an identifier, as {@link PetitFour.identify} answers it. */
export type IdentifierField = Exclude<keyof Identifiers, "limitAdTracking" | "phoneCountry">;

/** Why a value is not taken as an identifier. */
export type IdentifierCode =
  | "identity/placeholder"
  | "identity/malformed"
  | "identity/limited"
  | "identity/long"
  /** Neither storing nor sharing is permitted: it was not looked at. */
  | "identity/permission"
  | Code;

export interface Identified {
  accepted: IdentifierField[];
  refused: { field: IdentifierField; code: IdentifierCode }[];
}

export type Traits = Record<string, string | number | boolean | null | undefined>;

/** Stable codes; see `docs/javascript.md` for each. */
export type Code = `${string}/${string}`;

export interface Sent {
  /** Size of the message. */
  bytes: number;
  /** The collector's answer; 0 for a beacon, which gets none. */
  status: number;
}

export interface Events {
  ready: { loaded: boolean };
  error: { code: Code };
  decision: Decision;
  exposure: Decision | string;
  sent: Sent;
  /** The collector has answered; `behind`: it serves another bundle than this page has. */
  answer: { behind: boolean };
  /** Something that may change the next decision has happened. */
  change: undefined;
  page: undefined;
}

export interface PetitFour {
  /** Records an event. `value`, or `revenue`, or `price` × `quantity`, becomes its number. */
  track(event: string, properties?: Properties): boolean;
  /** Records the event `page`; the script tag then decides anew for each placement. */
  page(properties?: Properties): boolean;
  /**
   * Says who the visitor is. Identifiers are normalised and hashed on the device, and the raw value is dropped;
   * values that identify nobody ("anonymous", zeroes, test@test.com) are refused. What is no identifier is a trait.
   * Loads the third module when first called.
   */
  identify(identifiers: Identifiers & Traits, traits?: Identifiers & Traits): Promise<Identified>;
  identify(userId: string | number | null, traits?: Identifiers & Traits): Promise<Identified>;
  /**
   * Partners' ids as an auction takes them, verbatim: with a list (any shape that `petitfour/eids` reads) keeps it while
   * the page lives. Answers what is kept; an empty list unless `share` is permitted.
   */
  eids(list?: unknown): Promise<Eid[]>;
  /** Chooses for a placement, at once. `context` holds for this decision only. */
  decide(placement: string, context?: Context): Decision;
  /**
   * Takes over a decision that a server made and the page already shows (`data-pf-decision`, `data-pf-shown`), so that it can be
   * {@link PetitFour.exposed} and come to something here. Nothing is decided or counted again. `null` until loaded.
   */
  adopt(placement: string, decision: string, creative: string): Decision | null;
  /** The decision was really seen. Counts once for each decision; caps move now, not when it was chosen. */
  exposed(decision: Decision | string): boolean;
  /** Something came of a decision: a click, a purchase. */
  outcome(event: string, decision?: Decision | string | null, value?: number): void;
  /** Why: every campaign of the placement and the gate that refused it. Loads the second module when first called. */
  explain(placement: string): Promise<Explanation>;
  /** What this device remembers, with names put back. Loads the second module when first called; `null` when not loaded. */
  profile(): Promise<Profile | null>;
  /**
   * The visitor's choice by the page, and signals of consent; what is not named stays. Answers what is permitted: nothing,
   * as long as something was said that is not judged. Without an argument only answers.
   */
  consent(said?: Partial<Permissions> & Signals): Permissions;
  /** As `consent`, and resolves when all that was said has been judged. */
  signals(said?: Partial<Permissions> & Signals): Promise<Verdict>;
  /** Forgets the visitor: profile, queue and every stored key; asks the collector, and what `keep` names, to delete too. */
  forget(): void;
  /** Tells what is true right now, for all decisions to come. */
  context(values: Context): void;
  /** Minutes east of UTC of the place that matters (a shop elsewhere); `null` for the device's own. */
  timezone(minutes: number | null): void;
  /** Tells business facts with their age: `feed("shelf", "lyon", { "water-still": 12 })`. */
  feed(name: string, place: string | null, levels: Record<string, number>, asOf?: number | Date): boolean;
  /** Calls `fn` at each event of that name; the answer stops it. */
  on<Name extends keyof Events>(event: Name, fn: (detail: Events[Name]) => void): () => void;
  /** Sends what waits, now. At an edge: `waitUntil(client.flush())`. */
  flush(): Promise<void>;
  /** Stable codes of what went wrong so far. */
  errors(): Code[];
  /** Whether module and bundle are in place. When not, `decide` answers `nothing`. */
  loaded(): boolean;
}

/** Where the profile and the queue are kept: `localStorage`, or anything with its three methods. */
export interface ProfileStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** Cookies of one request and its answer; `document.cookie` is one, in a way. */
export interface CookieJar {
  /** All of them in one line, those that were written included: `a=1; b=2`. */
  read(): string;
  /** Sets one, as a `Set-Cookie` header has it; `Max-Age=0` removes it. */
  write(cookie: string): void;
}

/** What `petitfour/lens` gives; see {@link PetitFour.explain}. */
export interface LensModule {
  open(bundle: Uint8Array, snapshot?: Uint8Array): Promise<unknown>;
}

/** What `petitfour/reader` gives. */
export interface ReaderModule {
  open(): Promise<Reader>;
}

export interface Options {
  /** The compiled campaign files: bytes, an address, or in Node a path. */
  bundle: string | URL | Uint8Array | ArrayBuffer;
  /** Where sync messages go, when permitted. Without it nothing is sent. */
  collector?: string | URL;
  /** Default: `localStorage` in a page, nothing elsewhere. `null` uses none. */
  storage?: ProfileStorage | null;
  /**
   * In a page `true` keeps the profile and the choice in cookies too. At an edge a jar: the request's cookies, and where
   * those of the answer go.
   */
  cookie?: boolean | CookieJar;
  /** Address of a server that keeps the profile in a cookie of its own (pages only). */
  keep?: string | URL;
  /** `false`, at an edge: what is counted becomes a note, for a page to take in. Default: the session writes the profile when it is its turn. */
  hold?: boolean;
  /** Public keys, with commas between: the bundle is used when one of them signed it (`petitfour/signature`). */
  key?: string;
  /** A compiled module, where it cannot be fetched. */
  module?: WebAssembly.Module;
  /** Where to fetch the module from (browser), when not beside this file. */
  wasm?: string | URL;
  /** The first context. */
  context?: Context;
  /** Brings the second module; default: fetched on demand, in Workers none. */
  lens?: () => Promise<LensModule>;
  /** Brings the third module; default: fetched on demand, in Workers part of what is deployed. */
  reader?: () => Promise<ReaderModule>;
}

/**
 * Loads module and bundle side by side. Never rejects: when something fails, `loaded()` is false, `errors()` says
 * why, and every decision is `nothing`.
 */
export function load(options: Options): Promise<PetitFour>;
