import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ALL_ADDRESSES, METADATA_ADDRESSES } from "../../src/kernel/intercepted-address.ts";
import { iptablesTables, replacementText, restoringArgv } from "../../src/kernel/iptables-rules.ts";
import { runCommand } from "../../src/kit/run-command.ts";
import { hasMeans, whyNoLab } from "./network-lab.ts";

const golden = (name: string): string => readFileSync(`test/golden/kernel/${name}`, "utf8");
const BOUND = {
  family: "ipv4",
  address: "172.17.0.2",
  macAddress: "02:42:ac:11:00:02",
  veth: "veth1",
  note: "web (0123) since 2026-01-02T03:04:05Z",
} as const;
const IPV4 = iptablesTables({ family: "ipv4", port: 9254, addresses: ALL_ADDRESSES, bound: [BOUND] });
const IPV6 = iptablesTables({ family: "ipv6", port: 9254, addresses: ALL_ADDRESSES, bound: undefined });
const text = (tables: typeof IPV4): string => tables.map((table) => replacementText(table, [])).join("");

test("the rules of iptables are these, with what is bound", () => {
  assert.equal(text(IPV4), golden("rules.iptables"));
});

test("the rules of ip6tables are these, without bindings", () => {
  assert.equal(text(IPV6), golden("rules.ip6tables"));
});

test("addresses that are not intercepted are in no rule", () => {
  const less = text(iptablesTables({ family: "ipv4", port: 1234, addresses: METADATA_ADDRESSES, bound: undefined }));
  assert.doesNotMatch(less, /169\.254\.170|9254|fd00/);
});

test("what has to go is taken away after our chains are filled and before they are jumped to", () => {
  const [raw] = IPV4;
  assert.ok(raw);
  const lines = replacementText(raw, ["-D PREROUTING -j TASKROLE-OLD"]).split("\n");
  const place = (start: string) => lines.findIndex((line) => line.startsWith(start));
  assert.ok(place("-A TASKROLE-BOUND") < place("-D PREROUTING") && place("-D PREROUTING") < place("-I PREROUTING"));
});

test("every rule of a chain has a comment of its own, by which it is known, and that iptables takes", () => {
  for (const { chains } of [...IPV4, ...IPV6])
    for (const { rules } of chains) {
      const comments = rules.map(({ comment }) => comment);
      assert.equal(new Set(comments).size, comments.length);
      for (const comment of comments) assert.match(comment, /^[ !#-~]{1,255}$/);
    }
});

test("no name of a chain is longer than iptables takes", () => {
  for (const { chains } of [...IPV4, ...IPV6]) for (const { name } of chains) assert.ok(name.length <= 28, name);
});

for (const [family, name] of [
  ["ipv4", "rules.iptables"],
  ["ipv6", "rules.ip6tables"],
] as const) {
  test(`the installed iptables takes ${name} on standard input, which is a socket here`, async (t) => {
    const whyNot =
      (await whyNoLab()) ?? ((await runCommand(["iptables", "-V"])).kind === "exited" ? undefined : "needs iptables");
    if (!hasMeans(t, whyNot)) return;
    const outcome = await runCommand(["unshare", "-n", ...restoringArgv(family)], { stdin: golden(name) });
    assert.deepEqual(outcome, { kind: "exited", code: 0, stdout: "", stderr: "" });
  });
}
