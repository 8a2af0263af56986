import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sessionLog } from "../../src/audit/session-log.ts";
import { Refusal } from "../../src/core/failure.ts";
import { grantOf } from "../support/sessions.ts";
import { clock, START } from "../support/workloads.ts";

const SECOND = 1_000;

function bench() {
  const time = clock();
  const lines: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    lines.push({ level, fields: { ...fields }, message });
  const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return { time, lines, events: sessionLog({ log, now: time.now }) };
}

const down = (role: string) => new Refusal({ kind: "sts-unavailable", roleArn: role, code: "ECONNREFUSED" });
const denied = (role: string) =>
  new Refusal(
    { kind: "sts-denied", roleArn: role, code: "AccessDenied" },
    { cause: new Error("User: arn:aws:sts::1:assumed-role/host is not authorized to perform: sts:AssumeRole") },
  );

describe("sessionLog", () => {
  it("warns of what is still served, with its end, and errs where nothing is left", () => {
    const { events, lines } = bench();
    events.failed({ grant: grantOf("web"), error: down("web"), servedUntil: START });
    events.failed({ grant: grantOf("cold"), error: down("cold"), servedUntil: undefined });
    assert.deepEqual(
      lines.map(({ level, fields: { role, servedUntil, failure } }) => [level, role, servedUntil, failure]),
      [
        ["warn", grantOf("web").roleArn, "2026-01-02T03:04:05.000Z", "sts-unavailable"],
        ["error", grantOf("cold").roleArn, undefined, "sts-unavailable"],
      ],
    );
    assert.match(String(lines[0]?.fields["reason"]), /STS could not be asked/);
    assert.match(String(lines[0]?.fields["remedy"]), /VPC endpoint/);
  });

  it("has a line a minute for an outage that hits a thousand sessions, and says how many it left out", () => {
    const { events, lines, time } = bench();
    for (let i = 0; i < 1_000; i += 1)
      events.failed({ grant: grantOf(`app-${i}`), error: down(`app-${i}`), servedUntil: START });
    assert.equal(lines.length, 1);
    time.turn(61 * SECOND);
    events.failed({ grant: grantOf("one more"), error: down("one more"), servedUntil: START });
    assert.equal(lines[1]?.fields["repeats"], 999);
  });

  it("has a line for each role that STS refuses, with STS's own words", () => {
    const { events, lines } = bench();
    for (const role of ["a", "b", "a"])
      events.failed({ grant: grantOf(role), error: denied(role), servedUntil: undefined });
    assert.deepEqual(
      lines.map(({ fields }) => fields["role"]),
      [grantOf("a").roleArn, grantOf("b").roleArn],
    );
    assert.match(String(lines[0]?.fields["cause"]), /not authorized to perform: sts:AssumeRole/);
  });

  it("says when it is over, and after how many failures", () => {
    const { events, lines } = bench();
    events.recovered({ grant: grantOf("web"), error: down("web"), failures: 7 });
    assert.deepEqual([lines[0]?.level, lines[0]?.fields["failures"]], ["info", 7]);
    assert.match(lines[0]?.message ?? "", /again/);
  });

  it("keeps the stack of what is no refusal: that is a bug", () => {
    const { events, lines } = bench();
    const bug = new TypeError("x is not a function");
    events.failed({ grant: grantOf("web"), error: bug, servedUntil: undefined });
    assert.equal(lines[0]?.fields["err"], bug);
  });
});
