import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { bindingAimsReport, bytesEach, memoryFiguresReport } from "../bench/bindings-report.ts";
import { tokenRequests } from "../bench/holds.ts";
import { holdAimsReport } from "../bench/holds-report.ts";
import { cpuSeconds, familyCpuSeconds, memory } from "../bench/process-figures.ts";
import { runtimesReport } from "../bench/runtimes-report.ts";
import { median, medianRatio, percentile } from "../bench/statistics.ts";
import { ratio, table } from "../bench/table.ts";

test("the median is the middle value, whatever the order", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 3);
  assert.equal(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test("a percentile is the smallest value that so many percent do not exceed", () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.deepEqual(
    [1, 50, 95, 100].map((percent) => percentile(hundred, percent)),
    [1, 50, 95, 100],
  );
  assert.equal(percentile([3, 1], 50), 1);
  assert.equal(percentile([5], 95), 5);
  assert.ok(Number.isNaN(percentile([], 50)));
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

/** Works, and ends once it has used so much. */
const BUSY = "const own = process.cpuUsage(); while (process.cpuUsage(own).user < 300_000) Math.sqrt(2);";

test("the CPU time of a family holds that of programs that have ended, and of those that run", async () => {
  const before = familyCpuSeconds(process.pid);
  execFileSync(process.execPath, ["-e", BUSY]);
  const ended = familyCpuSeconds(process.pid) - before;
  assert.ok(ended >= 0.25, `${ended} s of one that has ended`);
  const running = spawn(process.execPath, ["-e", `${BUSY} console.log("done"); setInterval(() => {}, 1000)`]);
  await once(running.stdout, "data");
  const both = familyCpuSeconds(process.pid) - before;
  assert.ok(both - ended >= 0.25, `${both - ended} s of one that runs`);
  running.kill();
  await once(running, "exit");
});

test("a further workload takes what the medians of the last two sizes differ by", () => {
  const figures = [
    { containers: 10, ownBytes: 20e6 },
    { containers: 250, ownBytes: 40e6 },
    { containers: 1_000, ownBytes: 40e6 + 750 * 4096 },
    { containers: 1_000, ownBytes: 90e6 },
    { containers: 1_000, ownBytes: 1e6 },
  ];
  assert.equal(
    bytesEach({ containers: 250, ownBytes: 40e6 }, { containers: 1_000, ownBytes: 40e6 + 750 * 4096 }),
    4096,
  );
  assert.match(memoryFiguresReport(figures), /^1,000 containers, bound +43\.1 +4\.0$/m);
  const round = { rate: 100, cpuUs: 1, p50Us: 1, p99Us: 1, keys: 1 };
  const report = bindingAimsReport({
    contest: { on: [{ ...round, rate: 94 }], off: [round], restOn: 0.004, restOff: 0.001 },
    transactions: [{ bindings: 1_000, nftMs: [101, 99, 100], upMs: [1, 1, 1] }],
    memory: figures,
  });
  assert.match(report, /^throughput bound, of unbound +>= 0\.95 x +0\.94 x +NOT MET$/m);
  assert.match(report, /^1,000 bindings in one transaction, ms +<= 100 +100\.0 +met$/m);
  assert.match(report, /^memory of one more workload, KB +<= 8 +4\.0 +met$/m);
  assert.match(report, /^CPU at rest with 1,000 workloads, % +<= 0\.5 +0\.40 +met$/m);
});

test("a hold is the duration of a container's request for a token, and the aim is for the middle one", () => {
  const line = { level: "debug", msg: "request", method: "PUT", path: "/latest/api/token" };
  const log = [
    { ...line, durationMs: 12 },
    { ...line, method: "GET", durationMs: 99 },
    { ...line, msg: "bound", durationMs: 99 },
    { ...line, durationMs: 31 },
  ];
  assert.deepEqual(tokenRequests(log), [12, 31]);
  const report = holdAimsReport({ aloneMs: [12, 31, 500], togetherMs: [150, 150, 900], startMs: [] });
  assert.match(report, /^hold alone, p50, ms +<= 30 +31\.0 +NOT MET$/m);
  assert.match(report, /^hold with eight at once, p50, ms +<= 150 +150\.0 +met$/m);
});

test("runtimes are compared with the first of them, in the same turns, and a checkout has no size", () => {
  const round = { rate: 100, cpuUs: 300, p50Us: 1_000, p99Us: 2_000, keys: 1 };
  const memory = { residentBytes: 60e6, ownBytes: 20e6 };
  const figures = { listeningMs: [90, 100, 130], firstAnswerMs: [120], idle: memory, loaded: memory };
  const report = runtimesReport([
    { ...figures, name: "executable", bytes: 110e6, rounds: [round, { ...round, rate: 50 }] },
    {
      ...figures,
      name: "source",
      bytes: undefined,
      rounds: [
        { ...round, rate: 40 },
        { ...round, rate: 20 },
      ],
    },
  ]);
  assert.match(report, /^executable +110\.0 +100 +130 +120 +120 +60\.0 \(20\.0\)/m);
  assert.match(report, /^source +- +100 /m);
  assert.match(report, /^source +40 +0\.40 x +300 +1\.00 x +1\.00 +2\.00$/m);
});
