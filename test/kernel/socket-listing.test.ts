import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSockets, socketsArgv } from "../../src/kernel/socket-listing.ts";

const LINES = `\
ESTAB 0      0      198.18.0.1:50204 169.254.169.254:80 ino:26789305 sk:1166 cgroup:/docker/9f3c <->
ESTAB 0      0      [fd00:198::1]:35926 [fd00:ec2::254]:80 uid:990 ino:2678 sk:298 cgroup:unreachable:1281f <->
FIN-WAIT-2 0 0 [::ffff:198.18.0.1]:41004 [::ffff:169.254.169.254]:80 timer:(timewait,59sec,0) ino:0 sk:2
ESTAB 0 0 [fe80::1%eth0]:5 [fe80::2]%eth0:80 ino:1 sk:3 cgroup:/
ESTAB 0 0 10.0.0.1%eth0:6 10.0.0.2:80 ino:1 sk:3 cgroup:/a <->

Netid State
`;

test("sockets are read with their ends and their cgroups, whatever else is on the line", () => {
  const found = parseSockets(LINES).map(({ local, remote, cgroup }) => [
    `${local.address} ${local.port}`,
    `${remote.address} ${remote.port}`,
    cgroup,
  ]);
  assert.deepEqual(found, [
    ["198.18.0.1 50204", "169.254.169.254 80", { path: "/docker/9f3c" }],
    ["fd00:198::1 35926", "fd00:ec2::254 80", { inode: 0x1281f }],
    ["198.18.0.1 41004", "169.254.169.254 80", undefined],
    ["fe80::1 5", "fe80::2 80", { path: "/" }],
    ["10.0.0.1 6", "10.0.0.2 80", { path: "/a" }],
  ]);
});

test("ss is asked for one end alone, an IPv6 address in brackets", () => {
  assert.equal(socketsArgv({ address: "198.18.0.1", port: 5 }).join(" "), "ss -tneH src 198.18.0.1:5");
  assert.equal(socketsArgv({ address: "fd00::1", port: 5 }).join(" "), "ss -tneH src [fd00::1]:5");
});
