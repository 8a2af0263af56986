import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { workloadOf } from "../../src/docker/workload-claims.ts";

const LABEL = "label taskrole.role";
const VARIABLE = "environment variable IAM_ROLE";
const SELF = { id: "c".repeat(64), name: "web", startedAt: "2026-01-05T08:00:00Z" };
const MADE = { image: "red/app:1", imageId: "sha256:1", userNamespace: "", attachments: [] };

/** What it says of itself, without who it is. */
function claimsOf(said: { labels: Record<string, string>; env: readonly string[] }): object {
  const { id, name, startedAt, traits: _, ...claims } = workloadOf({ ...SELF, ...MADE, ...said });
  assert.deepEqual({ id, name, startedAt }, SELF);
  return claims;
}

for (const [labels, env, claim, because] of [
  [{}, [], undefined, "nothing is said"],
  [{ "taskrole.role": "a" }, ["IAM_ROLE=b"], { text: "a", place: LABEL }, "the label wins"],
  [{ other: "a" }, ["PATH=/", "IAM_ROLE=b"], { text: "b", place: VARIABLE }, "the variable alone"],
  [{ "taskrole.role": "" }, ["IAM_ROLE=b"], { text: "", place: LABEL }, "an empty label is a claim, to be refused"],
  [{}, ["IAM_ROLE="], { text: "", place: VARIABLE }, "an empty variable is a claim, to be refused"],
  [{}, ["IAM_ROLE"], undefined, "without = it is not set"],
  [{}, ["IAM_ROLE_X=b", "XIAM_ROLE=c", "iam_role=d"], undefined, "another variable's name"],
  [{}, ["IAM_ROLE=a=b"], { text: "a=b", place: VARIABLE }, "the value may hold ="],
  [{}, ["IAM_ROLE= a "], { text: " a ", place: VARIABLE }, "as written, untrimmed"],
  [{}, ["IAM_ROLE=a", "IAM_ROLE=b"], { text: "b", place: VARIABLE }, "the last one counts"],
  [{ __proto__: { "taskrole.role": "evil" } }, [], undefined, "only labels of its own"],
] as const satisfies readonly (readonly [Record<string, string | object>, string[], object | undefined, string])[]) {
  test(`${JSON.stringify(labels)} ${JSON.stringify(env)}: ${because}`, () => {
    const said = { labels: labels as Record<string, string>, env };
    assert.deepEqual(claimsOf(said), claim === undefined ? {} : { roleClaim: claim });
  });
}

test("the label taskrole.metadata is what a container leaves itself of the metadata; the environment has no say", () => {
  const pathsClaim = { text: "none", place: "label taskrole.metadata" };
  assert.deepEqual(claimsOf({ labels: { "taskrole.metadata": "none" }, env: [] }), { pathsClaim });
  assert.deepEqual(claimsOf({ labels: {}, env: ["taskrole.metadata=none", "TASKROLE_METADATA=none"] }), {});
});

test("of the authorization token only a digest is kept, and an empty one is none", () => {
  const authorizationDigest = "9b871512327c09ce91dd649b3f96a63b7408ef267c8cc5710114e629730cb61f";
  assert.deepEqual(claimsOf({ labels: {}, env: ["AWS_CONTAINER_AUTHORIZATION_TOKEN=s3cret"] }), {
    authorizationDigest: createHash("sha256").update("s3cret").digest("hex"),
  });
  assert.notEqual(authorizationDigest, "s3cret");
  assert.deepEqual(claimsOf({ labels: {}, env: ["AWS_CONTAINER_AUTHORIZATION_TOKEN="] }), {});
});

test("what a session is to carry is said by labels, two of them by the variables of older tools; a label wins", () => {
  const labels = {
    "taskrole.external-id": "a",
    "taskrole.policy": "{}",
    "taskrole.policy-arns": "b",
    "taskrole.session-name": "c",
    "taskrole.source-identity": "d",
    "taskrole.transitive-tags": "e",
    "taskrole.session-tags.Team": "f",
    "taskrole.session-tags.a.b": "",
    "taskrole.tokens": "optional",
  };
  const at = (text: string, label: string) => ({ text, place: `label taskrole.${label}` });
  const env = ["IAM_EXTERNAL_ID=x", "IAM_POLICY=y", "taskrole.session-name=z"];
  assert.deepEqual(claimsOf({ labels, env }), {
    sessionClaims: {
      externalId: at("a", "external-id"),
      policy: at("{}", "policy"),
      policyArns: at("b", "policy-arns"),
      sessionName: at("c", "session-name"),
      sourceIdentity: at("d", "source-identity"),
      transitiveTags: at("e", "transitive-tags"),
      sessionTags: { Team: at("f", "session-tags.Team"), "a.b": at("", "session-tags.a.b") },
    },
    tokensClaim: at("optional", "tokens"),
  });
  assert.deepEqual(claimsOf({ labels: {}, env }), {
    sessionClaims: {
      externalId: { text: "x", place: "environment variable IAM_EXTERNAL_ID" },
      policy: { text: "y", place: "environment variable IAM_POLICY" },
    },
  });
});

test("what rules look at is the container's own inspect, and of its environment nothing", () => {
  const attachments = [{ networkId: "1", networkName: "red", addresses: [], macAddress: "" }];
  const container = { ...SELF, ...MADE, labels: { a: "b" }, env: ["SECRET=s"], attachments, userNamespace: "host" };
  assert.deepEqual(workloadOf(container).traits, {
    image: "red/app:1",
    imageId: "sha256:1",
    labels: { a: "b" },
    networks: ["red"],
    userNamespace: "host",
  });
});
