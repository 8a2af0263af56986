import assert from "node:assert/strict";
import { test } from "node:test";
import { versionToSpeak } from "../../src/docker/api-version.ts";

for (const [highest, lowest, spoken, because] of [
  ["1.41", "1.12", "1.41", "Docker 20.10 knows no newer one"],
  ["1.45", "1.24", "1.45", "ours"],
  ["1.56", "1.40", "1.45", "newer than ours is not needed"],
  ["1.60", "1.46", "1.46", "never below the minimum"],
  ["1.9", undefined, "1.9", "nine is less than forty-five"],
  ["2.0", "1.44", "1.45", "the major number counts first"],
] as const) {
  test(`an Engine of ${highest}, minimum ${lowest}, is spoken to in ${spoken}: ${because}`, () => {
    assert.equal(versionToSpeak({ highest, ...(lowest !== undefined && { lowest }) }), spoken);
  });
}
