import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Grant, type GrantSettings, grantFor, needsHome, nominationOf } from "../../src/core/grant.ts";
import type { Workload } from "../../src/core/workload.ts";
import { ANY_ROLE, refusalOf } from "../support/workloads.ts";

const home = { partition: "aws-cn", accountId: "111122223333" };
const settings: GrantSettings = { ...ANY_ROLE, accounts: { prod: "444455556666" } };
const LABEL = "label taskrole.role";

const workload = (role?: string, more: Partial<Workload> = {}): Workload => ({
  id: "c0ffee".repeat(10).padEnd(64, "0"),
  name: "web",
  startedAt: "2026-01-01T00:00:00Z",
  ...(role !== undefined && { roleClaim: { text: role, place: LABEL } }),
  ...more,
});

function grant(of: Workload, more: Partial<GrantSettings> = {}): Grant {
  const all = { ...settings, ...more };
  return grantFor(of, nominationOf(of, all), { settings: all, home });
}

describe("grantFor", () => {
  it("reads a name in the host's partition and account, and leaves an ARN as it is", () => {
    assert.equal(grant(workload("team/reader")).roleArn, "arn:aws-cn:iam::111122223333:role/team/reader");
    assert.equal(grant(workload("team/reader")).roleName, "reader");
    const arn = "arn:aws:iam::999988887777:role/x";
    assert.equal(grant(workload(arn)).roleArn, arn);
  });

  it("reads an account behind the @, by number or by name", () => {
    assert.equal(grant(workload("r@444455556666")).roleArn, "arn:aws-cn:iam::444455556666:role/r");
    assert.equal(grant(workload("r@prod")).roleArn, "arn:aws-cn:iam::444455556666:role/r");
  });

  it("refuses an account name nobody configured, also one that every object has", () => {
    for (const name of ["stage", "constructor", "__proto__"]) {
      const failure = refusalOf(() => grant(workload(`r@${name}`)));
      assert.equal(failure.kind, "bad-role");
      assert.match((failure as { reason: string }).reason, new RegExp(`"${name}" is neither`));
    }
  });

  it("gives the default only to a workload that names no role", () => {
    assert.equal(grant(workload(), { defaultRole: "base" }).roleName, "base");
    assert.equal(grant(workload("own"), { defaultRole: "base" }).roleName, "own");
  });

  it("refuses a role that does not parse, an empty one too, and never falls back to the default", () => {
    for (const text of ["", "a b", "arn:aws:iam::1:role/x"]) {
      const failure = refusalOf(() => grant(workload(text), { defaultRole: "base" }));
      assert.equal(failure.kind, "bad-role");
      assert.equal((failure as { place: string }).place, LABEL);
    }
  });

  it("refuses a workload without role where there is no default", () => {
    assert.deepEqual(
      refusalOf(() => grant(workload())),
      { kind: "no-role", workload: "web" },
    );
  });

  it("needs the host's account only for a role written without ARN", () => {
    assert.equal(needsHome(nominationOf(workload("r"), settings)), true);
    assert.equal(needsHome(nominationOf(workload("arn:aws:iam::999988887777:role/x"), settings)), false);
  });

  it("keys the session by everything that shapes it", () => {
    const base = workload("r");
    const keys = [
      grant(base),
      grant(workload("s")),
      grant(workload("r@prod")),
      grant(workload("p/r")),
      grant({ ...base, id: "d".repeat(64) }),
      grant(base, { sessionSeconds: 900 }),
    ].map(({ sessionKey }) => sessionKey);
    assert.equal(new Set(keys).size, keys.length);
    assert.equal(grant(base).sessionKey, keys[0]);
  });
});
