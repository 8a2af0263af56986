import assert from "node:assert/strict";
import { SocketAddress } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { isLoopback, normalisePeerAddress } from "../../src/http/peer-address.ts";
import { canonicalAddress } from "../../src/kit/ip-address.ts";

// biome-ignore format: one row a line
const SPELLINGS: readonly [text: string, canonical: string | undefined, because: string][] = [
  ["172.17.0.2",                              "172.17.0.2",          "as it is"],
  ["::ffff:172.17.0.2",                       "172.17.0.2",          "as a socket on every address shows it"],
  ["::FFFF:172.17.0.2",                       "172.17.0.2",          "in capitals"],
  ["::ffff:ac11:2",                           "172.17.0.2",          "the same in hexadecimal"],
  ["0:0:0:0:0:ffff:ac11:0002",                "172.17.0.2",          "and in full"],
  ["::ffff:0.0.0.0",                          "0.0.0.0",             "all zeros"],
  ["::1",                                     "::1",                 "loopback"],
  ["0:0:0:0:0:0:0:1",                         "::1",                 "in full"],
  ["::",                                      "::",                  "none"],
  ["FD00:EC2::254",                           "fd00:ec2::254",       "in capitals"],
  ["fd00:0ec2:0000:0000:0000:0000:0000:0254", "fd00:ec2::254",       "with leading zeros, as Docker may write it"],
  ["fe80::1%eth0",                            "fe80::1",             "with a zone"],
  ["fe80::1%25",                              "fe80::1",             "with a numeric zone"],
  ["2001:db8:0:0:1:0:0:1",                    "2001:db8::1:0:0:1",   "the first of two equal runs is shortened"],
  ["2001:0:0:1:0:0:0:1",                      "2001:0:0:1::1",       "the longest run is shortened"],
  ["2001:db8:0:1:1:1:1:1",                    "2001:db8:0:1:1:1:1:1", "a single zero is not"],
  ["64:ff9b::172.17.0.2",                     "64:ff9b::ac11:2",     "IPv4 embedded otherwise stays IPv6"],
  ["::172.17.0.2",                            "::ac11:2",            "IPv4-compatible is not IPv4-mapped"],
  ["::ffff:0:172.17.0.2",                     "::ffff:0:ac11:2",     "nor is IPv4-translated"],
  ["",                                        undefined,             "nothing"],
  ["172.17.0.02",                             undefined,             "a leading zero, octal to some"],
  ["172.17.2",                                undefined,             "three parts"],
  ["172.17.0.2/16",                           undefined,             "a prefix length"],
  ["2886795266",                              undefined,             "a number"],
  ["[::1]",                                   undefined,             "brackets"],
  ["::1::",                                   undefined,             "two gaps"],
  ["::1]/@evil",                              undefined,             "more than an address"],
  [" ::1",                                    undefined,             "a space"],
  ["localhost",                               undefined,             "a name"],
];

for (const [text, canonical, because] of SPELLINGS) {
  test(`${JSON.stringify(text)} is ${canonical}: ${because}`, () => assert.equal(canonicalAddress(text), canonical));
}

test("what came to a loopback address never left this host", () => {
  assert.deepEqual(
    ["127.0.0.1", "127.255.0.9", "::1", "128.0.0.1", "172.17.0.1", "::2", "fd00:127::1", undefined].filter(isLoopback),
    ["127.0.0.1", "127.255.0.9", "::1"],
  );
});

test("a peer that has gone has no address", () => {
  assert.equal(normalisePeerAddress(undefined), undefined);
  assert.equal(normalisePeerAddress("::ffff:10.0.0.1"), "10.0.0.1");
});

test("the spelling of an address is the system's own, and a canonical one is left alone", () => {
  const mapped = /^::ffff:\d+\./;
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const canonical = canonicalAddress(text);
      assert.ok(canonical !== undefined);
      assert.equal(canonicalAddress(canonical), canonical);
      const system = new SocketAddress({ address: text, family: "ipv6" }).address;
      if (mapped.test(system)) assert.equal(canonical, system.slice(7));
      else if (!system.includes(".")) assert.equal(canonical, system);
    }),
    { numRuns: 2_000 },
  );
});
