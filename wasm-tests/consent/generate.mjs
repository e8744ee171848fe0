// Random consent states, written as strings by the IAB's own libraries, next to what those libraries read back from them:
//   node consent/generate.mjs [how many of each] [folder] [tcf or gpp]
// writes tcf.jsonl and gpp.jsonl, which `tests/consent.rs` compares with what the engine reads. The same numbers every time:
// the generator is seeded. What is read back is also compared with what was meant, so that a fault of a library shows here.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { GVL, PurposeRestriction, Segment, TCModel, TCString } from "@iabtcf/core";
import { GppModel, Sections, UsNat } from "@iabgpp/cmpapi";

const count = Number(process.argv[2] ?? 2000);
const folder = process.argv[3] ?? path.join(import.meta.dirname, "../../target/consent");

// splitmix32: small, and the same on every machine.
let state = 0x70657469;
const random = () => {
  state = (state + 0x9e3779b9) | 0;
  let z = state ^ (state >>> 16);
  z = Math.imul(z, 0x21f0aaad);
  z ^= z >>> 15;
  z = Math.imul(z, 0x735a2d97);
  return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
};
const below = (n) => Math.floor(random() * n);
const chance = (p) => random() < p;
const pick = (list) => list[below(list.length)];
const some = (numbers, p) => numbers.filter(() => chance(p));
const upTo = (n) => Array.from({ length: n }, (_, i) => i + 1);
const letters = () => String.fromCharCode(65 + below(26), 65 + below(26));

// Vendors as consent platforms have them: none, a few, long runs, everybody; now and then with high ids.
function vendors(known) {
  const ids = new Set();
  switch (below(5)) {
    case 0:
      break;
    case 1:
      for (const id of some(known, 0.02)) ids.add(id);
      break;
    case 2:
      for (const id of some(known, 0.8)) ids.add(id);
      break;
    case 3:
      for (let run = 0; run < 1 + below(4); run += 1) {
        const from = below(known.length);
        for (const id of known.slice(from, from + below(300))) ids.add(id);
      }
      break;
    default:
      for (const id of known) ids.add(id);
  }
  return [...ids].sort((a, b) => a - b);
}

// [[first, last], ...]: lists of vendors are long, and mostly runs.
function ranges(ids) {
  const found = [];
  for (const id of [...new Set(ids)].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && last[1] === id - 1) last[1] = id;
    else found.push([id, id]);
  }
  return found;
}

const set = (vector) => [...vector].filter(([, on]) => on).map(([id]) => id);

// ---- TC strings ----

// A vendor list in which everybody may do everything: the library leaves out what a vendor did not declare.
const purposes = upTo(24);
const flexible = purposes.filter((purpose) => purpose > 1);
function vendorList() {
  const highest = pick([40, 300, 1500, 1500, 5000]);
  const known = highest === 5000 ? [...upTo(200), 4999, 5000] : upTo(highest);
  const table = {};
  for (const id of known) {
    table[id] = {
      id, name: `Vendor ${id}`, purposes, legIntPurposes: flexible, flexiblePurposes: flexible, specialPurposes: [1],
      features: [], specialFeatures: [], policyUrl: "", cookieMaxAgeSeconds: null, usesCookies: true, cookieRefresh: false,
      usesNonCookieAccess: false,
    };
  }
  const empty = Object.fromEntries(purposes.map((id) => [id, { id, name: "", description: "", illustrations: [] }]));
  return {
    known,
    list: new GVL({
      gvlSpecificationVersion: 3, vendorListVersion: 1 + below(400), tcfPolicyVersion: 2 + below(4),
      lastUpdated: "2026-01-08T16:00:00Z", purposes: empty, specialPurposes: { 1: empty[1] }, features: {}, specialFeatures: {}, stacks: {},
      dataCategories: {}, vendors: table,
    }),
  };
}
const lists = Array.from({ length: 8 }, vendorList);

function tcf() {
  const { known, list } = pick(lists);
  const model = new TCModel(list);
  const day = Date.UTC(2020, 8, 1) + below(2400) * 86_400_000;
  model.created = new Date(day);
  model.lastUpdated = new Date(day);
  model.cmpId = 2 + below(4000);
  model.cmpVersion = below(4096);
  model.consentScreen = below(64);
  model.publisherCountryCode = letters();
  model.isServiceSpecific = chance(0.8);
  model.useNonStandardTexts = chance(0.3);
  model.purposeOneTreatment = chance(0.2);
  const meant = {
    purposeConsents: some(purposes, 0.5), purposeLI: some(flexible, 0.5), specialFeatureOptins: some(upTo(12), 0.3),
    vendorConsents: vendors(known), vendorLI: vendors(known),
    publisherConsents: some(purposes, 0.4), publisherLI: some(purposes, 0.4),
  };
  model.purposeConsents.set(meant.purposeConsents);
  model.purposeLegitimateInterests.set(meant.purposeLI);
  model.specialFeatureOptins.set(meant.specialFeatureOptins);
  model.vendorConsents.set(meant.vendorConsents);
  model.vendorLegitimateInterests.set(meant.vendorLI);
  model.publisherConsents.set(meant.publisherConsents);
  model.publisherLegitimateInterests.set(meant.publisherLI);
  model.numCustomPurposes = chance(0.3) ? below(64) : 0;
  const custom = upTo(model.numCustomPurposes);
  model.publisherCustomConsents.set(some(custom, 0.5));
  model.publisherCustomLegitimateInterests.set(some(custom, 0.5));
  if (chance(0.5)) {
    for (let restriction = 0; restriction < below(12); restriction += 1) {
      const rule = new PurposeRestriction(pick(flexible), below(3));
      for (const vendor of vendors(known).slice(0, 200)) model.publisherRestrictions.add(vendor, rule);
    }
  }
  const segments = [Segment.CORE];
  if (chance(0.6)) segments.push(Segment.VENDORS_DISCLOSED);
  if (chance(0.2)) {
    segments.push(Segment.VENDORS_ALLOWED);
    model.vendorsAllowed.set(vendors(known));
  }
  if (chance(0.6)) segments.push(Segment.PUBLISHER_TC);

  const tc = TCString.encode(model, { segments });
  const read = TCString.decode(tc);
  for (const [name, vector] of [
    ["purposeConsents", read.purposeConsents], ["purposeLI", read.purposeLegitimateInterests],
    ["specialFeatureOptins", read.specialFeatureOptins], ["vendorConsents", read.vendorConsents],
    ["vendorLI", read.vendorLegitimateInterests],
  ]) {
    assert.deepEqual(set(vector), meant[name], name);
  }
  const has = (segment) => segments.includes(segment);
  return {
    tc, version: 2, created: read.created, lastUpdated: read.lastUpdated, cmpId: read.cmpId, cmpVersion: read.cmpVersion,
    consentScreen: read.consentScreen, consentLanguage: read.consentLanguage, vendorListVersion: read.vendorListVersion,
    tcfPolicyVersion: read.policyVersion, isServiceSpecific: read.isServiceSpecific,
    purposeOneTreatment: read.purposeOneTreatment, publisherCC: read.publisherCountryCode,
    specialFeatureOptins: set(read.specialFeatureOptins), purposeConsents: set(read.purposeConsents),
    purposeLI: set(read.purposeLegitimateInterests), vendorConsents: ranges(set(read.vendorConsents)),
    vendorLI: ranges(set(read.vendorLegitimateInterests)),
    publisherConsents: has(Segment.PUBLISHER_TC) ? set(read.publisherConsents) : [],
    publisherLI: has(Segment.PUBLISHER_TC) ? set(read.publisherLegitimateInterests) : [],
    customPurposes: has(Segment.PUBLISHER_TC) ? read.numCustomPurposes : 0,
    customConsents: has(Segment.PUBLISHER_TC) ? set(read.publisherCustomConsents) : [],
    customLI: has(Segment.PUBLISHER_TC) ? set(read.publisherCustomLegitimateInterests) : [],
    vendorsDisclosed: has(Segment.VENDORS_DISCLOSED) ? ranges(set(read.vendorsDisclosed)) : [],
    vendorsAllowed: has(Segment.VENDORS_ALLOWED) ? ranges(set(read.vendorsAllowed)) : [],
    restrictions: read.publisherRestrictions.getRestrictions().map((rule) => ({
      purpose: rule.purposeId, type: rule.restrictionType, vendors: ranges(read.publisherRestrictions.getVendors(rule)),
    })),
  };
}

// ---- GPP strings ----

const known = upTo(1200);
const booleans = (length, p) => Array.from({ length }, () => chance(p));
const restrictions = () =>
  Array.from({ length: below(5) }, () => ({ key: 2 + below(10), type: below(3), ids: vendors(known).slice(0, 60) }));
const vendorFields = /^(Vendor|VendorsDisclosed|VendorsAllowed|DisclosedVendors)/;

// A random value of the kind that a field has by default.
function value(name, now) {
  if (name === "CmpId") return 2 + below(4000);
  if (name === "CmpVersion" || name === "VendorListVersion") return below(4096);
  if (name === "ConsentScreen" || name === "PolicyVersion" || name === "TcfPolicyVersion") return below(64);
  if (name === "ConsentLanguage" || name === "PublisherCountryCode") return letters();
  if (name === "MspaCoveredTransaction") return 1 + below(2);
  if (name === "Notice" || name === "OptOutSale" || name === "LspaCovered") return pick(["Y", "N", "-"]);
  if (vendorFields.test(name)) return vendors(known);
  if (typeof now === "boolean") return chance(0.5);
  if (typeof now === "number") return below(3);
  if (now.every((entry) => typeof entry === "number")) return now.map(() => below(3));
  return booleans(now.length, 0.5);
}

// Not ours to choose: kinds of segments, dates that the library sets itself, and what only strings of Europe may not have.
const fixed = new Set([
  "Version", "MspaVersion", "Created", "LastUpdated", "GpcSegmentType", "IsServiceSpecific", "NumCustomPurposes",
  "PublisherPurposesSegmentType", "VendorsAllowedSegmentType", "VendorsDisclosedSegmentType", "PubPurposesSegmentType",
  "DisclosedVendorsSegmentType", "VendorsAllowed",
]);

function gpp() {
  const model = new GppModel();
  const included = some(Sections.SECTION_ORDER, pick([0.08, 0.3, 0.9]));
  const names = included.length > 0 ? included : [pick(Sections.SECTION_ORDER)];
  for (const name of names) {
    if (name === UsNat.NAME) model.setFieldValue(name, "Version", 1 + below(2));
    else model.setFieldValue(name, name.startsWith("tcf") ? "CmpVersion" : first(name), 0);
    for (const [field, now] of Object.entries(model.getSection(name))) {
      if (fixed.has(field)) continue;
      if (/Restrictions$/.test(field)) {
        model.setFieldValue(name, field, restrictions().map(entry));
      } else if (!/^(PublisherCustom|CustomPurposes)/.test(field)) {
        model.setFieldValue(name, field, value(field, now));
      }
    }
    for (const included of ["GpcSegmentIncluded", "SensitiveDataConsentSegmentIncluded"]) {
      if (model.hasField(name, included)) model.setFieldValue(name, included, chance(0.7));
    }
  }
  const text = model.encode();
  const read = new GppModel(text);
  const fields = read.toObject();
  for (const name of names) {
    // A segment that is not in the string has no values; the library shows its defaults.
    if (model.hasField(name, "GpcSegmentIncluded") && !model.getFieldValue(name, "GpcSegmentIncluded")) {
      delete fields[name].Gpc;
    }
    const sensitive = "SensitiveDataConsentSegmentIncluded";
    if (model.hasField(name, sensitive) && !model.getFieldValue(name, sensitive)) {
      delete fields[name].SensitiveDataProcessing;
    }
    for (const [field, said] of Object.entries(fields[name])) {
      if (!vendorFields.test(field) && !/Restrictions$/.test(field) && !/^(Created|LastUpdated)$/.test(field)) {
        assert.deepEqual(said, model.getFieldValue(name, field), `${name}.${field}`);
      }
      if (/Restrictions$/.test(field)) {
        fields[name][field] = said.map(({ key, type, ids }) => ({ key, type, ids: ranges(ids) }));
      } else if (Array.isArray(said) && typeof said[0] === "number" && /Vendor/.test(field)) {
        fields[name][field] = ranges(said);
      }
    }
  }
  return { gpp: text, sectionIds: read.getSectionIds(), fields };
}

// Any field of a section whose default may be set, so that the section comes into being.
function first(name) {
  return name === "uspv1" ? "Notice" : "SaleOptOut";
}

const { RangeEntry } = await import("@iabgpp/cmpapi");
function entry({ key, type, ids }) {
  return new RangeEntry(key, type, ids);
}

mkdirSync(folder, { recursive: true });
for (const [name, make] of [["tcf", tcf], ["gpp", gpp]].filter(([name]) => name === (process.argv[4] ?? name))) {
  const lines = Array.from({ length: count }, () => JSON.stringify(make()));
  writeFileSync(path.join(folder, `${name}.jsonl`), `${lines.join("\n")}\n`);
  console.log(`${name}: ${count} random states`);
}
