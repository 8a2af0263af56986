import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_ADDRESSES } from "../../src/kernel/intercepted-address.ts";
import { Interception } from "../../src/kernel/interception.ts";
import type { InterceptionStatus } from "../../src/kernel/interception-status.ts";
import { ask, iptablesLab, METADATA4, METADATA6, PORT, serve, usableVariants } from "./iptables-lab.ts";
import { answersDuring, CONTAINER_V4, CONTAINER_V6, HOST_V4, HOST_V6, hasMeans, whyNoLab } from "./network-lab.ts";

const missingMeans = await whyNoLab();
const usable = missingMeans === undefined ? await usableVariants() : [];
const REFUSED = { failed: "ECONNREFUSED" };
const PROHIBITED: Readonly<Record<string, unknown>> = {
  [METADATA4]: { failed: "EHOSTUNREACH" },
  [METADATA6]: { failed: "EACCES" },
};

const wrong = ({ parts }: InterceptionStatus): readonly string[] =>
  parts
    .filter(({ state }) => state !== "present")
    .map(({ name, state, differences }) => [name, state, ...differences].join(": "));

const words = (command: string): readonly string[] => command.split(" ");

for (const variant of ["nft", "legacy"] as const) {
  const missing =
    missingMeans ?? (usable.includes(variant) ? undefined : `needs iptables-${variant} and its kernel part`);

  test(`${variant}: all comes to the daemon, its address kept; the host's own requests go to the real service`, async (t) => {
    if (!hasMeans(t, missing)) return;
    const { host, container, interception } = await iptablesLab(t, variant);
    assert.deepEqual(await ask(container, METADATA4), { said: `REAL ${CONTAINER_V4}` }, "what there is to prevent");
    await interception.up();
    await serve(host);
    for (const { family, address } of ALL_ADDRESSES)
      assert.deepEqual(await ask(container, address), {
        said: `DAEMON ${family === "ipv4" ? CONTAINER_V4 : CONTAINER_V6}`,
      });
    assert.deepEqual(await ask(host, METADATA4), { said: "REAL 198.18.0.1" });
    assert.deepEqual(await ask(host, METADATA6), { said: "REAL fd00:198::1" });
    const { isInPlace, counters } = await interception.check();
    assert.ok(isInPlace);
    assert.equal(counters.find(({ rule }) => rule === "let in: redirected IPv4 requests")?.packets === 0, false);
  });

  test(`${variant}: the daemon down, the rules flushed, another port, the daemon's own port: never the real service`, async (t) => {
    if (!hasMeans(t, missing)) return;
    const { host, container, ec2, run, interception } = await iptablesLab(t, variant);
    await interception.up();
    for (const address of [METADATA4, METADATA6]) assert.deepEqual(await ask(container, address), REFUSED);
    await serve(host);
    await ec2.tell({ do: "serve", name: "REAL", port: 8080 });
    for (const address of [METADATA4, METADATA6])
      assert.deepEqual(await ask(container, address, 8080), PROHIBITED[address]);
    for (const address of [HOST_V4, HOST_V6, "198.18.0.1", "fd00:198::1"]) {
      assert.deepEqual(await ask(container, address, PORT), REFUSED, `a container to ${address}`);
      assert.deepEqual(await ask(host, address, PORT), REFUSED, `the host to ${address}`);
    }
    for (const address of ["198.18.0.1", "fd00:198::1"]) assert.deepEqual(await ask(ec2, address, PORT), REFUSED);
    for (const program of ["iptables", "ip6tables"]) await run([program, "-t", "nat", "-F"]);
    for (const address of [METADATA4, METADATA6]) assert.deepEqual(await ask(container, address), PROHIBITED[address]);
    await host.must("ip rule del pref 91 to 169.254.169.254\nip -6 rule del pref 91 to fd00:ec2::254");
    for (const address of [METADATA4, METADATA6])
      assert.deepEqual(await ask(container, address), REFUSED, "the routing rules lost too: the table filter refuses");
    await interception.up();
    assert.deepEqual(await ask(container, METADATA4), { said: `DAEMON ${CONTAINER_V4}` });
  });

  test(`${variant}: two hundred reloads under requests never let one through to the real service`, async (t) => {
    if (!hasMeans(t, missing)) return;
    const { host, container, interception } = await iptablesLab(t, variant);
    await interception.up();
    await serve(host);
    const reload = async () => {
      for (let i = 0; i < 200; i += 1) await interception.up();
    };
    const answers = await answersDuring(reload, container, [METADATA4, METADATA6]);
    const expected = [CONTAINER_V4, CONTAINER_V6].map((address) => JSON.stringify({ said: `DAEMON ${address}` }));
    assert.deepEqual([...answers.keys()].sort(), expected);
    assert.ok(
      [...answers.values()].every((count) => count > 20),
      `${[...answers.values()]} requests`,
    );
  });

  test(`${variant}: a source address of another network, and a link-local one, reach nobody`, async (t) => {
    if (!hasMeans(t, missing)) return;
    const { host, container, interception } = await iptablesLab(t, variant);
    await interception.up();
    await serve(host);
    await container.must("ip address add 198.18.0.2/32 dev lo");
    const foreign = await container.tell({ do: "ask", host: METADATA4, port: 80, from: "198.18.0.2" });
    const linkLocal = /inet6 (fe80::[0-9a-f:]+)/.exec(await container.must("ip -6 address show dev eth0"))?.[1];
    const from = `${linkLocal ?? assert.fail()}%eth0`;
    const local = await container.tell({ do: "ask", host: METADATA6, port: 80, from });
    assert.deepEqual([foreign, local], [{ failed: "TIMEOUT" }, { failed: "TIMEOUT" }]);
    const { counters } = await interception.check();
    for (const rule of [/^dropped: IPv4 packets whose source/, /^refused: a link-local/])
      assert.ok((counters.find((counter) => rule.test(counter.rule))?.packets ?? 0) > 0, `${rule}`);
  });

  test(`${variant}: nothing of ours leaves from the daemon's port outside a tracked connection`, async (t) => {
    if (!hasMeans(t, missing)) return;
    const { host, interception } = await iptablesLab(t, variant);
    await interception.up();
    for (const address of ["198.18.0.2", "fd00:198::2"])
      assert.deepEqual(await host.tell({ do: "ask", host: address, port: 80, fromPort: PORT }), { failed: "TIMEOUT" });
    const { counters } = await interception.check();
    const dropped = counters
      .filter(({ rule }) => / retransmissions of an answer/.test(rule))
      .map(({ packets }) => packets > 0);
    assert.deepEqual(dropped, [true, true]);
  });

  for (const { does, finds } of [
    { does: "iptables -t nat -F", finds: /^iptables nat PREROUTING to TASKROLE-PREROUTING: absent$/ },
    { does: "iptables -F", finds: /^iptables filter INPUT to TASKROLE-INPUT: absent$/ },
    { does: "ip6tables -t raw -F", finds: /^ip6tables raw PREROUTING to TASKROLE-PREROUTING: absent$/ },
    {
      does: "iptables -I FORWARD -j ACCEPT",
      finds: /^iptables filter FORWARD to .*: changed: a rule of someone else comes before it: -j ACCEPT$/,
    },
    {
      does: "iptables -t nat -I TASKROLE-PREROUTING -j RETURN",
      finds: /chain TASKROLE-PREROUTING: changed: a rule was added: \(no comment\)$/,
    },
    { does: "iptables -t nat -A PREROUTING -j TASKROLE-PREROUTING", finds: /: changed: it is there 2 times$/ },
  ]) {
    test(`${variant}: is named and mended: ${does}`, async (t) => {
      if (!hasMeans(t, missing)) return;
      const { run, interception } = await iptablesLab(t, variant);
      await interception.up();
      const outcome = await run(words(does));
      assert.deepEqual(outcome, { kind: "exited", code: 0, stdout: "", stderr: "" });
      assert.match(wrong(await interception.check())[0] ?? "", finds);
      await interception.up();
      assert.deepEqual(wrong(await interception.check()), []);
    });
  }

  test(`${variant}: down takes away all of ours and nothing else, of either kind, whichever of the two is asked`, async (t) => {
    if (!hasMeans(t, missing)) return;
    const { host, run, options, interception } = await iptablesLab(t, variant);
    const saved = async () => {
      const texts = await Promise.all(["iptables-save", "ip6tables-save"].map((program) => run([program])));
      return texts.map((text) =>
        text.kind === "exited" ? text.stdout.replace(/^#.*\n/gm, "").replace(/\[\d+:\d+\]/g, "") : "",
      );
    };
    for (const table of ["nat", "filter", "raw"])
      for (const program of ["iptables", "ip6tables"])
        await run([program, "-t", table, "-A", "OUTPUT", "-m", "comment", "--comment", "not ours"]);
    await run(words("iptables -t nat -A PREROUTING -p tcp --dport 99 -j REDIRECT --to-ports 98"));
    const before = await saved();
    const nft = new Interception({ ...options, kind: "nftables" });
    await interception.up();
    assert.notDeepEqual(await saved(), before);
    await nft.up();
    assert.deepEqual(await saved(), before, "nothing of iptables' is left once nftables' rules stand");
    assert.match(await host.must("nft list tables"), /table inet taskrole/);
    await interception.up();
    assert.doesNotMatch(await host.must("nft list tables"), /taskrole/, "and the other way round");
    const removed = await nft.down();
    assert.ok(removed.includes("the chains TASKROLE-* of table nat (iptables)"), removed.join());
    assert.deepEqual(await saved(), before);
    assert.deepEqual(await nft.down(), []);
  });
}
