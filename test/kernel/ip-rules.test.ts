import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { METADATA_ADDRESSES } from "../../src/kernel/intercepted-address.ts";
import {
  additionArgv,
  deletionArgv,
  ipRules,
  ipRulesToRemove,
  type ListedIpRule,
  parseIpRules,
  planIpRules,
} from "../../src/kernel/ip-rules.ts";

const OURS = ipRules("ipv4", METADATA_ADDRESSES);
const OURS_V6 = ipRules("ipv6", METADATA_ADDRESSES);

/** As `ip -j rule show` of iproute2 6.1 lists them. */
const LOCAL: ListedIpRule = { priority: 0, src: "all", table: "local" };
const HOST: ListedIpRule = { priority: 90, src: "all", dst: "169.254.169.254", iif: "lo", table: "main" };
const PROHIBIT: ListedIpRule = { priority: 91, src: "all", dst: "169.254.169.254", action: "prohibit" };
const MAIN: ListedIpRule = { priority: 32766, src: "all", table: "main" };

const preferences = (rules: readonly { preference: number }[]): readonly number[] =>
  rules.map(({ preference }) => preference);

test("the commands are these", () => {
  assert.deepEqual(
    [...OURS, ...OURS_V6].map((rule) => additionArgv(rule).join(" ")),
    [
      "ip rule add pref 90 iif lo to 169.254.169.254 lookup main protocol kernel",
      "ip rule add pref 91 to 169.254.169.254 prohibit protocol kernel",
      "ip -6 rule add pref 90 iif lo to fd00:ec2::254 lookup main protocol kernel",
      "ip -6 rule add pref 91 to fd00:ec2::254 prohibit protocol kernel",
    ],
  );
  assert.deepEqual(
    OURS_V6.map((rule) => deletionArgv(rule).join(" ")),
    ["ip -6 rule del pref 90 iif lo to fd00:ec2::254 lookup main", "ip -6 rule del pref 91 to fd00:ec2::254 prohibit"],
  );
});

test("on a host without our rules both are missing, the exemption of the host first", () => {
  const plan = planIpRules(OURS, [LOCAL, MAIN]);
  assert.deepEqual(plan, { missing: OURS, duplicated: [], inTheWay: [] });
});

test("what is there already is neither missing nor duplicated", () => {
  const listed = [LOCAL, HOST, PROHIBIT, MAIN];
  assert.deepEqual(planIpRules(OURS, listed), { missing: [], duplicated: [], inTheWay: [] });
});

test("each copy too many is named", () => {
  const { duplicated } = planIpRules(OURS, [HOST, HOST, HOST, PROHIBIT, PROHIBIT]);
  assert.deepEqual(preferences(duplicated), [90, 90, 91]);
});

test("who made a rule, and an interface that is gone, do not make it another rule", () => {
  const { missing } = planIpRules(OURS, [
    { ...HOST, protocol: "77", iif_detached: null },
    { ...PROHIBIT, protocol: "boot" },
  ]);
  assert.deepEqual(missing, []);
});

const NOT_OURS: readonly { entry: ListedIpRule; because: string }[] = [
  { entry: { ...PROHIBIT, fwmark: "0x1" }, because: "it holds for marked packets only" },
  { entry: { ...PROHIBIT, not: null }, because: "it holds for everything else" },
  { entry: { ...PROHIBIT, src: "10.0.0.0", srclen: 8 }, because: "it holds for some sources only" },
  { entry: { ...PROHIBIT, dstlen: 16 }, because: "its destination is a network" },
  { entry: { ...PROHIBIT, ipproto: "tcp", dport: 80 }, because: "it holds for one port only" },
  { entry: { ...PROHIBIT, priority: 92 }, because: "it has another preference" },
  { entry: { ...PROHIBIT, action: "blackhole" }, because: "it says nothing to who asks" },
  { entry: { priority: 91, src: "all", action: "prohibit" }, because: "it is about every address" },
  { entry: { ...PROHIBIT, dst: "169.254.169.253" }, because: "it is about another address" },
];

for (const { entry, because } of NOT_OURS) {
  test(`a rule is not ours when ${because}`, () => {
    assert.deepEqual(preferences(planIpRules(OURS, [HOST, entry]).missing), [91]);
    assert.deepEqual(preferences(ipRulesToRemove(OURS, [HOST, entry])), [90]);
  });
}

test("all copies are removed, the prohibition before the exemption of the host", () => {
  assert.deepEqual(preferences(ipRulesToRemove(OURS, [LOCAL, HOST, HOST, PROHIBIT, MAIN])), [91, 90, 90]);
});

const EARLIER: readonly { entry: ListedIpRule; inTheWay: boolean; because: string }[] = [
  { entry: { priority: 80, src: "all", table: "100" }, inTheWay: true, because: "it routes everything" },
  {
    entry: { priority: 80, src: "172.17.0.0", srclen: 16, table: "100" },
    inTheWay: true,
    because: "it routes some containers",
  },
  {
    entry: { priority: 80, src: "all", dst: "169.254.0.0", dstlen: 16, table: "100" },
    inTheWay: true,
    because: "its network holds the address",
  },
  {
    entry: { priority: 80, src: "all", dst: "10.0.0.0", dstlen: 8, table: "100" },
    inTheWay: false,
    because: "its network does not",
  },
  {
    entry: { priority: 80, not: null, src: "all", dst: "10.0.0.0", dstlen: 8, table: "100" },
    inTheWay: true,
    because: "it holds outside its network",
  },
  {
    entry: { priority: 80, src: "all", dst: "169.254.169.253", table: "100" },
    inTheWay: false,
    because: "it is about one other address",
  },
  {
    entry: { priority: 80, src: "all", iif: "lo", table: "100" },
    inTheWay: false,
    because: "it is about the host itself",
  },
  {
    entry: { priority: 80, not: null, src: "all", iif: "lo", table: "100" },
    inTheWay: true,
    because: "it is about all but the host itself",
  },
  {
    entry: { priority: 80, src: "all", oif: "eth0", table: "100" },
    inTheWay: false,
    because: "it is about bound sockets",
  },
  { entry: { priority: 80, src: "all", action: "blackhole" }, inTheWay: false, because: "it lets nothing through" },
  { entry: { priority: 80, src: "all", table: "local" }, inTheWay: false, because: "it only looks up local addresses" },
  { entry: { priority: 80, src: "all", goto: 32766 }, inTheWay: true, because: "it jumps over ours" },
  { entry: { priority: 80, src: "all", goto: 85 }, inTheWay: false, because: "it jumps to a place before ours" },
  { entry: { priority: 80, src: "all", l3mdev: null }, inTheWay: true, because: "it routes VRFs" },
  {
    entry: { priority: 91, src: "all", table: "100" },
    inTheWay: true,
    because: "it has our preference and was there first",
  },
];

for (const { entry, inTheWay, because } of EARLIER) {
  test(`an earlier rule ${inTheWay ? "is" : "is not"} in the way: ${because}`, () => {
    const expected = inTheWay ? [`ip rule ${JSON.stringify(entry)}`] : [];
    assert.deepEqual(planIpRules(OURS, [LOCAL, HOST, entry, PROHIBIT, MAIN]).inTheWay, expected);
    assert.deepEqual(planIpRules(OURS, [LOCAL, entry, MAIN]).inTheWay, expected, "before ours is added");
  });
}

test("a rule after ours is never in the way", () => {
  const later: ListedIpRule = { priority: 91, src: "all", table: "100" };
  assert.deepEqual(planIpRules(OURS, [HOST, PROHIBIT, later]).inTheWay, []);
});

test("an IPv6 network is compared as one", () => {
  const covering = { priority: 5, src: "all", dst: "fd00:ec2::", dstlen: 32, table: "100" };
  const other = { ...covering, dst: "fd00:ec3::" };
  assert.equal(planIpRules(OURS_V6, [covering, other]).inTheWay.length, 1);
});

test("a listing is parsed, and nothing else is", () => {
  assert.deepEqual(parseIpRules(JSON.stringify([LOCAL, MAIN])), [LOCAL, MAIN]);
  assert.deepEqual(parseIpRules("[]"), []);
  for (const text of ["", "{}", "null", "[1]", "[null]", '[{"src":"all"}]', "0:\tfrom all lookup local"]) {
    assert.equal(parseIpRules(text), undefined, text);
  }
});

test("whatever is listed: carrying out the plan leaves exactly one of each", () => {
  const entry = fc.constantFrom(LOCAL, HOST, PROHIBIT, MAIN, ...NOT_OURS.map((row) => row.entry));
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 12 }), (listed) => {
      const plan = planIpRules(OURS, listed);
      const count = (preference: number) =>
        ipRulesToRemove(OURS, listed).filter((rule) => rule.preference === preference).length +
        plan.missing.filter((rule) => rule.preference === preference).length -
        plan.duplicated.filter((rule) => rule.preference === preference).length;
      assert.deepEqual([count(90), count(91)], [1, 1]);
    }),
  );
});
