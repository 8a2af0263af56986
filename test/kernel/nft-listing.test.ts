import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { METADATA_ADDRESSES } from "../../src/kernel/intercepted-address.ts";
import { interceptionTable } from "../../src/kernel/interception-table.ts";
import { compareTable, countersOf, parseTableListing } from "../../src/kernel/nft-listing.ts";

const TABLE = interceptionTable({ port: 9254, addresses: METADATA_ADDRESSES });

const golden = (version: string): string => readFileSync(`test/golden/kernel/listing-nft-${version}.json`, "utf8");
const entries: readonly object[] = JSON.parse(golden("1.0.6")).nftables;

/** The parts that are not as they should be, in one line each. */
const wrong = (text: string): readonly string[] =>
  compareTable(TABLE, parseTableListing(text) ?? assert.fail("no listing"))
    .filter(({ state }) => state !== "present")
    .map(({ name, state, differences }) => [name, state, ...differences].join(": "));

/** The listing with other entries, or none, in the place of those that contain the text. */
function edited(marker: string, replace: (entry: string) => readonly string[]): string {
  const texts = entries.map((entry) => JSON.stringify(entry));
  assert.ok(
    texts.some((text) => text.includes(marker)),
    `no entry with ${marker}`,
  );
  return `{"nftables":[${texts.flatMap((text) => (text.includes(marker) ? replace(text) : [text])).join(",")}]}`;
}

for (const version of ["0.9.8", "1.0.6", "1.1.3"]) {
  test(`what nft ${version} lists after loading is complete`, () => {
    assert.deepEqual(wrong(golden(version)), []);
  });
}

test("a table that is not there is one absent part", () => {
  assert.deepEqual(compareTable(TABLE, undefined), [{ name: "table inet taskrole", state: "absent", differences: [] }]);
});

const FORWARD_HOOK = '"hook":"forward"';
const DENIED_TCP = "TCP on its way";
const CHANGES = [
  {
    what: "a deleted rule",
    text: edited(DENIED_TCP, () => []),
    finds: ["chain inet taskrole deny: changed: a rule is missing: refused: TCP on its way to the real service"],
  },
  {
    what: "a foreign rule with no comment",
    text: edited(FORWARD_HOOK, (entry) => [entry, '{"rule":{"chain":"forward","expr":[{"accept":null}]}}']),
    finds: ["chain inet taskrole forward: changed: a rule was added: (no comment)"],
  },
  {
    what: "one of our rules twice",
    text: edited(DENIED_TCP, (entry) => [entry, entry]),
    finds: ["chain inet taskrole deny: changed: a rule was added: refused: TCP on its way to the real service"],
  },
  {
    what: "our rules in another order",
    text: edited("containers' IPv", (entry) => [
      entry.replace(/IPv[46]/, (version) => (version === "IPv4" ? "IPv6" : "IPv4")),
    ]),
    finds: ["chain inet taskrole prerouting: changed: its rules are in another order"],
  },
  {
    what: "a rule for another port",
    text: edited("judge", (entry) => [entry.replaceAll("9254", "9999")]),
    finds: [
      "chain inet taskrole input: changed: a rule is missing: judge whoever comes to port 9254" +
        ": a rule was added: judge whoever comes to port 9999",
    ],
  },
  {
    what: "a chain that hooks in later",
    text: edited(FORWARD_HOOK, (entry) => [entry.replace('"prio":-10', '"prio":10')]),
    finds: ["chain inet taskrole forward: changed: its prio is 10 instead of -10"],
  },
  {
    what: "a chain that no packet enters",
    text: edited(FORWARD_HOOK, () => ['{"chain":{"name":"forward"}}']),
    finds: [
      "chain inet taskrole forward: changed: its type is not set instead of filter" +
        ": its hook is not set instead of forward: its prio is not set instead of -10" +
        ": its policy is not set instead of accept",
    ],
  },
  {
    what: "a chain that is gone",
    text: edited('"output"', () => []),
    finds: ["chain inet taskrole output: absent"],
  },
  {
    what: "a table put to sleep",
    text: edited('{"table":{', (entry) => [entry.replace('"name"', '"flags":"dormant","name"')]),
    finds: ["table inet taskrole: changed: it has a flag, perhaps dormant: then none of its rules works"],
  },
  {
    what: "a foreign chain",
    text: edited(FORWARD_HOOK, (entry) => [entry, '{"chain":{"name":"mine","hook":"forward","prio":-20}}']),
    finds: ["table inet taskrole: changed: a chain was added: mine"],
  },
];

for (const { what, text, finds } of CHANGES) {
  test(`is found and named: ${what}`, () => assert.deepEqual(wrong(text), finds));
}

test("counters are given by the comments of our own rules", () => {
  const foreign = '{"rule":{"chain":"deny","comment":"foreign","expr":[{"counter":{"packets":7}}]}}';
  const text = edited("let in: redirected IPv4", (entry) => [foreign, entry.replace('"packets":0', '"packets":42')]);
  const counters = countersOf(TABLE, parseTableListing(text) ?? []);
  assert.deepEqual(
    counters.filter(({ packets }) => packets !== 0),
    [{ rule: "let in: redirected IPv4 requests", packets: 42 }],
  );
  assert.equal(counters.length, 10);
});

for (const text of ["", "{}", "[]", "null", "Error: syntax", '{"nftables":1}', '{"nftables":[null]}']) {
  test(`is no listing: ${JSON.stringify(text)}`, () => assert.equal(parseTableListing(text), undefined));
}
