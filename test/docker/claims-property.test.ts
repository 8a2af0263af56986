import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Refusal } from "../../src/core/failure.ts";
import { type Grant, grantFor, nominationOf } from "../../src/core/grant.ts";
import { workloadOf } from "../../src/docker/workload-claims.ts";
import { assumeRoleInput } from "../../src/sts/assume-role-input.ts";
import { ANY_ROLE } from "../support/workloads.ts";

/*
 * What a container writes in one place comes to one parameter of the STS call, as it is, or the container is refused: whatever
 * separators, line ends and names of other parameters are in it.
 */

const PIECES = [
  "&",
  "=",
  ".",
  ",",
  ";",
  "\n",
  "\r",
  "\0",
  "%26",
  "+",
  " ",
  "/",
  ":",
  "@",
  "-",
  "{",
  "}",
  '"',
  "é",
  "aa",
  "Z9",
];
const PARAMETERS = [
  "RoleArn",
  "ExternalId=x",
  "&Policy=",
  "Tags.member.1.Key",
  "arn:aws:iam::999999999999:role/other",
  "{label:secret}",
];
const text = fc.array(fc.constantFrom(...PIECES, ...PARAMETERS), { maxLength: 6 }).map((pieces) => pieces.join(""));
/** What STS takes anywhere, so that many runs get through. */
const plain = fc.string({ unit: fc.constantFrom(..."abcXYZ0129=.@-"), minLength: 2, maxLength: 12 });
const written = fc.option(fc.oneof(text, plain), { nil: undefined });

const ARN = "arn:aws:iam::111122223333:role/app";
const ID = "c0ffee".repeat(10).padEnd(64, "0");
const HOME = { partition: "aws", accountId: "111122223333" };

interface Written {
  readonly name: string;
  readonly externalId: string | undefined;
  readonly sessionName: string | undefined;
  readonly sourceIdentity: string | undefined;
  readonly tag: string | undefined;
  readonly other: string;
}

function grantOf({ name, externalId, sessionName, sourceIdentity, tag, other }: Written): Grant | undefined {
  const labels = Object.entries({
    "taskrole.role": ARN,
    "taskrole.external-id": externalId,
    "taskrole.session-name": sessionName,
    "taskrole.source-identity": sourceIdentity,
    "taskrole.session-tags.mine": tag,
    secret: other,
    [`taskrole.${other}`]: other,
  }).flatMap(([label, value]) => (value === undefined ? [] : [[label, value] as const]));
  const workload = workloadOf({
    ...{ id: ID, name, startedAt: "", image: other, imageId: "", userNamespace: other },
    labels: Object.fromEntries(labels),
    env: [`OTHER=${other}`, `IAM_ROLE=${other}`],
    attachments: [{ networkId: "", networkName: other, addresses: [], macAddress: "" }],
  });
  try {
    return grantFor(workload, nominationOf(workload, ANY_ROLE), { settings: ANY_ROLE, home: HOME });
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

test("no text of a container's crosses into another parameter of the STS call", () => {
  let granted = 0;
  const one = fc.record({
    ...{
      name: fc.oneof(plain, text),
      externalId: written,
      sessionName: written,
      sourceIdentity: written,
      tag: written,
    },
    other: text.filter(
      (label) => !/^(role|external-id|session-|source-|policy|transitive|tokens|metadata)/.test(label),
    ),
  });
  fc.assert(
    fc.property(one, (container) => {
      const grant = grantOf(container);
      if (!grant) return;
      granted += 1;
      const { RoleSessionName = "", ...input } = assumeRoleInput(grant);
      const { externalId, sourceIdentity, tag, other } = container;
      const filled = (template: string): string => template.replaceAll("{label:secret}", () => other);
      assert.deepEqual(input, {
        RoleArn: ARN,
        DurationSeconds: 3600,
        ...(externalId !== undefined && { ExternalId: externalId }),
        ...(sourceIdentity !== undefined && { SourceIdentity: filled(sourceIdentity) }),
        ...(tag !== undefined && { Tags: [{ Key: "mine", Value: filled(tag) }] }),
      });
      assert.match(RoleSessionName, /^[\w+=,.@-]{2,64}$/);
      assert.ok(RoleSessionName.includes(ID.slice(0, 12)), RoleSessionName);
    }),
    { numRuns: 3_000 },
  );
  assert.ok(granted > 300, `${granted} of 3000 were granted: enough to mean something`);
});
