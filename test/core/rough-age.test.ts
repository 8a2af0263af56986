import assert from "node:assert/strict";
import { test } from "node:test";
import { roughAge } from "../../src/core/rough-age.ts";

for (const [seconds, words] of [
  [-5, "0 s"],
  [0.9, "0 s"],
  [119, "119 s"],
  [120, "2 min"],
  [7_199, "119 min"],
  [7_200, "2 h"],
  [172_799, "47 h"],
  [172_800, "2 d"],
] as const) {
  test(`${seconds} seconds are "${words}"`, () => assert.equal(roughAge(seconds * 1000), words));
}
