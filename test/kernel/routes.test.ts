import assert from "node:assert/strict";
import { test } from "node:test";
import { linkTowards } from "../../src/kernel/routes.ts";
import { CONTAINER_V4, CONTAINER_V6, hasMeans, openLab, whyNoLab } from "./network-lab.ts";

const missingMeans = await whyNoLab();

/** Of a host with Docker, a VPN that routes more than it should, and a network that is refused. */
const IPV4 = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
tun0\t000010AC\t00000000\t0001\t0\t0\t50\t0000F0FF\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t60\t0000FFFF\t0\t0\t0
br-old\t000012AC\t00000000\t0001\t0\t0\t20\t0000FFFF\t0\t0\t0
br-new\t000012AC\t00000000\t0001\t0\t0\t10\t0000FFFF\t0\t0\t0
*\t000013AC\t00000000\t0201\t0\t0\t0\t0000FFFF\t0\t0\t0
`;
const IPV6 = `fd000017000000000000000000000000 40 ${"0".repeat(32)} 00 ${"0".repeat(32)} 00000100 00000001 00000000 00000001  docker0
fd000000000000000000000000000000 08 ${"0".repeat(32)} 00 ${"0".repeat(32)} 00000400 00000001 00000000 00000001     tun0
00000000000000000000000000000000 00 ${"0".repeat(32)} 00 ${"0".repeat(32)} ffffffff 00000001 00000000 00200200       lo
`;
const towards = (address: string) => linkTowards(address, (file) => (file === "route" ? IPV4 : IPV6));

for (const { address, link, because } of [
  { address: "172.17.0.2", link: "docker0", because: "the most specific route counts" },
  { address: "172.20.0.2", link: "tun0", because: "it is in the VPN's range" },
  { address: "172.18.255.2", link: "br-new", because: "its metric is less" },
  { address: "172.19.0.2", link: "tun0", because: "a route that refuses leads nowhere" },
  { address: "9.9.9.9", link: "eth0", because: "there is a default route" },
  { address: "fd00:17::2", link: "docker0", because: "the most specific route counts" },
  { address: "fd00:18::2", link: "tun0", because: "it is in the VPN's range" },
  { address: "2001:db8::1", link: undefined, because: "the only route refuses" },
]) {
  test(`${address} is routed by ${link}: ${because}`, () => assert.equal(towards(address), link));
}

test("what the kernel shows is read as ip reads it", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host } = await openLab(t);
  await host.must(`
    ip route add 10.0.0.0/8 via 198.18.0.2 metric 7
    ip route add 10.128.0.0/9 dev anyname0`);
  for (const address of [CONTAINER_V4, CONTAINER_V6, "198.18.0.2", "10.1.1.1", "10.129.1.1", "fd00:198::2"]) {
    const [route] = JSON.parse(await host.must(`ip -j route get ${address}`)) as { dev: string }[];
    assert.equal(linkTowards(address, host.readRoutes), route?.dev, address);
  }
  assert.equal(linkTowards("9.9.9.9", host.readRoutes), undefined);
});
