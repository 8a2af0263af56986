import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { auditLog } from "../../src/audit/audit-log.ts";
import { explainFailure } from "../../src/audit/explain-failure.ts";
import type { Failure } from "../../src/core/failure.ts";
import { clock, START, workload } from "../support/workloads.ts";

function bench() {
  const lines: Record<string, unknown>[] = [];
  const write = (fields: object, message: string) => lines.push({ ...fields, message });
  const time = clock();
  const events = auditLog({ log: { debug: write, info: write, warn: write, error: write }, now: time.now });
  return { lines, time, events };
}

const GRANT = {
  ...{ roleArn: "arn:r", roleName: "r", sessionName: "web-1", sessionSeconds: 3600, sessionKey: "k" },
  decidedBy: { place: "label taskrole.role", rule: 2 },
};
const noRole: Failure = { kind: "no-role", workload: "web" };

describe("auditLog", () => {
  it("tells of a hand-out: who, which role, which session, which key id, until when", () => {
    const { lines, events } = bench();
    events.handedOut({
      peerAddress: "10.0.0.1",
      workload: workload("web"),
      grant: GRANT,
      accessKeyId: "ASIA1",
      expiresAt: START,
    });
    assert.deepEqual(lines, [
      {
        audit: "credentials",
        peer: "10.0.0.1",
        container: "web",
        containerId: workload("web").id,
        role: "arn:r",
        roleFrom: "label taskrole.role",
        rule: 2,
        sessionName: "web-1",
        accessKeyId: "ASIA1",
        expires: "2026-01-02T03:04:05.000Z",
        message: "credentials handed out",
      },
    ]);
  });

  it("holds back repeats of one session to one peer, and says how many; another key, container or peer is told at once", () => {
    const { lines, events, time } = bench();
    const handOut = (peerAddress: string, name: string, accessKeyId: string) =>
      events.handedOut({ peerAddress, workload: workload(name), grant: GRANT, accessKeyId, expiresAt: START });
    for (let i = 0; i < 1000; i += 1) handOut("10.0.0.1", "web", "ASIA1");
    assert.equal(lines.length, 1);
    handOut("10.0.0.1", "web", "ASIA2");
    handOut("10.0.0.1", "next", "ASIA1");
    handOut("10.0.0.2", "web", "ASIA1");
    assert.equal(lines.length, 4);
    time.turn(10_000);
    handOut("10.0.0.1", "web", "ASIA1");
    assert.deepEqual(
      lines.map((line) => line["repeats"]),
      [undefined, undefined, undefined, undefined, 999],
    );
  });

  it("tells of a refusal: who, why, and what to do about it", () => {
    const { lines, events } = bench();
    events.refused({ peerAddress: "10.0.0.1", workload: workload("web"), failure: noRole, path: "/latest" });
    const [line] = lines;
    assert.equal(line?.["refusal"], "no-role");
    assert.equal(line?.["container"], "web");
    assert.equal(line?.["path"], "/latest");
    assert.match(String(line?.["reason"]), /web names no role/);
    assert.match(String(line?.["remedy"]), /label it taskrole\.role/);
  });

  it("tells which rule a refusal was decided by", () => {
    const { lines, events } = bench();
    const refuse = (failure: Failure) => events.refused({ peerAddress: "10.0.0.1", failure });
    refuse({ kind: "role-refused", workload: "web", roleArn: "arn:r", rule: 3, because: "it denies it" });
    refuse({ kind: "bad-session", workload: "web", place: "label taskrole.policy", reason: "r", rule: 2 });
    refuse(noRole);
    assert.deepEqual(
      lines.map(({ rule }) => rule),
      [3, 2, undefined],
    );
  });

  it("names everyone who claims an address that several claim, and the address", () => {
    const { lines, events } = bench();
    const failure: Failure = { kind: "contested-peer", address: "10.0.0.1", claimants: ["web (0123)", "thief (4567)"] };
    events.refused({ peerAddress: "10.0.0.1", failure, path: "/latest/meta-data/" });
    const [line] = lines;
    assert.equal(line?.["audit"], "refusal");
    assert.equal(line?.["refusal"], "contested-peer");
    assert.match(String(line?.["reason"]), /10\.0\.0\.1.*web \(0123\), thief \(4567\)/);
    assert.match(String(line?.["remedy"]), /an address of its own/);
  });

  it("holds back repeats of one refusal of one peer, and says how many", () => {
    const { lines, events, time } = bench();
    const refuse = (peerAddress: string) => events.refused({ peerAddress, failure: noRole });
    for (let i = 0; i < 5; i += 1) refuse("10.0.0.1");
    refuse("10.0.0.2");
    assert.equal(lines.length, 2);
    time.turn(10_000);
    refuse("10.0.0.1");
    assert.equal(lines.at(-1)?.["repeats"], 4);
  });

  it("lets no harmless path keep a telling one out of the log, nor a flood of paths that are made up", () => {
    const { lines, events } = bench();
    const refuse = (path: string, kind: "path-blocked" | "path-forbidden" = "path-blocked") => {
      const failure = { kind, path, because: "the host's" };
      events.refused({ peerAddress: "10.0.0.1", failure, path: `/latest/${path}` });
    };
    refuse("meta-data/public-ipv4");
    refuse("user-data");
    refuse("dynamic/instance-identity/pkcs7", "path-forbidden");
    refuse("meta-data/identity-credentials/ec2/info", "path-forbidden");
    assert.equal(lines.length, 4);
    for (let i = 0; i < 1000; i += 1) refuse(`meta-data/made-up-${i}/and/more-${i}`);
    for (let i = 0; i < 1000; i += 1)
      refuse(`meta-data/identity-credentials/ec2/security-credentials/x${i}`, "path-forbidden");
    assert.equal(lines.length, 5);
  });

  it("writes the words of a cause, and nothing in them that could be a key or a token", () => {
    const { lines, events } = bench();
    const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    const cause = Object.assign(new Error(`canonical string was x-amz-security-token:${secret}`), { secret });
    events.refused({ peerAddress: "p", failure: { kind: "sts-unavailable", roleArn: "r", code: "x" }, cause });
    assert.match(String(lines[0]?.["cause"]), /canonical string/);
    assert.ok(!JSON.stringify(lines).includes(secret));
  });
});

describe("explainFailure", () => {
  it("quotes what a workload sent, so that it cannot write lines of its own", () => {
    const { reason } = explainFailure({ kind: "host-not-allowed", host: "x\n{}" });
    assert.ok(!reason.includes("\n"));
  });
});
