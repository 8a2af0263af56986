import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "../../src/app/config.ts";
import type { WorkloadSource } from "../../src/docker/workload-claims.ts";
import { decidedRole } from "../../src/smoke/decided-role.ts";

const HOME = { partition: "aws", accountId: "111122223333" };

const container: WorkloadSource = {
  id: "c1",
  name: "taskrole-smoke-nameless",
  startedAt: "2030-01-01T00:00:00Z",
  image: "taskrole-smoke:latest",
  imageId: "sha256:0",
  userNamespace: "",
  labels: { "taskrole-smoke": "" },
  env: [],
  attachments: [{ networkId: "n1", networkName: "red", addresses: [], macAddress: "" }],
};

const onNetwork = (networkName: string): WorkloadSource => ({
  ...container,
  attachments: [{ networkId: "n1", networkName, addresses: [], macAddress: "" }],
});

const settingsOf = (flags: Readonly<Record<string, unknown>> = {}) =>
  loadConfig({ file: "docs/examples/three-teams.yaml", environment: {}, flags });

describe("what a container that names no role is to have", () => {
  it("is its rule's default, as the example of three teams says", () => {
    assert.deepEqual(decidedRole(container, settingsOf(), HOME), {
      roleName: "base",
      because: "defaultRole of rule 1",
    });
  });

  it("is none where no rule is for it, where its rule refuses the setting's default, and where there is no default", () => {
    const elsewhere = onNetwork("elsewhere");
    const none = decidedRole(elsewhere, settingsOf(), HOME);
    assert.deepEqual(none, { roleName: "", because: "none of the roleRules is for taskrole-smoke-nameless" });
    const refused = decidedRole(onNetwork("blue"), settingsOf({ defaultRole: "red/base" }), HOME);
    assert.match(
      refused.because,
      /^rule 2 of roleRules does not let .* have arn:aws:iam::111122223333:role\/red\/base/,
    );
    assert.equal(refused.roleName, "");
    assert.match(
      decidedRole(onNetwork("blue"), settingsOf(), HOME).because,
      /names no role and there is no defaultRole/,
    );
  });

  it("is none on the host's own network, unless containers there are told apart", () => {
    const onHost = onNetwork("host");
    const config = (hostNetwork: string) =>
      loadConfig({ file: undefined, environment: {}, flags: { defaultRole: "base", hostNetwork } });
    assert.deepEqual(decidedRole(onHost, config("refuse"), HOME).roleName, "");
    assert.deepEqual(decidedRole(onHost, config("identify"), HOME), {
      roleName: "base",
      because: "setting defaultRole",
    });
  });
});
