/**
 * The edge in a Node server: middleware for Express and everything with its shape, and for Hono; and visits for those who render
 * themselves (React, templates).
 *
 *     import { openServer } from "petitfour/server";
 *     const petitfour = await openServer({ bundle: "bundle.pf4", collector: "http://127.0.0.1:8080", key });
 *     app.use(petitfour.express());
 *
 * Pages are rewritten by parse5's streaming rewriter, which the project installs beside this package. What is wrong leaves the page
 * as the server wrote it.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { asksForPage, codeOf, createOutbox, createSupply, hinders, openEdge, personal, say } from "./edge.node.mjs";
import { filler } from "./filler.mjs";
import { UNSENT } from "./head.mjs";

/** Carries a visit's number from the server to a component of the same process; what a client sends there is replaced. */
const ATTACHED = "x-petitfour-visit";

/** Visits under way. Frameworks load a module more than once, so it is the process that holds them. */
const VISITS = (globalThis[Symbol.for("petitfour.visits")] ??= new Map());

/** The visit that `attach` opened for the request with these `headers`; `null` where there is none. */
export const visitOf = (headers) => VISITS.get(headers.get?.(ATTACHED) ?? headers[ATTACHED]) ?? null;

/**
 * Opens a server's edge. `bundle` is bytes or a path, `collector` the address that reports go to and that newer bundles and levels of
 * `feeds` come from, `key` a server write key of its.
 * Rejects with a code when the bundle is none: a server is told when it starts, not by its visitors.
 */
export async function openServer({ bundle, collector, key, feeds, ...options }) {
  const edge = await openEdge({ bundle: typeof bundle === "string" ? new Uint8Array(await readFile(bundle)) : bundle, ...options });
  const outbox = createOutbox({ collector, key });
  const supply = createSupply(edge, { collector, feeds, report: options.report });

  /** A visit of what a request's `header` says; `given` adds context, offset, region. */
  const open = (header, given) => {
    const visit = edge.visit({ cookie: header("cookie"), gpc: header("sec-gpc") === "1", ...given });
    const { end } = visit;
    let over = false;
    visit.end = () => {
      if (over) return;
      over = true;
      outbox.add(end());
      supply.refresh();
    };
    return visit;
  };

  return {
    edge,
    /** A visit for a server that renders placements itself: `marks(decision)` go on the start tag, `end()` when the page is out. */
    visit: (request, given) => open((name) => request.headers.get?.(name) ?? request.headers[name], { secure: overHttps(request), ...given }),

    /**
     * For frameworks whose components see only the request's headers (Next.js): opens a visit, sets its cookies, and reports when the
     * answer is out. A component gets it by {@link visitOf}.
     */
    attach(request, response, given) {
      const visit = open((name) => request.headers[name], { secure: overHttps(request), ...given });
      const id = randomUUID();
      VISITS.set(id, visit);
      request.headers[ATTACHED] = id;
      visit.cookies().forEach((cookie) => response.appendHeader("set-cookie", cookie));
      response.on("close", () => {
        VISITS.delete(id);
        visit.end();
      });
      return visit;
    },

    /** Middleware of Express and its like. `context(request)` says what is true of the moment. */
    express({ context = () => ({}), offset, region } = {}) {
      return (request, response, next) => {
        const header = (name) => request.headers[name];
        if (!asksForPage(request.method, header)) return next();
        const secure = overHttps(request);
        const base = `http${secure ? "s" : ""}://${header("host") ?? "localhost"}${request.originalUrl ?? request.url}`;
        // A 304 would join another visitor's page to this one.
        for (const name of UNSENT) delete request.headers[name];
        intercept(response, () => {
          const found = hinders(response.statusCode, (name) => response.getHeader(name)?.toString());
          const headers = {
            set: (name, value) => response.setHeader(name, value),
            append: (name, value) => response.appendHeader(name, value),
            delete: (name) => response.removeHeader(name),
          };
          if (found) say(headers, [found]);
          if (found !== null) return null;
          let visit;
          try {
            visit = open(header, { context: context(request), offset: offset?.(request), region: region?.(request), secure, base });
            const rewriting = filler(visit, visit.end);
            personal(headers, visit);
            return rewriting;
          } catch (error) {
            visit?.end();
            say(headers, [codeOf(error, "edge/failed")]);
            return null;
          }
        });
        next();
      };
    },

    /** Middleware of Hono. `context(c)` says what is true of the moment. */
    hono({ context = () => ({}), offset, region } = {}) {
      return async (c, next) => {
        const header = (name) => c.req.header(name);
        await next();
        const answer = c.res;
        if (!asksForPage(c.req.method, header)) return;
        const found = hinders(answer.status, (name) => answer.headers.get(name));
        if (found === "" || !answer.body) return;
        const headers = new Headers(answer.headers);
        let { body } = answer;
        if (found) say(headers, [found]);
        else {
          try {
            const url = new URL(c.req.url);
            const visit = open(header, { context: context(c), offset: offset?.(c), region: region?.(c), secure: url.protocol === "https:", base: url.href });
            const stream = filler(visit, visit.end);
            personal(headers, visit);
            body = ReadableStream.from(filled(body, stream));
          } catch (error) {
            say(headers, [codeOf(error, "edge/failed")]);
          }
        }
        // Hono joins the headers of an answer that takes another's place to the old ones, which are no longer true.
        c.res = undefined;
        c.res = new Response(body, { status: answer.status, headers });
      };
    },
  };
}

/** Whether a request of Node's, or of Express's, came by https; of the web's its address says so. */
const overHttps = ({ secure, socket, url }) => secure ?? (!!socket?.encrypted || /^https:/.test(url));

/** A body of the web's through a stream of Node's. */
async function* filled(body, stream) {
  const utf8 = new TextEncoder();
  const pump = async () => {
    for await (const text of body.pipeThrough(new TextDecoderStream())) if (!stream.write(text)) await once(stream, "drain");
    stream.end();
  };
  pump().catch((error) => stream.destroy(error));
  for await (const text of stream) yield utf8.encode(text);
}

/** Lets what a server writes pass through the stream that `begin` answers when the head is due, or as it is. */
function intercept(response, begin) {
  const { writeHead, write, end } = response;
  const decoder = new StringDecoder("utf8");
  let stream;
  const start = () => {
    if (stream !== undefined) return;
    stream = null;
    const found = begin();
    if (!found) return;
    stream = found;
    stream.on("data", (text) => write.call(response, text) || stream.pause());
    stream.on("end", () => end.call(response));
    response.on("drain", () => stream.resume());
    // A visitor who leaves half way: what was decided for them is told.
    response.on("close", () => stream.destroy());
  };
  const textOf = (chunk, encoding) => (typeof chunk === "string" && /^utf-?8$/i.test(encoding ?? "utf8") ? chunk : decoder.write(Buffer.from(chunk, encoding)));

  response.writeHead = (status, ...given) => {
    response.statusCode = status;
    if (typeof given[0] === "string") response.statusMessage = given.shift();
    const [headers = {}] = given;
    // As Node takes them: an object, pairs, or names and values in turn.
    const flat = Array.isArray(headers) && !Array.isArray(headers[0]);
    const pairs = flat ? headers.flatMap((name, place) => (place % 2 ? [] : [[name, headers[place + 1]]])) : Array.isArray(headers) ? headers : Object.entries(headers);
    for (const [name, value] of pairs) response.setHeader(name, value);
    start();
    return writeHead.call(response, response.statusCode);
  };
  response.write = (chunk, encoding, done) => {
    start();
    if (!stream) return write.call(response, chunk, encoding, done);
    const told = typeof encoding === "function" ? encoding : done;
    return stream.write(textOf(chunk, typeof encoding === "string" ? encoding : undefined), told);
  };
  response.end = (chunk, encoding, done) => {
    start();
    if (!stream) return end.call(response, chunk, encoding, done);
    const [said] = [chunk, encoding, done].filter((each) => typeof each === "function");
    if (said) response.once("finish", said);
    if (chunk && typeof chunk !== "function") stream.write(textOf(chunk, typeof encoding === "string" ? encoding : undefined));
    stream.end(decoder.end());
    return response;
  };
}
