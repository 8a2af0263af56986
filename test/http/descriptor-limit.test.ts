import assert from "node:assert/strict";
import { test } from "node:test";
import { roomForConnections } from "../../src/http/descriptor-limit.ts";

const limits = (soft: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft.padEnd(21)}524288               files     \nMax locked memory         8388608              8388608              bytes     \n`;

// biome-ignore format: one row a line
const ROOMS: readonly [soft: string, room: number, because: string][] = [
  ["65536",     65_280,                   "all but what the daemon itself needs"],
  ["1024",      768,                      "where there are few, too"],
  ["300",       150,                      "half, where there are hardly any"],
  ["unlimited", Number.POSITIVE_INFINITY, "as many as come"],
];

for (const [soft, room, because] of ROOMS) {
  test(`of ${soft} descriptors connections may have ${room}: ${because}`, () => {
    assert.equal(roomForConnections(limits(soft)), room);
  });
}

test("the process's own limit is read", { skip: process.platform !== "linux" && "needs /proc" }, () => {
  assert.ok(Number.isInteger(roomForConnections()) && roomForConnections() > 0);
});

test("where there is no /proc, nothing is said", () => {
  assert.equal(roomForConnections(""), Number.POSITIVE_INFINITY);
});
