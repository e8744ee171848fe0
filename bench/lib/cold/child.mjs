/** One fresh process: import, start, first decision. `node child.mjs MODULE RULES VISITOR`; prints milliseconds. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [module, rules, visitor] = process.argv.slice(2);
const bytes = readFileSync(rules);
// As they would arrive: text for one engine, bytes for the other.
const received = rules.endsWith(".json") ? bytes.toString() : new Uint8Array(bytes);
const asked = JSON.parse(readFileSync(visitor, "utf8"));

const began = performance.now();
const { first } = await import(pathToFileURL(module));
const answer = await first(received, asked);
const spent = performance.now() - began;
process.stdout.write(JSON.stringify({ spent, answer: answer ?? null }));
