/**
 * One journey across every channel, on real parts: seen in Chromium, synced, waited for by the collector, mailed by SMTP, clicked, shown by the
 * edge, sold at the till, and gone everywhere within one sync.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SMTPServer } from "smtp-server";
import { launch, open, ready } from "./support/browser.mjs";
import { build } from "./support/bundle.mjs";
import { collector, key } from "./support/collector.mjs";
import { scratch, unpacked } from "./support/files.mjs";
import { shopfront } from "./support/site.mjs";
import { worker } from "./support/worker.mjs";

const pkg = unpacked();
const ADDRESS = "anna@example.com";

const CAMPAIGNS = `
petitfour: 1
version: 1
site: course
consent: { default: [store, personalise, measure, share] }
events: { mail_clicked: {}, purchase: { outcome: true } }
channels: { mail: { needs: [] } }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: House } }
campaigns:
  - { id: step-one, placements: [hero], creatives: [{ id: one, headline: Step one }] }
  - { id: step-three, placements: [hero], priority: 5, creatives: [{ id: three, headline: Step three }] }
journeys:
  course:
    enter: { when: { seen: step-one } }
    goal: { on: purchase }
    steps:
      - { wait: 1 minute, id: pause }
      - { send: { channel: mail, message: course }, id: mail }
      - wait: { on: mail_clicked, at_most: 7 days }
        id: click
        then: [{ wait: 5 days, id: three, show: [step-three] }]
`;

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

/** A mail server that keeps what it takes. */
async function mailbox(t) {
  const taken = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData(stream, session, done) {
      const parts = [];
      stream.on("data", (part) => parts.push(part));
      stream.on("end", () => {
        taken.push({ to: session.envelope.rcptTo.map(({ address }) => address), text: Buffer.concat(parts).toString() });
        done();
      });
    },
  });
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  t.after(() => new Promise((resolve) => server.close(resolve)));
  return { port: server.server.address().port, taken };
}

/** Asks until there is an answer that is not nothing. */
async function until(what, seconds, look) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 250))) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`${what}: not within ${seconds} seconds`);
}

test("what was seen on the page is mailed about, goes on from the mail at the edge, and ends at the till", { timeout: 240_000 }, async (t) => {
  const folder = scratch("course");
  const bundle = build(CAMPAIGNS, folder);
  const mail = await mailbox(t);
  const data = scratch("collector");
  const [edgeKey, till] = [key(data, "edge", "--kind", "server"), key(data, "till", "--kind", "server")];
  const destinations = join(folder, "destinations.yaml");
  // The letter links to the shop, whose address is known once its edge stands: the placeholder is a trait that the shop's program tells.
  writeFileSync(
    destinations,
    `destinations:
  - name: letters
    mail:
      host: 127.0.0.1
      port: ${mail.port}
      security: none
      from: Shop <news@shop.example>
      templates:
        course: { subject: "Hello {{name}}", text: "Go on here: {{shop}}/?pf_event=mail_clicked" }
`,
  );
  const house = await collector(t, { bundle: bundle.path, data, www: [`/pkg=${pkg}`], more: ["--segments", bundle.segments, "--destinations", destinations] });
  const html = `<!doctype html><title>shop</title><script src="/pkg/script.js" data-bundle="/bundle.pf4" data-collector="/v1/sync" data-cookie data-timeout="8000" async></script>
    <div data-petitfour="hero"><h1 data-pf-text="headline">own</h1></div>`;
  const site = await shopfront(t, html, house);
  const { url } = await worker(pkg)(t, { bundle: readFileSync(bundle.path), origin: site.url, collector: house.url, key: edgeKey });
  const tell = (path, body) =>
    fetch(`${house.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Basic ${Buffer.from(`${till}:`).toString("base64")}` },
      body: JSON.stringify(body),
    }).then(async (answer) => assert.equal(answer.status, 200, await answer.text()));

  // The shop's own program knows whose address it is, and may write to it.
  await tell("/v1/identify", { messageId: "m-1", userId: "anna", traits: { email: ADDRESS, name: "Anna", shop: url } });

  const tab = await open(browser);
  t.after(() => tab.context.close());
  const visit = async (address) => {
    const answer = await tab.page.goto(address);
    const markup = await answer.text();
    await ready(tab.page);
    return { markup, shown: await tab.page.textContent("h1") };
  };
  const first = await visit(url);
  assert.equal(first.shown, "Step one");
  await tab.page.evaluate((email) => petitfour.identify({ email }), ADDRESS);
  // What was seen is a step of the journey; it leaves with the next message.
  await until("the exposure", 10, async () => {
    await tab.page.evaluate(() => petitfour.flush());
    return (await house.counts()).totals.exposures;
  });

  const letter = await until("the mail", 150, () => mail.taken[0]);
  assert.deepEqual(letter.to, [ADDRESS]);
  assert.match(letter.text, /Subject: Hello Anna/);
  const link = /https?:\/\/\S+/.exec(letter.text.replaceAll("=\r\n", "").replaceAll("=3D", "="))[0];
  assert.equal(link, `${url}/?pf_event=mail_clicked`);

  const clicked = await visit(link);
  assert.match(clicked.markup, /<h1 data-pf-text="headline">Step three<\/h1>/, "in the markup, before any script has run");
  assert.equal(clicked.shown, "Step three");
  assert.equal((await visit(url)).shown, "Step three", "and on the next page");

  // The same person buys in the shop in town.
  await tell("/v1/track", { messageId: "m-2", event: "purchase", context: { traits: { email: ADDRESS } }, userId: "anna" });
  await until("the end of the journey", 20, async () => {
    // One sync: a page view, what is answered to it, and the page after it.
    await visit(url);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await tab.page.evaluate(() => petitfour.flush());
    return (await visit(url)).shown === "Step one";
  });
  assert.match((await visit(url)).markup, /Step one/, "at the edge too");
  assert.equal(mail.taken.length, 1, "nobody is written to twice");
  assert.deepEqual(tab.complaints, []);
});
