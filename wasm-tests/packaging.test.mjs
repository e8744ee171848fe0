/**
 * The packed tarball, installed as people install it: in a Vite project, in a webpack project, in Node and by script
 * tag. Each decides once and shows the creative, the first two and the last in a real browser under the strict policy.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { launch, open, ready, shift, until } from "./support/browser.mjs";
import { small } from "./support/bundle.mjs";
import { modules, scratch, tarball, unpacked } from "./support/files.mjs";
import { serve } from "./support/server.mjs";
import { claim } from "./tools/claim.mjs";

const bundle = small();
const ways = new Set();
let browser;

before(async () => (browser = await launch()));
after(() => browser.close());

/** A project with the package installed from its tarball; nothing comes from the network. */
function project(name, files) {
  const folder = scratch(name);
  for (const [path, text] of Object.entries({ "package.json": '{ "private": true, "type": "module" }', ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  execFileSync("npm", ["install", "--offline", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error", tarball()], { cwd: folder });
  return folder;
}

const tool = (path, given, cwd) => execFileSync(process.execPath, [join(modules, path), ...given], { cwd, encoding: "utf8" });

/** What each project does: decides once and writes the creative where the browser can see it. */
const MAIN = `
import { load } from "petitfour";
const client = await load({ bundle: "/bundle.pf4", context: { weather: "sunny" } });
const { campaign, creative, content, reason } = client.decide("hero");
document.querySelector("#hero").textContent = content?.headline ?? "nothing";
window.decided = { loaded: client.loaded(), errors: client.errors(), campaign, creative, reason };
window.explain = (placement) => client.explain(placement);
`;
const page = (script) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title><p id="hero">default</p>${script}`;

async function shows(mounts) {
  const server = await serve({ "/bundle.pf4": bundle.bytes, ...mounts });
  try {
    const { page, complaints } = await open(browser);
    await page.goto(server.url);
    const decided = await until(page, () => window.decided);
    assert.deepEqual(decided, { loaded: true, errors: [], campaign: "sun", creative: "sun-a", reason: "chosen" });
    assert.equal(await page.textContent("#hero"), "Out you go");
    const why = await page.evaluate(() => window.explain("hero"));
    const reasons = Object.fromEntries(why.campaigns.map(({ campaign, reason }) => [campaign, reason]));
    assert.deepEqual(reasons, { sun: "chosen", "seen-before": "permission" });
    assert.deepEqual(why.errors, []);
    assert.deepEqual(complaints, []);
    await page.context().close();
  } finally {
    await server.close();
  }
}

test("a Vite project builds it, and the browser decides", async () => {
  const folder = project("vite", {
    "index.html": page('<script type="module" src="/main.js"></script>'),
    "main.js": MAIN,
  });
  tool("vite/bin/vite.js", ["build", "--logLevel", "error"], folder);
  await shows({ "/": join(folder, "dist") });
  ways.add("vite");
});

test("a webpack project builds it, and the browser decides", async () => {
  const folder = project("webpack", {
    "src/index.js": MAIN,
    "dist/index.html": page('<script defer src="/main.js"></script>'),
    // The lens comes in a chunk of its own, and webpack loads chunks by address: a policy of its own says that it may.
    "webpack.config.js": 'export default { mode: "production", output: { trustedTypes: true } };',
  });
  tool("webpack-cli/bin/cli.js", ["build"], folder);
  await shows({ "/": join(folder, "dist") });
  ways.add("webpack");
});

test("Node imports it and decides", () => {
  const folder = project("node", {
    "main.js": `
      import { load } from "petitfour";
      const client = await load({ bundle: process.argv[2], context: { weather: "sunny" } });
      const { content } = client.decide("hero");
      const { campaigns } = await client.explain("hero");
      console.log(JSON.stringify({ headline: content.headline, reasons: campaigns.map(({ reason }) => reason), errors: client.errors() }));`,
  });
  const said = execFileSync(process.execPath, ["main.js", bundle.path], { cwd: folder, encoding: "utf8" });
  assert.deepEqual(JSON.parse(said), { headline: "Out you go", reasons: ["chosen", "permission"], errors: [] });
  ways.add("node");
});

test("a page with the script tag and no code shows the creative, and nothing moves", async () => {
  const folder = project("script", {
    "index.html": `<!doctype html><html lang="en" data-pf-context-weather="sunny"><meta charset="utf-8"><title>t</title>
      <script src="/node_modules/petitfour/script.js" data-bundle="/bundle.pf4" data-timeout="5000" async></script>
      <div data-petitfour="hero"><h1 data-pf-text="headline">default</h1><a data-pf-href="link" href="#x">go</a></div>
      <div data-petitfour="bare"><p>the page's own</p></div>`,
  });
  const server = await serve({ "/bundle.pf4": bundle.bytes, "/": folder });
  try {
    const { page, complaints, codes } = await open(browser);
    await page.goto(server.url);
    const told = await ready(page);
    assert.deepEqual([told.loaded, told.late, told.placements, told.shown], [true, false, 2, 1]);
    assert.equal(await page.textContent("h1"), "Out you go");
    assert.equal(await page.getAttribute("[data-petitfour=hero] a", "href"), "#sun");
    assert.equal(await page.textContent("[data-petitfour=bare]"), "the page's own");
    assert.equal(await page.getAttribute("[data-petitfour=hero]", "data-pf-shown"), "sun-a");
    assert.equal(await page.getAttribute("[data-petitfour=bare]", "data-pf-shown"), "default");
    assert.ok(told.creative > 0, "the time to the creative is told");
    assert.equal(await shift(page), 0);
    assert.deepEqual([complaints, codes], [[], []]);
    await page.context().close();
  } finally {
    await server.close();
  }
  ways.add("script");
});

test("its types hold a strict TypeScript project", () => {
  const folder = project("types", {
    "main.ts": `
      import { load, type Decision, type Explanation } from "petitfour";
      const client = await load({ bundle: new Uint8Array(), storage: null });
      const decision: Decision = client.decide("hero", { weather: "sunny", temperature: 3 });
      const why: Explanation = await client.explain(decision.placement);
      client.on("error", ({ code }) => console.log(code, why.campaigns[0]?.reason));
      client.consent({ store: true });
      // @ts-expect-error there is no such permission
      client.consent({ remember: true });`,
    "tsconfig.json": JSON.stringify({
      compilerOptions: { strict: true, noEmit: true, target: "es2022", module: "nodenext", lib: ["es2022", "dom"], types: [] },
      files: ["main.ts"],
    }),
  });
  assert.equal(tool("typescript/bin/tsc", ["--project", "tsconfig.json"], folder), "");
});

test("publint has nothing to say", async () => {
  const pkgDir = unpacked();
  const { messages } = await publint({ pkgDir, strict: true });
  const manifest = JSON.parse(readFileSync(join(pkgDir, "package.json"), "utf8"));
  assert.deepEqual(messages.map((message) => formatMessage(message, manifest)), []);
});

test("are the types wrong? finds nothing wrong in any entry", () => {
  const given = ["--profile", "esm-only", "--format", "json", "--exclude-entrypoints", "petitfour_bg.wasm", "petitfour_lens_bg.wasm", "petitfour_reader_bg.wasm", "--", tarball()];
  const { problems = {} } = JSON.parse(tool("@arethetypeswrong/cli/dist/index.js", given, scratch("attw")));
  // Everything that the package runs on loads ES modules; that CommonJS must import it, not require it, is meant.
  delete problems.CJSResolvesToESM;
  assert.deepEqual(problems, {});
});

test("every way is counted", () => {
  claim("package.installs", ways.size);
  assert.deepEqual([...ways].sort(), ["node", "script", "vite", "webpack"]);
});
