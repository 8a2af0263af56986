import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseMetadataTarget } from "../../src/mock-ec2/metadata-target.ts";

const read = (target: string): string => {
  const parsed = parseMetadataTarget(target);
  return parsed.kind === "segments" ? parsed.segments.join("|") : String(parsed.status);
};

test("spellings that clients use are one path; what none of them sends is refused", () => {
  for (const [target, result] of [
    ["/", ""],
    ["/latest/meta-data/", "latest|meta-data"],
    ["/latest/meta-data", "latest|meta-data"],
    ["//latest//meta-data//x//", "latest|meta-data|x"],
    ["/latest?x=/y#z", "latest"],
    ["http://169.254.169.254/latest", "latest"],
    ["/a/my%2Brole%40x", "a|my+role@x"],
    ["/a/cost%20center", "a|cost center"],
    ["/%6c%61test", "latest"],
    ["/Latest", "Latest"],
    ["latest", "400"],
    ["*", "400"],
    ["/a b", "400"],
    ["/a\\b", "400"],
    ["/a\u0000", "400"],
    ["/ä", "400"],
    ["/%zz", "400"],
    ["/%ff", "400"],
    ["/a/../b", "404"],
    ["/a/./b", "404"],
    ["/a/%2e%2e/b", "404"],
    ["/a%2fb", "404"],
    ["/a%5cb", "404"],
    ["/%2569am", "404"],
    ["/a%00", "404"],
    ["/a%0d%0ab", "404"],
  ] as const) {
    assert.equal(read(target), result, target);
  }
});

test("no target makes a segment that could be resolved or decoded again", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("/", ".", "%", "2", "5", "e", "f", "a", "\\"), maxLength: 24 }),
      (rest) => {
        const parsed = parseMetadataTarget(`/${rest}`);
        if (parsed.kind === "refused") return;
        for (const segment of parsed.segments) assert.match(segment, /^(?!\.\.?$)[^%/\\]+$/);
      },
    ),
  );
});
