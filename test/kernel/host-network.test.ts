import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { findConnectionOwner } from "../../src/kernel/connection-owner.ts";
import { HostProcesses } from "../../src/kernel/host-processes.ts";
import { ALL_ADDRESSES } from "../../src/kernel/intercepted-address.ts";
import { Interception, type InterceptionKind } from "../../src/kernel/interception.ts";
import type { InterceptionStatus } from "../../src/kernel/interception-status.ts";
import type { UserRange } from "../../src/kernel/redirection.ts";
import { type RunCommand, runCommand } from "../../src/kit/run-command.ts";
import type { Answer } from "./lab-agent.ts";
import { LabCgroups, whyNoCgroups } from "./lab-cgroups.ts";
import {
  CONTAINER_V4,
  CONTAINER_V6,
  hasMeans,
  type Namespace,
  type NetworkLab,
  openLab,
  whyNoLab,
} from "./network-lab.ts";

const missingMeans = (await whyNoLab()) ?? whyNoCgroups();
const PORT = 9254;
const IPV4 = "169.254.169.254";
const IPV6 = "fd00:ec2::254";
const UPLINK: Readonly<Record<string, string>> = { [IPV4]: "198.18.0.1", [IPV6]: "fd00:198::1" };
const RED = "ed".repeat(32);
const BLUE = "b1".repeat(32);
/** What the prohibition of the routing rules looks like from a container on a bridge. */
const PROHIBITED: Readonly<Record<string, Answer>> = {
  [IPV4]: { failed: "EHOSTUNREACH" },
  [IPV6]: { failed: "EACCES" },
};
const REFUSED: Answer = { failed: "ECONNREFUSED" };

interface Lab extends NetworkLab {
  readonly cgroups: LabCgroups;
  /** A process of the host: in this cgroup below the lab's, or as this user. */
  process(place: { readonly cgroup?: string; readonly user?: number }): Promise<Namespace>;
  /** Not in place yet, and nobody listens. */
  interception(given?: Intercepting): Interception;
  intercept(given?: Intercepting): Promise<Interception>;
}
interface Intercepting {
  readonly users?: readonly UserRange[];
  /** False: containers on the host's network are left alone. */
  readonly isKept?: boolean;
  readonly run?: RunCommand;
  readonly checkEveryMs?: number;
  readonly kind?: InterceptionKind;
}

async function lab(t: TestContext): Promise<Lab> {
  const cgroups = new LabCgroups();
  const processes: Namespace[] = [];
  t.after(async () => {
    await Promise.all(processes.map((one) => one.closed()));
    cgroups.remove("");
  });
  const opened = await openLab(t);
  const { host } = opened;
  await host.must("ip route add default via 198.18.0.2\nip -6 route add default via fd00:198::2");
  const { follow } = host;
  const readHost = () => ({ isLinux: true, mayChangeNetwork: true, hasIpv6: true });
  const make = ({ users = [], isKept = true, run = host.run, ...more }: Intercepting = {}): Interception => {
    const hostProcesses = new HostProcesses({ cgroups: isKept ? cgroups.cgroups : undefined, users });
    return new Interception({ port: PORT, run, follow, readHost, hostProcesses, checkEveryMs: 60_000, ...more });
  };
  return {
    ...opened,
    cgroups,
    interception: make,
    async process({ cgroup, user }) {
      const made = await host.process({ ...(cgroup && { cgroup: cgroups.make(cgroup) }), ...(user && { user }) });
      processes.push(made);
      return made;
    },
    async intercept(given) {
      const interception = make(given);
      await interception.up();
      await host.tell({ do: "serve", name: "DAEMON", port: PORT });
      return interception;
    },
  };
}

const ask = (from: Namespace, host: string, port = 80) => from.tell({ do: "ask", host, port });
const realAt = (address: string): Answer => ({ said: `REAL ${UPLINK[address]}` });
const daemonAt = (address: string): Answer => ({ said: `DAEMON ${UPLINK[address]}` });
const wrong = ({ parts }: InterceptionStatus): readonly string[] =>
  parts.filter(({ state }) => state !== "present").map(({ name, differences }) => [name, ...differences].join(": "));

async function eventually(check: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await check();
    } catch (error) {
      if (tries > 200) throw error;
      await delay(50);
    }
  }
}

test("without the rules a container on the host's network reaches the real service: what is to be prevented", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept } = await lab(t);
  const container = await process({ cgroup: `docker/${RED}` });
  for (const address of [IPV4, IPV6]) assert.deepEqual(await ask(container, address), realAt(address));
  await intercept({ isKept: false });
  for (const address of [IPV4, IPV6]) assert.deepEqual(await ask(container, address), realAt(address));
});

test("its requests come to the daemon, whoever makes its cgroup; those of the host's own processes do not", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept, host, cgroups } = await lab(t);
  const byEngine = await process({ cgroup: `docker/${RED}` });
  const bySystemd = await process({ cgroup: `docker.slice/docker-${BLUE}.scope/init` });
  const service = await process({ cgroup: "system.slice/some.service" });
  const interception = await intercept();
  for (const address of [IPV4, IPV6]) {
    for (const container of [byEngine, bySystemd]) assert.deepEqual(await ask(container, address), daemonAt(address));
    for (const other of [host, service]) assert.deepEqual(await ask(other, address), realAt(address));
  }
  for (const address of ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"])
    assert.match(JSON.stringify(await ask(byEngine, address)), /DAEMON/, address);
  const { counters } = await interception.check();
  const redirected = counters.filter(({ rule }) => / go to port 9254$/.test(rule));
  assert.deepEqual(
    redirected.map(({ rule, packets }) => [rule.replace(/ \(cgroup \d+\)/, ""), packets]),
    [
      [`host-network containers of ${cgroups.root}/docker go to port 9254`, 5],
      [`host-network containers of ${cgroups.root}/docker.slice go to port 9254`, 2],
      ["host-network containers among the host's services go to port 9254", 0],
    ],
  );
});

test("with the daemon down it is refused a connection, and the host's own processes are not", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept, host } = await lab(t);
  const container = await process({ cgroup: `docker/${RED}` });
  await intercept();
  await host.tell({ do: "stop", port: PORT });
  for (const address of [IPV4, IPV6]) {
    assert.deepEqual(await ask(container, address), REFUSED);
    assert.deepEqual(await ask(host, address), realAt(address));
  }
});

test("held for the boot, it is refused the real service before there ever was a daemon; the host is not", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, interception, intercept, host, container, ec2 } = await lab(t);
  await ec2.tell({ do: "serve", name: "OTHER", port: 8080 });
  const onHost = await process({ cgroup: `docker/${RED}` });
  const among = await process({ cgroup: `system.slice/docker-${RED}.scope` });
  const user = await process({ user: 4711 });
  assert.deepEqual(await ask(onHost, IPV4), realAt(IPV4));
  const warnings = await interception({ users: [{ from: 4711, to: 4711 }] }).hold();
  assert.match(warnings.join(), /containers in the cgroup .*system\.slice/);
  for (const address of [IPV4, IPV6]) {
    for (const kept of [onHost, among, user]) {
      assert.deepEqual(await ask(kept, address), REFUSED);
      assert.deepEqual(await ask(kept, address, 8080), REFUSED);
      assert.deepEqual(await kept.tell({ do: "send", host: address, port: 53 }), { failed: "EPERM" });
    }
    assert.deepEqual(await ask(container, address), PROHIBITED[address]);
    assert.deepEqual(await ask(host, address), realAt(address));
  }
  const afterwards = await intercept();
  for (const address of [IPV4, IPV6]) assert.deepEqual(await ask(onHost, address), daemonAt(address));
  await interception().hold();
  for (const address of [IPV4, IPV6]) assert.deepEqual(await ask(onHost, address), daemonAt(address));
  assert.deepEqual(wrong(await afterwards.check()), []);
});

test("held where it is nobody's to refuse, or without the means to: the routing rules are there, and it is said", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, interception, host, container } = await lab(t);
  const onHost = await process({ cgroup: `docker/${RED}` });
  const held = async (given: Intercepting): Promise<string> => {
    const warnings = await interception(given).hold();
    for (const address of [IPV4, IPV6]) {
      assert.deepEqual(await ask(container, address), PROHIBITED[address]);
      assert.deepEqual(await ask(onHost, address), realAt(address));
    }
    await interception().down();
    return warnings.join();
  };
  assert.equal(await held({ isKept: false }), "");
  assert.match(await held({ kind: "iptables" }), /hostNetwork is not kept, as interception is iptables/);
  const without = async (argv: readonly string[]) =>
    argv[0] === "nft" ? ({ kind: "missing" } as const) : host.run(argv);
  assert.match(await held({ run: without }), /not held: .*nft/);
  const refusing = async (argv: readonly string[]) =>
    argv[0] === "nft" && !argv.includes("--check") && /add table/.test(argv.join())
      ? ({ kind: "exited", code: 1, stdout: "", stderr: "Error: Operation not supported" } as const)
      : host.run(argv);
  assert.match(await held({ run: refusing }), /not held: .*\n.*not supported/);
});

test("other ports, datagrams and the daemon's own port are refused it; the host may do as before", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept, host, ec2 } = await lab(t);
  await ec2.tell({ do: "serve", name: "OTHER", port: 8080 });
  const container = await process({ cgroup: `docker/${RED}` });
  assert.deepEqual(await ask(container, IPV4, 8080), { said: "OTHER 198.18.0.1" });
  assert.deepEqual(await container.tell({ do: "send", host: IPV6, port: 53 }), { said: "sent" });
  await intercept();
  for (const address of [IPV4, IPV6]) {
    assert.deepEqual(await ask(container, address, 8080), REFUSED);
    assert.deepEqual(await container.tell({ do: "send", host: address, port: 53 }), { failed: "EPERM" });
    assert.deepEqual(await ask(host, address, 8080), { said: `OTHER ${UPLINK[address]}` });
    assert.deepEqual(await host.tell({ do: "send", host: address, port: 53 }), { said: "sent" });
  }
  for (const address of ["127.0.0.1", "::1", "198.18.0.1", "172.17.0.1"])
    assert.deepEqual(await ask(container, address, PORT), REFUSED, address);
});

test("a connection that was open before the rules is cut off", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept, ec2 } = await lab(t);
  await ec2.tell({ do: "serve", name: "SLOW", port: 81, afterMs: 1_200 });
  const container = await process({ cgroup: `docker/${RED}` });
  const early = ask(container, IPV4, 81);
  await delay(300);
  await intercept();
  assert.ok("failed" in (await early), JSON.stringify(await early));
});

test("nobody on a bridge can be taken for the host, nor the host for somebody on a bridge", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept, host, container } = await lab(t);
  const interception = await intercept();
  await container.must("ip address add 198.18.0.1/32 dev eth0\nip address add fd00:198::1/128 dev eth0 nodad");
  for (const address of [IPV4, IPV6]) {
    const from = UPLINK[address] ?? "";
    const answer = await container.tell({ do: "ask", host: address, port: 80, from });
    assert.ok("failed" in answer, JSON.stringify(answer));
  }
  await host.must("sysctl -qw net.ipv4.ip_nonlocal_bind=1\nsysctl -qw net.ipv6.ip_nonlocal_bind=1");
  const onHost = await process({ cgroup: `docker/${RED}` });
  for (const [address, from] of [
    [IPV4, CONTAINER_V4],
    [IPV6, CONTAINER_V6],
  ] as const) {
    const answer = await onHost.tell({ do: "ask", host: address, port: 80, from });
    assert.ok("failed" in answer, JSON.stringify(answer));
  }
  const { counters } = await interception.check();
  // Of the two families: the kernel itself drops the other's packets before.
  const claimed = counters.find(({ rule }) => /does not belong to the interface it came by/.test(rule));
  assert.ok((claimed?.packets ?? 0) >= 1, JSON.stringify(counters));
  const forged = counters.find(({ rule }) => /an address that is not its own/.test(rule));
  assert.ok((forged?.packets ?? 0) >= 2, JSON.stringify(counters));
});

test("a cgroup that comes later, or is removed and made again, is matched at once", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept, cgroups } = await lab(t);
  const drifts: string[] = [];
  const interception = await intercept();
  const stop = new AbortController();
  const events = {
    onDrift: (status: InterceptionStatus) => drifts.push(...wrong(status)),
    onMended: () => {},
    onMendFailed: (error: unknown) => drifts.push(String(error)),
  };
  const watching = interception.watch(events, stop.signal);
  try {
    cgroups.make("docker.slice");
    await eventually(async () =>
      assert.match(drifts.join(), /a rule is missing: host-network containers of .*docker\.slice/),
    );
    const first = await process({ cgroup: `docker.slice/docker-${RED}.scope` });
    await eventually(async () => assert.deepEqual(await ask(first, IPV4), daemonAt(IPV4)));
    await first.closed();
    await eventually(async () => cgroups.remove("docker.slice"));
    drifts.splice(0);
    cgroups.make("docker.slice");
    await eventually(async () => assert.ok(drifts.length > 0));
    const second = await process({ cgroup: `docker.slice/docker-${BLUE}.scope` });
    await eventually(async () => assert.deepEqual(await ask(second, IPV4), daemonAt(IPV4)));
    await eventually(async () => assert.deepEqual(wrong(await interception.check()), []));
  } finally {
    stop.abort();
    await watching;
  }
});

/** What was found amiss while it is watched, to the test's end. */
function watched(t: TestContext, interception: Interception): readonly string[] {
  const amiss: string[] = [];
  const events = {
    onDrift: (status: InterceptionStatus) => amiss.push(...wrong(status)),
    onMended: () => {},
    onMendFailed: (error: unknown) => amiss.push(String(error)),
  };
  const stop = new AbortController();
  const watching = interception.watch(events, stop.signal);
  t.after(async () => {
    stop.abort();
    await watching;
  });
  return amiss;
}

test("containers that systemd put among the host's services are told from them, those that come later at once", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept, host } = await lab(t);
  const first = await process({ cgroup: `system.slice/docker-${RED}.scope/init` });
  const service = await process({ cgroup: "system.slice/docker.service" });
  assert.deepEqual(await ask(first, IPV4), realAt(IPV4), "without the rules it reaches the real service");
  const amiss = watched(t, await intercept());
  assert.deepEqual(await ask(first, IPV4), daemonAt(IPV4));
  await delay(2_500); // past the first checks: no other is due for a minute
  const second = await process({ cgroup: `system.slice/docker-${BLUE}.scope` });
  for (const container of [first, second]) {
    await eventually(async () => assert.deepEqual(await ask(container, IPV6), daemonAt(IPV6)));
    assert.deepEqual(await ask(container, IPV4), daemonAt(IPV4));
    assert.deepEqual(await container.tell({ do: "send", host: IPV4, port: 53 }), { failed: "EPERM" });
  }
  for (const other of [host, service]) assert.deepEqual(await ask(other, IPV4), realAt(IPV4));
  assert.deepEqual(amiss, [], "none of it has the tables loaded again");
});

test("the set of those is put right now and then, and what has ended goes from it", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept, host, cgroups } = await lab(t);
  await process({ cgroup: `system.slice/docker-${RED}.scope` });
  cgroups.make(`system.slice/docker-${BLUE}.scope`);
  const amiss = watched(t, await intercept({ checkEveryMs: 200 }));
  const listed = () => host.must("nft list set inet taskrole container_scopes");
  assert.match(await listed(), new RegExp(`docker-${BLUE}`));
  cgroups.remove(`system.slice/docker-${BLUE}.scope`);
  await eventually(async () => assert.match(await listed(), new RegExp(`elements = { "[^",]*docker-${RED}[^",]*" }`)));
  await host.must("nft flush set inet taskrole container_scopes");
  await eventually(async () => assert.match(await listed(), new RegExp(`docker-${RED}`)));
  assert.deepEqual(amiss, []);
});

test("a cgroup made again under its old name is a difference, although its rules look the same", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { intercept, cgroups } = await lab(t);
  const interception = await intercept();
  assert.deepEqual(wrong(await interception.check()), []);
  cgroups.remove("docker");
  cgroups.make("docker");
  const found = wrong(await interception.check()).join("\n");
  assert.match(
    found,
    /^chain inet taskrole container_redirect: a rule is missing: .*docker.*: a rule was added: .*docker/m,
  );
  await interception.up();
  assert.deepEqual(wrong(await interception.check()), []);
});

test("the cgroup of the first container ever is there before it; slices are left to systemd", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { intercept, cgroups } = await lab(t);
  await intercept();
  assert.deepEqual(
    cgroups.cgroups.present().map(({ name, level }) => [name, level]),
    [[`${cgroups.root}/docker`, 2]],
  );
});

test("a cgroup that goes between the look and the load does not keep the rules from being loaded", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { intercept, cgroups, host } = await lab(t);
  cgroups.make("docker.slice");
  const run: RunCommand = (argv, options) => {
    if (argv[0] === "nft" && argv[1]?.includes("docker.slice")) cgroups.remove("docker.slice");
    return host.run(argv, options);
  };
  assert.deepEqual(wrong(await (await intercept({ run })).check()), []);
});

test("processes of refused users are kept from the real service, in whatever cgroup; root is not", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept, host } = await lab(t);
  const [user, other] = [await process({ user: 1001 }), await process({ user: 990 })];
  for (const address of [IPV4, IPV6]) assert.deepEqual(await ask(user, address), realAt(address));
  const interception = await intercept({ isKept: false, users: [{ from: 1000, to: 59_999 }] });
  assert.deepEqual(wrong(await interception.check()), []);
  for (const address of [IPV4, IPV6]) {
    assert.deepEqual(await ask(user, address), REFUSED);
    assert.deepEqual(await user.tell({ do: "send", host: address, port: 53 }), { failed: "EPERM" });
    for (const free of [host, other]) assert.deepEqual(await ask(free, address), realAt(address));
  }
});

test("a container's user makes no difference: its cgroup brings it to the daemon", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept } = await lab(t);
  const container = await process({ cgroup: `docker/${RED}`, user: 1001 });
  await intercept({ users: [{ from: 1001, to: 1001 }] });
  assert.deepEqual(await ask(container, IPV4), daemonAt(IPV4));
});

test("a daemon in a container reaches the real service, and of all containers it alone", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept, cgroups, ec2, host } = await lab(t);
  await ec2.tell({ do: "serve", name: "OTHER", port: 8080 });
  const own = await process({ cgroup: `docker/${RED}` });
  const others = [
    await process({ cgroup: `docker/${BLUE}` }),
    await process({ cgroup: `docker/${RED}/below` }),
    await process({ cgroup: `docker/${RED}/docker/${BLUE}` }),
    await process({ cgroup: "docker" }),
  ];
  cgroups.daemonAt = `/${cgroups.root}/docker/${RED}`;
  const interception = await intercept();
  assert.deepEqual(wrong(await interception.check()), []);
  for (const address of [IPV4, IPV6]) {
    for (const one of [own, host]) {
      assert.deepEqual(await ask(one, address), realAt(address));
      assert.deepEqual(await ask(one, address, 8080), { said: `OTHER ${UPLINK[address]}` });
      assert.deepEqual(await one.tell({ do: "send", host: address, port: 53 }), { said: "sent" });
    }
    for (const other of others) {
      assert.deepEqual(await ask(other, address), daemonAt(address));
      assert.deepEqual(await ask(other, address, 8080), REFUSED);
      assert.deepEqual(await other.tell({ do: "send", host: address, port: 53 }), { failed: "EPERM" });
    }
  }
});

test("whoever has the daemon's cgroup after it, by the same name, is not let through", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept, cgroups } = await lab(t);
  cgroups.make(`docker/${RED}`);
  cgroups.daemonAt = `/${cgroups.root}/docker/${RED}`;
  const interception = await intercept();
  cgroups.remove(`docker/${RED}`);
  const heir = await process({ cgroup: `docker/${RED}` });
  for (const address of [IPV4, IPV6]) assert.deepEqual(await ask(heir, address), daemonAt(address));
  assert.match(wrong(await interception.check()).join("\n"), /a rule is missing: taskrole's own requests/);
});

test("a daemon that sees its own container's cgroups alone says that it cannot keep the others from the host's role", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { cgroups } = await lab(t);
  const look = `
    import { ContainerCgroups } from "./src/kernel/container-cgroups.ts";
    import { HostProcesses } from "./src/kernel/host-processes.ts";
    const processes = new HostProcesses({ cgroups: new ContainerCgroups(["docker"]), users: [] });
    await processes.learn(async () => ({ kind: "exited", code: 0, stdout: "", stderr: "" }));
    console.log(processes.warnings().join());`;
  const inside = `mount -t cgroup2 none /sys/fs/cgroup && exec "$0" --input-type=module -e "$1"`;
  const enter = `echo 0 >"$2/cgroup.procs" && exec unshare --cgroup --mount sh -ec "$3" "$0" "$1"`;
  const folder = cgroups.make(`docker/${RED}`);
  const outcome = await runCommand(["sh", "-ec", enter, process.execPath, look, folder, inside]);
  assert.equal(outcome.kind === "exited" ? outcome.stderr : outcome.kind, "");
  assert.match(
    outcome.kind === "exited" ? outcome.stdout : "",
    /^hostNetwork is not kept, as .* --cgroupns host .*instance's role/,
  );
});

test("which containers run is read from their cgroups; the daemon's own is none of them", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, cgroups } = await lab(t);
  cgroups.make(`docker/${"0e".repeat(32)}`); // left by a container that was killed
  assert.deepEqual(cgroups.cgroups.containers(), []);
  await process({ cgroup: `docker/${RED}/below` });
  await process({ cgroup: `docker.slice/docker-team.slice/docker-${BLUE}.scope` });
  assert.deepEqual(cgroups.cgroups.containers(), [RED, BLUE]);
  cgroups.daemonAt = `/${cgroups.root}/docker/${RED}/below`;
  assert.deepEqual(cgroups.cgroups.containers(), [BLUE]);
});

test("containers are held back while each of the routing rules is there", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { intercept, host } = await lab(t);
  const interception = await intercept();
  assert.equal(await interception.isHeld(), true);
  await host.must("nft flush ruleset");
  assert.equal(await interception.isHeld(), true);
  await host.must("ip -6 rule del pref 91 to fd00:ec2::254");
  assert.equal(await interception.isHeld(), false);
});

test("where nft or the kernel cannot match cgroups, all else is in place and the operator is told", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { intercept, host } = await lab(t);
  const run: RunCommand = (argv, options) =>
    argv[1] === "--check"
      ? Promise.resolve({ kind: "exited", code: 1, stdout: "", stderr: "Error: syntax error" })
      : host.run(argv, options);
  const status = await (await intercept({ run })).check();
  assert.deepEqual(wrong(status), []);
  assert.equal(status.isInPlace, true);
  assert.ok(!status.parts.some(({ name }) => name.includes("host_redirect")));
  assert.match(status.warnings.join("\n"), /^hostNetwork is not kept, as this nft .*have the instance's role/m);
});

test("containers in a cgroup that is not named are told of, with the remedy", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept, cgroups } = await lab(t);
  const interception = await intercept();
  for (const cgroup of [`elsewhere/${RED}`, `docker/${BLUE}`]) await process({ cgroup });
  cgroups.make(`left-by-an-engine-that-was-killed/${RED}`);
  const ours = (await interception.check()).warnings.filter((warning) => warning.includes(cgroups.root));
  assert.equal(ours.length, 1);
  assert.ok(ours[0]?.includes(`the cgroup ${cgroups.root}/elsewhere,`), ours[0]);
  assert.ok(ours[0]?.endsWith(`add "${cgroups.root}/elsewhere" to containerCgroups.`), ours[0]);
});

test("of containers among the host's services it is said, but not of those whose scopes systemd itself tells of", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, intercept, cgroups } = await lab(t);
  const interception = await intercept();
  const container = await process({ cgroup: `system.slice/docker-${RED}.scope` });
  const strays = () => cgroups.cgroups.strays();
  const place = `${cgroups.root}/system.slice`;
  const warned = async () => (await interception.check()).warnings.some((warning) => warning.includes(place));
  assert.ok(strays().includes(place) && cgroups.cgroups.strayOf(container.pid) === place && (await warned()));
  cgroups.areScopesTold = true;
  assert.ok(!strays().includes(place) && cgroups.cgroups.strayOf(container.pid) === undefined && !(await warned()));
  const other = await process({ cgroup: `system.slice/libpod-${BLUE}.scope` });
  assert.ok(strays().includes(place) && cgroups.cgroups.strayOf(other.pid) === place && (await warned()));
});

test("what systemd puts into the set of those is nothing amiss, with a daemon and without", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { process, interception, intercept, host, cgroups } = await lab(t);
  await interception().hold();
  const container = await process({ cgroup: `system.slice/docker-${RED}.scope` });
  assert.deepEqual(await ask(container, IPV4), realAt(IPV4), "nobody has told the held rules of it");
  const { paths } = cgroups.cgroups.scopes();
  const tell = () => host.run(["nft", `add element inet taskrole container_scopes { "${paths[0]}" }`]);
  await tell();
  for (const address of [IPV4, IPV6]) assert.deepEqual(await ask(container, address), REFUSED);
  const amiss = watched(t, await intercept({ checkEveryMs: 200 }));
  await tell();
  for (const address of [IPV4, IPV6]) assert.deepEqual(await ask(container, address), daemonAt(address));
  await delay(1_000);
  assert.deepEqual(amiss, []);
});

/** Connects from this port, and has the connection open for a while: what is found meanwhile. */
async function owners(one: Lab, asks: readonly (readonly [Namespace, string, number])[], run = one.host.run) {
  await one.host.tell({ do: "stop", port: PORT });
  await one.host.tell({ do: "serve", name: "DAEMON", port: PORT, afterMs: 1_200 });
  const open = asks.map(([from, host, fromPort]) => from.tell({ do: "ask", host, port: 80, fromPort }));
  await delay(500);
  const parts = { run, addresses: ALL_ADDRESSES, cgroups: one.cgroups.cgroups };
  const ports = [
    ...new Set(asks.map(([, host, port]) => `${host.includes("fd00") ? "fd00:198::1" : "198.18.0.1"} ${port}`)),
  ];
  const found = await Promise.all(
    ports.map((end) => {
      const [address = "", port] = end.split(" ");
      return findConnectionOwner(parts, { address, port: Number(port), isOnThisHost: true });
    }),
  );
  await Promise.all(open);
  return found.map((owner) => (owner.kind === "container" ? owner.containerId : owner.reason));
}

test("the container behind a connection is the one that made its socket, over IPv4, IPv6 and IPv4 in IPv6", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const one = await lab(t);
  const red = await one.process({ cgroup: `docker/${RED}` });
  const blue = await one.process({ cgroup: `docker.slice/docker-${BLUE}.scope/sub/${RED}` });
  await one.intercept();
  assert.deepEqual(
    await owners(one, [
      [red, IPV4, 41_001],
      [blue, IPV4, 41_002],
    ]),
    [RED, BLUE],
  );
  assert.deepEqual(
    await owners(one, [
      [red, IPV6, 41_003],
      [blue, `::ffff:${IPV4}`, 41_004],
    ]),
    [RED, BLUE],
  );
});

test("without the right to ask the kernel for the path, the cgroup is found by its number", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const one = await lab(t);
  const red = await one.process({ cgroup: `docker/${RED}/below` });
  await one.intercept();
  const { ino } = statSync(one.cgroups.folder(`docker/${RED}/below`));
  // What ss prints on kernels that let none but root ask for the path (before 6.14); this one may be newer.
  const run: RunCommand = async (argv, options) => {
    const outcome = await one.host.run(argv, options);
    if (outcome.kind !== "exited") return outcome;
    return { ...outcome, stdout: outcome.stdout.replace(/cgroup:\S+/, `cgroup:unreachable:${ino.toString(16)}`) };
  };
  assert.deepEqual(await owners(one, [[red, IPV4, 41_005]], run), [RED]);
  one.cgroups.make("elsewhere");
  assert.equal(one.cgroups.cgroups.pathOf(statSync(one.cgroups.folder("elsewhere")).ino), undefined);
});

test("it is never guessed: no socket, no container, or two that cannot be told apart", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const one = await lab(t);
  const red = await one.process({ cgroup: `docker/${RED}` });
  const blue = await one.process({ cgroup: `docker/${BLUE}` });
  const engine = await one.process({ cgroup: "docker" });
  await one.intercept();
  const parts = { run: one.host.run, addresses: ALL_ADDRESSES, cgroups: one.cgroups.cgroups };
  const nobody = await findConnectionOwner(parts, { address: "198.18.0.1", port: 41_006, isOnThisHost: true });
  assert.deepEqual(nobody, {
    kind: "nobody-known",
    reason: "no socket of this host has this connection; it may have been closed",
  });
  assert.deepEqual(await owners(one, [[engine, IPV4, 41_007]]), ["its socket was not made in a container"]);
  const both = [
    [red, IPV4, 41_008],
    [blue, "169.254.170.2", 41_008],
  ] as const;
  assert.deepEqual(await owners(one, both), ["sockets of several processes have its port"]);
});
