/** Sites behind an edge: servers on loopback that end with their test. */
import { createServer } from "node:http";

/** An origin that answers as `serve` says, and writes down what it was asked and when. */
export async function origin(t, serve) {
  const asked = [];
  const server = createServer((request, response) => {
    // Viceroy looks whether its backends are there when it starts, with a request that says nothing of itself.
    if (Object.keys(request.headers).length > 1) asked.push({ method: request.method, url: request.url, headers: request.headers, at: performance.now() });
    serve(request, response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

/** Answers every request with one page. */
export const page = (html, headers = {}) => (_, response) => response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...headers }).end(html);

/** A site of one page, `html`, that passes everything else on to the collector `house`; what it cannot, or `refuses`, is not there. */
export const shopfront = (t, html, house, refuses = () => false) =>
  origin(t, async (request, response) => {
    if (/^\/(\?|$)/.test(request.url)) return page(html)(request, response);
    const answer = refuses(request.url) ? null : await fetch(house.url + request.url).catch(() => null);
    if (!answer?.ok) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": answer.headers.get("content-type") }).end(Buffer.from(await answer.arrayBuffer()));
  });
