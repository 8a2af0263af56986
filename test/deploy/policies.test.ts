import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { MockEc2Event } from "../../src/mock-ec2/mock-ec2.ts";
import type { World } from "../../src/mock-ec2/world.ts";
import { parseWorld } from "../../src/mock-ec2/world-file.ts";
import { RawClient } from "../http/raw-client.ts";
import { type Host, type HostContainer, startHost } from "../support/host.ts";
import { ACCOUNT, byCloudFormation, byCommand, byTerraform, type Deployment, WANTED } from "./support/deployments.ts";
import { missing } from "./support/tools.ts";

const lacks = missing();
const options = lacks === undefined ? {} : { skip: `needs ${lacks}` };
const folder = mkdtempSync(join(tmpdir(), "taskrole-policies-"));
after(() => rmSync(folder, { recursive: true }));

const inHome = (path: string): string => `arn:aws:iam::${ACCOUNT}:role/${path}`;
const PARTNER = "arn:aws:iam::444455556666:role/partner";
const EXTERNAL_ID = "customer-4711";

/** EC2 and STS under a deployment's policies, beside roles that trust the host and are none of its own. */
function worldOf({ hostRole, permissionPolicy, roles }: Deployment): World {
  const trust = (principal: string) => ({
    Statement: { Effect: "Allow", Principal: { AWS: principal }, Action: "sts:*" },
  });
  const others = [
    { arn: inHome("admin"), trust: trust(hostRole) },
    { arn: PARTNER, trust: trust(hostRole) },
    { arn: inHome("containers/closed"), trust: trust(inHome("somebody-else")) },
  ];
  const [, role = ""] = hostRole.split(":role/");
  const file = {
    instance: { role, accountId: ACCOUNT },
    hostPermissionPolicy: permissionPolicy,
    roles: [...roles, ...others],
  };
  const world = parseWorld(JSON.stringify(file), "world");
  if ("mistakes" in world) assert.fail(world.mistakes.join("\n"));
  return world;
}

type Said = Readonly<Record<string, string>>;

/** Containers by what they say of themselves. */
const CONTAINERS: Readonly<Record<string, Said>> = {
  plain: {},
  web: { "taskrole.role": "containers/web", "taskrole.external-id": EXTERNAL_ID },
  tagged: {
    "taskrole.role": "containers/default",
    "taskrole.session-tags.team": "red",
    "taskrole.source-identity": "me",
  },
  stranger: { "taskrole.role": "containers/web" },
  admin: { "taskrole.role": "admin" },
  partner: { "taskrole.role": PARTNER },
  closed: { "taskrole.role": "containers/closed" },
};
const addressOf = (name: string): string => `127.50.0.${Object.keys(CONTAINERS).indexOf(name) + 2}`;

interface Place extends AsyncDisposable {
  readonly host: Host;
  readonly events: readonly MockEc2Event[];
}

/** The program that ships, under these policies, with these containers. */
async function placeOf(deployment: Deployment, flags: Readonly<Record<string, string>>): Promise<Place> {
  const events: MockEc2Event[] = [];
  const containers = Object.entries(CONTAINERS).map(
    ([name, labels]) => [name, { address: addressOf(name), labels }] satisfies [string, HostContainer],
  );
  const host = await startHost({
    containers: Object.fromEntries(containers),
    flags: { "metadata-tokens": "optional", ...flags },
    ec2: { world: worldOf(deployment), onRequest: (event) => events.push(event) },
  });
  return { host, events, [Symbol.asyncDispose]: () => host[Symbol.asyncDispose]() };
}

const ROLES = "/latest/meta-data/iam/security-credentials/";

/** What AWS calls the container that asks with what it was given; or the code of the document, or the status. */
async function whoIs({ host }: Place, name: string): Promise<string> {
  const get = async (path: string) => {
    for (const until = performance.now() + 10_000; ; await delay(50)) {
      const client = new RawClient(host.port, addressOf(name));
      const response = await client.send(`GET ${path} HTTP/1.1\r\nConnection: close\r\n\r\n`).response();
      if (response.status !== 503 || performance.now() > until) return response;
    }
  };
  const listed = await get(ROLES);
  if (listed.status !== 200) return String(listed.status);
  const { status, body } = await get(`${ROLES}${listed.body}`);
  if (status !== 200) return String(status);
  const { Code, AccessKeyId, SecretAccessKey, Token } = JSON.parse(body);
  if (Code !== "Success") return Code;
  const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token };
  const sts = new STSClient({ endpoint: host.ec2.stsUrl, region: "us-east-1", credentials });
  const { Arn = "" } = await sts.send(new GetCallerIdentityCommand({}));
  return Arn.replace(/^.*assumed-role\//, "");
}

const REFUSED = "AssumeRoleUnauthorizedAccess";

/** Why AWS refused a role, as whoever runs the mock reads it. */
const whyRefused = ({ events }: Place): readonly string[] => [
  ...new Set(events.flatMap(({ status, reason }) => (status === 403 && reason !== undefined ? [reason] : []))),
];

/** The roles of the deployment are had, and no other is, whoever trusts the host. */
async function holdToPolicies(place: Place): Promise<void> {
  assert.match(await whoIs(place, "plain"), /^default\/plain-/);
  assert.match(await whoIs(place, "web"), /^web\/web-/);
  assert.match(await whoIs(place, "tagged"), /^default\/tagged-/);
  for (const name of ["admin", "partner", "closed"]) assert.equal(await whoIs(place, name), REFUSED, name);
  const reasons = whyRefused(place);
  assert.ok(reasons.includes("a Deny statement of hostPermissionPolicy covers sts:AssumeRole"), String(reasons));
  assert.ok(reasons.some((reason) => /^no statement of the role's trust policy allows sts:AssumeRole/.test(reason)));
}

describe("through the whole program, under the policies", options, () => {
  for (const [name, deploy] of [
    ["the CloudFormation template", byCloudFormation],
    ["the Terraform module", byTerraform],
  ] as const) {
    it(`of ${name}: the roles below the path, and no others`, async () => {
      const deployment = await deploy(WANTED);
      await using place = await placeOf(deployment, { "default-role": deployment.defaultRole });
      await holdToPolicies(place);
      assert.match(await whoIs(place, "stranger"), /^web\/stranger-/);
    });

    it(`of ${name} with an external id: the container role to whoever says it`, async () => {
      const deployment = await deploy({ ...WANTED, externalId: EXTERNAL_ID });
      await using place = await placeOf(deployment, { "default-role": deployment.defaultRole });
      await holdToPolicies(place);
      assert.equal(await whoIs(place, "stranger"), REFUSED);
    });
  }

  it("that taskrole iam prints for a configuration: what its rules grant, and no others", async () => {
    const config = join(folder, "config.yaml");
    const roleRules = [
      { match: { name: "admin" }, allow: [inHome("containers/web")] },
      { match: {}, allow: [inHome("containers/*"), inHome("secrets/*")], deny: [inHome("secrets/*")] },
    ];
    const defaultRole = inHome("containers/default");
    const sessionTags = { host: "{host}" };
    writeFileSync(config, JSON.stringify({ roleRules, defaultRole, sessionTags }));
    const deployment = await byCommand(config, ["--source-identity"], [defaultRole, inHome("containers/web")]);
    // The rules of the daemon would refuse first: that AWS does, too, is seen by a daemon without them.
    await using place = await placeOf(deployment, {
      "default-role": defaultRole,
      "session-tags": JSON.stringify(sessionTags),
    });
    await holdToPolicies(place);
  });
});
