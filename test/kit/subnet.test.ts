import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isWithin, parseSubnet } from "../../src/kit/subnet.ts";

const contains = (subnet: string, address: string): boolean => {
  const parsed = parseSubnet(subnet);
  assert.ok(parsed, subnet);
  return isWithin(address, parsed);
};

for (const [subnet, address, expected] of [
  ["172.17.0.0/16", "172.17.255.255", true],
  ["172.17.0.0/16", "172.18.0.0", false],
  ["172.17.0.1/16", "172.17.9.9", true],
  ["10.0.0.4/30", "10.0.0.7", true],
  ["10.0.0.4/30", "10.0.0.8", false],
  ["10.0.0.7/32", "10.0.0.7", true],
  ["0.0.0.0/0", "255.255.255.255", true],
  ["0.0.0.0/0", "::1", false],
  ["fd00:6::/64", "fd00:6::ffff", true],
  ["fd00:6::/64", "fd00:6:0:1::1", false],
  ["::/0", "fe80::1", true],
  ["::/0", "1.2.3.4", false],
  ["fd00::/8", "not an address", false],
] as const) {
  test(`${subnet} ${expected ? "contains" : "does not contain"} ${address}`, () =>
    assert.equal(contains(subnet, address), expected));
}

test("what is no subnet is none", () => {
  for (const text of ["", "172.17.0.0", "172.17.0.0/33", "fd00::/129", "a/8", "1.2.3.4/-1", "1.2.3.4/ 8"]) {
    assert.equal(parseSubnet(text), undefined, text);
  }
});

test("a subnet contains exactly the addresses that share its first bits", () => {
  const hex = (value: bigint): string =>
    value
      .toString(16)
      .padStart(32, "0")
      .replace(/(.{4})(?!$)/g, "$1:");
  const address = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });
  fc.assert(
    fc.property(address, address, fc.nat(128), (one, other, bits) => {
      const shift = BigInt(128 - bits);
      assert.equal(contains(`${hex(one)}/${bits}`, hex(one)), true);
      assert.equal(contains(`${hex(one)}/${bits}`, hex(other)), one >> shift === other >> shift);
    }),
  );
});
