import type { IncomingMessage, ServerResponse } from "node:http";
import type { Edge, EdgeOptions, EdgeRequest, Visit } from "./edge.js";
import type { Context } from "./index.js";

export interface ServerOptions extends Omit<EdgeOptions, "bundle" | "secrets"> {
  /** Bytes, or the path of a file. */
  bundle: Uint8Array | string;
  /** Where reports go, and newer bundles come from; left out: nowhere. */
  collector?: string;
  /** Names of feeds that the campaigns read; their levels come from the collector. */
  feeds?: readonly string[];
  /** A server write key of the collector's. */
  key?: string;
}

/** What is true of a request, by functions of it. */
export interface Given<Request> {
  context?: (request: Request) => Context;
  /** Minutes east of UTC where the visitor is. */
  offset?: (request: Request) => number;
  region?: (request: Request) => string | null;
}

export interface Server {
  readonly edge: Edge;
  /** For a server that renders placements itself. `end` it when the page is out: then it is reported. */
  visit(request: { headers: Headers | Record<string, string | string[] | undefined> }, given?: EdgeRequest): Omit<Visit, "end"> & { end(): void };
  /** Opens a visit whose components find it by {@link visitOf}; sets its cookies, ends it with the answer. */
  attach(request: IncomingMessage, response: ServerResponse, given?: EdgeRequest): Visit;
  express(given?: Given<IncomingMessage>): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;
  /** `c` is Hono's context. */
  hono(given?: Given<any>): (c: any, next: () => Promise<void>) => Promise<void>;
}

/** The visit that {@link Server.attach} opened for a request, by its headers. */
export function visitOf(headers: Headers | Record<string, string | string[] | undefined>): Visit | null;

/** Opens a server's edge; rejects with a {@link Code} when the bundle is none. Needs `parse5-html-rewriting-stream` beside it. */
export function openServer(options: ServerOptions): Promise<Server>;
