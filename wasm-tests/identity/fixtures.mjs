/** Lists of extended identifiers in the shapes that their makers document. The ids are invented. */

/** As Prebid's user id module hands them out, `pbjs.getUserIdsAsEids()`, unknown fields included. */
export const PREBID = [
  { source: "pubcid.org", uids: [{ id: "2c8b5a1e-0f0b-4c57-9d5c-3b1f9d9a7e11", atype: 1 }] },
  { source: "adserver.org", uids: [{ id: "a-unified-id", atype: 1, ext: { rtiPartner: "TDID" } }] },
  { source: "id5-sync.com", uids: [{ id: "ID5*abc_-", atype: 1, ext: { linkType: 2, abTestingControlGroup: false, pba: "x==" } }] },
  { source: "uidapi.com", uids: [{ id: "A4AAAB/token+==", atype: 3, ext: { provider: "ssp.example" } }] },
  { source: "liveintent.com", uids: [{ id: "li", atype: 3 }], ext: { segments: ["s1", "s2"] } },
  { source: "publisher.example", uids: [{ id: "p1", atype: 500, ext: { stype: "ppuid" } }, { id: "p2" }], later: { field: [1, null] } },
];

/** With the fields that 2.6-202409 brought. */
export const MATCHED = [
  { inserter: "publisher.example", matcher: "matcher.example", mm: 3, source: "partner.example", uids: [{ id: "q", atype: 1 }] },
];
