import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ended, run } from "../../support/program.ts";

/** Made by setup.sh. */
const CACHE = process.env["DEPLOY_CACHE"] ?? "/var/cache/taskrole-deploy";

/** What its `policies/` is of: no provider is needed. */
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

/** A copy of what needs no provider, in which Terraform may leave its files. */
export function policiesModule(): { readonly folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "taskrole-terraform-"));
  cpSync(join(MODULE, "policies"), folder, { recursive: true });
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The output of a program that must not fail. */
export async function outputOf(ended: Promise<Ended>): Promise<string> {
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  return stdout;
}
