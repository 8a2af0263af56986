import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../src/app/config.ts";
import { containerDialect } from "../../src/app/container-dialect.ts";

const dialectOf = (flags: Readonly<Record<string, unknown>>) =>
  containerDialect(loadConfig({ file: "/dev/null", environment: {}, flags }));

test("iam-docker's labels and its variable are read where the operator comes from iam-docker, and nowhere else", () => {
  assert.deepEqual(dialectOf({ compat: "iam-docker" }).places, {
    role: { labels: ["com.swipely.iam-docker.iam-profile"], variables: [] },
    externalId: { labels: ["com.swipely.iam-docker.iam-externalid"], variables: ["IAM_ROLE_EXTERNALID"] },
  });
  for (const flags of [{}, { compat: "metadataproxy" }, { compat: "ec2metaproxy" }])
    assert.deepEqual(dialectOf(flags).places, {});
});

test("Rancher's labels tell addresses where the operator comes from metadataproxy, and nowhere else", () => {
  assert.deepEqual(dialectOf({ compat: "metadataproxy" }).addressLabels, {
    address: "io.rancher.container.ip",
    macAddress: "io.rancher.container.mac_address",
  });
  for (const flags of [{}, { compat: "iam-docker" }, { compat: "ec2metaproxy" }])
    assert.equal(dialectOf(flags).addressLabels, undefined);
});

test("an empty variable says nothing where the operator comes from metadataproxy, and nowhere else", () => {
  assert.equal(dialectOf({ compat: "metadataproxy" }).isEmptyUnset, true);
  for (const flags of [{}, { compat: "iam-docker" }, { compat: "ec2metaproxy" }])
    assert.equal(dialectOf(flags).isEmptyUnset, undefined);
});

test("the variables that any template of the operator's names are kept, each once", () => {
  const roleRules = [
    { match: {}, allow: ["*"], sessionTags: { stage: "{env:STAGE}", app: "{label:app}" } },
    { match: {}, allow: ["*"], sessionTags: { build: "{env:BUILD}" } },
  ];
  const sessionTags = { team: "{env:TEAM}/{env:STAGE}" };
  const given = {
    sessionName: "{env:NAME}",
    sessionTags: JSON.stringify(sessionTags),
    roleRules: JSON.stringify(roleRules),
  };
  assert.deepEqual([...dialectOf(given).variables], ["NAME", "TEAM", "STAGE", "BUILD"]);
  assert.deepEqual([...dialectOf({}).variables], []);
});
