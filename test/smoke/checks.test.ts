import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Sight, Sights } from "../../src/probe/sight.ts";
import type { UnitFacts } from "../../src/smoke/boot-order.ts";
import { findingsOf } from "../../src/smoke/checks.ts";
import type { Observations } from "../../src/smoke/observations.ts";

const HOST = { roleName: "the-host", accessKeyId: "ASIAHOST" };

const UNREACHABLE = { error: "ENETUNREACH" };
const ALONE_OVER_4: Sight = { token: UNREACHABLE, listing: UNREACHABLE, listingWithoutToken: UNREACHABLE };
const NOTHING: Sight = {
  token: { status: 200, body: "" },
  listing: { status: 404, body: "" },
  listingWithoutToken: { status: 401, body: "" },
};

const withRole: Sights = {
  token: { status: 200, body: "" },
  listing: { status: 200, body: "reader" },
  listingWithoutToken: { status: 401, body: "" },
  credentials: { code: "Success", accessKeyId: "ASIAOWN", expiration: "2030-01-01T00:00:00Z" },
  theft: { attempts: 156, accessKeyIds: [] },
  over6: ALONE_OVER_4,
};

const withoutRole: Sights = {
  token: { status: 200, body: "" },
  listing: { status: 404, body: "" },
  listingWithoutToken: { status: 401, body: "" },
  theft: { attempts: 156, accessKeyIds: [] },
  over6: ALONE_OVER_4,
};

const own: UnitFacts = {
  id: "taskrole.service",
  isLoaded: true,
  fileState: "enabled",
  before: ["docker.service", "shutdown.target"],
  startedAt: 4_000_000,
  activeAt: 4_200_000,
  restarts: 0,
};
const hold: UnitFacts = { ...own, id: "taskrole-hold.service", startedAt: 1_900_000, activeAt: 2_000_000 };
const docker: UnitFacts = { ...own, id: "docker.service", before: [], startedAt: 5_000_000, activeAt: 7_000_000 };
const booted: UnitFacts = { ...docker, id: "multi-user.target", startedAt: 8_000_000, activeAt: 8_000_000 };

const NONE = { roleName: "", because: "it names no role and there is no defaultRole" };

/** A host on which all is well. */
const good: Observations = {
  expected: { role: "containers/reader", roleName: "reader", ofNameless: NONE, metadataTokens: "required" },
  host: HOST,
  rules: { missing: [], warnings: [] },
  named: withRole,
  namedAgain: withRole,
  nameless: withoutRole,
  onHostNetwork: { sight: withoutRole, decided: NONE },
  watch: { answers: { "role reader": 40, ECONNREFUSED: 6, "503": 2 }, last: "role reader" },
  boot: [own, hold, docker, booted],
  isAfterReboot: true,
};

const outcomes = (seen: Observations, outcome: string): readonly string[] =>
  findingsOf(seen)
    .filter((finding) => finding.outcome === outcome)
    .map(({ check }) => check);

const seenBy = (seen: Observations, check: RegExp): string =>
  findingsOf(seen).find((finding) => check.test(finding.check))?.seen ?? assert.fail(`${check}`);

/** What this check alone says when it alone fails. */
function failing(changed: Partial<Observations>, check: RegExp): string {
  const seen = { ...good, ...changed };
  const failed = outcomes(seen, "failed");
  assert.equal(failed.length, 1, failed.join("; "));
  assert.match(failed[0] ?? "", check);
  return seenBy(seen, check);
}

/** What this check alone says when it alone is not checked. */
function unchecked(changed: Partial<Observations>, check: RegExp): string {
  const seen = { ...good, ...changed };
  const left = outcomes(seen, "not checked");
  assert.equal(left.length, 1, left.join("; "));
  assert.match(left[0] ?? "", check);
  return seenBy(seen, check);
}

const OWN_ROLE = /has its role$/;
const HOST_ROLE = /reaches the host's role/;
const NAMELESS = /names no role/;
const ON_HOST = /on the host's network/;
const AGAIN = /started again/;
const RESTART = /daemon restarts/;
const BOOT = /reboot/;

describe("the checks of a smoke test", () => {
  it("all pass on a good host", () => {
    assert.deepEqual(outcomes(good, "failed"), []);
    assert.deepEqual(outcomes(good, "not checked"), []);
    assert.match(seenBy(good, BOOT), /`taskrole.service` was there 0\.8 s before/);
    assert.equal(seenBy(good, RESTART), "503 (2), role reader (40), ECONNREFUSED (6)");
  });

  it("a container that is listed the host's role is told of aloud, whichever it is and however it asked", () => {
    const exposed: Sights = { ...withoutRole, listing: { status: 200, body: "the-host" } };
    const seen = { ...good, nameless: exposed };
    assert.deepEqual(outcomes(seen, "failed").length, 2);
    assert.match(seenBy(seen, HOST_ROLE), /A CONTAINER REACHED the host's role `the-host`/);
    assert.match(seenBy(seen, NAMELESS), /listed `the-host`; it is to have none/);
    const over6: Sights = { ...withoutRole, over6: { ...NOTHING, listing: { status: 200, body: "the-host" } } };
    assert.match(seenBy({ ...good, nameless: over6 }, HOST_ROLE), /A CONTAINER REACHED the host's role `the-host`/);
    const byVersion1: Sights = { ...withRole, listingWithoutToken: { status: 200, body: "the-host" } };
    assert.match(seenBy({ ...good, named: byVersion1 }, HOST_ROLE), /A CONTAINER REACHED/);
    const during = { answers: { "role the-host": 1, "role reader": 9 }, last: "role reader" };
    assert.match(seenBy({ ...good, watch: during }, HOST_ROLE), /while the daemon restarted/);
  });

  it("the host's keys under the container's role name are the host's keys", () => {
    const credentials = { code: "Success", accessKeyId: HOST.accessKeyId, expiration: "" };
    const seen = { ...good, named: { ...withRole, credentials } };
    assert.match(seenBy(seen, OWN_ROLE), /the keys are the host's own/);
    assert.match(seenBy(seen, HOST_ROLE), /A CONTAINER REACHED the host's own keys/);
  });

  it("a thief's loot is found, and its own keys are not taken for loot", () => {
    const thief: Sights = { ...withoutRole, theft: { attempts: 156, accessKeyIds: ["ASIAIDENTITY"] } };
    assert.match(failing({ nameless: thief }, HOST_ROLE), /A CONTAINER REACHED keys that are not its own/);
    const over6: Sights = { ...withoutRole, over6: { ...NOTHING, theft: { attempts: 156, accessKeyIds: ["ASIAX"] } } };
    assert.match(failing({ nameless: over6 }, HOST_ROLE), /A CONTAINER REACHED keys that are not its own/);
    const unlucky: Sights = { ...withoutRole, over6: { ...NOTHING, theft: { attempts: 156, accessKeyIds: [] } } };
    assert.match(seenBy({ ...good, nameless: unlucky }, HOST_ROLE), /in 312 attempts/);
    const itself: Sights = { ...withRole, theft: { attempts: 156, accessKeyIds: ["ASIAOWN"] } };
    assert.deepEqual(outcomes({ ...good, named: itself }, "failed"), []);
  });

  it("a thief who never ran is not a beaten one, and a host role that is not known was not kept", () => {
    const mute: Sights = {
      token: { error: "ECONNREFUSED" },
      listing: { error: "ECONNREFUSED" },
      listingWithoutToken: { error: "ECONNREFUSED" },
      over6: ALONE_OVER_4,
    };
    assert.match(failing({ nameless: mute }, HOST_ROLE), /nothing answered \(ECONNREFUSED\)/);
    assert.match(failing({ host: { unknown: "http://x: ETIMEDOUT" } }, HOST_ROLE), /ETIMEDOUT/);
  });

  it("another role, none, and refused credentials are not its role", () => {
    const listed = (body: string): Sights => ({ ...withRole, listing: { status: 200, body } });
    assert.match(failing({ named: listed("writer") }, OWN_ROLE), /listed `writer` instead of `reader`/);
    assert.match(failing({ namedAgain: listed("writer") }, AGAIN), /listed `writer` instead of `reader`/);
    const denied = {
      ...withRole,
      credentials: { code: "AssumeRoleUnauthorizedAccess", accessKeyId: "", expiration: "" },
    };
    assert.match(failing({ named: denied }, OWN_ROLE), /AssumeRoleUnauthorizedAccess/);
    assert.match(seenBy({ ...good, named: withoutRole }, OWN_ROLE), /answered 404 instead of a role/);
  });

  it("a container that names no role has the role that the daemon's own decision gives it, or none", () => {
    const expected = { ...good.expected, ofNameless: { roleName: "base", because: "defaultRole of rule 1" } };
    const based: Sights = { ...withRole, listing: { status: 200, body: "base" } };
    assert.deepEqual(outcomes({ ...good, expected, nameless: based }, "failed"), []);
    assert.equal(seenBy({ ...good, expected, nameless: based }, NAMELESS), "`base` (defaultRole of rule 1)");
    assert.match(failing({ nameless: based }, NAMELESS), /^listed `base`; it is to have none: it names no role/);
    assert.match(failing({ expected }, NAMELESS), /^listed none; it is to have `base` \(defaultRole of rule 1\)/);
  });

  it("a default role of the same name as the host's is not the host's", () => {
    const expected = { ...good.expected, ofNameless: { roleName: HOST.roleName, because: "defaultRole of rule 1" } };
    const credentials = { code: "Success", accessKeyId: "ASIADEFAULT", expiration: "" };
    const nameless: Sights = { ...withRole, listing: { status: 200, body: HOST.roleName }, credentials };
    assert.deepEqual(outcomes({ ...good, expected, nameless }, "failed"), []);
  });

  it("version 1 is held to the setting, in both directions", () => {
    const open: Sights = { ...withRole, listingWithoutToken: { status: 200, body: "reader" } };
    const optional = { ...good.expected, metadataTokens: "optional" } as const;
    assert.match(failing({ named: open }, /IMDSv1/), /without a token 200; `metadataTokens` is required/);
    assert.deepEqual(outcomes({ ...good, named: open, expected: optional }, "failed"), []);
    assert.match(failing({ expected: optional }, /IMDSv1/), /without a token 401; `metadataTokens` is optional/);
  });

  it("a restart that gives another's role, or none in the end, has failed; one that was not made is not checked", () => {
    const other = { answers: { "role writer": 1, "role reader": 3 }, last: "role reader" };
    assert.match(failing({ watch: other }, RESTART), /given another: role writer \(1\)/);
    const gone = { answers: { "role reader": 3, ECONNREFUSED: 90 }, last: "ECONNREFUSED" };
    assert.match(failing({ watch: gone }, RESTART), /no role since.*at last ECONNREFUSED/);
    assert.deepEqual(outcomes({ ...good, watch: undefined }, "not checked").length, 1);
  });

  it("rules that are missing or cannot be read fail; those that are somebody else's are not checked", () => {
    assert.match(
      failing({ rules: { missing: ["table inet taskrole (absent)"], warnings: [] } }, /packet rules/),
      /inet taskrole/,
    );
    assert.match(failing({ rules: { unknown: "needs root" } }, /packet rules/), /needs root/);
    assert.match(seenBy({ ...good, rules: "not ours" }, /packet rules/), /`interception: none`/);
    assert.deepEqual(outcomes({ ...good, rules: "not ours" }, "not checked").length, 2);
  });

  it("what the host cannot keep of the settings is told beside the rules, and is no failure by itself", () => {
    const warnings = ["hostNetwork is not kept for the containers in the cgroup x", "The kernel runs without IPv6"];
    const warned = { ...good, rules: { missing: [], warnings } };
    assert.deepEqual(outcomes(warned, "failed"), []);
    assert.match(seenBy(warned, /packet rules/), /; it warns: hostNetwork is not .* x; it warns: The kernel runs/);
    const missing = failing({ rules: { missing: ["table x (absent)"], warnings } }, /packet rules/);
    assert.match(missing, /not in place: table x .*; it warns: hostNetwork/);
  });

  it("a container on the host's network that reaches the host's role, or is given another than it is to have", () => {
    const there = (sight: Sights, decided = NONE): Partial<Observations> => ({ onHostNetwork: { sight, decided } });
    const listed = (body: string): Sights => ({ ...withRole, listing: { status: 200, body } });
    assert.match(failing(there(listed("the-host")), ON_HOST), /A CONTAINER REACHED the host's role `the-host`/);
    const thief: Sights = { ...withoutRole, theft: { attempts: 156, accessKeyIds: [HOST.accessKeyId] } };
    assert.match(failing(there(thief), ON_HOST), /A CONTAINER REACHED keys that are not its own/);
    assert.match(failing(there(listed("reader")), ON_HOST), /^listed `reader`; it is to have none/);
    const base = { roleName: "base", because: "setting defaultRole" };
    assert.match(failing(there(withoutRole, base), ON_HOST), /^listed none; it is to have `base`/);
    assert.deepEqual(outcomes({ ...good, ...there(listed("base"), base) }, "failed"), []);
    const { theft: _, ...mute } = { ...withoutRole, token: { error: "ECONNREFUSED" } };
    assert.match(failing(there(mute), ON_HOST), /nothing answered \(ECONNREFUSED\), so nothing was tried/);
    assert.equal(unchecked({ onHostNetwork: { untried: "`hostNetwork: host`" } }, ON_HOST), "`hostNetwork: host`");
  });

  it("the order of a boot: enabled, before Docker, and after a reboot by its own times", () => {
    const boot = (unit: Partial<UnitFacts>): Partial<Observations> => ({ boot: [{ ...own, ...unit }, docker, booted] });
    assert.match(failing(boot({ fileState: "transient" }), BOOT), /^not enabled: `systemctl enable taskrole\.service`/);
    assert.match(failing(boot({ before: [] }), BOOT), /`taskrole\.service`: not ordered `Before=docker\.service`/);
    assert.match(
      failing(boot({ activeAt: 9_000_000 }), BOOT),
      /came after `docker.service`, or was started again since/,
    );
    assert.match(failing(boot({ activeAt: 0 }), BOOT), /came after/);
    assert.match(seenBy({ ...good, isAfterReboot: false }, BOOT), /not tried by a reboot/);
    for (const unknown of [undefined, [{ ...own, isLoaded: false }, docker, booted]])
      assert.match(unchecked({ boot: unknown }, BOOT), /no unit of taskrole's/);
  });

  it("the order of a boot: where the daemon is a service, what holds containers back does not stand for it", () => {
    const disabled = { boot: [{ ...own, fileState: "disabled" }, hold, docker, booted] };
    for (const isAfterReboot of [true, false])
      assert.match(failing({ ...disabled, isAfterReboot }, BOOT), /`systemctl enable taskrole\.service`/);
    const late = [{ ...own, startedAt: 5_500_000, activeAt: 6_000_000 }, hold, docker, booted];
    assert.match(failing({ boot: late }, BOOT), /^`taskrole\.service` came after `docker\.service`/);
  });

  it("the order of a boot: where the daemon is no service, one that holds containers back is enough", () => {
    const guard = { ...hold, id: "taskrole-guard.service", activeAt: 9_000_000 };
    const seen = { ...good, boot: [{ ...own, isLoaded: false }, guard, hold, docker, booted] };
    assert.match(seenBy(seen, BOOT), /`taskrole-hold\.service` was there 3\.0 s before/);
    assert.deepEqual(outcomes(seen, "failed"), []);
  });

  it("the order of a boot: a start of Docker that was not the boot's says nothing of it", () => {
    const dockerWith = (unit: Partial<UnitFacts>, target = booted): Partial<Observations> => ({
      boot: [own, hold, { ...docker, ...unit }, target],
    });
    const again = /`docker\.service` was started again since the boot: reboot/;
    assert.match(unchecked(dockerWith({ startedAt: 90_000_000, activeAt: 91_000_000 }), BOOT), again);
    assert.match(unchecked(dockerWith({ restarts: 1 }), BOOT), again);
    assert.match(unchecked(dockerWith({}, { ...booted, activeAt: 0 }), BOOT), /not come to `multi-user\.target` yet/);
    assert.match(failing(dockerWith({ startedAt: 0 }), BOOT), /was not started in this boot/);
  });

  it("the order of a boot: what is enabled puts nothing in where the rules are somebody else's", () => {
    assert.match(seenBy({ ...good, rules: "not ours" }, BOOT), /`interception: none`/);
    assert.equal(
      outcomes({ ...good, rules: "not ours" }, "passed").some((check) => BOOT.test(check)),
      false,
    );
  });
});
