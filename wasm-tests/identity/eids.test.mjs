import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { CHARACTERS, SOURCES, UIDS, read, recognisable, scheme, write } from "../../pkg-template/eids.mjs";
import { MATCHED, PREBID } from "./fixtures.mjs";

const codes = (value) => read(value).refused.map(({ code }) => code);

test("what Prebid hands out is read and written back as it is", () => {
  for (const eids of [PREBID, MATCHED, [...MATCHED, ...PREBID]]) {
    const known = read(structuredClone(eids));
    assert.deepEqual(known, { eids, refused: [] });
    for (const version of ["2.6", "2.5", "both"]) {
      const user = write({}, known.eids, { share: true, version });
      assert.deepEqual(read({ id: "request", user: JSON.parse(JSON.stringify(user)) }).eids, eids);
      assert.deepEqual(read(user).eids, eids);
    }
  }
});

test("each version has its place", () => {
  const user = (version) => write({ id: "u", ext: { consent: "CO" } }, MATCHED, { share: true, version });
  assert.deepEqual(user("2.6"), { id: "u", ext: { consent: "CO" }, eids: MATCHED });
  assert.deepEqual(user("2.5"), { id: "u", ext: { consent: "CO", eids: MATCHED } });
  assert.deepEqual(user("both"), { id: "u", ext: { consent: "CO", eids: MATCHED }, eids: MATCHED });
});

test("where both places are filled the newer one counts alone", () => {
  const user = { eids: MATCHED, ext: { eids: PREBID } };
  assert.deepEqual(read({ user }).eids, MATCHED);
  assert.deepEqual(read({ user: { eids: [], ext: { eids: PREBID } } }).eids, []);
});

test("without permission to share no identifier leaves, whoever put it there", () => {
  const user = { id: "u", eids: MATCHED, ext: { eids: PREBID, consent: "CO" } };
  for (const share of [false, undefined, 1]) {
    assert.deepEqual(write(user, PREBID, { share, version: "both" }), { id: "u", ext: { consent: "CO" } });
  }
  assert.deepEqual(user.eids, MATCHED, "the given user stays as it was");
});

test("an identity of UID2 and an answer of ID5 become entries", () => {
  const token = { advertising_token: "A4AAAB", refresh_token: "A4AAAC", identity_expires: 1, refresh_from: 1, refresh_expires: 2 };
  assert.deepEqual(read(token).eids, [{ source: "uidapi.com", uids: [{ id: "A4AAAB", atype: 3 }] }]);
  const entry = { source: "id5-sync.com", uids: [{ id: "ID5*x", atype: 1, ext: { linkType: 2, pba: "y" } }] };
  const euid = { source: "euid.eu", uids: [{ id: "E4AAAA", atype: 3 }] };
  const answer = { universal_uid: "ID5*x", signature: "s", ids: { id5id: { eid: entry }, euid: { eid: euid } } };
  assert.deepEqual(read(answer).eids, [entry, euid]);
  const older = { universal_uid: "ID5*x", ext: { linkType: 2, pba: "y" } };
  assert.deepEqual(read(older).eids, [entry]);
  const prebid = { pubcid: "p", id5id: { uid: "ID5*x", ext: { linkType: 2, pba: "y" } }, uid2: { id: "A4AAAB" } };
  assert.deepEqual(read(prebid).eids.map(scheme), ["uid2", "id5"]);
  assert.equal(scheme(MATCHED[0]), null);
});

test("what is no id is left out with a reason, and never named", () => {
  const entry = (id) => [{ source: "a.example", uids: [{ id }] }];
  for (const id of ["0", "", "null", "00000000-0000-0000-0000-000000000000", "{{user.id}}", " Anonymous "]) {
    assert.deepEqual(read(entry(id)), { eids: [], refused: [{ source: "a.example", code: "identity/placeholder" }] }, id);
  }
  assert.deepEqual(codes(entry(7)), ["identity/malformed"]);
  assert.deepEqual(codes(entry("x".repeat(CHARACTERS + 1))), ["identity/long"]);
  assert.deepEqual(read({ universal_uid: "0" }).eids, []);
  const both = [{ source: "a.example", uids: [{ id: "0" }, { id: "kept", atype: 1 }] }];
  assert.deepEqual(read(both).eids, [{ source: "a.example", uids: [{ id: "kept", atype: 1 }] }]);
});

test("odd shapes and endless lists end in codes", () => {
  const circle = { source: "a.example", uids: [{ id: "x" }] };
  circle.self = circle;
  for (const odd of [null, undefined, 1, "eids", {}, { user: null }, { user: {} }, { user: { eids: {} } }]) {
    assert.deepEqual(read(odd), { eids: [], refused: [] });
  }
  assert.deepEqual(codes([null, 1, {}, { source: "a" }, { source: "", uids: [] }, circle]), Array(6).fill("identity/malformed"));
  assert.deepEqual(codes([{ source: "a", uids: [] }]), ["identity/placeholder"]);
  const many = Array.from({ length: SOURCES + 9 }, (_, n) => ({ source: `s${n}.example`, uids: [{ id: "x" }] }));
  assert.equal(read(many).eids.length, SOURCES);
  const crowd = [{ source: "a", uids: Array.from({ length: UIDS + 1 }, (_, n) => ({ id: `i${n}` })) }];
  assert.equal(read(crowd).eids[0].uids.length, UIDS);
  assert.deepEqual(codes([{ source: "a", uids: [{ id: "x", ext: "y".repeat(9000) }] }]), ["identity/long"]);
});

test("only ids that stay the same are hashed", () => {
  assert.deepEqual(
    recognisable(PREBID).map(([source]) => source),
    ["pubcid.org", "adserver.org", "liveintent.com", "publisher.example", "publisher.example"],
  );
  // The same digest stands in tests/identity.rs.
  const digest = createHash("sha256").update(recognisable(MATCHED)[0].join("\n")).digest("hex");
  assert.equal(digest, "18a8c93d51db5e86f80bfc5baa2e96271b034af6007fef2150713fb156364592");
});
