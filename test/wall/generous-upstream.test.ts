import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import fc from "fast-check";
import { foundAt, generousReading } from "./generous-reading.ts";
import { GUARDED, WANTED } from "./host-documents.ts";
import { guardedTarget } from "./spellings.ts";

describe("the upstream that the wall is tried with", () => {
  const spellings = [
    "/latest/user-data",
    "/LATEST//User-Data/",
    "/nonsense/user-data/x/y?z#a",
    "user-data",
    "/latest/%75ser-data",
    "/latest/%2575ser-data",
    "/latest/%25%37%35ser-data",
    "/latest/%252575ser-data",
    "/latest%2fuser-data",
    "/latest\\user-data",
    "/latest%5cuser-data",
    "/latest/./x/../user-data",
    "/latest/meta-data/%2e%2e/user-data",
    "/latest/meta-data/..;x=y/user-data",
    "/latest/meta-data/..%3b/user-data",
    "/latest/meta-data/..%20/user-data",
    "/latest/meta-data/%c0%ae%c0%ae/user-data",
    "/latest/meta-data/%e0%80%ae%e0%80%ae%c0%afuser-data",
    "/latest/meta-data\xc0\xaf..\xc0\xafuser-data",
    "/latest%u002fuser-data",
    "/latest%ef%bc%8fuser-data",
    "/latest/%ef%bd%95ser-data",
    "/latest/user-data%00.json",
    "/latest/user-data;x",
    "/latest/us\ter-data",
    "http://anything.example/latest/user-data",
    "HTTP://[fd00:ec2::254]:80/latest/user-data",
  ];
  for (const target of spellings) {
    it(`reads ${JSON.stringify(target)} as user-data`, () =>
      assert.deepEqual(foundAt(generousReading(target)).kind, "guarded"));
  }

  it("gives away every path that is wanted, but for its token", () => {
    for (const path of WANTED.filter((path) => path !== "api/token")) assert.equal(foundAt(path).kind, "guarded", path);
    for (const path of GUARDED) assert.equal(foundAt(generousReading(`/1.0/${path}`)).kind, "guarded", path);
  });
});

test("most spellings that are tried would be understood by an upstream that got them as they are", () => {
  const targets = fc.sample(guardedTarget([]), 4_000);
  const understood = targets.filter((target) => foundAt(generousReading(target)).kind === "guarded").length;
  assert.ok(understood > targets.length / 2, `${understood} of ${targets.length}`);
});
