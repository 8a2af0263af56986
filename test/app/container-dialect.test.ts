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
