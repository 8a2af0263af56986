import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";
import { VethFinder } from "../../src/kernel/veth-finder.ts";
import { CONTAINER_V4, CONTAINER_V6, hasMeans, openLab, whyNoLab } from "./network-lab.ts";

const missingMeans = await whyNoLab();

test("a container's link is found by its process and the bridge that its address is routed by", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container } = await openLab(t);
  const finder = new VethFinder({ run: host.run, readRoutes: host.readRoutes });
  assert.equal(await finder.find(container.pid, CONTAINER_V4), "veth1");
  assert.equal(await finder.find(container.pid, CONTAINER_V6), "veth1");
});

test("of a container's links, it is the one on the address's own bridge", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container } = await openLab(t);
  await host.must(`
    ip link add another0 type bridge
    ip address add 10.9.9.1/24 dev another0
    ip link set another0 up
    ip link add veth0 type veth peer name eth1 netns ${container.pid}
    ip link set veth0 master another0 up`);
  const finder = new VethFinder({ run: host.run, readRoutes: host.readRoutes });
  assert.equal(await finder.find(container.pid, "10.9.9.2"), "veth0");
  assert.equal(await finder.find(container.pid, CONTAINER_V4), "veth1");
});

test("whoever may not read another user's namespace is told of the capability", async () => {
  const namespaceOf = (): number => {
    throw Object.assign(new Error("EACCES"), { code: "EACCES" });
  };
  const finder = new VethFinder({
    run: async () => ({ kind: "exited", code: 0, stdout: "", stderr: "" }),
    namespaceOf,
  });
  await assert.rejects(finder.find(7, CONTAINER_V4), (error: Error & { remedy?: string }) => {
    assert.equal(error.message, "/proc/7/ns/net cannot be read: EACCES");
    assert.match(error.remedy ?? "", /CAP_SYS_PTRACE/);
    return true;
  });
});

test("a link that is not there, or not the only one, is said so", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container, ec2 } = await openLab(t);
  const finder = new VethFinder({ run: host.run, readRoutes: host.readRoutes });
  await assert.rejects(finder.find(ec2.pid, CONTAINER_V4), /no link of process \d+ is on the bridge anyname0/);
  await assert.rejects(finder.find(process.pid, CONTAINER_V4), /has no link on this host/);
  await assert.rejects(finder.find(4_194_305, CONTAINER_V4), /\/proc\/4194305\/ns\/net cannot be read: ENOENT/);
  await host.must(`
    ip link add veth2 type veth peer name eth1 netns ${container.pid}
    ip link set veth2 master anyname0 up`);
  await assert.rejects(finder.find(container.pid, CONTAINER_V4), /2 links of process \d+ are on the bridge anyname0/);
});

test("those who ask while the programs run share the next run, and none gets an older answer", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container } = await openLab(t);
  const commands: string[] = [];
  const run: typeof host.run = (argv, options) => {
    commands.push(argv[0] ?? "");
    return host.run(argv, options);
  };
  const finder = new VethFinder({ run, readRoutes: host.readRoutes });
  const asked = Array.from({ length: 20 }, () => finder.find(container.pid, CONTAINER_V4));
  assert.deepEqual(new Set(await Promise.all(asked)), new Set(["veth1"]));
  assert.deepEqual(commands.toSorted(), ["ip", "ip", "lsns", "lsns"]);
});

test("lsns, which fails when a process ends as it reads it, is asked again", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container } = await openLab(t);
  let failures = 3;
  const run: typeof host.run = async (argv, options) => {
    if (argv[0] !== "lsns" || failures === 0) return host.run(argv, options);
    failures -= 1;
    return { kind: "exited", code: 1, stdout: "", stderr: "" };
  };
  const finder = new VethFinder({ run, readRoutes: host.readRoutes });
  assert.equal(await finder.find(container.pid, CONTAINER_V4), "veth1");
  failures = 4;
  await assert.rejects(finder.find(container.pid, CONTAINER_V4), /"lsns .*" failed/);
});

test("a namespace that ends as lsns reads it has no number, and is not taken for number 0", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container } = await openLab(t);
  const own = statSync(`/proc/${container.pid}/ns/net`).ino;
  let isOwnEnding = false;
  const run: typeof host.run = async (argv, options) => {
    const outcome = await host.run(argv, options);
    if (argv[0] !== "lsns" || outcome.kind !== "exited") return outcome;
    const { namespaces } = JSON.parse(outcome.stdout) as { namespaces: { ns: number; netnsid: unknown }[] };
    const rows = namespaces.map((row) => (isOwnEnding && row.ns === own ? { ...row, netnsid: null } : row));
    return { ...outcome, stdout: JSON.stringify({ namespaces: [...rows, { ns: 1, netnsid: null }] }) };
  };
  const finder = new VethFinder({ run, readRoutes: host.readRoutes });
  assert.equal(await finder.find(container.pid, CONTAINER_V4), "veth1");
  isOwnEnding = true;
  await assert.rejects(finder.find(container.pid, CONTAINER_V4), /process \d+ has no link on this host/);
});
