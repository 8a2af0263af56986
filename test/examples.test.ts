import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { loadConfig } from "../src/app/config.ts";
import { grantSettings } from "../src/app/grant-settings.ts";
import { readPolicyCases } from "../src/app/policy-cases.ts";
import { outcomesOf } from "../src/app/policy-check.ts";
import { reviewOfRules } from "../src/app/role-rules-review.ts";
import { type Grant, grantFor, nominationOf } from "../src/core/grant.ts";
import type { SessionClaims, Workload, WorkloadTraits } from "../src/core/workload.ts";
import { refusalOf, workload } from "./support/workloads.ts";

const FOLDER = "docs/examples";
const files = readdirSync(FOLDER).filter((file) => file.endsWith(".yaml"));
const load = (file: string) => loadConfig({ file: `${FOLDER}/${file}`, environment: {}, flags: {} });
const HOME = { partition: "aws", accountId: "111122223333" };

interface Asked extends Partial<WorkloadTraits> {
  readonly name?: string;
  readonly role?: string;
  readonly session?: SessionClaims;
}

const workloadOf = ({ name = "web", role, session, ...traits }: Asked): Workload => ({
  ...workload(name, role),
  ...(session && { sessionClaims: session }),
  traits: { image: "", imageId: "", labels: {}, networks: [], userNamespace: "", ...traits },
});
function decide(file: string, asked: Asked): Grant {
  const settings = grantSettings(load(file), "host-1");
  const of = workloadOf(asked);
  return grantFor(of, nominationOf(of, settings), { settings, home: HOME });
}
const roleOf = (file: string, asked: Asked): string => decide(file, asked).roleArn.replace(/^.*:(\d+):role/, "$1");
const refused = (file: string, asked: Asked): string => refusalOf(() => decide(file, asked)).kind;

it("every example is named in their page, loads, and leaves nothing to remark", () => {
  const page = readFileSync(`${FOLDER}/README.md`, "utf8");
  assert.equal(files.length, 5);
  for (const file of files) {
    assert.ok(page.includes(`(${file})`), file);
    assert.deepEqual(reviewOfRules(load(file)), [], file);
  }
});

it("the table of cases holds, and would not for another policy", () => {
  const read = readPolicyCases(`${FOLDER}/cases/three-teams.yaml`);
  assert.ok(read.kind === "cases");
  const failing = (file: string) =>
    outcomesOf(read.cases, { ...load(file), defaultAccountId: HOME.accountId }).filter(
      ({ differences }) => differences.length > 0,
    ).length;
  assert.deepEqual([failing("three-teams.yaml"), failing("one-default.yaml")], [0, 5]);
});

describe("the examples decide as their comments say", () => {
  it("CI agents: any build role but the one that releases, which only its own image has", () => {
    const file = "ci-docker-in-docker.yaml";
    const agent = { name: "agent-1", networks: ["agents"] };
    assert.equal(roleOf(file, agent), "111122223333/ci/build");
    assert.equal(roleOf(file, { ...agent, role: "ci/docs" }), "111122223333/ci/docs");
    assert.equal(refused(file, { ...agent, role: "ci/release" }), "role-refused");
    assert.equal(decide(file, agent).policy?.includes('"Deny"'), true);
    assert.equal(decide(file, agent).sessionSeconds, 900);
    const imageId = "sha256:0f5c6a1b2d3e4f5061728394a5b6c7d8e9f00112233445566778899aabbccdde";
    const release = { name: "release", networks: ["agents"], role: "ci/release" };
    assert.equal(roleOf(file, { ...release, imageId }), "111122223333/ci/release");
    assert.equal(refused(file, { ...release, image: imageId.slice(0, -1) }), "no-rule");
    assert.equal(refused(file, { name: "web", networks: ["bridge"], role: "ci/build" }), "no-rule");
  });

  it("three teams: each its own roles, by its network", () => {
    const file = "three-teams.yaml";
    assert.equal(roleOf(file, { networks: ["red"] }), "111122223333/red/base");
    assert.equal(roleOf(file, { networks: ["red"], role: "readers/red@shared" }), "444455556666/readers/red");
    assert.equal(refused(file, { networks: ["red"], role: "blue/x" }), "role-refused");
    assert.equal(refused(file, { networks: ["blue"], role: "blue/admin" }), "role-refused");
    assert.equal(refused(file, { networks: ["blue"] }), "no-role");
    assert.equal(refused(file, { networks: ["other"], labels: { team: "red" }, role: "red/x" }), "no-rule");
    const green = { networks: ["green"], image: "registry.example/green/app:1", role: "green/x" };
    assert.deepEqual(decide(file, green).policyArns, ["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    assert.deepEqual(decide(file, green).tags, { host: "host-1", container: "web", team: "green" });
  });

  it("one default: that one, and no other", () => {
    assert.equal(roleOf("one-default.yaml", {}), "111122223333/containers/base");
    assert.equal(refused("one-default.yaml", { role: "other" }), "role-refused");
  });

  it("another's account: with the container's external id, under a name that their CloudTrail shows", () => {
    const session = { externalId: { text: "customer-4711", place: "label taskrole.external-id" } };
    const made = decide("cross-account.yaml", { name: "export-7", role: "exporter@customer", session });
    assert.equal(made.roleArn, "arn:aws:iam::444455556666:role/exporter");
    assert.deepEqual([made.externalId, made.sessionSeconds], ["customer-4711", 900]);
    assert.deepEqual(made.tags, { exporter: "export-7" });
    assert.match(made.sessionName, /^our-company-export-7-[0-9a-f]{12}$/);
    assert.equal(refused("cross-account.yaml", { name: "web", role: "exporter@customer" }), "no-rule");
  });

  it("branches: the tag is the runner's, and stays", () => {
    const file = "branch-tags.yaml";
    const build = { labels: { "ci.branch": "main", "ci.build": "812", "ci.runner": "trusted" } };
    const { tags, transitiveTagKeys, sessionName } = decide(file, build);
    assert.deepEqual([tags, transitiveTagKeys], [{ branch: "main", build: "812" }, ["branch"]]);
    assert.match(sessionName, /^812-web-/);
    const session = { sessionTags: { Branch: { text: "main", place: "label taskrole.session-tags.Branch" } } };
    assert.equal(refused(file, { ...build, session }), "bad-session");
    assert.equal(refused(file, { labels: { "ci.branch": "main" } }), "no-rule");
  });
});
