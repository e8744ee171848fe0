/**
 * The Worker: takes the origin's page, fills its placements as it streams, and hands over to the browser.
 *
 * Between a visitor and the page stands one fetch, the origin's. What is to be told to the collector, and looking for a newer
 * bundle, come after the last byte. Whatever goes wrong, the origin's page goes through as it came, and `x-petitfour` says why.
 */
import first from "./bundle.pf4";
import { type Edge, type Outbox, PREVIEW, type Supply, asksForPage, codeOf, createOutbox, createSupply, forOrigin, hinders, openEdge, personal, personalise, say } from "petitfour/edge";

export interface Env {
  /** Where pages come from: `https://origin.example`. Left out: where the route leads. */
  ORIGIN?: string;
  /** The collector's address: `https://collector.example`. */
  COLLECTOR?: string;
  /** A server write key of the collector's (`wrangler secret put COLLECTOR_KEY`). */
  COLLECTOR_KEY?: string;
  /** Names of feeds that the campaigns read, with commas between: `shelf,price`. */
  FEEDS?: string;
  /** Public keys, with commas between: no bundle is used that none of them signed. */
  BUNDLE_KEYS?: string;
  /** Secrets of sealed cookies, `name:base64url` with commas between (`wrangler secret put SEALS`). */
  SEALS?: string;
  /** The lowest version of a bundle that is taken. */
  BUNDLE_MINIMUM?: string;
  /** Where a newer bundle may lie, under `bundle`; with a collector only until its own has come. */
  BUNDLES?: KVNamespace;
}

/** Paths that belong to the collector, and pass through to it. */
const COLLECTED = /^\/(v1\/keep|bundle\.pf4)$/;

/** Bytes of a sync whose answer is sealed: messages are 16 KB at most. */
const MESSAGE = 65_536;

const warn = (code: string) => console.warn(`petitfour: ${code}`);

/** What one isolate knows. */
interface House {
  edge: Edge;
  outbox: Outbox;
  supply: Supply;
}

let house: Promise<House> | undefined;

const opened = (env: Env): Promise<House> =>
  (house ??= open(env).catch((error: unknown) => {
    house = undefined;
    throw error;
  }));

async function open(env: Env): Promise<House> {
  const edge = await openEdge({ bundle: new Uint8Array(first), keys: env.BUNDLE_KEYS || undefined, secrets: env.SEALS || undefined, minimum: Number(env.BUNDLE_MINIMUM ?? 0), report: warn });
  const outbox = createOutbox({ collector: env.COLLECTOR, key: env.COLLECTOR_KEY });
  const bundles = env.BUNDLES;
  const find = bundles && (() => bundles.get("bundle", { type: "arrayBuffer", cacheTtl: 60 }));
  const kept = await find?.().catch(() => null);
  const fault = kept && (await edge.use(new Uint8Array(kept)));
  if (fault) warn(fault);
  const feeds = (env.FEEDS ?? "").split(",").filter(Boolean);
  const supply = createSupply(edge, { collector: env.COLLECTOR, feeds, find, report: warn });
  return { edge, outbox, supply };
}

/** Time zones change their offset on quarters of an hour. */
const QUARTER = 900_000;

/** Offsets by zone, each with the quarter of an hour that it was asked in: asking costs more than deciding. */
const zones = new Map<string, [quarter: number, minutes: number]>();

/** Minutes east of UTC in a time zone by name, now. */
function offset(zone: string | undefined, now: number): number {
  if (!zone) return 0;
  const quarter = Math.floor(now / QUARTER);
  const known = zones.get(zone);
  if (known?.[0] === quarter) return known[1];
  try {
    const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" }).formatToParts(now);
    const name = parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
    const [, sign, hours, minutes] = /GMT([+-])(\d+):?(\d+)?/.exec(name) ?? [];
    const east = sign ? (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes ?? 0)) : 0;
    zones.set(zone, [quarter, east]);
    return east;
  } catch {
    return 0;
  }
}

/** Consent is asked for in the EEA, the United Kingdom and Switzerland, and objection in the United States. */
function region(cf: IncomingRequestCfProperties | undefined): string | null {
  if (!cf?.country) return null;
  if (cf.isEUCountry === "1" || ["GB", "CH", "IS", "LI", "NO"].includes(cf.country)) return "opt_in";
  return cf.country === "US" ? "opt_out" : null;
}

/** What Cloudflare knows of the place, by the names that campaign files use. */
const place = (cf: IncomingRequestCfProperties | undefined) => ({
  country: cf?.country,
  region: cf?.regionCode,
  city: cf?.city,
  continent: cf?.continent,
  postal_code: cf?.postalCode,
});

const originOf = (env: Env, url: URL) => (env.ORIGIN ? env.ORIGIN.replace(/\/$/, "") + url.pathname + url.search : url.href);

/** The page's own sync on its way to the collector: what the origin says of the visitor is sealed for the edge on the way back. */
async function sync(request: Request, env: Env, url: URL): Promise<Response> {
  const target = `${env.COLLECTOR}${url.pathname}${url.search}`;
  const headers = new Headers(request.headers);
  // The collector has no use for them.
  headers.delete("cookie");
  if (!env.SEALS || request.method !== "POST" || !(Number(request.headers.get("content-length") ?? NaN) <= MESSAGE)) return fetch(new Request(target, new Request(request, { headers })));
  const message = new Uint8Array(await request.arrayBuffer());
  const answer = await fetch(target, { method: "POST", headers, body: message });
  if (!answer.ok) return answer;
  const body = new Uint8Array(await answer.arrayBuffer());
  const out = new Response(body, answer);
  try {
    const { edge } = await opened(env);
    const cookie = await edge.seal(request.headers.get("cookie"), message, body, { secure: url.protocol === "https:" });
    if (cookie) out.headers.append("set-cookie", cookie);
  } catch {
    // Without an edge there is nobody to seal for.
  }
  return out;
}

async function page(request: Request, env: Env, context: ExecutionContext, url: URL): Promise<Response> {
  const cookie = request.headers.get("cookie");
  const headers = new Headers(request.headers);
  forOrigin(headers);
  const coming = fetch(originOf(env, url), { headers, redirect: "manual" });
  let opening: House | undefined;
  let fault: string | null = null;
  try {
    opening = await opened(env);
  } catch (error) {
    fault = codeOf(error, "edge/failed");
  }
  const answer = await coming.catch(() => null);
  if (!answer) {
    const out = new Response("The site cannot be reached at the moment.\n", { status: 502, headers: { "content-type": "text/plain" } });
    say(out.headers, ["origin/unreachable"]);
    return out;
  }
  // What is compressed as Workers know it has been read by the time that a rewriter sees it.
  const hindered = hinders(answer.status, (name) => answer.headers.get(name)?.replace(/^(gzip|br)$/, "") ?? null);
  if (hindered === "") return answer;
  const plain = (codes: string[]) => {
    const out = new Response(answer.body, answer);
    say(out.headers, codes);
    return out;
  };
  if (hindered || !opening || !answer.body) return plain([hindered ?? fault ?? "edge/empty"]);
  const { edge, outbox } = opening;
  try {
    const now = Date.now();
    const cf = request.cf as IncomingRequestCfProperties | undefined;
    const { told: origin, code } = await edge.told(cookie, now);
    const asked = await edge.previewed(url.searchParams.get(PREVIEW), now);
    const visit = edge.visit({
      cookie,
      told: origin,
      preview: asked.preview,
      now,
      offset: offset(cf?.timezone, now),
      // What the address says is the visitor's own word, and last.
      context: { ...place(cf), ...Object.fromEntries(url.searchParams) },
      gpc: request.headers.get("sec-gpc") === "1",
      region: region(cf),
      secure: url.protocol === "https:",
      base: url.href,
    });
    for (const each of [asked.code, code]) if (each) visit.codes.push(each);
    // A link says what a click on it means, such as that a mail was read.
    const clicked = url.searchParams.get("pf_event");
    if (clicked) visit.track(clicked);
    const said = visit.codes.length;
    const after = () => {
      // What came up while the page streamed is too late for its head.
      visit.codes.slice(said).forEach(warn);
      const sent = outbox.add(visit.end());
      if (sent) context.waitUntil(sent);
      const supplied = opening.supply.refresh(now);
      if (supplied) context.waitUntil(supplied);
    };
    const out = personalise(answer, visit, after);
    personal(out.headers, visit);
    return out;
  } catch (error) {
    return plain([codeOf(error, "edge/failed")]);
  }
}

export default {
  async fetch(request, env, context): Promise<Response> {
    const url = new URL(request.url);
    if (env.COLLECTOR && url.pathname === "/v1/sync") return sync(request, env, url);
    if (env.COLLECTOR && COLLECTED.test(url.pathname)) return fetch(new Request(env.COLLECTOR + url.pathname + url.search, request));
    if (asksForPage(request.method, (name) => request.headers.get(name))) return page(request, env, context, url);
    return fetch(new Request(originOf(env, url), request), { redirect: "manual" });
  },
} satisfies ExportedHandler<Env>;
