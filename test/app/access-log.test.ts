import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { accessLog } from "../../src/app/access-log.ts";
import type { RefusedRequest } from "../../src/broker/broker-events.ts";

function bench(isDebug: boolean) {
  const lines: object[] = [];
  const refusals: RefusedRequest[] = [];
  const write = (fields: object) => void lines.push(fields);
  const log = { debug: write, info: write, warn: write, error: write };
  const access = accessLog({ log, events: { refused: (event) => refusals.push(event) }, isDebug: () => isDebug });
  return { lines, refusals, access };
}

const asked = { peerAddress: "10.0.0.1", method: "GET", target: "/latest/meta-data/?q=1", status: 200, durationMs: 3 };

describe("accessLog", () => {
  it("is a line for each request at level debug, and none otherwise", () => {
    const { lines, access } = bench(true);
    access({ ...asked, refusal: undefined });
    assert.deepEqual(lines, [
      { peer: "10.0.0.1", method: "GET", path: "/latest/meta-data", status: 200, durationMs: 3 },
    ]);
    const quiet = bench(false);
    quiet.access({ ...asked, refusal: undefined });
    assert.deepEqual([quiet.lines, quiet.refusals], [[], []]);
  });

  it("holds nothing of a target or a method that it does not know", () => {
    const { lines, access } = bench(true);
    access({ ...asked, target: "/latest/SECRET?SECRET", method: "SECRET", refusal: undefined });
    access({ ...asked, target: "SECRET", refusal: undefined });
    assert.ok(!JSON.stringify(lines).includes("SECRET"));
  });

  it("tells the operator of what the edge refused by itself, at any level", () => {
    const { refusals, access } = bench(false);
    access({ ...asked, method: undefined, target: undefined, status: 400, refusal: "bare LF" });
    assert.deepEqual(refusals, [
      { peerAddress: "10.0.0.1", failure: { kind: "malformed-request", reason: "bare LF" } },
    ]);
  });
});
