import assert from "node:assert/strict";
import { test } from "node:test";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import fc from "fast-check";
import { Refusal } from "../../src/core/failure.ts";
import { type Grant, type GrantSettings, grantFor, nominationOf } from "../../src/core/grant.ts";
import { parseTemplate, type SessionTemplate } from "../../src/core/session-template.ts";
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
const POLICY = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Deny", Action: "*", Resource: "*" }] });

interface Written {
  readonly name: string;
  /** By its label or, if that is not there, by its variable. */
  readonly externalId: string | undefined;
  readonly isByVariable: boolean;
  readonly sessionName: string | undefined;
  readonly sourceIdentity: string | undefined;
  readonly tag: readonly [key: string, value: string] | undefined;
  readonly hasPolicy: boolean;
  /** Everywhere else that a container can write, and where the operator's templates look. */
  readonly other: string;
}

function template(text: string): SessionTemplate {
  const parsed = parseTemplate(text);
  return "kind" in parsed ? assert.fail(parsed.reason) : parsed;
}

const settings: GrantSettings = {
  ...ANY_ROLE,
  sessionTags: { label: template("{label:secret}"), image: template("{image}"), env: template("{env:OTHER}") },
};

const given = (entries: Readonly<Record<string, string | undefined>>): [string, string][] =>
  Object.entries(entries).flatMap(([key, value]): [string, string][] => (value === undefined ? [] : [[key, value]]));

function grantOf({ name, externalId, isByVariable, sessionName, sourceIdentity, tag, hasPolicy, other }: Written) {
  const labels = given({
    "taskrole.role": ARN,
    "taskrole.external-id": isByVariable ? undefined : externalId,
    "taskrole.session-name": sessionName,
    "taskrole.source-identity": sourceIdentity,
    ...(tag && { [`taskrole.session-tags.${tag[0]}`]: tag[1] }),
    secret: other,
    [`x.${other}`]: other,
  });
  const variables = given({
    OTHER: other,
    IAM_ROLE: other,
    IAM_EXTERNAL_ID: isByVariable ? externalId : undefined,
    IAM_POLICY: hasPolicy ? POLICY : undefined,
  });
  const dialect = { places: {}, variables: new Set(["OTHER"]) };
  const workload = workloadOf(
    {
      ...{ id: ID, name, startedAt: "", image: other, imageId: "", userNamespace: other },
      labels: Object.fromEntries(labels),
      env: variables.map((pair) => pair.join("=")),
      attachments: [{ networkId: "", networkName: other, addresses: [], macAddress: "" }],
    },
    dialect,
  );
  try {
    return grantFor(workload, nominationOf(workload, settings), { settings, home: HOME });
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** What the SDK would send, by parameter. */
class Wire {
  readonly #client: STSClient;
  #body = "";

  constructor() {
    this.#client = new STSClient({
      region: "eu-west-1",
      credentials: { accessKeyId: "AKID", secretAccessKey: "secret" },
      maxAttempts: 1,
      requestHandler: {
        handle: ({ body }: { body: unknown }) => {
          this.#body = String(body);
          return Promise.reject(new Error("not sent"));
        },
      },
    });
  }

  async parametersOf(grant: Grant): Promise<Readonly<Record<string, string>>> {
    await this.#client.send(new AssumeRoleCommand(assumeRoleInput(grant))).catch(() => {});
    const parameters = [...new URLSearchParams(this.#body)];
    const byName = Object.fromEntries(parameters);
    assert.equal(Object.keys(byName).length, parameters.length, "no parameter twice");
    return byName;
  }
}

const TAG = /^Tags\.member\.(\d+)\.(Key|Value)$/;

/** In no order: a key of digits goes before the others. */
function tagsOf(sent: Readonly<Record<string, string>>): readonly string[] {
  const numbers = Object.keys(sent).flatMap((name) => (name.endsWith(".Key") ? (TAG.exec(name)?.[1] ?? []) : []));
  return numbers.map((n) => `${sent[`Tags.member.${n}.Key`]}=${sent[`Tags.member.${n}.Value`]}`).sort();
}

test("no text of a container's crosses into another parameter of the STS call", async () => {
  const wire = new Wire();
  let granted = 0;
  const one = fc.record({
    ...{ name: fc.oneof(plain, text), externalId: written, sessionName: written, sourceIdentity: written },
    tag: fc.option(fc.tuple(fc.oneof(plain, text), fc.oneof(plain, text)), { nil: undefined }),
    ...{ isByVariable: fc.boolean(), hasPolicy: fc.boolean(), other: fc.oneof(plain, text) },
  });
  await fc.assert(
    fc.asyncProperty(one, async (container) => {
      const grant = grantOf(container);
      if (!grant) return;
      granted += 1;
      const { RoleSessionName = "", ...sent } = await wire.parametersOf(grant);
      const untagged = Object.entries(sent).filter(([parameter]) => !TAG.test(parameter));
      const { externalId, sourceIdentity, tag, hasPolicy, other } = container;
      const filled = (words: string): string => words.replaceAll("{label:secret}", () => other);
      const tags = [
        ...["label", "image", "env"].map((key) => `${key}=${other}`),
        ...(tag ? [`${tag[0]}=${filled(tag[1])}`] : []),
      ];
      assert.deepEqual(tagsOf(sent), tags.sort());
      assert.deepEqual(Object.fromEntries(untagged), {
        ...{ Action: "AssumeRole", Version: "2011-06-15", RoleArn: ARN, DurationSeconds: "3600" },
        ...(externalId !== undefined && { ExternalId: externalId }),
        ...(sourceIdentity !== undefined && { SourceIdentity: filled(sourceIdentity) }),
        ...(hasPolicy && { Policy: POLICY }),
      });
      assert.match(RoleSessionName, /^[\w+=,.@-]{2,64}$/);
      assert.ok(RoleSessionName.includes(ID.slice(0, 12)), RoleSessionName);
    }),
    { numRuns: 3_000 },
  );
  assert.ok(granted > 300, `${granted} of 3000 were granted: enough to mean something`);
});
