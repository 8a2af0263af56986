import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { canonicalPath, encodedPath } from "../../src/core/metadata-path.ts";

const RUNS = 20_000;

/** What a target is made of, dense in all that two readers could understand in two ways. */
const PIECES = [
  ...[
    "/",
    "//",
    "/./",
    "/../",
    "\\",
    "%2f",
    "%2F",
    "%5c",
    "%252f",
    "%2e",
    "%2e%2e",
    "..",
    "..;",
    "..%3b",
    "%00",
    "%0d%0a",
  ],
  ...[
    "%c0%af",
    "%e0%80%ae",
    "%u002f",
    "%ef%bc%8f",
    "\xc0\xaf",
    "%",
    "%4",
    "%zz",
    ";x=y",
    "?",
    "#",
    "%3f",
    "%23",
    "%20",
    " ",
  ],
  ...[
    "latest",
    "meta-data",
    "iam",
    "security-credentials",
    "user-data",
    "a",
    "my%2Brole%40x",
    "http://h",
    "*",
    "~",
    "!",
    "'",
  ],
];

const bytes = fc.uint8Array({ maxLength: 60 }).map((some) => Buffer.from(some).toString("latin1"));
const target = fc.oneof(
  bytes,
  bytes.map((some) => `/${some}`),
  fc.array(fc.oneof(fc.constantFrom(...PIECES), bytes), { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join("")),
  fc.string({ unit: "binary" }),
);

/** Any name without a character that means something in a path. */
const PLAIN = "abcXYZ019+,-.:=@_";
const segment = fc
  .string({ unit: fc.constantFrom(...PLAIN), minLength: 1, maxLength: 12 })
  .filter((text) => text !== "." && text !== "..");

describe("canonicalPath, for any bytes", () => {
  it("never throws, and is one of three things", () => {
    fc.assert(
      fc.property(target, (text) => {
        assert.ok(["path", "malformed", "unknown"].includes(canonicalPath(text).kind));
      }),
      { numRuns: RUNS },
    );
  });

  it("leaves nothing in a segment that anybody could read as another path", () => {
    fc.assert(
      fc.property(target, (text) => {
        const path = canonicalPath(text);
        if (path.kind !== "path") return;
        for (const part of path.segments) assert.match(part, /^(?!\.{1,2}$)[A-Za-z0-9+,\-.:=@_]+$/);
      }),
      { numRuns: RUNS },
    );
  });

  it("gives a path that survives being encoded and read again: one spelling per path", () => {
    fc.assert(
      fc.property(target, (text) => {
        const path = canonicalPath(text);
        if (path.kind === "path") assert.deepEqual(canonicalPath(`/${encodedPath(path.segments)}`), path);
      }),
      { numRuns: RUNS },
    );
  });

  it("takes every path of plain names for what it is, encoded or not, with a query or without", () => {
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 8 }), bytes, (segments, tail) => {
        const expected = { kind: "path", segments };
        assert.deepEqual(canonicalPath(`/${segments.join("/")}`), expected);
        assert.deepEqual(canonicalPath(`//${encodedPath(segments)}/?${tail}`), expected);
      }),
      { numRuns: RUNS / 4 },
    );
  });

  it("decodes once: what is still, or again, an escape is no path", () => {
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), segment, fc.nat(255), (before, after, byte) => {
        const encodedTwice = `%25${byte.toString(16).padStart(2, "0")}`;
        assert.equal(canonicalPath(`/${before.join("/")}${encodedTwice}${after}`).kind, "unknown");
      }),
      { numRuns: RUNS / 4 },
    );
  });

  it("has one answer for a path and for the same path with any character encoded once", () => {
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 6 }), fc.array(fc.nat()), (segments, places) => {
        const plain = segments.join("/");
        const written = new Set(places.map((place) => place % plain.length));
        const spelt = (character: string, i: number): string =>
          written.has(i) && character !== "/" ? `%${character.charCodeAt(0).toString(16)}` : character;
        assert.deepEqual(canonicalPath(`/${Array.from(plain, spelt).join("")}`), { kind: "path", segments });
      }),
      { numRuns: RUNS / 4 },
    );
  });
});
