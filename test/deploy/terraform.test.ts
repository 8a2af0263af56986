import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { byTerraform, WANTED } from "./support/deployments.ts";
import { MODULE, missing, outputOf, policiesModule, providerWheel, python, terraform } from "./support/tools.ts";

const lacks = missing();
const options = lacks === undefined ? {} : { skip: `needs ${lacks}` };

interface Checked {
  readonly mistakes: readonly string[];
  /** By "aws_iam_role.host"; a block is a list of what stands in it. */
  readonly resources: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const checked = async (folder: string): Promise<Checked> =>
  JSON.parse(await outputOf(python("python", ["test/deploy/check_arguments.py", providerWheel(), folder])));

/** A copy of the module with something in it written otherwise. */
function changedModule(from: string, to: string): { readonly folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "taskrole-module-"));
  cpSync(MODULE, folder, { recursive: true });
  const file = join(folder, "main.tf");
  const text = readFileSync(file, "utf8");
  assert.ok(text.includes(from), from);
  writeFileSync(file, text.replace(from, to));
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

describe("the Terraform module", options, () => {
  it("is written as terraform fmt writes it", async () => {
    assert.equal(await outputOf(terraform(MODULE, ["fmt", "-check", "-recursive", "-diff"])), "");
    using changed = changedModule("  role        = ", "  role = ");
    assert.notEqual((await terraform(changed.folder, ["fmt", "-check"])).code, 0);
  });

  it("makes policies that terraform takes without a provider", async () => {
    using module = policiesModule();
    await outputOf(terraform(module.folder, ["init", "-input=false", "-no-color"]));
    assert.equal(JSON.parse(await outputOf(terraform(module.folder, ["validate", "-json"]))).valid, true);
  });

  it("gives resources the arguments that the AWS provider has, and all that it must have", async () => {
    const { mistakes, resources } = await checked(MODULE);
    assert.deepEqual(mistakes, []);
    assert.equal(Object.keys(resources).length, 7);
    for (const [from, to, says] of [
      ["http_tokens ", "http_token ", /aws_launch_template\.host\.metadata_options: the provider has no http_token$/],
      [
        "  assume_role_policy = module.policies.host",
        "  policy = module.policies.host",
        /host: assume_role_policy is missing$/,
      ],
      ['"aws_iam_role_policy"', '"aws_iam_role_police"', /the provider has no aws_iam_role_police$/],
    ] as const) {
      using changed = changedModule(from, to);
      const wrong = (await checked(changed.folder)).mistakes;
      assert.ok(
        wrong.some((mistake) => says.test(mistake)),
        `${says} in ${wrong}`,
      );
    }
  });

  it("demands metadata tokens, and lets no answer go further than the host", async () => {
    const { resources } = await checked(MODULE);
    assert.deepEqual(resources["aws_launch_template.host"]?.["metadata_options"], [
      { http_endpoint: "enabled", http_tokens: "required", http_put_response_hop_limit: 1 },
    ]);
  });

  it("says of a host and its roles what the template says", async () => {
    const { byCloudFormation } = await import("./support/deployments.ts");
    for (const externalId of ["", "customer-4711"]) {
      const [module, template] = await Promise.all([
        byTerraform({ ...WANTED, externalId }),
        byCloudFormation({ ...WANTED, externalId }),
      ]);
      const ofHost = (value: unknown, host: string) => JSON.parse(JSON.stringify(value).replaceAll(host, "HOST"));
      const byArn = (roles: typeof module.roles) => new Map(roles.map(({ arn, trust }) => [arn, trust]));
      assert.deepEqual(module.permissionPolicy, template.permissionPolicy);
      assert.deepEqual(
        ofHost([...byArn(module.roles)].sort(), module.hostRole),
        ofHost([...byArn(template.roles)].sort(), template.hostRole),
      );
      assert.equal(module.userData, template.userData);
    }
  });
});
