import assert from "node:assert/strict";
import { appendFileSync, copyFileSync, cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { commandOf } from "../install/page.ts";
import { createBootedHost } from "./support/booted-host.ts";
import { type Container, ContainerMaker } from "./support/containers.ts";
import { Ec2 } from "./support/ec2.ts";
import { type Docker, importImages } from "./support/engine.ts";
import { STS_URL } from "./support/instance.ts";
import { eventually, LongRunning, run } from "./support/programs.ts";
import { taskroleProgram } from "./support/settings.ts";

/** docs/install/debian.md, followed on an empty Debian that systemd boots: installed, rebooted, broken, taken back. */
const PAGE = readFileSync("docs/install/debian.md", "utf8");

/** The commands of a part of the page. */
function commandsUnder(heading: string): string {
  const part = PAGE.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? assert.fail(`no part ${heading}`);
  const commands = [...part.matchAll(/^```sh\n([^`]*)```$/gm)].map(([, text = ""]) => text);
  return commands.join("") || assert.fail(`no commands under ${heading}`);
}

const host = await createBootedHost();
after(host.remove);
const ec2 = await Ec2.start(host);
after(ec2.stop);
copyFileSync(taskroleProgram, join(host.folder, "taskrole"));
await host.boot();

const docker: Docker = (...args) => run(host.onInstance("docker", ...args), { timeoutMs: 120_000 });
const overheard: Buffer[] = [];
const containers = new ContainerMaker(docker, host.folder, (bytes) => overheard.push(bytes));
const inItsFolder = (script: string): string => `cd ${host.folder}\n${script}`;
const follow = (heading: string) => host.shell(inItsFolder(commandsUnder(heading)));

/** Where STS is in this world, and less patience than the unit's, so that the test need not wait for it. */
const DROP_IN = `mkdir -p /etc/systemd/system/taskrole.service.d
printf '[Service]\\nEnvironment=TASKROLE_STS_ENDPOINT=${STS_URL} TASKROLE_REGION=us-east-1\\nWatchdogSec=3\\n' >/etc/systemd/system/taskrole.service.d/world.conf`;
await host.must(DROP_IN);
await eventually(() => docker("version"), 30_000);
await importImages(docker, ["small"]);

/** Every name, owner and mode on the disk, and every byte of what is configured; not what hosts write of themselves all the time. */
const FILES = `find / -xdev \\( -path /var/log -o -path /var/lib/docker -o -path /var/lib/containerd -o -path /var/lib/systemd -o -path /var/cache \\
  -o -path /var/tmp \\) -prune -o -printf '%p %y %m %u:%g %l\\n' | sort
find /etc /usr/local /var/lib/dpkg -xdev -type f -exec sha256sum {} + | sort -k2`;
/** useradd and userdel keep the former state beside each of their files. */
const OF_USERADD = /(?:^|\s)\/etc\/(?:passwd|group|shadow|gshadow|subuid|subgid)-(?:\s|$)|\/etc\/\.pwd\.lock/;

/** Chain by chain, in the order of their names: Docker makes its own in another order at each of its starts. */
function chainsIn(ruleset: string): readonly string[] {
  let table = "";
  return ruleset
    .split(/^(?=table |\tchain )/m)
    .flatMap((block) => {
      if (!block.startsWith("table ")) return `${table}${block.replace(/^\}\n/m, "").trimEnd()}`;
      table = block;
      return [];
    })
    .sort();
}

async function stateOfHost(): Promise<{
  files: readonly string[];
  chains: readonly string[];
  ipRules: string;
  users: string;
}> {
  const files = (await host.must(FILES)).split("\n").filter((line) => !OF_USERADD.test(line));
  const chains = chainsIn(`${await host.must("nft --stateless list ruleset")}\n`);
  const ipRules = await host.must("ip rule; ip -6 rule");
  return {
    files,
    chains,
    ipRules,
    users: await host.must("getent passwd; getent group; cat /etc/shadow /etc/gshadow"),
  };
}

const untouched = await stateOfHost();
const property = (unit: string, name: string) => host.must(`systemctl show --value --property=${name} ${unit}`);
const at = async (unit: string, name: string) => Number(await property(unit, `${name}TimestampMonotonic`));

/** On EC2 the limit is the TTL of the service's packets. */
const ONE_HOP =
  "table ip hops { chain out { type filter hook postrouting priority 0; ip saddr 169.254.169.254 ip ttl set 1; }; }\n";
const limitHops = () => run(host.atEc2("nft", "-f", "-"), { input: ONE_HOP });
await limitHops();

test("the host has what the page has apt-get install, and nothing else of ours", async () => {
  const packages = commandsUnder("What the host needs").trim().split(" ").slice(3);
  for (const name of packages) assert.match(await host.must(`dpkg -s ${name}`), /^Status: install ok installed$/m);
  assert.ok(untouched.chains.length > 5, "Docker's chains are there");
  assert.doesNotMatch(untouched.chains.join() + untouched.ipRules, /taskrole|169\.254\.169\.254/);
});

test("a look shows every change and makes none", async () => {
  const { code, stdout, stderr } = await follow("Look first");
  assert.equal(code, 0, stderr);
  for (const line of [
    "would create the user taskrole",
    "would write /usr/local/bin/taskrole by a copy",
    "would write /etc/taskrole/config.yaml",
    "would have systemd start taskrole-hold.service, taskrole.socket, taskrole.service with the host",
    "would start taskrole-hold.service, taskrole.socket, taskrole.service",
    "Nothing was changed.",
  ])
    assert.ok(stdout.includes(line), `${line}\n${stdout}`);
  assert.equal(stderr, "");
  assert.deepEqual(await stateOfHost(), untouched);
});

test("it sees that the metadata service's answers may take more than one hop, and that they may not", async () => {
  const look = () => host.must(inItsFolder("./taskrole install --dry-run 2>&1"));
  assert.doesNotMatch(await look(), /hop/);
  await run(host.atEc2("nft", "delete", "table", "ip", "hops"));
  try {
    assert.match(
      await look(),
      /answers may take more than one hop: they reach containers.*\n.*--http-put-response-hop-limit 1/,
    );
  } finally {
    await limitHops();
  }
});

const IN_THE_WAY = [
  {
    what: "a firewall that drops INPUT",
    begin: "iptables -P INPUT DROP",
    end: "iptables -P INPUT ACCEPT",
    says: /A firewall drops what it does not know \(chain ip filter INPUT\).*port 9254.*\n.*iptables -I INPUT -p tcp --dport 9254 -m conntrack --ctstate DNAT/,
  },
  {
    what: "metadataproxy's rule",
    begin:
      "iptables -t nat -A PREROUTING -d 169.254.169.254/32 -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.1:8000",
    end: "iptables -t nat -F PREROUTING; systemctl restart docker",
    says: /probably metadataproxy's,.*\n.*iptables -t nat -D PREROUTING -d 169\.254\.169\.254\/32 -i docker0 .* 172\.17\.0\.1:8000/,
  },
  {
    what: "a unit that somebody else wrote",
    begin: "echo '[Unit]' >/etc/systemd/system/taskrole.service",
    end: "rm /etc/systemd/system/taskrole.service",
    says: /taskrole\.service is there already, and is not what would be written/,
    code: 1,
  },
  {
    what: "settings of root's alone, and a role map below /root",
    begin: `umask 077; mkdir /etc/taskrole; echo 10.9.0.1: x >/root/map.yaml; echo roleMapFile: /root/map.yaml >/etc/taskrole/config.yaml`,
    end: "rm -r /etc/taskrole /root/map.yaml",
    says: /\/etc\/taskrole has the mode 0700.*\n {2}chmod a\+x \/etc\/taskrole\n.*config\.yaml has the mode 0600.*\n {2}chmod a\+r .*\n.*\/root\/map\.yaml is hidden/,
    code: 1,
  },
  {
    what: "a group of the daemon's name, which useradd would not take",
    begin: "groupadd taskrole; ! useradd --system --user-group taskrole 2>/dev/null",
    end: "groupdel taskrole",
    says: /There is a group taskrole and no user of that name.*\n {2}If nobody needs it: groupdel taskrole/,
    code: 1,
  },
  {
    what: "a place for programs that is read-only",
    begin: "mount -t tmpfs -o ro tmpfs /usr/local/bin",
    end: "umount /usr/local/bin",
    says: /Nothing can be written into \/usr\/local\/bin \(EROFS\)\.\n {2}Mount it writable/,
    code: 1,
  },
  {
    what: "no nft",
    begin: "mv /usr/sbin/nft /usr/sbin/nft.away",
    end: "mv /usr/sbin/nft.away /usr/sbin/nft",
    says: /Cannot run nft: there is no such program.*\n.*Install the package nftables/,
    code: 1,
  },
];

for (const { what, begin, end, says, code = 0 } of IN_THE_WAY) {
  test(`it says what is in the way: ${what}`, async () => {
    await host.must(begin);
    try {
      const look = await host.shell(inItsFolder("./taskrole install --dry-run"));
      assert.equal(look.code, code, look.stderr);
      assert.match(look.stderr, says);
      if (code === 0) return;
      const attempt = await host.shell(inItsFolder("./taskrole install"));
      assert.equal(attempt.code, 1);
      assert.match(attempt.stderr, /nothing was changed\.\n$/);
    } finally {
      await host.must(end);
    }
    assert.deepEqual((await stateOfHost()).files, untouched.files);
  });
}

test("an installation that is killed half-way is finished by the next, which says so", async () => {
  const journal = join(host.folder, "upper/var/lib/taskrole/installed.json");
  const command = commandsUnder("Install").trim();
  const killed = new LongRunning(host.onInstance("sh", "-c", inItsFolder(`exec ${command}`)));
  while (!existsSync(journal)) await new Promise((resolve) => setTimeout(resolve, 2));
  await killed.stop("SIGKILL");
  assert.equal(JSON.parse(readFileSync(journal, "utf8")).isComplete, false);
  const { code, stderr, stdout } = await follow("Install");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /An earlier installation, or its removal, was interrupted/);
  assert.match(stdout, /^taskrole runs, and starts with the host, before Docker\./m);
  assert.equal(JSON.parse(readFileSync(journal, "utf8")).isComplete, true);
});

test("the daemon runs as the page says: a user of its own, told to systemd, its rules in place", async () => {
  const { code, stdout, stderr } = await follow("See that it works");
  assert.equal(code, 0, stderr + stdout);
  assert.match(stdout, /^active\nactive\nactive\n/);
  assert.match(stdout, /^Everything is in place\.$/m);
  const pid = await property("taskrole.service", "MainPID");
  const status = await host.must(`cat /proc/${pid}/status; id -u taskrole`);
  assert.equal(/^Uid:\t(\d+)/m.exec(status)?.[1], status.split("\n").at(-1));
  assert.equal(await property("taskrole.service", "StatusText"), "each container has its own role");
  assert.match(await host.must(`tr '\\0' '\\n' </proc/${pid}/limits | grep core`), /core file size +0/);
});

/** Starts again by itself, and asks before it does anything else. */
let made: Container | undefined;
const web = (): Container => made ?? assert.fail("the container was not started");

test("the main job: a container has its role, one without has the default, none has the host's", async () => {
  const options = { name: "web", role: "containers/web", asksFirst: true, args: ["--restart", "always"] };
  const container = await containers.run(options);
  made = container;
  assert.equal((await container.firstIdentity()).roleName, "web");
  const plain = await containers.run({ name: "plain" });
  assert.equal(await plain.role(), "default");
  await plain.remove();
});

test("again, there is nothing to do", async () => {
  const { code, stdout } = await follow("Upgrade");
  assert.equal(code, 0);
  assert.match(stdout, /^There was nothing to do: all of it is in place\.$/m);
});

test("a daemon that hangs is started again, and so is one that is killed", async () => {
  for (const signal of ["STOP", "KILL"]) {
    const former = await property("taskrole.service", "MainPID");
    await host.must(`kill -${signal} ${former}`);
    await eventually(async () => {
      assert.notEqual(await property("taskrole.service", "MainPID"), former);
      assert.equal(await property("taskrole.service", "ActiveState"), "active");
    }, 30_000);
    assert.equal(await web().role(), "web");
  }
});

test("settings are read again, and systemd sees it through", async () => {
  await host.must("echo 'logLevel: debug' >>/etc/taskrole/config.yaml; systemctl reload taskrole");
  assert.match(await host.must("journalctl -u taskrole -o cat"), /"applied":\["logLevel"\]/);
  assert.equal(await property("taskrole.service", "ActiveState"), "active");
});

async function moveTo(port: number): Promise<void> {
  const written = `sed -i '/^listen/d' /etc/taskrole/config.yaml; echo 'listen: "[::]:${port}"' >>/etc/taskrole/config.yaml`;
  assert.match(
    await host.must(inItsFolder(`${written}; ./taskrole install`)),
    /^done: restart taskrole\.socket, taskrole\.service$/m,
  );
  assert.match(await host.must("ss -ltnH"), new RegExp(`\\*:${port} `));
  assert.equal(await web().role(), "web");
}

test("another port is another socket: install replaces it, and restarts both", async () => {
  await moveTo(9300);
  const isThere = () => host.must("cat /etc/taskrole/config.yaml /etc/systemd/system/taskrole.socket; ss -ltnH");
  const before = await isThere();
  const { code, stderr } = await follow("Install");
  assert.equal(code, 1, "the page's command again, for settings that were changed since");
  assert.match(
    stderr,
    /config\.yaml was changed since it was installed, .* Leave out the flag.*\n.*nothing was changed/,
  );
  assert.equal(await isThere(), before);
  assert.equal(await web().role(), "web");
  await moveTo(9254);
});

/** Another file that does the same. */
const makeNewer = () => appendFileSync(join(host.folder, "taskrole"), "newer");
const sha256Of = async (path: string) => (await host.must(`sha256sum ${path}`)).split(" ")[0];

async function runsTheNewer(): Promise<void> {
  const wanted = await sha256Of(join(host.folder, "taskrole"));
  assert.equal(await sha256Of(`/proc/${await property("taskrole.service", "MainPID")}/exe`), wanted);
  assert.equal(await sha256Of("/usr/local/bin/taskrole"), wanted);
  assert.equal(await web().role(), "web");
}

test("an upgrade by the page's command: the daemon that runs is the newer file, and a container keeps its role", async () => {
  makeNewer();
  const { code, stdout, stderr } = await follow("Upgrade");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^done: replace \/usr\/local\/bin\/taskrole .*\ndone: restart taskrole\.service$/m);
  await runsTheNewer();
});

test("a program that was put in the place of the old by hand: an upgrade refuses, and its remedy upgrades", async () => {
  makeNewer();
  await host.must(inItsFolder("install taskrole /usr/local/bin/taskrole; systemctl restart taskrole"));
  makeNewer();
  const { code, stderr } = await follow("Upgrade");
  assert.equal(code, 1);
  const remedy = /\((install \S+taskrole \/usr\/local\/bin\/taskrole && taskrole install)\)/.exec(stderr)?.[1];
  const upgrade = await host.must(remedy ?? assert.fail(stderr));
  assert.match(upgrade, /^done: note .*taskrole, as it is now, as installed\ndone: restart taskrole\.service$/m);
  await runsTheNewer();
  assert.match((await follow("Upgrade")).stdout, /^There was nothing to do/m);
});

test("after a power cut it comes back by itself, before Docker starts what asks at once", async () => {
  rmSync(`${web().askSocket}.first`);
  await host.cutPower();
  await host.boot();
  assert.equal((await web().firstIdentity()).roleName, "web");
  const held = await at("taskrole-hold.service", "ActiveEnter");
  const ready = await at("taskrole.service", "ActiveEnter");
  const dockerBegins = await at("docker.service", "InactiveExit");
  assert.ok(held > 0 && held < ready && ready < dockerBegins, `${held}, ${ready}, ${dockerBegins}`);
});

test("right after that boot, `taskrole smoke` finds the whole host as it must be, and says what came first", async () => {
  const command = "./taskrole smoke --role containers/web --after-reboot --restart-daemon";
  const { code, stdout, stderr } = await host.shell(inItsFolder(command));
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^## taskrole smoke: 10 passed, 0 failed, 0 not checked$/m);
  assert.match(stdout, /^\| passed \| After a reboot.*\| `taskrole\.service` was there \d+\.\d s before/m);
  assert.match(stdout, /^\| passed \| While the daemon restarts.*role web \(\d+\)/m);
});

test("once Docker was started again, `taskrole smoke` no longer says what came first at the boot", async () => {
  await host.must("systemctl restart docker");
  const { code, stdout, stderr } = await host.shell(
    inItsFolder("./taskrole smoke --role containers/web --after-reboot"),
  );
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^\| not checked \| After a reboot.*\| `docker\.service` was started again since the boot/m);
});

/**
 * systemd-networkd runs the network, as on Ubuntu and Amazon Linux 2023, and has a new link to configure: then it removes all
 * routing rules that are not the kernel's. It need not wait for udev where it cannot write to /sys.
 */
const NETWORKD = `mkdir -p /run/systemd/network /run/systemd/system/systemd-networkd.service.d
printf '[Match]\\nName=eth9\\n[Network]\\nAddress=192.0.2.9/24\\n' >/run/systemd/network/eth9.network
printf '[Service]\\nReadOnlyPaths=/sys\\n' >/run/systemd/system/systemd-networkd.service.d/no-udev.conf
ip rule add pref 200 to 192.0.2.1 prohibit
systemctl daemon-reload; systemctl start systemd-networkd
ip link add eth9 type veth peer name eth10; ip link set eth10 up`;

test("where it cannot start after a reboot, containers are refused, and nobody gets the host's role", async () => {
  rmSync(`${web().askSocket}.first`);
  await host.must("cp /etc/taskrole/config.yaml /root/good.yaml; echo 'lissten: x' >>/etc/taskrole/config.yaml");
  await host.cutPower();
  await host.boot();
  await host.must(NETWORKD);
  await eventually(async () => assert.doesNotMatch(await host.must("ip rule"), /192\.0\.2\.1/, "networkd removes it"));
  await web().ready();
  const { role } = await web().firstWords();
  assert.notEqual(typeof role === "string" ? 0 : role.status, 200);
  assert.match(await host.must("ip rule"), /^91:\tfrom all to 169\.254\.169\.254 prohibit$/m);
  assert.match(await host.must("ip -6 rule"), /^91:\tfrom all to fd00:ec2::254 prohibit$/m);
  assert.match(
    await host.must("journalctl -b -u taskrole -o cat"),
    /there is no setting "lissten"; did you mean "listen"/,
  );
  await host.must("systemctl stop systemd-networkd.socket systemd-networkd; ip link del eth9");
  await host.must("mv /root/good.yaml /etc/taskrole/config.yaml; systemctl restart taskrole");
  assert.equal(await web().role(), "web");
});

test("uninstall takes back what was done and keeps what was changed; the ip rules stay until it is asked", async () => {
  await web().remove();
  const { code, stdout, stderr } = await follow("Uninstall");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^done: remove the user taskrole$/m);
  assert.match(stderr, /note: \/etc\/taskrole\/config\.yaml was changed since it was installed, and stays\./);
  assert.match(stderr, /The ip rules stay until the next boot.*\n {2}ip rule del pref \d+|ip -6 rule del/);
  assert.match(stdout, /^done: remove the ip rules/m);
  await host.must("rm -r /etc/taskrole");
  assert.deepEqual(await stateOfHost(), untouched);
  assert.equal((await host.shell("ls /run/taskrole")).code, 2);
});

test("installed and taken back without a change between, it leaves nothing at all", async () => {
  assert.equal((await follow("Install")).code, 0);
  const { code, stderr } = await follow("Uninstall");
  assert.equal(code, 0, stderr);
  assert.deepEqual(await stateOfHost(), untouched);
});

test("settings come from a pipe, too, whole", async () => {
  const text = "# mine\ndefaultRole: containers/piped\n";
  await host.must(inItsFolder(`printf '${text}' | ./taskrole install --config /dev/stdin`));
  assert.equal(await host.must("cat /etc/taskrole/config.yaml"), text.trimEnd());
  await host.must("taskrole uninstall --remove-ip-rules");
});

test("for a taskrole in a container: after a power cut the guard's rules are there before Docker begins, and the directory of its user", async () => {
  copyFileSync("deploy/systemd/taskrole-guard.service", join(host.folder, "taskrole-guard.service"));
  await host.must(
    `cp ${host.folder}/taskrole-guard.service /etc/systemd/system/; systemctl enable taskrole-guard.service`,
  );
  await host.cutPower();
  await host.boot();
  const guarded = await at("taskrole-guard.service", "ActiveEnter");
  const dockerBegins = await at("docker.service", "InactiveExit");
  assert.ok(guarded > 0 && guarded < dockerBegins, `${guarded}, ${dockerBegins}`);
  for (const [rules, address] of Object.entries({ "ip rule": "169.254.169.254", "ip -6 rule": "fd00:ec2::254" }))
    assert.ok((await host.must(rules)).includes(`91:\tfrom all to ${address} prohibit`), rules);
  const packetRules = await host.must("nft list table inet taskrole");
  for (const address of ["169.254.169.254", "fd00:ec2::254"])
    assert.match(packetRules, new RegExp(`daddr \\{[^}]* ${address}[^}]*\\} jump host_deny`));
  assert.match(packetRules, /socket cgroupv2 level 2 @container_scopes counter packets \d+ bytes \d+ reject/);
  assert.equal(await host.must("stat -c '%u %g %a' /run/taskrole"), "65530 65530 755");
});

test("by hand, where /usr is read-only: what docs/install/flatcar.md says runs as well", async () => {
  await host.must("systemctl disable --now taskrole-guard; mount -t tmpfs -o ro tmpfs /usr/local/bin");
  cpSync("deploy/systemd", join(host.folder, "deploy/systemd"), { recursive: true });
  const commands = commandOf("docs/install/flatcar.md", "umask 022");
  assert.match(await host.must(inItsFolder(`set -e\n${commands}`)), /^Everything is in place\.$/m);
  assert.equal(await host.must("systemctl show --value --property=User taskrole"), "taskrole");
  assert.equal(await host.must("systemctl is-active taskrole-hold taskrole.socket taskrole"), "active\nactive\nactive");
  const container = await containers.run({ name: "by-hand", role: "containers/web" });
  assert.equal(await container.role(), "web");
  await container.remove();
});

test("in all of this no packet of a container reached EC2's metadata service", async () => {
  assert.equal(await host.strangersAtMetadata(), 0);
});
