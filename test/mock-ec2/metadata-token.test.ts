import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MetadataTokens, parseTtl } from "../../src/mock-ec2/metadata-token.ts";

test("a token looks like EC2's, and no two are alike", () => {
  const tokens = new MetadataTokens("seed");
  assert.match(tokens.issue(1000), /^AQAAA[A-Za-z0-9+/]{49}==$/);
  assert.notEqual(tokens.issue(1000), tokens.issue(1000));
});

test("a token is good until its end, for whoever has the same seed", () => {
  const token = new MetadataTokens("seed").issue(1000);
  const tokens = new MetadataTokens("seed");
  assert.equal(tokens.remainingMs(token, 0), 1000);
  assert.equal(tokens.remainingMs(token, 999), 1);
  assert.equal(tokens.remainingMs(token, 1000), undefined);
  assert.equal(new MetadataTokens("other").remainingMs(token, 0), undefined);
});

test("no altered token is good", () => {
  const tokens = new MetadataTokens("seed");
  const token = tokens.issue(1000);
  const bytes = Buffer.from(token, "base64");
  fc.assert(
    fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] ?? 0) ^ flip;
      assert.equal(tokens.remainingMs(altered.toString("base64"), 0), undefined);
    }),
  );
  for (const odd of ["", "x", `${token}\n`, ` ${token}`, token.slice(0, -2), `${token}, ${token}`, `${token}=`]) {
    assert.equal(tokens.remainingMs(odd, 0), undefined, odd);
  }
});

test("a lifetime is a whole number from 1 to 21600", () => {
  for (const [text, seconds] of [
    ["1", 1],
    ["21600", 21_600],
    ["00060", 60],
    ["0", undefined],
    ["21601", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["1e3", undefined],
    ["abc", undefined],
    ["", undefined],
    [undefined, undefined],
  ] as const) {
    assert.equal(parseTtl(text), seconds, text);
  }
});
