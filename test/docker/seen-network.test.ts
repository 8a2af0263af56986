import assert from "node:assert/strict";
import { test } from "node:test";
import { SeenNetwork } from "../../src/docker/seen-network.ts";

const [ONE, OTHER, THIRD] = ["1", "2", "3"].map((digit) => digit.repeat(64)) as [string, string, string];
const member = (containerId: string, ...addresses: readonly string[]) => ({ containerId, addresses, macAddress: "" });
const network = new SeenNetwork({
  ...{ id: "n", name: "net", driver: "bridge", subnets: ["10.0.0.0/24", "fd00::/64"] },
  members: [
    member(ONE, "10.0.0.2", "fd00::2"),
    member(OTHER, "10.0.0.3"),
    member(THIRD, "10.0.0.3"),
    member(`ep-${ONE}`, "10.0.0.2", "10.0.0.4"),
    member("ingress-sbox", "10.0.0.5"),
  ],
});
const holders = (address: string): readonly string[] =>
  network.holdersOf(address).map(({ containerId }) => containerId);

test("each of a container's addresses is its own, and those that it does not have are nobody's", () => {
  assert.deepEqual([holders("10.0.0.2"), holders("fd00::2"), holders("10.0.0.9")], [[ONE], [ONE], []]);
  assert.deepEqual([network.soleHolderOf("fd00::2"), network.soleHolderOf("10.0.0.9")], [ONE, undefined]);
});

test("what is no container has no address, and contests none", () => {
  assert.deepEqual([holders("10.0.0.4"), holders("10.0.0.5")], [[], []]);
  assert.equal(network.soleHolderOf("10.0.0.2"), ONE);
});

test("an address that two claim is neither's, until one of them is left out", () => {
  assert.deepEqual(holders("10.0.0.3"), [OTHER, THIRD]);
  assert.equal(network.soleHolderOf("10.0.0.3"), undefined);
  assert.deepEqual([...network.sharers], [OTHER, THIRD]);
  const rest = network.without(new Set([THIRD]));
  assert.equal(rest.soleHolderOf("10.0.0.3"), OTHER);
  assert.equal(rest.sharers.size, 0);
});
