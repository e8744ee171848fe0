/** The guest in a real Fastly host. */
import { test } from "node:test";
import { contract } from "./support/edges.mjs";
import { absent, fastly, viceroy } from "./support/fastly.mjs";
import { unpacked } from "./support/files.mjs";

if (viceroy) contract("Fastly", fastly, unpacked());
else test("Fastly", { skip: absent }, () => {});
