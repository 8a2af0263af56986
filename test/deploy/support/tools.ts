import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ended, run } from "../../support/program.ts";

/** Made by setup.sh. */
const CACHE = process.env["DEPLOY_CACHE"] ?? "/var/cache/taskrole-deploy";

/** As they are where the module is applied without AWS. */
export const HOST_ROLE = "arn:aws:iam::111122223333:role/host";
export const DEFAULT_ROLE = "arn:aws:iam::111122223333:role/containers/default";

export const MODULE = "deploy/terraform";
export const TEMPLATE = "deploy/cloudformation/taskrole.yaml";

/** What is missing for these tests, completing "needs …"; with REQUIRE_ALL=1 that is a failure. */
export function missing(): string | undefined {
  const lacks = !existsSync(join(CACHE, "made-for"))
    ? "what test/deploy/setup.sh installs"
    : terraformPath() === undefined
      ? "terraform on the PATH"
      : undefined;
  assert.ok(lacks === undefined || process.env["REQUIRE_ALL"] !== "1", `needs ${lacks}`);
  return lacks;
}

const terraformPath = (): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(":")
    .map((folder) => join(folder, "terraform"))
    .find(existsSync);

/** A program of the Python environment. */
export const python = (name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  run(args, { program: [join(CACHE, "venv/bin", name)], env });

/** The bindings that tell the AWS provider's arguments. */
export function providerWheel(): string {
  const [wheel = ""] = readdirSync(join(CACHE, "provider"));
  return join(CACHE, "provider", wheel);
}

/** @param folder where it runs: the module itself */
export const terraform = (folder: string, args: readonly string[]): Promise<Ended> =>
  run(args, { program: ["terraform"], folder, env: { CHECKPOINT_DISABLE: "1", HOME: folder } });

/** What stands for AWS where the module asks it: what it would answer. */
const ANSWERS: Readonly<Record<string, string>> = {
  "data.aws_partition.current.partition": "aws",
  "data.aws_partition.current.dns_suffix": "amazonaws.com",
  "aws_iam_role.host.arn": HOST_ROLE,
  "aws_iam_role.default.arn": DEFAULT_ROLE,
};

/**
 * The module as far as it needs no provider: its variables, and the policies and the user data that it makes of them. Everything
 * else of it hands these to AWS. A copy, in which Terraform may leave its files.
 */
export function policiesModule(): { readonly folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "taskrole-terraform-"));
  cpSync(join(MODULE, "policies"), join(folder, "policies"), { recursive: true });
  cpSync(join(MODULE, "variables.tf"), join(folder, "variables.tf"));
  const [call = ""] =
    /^module "policies" \{\n(?: .*\n|\n)*\}\n/m.exec(readFileSync(join(MODULE, "main.tf"), "utf8")) ?? [];
  const answered = call.replace(/= (.*\.aws_.*|aws_.*)/g, (_, asked: string) => `= ${JSON.stringify(ANSWERS[asked])}`);
  writeFileSync(join(folder, "main.tf"), `${answered}output "policies" {\n  value = module.policies\n}\n`);
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The output of a program that must not fail. */
export async function outputOf(ended: Promise<Ended>): Promise<string> {
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  return stdout;
}
