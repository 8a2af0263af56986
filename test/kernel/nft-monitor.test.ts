import assert from "node:assert/strict";
import { test } from "node:test";
import { METADATA_ADDRESSES } from "../../src/kernel/intercepted-address.ts";
import { interceptionTable } from "../../src/kernel/interception-table.ts";
import { followLines, ipRuleMonitor, nftMonitor, tellsOf } from "../../src/kernel/nft-monitor.ts";

const tells = tellsOf(interceptionTable({ port: 9254, addresses: METADATA_ADDRESSES }));

/** Lines of `nft monitor` 1.0.6. */
const LINES = [
  { line: "delete table inet taskrole", news: true },
  { line: "delete chain inet taskrole prerouting", news: true },
  { line: "delete rule inet taskrole prerouting handle 6", news: true },
  { line: "insert rule inet taskrole input accept", news: true },
  { line: "add chain inet taskrole input { type filter hook input priority filter; policy accept; }", news: true },
  { line: "delete table ip taskrole", news: false },
  { line: "delete table inet taskrole2", news: false },
  { line: "add rule inet filter input jump taskrole", news: false },
  { line: 'add rule ip nat PREROUTING accept comment "table inet taskrole"', news: false },
  { line: "# new generation 6 by process 16791 (nft)", news: false },
  { line: "", news: false },
];

for (const { line, news } of LINES) {
  test(`${news ? "is" : "is not"} about our table: ${line}`, () => assert.equal(tells(line), news));
}

/** Lines of `ip monitor rule`, iproute2 5.10 to 6.15. */
const RULE_LINES = [
  { line: "Deleted 91:\tfrom all to 169.254.169.254 prohibit", news: true },
  { line: "90:\tfrom all to fd00:ec2::254 iif lo lookup main", news: true },
  { line: "10:\tfrom 10.0.0.0/8 lookup 100", news: true },
  { line: "0:\tfrom all lookup local", news: true },
  { line: "Deleted 32766:\tfrom all lookup main", news: false },
  { line: "5210:\tfrom all fwmark 0x80000/0xff0000 lookup main", news: false },
  { line: "netlink receive error No buffer space available (105)", news: true },
  { line: "", news: false },
];

for (const { line, news } of RULE_LINES) {
  test(`${news ? "may concern" : "does not concern"} our routing rules: ${line}`, () =>
    assert.equal(ipRuleMonitor.tells(line), news));
}

test("that events were lost is news", () => {
  const { tells } = nftMonitor([], () => false);
  assert.equal(tells("# ERROR: We lost some netlink events!"), true);
  assert.equal(tells("# new generation 6 by process 16791 (nft)"), false);
});

test("a program is followed line by line, and its end is told", async () => {
  const lines: string[] = [];
  const command = ["sh", "-c", "printf 'one\ntwo\n'; echo trouble >&2; printf three"];
  await followLines(command, (line) => lines.push(line), new AbortController().signal);
  assert.deepEqual(lines.toSorted(), ["one", "three", "trouble", "two"]);
});

test("a program that cannot be started has ended", async () => {
  await followLines(["no-such-program-anywhere"], assert.fail, new AbortController().signal);
});

test("an abort ends the program", async () => {
  const abort = new AbortController();
  const following = followLines(
    ["sh", "-c", "echo $$; exec sleep 60"],
    (line) => {
      abort.abort();
      process.kill(Number(line), 0);
    },
    abort.signal,
  );
  await following;
  await followLines(["no-such-program-anywhere"], assert.fail, abort.signal);
});
