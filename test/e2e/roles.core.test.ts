import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, ContainerOptions } from "./support/containers.ts";
import { ACCOUNT, FORBIDDEN_ROLE } from "./support/ec2.ts";
import { IMAGES } from "./support/engine.ts";
import { startLab } from "./support/lab.ts";
import { CREDENTIALS_PATH, documentIn } from "./support/metadata-client.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { eventually } from "./support/programs.ts";

const lab = await startLab({ daemon: false });

const arnOf = (role: string, { name, id }: Container) =>
  `arn:aws:sts::${ACCOUNT}:assumed-role/${role}/${name}-${id.slice(0, 12)}`;

const early = await lab.run({ role: "early" });
await lab.daemon.start();

test("a container that was there before the daemon gets its role", async () => {
  assert.equal((await early.identity()).arn, arnOf("early", early));
});

test("three containers with three roles get each its own, however often they ask in turn", async () => {
  const roles = ["alpha", "beta", "gamma"];
  const containers = await Promise.all(roles.map((role) => lab.run({ role })));
  const expected = containers.map((container, i) => arnOf(roles[i] ?? "", container));
  for (let round = 0; round < 3; round++) {
    const identities = await Promise.all(containers.map((container) => container.identity()));
    assert.deepEqual(
      identities.map(({ arn }) => arn),
      expected,
    );
  }
});

test("a role may be an ARN with a path, and is listed by its name", async () => {
  const container = await lab.run({ role: `arn:aws:iam::${ACCOUNT}:role/team/blue/reader` });
  const { roleName, arn } = await container.identity();
  assert.equal(roleName, "reader");
  assert.equal(arn, arnOf("reader", container));
});

test("the variable IAM_ROLE names the role of a container without the label, and the label wins", async () => {
  const byVariable = await lab.run({ args: ["-e", "IAM_ROLE=from-variable"] });
  const byBoth = await lab.run({ role: "from-label", args: ["-e", "IAM_ROLE=from-variable"] });
  assert.equal(await byVariable.role(), "from-variable");
  assert.equal(await byBoth.role(), "from-label");
});

test("a container without a role has none: 404, and no word of any other's", async () => {
  const { metadata } = await lab.run();
  const token = await metadata.token();
  for (const path of [
    CREDENTIALS_PATH,
    CREDENTIALS_PATH.slice(0, -1),
    `${CREDENTIALS_PATH}early`,
    "/latest/meta-data/iam/info",
  ]) {
    const { status, body } = await metadata.get(path, token);
    assert.equal(status, 404, path);
    assert.doesNotMatch(body, /early|alpha/);
  }
  const listing = await metadata.get("/latest/meta-data/", token);
  assert.equal(listing.status, 200);
  assert.doesNotMatch(listing.body, /^iam\/?$/m);
});

test("a container that asks for another's role by name gets 404", async () => {
  const { metadata } = await lab.run({ role: "modest" });
  assert.equal((await metadata.get(`${CREDENTIALS_PATH}early`, await metadata.token())).status, 404);
});

test("a container with a broken role gets 404, the operator a line that says why, and no other container notices", async () => {
  const neighbour = await lab.run({ role: "neighbour" });
  const broken = await lab.run({ role: "not a role" });
  const token = await broken.metadata.token();
  assert.equal((await broken.metadata.get(CREDENTIALS_PATH, token)).status, 404);
  const line = await eventually(async () => {
    const found = lab.daemon.log.find(({ refusal, container }) => refusal === "bad-role" && container === broken.name);
    return found ?? Promise.reject(new Error("no line about it"));
  });
  assert.match(String(line["reason"]), /"not a role".*white space/);
  assert.match(String(line["reason"]), /label taskrole\.role/);
  assert.match(String(line["remedy"]), /ARN/);
  assert.equal(await neighbour.role(), "neighbour");
});

test("a role that STS refuses is said as EC2 says it, and no other container notices", async () => {
  const refused = await lab.run({ role: FORBIDDEN_ROLE });
  const token = await refused.metadata.token();
  const { status, body } = await refused.metadata.get(`${CREDENTIALS_PATH}out-of-reach`, token);
  assert.equal(status, 200);
  assert.equal((JSON.parse(body) as { Code: string }).Code, "AssumeRoleUnauthorizedAccess");
  assert.equal(await early.role(), "early");
});

test("containers whose first act is to ask get their own role at the first try", async () => {
  let servedAtOnce = 0;
  for (let round = 0; round < 3; round++) {
    const roles = Array.from({ length: 4 }, (_, i) => `first-${round}-${i}`);
    const containers = await Promise.all(roles.map((role) => lab.run({ role, asksFirst: true })));
    for (const [i, container] of containers.entries()) {
      const { roleName, arn, isAtOnce } = await container.firstIdentity();
      assert.deepEqual([roleName, arn], [roles[i], arnOf(roles[i] ?? "", container)]);
      servedAtOnce += isAtOnce ? 1 : 0;
    }
    await Promise.all(containers.map((container) => container.remove()));
  }
  assert.ok(servedAtOnce >= 9, `${servedAtOnce} of 12 were served at once`);
});

test("a container's session is there before the container runs, and is the one it gets", async () => {
  const given = lab.ec2.sessionsGiven;
  const id = await lab.engine.docker("create", "--label", "taskrole.role=awaited", IMAGES.small, "ask", "/nowhere");
  await eventually(async () => assert.equal(lab.ec2.sessionsGiven, given + 1), 5_000);
  await lab.engine.docker("rm", id);
  const container = await lab.run({ role: "awaited-too" });
  assert.equal(await container.role(), "awaited-too");
  assert.equal(lab.ec2.sessionsGiven, given + 2, "one session, fetched once");
});

test("a restarted container keeps its role; the token of its former life is worth nothing", async () => {
  const container = await lab.run({ role: "restarted" });
  const token = await container.metadata.token();
  assert.equal((await container.metadata.get(CREDENTIALS_PATH, token)).status, 200);
  await lab.engine.docker("restart", "-t", "5", container.id);
  await container.ready();
  assert.equal((await container.metadata.get(CREDENTIALS_PATH, token)).status, 401);
  assert.equal(await container.role(), "restarted");
});

test("with a default role, containers that name none get it, and the others keep theirs", async () => {
  const nameless = await lab.run();
  await lab.daemon.stop();
  await lab.daemon.start({ "default-role": "base" });
  assert.equal((await nameless.identity()).arn, arnOf("base", nameless));
  const later = await lab.run();
  assert.equal(await later.role(), "base");
  assert.equal(await early.role(), "early");
  for (let round = 0; round < 4; round++) {
    const own = await lab.run({ role: "own-one", asksFirst: true });
    const { role, credentials } = await own.firstWords();
    for (const word of [role, credentials]) assert.doesNotMatch(JSON.stringify(word), /base/);
    assert.equal((await own.firstIdentity()).arn, arnOf("own-one", own), "its first act is to ask");
    await own.remove();
  }
});

test("the operator's rules decide by what Docker says of a container: network, image, image id, label, Compose project, user namespace", async () => {
  const { docker } = lab.engine;
  await docker("network", "create", "apart");
  const imageId = await docker("image", "inspect", "-f", "{{.Id}}", IMAGES.aws);
  const allow = (role: string) => [`arn:aws:iam::${ACCOUNT}:role/${role}`];
  const rules = [
    { match: { network: "apart", image: IMAGES.small }, allow: allow("on-*"), defaultRole: "on-network" },
    { match: { image: imageId }, allow: allow("by-id") },
    { match: { label: { team: "red" } }, allow: allow("red-*"), deny: allow("red-admin") },
    { match: { composeProject: "ci" }, allow: allow("composed") },
    { match: { userNamespace: "host" }, allow: allow("unmapped") },
  ];
  await lab.daemon.stop();
  await lab.daemon.start({ "role-rules": JSON.stringify(rules) });
  const rows: readonly (readonly [ContainerOptions, string])[] = [
    [{ network: "apart" }, "on-network"],
    [{ role: "by-id", image: "aws" }, "by-id"],
    [{ role: "red-reader", args: ["--label", "team=red"] }, "red-reader"],
    [{ role: "composed", args: ["--label", "com.docker.compose.project=ci"] }, "composed"],
    [{ role: "unmapped", args: ["--userns", "host"] }, "unmapped"],
  ];
  for (const [options, role] of rows) assert.equal(await (await lab.run(options)).role(), role);
  const denied = await lab.run({ role: "red-admin", args: ["--label", "team=red"] });
  const outside = await lab.run({ role: "red-reader" });
  for (const { metadata } of [denied, outside])
    assert.equal((await metadata.get(CREDENTIALS_PATH, await metadata.token())).status, 404);
  const refusalsOf = ({ name }: Container) =>
    lab.daemon.log
      .filter(({ audit, container }) => audit === "refusal" && container === name)
      .map(({ refusal }) => refusal);
  await eventually(async () => assert.deepEqual(refusalsOf(denied), ["role-refused"]));
  await eventually(async () => assert.deepEqual(refusalsOf(outside), ["no-rule"]));
});

test("with optional tokens, a shell with wget alone gets its role", async () => {
  await lab.daemon.stop();
  await lab.daemon.start({ "metadata-tokens": "optional" });
  const shell = await lab.run({ role: "old-fashioned" });
  const wget = (path: string) => shell.exec("busybox", "wget", "-qO-", `http://169.254.169.254${path}`);
  assert.equal(await wget(CREDENTIALS_PATH), "old-fashioned");
  assert.equal(
    await shell.whoAmI(documentIn(await wget(`${CREDENTIALS_PATH}old-fashioned`))),
    arnOf("old-fashioned", shell),
  );
});

testThatNothingLeaked(lab);
