import assert from "node:assert/strict";
import { test } from "node:test";
import { attachmentOf, copyScripts, MODES, Pair } from "../attack/support/neighbours.ts";
import { startLab } from "./support/lab.ts";
import { leaksIn } from "./support/nothing-leaked.ts";
import { eventually, run } from "./support/programs.ts";

/**
 * A host without nftables: first behind the one-line redirect that other tools ask for, where each attack is shown to
 * succeed, then with taskrole's own rules of iptables.
 */
const lab = await startLab({ serve: { "metadata-tokens": "optional" }, daemon: false });
const onInstance = (...command: readonly string[]) => run(lab.instance.onInstance(...command));
const LISTEN_SECONDS = 4;

await copyScripts(lab);
const resident = await lab.run({ role: "resident" });
const { gateway4 } = await attachmentOf(lab, resident);
const DNAT = `PREROUTING -i docker0 -d 169.254.169.254 -p tcp --dport 80 -j DNAT --to ${gateway4}:9254`.split(" ");
await onInstance("iptables", "-t", "nat", "-I", ...DNAT);
await lab.daemon.start({ interception: "none" });
const pairs = await Promise.all(MODES.map((mode) => Pair.start({ lab, mode, family: 4 })));

/** What the host believes of any address is forgotten, and each victim is answered again. */
const undisturbed = () =>
  eventually(async () => {
    await onInstance("ip", "neigh", "flush", "all");
    await Promise.all(pairs.map((pair) => pair.victimIsServed()));
  }, 20_000);

const spoofed = async (): Promise<readonly string[]> => {
  await undisturbed();
  return await Promise.all(pairs.map((pair) => pair.spoofed()));
};

/** Warnings of the last start. */
const warnings = () =>
  lab.daemon.log.flatMap(({ level, msg, reason }) =>
    level === "warn" && msg === "interception" ? [String(reason)] : [],
  );

const fromNowOn = { strangers: 0 };

test("none: the classic one-line redirect serves each container its role, and the start says what is not protected", async () => {
  assert.equal(await resident.role(), "resident");
  const first = await lab.run({ role: "first", asksFirst: true });
  assert.equal((await first.firstIdentity()).roleName, "first");
  assert.match(
    warnings().join("\n"),
    /^interception is none: .* a neighbour on the same bridge that claims it gets its role/m,
  );
  const answers = await spoofed();
  assert.ok(answers[1]?.endsWith("victim-of-invented") && answers[2]?.endsWith("victim-of-victim"), answers.join("|"));
});

test("iptables: in place of the redirect it serves each container, new ones at their first request, over IPv6 too", async () => {
  await lab.daemon.stop();
  await onInstance("iptables", "-t", "nat", "-D", ...DNAT);
  await lab.daemon.start({ interception: "iptables" });
  await undisturbed();
  fromNowOn.strangers = await lab.instance.strangersAtMetadata();
  assert.equal(await resident.role(), "resident");
  await lab.engine.docker("network", "create", "--ipv6", "--subnet", "fd00:6::/64", "six");
  const asking = Array.from({ length: 4 }, (_, i) =>
    lab.run({ role: `new-${i}`, network: i % 2 ? "six" : "bridge", asksFirst: true }),
  );
  for (const [i, container] of (await Promise.all(asking)).entries()) {
    assert.equal((await container.firstIdentity()).roleName, `new-${i}`);
    if (i % 2) assert.equal(await container.role(container.metadata.over6), `new-${i}`);
  }
});

test("iptables: what is not protected is said at the start, and in the status with each binding", async () => {
  assert.ok(warnings().some((reason) => reason.startsWith("With iptables a container's answers are not protected")));
  const { stdout, code } = await lab.daemon.command("interception", "status", "--interception", "iptables");
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^Warning: With iptables a container's answers are not protected/m);
  assert.doesNotMatch(stdout, /told apart by their/);
  const { mac } = await attachmentOf(lab, resident);
  assert.match(stdout, new RegExp(`^ +${await resident.address()} +veth\\w+ +${mac} +${resident.name} \\(`, "m"));
});

test("iptables: a neighbour that speaks as a container gets not a byte, with whichever hardware address", async () => {
  assert.deepEqual(await spoofed(), ["", "", ""]);
});

test("iptables: a neighbour that claims a container's address hears its answers: as was said, this is not prevented", async () => {
  await undisturbed();
  const heard = await Promise.all(pairs.map((pair) => pair.overheard(LISTEN_SECONDS)));
  assert.ok(
    heard.some(({ text }) => text.includes("victim-of-")),
    heard.map(({ frames }) => `${frames} frames`).join(),
  );
  await undisturbed();
});

for (const command of ["iptables -F", "iptables -t nat -F", "iptables -t raw -F", "iptables -I FORWARD -j ACCEPT"]) {
  test(`iptables: is mended, and nobody reaches the real service meanwhile: ${command}`, async () => {
    const seen = lab.daemon.log.length;
    await onInstance(...command.split(" "));
    await eventually(async () => {
      assert.ok(lab.daemon.log.slice(seen).some(({ msg }) => msg === "the interception is mended"));
    });
    // Docker's own rules are gone too, so that STS need not be reachable.
    await eventually(async () => assert.equal((await resident.metadata.credentials()).roleName, "resident"));
    const { code } = await lab.daemon.command("interception", "status", "--interception", "iptables");
    assert.equal(code, 0);
  });
}

test("iptables: dockerd that starts again puts its rules in; ours come first again, and containers are served", async () => {
  await lab.engine.stop();
  await lab.engine.start();
  await lab.engine.docker("network", "create", "later");
  await eventually(async () => {
    const { code, stdout } = await lab.daemon.command("interception", "status", "--interception", "iptables");
    assert.equal(code, 0, stdout);
  });
  await eventually(async () => assert.equal(await resident.role(), "resident"));
  const later = await lab.run({ role: "later", network: "later", asksFirst: true });
  assert.equal((await later.firstIdentity()).roleName, "later");
});

test("iptables: the daemon killed means connection refused", async () => {
  await lab.daemon.kill();
  assert.equal((await resident.metadata.askToken()).status, "ECONNREFUSED");
});

test("a host that goes over to nftables keeps nothing of iptables', and is protected from listeners too; down takes all away", async () => {
  const saved = async () => `${await onInstance("iptables-save")}${await onInstance("ip6tables-save")}`;
  assert.match(await saved(), /TASKROLE-BOUND/);
  await lab.daemon.start({ interception: "nftables" });
  assert.doesNotMatch(await saved(), /TASKROLE/);
  await undisturbed();
  const heard = await Promise.all(pairs.map((pair) => pair.overheard(LISTEN_SECONDS)));
  assert.deepEqual(
    heard.map(({ frames }) => frames),
    [0, 0, 0],
  );
  await lab.daemon.stop();
  assert.equal(await lab.instance.strangersAtMetadata(), fromNowOn.strangers, "a packet of a container reached EC2");
  await lab.daemon.start({ interception: "iptables" });
  assert.doesNotMatch(await onInstance("nft", "list", "tables"), /taskrole/);
  await lab.daemon.stop();
  const { code } = await lab.daemon.command("interception", "down");
  assert.equal(code, 0);
  assert.doesNotMatch(
    `${await saved()}${await onInstance("nft", "list", "tables")}${await onInstance("ip", "rule")}`,
    /taskrole|169\.254/i,
  );
});

test("in all of this no container heard anything of the host's own", async () => {
  assert.deepEqual(await leaksIn(lab), []);
});
