import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ACCOUNT, stackOf, WANTED } from "./support/deployments.ts";
import { MODULE, missing, outputOf, python, TEMPLATE } from "./support/tools.ts";

const lacks = missing();
const options = lacks === undefined ? {} : { skip: `needs ${lacks}` };

/** Of the template with something in it written otherwise. */
async function lintOf(from: string, to: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "taskrole-template-"));
  try {
    const text = readFileSync(TEMPLATE, "utf8");
    assert.ok(text.includes(from), from);
    const file = join(folder, "template.yaml");
    writeFileSync(file, text.replace(from, to));
    const { code, stdout } = await python("cfn-lint", [file]);
    return code === 0 ? "" : stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("the CloudFormation template", options, () => {
  it("has nothing that cfn-lint remarks on, which does remark on mistakes", async () => {
    assert.equal(await outputOf(python("cfn-lint", ["--include-checks", "I", "--", TEMPLATE])), "");
    assert.match(await lintOf("HttpTokens: required", "HttpTokens: perhaps"), /'perhaps' is not one of/);
    assert.match(await lintOf("Effect: Deny", "Effect: Refuse"), /Refuse/);
  });

  it("is launched in its latest version: an update of the stack leaves the default at the first", async () => {
    const { outputs } = await stackOf(WANTED);
    assert.match(outputs["LaunchTemplateVersion"] ?? "", /^\d+$/);
    for (const file of [TEMPLATE, "docs/aws.md"]) {
      const lines = readFileSync(file, "utf8").match(/run-instances .*/g) ?? [];
      assert.equal(lines.length, 1, file);
      assert.match(lines[0] ?? "", /LaunchTemplateId=[^ ]*,Version=\$Latest/, file);
    }
  });

  it("makes a stack: the host's role, two roles below the path that trust it by name, its instance profile", async () => {
    const { status, outputs, roles, instanceProfiles } = await stackOf(WANTED);
    assert.equal(status, "CREATE_COMPLETE");
    const { HostRoleArn: host = "", DefaultRoleArn, ContainerRoleArn } = outputs;
    assert.deepEqual(
      [DefaultRoleArn, ContainerRoleArn],
      [`arn:aws:iam::${ACCOUNT}:role/containers/default`, `arn:aws:iam::${ACCOUNT}:role/containers/web`],
    );
    assert.deepEqual(roles.map(({ arn }) => arn).sort(), [DefaultRoleArn, ContainerRoleArn, host].sort());
    assert.ok(!host.includes("/containers/"));
    assert.deepEqual(Object.values(instanceProfiles), [[host]]);
    for (const { arn, trust, policies } of roles.filter((role) => role.arn !== host)) {
      assert.deepEqual(new Set(principalsIn(trust)), new Set([host]), arn);
      assert.deepEqual(policies, [], arn);
    }
  });

  it("demands metadata tokens, and lets no answer go further than the host", async () => {
    const { launchTemplate, instanceProfiles } = await stackOf(WANTED);
    const { HttpTokens, HttpPutResponseHopLimit, HttpEndpoint } = launchTemplate.MetadataOptions;
    assert.deepEqual([HttpTokens, Number(HttpPutResponseHopLimit), HttpEndpoint], ["required", 1, "enabled"]);
    assert.deepEqual([launchTemplate.IamInstanceProfile.Arn], Object.keys(instanceProfiles));
  });

  it("demands an external id of the container role alone, where there is one", async () => {
    const { roles, outputs } = await stackOf({ ...WANTED, externalId: "customer-4711" });
    const conditionsOf = (output: string) => statementsOf(roles.find(({ arn }) => arn === outputs[output])?.trust);
    assert.deepEqual(
      conditionsOf("ContainerRoleArn").map(({ Action, Condition }) => [Action, Condition]),
      [
        ["sts:AssumeRole", { StringEquals: { "sts:ExternalId": "customer-4711" } }],
        [["sts:TagSession", "sts:SetSourceIdentity"], undefined],
      ],
    );
    assert.ok(conditionsOf("DefaultRoleArn").every(({ Condition }) => Condition === undefined));
  });
});

it("every parameter of the template, and every variable of the module, stands in its page", () => {
  const [, parameters = ""] = readFileSync(TEMPLATE, "utf8").split(/^(?:Parameters|Conditions):$/m);
  const variables = readFileSync(join(MODULE, "variables.tf"), "utf8");
  for (const [page, text, name] of [
    ["docs/aws.md", parameters, /^ {2}(\w+):$/gm],
    [join(MODULE, "README.md"), variables, /^variable "(\w+)"/gm],
  ] as const) {
    const names = [...text.matchAll(name)].map(([, found = ""]) => found);
    assert.ok(names.length >= 8, page);
    const written = readFileSync(page, "utf8");
    assert.deepEqual(
      names.filter((one) => !written.includes(`\`${one}\``)),
      [],
    );
  }
});

interface Statement {
  readonly Principal?: { readonly AWS?: string };
  readonly Action?: unknown;
  readonly Condition?: unknown;
}

const statementsOf = (policy: unknown): readonly Statement[] =>
  (policy as { readonly Statement: readonly Statement[] }).Statement;

const principalsIn = (policy: unknown): readonly (string | undefined)[] =>
  statementsOf(policy).map(({ Principal }) => Principal?.AWS);
