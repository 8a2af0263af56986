import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { canonicalPath, encodedPath } from "../../src/core/metadata-path.ts";

const CREDENTIALS = "latest/meta-data/iam/security-credentials";

describe("canonicalPath", () => {
  const same = [
    `/${CREDENTIALS}`,
    `/${CREDENTIALS}/`,
    `//latest//meta-data///iam/security-credentials//`,
    `/latest/meta-data/%69am/security-credentials/`,
    `/latest/meta-data/iam/security%2Dcredentials`,
    `/${CREDENTIALS}?x=/../..`,
    `/${CREDENTIALS}#y`,
    `http://169.254.169.254/${CREDENTIALS}`,
    `HTTP://[fd00:ec2::254]:80/${CREDENTIALS}?`,
  ];
  for (const target of same) {
    it(`reads ${target} as the credentials path`, () =>
      assert.deepEqual(canonicalPath(target), { kind: "path", segments: CREDENTIALS.split("/") }));
  }

  const unknown = [
    { target: "/latest/./meta-data", because: "a dot segment" },
    { target: "/latest/x/../meta-data", because: "a dot-dot segment, which is never resolved" },
    { target: "/latest/%2e%2e/meta-data", because: "the same, encoded" },
    { target: "/latest%2fmeta-data", because: "a slash that was encoded" },
    { target: "/latest/%2569am", because: "an escape within an escape: decoded once only" },
    { target: "/latest/%00", because: "NUL" },
    { target: "/latest/%5cmeta-data", because: "an encoded backslash" },
    { target: "/latest/%c0%afiam", because: "overlong UTF-8" },
    { target: "/latest/%e2%84%aa", because: "not ASCII" },
    { target: "/latest/%7f", because: "DEL" },
  ];
  for (const { target, because } of unknown) {
    it(`knows no ${target}: ${because}`, () => assert.deepEqual(canonicalPath(target), { kind: "unknown" }));
  }

  for (const target of ["latest/meta-data", "*", "", "/a b", "/\\x", "/%", "/%zz", "/%4", "/é"]) {
    it(`calls ${JSON.stringify(target)} malformed`, () => assert.equal(canonicalPath(target).kind, "malformed"));
  }

  it("is the root for / and for an authority alone", () => {
    for (const target of ["/", "//", "/?x", "http://169.254.169.254"]) {
      assert.deepEqual(canonicalPath(target), { kind: "path", segments: [] });
    }
  });

  it("keeps case, and the characters of role names", () => {
    assert.deepEqual(canonicalPath("/latest/Meta-Data/my%2Brole%40x=,."), {
      kind: "path",
      segments: ["latest", "Meta-Data", "my+role@x=,."],
    });
  });

  it("is total, and its segments survive encoding and reading again: one spelling per path", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."/%.2eEfF5cC0a?#\\ é") }), (tail) => {
        const path = canonicalPath(`/${tail}`);
        if (path.kind !== "path") return;
        for (const segment of path.segments) assert.match(segment, /^(?!\.{1,2}$)(?:(?![/\\%])[ -~])+$/);
        assert.deepEqual(canonicalPath(`/${encodedPath(path.segments)}`), path);
      }),
      { numRuns: 2000 },
    );
  });
});
