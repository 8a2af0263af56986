import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startLab } from "./support/lab.ts";
import { CREDENTIALS_PATH } from "./support/metadata-client.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { eventually, run } from "./support/programs.ts";

/** A host that metadataproxy served until a moment ago: its containers, its variables, its redirect and its port. */
const roleMap = { machine: "10.99.0.2", stranger: "10.99.0.3" } as const;
const lab = await startLab({
  daemon: false,
  serve: { listen: "[::]:8000", "metadata-tokens": "optional" },
  daemonEnv: { DEFAULT_ROLE: "from-default", ROLE_SESSION_KEY: "Labels:app", PORT: "8000" },
});
const onInstance = (...command: readonly string[]) => run(lab.instance.onInstance(...command));
const map = join(lab.instance.folder, "roles.json");
const REDIRECT =
  "PREROUTING -p tcp -d 169.254.169.254/32 --dport 80 -i docker0 -j DNAT --to-destination 172.17.0.1:8000".split(" ");

await writeFile(map, JSON.stringify({ [roleMap.machine]: "mapped" }));
const named = await lab.run({ args: ["-e", "IAM_ROLE=reader", "--label", "app=shop"] });
const plain = await lab.run();

test("metadataproxy's containers have their roles when the program is swapped, behind the redirect that it had", async () => {
  await onInstance("iptables", "-t", "nat", "-A", ...REDIRECT);
  await lab.daemon.start({ compat: "metadataproxy", interception: "none", "role-map-file": map });
  const { roleName, arn } = await named.identity();
  assert.equal(roleName, "reader");
  assert.match(arn, /assumed-role\/reader\/shop-[0-9a-f]{12}$/);
  assert.equal(await plain.role(), "from-default");
});

test("with the redirect taken away and taskrole's own rules in its place they have them still", async () => {
  await lab.daemon.stop();
  await onInstance("iptables", "-t", "nat", "-D", ...REDIRECT);
  await lab.daemon.start({ compat: "metadataproxy", "role-map-file": map });
  assert.equal(await named.role(), "reader");
  assert.equal(await plain.role(), "from-default");
  const { stdout } = await lab.daemon.command("interception", "status");
  assert.match(stdout, new RegExp(`^ +${await named.address()} +veth\\w+ +[0-9a-f:]{17} +${named.name} \\(`, "m"));
});

test("a container whose link Rancher made has its role by the address in its label, tied to that link", async () => {
  const [address, mac] = ["10.42.7.2", "02:9b:00:00:07:02"];
  const labels = [`io.rancher.container.ip=${address}/16`, `io.rancher.container.mac_address=${mac}`];
  const args = ["-e", "IAM_ROLE=ranched", ...labels.flatMap((label) => ["--label", label])];
  const container = await lab.run({ network: "none", args });
  const pid = (await lab.engine.docker("inspect", "--format", "{{.State.Pid}}", container.id)).trim();
  await onInstance(
    "sh",
    "-ec",
    `ip addr add 10.42.0.1/16 dev docker0
    ip link add vethranch type veth peer name eth0 netns ${pid}
    ip link set vethranch master docker0 up
    nsenter -t ${pid} -n sh -ec '
      ip link set eth0 address ${mac} up; ip addr add ${address}/16 dev eth0; ip route add default via 10.42.0.1'`,
  );
  await eventually(async () => assert.equal(await container.role(), "ranched"));
  const { stdout } = await lab.daemon.command("interception", "status");
  assert.match(stdout, new RegExp(`^ +${address} +vethranch +${mac} +${container.name} \\(`, "m"));
});

test("a machine that no engine knows has the role that the map gives its address, and its neighbour none", async () => {
  await onInstance(
    "sh",
    "-ec",
    `ip netns add machine
    ip link add machine0 type veth peer name eth0 netns machine
    ip addr add 10.99.0.1/24 dev machine0; ip link set machine0 up
    ip -n machine link set eth0 up
    for address in ${roleMap.machine} ${roleMap.stranger}; do ip -n machine addr add $address/24 dev eth0; done
    ip -n machine route add default via 10.99.0.1`,
  );
  const ask = (from: string) =>
    onInstance(
      ..."ip netns exec machine curl -s --max-time 5 -w \n%{http_code} --interface".split(" "),
      from,
      `http://169.254.169.254${CREDENTIALS_PATH}`,
    );
  assert.equal(await ask(roleMap.machine), "mapped\n200");
  assert.match(await ask(roleMap.stranger), /\n403$/);
});

testThatNothingLeaked(lab);
