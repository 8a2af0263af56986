import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { HostFacts } from "../../src/kernel/host-facts.ts";
import { METADATA_ADDRESSES } from "../../src/kernel/intercepted-address.ts";
import { Interception } from "../../src/kernel/interception.ts";
import { InterceptionError } from "../../src/kernel/interception-error.ts";
import type { InterceptionStatus } from "../../src/kernel/interception-status.ts";
import { KernelBindings } from "../../src/kernel/kernel-bindings.ts";
import type { CommandOutcome, RunCommand } from "../../src/kit/run-command.ts";
import { hasMeans, Namespace, whyNoLab } from "./network-lab.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const missingMeans = await whyNoLab();
const FIT: HostFacts = { isLinux: true, mayChangeNetwork: true, hasIpv6: true };

/** The parts that are not present, in one line each. */
const wrong = ({ parts }: InterceptionStatus): readonly string[] =>
  parts
    .filter(({ state }) => state !== "present")
    .map(({ name, state, differences }) => [name, state, ...differences].join(": "));

async function namespace(t: TestContext): Promise<{ host: Namespace; interception: Interception }> {
  const host = await Namespace.open();
  t.after(() => host.close());
  return { host, interception: new Interception({ port: 9254, run: host.run, readHost: () => FIT }) };
}

/** Everything there is: all tables without counters and handles, all routing rules. */
const everything = (host: Namespace): Promise<string> =>
  host.must("nft --stateless list ruleset\nip rule show\nip -6 rule show");

const NOTHING_IN_PLACE = [
  "table inet taskrole: absent",
  "ip rule pref 90 iif lo to 169.254.169.254 lookup main: absent",
  "ip rule pref 91 to 169.254.169.254 prohibit: absent",
  "ip rule pref 90 iif lo to 169.254.170.2 lookup main: absent",
  "ip rule pref 91 to 169.254.170.2 prohibit: absent",
  "ip rule pref 90 iif lo to 169.254.170.23 lookup main: absent",
  "ip rule pref 91 to 169.254.170.23 prohibit: absent",
  "ip -6 rule pref 90 iif lo to fd00:ec2::254 lookup main: absent",
  "ip -6 rule pref 91 to fd00:ec2::254 prohibit: absent",
  "ip -6 rule pref 90 iif lo to fd00:ec2::23 lookup main: absent",
  "ip -6 rule pref 91 to fd00:ec2::23 prohibit: absent",
];

test("up puts everything in place, and again without a difference", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, interception } = await namespace(t);
  const before = await interception.check();
  assert.deepEqual(wrong(before), NOTHING_IN_PLACE);
  assert.equal(before.isInPlace, false);
  await interception.up();
  const first = await everything(host);
  await interception.up();
  assert.equal(await everything(host), first);
  const status = await interception.check();
  assert.deepEqual(wrong(status), []);
  assert.equal(status.isInPlace, true);
  assert.deepEqual(status.warnings, []);
  assert.equal(status.parts.length, 18);
});

test("two who go up at the same moment both succeed, and leave one of everything", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, interception } = await namespace(t);
  await Promise.all([interception.up(), interception.up(), interception.up()]);
  assert.deepEqual(wrong(await interception.check()), []);
  assert.equal((await host.must("ip rule show")).split("169.254.169.254").length - 1, 2);
});

test("down leaves what was there before, to the letter, and may be repeated", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, interception } = await namespace(t);
  await host.load(
    "table inet taskrole2 {\n chain forward {\n type filter hook forward priority -10\n ip daddr 169.254.169.254 drop\n }\n }",
  );
  await host.load("table bridge taskrole2 {\n set bound {\n type ether_addr\n }\n }");
  await host.must(`
    ip rule add pref 90 to 169.254.169.254 lookup 100
    ip rule add pref 91 fwmark 7 to 169.254.169.253 prohibit
    ip -6 rule add pref 92 to fd00:ec2::254 prohibit`);
  const before = await everything(host);
  await interception.up();
  assert.notEqual(await everything(host), before);
  assert.deepEqual(await interception.down(), [
    "table inet taskrole",
    "ip rule pref 91 to 169.254.170.23 prohibit",
    "ip rule pref 91 to 169.254.170.2 prohibit",
    "ip rule pref 91 to 169.254.169.254 prohibit",
    "ip rule pref 90 iif lo to 169.254.170.23 lookup main",
    "ip rule pref 90 iif lo to 169.254.170.2 lookup main",
    "ip rule pref 90 iif lo to 169.254.169.254 lookup main",
    "ip -6 rule pref 91 to fd00:ec2::23 prohibit",
    "ip -6 rule pref 91 to fd00:ec2::254 prohibit",
    "ip -6 rule pref 90 iif lo to fd00:ec2::23 lookup main",
    "ip -6 rule pref 90 iif lo to fd00:ec2::254 lookup main",
  ]);
  assert.equal(await everything(host), before);
  assert.deepEqual(await interception.down(), []);
  assert.equal(await everything(host), before);
});

test("a routing rule of someone else that comes first is left alone and warned of", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, interception } = await namespace(t);
  await host.must("ip rule add pref 20 from 172.17.0.0/16 lookup 100");
  await interception.up();
  const { isInPlace, warnings } = await interception.check();
  assert.equal(isInPlace, true);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /comes before ours.*"priority":20/);
  assert.match(await host.must("ip rule show"), /^20:/m);
});

const DRIFTS = [
  { does: "nft delete table inet taskrole", finds: ["table inet taskrole: absent"] },
  { does: "nft flush ruleset", finds: ["table inet taskrole: absent"] },
  {
    does: "nft flush chain inet taskrole forward",
    finds: [
      ["chain inet taskrole forward: changed", "IPv4", "IPv6", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"]
        .map((word, i) => (i === 0 ? word : `a rule is missing: no ${word} packet is forwarded to the real service`))
        .join(": "),
    ],
  },
  {
    does: "nft insert rule inet taskrole daemon_port accept",
    finds: ["chain inet taskrole daemon_port: changed: a rule was added: (no comment)"],
  },
  {
    does: "nft add chain inet taskrole input { type filter hook input priority -10 ; policy drop ; }",
    finds: ["chain inet taskrole input: changed: its policy is drop instead of accept"],
  },
  {
    does: "nft add table inet taskrole { flags dormant ; }",
    finds: ["table inet taskrole: changed: it has a flag, perhaps dormant: then none of its rules works"],
  },
  {
    does: "nft add chain inet taskrole early { type filter hook prerouting priority -200 ; }",
    finds: ["table inet taskrole: changed: a chain was added: early"],
  },
  {
    does: "ip rule del pref 91 to 169.254.169.254",
    finds: ["ip rule pref 91 to 169.254.169.254 prohibit: absent"],
  },
  {
    does: "ip -6 rule del pref 90 to fd00:ec2::254",
    finds: ["ip -6 rule pref 90 iif lo to fd00:ec2::254 lookup main: absent"],
  },
];

for (const { does, finds } of DRIFTS) {
  test(`is named and mended: ${does}`, async (t) => {
    if (!hasMeans(t, missingMeans)) return;
    const { host, interception } = await namespace(t);
    await interception.up();
    const before = await everything(host);
    await host.must(does);
    assert.deepEqual(wrong(await interception.check()), finds);
    await interception.up();
    assert.deepEqual(wrong(await interception.check()), []);
    assert.deepEqual(linesOf(await everything(host)), linesOf(before));
  });
}

/** Two rules of one preference may stand in either order. */
const linesOf = (text: string): readonly string[] => text.split("\n").sort();

test("without the container credentials' addresses, their rules go and the metadata's stay", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, interception } = await namespace(t);
  const less = new Interception({
    port: 9254,
    addresses: METADATA_ADDRESSES,
    run: host.run,
    readHost: () => FIT,
  });
  await less.up();
  const before = await everything(host);
  assert.ok(!before.includes("169.254.170"), before);
  await interception.up();
  assert.ok((await everything(host)).includes("169.254.170.23"));
  assert.equal((await less.check()).isInPlace, false);
  await less.up();
  assert.equal(await everything(host), before);
  assert.equal((await less.check()).isInPlace, true);
});

test("one deleted rule is named by its comment", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, interception } = await namespace(t);
  await interception.up();
  const listing = await host.must("nft -a list chain inet taskrole deny");
  const handle = /on its way.*# handle (\d+)/.exec(listing)?.[1] ?? assert.fail(listing);
  await host.must(`nft delete rule inet taskrole deny handle ${handle}`);
  assert.deepEqual(wrong(await interception.check()), [
    "chain inet taskrole deny: changed: a rule is missing: refused: TCP on its way to the real service",
  ]);
});

test("rules that were loaded for another port are not ours", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, interception } = await namespace(t);
  await new Interception({ port: 9999, run: host.run, readHost: () => FIT }).up();
  assert.deepEqual(
    (await interception.check()).parts.filter(({ state }) => state === "changed").map(({ name }) => name),
    ["chain inet taskrole prerouting", "chain inet taskrole input", "chain inet taskrole daemon_port"],
  );
});

test("the bindings' table is loaded in the same transaction, looked after, and taken down too", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host } = await namespace(t);
  const bindings = new KernelBindings({ run: host.run, now: () => NOW });
  const options = { port: 9254, run: host.run, readHost: () => FIT };
  const daemon = new Interception({ ...options, bindings });
  await daemon.up();
  assert.deepEqual(wrong(await daemon.check()), []);
  await host.must("nft flush chain bridge taskrole prerouting");
  assert.match(wrong(await daemon.check())[0] ?? "", /^chain bridge taskrole prerouting: changed: a rule is missing/);
  await new Interception(options).up();
  assert.match(
    wrong(await daemon.check())[0] ?? "",
    /^chain bridge/,
    "a command by hand must not empty the daemon's sets",
  );
  await daemon.up();
  assert.deepEqual(wrong(await daemon.check()), []);
  assert.deepEqual((await new Interception(options).down()).slice(0, 2), [
    "table inet taskrole",
    "table bridge taskrole",
  ]);
  assert.equal(await host.must("nft list tables"), "");
});

test("a host without IPv6 gets the IPv4 rules, and is told so", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host } = await namespace(t);
  const readHost = () => ({ ...FIT, hasIpv6: false });
  const interception = new Interception({ port: 9254, run: host.run, readHost });
  await interception.up();
  const { isInPlace, warnings } = await interception.check();
  assert.equal(isInPlace, true);
  assert.match(warnings[0] ?? "", /without IPv6/);
  assert.doesNotMatch(await host.must("ip -6 rule show"), /fd00:ec2::254/);
});

const exited = (code: number, stdout = "", stderr = ""): CommandOutcome => ({ kind: "exited", code, stdout, stderr });

/** Programs that answer from a table of beginnings of command lines; everything else succeeds without a word. */
const programs =
  (answers: Readonly<Record<string, CommandOutcome>>): RunCommand =>
  async (argv) => {
    const command = argv.join(" ");
    const start = Object.keys(answers).find((key) => command.startsWith(key));
    return (start !== undefined && answers[start]) || exited(0, command.includes("rule show") ? "[]" : "");
  };

const IPTABLES_INSTEAD = / Or set interception to iptables, which works on this host; docs\/interception\.md/;

test("where nftables is not to be had and iptables is, the remedy names it; where neither is, it does not", async () => {
  for (const [answers, isNamed] of [
    [{ nft: { kind: "missing" } }, true],
    [
      { "nft add": exited(1, "", "Error: Could not process rule: Operation not supported\nadd table bridge taskrole") },
      true,
    ],
    [{ nft: { kind: "missing" }, "iptables-save": { kind: "missing" } }, false],
    [{ nft: { kind: "missing" }, "iptables-save": exited(1, "", "can't initialize iptables table") }, false],
    [{ "ip rule add": exited(2, "", "RTNETLINK answers: Operation not supported") }, false],
  ] as const) {
    const run = programs(answers as Record<string, CommandOutcome>);
    const error = await new Interception({ port: 9254, run, readHost: () => FIT })
      .up()
      .catch((reason: unknown) => reason);
    assert.ok(error instanceof InterceptionError);
    assert.equal(IPTABLES_INSTEAD.test(error.remedy), isNamed, `${JSON.stringify(answers)}: ${error.remedy}`);
  }
});

const FAILURES = [
  {
    when: "nft is not installed",
    answers: { nft: { kind: "missing" } as const },
    failure: "program-missing",
    sentence: /^Cannot run nft: there is no such program/,
    remedy: /^Install the package nftables\./,
  },
  {
    when: "ip is not installed",
    answers: { ip: { kind: "missing" } as const },
    failure: "program-missing",
    sentence: /^Cannot run ip: there is no such program/,
    remedy: /^Install the package iproute2 \(Debian, Ubuntu, Alpine\) or iproute \(Amazon Linux, Fedora\)\./,
  },
  {
    when: "this process may not",
    host: { mayChangeNetwork: false },
    answers: { "ip rule add": exited(2, "", "RTNETLINK answers: Operation not permitted") },
    failure: "not-permitted",
    sentence: /^Cannot run "ip rule add pref 90 .* kernel": this process may not .* \(CAP_NET_ADMIN\)\.$/,
    remedy: /^Run it as root, or give the service AmbientCapabilities=CAP_NET_ADMIN/,
  },
  {
    when: "nft refuses the ruleset",
    answers: { "nft add": exited(1, "", "Error: No such file or directory\nfib saddr\n^^^^^^^^^\n") },
    failure: "refused",
    sentence:
      /^"nft add table inet taskrole …" ended with code 1, saying:\nError: No such file or directory\nfib saddr\n\^+$/,
    remedy: /taskrole interception print/,
  },
  {
    when: "nft hangs",
    answers: { "nft add": { kind: "killed", by: "the time limit of 10000 ms", stderr: "" } as const },
    failure: "refused",
    sentence: /^"nft add table inet taskrole …" was ended by the time limit of 10000 ms\.$/,
    remedy: /taskrole interception print/,
  },
  {
    when: "nft may not be run",
    answers: { "nft add": { kind: "not-started", errorCode: "EACCES" } as const },
    failure: "refused",
    sentence: /could not be started \(EACCES\)\.$/,
    remedy: /taskrole interception print/,
  },
  {
    when: "ip is BusyBox's",
    answers: { "ip -j rule show": exited(0, "0:\tfrom all lookup local\n") },
    failure: "unreadable",
    sentence: /^Cannot read what "ip -j rule show" printed/,
    remedy: /BusyBox/,
  },
  {
    when: "this is not Linux",
    host: { isLinux: false },
    answers: {},
    failure: "not-linux",
    sentence: /the packet rules are Linux's\.$/,
    remedy: /^Run taskrole on the Linux host/,
  },
];

for (const { when, host, answers, failure, sentence, remedy } of FAILURES) {
  test(`up says what to do when ${when}`, async () => {
    const run = programs(answers as Record<string, CommandOutcome>);
    const interception = new Interception({ port: 9254, run, readHost: () => ({ ...FIT, ...host }) });
    const error = await interception.up().catch((reason: unknown) => reason);
    assert.ok(error instanceof InterceptionError);
    assert.equal(error.failure.kind, failure);
    assert.match(error.message, sentence);
    assert.match(error.remedy, remedy);
  });
}

test("the routing rules stand before the table is loaded", async () => {
  const commands: string[] = [];
  const run: RunCommand = async (argv, options) => {
    commands.push(
      argv
        .filter((word) => word !== "-6")
        .slice(0, 3)
        .join(" "),
    );
    return programs({})(argv, options);
  };
  await new Interception({ port: 9254, run, readHost: () => FIT }).up();
  const changes = commands.filter((command) => !command.includes("-j") && !command.includes("-save"));
  assert.deepEqual(changes.slice(0, -1), new Array(10).fill("ip rule add"));
  assert.match(changes.at(-1) ?? "", /^nft add table inet taskrole/);
});

test("a table that cannot be listed is not taken for an absent one", async () => {
  const tables = '{"nftables":[{"table":{"family":"inet","name":"taskrole"}}]}';
  const run = programs({ "nft -j list table inet": exited(1, "", "broken"), "nft -j list tables": exited(0, tables) });
  const interception = new Interception({ port: 9254, run, readHost: () => FIT });
  await assert.rejects(interception.check(), { name: "InterceptionError", message: /saying:\nbroken$/ });
  await assert.rejects(interception.down(), { name: "InterceptionError" });
});
