import assert from "node:assert/strict";
import { test } from "node:test";
import { roleClaimOf } from "../../src/docker/role-claim.ts";

const LABEL = "label taskrole.role";
const VARIABLE = "environment variable IAM_ROLE";

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
    assert.deepEqual(roleClaimOf({ labels: labels as Record<string, string>, env }), claim);
  });
}
