/** Consent platforms for pages: strings by the IAB's libraries, and the libraries' own APIs to serve them. */
import { GppModel } from "@iabgpp/cmpapi";
import { GVL, Segment, TCModel, TCString } from "@iabtcf/core";
import { buildSync } from "esbuild";
import { modules } from "./files.mjs";

const numbers = Array.from({ length: 11 }, (_, index) => index + 1);
const named = Object.fromEntries(numbers.map((id) => [id, { id, name: "", description: "", illustrations: [] }]));
const vendors = () =>
  new GVL({
    gvlSpecificationVersion: 3,
    vendorListVersion: 1,
    tcfPolicyVersion: 5,
    lastUpdated: "2026-01-08T16:00:00Z",
    purposes: named,
    specialPurposes: {},
    features: {},
    specialFeatures: {},
    stacks: {},
    dataCategories: {},
    vendors: { 7: { id: 7, name: "Vendor", purposes: numbers, legIntPurposes: [], flexiblePurposes: [], specialPurposes: [], features: [], specialFeatures: [], policyUrl: "" } },
  });

/** A TC string of a registered platform that consents to these purposes. */
export function tcString(purposes) {
  const model = new TCModel(vendors());
  model.cmpId = 31;
  model.cmpVersion = 1;
  model.consentScreen = 1;
  model.publisherCountryCode = "FR";
  model.isServiceSpecific = true;
  model.purposeConsents.set(purposes);
  return TCString.encode(model, { segments: [Segment.CORE, Segment.VENDORS_DISCLOSED] });
}

export const EVERYTHING = tcString(numbers);
export const NOTHING = tcString([]);

/** A GPP string with these fields of the US national section. */
export function gppString(fields) {
  const model = new GppModel();
  for (const [name, value] of Object.entries({ SaleOptOut: 2, SharingOptOut: 2, TargetedAdvertisingOptOut: 2, SaleOptOutNotice: 1, SharingOptOutNotice: 1, SharingNotice: 1, TargetedAdvertisingOptOutNotice: 1, MspaCoveredTransaction: 1, ...fields })) {
    model.setFieldValue("usnat", name, value);
  }
  return model.encode();
}

/** A stub as a page has it before its platform has come: calls wait in a queue. */
export const STUB = `
  window.__tcfapi = Object.assign((...call) => call.length ? void __tcfapi.queue.push(call) : __tcfapi.queue, { queue: [] });`;

/** A script that gives the page \`platforms.Tcf\` and \`platforms.Gpp\`, the \`CmpApi\` of each library. */
export const PLATFORMS = buildSync({
  stdin: {
    contents: `
      import { CmpApi as Tcf } from "@iabtcf/cmpapi";
      import { CmpApi as Gpp } from "@iabgpp/cmpapi";
      window.platforms = { Tcf, Gpp };
      /** A platform of TCF that says \`string\`. */
      window.tcf = (string, shown) => {
        window.cmp ??= new Tcf(31, 1, true);
        window.cmp.update(string, shown);
      };
      /** A platform of GPP that says \`string\` of the section 7. */
      window.gpp = (string) => {
        window.gppCmp ??= new Gpp(31, 1);
        window.gppCmp.setGppString(string);
        window.gppCmp.setApplicableSections([7]);
        window.gppCmp.setSignalStatus("ready");
      };`,
    resolveDir: modules,
  },
  bundle: true,
  write: false,
  format: "iife",
  target: "es2022",
}).outputFiles[0].text;
