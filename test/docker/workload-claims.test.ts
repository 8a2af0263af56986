import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { ContainerDialect } from "../../src/docker/container-dialect.ts";
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

const OLDER: ContainerDialect = {
  places: {
    role: { labels: ["old.role", "older.role"], variables: ["OLD_ROLE"] },
    externalId: { labels: [], variables: ["OLD_ID"] },
  },
  variables: new Set(),
};
for (const [labels, env, claim, because] of [
  [{ "taskrole.role": "a", "old.role": "b" }, [], { text: "a", place: LABEL }, "taskrole's own label wins"],
  [{ "older.role": "c", "old.role": "b" }, [], { text: "b", place: "label old.role" }, "then the first of the others"],
  [{ "older.role": "c" }, ["IAM_ROLE=d"], { text: "c", place: "label older.role" }, "which wins over the variable"],
  [{ "old.role": "" }, ["IAM_ROLE=d"], { text: "", place: "label old.role" }, "an empty one is a claim, too"],
  [{}, ["OLD_ROLE=e", "IAM_ROLE=d"], { text: "d", place: VARIABLE }, "the own variable before the other"],
  [{}, ["OLD_ROLE=e"], { text: "e", place: "environment variable OLD_ROLE" }, "the other's variable alone"],
] as const) {
  test(`another tool's words are read as well: ${JSON.stringify(labels)} ${JSON.stringify(env)}: ${because}`, () => {
    assert.deepEqual(workloadOf({ ...SELF, ...MADE, labels, env }, OLDER).roleClaim, claim);
  });
}

test("where an empty variable says nothing it is as if it were not there; an empty label is a claim", () => {
  const dialect: ContainerDialect = { ...OLDER, isEmptyUnset: true };
  const rolesOf = (env: readonly string[], labels = {}) => {
    const { roleClaim, sessionClaims } = workloadOf({ ...SELF, ...MADE, labels, env }, dialect);
    return [roleClaim?.text, sessionClaims?.externalId?.text];
  };
  assert.deepEqual(rolesOf(["IAM_ROLE=", "IAM_EXTERNAL_ID="]), [undefined, undefined]);
  assert.deepEqual(rolesOf(["IAM_ROLE=", "OLD_ROLE=a", "OLD_ID="]), ["a", undefined]);
  assert.deepEqual(rolesOf(["IAM_ROLE=a", "IAM_ROLE="]), [undefined, undefined]);
  assert.deepEqual(rolesOf(["IAM_ROLE=a", "IAM_EXTERNAL_ID=b="]), ["a", "b="]);
  assert.deepEqual(rolesOf(["IAM_ROLE=a"], { "taskrole.role": "", "taskrole.external-id": "" }), ["", ""]);
});

test("another tool's words are nothing to whom it was not said of", () => {
  assert.deepEqual(claimsOf({ labels: { "old.role": "a" }, env: ["OLD_ROLE=b", "OLD_ID=c"] }), {});
  const { sessionClaims } = workloadOf({ ...SELF, ...MADE, labels: {}, env: ["OLD_ID=c"] }, OLDER);
  assert.deepEqual(sessionClaims, { externalId: { text: "c", place: "environment variable OLD_ID" } });
});

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

test("a label of taskrole's that there is not makes no session: it may have been meant as a limit", () => {
  const labels = { "taskrole.polcy": "{}", "taskrole.sesion-tags.a": "b", "taskrole.role": "r", "my.taskrole.x": "y" };
  assert.deepEqual(claimsOf({ labels, env: [] }), {
    roleClaim: { text: "r", place: "label taskrole.role" },
    unusableClaims: [
      { place: "label taskrole.polcy", reason: 'taskrole knows no such label; did you mean "taskrole.policy"?' },
      {
        place: "label taskrole.sesion-tags.a",
        reason: 'taskrole knows no such label; did you mean "taskrole.session-tags.KEY"?',
      },
    ],
  });
});

test("a label's name of a megabyte, and a hundred thousand of them, are told of at once and briefly", () => {
  const long = `taskrole.${"x".repeat(1 << 20)}`;
  const many = Array.from({ length: 100_000 }, (_, i) => [`taskrole.k${i}`, "v"] as const);
  const begun = process.cpuUsage();
  const { unusableClaims = [] } = workloadOf({ ...SELF, ...MADE, labels: { [long]: "v" }, env: [] });
  const others = workloadOf({ ...SELF, ...MADE, labels: Object.fromEntries(many), env: [] }).unusableClaims;
  const { user, system } = process.cpuUsage(begun);
  assert.ok(user + system < 400_000, `it took ${user + system} µs`);
  const place = `label ${long.slice(0, 200)}…`;
  assert.deepEqual(unusableClaims, [{ place, reason: "taskrole knows no such label" }]);
  assert.equal(others?.length, 8);
  const tag = `taskrole.session-tags.${"k".repeat(1_000)}`;
  const { sessionClaims } = workloadOf({ ...SELF, ...MADE, labels: { [tag]: "v" }, env: [] });
  const [claim] = Object.values(sessionClaims?.sessionTags ?? {});
  assert.equal(claim?.place, `label ${tag.slice(0, 200)}…`);
});

test("of the environment what the operator's templates name is kept, the last of each, and nothing else", () => {
  const variablesOf = (names: readonly string[], env: readonly string[]) =>
    workloadOf({ ...SELF, ...MADE, labels: {}, env }, { places: {}, variables: new Set(names) }).traits?.variables;
  const env = ["SECRET=s", "STAGE=a", "STAGE=b=c", "EMPTY=", "UNSET", "STAGE_2=d"];
  assert.deepEqual(variablesOf(["STAGE", "EMPTY", "UNSET", "MISSING"], env), { STAGE: "b=c", EMPTY: "" });
  assert.equal(variablesOf(["MISSING"], env), undefined);
  assert.equal(variablesOf([], env), undefined);
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
