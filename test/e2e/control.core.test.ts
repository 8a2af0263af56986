import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST_ROLE } from "./support/ec2.ts";
import { startLab } from "./support/lab.ts";
import { leaksIn } from "./support/nothing-leaked.ts";

/** The other files prove that nothing leaks; this one, that they would see it if it did. */
const lab = await startLab({ daemon: false });

test("without taskrole a container gets the host's own credentials, over IPv4", async () => {
  const container = await lab.run();
  const { roleName, arn } = await container.identity();
  assert.equal(roleName, HOST_ROLE);
  assert.match(arn, /assumed-role\/the-hosts-own-role\//);
});

test("without taskrole a container gets the host's own credentials, over IPv6", async () => {
  await lab.engine.docker("network", "create", "--ipv6", "--subnet", "fd00:6::/64", "n6");
  const container = await lab.run({ network: "n6" });
  assert.equal(await container.role(container.metadata.over6), HOST_ROLE);
});

test("both alarms of the other files see it", async () => {
  assert.ok((await lab.instance.strangersAtMetadata()) > 0, "packets");
  assert.ok((await leaksIn(lab)).includes(HOST_ROLE.slice(0, 12)), "bytes");
});

test("`interception up` alone refuses them; `interception down` gives them the real service again", async () => {
  const container = await lab.run();
  assert.equal((await lab.daemon.command("interception", "up", "--port", "9254")).code, 0);
  assert.equal((await container.metadata.askToken()).status, "ECONNREFUSED");
  assert.equal((await lab.daemon.command("interception", "status", "--port", "9254")).code, 0);
  assert.equal((await lab.daemon.command("interception", "down")).code, 0);
  assert.equal(await container.role(), HOST_ROLE);
  assert.equal((await lab.daemon.command("interception", "status")).code, 1);
});
