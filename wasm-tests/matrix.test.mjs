/**
 * Every set of permissions, every kind of storage, every way to run the package: what the browser itself has on record of
 * what was written and sent. With `store` closed nothing is written, anywhere; with `share` closed no identifier is in any
 * request; with both `measure` and `share` closed nothing is asked of the collector. What is open works, or the rest would
 * prove nothing.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { launch, until } from "./support/browser.mjs";
import { edge } from "./support/edge.mjs";
import { serve } from "./support/server.mjs";
import { bundle, pkg } from "./support/stage.mjs";
import { claim } from "./tools/claim.mjs";

const NAMES = ["store", "personalise", "measure", "share"];
const SETS = Array.from({ length: 16 }, (_, bits) => Object.fromEntries(NAMES.map((name, bit) => [name, (bits >> bit) % 2 === 1])));
const STORAGES = ["localStorage", "cookie", "both", "none"];

const EMAIL = "jo.bloggs@somewhere.org";
const USER = "customer-4711";
/** What must not be in a request: the values, and their digests in every spelling that anybody would use. */
const FORBIDDEN = [EMAIL, USER].flatMap((value) => {
  const digest = createHash("sha256").update(value).digest();
  return [Buffer.from(value), Buffer.from(encodeURIComponent(value)), digest, Buffer.from(digest.toString("hex")), Buffer.from(digest.toString("base64").slice(0, 43))];
});
const identifies = (bytes) => FORBIDDEN.some((form) => bytes.includes(form));

let browser, server, atEdge;
let cells = 0;
const received = [];

before(async () => {
  browser = await launch();
  atEdge = await edge(pkg, bundle.bytes);
  const page = (attributes, script) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>m</title><script src="/open.js"></script>
    <script src="${script}" data-bundle="/bundle.pf4" data-collector="/v1/sync" data-keep="/v1/keep" data-timeout="8000" ${attributes}></script>`;
  const collect = async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    received.push({ url: request.url, method: request.method, body: Buffer.concat(parts), cookie: request.headers.cookie ?? "" });
    response.writeHead(204).end();
  };
  server = await serve({
    "/blank": "<!doctype html><title>blank</title>",
    "/tag": page("async", "/pkg/script.js"),
    "/tag-both": page("async data-cookie", "/pkg/script.js"),
    "/import": page('type="module"', "/import.js"),
    "/import-both": page('type="module" data-cookie', "/import.js"),
    "/open.js": 'window.open_ = JSON.parse(decodeURIComponent(location.hash.slice(1) || "{}")); window.petitfour = [["consent", window.open_]];',
    "/import.js": `import { load } from "/pkg/browser.mjs";
      const cookie = location.pathname.endsWith("both");
      const client = await load({ bundle: "/bundle.pf4", collector: "/v1/sync", keep: "/v1/keep", cookie });
      client.consent(window.open_);
      window.petitfour = client;`,
    "/bundle.pf4": bundle.bytes,
    "/pkg": pkg,
    "/v1/sync": collect,
    "/v1/keep": collect,
    "/edge": serveEdge,
  });
});
after(async () => {
  await browser.close();
  await server.close();
});

/** Does everything that stores or sends. */
async function behave(client) {
  client.track("viewed");
  client.track("purchase", { value: 3 });
  await client.identify({ email: "jo.bloggs@somewhere.org", userId: "customer-4711" });
  const decision = client.decide("hero");
  client.exposed(decision);
  client.outcome("click", decision);
  await client.flush();
}

/** A tab whose every write and request the browser tells about. */
async function recorded(storage) {
  const context = await browser.newContext();
  const page = await context.newPage();
  if (storage === "cookie" || storage === "none") {
    await page.addInitScript(() => Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } }));
  }
  if (storage === "none") await page.addInitScript(() => Object.defineProperty(document, "cookie", { get: () => "", set() {} }));
  const session = await context.newCDPSession(page);
  const record = { writes: [], requests: [] };
  for (const event of ["domStorageItemAdded", "domStorageItemUpdated"]) {
    session.on(`DOMStorage.${event}`, ({ storageId, key }) => record.writes.push(`${storageId.isLocalStorage ? "local" : "session"}:${key}`));
  }
  session.on("Network.requestWillBeSent", ({ request }) => {
    const bodies = (request.postDataEntries ?? []).map(({ bytes }) => Buffer.from(bytes ?? "", "base64"));
    record.requests.push({ url: request.url, bytes: Buffer.concat([Buffer.from(JSON.stringify([request.url, request.headers])), ...bodies]) });
  });
  session.on("Network.requestWillBeSentExtraInfo", ({ headers }) => record.requests.push({ url: "", bytes: Buffer.from(JSON.stringify(headers)) }));
  await session.send("Network.enable");
  await session.send("DOMStorage.enable");
  await session.send("IndexedDB.enable");
  const kept = async () => {
    const securityOrigin = server.url;
    const { databaseNames } = await session.send("IndexedDB.requestDatabaseNames", { securityOrigin });
    const { caches } = await session.send("CacheStorage.requestCacheNames", { securityOrigin });
    const { cookies } = await session.send("Network.getCookies", { urls: [server.url, `${server.url}/v1/keep`] });
    return { databases: databaseNames, caches: caches.map(({ cacheName }) => cacheName), cookies: cookies.map(({ name }) => name).sort() };
  };
  const clear = () => session.send("Storage.clearDataForOrigin", { origin: server.url, storageTypes: "all" });
  return { context, page, record, kept, clear };
}

const say = (permissions) => NAMES.filter((name) => permissions[name]).join(" + ") || "nothing";

for (const runtime of ["tag", "import"]) {
  for (const storage of STORAGES) {
    test(`${runtime}, ${storage}: sixteen sets of permissions`, async (t) => {
      const { context, page, record, kept, clear } = await recorded(storage);
      t.after(() => context.close());
      for (const permissions of SETS) {
        const where = `${runtime}, ${storage}, ${say(permissions)} open`;
        await page.goto(`${server.url}/blank`);
        await clear();
        Object.assign(record, { writes: [], requests: [] });
        received.length = 0;
        const path = `/${runtime}${storage === "both" ? "-both" : ""}`;
        await page.goto(`${server.url}${path}#${encodeURIComponent(JSON.stringify(permissions))}`);
        await until(page, () => window.petitfour?.loaded?.());
        assert.deepEqual(await page.evaluate(() => window.petitfour.consent()), permissions, where);
        await page.evaluate(`(${behave})(window.petitfour)`);
        const open = await kept();
        await page.goto(`${server.url}/blank`);
        const { databases, caches, cookies } = await kept();
        assert.deepEqual([databases, caches, record.writes.filter((write) => write.startsWith("session:"))], [[], [], []], where);
        const sent = [...record.requests.map(({ bytes }) => bytes), ...received.flatMap(({ body, cookie }) => [body, Buffer.from(cookie)])];
        const synced = received.filter(({ url }) => url === "/v1/sync").length;
        if (!permissions.store) {
          assert.deepEqual([record.writes, open.cookies, cookies], [[], [], []], where);
          assert.deepEqual(received.filter(({ url, cookie }) => url === "/v1/keep" || cookie), [], where);
        } else {
          const local = record.writes.includes("local:petitfour.profile");
          assert.deepEqual([local, cookies.includes("petitfour")], [/local|both/.test(storage), /cookie|both/.test(storage)], where);
        }
        assert.equal(sent.some(identifies), permissions.share, where);
        assert.equal(record.requests.some(({ bytes }) => identifies(bytes)), permissions.share, `${where}: the browser's log`);
        assert.equal(synced > 0, permissions.measure || permissions.share, where);
        cells++;
      }
    });
  }
}

// ---- at an edge ------------------------------------------------------------------------------------------------

const shelf = new Map();

/** One request at an edge, in the storage and under the permissions that the address says. */
async function serveEdge(request, response) {
  const { permissions, storage } = JSON.parse(new URL(request.url, "http://x").searchParams.get("given"));
  const held = { getItem: (key) => shelf.get(key) ?? null, setItem: (key, value) => void shelf.set(key, value), removeItem: (key) => void shelf.delete(key) };
  const { set } = await atEdge(
    request.headers.cookie,
    async (client) => {
      client.consent(permissions);
      await behave(client);
    },
    { storage: /local|both/.test(storage) ? held : null, cookie: /cookie|both/.test(storage), collector: `${server.url}/v1/sync`, hold: /local|both/.test(storage) },
  );
  response.setHeader("set-cookie", set);
  response.end("done");
}

for (const storage of STORAGES) {
  test(`edge, ${storage}: sixteen sets of permissions`, async (t) => {
    const { context, page, record, kept, clear } = await recorded(storage);
    t.after(() => context.close());
    for (const permissions of SETS) {
      const where = `edge, ${storage}, ${say(permissions)} open`;
      await page.goto(`${server.url}/blank`);
      await clear();
      shelf.clear();
      received.length = 0;
      Object.assign(record, { writes: [], requests: [] });
      const given = encodeURIComponent(JSON.stringify({ permissions, storage }));
      // Twice, so that the second carries what the first one set.
      for (let time = 0; time < 2; time++) assert.equal(await page.evaluate(async (given) => (await fetch(`/edge?given=${given}`)).text(), given), "done");
      const { databases, caches, cookies } = await kept();
      assert.deepEqual([record.writes, databases, caches], [[], [], []], where);
      const cookied = cookies.some((name) => /^petitfour/.test(name));
      assert.deepEqual([shelf.size > 0, cookied], [permissions.store && /local|both/.test(storage), permissions.store && /cookie|both/.test(storage)], where);
      const sent = [...record.requests.map(({ bytes }) => bytes), ...received.map(({ body }) => body)];
      assert.equal(sent.some(identifies), permissions.share, where);
      assert.equal(received.length > 0, permissions.measure || permissions.share, where);
      cells++;
    }
  });
}

test("every cell of the matrix is counted", () => claim("consent.matrix", cells));
