import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fitsAny, fitsPattern, haveCommonText } from "../../src/core/iam-pattern.ts";

test("a star crosses slashes and colons, a question mark is one character", () => {
  for (const [pattern, text, fits] of [
    ["*", "", true],
    ["*", "arn:aws:iam::111122223333:role/a/b", true],
    ["arn:aws:iam::*:role/red/*", "arn:aws:iam::111122223333:role/red/deep/er", true],
    ["arn:aws:iam::*:role/red/*", "arn:aws:iam::111122223333:role/blue/x", false],
    ["role/?", "role/a", true],
    ["role/?", "role/", false],
    ["role/?", "role/ab", false],
    ["a*b*c", "aXbYc", true],
    ["a*b*c", "aXbYcZ", false],
    ["Role", "role", false],
    ["a.c", "abc", false],
    ["", "", true],
    ["", "a", false],
    ["a**", "a", true],
  ] as const) {
    assert.equal(fitsPattern(pattern, text), fits, `${pattern} against ${text}`);
  }
});

test("it agrees with the regular expression of the same meaning", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "/", "*", "?"), maxLength: 12 });
  const subject = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 12 });
  fc.assert(
    fc.property(word, subject, (pattern, text) => {
      const source = pattern.replaceAll("*", ".*").replaceAll("?", ".");
      assert.equal(fitsPattern(pattern, text), new RegExp(`^${source}$`).test(text));
    }),
  );
});

test("a pattern made to backtrack costs no more than its length times the text's", () => {
  const startedAt = performance.now();
  assert.equal(fitsPattern(`${"a*".repeat(50)}b`, "a".repeat(2000)), false);
  assert.ok(performance.now() - startedAt < 1000);
});

test("a pattern of an ending is not tried at each place of a long text", () => {
  const begun = process.cpuUsage();
  assert.equal(fitsPattern("*aaaaaaaab", "a".repeat(16 << 20)), false);
  const { user } = process.cpuUsage(begun);
  assert.ok(user < 250_000, `it took ${user} µs`);
});

test("any one of several patterns suffices, and none is none", () => {
  assert.equal(fitsAny(["x", "a*"], "abc"), true);
  assert.equal(fitsAny([], "abc"), false);
});

test("two patterns have a common text where trying all short texts finds one", () => {
  const texts = [""];
  for (let from = 0, length = 1; length <= 6; length += 1) {
    const until = texts.length;
    for (; from < until; from += 1) texts.push(`${texts[from]}a`, `${texts[from]}b`);
  }
  const word = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 3 });
  fc.assert(
    fc.property(word, word, (one, other) => {
      const found = texts.some((text) => fitsPattern(one, text) && fitsPattern(other, text));
      assert.equal(haveCommonText(one, other), found, `${one} and ${other}`);
    }),
    { numRuns: 2_000 },
  );
});
