/** A real Chromium, as it is installed, with everything that a page may complain of written down. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";
import { scratch } from "./files.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

function executable() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const places = (process.env.PATH ?? "").split(delimiter);
  const found = NAMES.flatMap((name) => places.map((place) => join(place, name))).find((path) => existsSync(path));
  if (!found) throw new Error("no Chromium: run `cargo xtask setup`, or set CHROMIUM");
  return found;
}

const options = () => ({
  executablePath: executable(),
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});

export const launch = (more = {}) => chromium.launch({ ...options(), ...more });

/** A browser with a profile of its own, in whose settings something was changed; the answer is its one context. */
export const launchWith = (preferences) => {
  const folder = scratch("browser");
  mkdirSync(join(folder, "Default"));
  writeFileSync(join(folder, "Default", "Preferences"), JSON.stringify(preferences));
  return chromium.launchPersistentContext(folder, options());
};

/**
 * Opens a page in a context of its own. `complaints` gathers what must not happen: uncaught errors, unhandled
 * rejections, violations of the policy. `console` gathers every line, `codes` every `petitfour:error`.
 */
export async function open(browser, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const seen = { complaints: [], console: [], codes: [] };
  page.on("pageerror", (error) => seen.complaints.push(`error: ${error.message}`));
  page.on("crash", () => seen.complaints.push("crash"));
  page.on("console", (line) => seen.console.push(`${line.type()}: ${line.text()}`));
  await page.exposeFunction("__complain", (what) => seen.complaints.push(what));
  await page.exposeFunction("__code", (code) => seen.codes.push(code));
  await page.addInitScript(() => {
    addEventListener("error", ({ message }) => message && __complain(`onerror: ${message}`));
    addEventListener("unhandledrejection", ({ reason }) => __complain(`rejection: ${reason}`));
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile, lineNumber }) =>
      __complain(`policy: ${violatedDirective} ${blockedURI} at ${sourceFile}:${lineNumber}`),
    );
    document.addEventListener("petitfour:error", ({ detail }) => __code(detail.code));
    document.addEventListener("petitfour:ready", ({ detail }) => (window.__ready = detail));
    window.__shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (!entry.hadRecentInput) window.__shift += entry.value;
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  page.seen = seen;
  return { page, context, ...seen };
}

/** The layout shift score so far, of shifts that no input explains. */
export const shift = (page) => page.evaluate(() => window.__shift);

/**
 * Waits until `fn` says something true of the page, and answers it. Playwright's own `waitForFunction` evaluates text
 * in the page, which the strict policy rightly forbids.
 */
export async function until(page, fn, given, patience = 10_000) {
  const end = Date.now() + patience;
  for (;;) {
    const answer = await page.evaluate(fn, given);
    if (answer) return answer;
    if (Date.now() > end) {
      const { complaints, console } = page.seen ?? {};
      throw new Error(`after ${patience} ms still not: ${fn}\n${JSON.stringify({ complaints, console }, null, 2)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits until the script tag's build has said that it is done. */
export const ready = (page) => until(page, () => window.__ready);
