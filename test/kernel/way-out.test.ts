import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { METADATA_ADDRESSES } from "../../src/kernel/intercepted-address.ts";
import { hasWayOut } from "../../src/kernel/way-out.ts";
import { CONTAINER_V4, hasMeans, openLab, whyNoLab } from "./network-lab.ts";

const missingMeans = await whyNoLab();

const HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
const DEFAULT4 = "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0";
const SUBNET4 = "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0";
const LINK_LOCAL4 = "eth0\t0000FEA9\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0";
const UNREACHABLE4 = "*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0";
const ZEROS = "0".repeat(32);
const route6 = (destination: string, length: string, flags: string): string =>
  `${destination} ${length} ${ZEROS} 00 ${ZEROS} 00000400 00000001 00000000 ${flags}     eth0`;
const DEFAULT6 = route6(ZEROS, "00", "00000003");
const NULL6 = route6(ZEROS, "00", "00200200");
const LINK6 = route6(`fe80${"0".repeat(28)}`, "40", "00000001");
const NEAR6 = route6(`fd000ec2${"0".repeat(24)}`, "40", "00000001");

function proc(t: TestContext, routes4: readonly string[], routes6?: readonly string[]): string {
  const root = mkdtempSync(join(tmpdir(), "way-out-"));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "7/net"), { recursive: true });
  writeFileSync(join(root, "7/net/route"), `${[HEAD, ...routes4].map((line) => line.padEnd(127)).join("\n")}\n`);
  if (routes6) writeFileSync(join(root, "7/net/ipv6_route"), `${routes6.join("\n")}\n`);
  return root;
}

for (const [what, routes4, routes6, way] of [
  ["a default route", [DEFAULT4, SUBNET4], [NULL6, LINK6], true],
  ["its own subnet alone", [SUBNET4], [NULL6, LINK6], false],
  ["its own subnet alone, in a kernel without IPv6", [SUBNET4], undefined, false],
  ["nothing at all", [], [], false],
  ["a default route that is unreachable", [UNREACHABLE4], [NULL6], false],
  ["a route to 169.254.0.0/16", [LINK_LOCAL4], [NULL6], true],
  ["a default route of IPv6 alone", [], [DEFAULT6, NULL6], true],
  ["a route of IPv6 to just there", [], [NEAR6, NULL6], true],
] as const) {
  test(`a process with ${what} has ${way ? "a" : "no"} way to the metadata service`, (t) => {
    assert.equal(hasWayOut(7, METADATA_ADDRESSES, proc(t, routes4, routes6)), way);
  });
}

test("of a process that is not there nothing can be told", (t) => {
  assert.equal(hasWayOut(8, METADATA_ADDRESSES, proc(t, [])), undefined);
});

test("a real namespace's routes are read as the kernel writes them", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { container } = await openLab(t);
  assert.equal(hasWayOut(container.pid, METADATA_ADDRESSES), true);
  assert.match(await container.must("ip address"), new RegExp(CONTAINER_V4));
  await container.must("ip route del default\nip -6 route del default");
  assert.equal(hasWayOut(container.pid, METADATA_ADDRESSES), false);
  await container.must("ip route add unreachable default");
  assert.equal(hasWayOut(container.pid, METADATA_ADDRESSES), false);
});
