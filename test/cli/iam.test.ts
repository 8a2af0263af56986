import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { run } from "../support/program.ts";

const HOST = "arn:aws:iam::111122223333:role/my-host";
const folder = mkdtempSync(join(tmpdir(), "taskrole-iam-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const iam = (...args: readonly string[]) => run(["iam", "--host-role", HOST, ...args]);

function configOf(settings: object): string {
  const file = join(folder, "config.yaml");
  writeFileSync(file, JSON.stringify(settings));
  return file;
}

describe("taskrole iam", () => {
  it("prints the host's policy and the trust policies by account, each as JSON to paste", async () => {
    const { code, stdout, stderr } = await iam("--config", "docs/examples/three-teams.yaml");
    assert.deepEqual([code, stderr], [0, ""]);
    const [permission = "", ...trusts] = stdout.split(/^(?=In )/m);
    assert.match(permission, /^The permission policy of arn:aws:iam::111122223333:role\/my-host:\n\n\{/);
    const { Statement } = JSON.parse(permission.slice(permission.indexOf("{")));
    assert.deepEqual(Statement[0], {
      Effect: "Allow",
      Action: ["sts:AssumeRole", "sts:TagSession"],
      Resource: ["red", "blue", "green"].map((team) => `arn:aws:iam::111122223333:role/${team}/*`),
    });
    assert.deepEqual(Statement[2], {
      Effect: "Deny",
      Action: "sts:AssumeRole",
      Resource: "arn:aws:iam::111122223333:role/blue/admin",
    });
    assert.deepEqual(
      trusts.map((trust) => trust.split("\n")[0]),
      ["In the account 111122223333, the trust policy of", "In the account 444455556666, the trust policy of"],
    );
    assert.match(
      trusts[0] ?? "",
      /\n {2}arn:aws:iam::111122223333:role\/red\/\* \(each of them that containers are to have\)\n/,
    );
    assert.match(trusts[0] ?? "", /\n {2}arn:aws:iam::111122223333:role\/red\/base\n/);
    const trust = JSON.parse((trusts[1] ?? "").replace(/^[^{]*/, ""));
    assert.deepEqual(trust.Statement[0].Principal, { AWS: HOST });
  });

  it("prints what docs/aws.md shows", async () => {
    const page = readFileSync("docs/aws.md", "utf8");
    const [, command = "", shown = ""] = /^\$ taskrole iam --config config\.yaml (.*)\n([^`]*)```/m.exec(page) ?? [];
    const args = ["iam", "--config", "docs/examples/three-teams.yaml", ...command.split(" ")];
    const { stdout } = await run(args);
    const parts = shown.split(/^…$/m).map((part) => part.trim());
    assert.equal(parts.length, 3);
    for (const part of parts) assert.ok(stdout.includes(part), part);
  });

  it("as JSON is one document for programs", async () => {
    const { code, stdout } = await iam("--config", "docs/examples/one-default.yaml", "--format", "json");
    assert.equal(code, 0);
    const { hostRole, trustPolicies } = JSON.parse(stdout);
    assert.equal(hostRole, HOST);
    assert.deepEqual(
      trustPolicies.map(({ account, roles }: { account: string; roles: readonly string[] }) => [account, roles]),
      [["111122223333", ["arn:aws:iam::111122223333:role/containers/base"]]],
    );
  });

  it("reads roles without an account in --account, else in the setting, else in the host role's", async () => {
    const rolesOf = async (settings: object, ...args: readonly string[]) => {
      const roleRules = [{ match: {}, allow: ["arn:aws:iam::*:role/base"] }];
      const file = configOf({ roleRules, defaultRole: "base", ...settings });
      const { stdout } = await iam("--config", file, "--format", "json", ...args);
      return JSON.parse(stdout).trustPolicies.map(({ account }: { account: string }) => account);
    };
    assert.deepEqual(await rolesOf({}), ["*", "111122223333"]);
    assert.deepEqual(await rolesOf({ defaultAccountId: "444455556666" }), ["*", "444455556666"]);
    assert.deepEqual(await rolesOf({ defaultAccountId: "444455556666" }, "--account", "999999999999"), [
      "*",
      "999999999999",
    ]);
  });

  it("takes in the role map, and what containers say by label", async () => {
    const roleMapFile = join(folder, "map.yaml");
    writeFileSync(roleMapFile, "- { address: 10.0.0.1, role: vm, externalId: machine-1 }\n");
    const roleRules = [{ match: { name: "web" }, allow: ["arn:aws:iam::111122223333:role/vm"] }];
    const file = configOf({ roleMapFile, roleRules });
    const { stdout } = await iam("--config", file, "--format", "json", "--tags", "--source-identity");
    const { permissionPolicy, trustPolicies } = JSON.parse(stdout);
    const all = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
    assert.deepEqual(permissionPolicy.Statement[0].Action, all);
    assert.equal(trustPolicies.length, 1);
    const open = await iam("--config", configOf({ roleMapFile }), "--format", "json");
    assert.deepEqual(JSON.parse(open.stdout).trustPolicies[1].policy.Statement[0].Condition, {
      StringEquals: { "sts:ExternalId": "machine-1" },
    });
  });

  it("warns of rules that allow every role and says which, and of no rules at all", async () => {
    const roleRules = [
      { match: { name: "a" }, allow: ["arn:aws:iam::*:role/a"] },
      { match: { name: "b" }, allow: ["*"] },
    ];
    const { code, stderr, stdout } = await iam("--config", configOf({ roleRules }), "--format", "json");
    assert.equal(code, 0);
    assert.match(stderr, /^taskrole: warning: rule 2 of roleRules allows \*: every role in every account/);
    assert.deepEqual(JSON.parse(stdout).permissionPolicy.Statement, [
      { Effect: "Allow", Action: "sts:AssumeRole", Resource: "arn:aws:iam::*:role/*" },
    ]);
    const without = await iam("--config", configOf({}));
    assert.match(without.stderr, /^taskrole: warning: there are no roleRules/);
  });

  it("warns of a policy that is longer than IAM takes", async () => {
    const allow = Array.from({ length: 200 }, (_, n) => `arn:aws:iam::111122223333:role/containers/number-${n}`);
    const { stderr } = await iam("--config", configOf({ roleRules: [{ match: {}, allow }] }));
    assert.match(stderr, /the permission policy has \d+ characters, and IAM takes 10240/);
  });

  it("ends with 2 at a wrong word, and at a wrong configuration", async () => {
    for (const [args, says] of [
      [["iam"], /required option '--host-role <ARN>' not specified/],
      [["iam", "--host-role", "my-host"], /must be the ARN of a role, like arn:aws:iam::111122223333:role\/my-host/],
      [["iam", "--host-role", HOST, "--account", "12"], /must be twelve digits/],
      [["iam", "--host-role", HOST, "--format", "yaml"], /Allowed choices are text, json/],
      [["iam", "--host-role", HOST, "--config", join(folder, "none.yaml")], /there is no such configuration file/],
      [["iam", "--host-role", HOST, "--config", configOf({ regoin: "x" })], /did you mean "region"/],
    ] as const) {
      const { code, stderr, stdout } = await run(args);
      assert.deepEqual([code, stdout], [2, ""], String(args));
      assert.match(stderr, says);
    }
  });
});
