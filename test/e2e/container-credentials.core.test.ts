import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "./support/containers.ts";
import { startLab } from "./support/lab.ts";
import { MetadataClient, type Reply } from "./support/metadata-client.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { roleOf } from "./support/who-am-i.ts";

const PATH = "/v1/credentials";
const IPV4 = ["169.254.170.2", "169.254.170.23"] as const;
const IPV6 = "fd00:ec2::23";

const lab = await startLab();
await lab.engine.docker("network", "create", "--ipv6", "--subnet", "fd00:6::/64", "six");
const red = await lab.run({ role: "red" });
const blue = await lab.run({ role: "blue", network: "six" });
const plain = await lab.run({});

const ask = (container: Container, address: string, path = PATH): Promise<Reply> =>
  new MetadataClient((to) => container.connect(to), address).get(path);

for (const address of IPV4) {
  test(`at ${address} each container gets the credentials of its own role, as STS confirms`, async () => {
    for (const [container, role] of [
      [red, "red"],
      [blue, "blue"],
    ] as const) {
      const reply = await ask(container, address);
      assert.equal(reply.status, 200);
      assert.equal(roleOf(await container.whoAmI(JSON.parse(reply.body))), role);
      assert.ok(JSON.parse(reply.body).RoleArn.endsWith(`:role/${role}`));
    }
  });
}

test("over IPv6 the answer is byte for byte the same, for container credentials and for the metadata", async () => {
  const { body } = await ask(blue, IPV4[0]);
  assert.equal((await ask(blue, IPV6)).body, body);
  assert.equal((await ask(blue, IPV4[0], "/v2/credentials/0b1d4f5e")).body, body);
  const over4 = await blue.metadata.credentials();
  const over6 = await blue.metadata.over6.credentials();
  assert.deepEqual(over6, over4);
});

test("a container without a role gets none, and no container gets the metadata there", async () => {
  assert.equal((await ask(plain, IPV4[1])).status, 404);
  assert.equal((await ask(red, IPV4[0], "/latest/meta-data/iam/security-credentials/")).status, 404);
});

test("a container that narrows its view keeps its role and what it names", async () => {
  const narrow = await lab.run({ role: "narrow", args: ["--label", "taskrole.metadata=meta-data/placement/region"] });
  const token = await narrow.metadata.token();
  assert.equal((await narrow.metadata.get("/latest/meta-data/", token)).body, "iam/\nplacement/");
  assert.equal((await narrow.metadata.get("/latest/meta-data/placement/region", token)).status, 200);
  assert.equal((await narrow.metadata.get("/latest/meta-data/instance-id", token)).status, 404);
  assert.equal(await narrow.role(), "narrow");
});

test("with the daemon down nobody answers there", async () => {
  await lab.daemon.stop();
  for (const address of IPV4) assert.equal((await ask(red, address)).status, "ECONNREFUSED");
  await lab.daemon.start();
  assert.equal((await ask(red, IPV4[1])).status, 200);
});

test("where the operator demands a token, it is the one of the container's own environment", async () => {
  await lab.daemon.stop();
  await lab.daemon.start({ "container-credentials": "token" });
  const careful = await lab.run({
    role: "careful",
    args: ["--env", "AWS_CONTAINER_AUTHORIZATION_TOKEN=bG9uZy1yYW5kb20"],
  });
  const client = new MetadataClient((to) => careful.connect(to), IPV4[1]);
  const withToken = (Authorization: string) => client.ask({ path: PATH, headers: { Authorization } });
  assert.equal((await withToken("bG9uZy1yYW5kb20")).status, 200);
  assert.equal((await withToken("bG9uZy1yYW5kb21")).status, 401);
  assert.equal((await ask(careful, IPV4[1])).status, 401);
  assert.equal((await ask(red, IPV4[1])).status, 401);
});

test("where there is no such endpoint, its addresses are not intercepted", async () => {
  await lab.daemon.stop();
  await lab.daemon.start({ "container-credentials": "off" });
  for (const address of IPV4) assert.notEqual((await ask(red, address)).status, 200, address);
  assert.equal(await red.role(), "red");
});

testThatNothingLeaked(lab);
