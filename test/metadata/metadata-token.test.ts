import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MetadataTokens, tokenSeconds } from "../../src/metadata/metadata-token.ts";
import { START } from "../support/workloads.ts";

const KEY = Buffer.alloc(32, 1);
const tokens = new MetadataTokens(KEY);
const token = tokens.issue("a", START + 1000);

describe("MetadataTokens", () => {
  it("look like the real service's: 56 characters of base64", () => assert.match(token, /^AQAAA[A-Za-z0-9+/]{49}==$/));

  it("are good until their end, to the millisecond", () => {
    assert.equal(tokens.remainingMs(token, "a", START + 999), 1);
    assert.equal(tokens.remainingMs(token, "a", START + 1000), undefined);
  });

  it("survive a restart with the same key, and mean nothing under another", () => {
    assert.equal(new MetadataTokens(Buffer.from(KEY)).remainingMs(token, "a", START), 1000);
    assert.equal(new MetadataTokens(Buffer.alloc(32, 2)).remainingMs(token, "a", START), undefined);
  });

  it("are bound to one life of one workload", () => {
    for (const other of ["b", "", "a@2026", "aa"]) assert.equal(tokens.remainingMs(token, other, START), undefined);
  });

  it("with any one character changed are none", () => {
    fc.assert(
      fc.property(fc.nat({ max: 53 }), fc.constantFrom(..."ABCxyz019+/"), (place, character) => {
        if (token[place] === character) return;
        const changed = token.slice(0, place) + character + token.slice(place + 1);
        assert.equal(tokens.remainingMs(changed, "a", START), undefined);
      }),
    );
  });

  it("are nothing else: any other text is none, and never an exception", () => {
    fc.assert(fc.property(fc.string(), (text) => assert.equal(tokens.remainingMs(text, "a", START), undefined)));
  });
});

describe("tokenSeconds", () => {
  it("takes whole numbers from 1 to 21600, written once and plainly", () => {
    for (const [text, seconds] of [
      ["1", 1],
      ["10", 10],
      ["300", 300],
      ["21600", 21_600],
    ] as const) {
      assert.equal(tokenSeconds([text]), seconds);
    }
    for (const text of ["0", "21601", "-1", "+1", "1.5", "1e2", "", " 1", "abc", "٣"])
      assert.equal(tokenSeconds([text]), undefined);
    assert.equal(tokenSeconds(undefined), undefined);
    assert.equal(tokenSeconds(["1", "1"]), undefined);
  });
});
