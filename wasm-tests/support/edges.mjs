/**
 * What every edge does with a page, whatever its host: what it writes as it streams, what it leaves alone, and what the browser makes of it.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open, ready, shift } from "./browser.mjs";
import { compile, compileText } from "./bundle.mjs";
import { collector, key } from "./collector.mjs";
import { inClone, scratch } from "./files.mjs";
import * as hostile from "./hostile.mjs";
import { origin, page } from "./site.mjs";

export const small = compileText(`
petitfour: 1
version: 3
site: edge
consent: { default: [store, personalise, measure] }
placements: { hero: { fallback: house }, side: {} }
fallbacks: { house: { headline: House } }
campaigns:
  - { id: water, placements: [hero], creatives: [{ id: water-a, headline: "Still <i>&\\"water\\"", text: "<b>Cold</b><script>alert(1)</script>", link: "javascript:alert(1)", image: "/w.svg" }] }
`);
export const SLOTS = `<div data-petitfour="hero"><h1 data-pf-text="headline">own</h1><p data-pf-html="text">own</p><a data-pf-href="link" href="/own">go</a><img data-pf-src="image" data-pf-alt="alt" src="/own.svg" alt="own"><b data-pf-text="cta">own</b></div>`;

/**
 * Declares the tests of the edge on `host`. `edge(t, { bundle, origin, collector, key, feeds, country })` starts one that ends with the test;
 * its answer has the `url`. `pkg` is the package, for the page's script.
 */
export function contract(host, edge, pkg) {
  const it = (name, work) => test(`${host}: ${name}`, work);
  const shop = compile(inClone("examples", "soda"));
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser?.close());

  it("the shop comes with its creatives in the markup, and the browser takes them over", async (t) => {
    const data = scratch("collector");
    const secret = key(data, "edge", "--kind", "server");
    const shelf = join(data, "shelf.csv");
    writeFileSync(shelf, "bellecour,water-still,40\nbellecour,soda-diet,40\n");
    const house = await collector(t, { bundle: shop.path, data, www: [inClone("www"), `/pkg=${pkg}`], more: ["--feed", `shelf=${shelf}`] });
    const { url } = await edge(t, { bundle: shop.bytes, origin: house.url, collector: house.url, key: secret, feeds: "shelf" });
    const asked = `${url}/?temperature=31&weather=sunny&shop=bellecour`;
    const raw = async () => (await fetch(asked, { headers: { accept: "text/html" } })).text();
    const hero = (html) => /<section class="hero"[^>]* data-pf-decision="[0-9a-f]{16}" data-pf-shown="([^"]*)"/.exec(html)?.[1];
    assert.equal(hero(await raw()), "house-hero", "of the shelf nothing is known yet");
    let html;
    for (const end = Date.now() + 10_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
      html = await raw();
      if (/water/.test(hero(html))) break;
    }
    assert.match(hero(html), /water/, "water in the heat, of which there is enough");
    assert.match(html, /<h1 data-pf-text="headline">(?!Something cold, any time)[^<]+<\/h1>/, "before any script has run");

    const tab = await open(browser, { viewport: { width: 1280, height: 800 } });
    t.after(() => tab.context.close());
    await tab.page.addInitScript(() =>
      addEventListener("DOMContentLoaded", () => (window.first = document.querySelector("[data-petitfour=hero] h1").textContent)),
    );
    await tab.page.goto(asked);
    await ready(tab.page);
    const { first, now, id } = await tab.page.evaluate(() => {
      const hero = document.querySelector("[data-petitfour=hero]");
      return { first, now: hero.querySelector("h1").textContent, id: hero.dataset.pfDecision };
    });
    assert.equal(first, now, "what was there first stays");
    assert.match(id, /^[0-9a-f]{16}$/);
    assert.equal(await shift(tab.page), 0);
    assert.deepEqual(tab.complaints, []);
  });

  it("what the edge decided and the page confirmed is one decision and one exposure of one visitor", async (t) => {
    const data = scratch("collector");
    const secret = key(data, "edge", "--kind", "server");
    const house = await collector(t, { bundle: small.path, data, www: [`/pkg=${pkg}`] });
    const html = `<!doctype html><script src="/pkg/script.js" data-bundle="/bundle.pf4" data-collector="/v1/sync" data-cookie data-timeout="8000" async></script>${SLOTS}`;
    const site = await origin(t, (request, response) => {
      if (request.url === "/") return page(html)(request, response);
      if (!request.url.startsWith("/pkg/")) return response.writeHead(404).end();
      fetch(house.url + request.url).then(async (answer) => response.writeHead(200, { "content-type": answer.headers.get("content-type") }).end(Buffer.from(await answer.arrayBuffer())));
    });
    const { url } = await edge(t, { bundle: small.bytes, origin: site.url, collector: house.url, key: secret });
    const tab = await open(browser);
    t.after(() => tab.context.close());
    await tab.page.goto(url);
    await ready(tab.page);
    const { visitor } = await tab.page.evaluate(() => petitfour.profile());
    const cookie = (await tab.context.cookies()).find(({ name }) => name === "petitfour").value;
    assert.ok(Buffer.from(cookie, "base64").toString("hex").includes(visitor), "the page goes on as the visitor whom the edge named");
    const totals = async () => {
      await tab.page.evaluate(() => petitfour.flush());
      return (await house.counts()).totals;
    };
    let seen;
    for (const end = Date.now() + 10_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200))) {
      seen = await totals();
      if (seen.exposures && seen.decisions) break;
    }
    assert.deepEqual([seen.visitors, seen.decisions, seen.exposures], [1, 1, 1]);
    assert.deepEqual((await house.counts()).campaigns.map(({ name, exposures }) => [name, exposures]), [["water", 1]]);

    // The next page: the same visitor, known by the cookie, which the edge leaves alone.
    const next = await fetch(url, { headers: { accept: "text/html", cookie: `petitfour=${cookie}` } });
    assert.deepEqual(next.headers.getSetCookie(), []);
    await next.text();
  });

  it("values of a creative are text and checked addresses, whatever they are", async (t) => {
    const site = await origin(t, page(SLOTS));
    const { url } = await edge(t, { bundle: small.bytes, origin: site.url });
    const html = await (await fetch(url, { headers: { accept: "text/html" } })).text();
    assert.match(
      html,
      /^<div data-petitfour="hero" data-pf-decision="[0-9a-f]{16}" data-pf-shown="water-a"><h1 data-pf-text="headline">Still &lt;i&gt;&amp;"water"<\/h1><p data-pf-html="text">Coldalert\(1\)<\/p><a data-pf-href="link" href="\/own">go<\/a><img data-pf-src="image" data-pf-alt="alt" src="\/w.svg" alt=""><b data-pf-text="cta" hidden="">own<\/b><\/div>$/,
    );
  });

  it("nothing that a hostile creative says runs", async (t) => {
    const site = await origin(t, page(hostile.html("", "data-pf-plain")));
    const { url } = await edge(t, { bundle: compileText(hostile.campaigns).bytes, origin: site.url });
    const tab = await open(browser);
    t.after(() => tab.context.close());
    await tab.page.goto(url);
    assert.equal(await tab.page.locator("[data-pf-shown^=f-]").count(), hostile.places.length * 2);
    await hostile.harmless(tab.page);
  });

  it("a placement without slots is filled where it says plain, and else left to the page", async (t) => {
    const site = await origin(t, page('<div data-petitfour="hero" data-pf-plain>own</div><div data-petitfour="hero"><p>own</p></div><div data-petitfour="side">own</div>'));
    const { url } = await edge(t, { bundle: small.bytes, origin: site.url });
    const html = await (await fetch(url, { headers: { accept: "text/html" } })).text();
    assert.match(html, /data-pf-plain data-pf-decision[^>]*><div class="pf-creative"><img class="pf-image" alt="" src="\/w.svg"><strong class="pf-headline">Still &lt;i&gt;/);
    assert.match(html, /<p>own<\/p><template data-pf-void><\/template><\/div>/);
    assert.match(html, /<div data-petitfour="side" data-pf-decision="" data-pf-shown="default">own<\/div>$/);
  });

  it("a placement is its own, within another too", async (t) => {
    const site = await origin(
      t,
      page(
        '<div data-petitfour="hero"><img data-petitfour="side" data-pf-src="image" src="/own.svg"><b data-pf-text="headline">own</b></div>' +
          '<div data-petitfour="hero" data-pf-decision="0123456789abcdef"><b data-pf-text="headline">decided</b></div>' +
          '<div data-petitfour="hero" data-pf-plain><i data-petitfour="hero"><b data-pf-text="headline">left out</b></i></div><b data-pf-text="headline">outside</b>',
      ),
    );
    const { url } = await edge(t, { bundle: small.bytes, origin: site.url });
    const html = await (await fetch(url, { headers: { accept: "text/html" } })).text();
    assert.match(html, /<img data-petitfour="side" data-pf-src="image" src="\/own.svg" data-pf-decision="" data-pf-shown="default"/, "of nothing that was chosen nothing is written");
    assert.match(html, /<b data-pf-text="headline">Still/);
    assert.match(html, />decided</);
    assert.match(html, />outside</);
    assert.doesNotMatch(html, /left out/);
    assert.equal(html.match(/data-pf-decision="[0-9a-f]{16}"/g).length, 3);
  });

  it("a chunk may end at any byte", async (t) => {
    const whole = Buffer.from(`<!doctype html><p>é</p>${SLOTS}<p>☕</p>`);
    const site = await origin(t, async (request, response) => {
      const at = Number(request.url.slice(1));
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
      response.write(whole.subarray(0, at));
      await new Promise((resolve) => setTimeout(resolve, 5));
      response.end(whole.subarray(at));
    });
    const { url } = await edge(t, { bundle: small.bytes, origin: site.url });
    const answers = new Set();
    const places = Array.from({ length: whole.length - 1 }, (_, place) => place + 1);
    while (places.length) {
      const some = places.splice(0, 32);
      const texts = await Promise.all(some.map(async (at) => (await fetch(`${url}/${at}`, { headers: { accept: "text/html" } })).text()));
      for (const text of texts) answers.add(text.replace(/data-pf-decision="[0-9a-f]{16}"/, ""));
    }
    assert.equal(answers.size, 1);
  });

  it("the first byte does not wait for the last, and nothing is asked or told before the page is out", async (t) => {
    let finish;
    const held = new Promise((resolve) => (finish = resolve));
    t.after(() => finish());
    const site = await origin(t, async (request, response) => {
      if (request.url !== "/") return response.writeHead(200).end();
      response.writeHead(200, { "content-type": "text/html" });
      response.write(`<!doctype html>${SLOTS}`);
      await held;
      response.end("<p>the end");
    });
    const house = await origin(t, (request, response) => response.writeHead(request.url === "/bundle.pf4" ? 304 : 200).end("{}"));
    const { url } = await edge(t, { bundle: small.bytes, origin: site.url, collector: house.url, key: "k" });
    // Compressed, a chunk waits in the compressor of this host.
    const answer = await fetch(url, { headers: { accept: "text/html", "accept-encoding": "identity" } });
    const reader = answer.body.getReader();
    let text = "";
    while (!text.includes("Still")) text += Buffer.from((await reader.read()).value).toString();
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.deepEqual(house.asked, [], "no sub-request but the origin's");
    assert.equal(site.asked.length, 1);
    finish();
    while (!(await reader.read()).done);
    for (const end = Date.now() + 8_000; house.asked.length < 2 && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(house.asked.map(({ method, url }) => `${method} ${url}`).sort(), ["GET /bundle.pf4", "POST /v1/syncs"]);
  });

  it("an origin's page stays one for all, and a personalised one is nobody else's", async (t) => {
    const site = await origin(t, (request, response) =>
      request.url === "/data"
        ? response.writeHead(200, { "content-type": "application/json", etag: '"d"', "cache-control": "max-age=60" }).end("{}")
        : page(SLOTS, { etag: '"p"', "cache-control": "public, s-maxage=600", "surrogate-control": "max-age=600", "last-modified": "Mon, 01 Jun 2026 12:00:00 GMT" })(request, response),
    );
    const { url } = await edge(t, { bundle: small.bytes, origin: site.url });
    const headers = { accept: "text/html", cookie: "a=1; petitfour=AAAA; petitfour.consent=15...; b=2", "if-none-match": '"p"', range: "bytes=0-9" };
    const answer = await fetch(url, { headers });
    await answer.text();
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("cache-control"), "private, no-cache");
    for (const name of ["etag", "last-modified", "surrogate-control"]) assert.equal(answer.headers.get(name), null, name);
    const { headers: asked } = site.asked[0];
    assert.deepEqual([asked.cookie, asked["if-none-match"], asked.range], ["a=1; b=2", undefined, undefined]);
    const data = await fetch(`${url}/data`, { headers: { "if-none-match": '"x"' } });
    assert.deepEqual([data.headers.get("etag"), data.headers.get("cache-control"), await data.text()], ['"d"', "max-age=60", "{}"]);
    assert.equal(site.asked[1].headers["if-none-match"], '"x"', "what is no page passes as it is");
  });

  it("an address leads to the origin, whatever it looks like", async (t) => {
    const site = await origin(t, page(SLOTS));
    const elsewhere = await origin(t, page("elsewhere"));
    const { url } = await edge(t, { bundle: small.bytes, origin: site.url });
    const { host } = new URL(elsewhere.url);
    for (const path of [`//${host}/x`, `/\\${host}/x`, `/@${host}/x`, `//user@${host}/`]) {
      for (const accept of ["text/html", "*/*"]) assert.doesNotMatch(await (await fetch(url + path, { headers: { accept } })).text(), /^elsewhere/, path);
    }
    assert.deepEqual(elsewhere.asked, []);
    assert.ok(site.asked.length);
  });

  it("a header that is no text is the origin's to read, and a cookie of ours that is none permits nothing", async (t) => {
    const site = await origin(t, page(SLOTS));
    const { url } = await edge(t, { bundle: small.bytes, origin: site.url });
    const ask = (cookie) =>
      new Promise((resolve, reject) => {
        get(url, { headers: { accept: "text/html", cookie, "sec-gpc": "\xe9" } }, (response) => {
          const parts = [];
          response.on("data", (part) => parts.push(part));
          response.on("end", () => resolve({ text: Buffer.concat(parts).toString(), headers: response.headers, status: response.statusCode }));
        }).on("error", reject);
      });
    const foreign = await ask("name=caf\xe9; petitfour.consent=15.15.32");
    assert.deepEqual([foreign.status, foreign.headers["x-petitfour"], foreign.headers["set-cookie"]?.length], [200, "edge", 1]);
    assert.match(foreign.text, /data-pf-shown="water-a"/);
    assert.match(site.asked[0].headers.cookie, /^name=caf/);
    const own = await ask("petitfour.consent=\xe9");
    assert.deepEqual([own.status, own.headers["set-cookie"]], [200, undefined]);
  });

  it("what is wrong with a request is said, and the page comes", async (t) => {
    const site = await origin(t, page(SLOTS));
    const { url } = await edge(t, { bundle: small.bytes, origin: site.url });
    const cookies = {
      "profile/malformed": "petitfour=%%%",
      "profile/truncated": "petitfour=UEY=",
      "note/malformed": `petitfour.0123456789abcdef=%; petitfour=@`,
      "cookie/size": `petitfour=${"A".repeat(100_000)}`,
    };
    for (const [code, cookie] of Object.entries(cookies)) {
      const answer = await fetch(url, { headers: { accept: "text/html", cookie } });
      assert.equal(answer.status, 200, code);
      assert.match(await answer.text(), /data-pf-decision/, code);
      const said = answer.headers.get("x-petitfour");
      assert.match(said, /^(profile|note|cookie)\//, `${code}: ${said}`);
      assert.match(answer.headers.get("server-timing"), /petitfour;desc="(profile|note|cookie)\//);
    }
  });

  it("a bundle that is none leaves the origin's page as it came, and says so", async (t) => {
    const site = await origin(t, page(SLOTS, { etag: '"p"', "cache-control": "public, max-age=60" }));
    const broken = small.bytes.slice();
    broken[200] ^= 1;
    for (const [code, bytes] of [["bundle/damaged", broken], ["bundle/foreign", Buffer.from("<!doctype html>")]]) {
      const { url } = await edge(t, { bundle: bytes, origin: site.url });
      const answer = await fetch(url, { headers: { accept: "text/html" } });
      assert.equal(await answer.text(), SLOTS);
      assert.deepEqual([answer.headers.get("x-petitfour"), answer.headers.get("etag"), answer.headers.get("cache-control")], [code, '"p"', "public, max-age=60"]);
    }
  });

  it("a newer bundle is taken, and an older one is not", async (t) => {
    let served = compileText(`
petitfour: 1
version: 4
site: edge
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: Newer } }
`);
    const site = await origin(t, page(SLOTS));
    const house = await origin(t, (request, response) => response.writeHead(200, { etag: `"${served.bytes.length}"` }).end(served.bytes));
    const { url } = await edge(t, { bundle: small.bytes, origin: site.url, collector: house.url });
    const shown = async () => /<h1[^>]*>([^<]*)/.exec(await (await fetch(url, { headers: { accept: "text/html" } })).text())[1];
    assert.match(await shown(), /Still/);
    for (const end = Date.now() + 8_000; (await shown()) !== "Newer" && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(await shown(), "Newer");
  });

  it("consent is heard at the edge: without permission to store there is no cookie, and without one to measure nothing is told", async (t) => {
    const site = await origin(t, page(SLOTS));
    const house = await origin(t, (request, response) => response.writeHead(request.url === "/bundle.pf4" ? 304 : 200).end("{}"));
    const { url } = await edge(t, { bundle: small.bytes, origin: site.url, collector: house.url, key: "k" });
    const visit = async (headers) => {
      const answer = await fetch(url, { headers: { accept: "text/html", ...headers } });
      assert.match(await answer.text(), /data-pf-shown/);
      return answer.headers.getSetCookie().length;
    };
    assert.equal(await visit({ cookie: "petitfour.consent=0..32.0" }), 0, "the visitor's own word");
    assert.equal(await visit({ cookie: "euconsent-v2=garbage" }), 0, "what cannot be read permits nothing");
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.deepEqual(house.asked.filter(({ method }) => method === "POST"), []);
    assert.equal(await visit({}), 1, "nobody has spoken: the bundle's default");
  });

  it("where the law asks for consent, who gave it on the page is known at the edge, and who did not is not", async (t) => {
    const site = await origin(t, page(SLOTS));
    const { url } = await edge(t, { bundle: small.bytes, origin: site.url, country: "FR" });
    const named = async (headers) => {
      const answer = await fetch(url, { headers: { accept: "text/html", ...headers } });
      await answer.text();
      return answer.headers.getSetCookie().length;
    };
    assert.equal(await named({}), 0, "nobody has spoken");
    assert.equal(await named({ cookie: "petitfour.consent=15.15.32" }), 1, "by the page's own call");
    assert.equal(await named({ cookie: "petitfour.consent=15..1.1.0123456789abcdef" }), 1, "by a platform that the page heard");
    assert.equal(await named({ cookie: "petitfour.consent=15.15.32", "sec-gpc": "1" }), 1, "which closes no storing");
    assert.equal(await named({ cookie: "petitfour.consent=14.14.32" }), 0, "all but to store");
    assert.equal(await named({ cookie: "petitfour.consent=15.15.32; euconsent-v2=garbage" }), 0, "what cannot be read permits nothing");
  });

  it("a page of a hundred megabytes streams through, and memory does not grow with it", async (t) => {
    const chunk = Buffer.from(`<p>${"x".repeat(65_529)}</p>`);
    const site = await origin(t, async (request, response) => {
      response.writeHead(200, { "content-type": "text/html" });
      for (let count = 0; count < Number(request.url.slice(1)) * 16; count++) if (!response.write(chunk)) await new Promise((resolve) => response.once("drain", resolve));
      response.end(SLOTS);
    });
    const { url, peak } = await edge(t, { bundle: small.bytes, origin: site.url });
    /** Reads a page of so many megabytes: its length, its end, and how much memory the host has had at most. */
    const read = async (megabytes) => {
      const answer = await fetch(`${url}/${megabytes}`, { headers: { accept: "text/html", "accept-encoding": "identity" } });
      let length = 0;
      let end = "";
      for await (const part of answer.body) {
        length += part.length;
        end = (end + Buffer.from(part)).slice(-2_000);
      }
      return { length, end, peak: peak() };
    };
    const first = await read(10);
    const second = await read(100);
    assert.ok(first.length > 10_000_000 && second.length > 100_000_000);
    for (const { end } of [first, second]) assert.match(end, /data-pf-shown="water-a"/);
    assert.ok(first.peak > 8 << 20 && second.peak - first.peak < 32 << 20, `from ${first.peak >> 20} to ${second.peak >> 20} MB`);
  });
}
