import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuSeconds, memory } from "../bench/process-figures.ts";
import { median, medianRatio } from "../bench/statistics.ts";
import { ratio, table } from "../bench/table.ts";

test("the median is the middle value, whatever the order", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 3);
  assert.equal(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test("a ratio is taken turn by turn, so that a slow turn of both changes nothing", () => {
  assert.equal(medianRatio([2, 200, 2.2], [1, 100, 1]), 2);
});

test("without anything to compare with there is no ratio", () => {
  assert.equal(ratio(medianRatio([1, 2, 3], []), " x"), "-");
});

test("a table has its first column to the left and the others to the right", () => {
  assert.equal(
    table([
      ["name", "us"],
      ["a", "1,000"],
    ]),
    "name      us\na      1,000",
  );
});

test("CPU time is that of the process, in seconds, and grows as it works", () => {
  const before = cpuSeconds(process.pid);
  const own = process.cpuUsage();
  while (process.cpuUsage(own).user < 200_000) Math.sqrt(2);
  const spent = cpuSeconds(process.pid) - before;
  assert.ok(spent >= 0.15 && spent < 2, `${spent} s`);
});

test("resident memory holds the process's own and is about what the runtime says", () => {
  const { residentBytes, ownBytes } = memory(process.pid);
  assert.ok(ownBytes > 1e6 && ownBytes < residentBytes);
  assert.ok(Math.abs(residentBytes / process.memoryUsage.rss() - 1) < 0.2);
});
