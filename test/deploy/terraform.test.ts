import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { byCloudFormation, byTerraform, variableFlags, WANTED } from "./support/deployments.ts";
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

  it("is taken by terraform validate as far as that goes without the provider", async () => {
    using module = policiesModule();
    await outputOf(terraform(module.folder, ["init", "-input=false", "-no-color"]));
    assert.equal(JSON.parse(await outputOf(terraform(module.folder, ["validate", "-json"]))).valid, true);
  });

  it("refuses wrong values, with what is wanted", async () => {
    using module = policiesModule();
    await outputOf(terraform(module.folder, ["init", "-input=false", "-no-color"]));
    const good = { image_id: "ami-0", release_url: WANTED.releaseUrl, release_sha256: WANTED.releaseSha256 };
    for (const [wrong, says] of [
      [{ release_url: "http://downloads.example/taskrole" }, /release_url must be an https URL/],
      [{ release_url: "https://downloads.example/'; reboot; '" }, /release_url must be an https URL/],
      [{ release_sha256: "abc" }, /release_sha256 must be 64 hexadecimal digits/],
      [{ container_path: "containers" }, /container_path must begin and end with a slash/],
      [{ external_id: "x" }, /external_id must be 2 to 1224/],
    ] as const) {
      const flags = variableFlags({ ...good, ...wrong });
      const { code, stderr } = await terraform(module.folder, ["plan", "-input=false", "-no-color", ...flags]);
      assert.equal(code, 1, JSON.stringify(wrong));
      assert.match(stderr.replace(/[│\s]+/g, " "), says);
    }
  });

  it("hands AWS only what it makes", async () => {
    const made = [...readFileSync(join(MODULE, "policies/main.tf"), "utf8").matchAll(/^output "(\w+)"/gm)];
    const used = [...readFileSync(join(MODULE, "main.tf"), "utf8").matchAll(/module\.policies\.(\w+)/g)];
    const names = (found: readonly RegExpExecArray[]) => new Set(found.map(([, name]) => name));
    assert.deepEqual(names(used), names(made));
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
      ["aws_iam_role.host.name", "aws_iam_role.host.nome", /aws_iam_role\.host\.nome: the provider has no nome$/],
      ["aws_iam_role.host.name", "aws_iam_role.hots.name", /aws_iam_role\.hots\.name: there is no aws_iam_role\.hots$/],
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
