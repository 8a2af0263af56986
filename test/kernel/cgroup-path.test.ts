import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cgroup2In,
  cgroup2MountIn,
  containerIdIn,
  nftCgroup,
  ownContainerCgroupIn,
} from "../../src/kernel/cgroup-path.ts";

const A = "a1".repeat(32);
const B = "b2".repeat(32);

const V2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate";
const TMPFS = "31 24 0:27 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755";
const V1 = "33 31 0:29 / /sys/fs/cgroup/memory rw,relatime shared:11 - cgroup cgroup rw,memory";
const UNIFIED = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:10 - cgroup2 cgroup2 rw";
const BOUND = "77 24 0:38 /docker/x /mnt/part rw,relatime - cgroup2 cgroup2 rw";
const ELSEWHERE = "78 24 0:38 / /mnt/cgroup2 rw,relatime - cgroup2 none rw";

const MOUNTS: readonly (readonly [what: string, lines: readonly string[], mount: string | undefined])[] = [
  ["version 2 alone", [V2], "/sys/fs/cgroup"],
  ["the hybrid layout", [TMPFS, V1, UNIFIED], "/sys/fs/cgroup/unified"],
  ["version 1 alone", [TMPFS, V1], undefined],
  ["a part of it bound elsewhere", [BOUND], undefined],
  ["a part of it bound elsewhere first", [BOUND, V2], "/sys/fs/cgroup"],
  ["another place", [TMPFS, V1, ELSEWHERE], "/mnt/cgroup2"],
  ["another place besides", [ELSEWHERE, UNIFIED], "/sys/fs/cgroup/unified"],
  ["nothing at all", [""], undefined],
];
for (const [what, lines, mount] of MOUNTS)
  test(`cgroup 2 is found in ${what}`, () => assert.equal(cgroup2MountIn(`${lines.join("\n")}\n`), mount));

const OF_PROCESS: readonly (readonly [what: string, file: string, cgroup: string | undefined])[] = [
  ["version 2", "0::/system.slice/ssh.service\n", "/system.slice/ssh.service"],
  ["the hybrid layout", `9:name=systemd:/\n4:memory:/docker/${A}\n0::/docker/${A}\n`, `/docker/${A}`],
  ["the hybrid layout, not joined by the engine", `4:memory:/docker/${A}\n0::/\n`, "/"],
  ["version 1 alone", "9:name=systemd:/\n4:memory:/\n", undefined],
  ["a cgroup that was removed", "0::/gone (deleted)\n", "/gone"],
  ["a process that has ended", "", undefined],
];
for (const [what, file, cgroup] of OF_PROCESS)
  test(`a process's cgroup of version 2 is read in ${what}`, () => assert.equal(cgroup2In(file), cgroup));

const NAMES: readonly (readonly [path: string, mount: string, level: number, nft: string])[] = [
  ["docker", "/sys/fs/cgroup", 1, "docker"],
  ["docker", "/sys/fs/cgroup/unified", 1, "unified/docker"],
  ["machine.slice", "/sys/fs/cgroup", 1, "machine.slice"],
  ["a.slice/a-b.slice", "/sys/fs/cgroup/unified", 2, "unified/a.slice/a-b.slice"],
  ["docker", "/mnt/cgroup2", 1, "../../../mnt/cgroup2/docker"],
];
for (const [path, mount, level, nft] of NAMES)
  test(`nft knows ${path} under ${mount} as level ${level} "${nft}"`, () =>
    assert.deepEqual(nftCgroup(path, mount), { level, path: nft }));

const PARENTS = ["docker", "docker.slice", "libpod_parent", "machine.slice"];
const PLACES = { parents: PARENTS, servicesSlice: "system.slice" };
const OWNERS: readonly (readonly [path: string, id: string | undefined, because: string])[] = [
  [`/docker/${A}`, A, "cgroupfs"],
  [`/docker/${A}/init.scope`, A, "a cgroup of the container's own"],
  [`/docker/${A}/docker/${B}`, A, "nested: the outermost"],
  [`/docker/${A}/${B}`, A, "a container cannot be another by a name it gives"],
  [`/docker.slice/docker-${A}.scope`, A, "systemd"],
  [`/docker.slice/docker-team.slice/docker-${A}.scope`, A, "a slice within"],
  [`/libpod_parent/libpod-${A}`, A, "podman, cgroupfs"],
  [`/machine.slice/libpod-${A}.scope/container`, A, "podman, systemd"],
  [`/machine.slice/machine-libpod_pod_${B}.slice/libpod-${A}.scope`, A, "in a pod, whose id comes first"],
  [`/system.slice/docker-${A}.scope`, A, "systemd, without a slice of its own"],
  [`/system.slice/docker-${A}.scope/docker/${B}`, A, "nested in one"],
  [`/system.slice/docker.service/docker-${A}.scope`, undefined, "a service names those below its own as it likes"],
  [`/system.slice/${A}`, undefined, "a scope is named as one"],
  ["/system.slice/docker.service", undefined, "a service of the host's"],
  ["/machine.slice/machine-qemu.scope", undefined, "a virtual machine"],
  ["/docker", undefined, "the parent itself"],
  [`/docker/buildkit/x${A}`, undefined, "an id is a whole name"],
  [`/docker/${A.slice(1)}`, undefined, "an id is whole"],
  [`/docker2/${A}`, undefined, "another's parent"],
  [
    `/user.slice/user-1000.slice/user@1000.service/docker/${A}`,
    undefined,
    "whoever owns a cgroup names those below it",
  ],
  ["/", undefined, "the root"],
];
for (const [path, id, because] of OWNERS)
  test(`${path.replaceAll(A, "A").replaceAll(B, "B")} is ${id === undefined ? "nobody's" : "A's"}: ${because}`, () =>
    assert.equal(containerIdIn(path, PLACES), id));

const OWN: readonly (readonly [file: string, own: string | undefined, because: string])[] = [
  [`0::/docker/${A}\n`, `docker/${A}`, "a container's"],
  [
    `4:memory:/docker/${B}\n0::/docker.slice/docker-${A}.scope\n`,
    `docker.slice/docker-${A}.scope`,
    "systemd's name for it",
  ],
  [
    `0::/docker/${A}/docker/${B}\n`,
    `docker/${A}/docker/${B}`,
    "nested: the innermost alone, and not the one around it",
  ],
  [`0::/machine.slice/libpod-${A}.scope/container\n`, `machine.slice/libpod-${A}.scope/container`, "podman's, below"],
  ["0::/docker\n", undefined, "the parent of all of them"],
  ["0::/system.slice/taskrole.service\n", undefined, "a service of the host"],
  [`0::/system.slice/docker-${A}.scope\n`, `system.slice/docker-${A}.scope`, "one among the host's services"],
  ["0::/\n", undefined, "the root, or a cgroup namespace of its own"],
  ["9:name=systemd:/\n", undefined, "version 1 alone"],
];
for (const [file, own, because] of OWN)
  test(`a daemon in ${file.trim().replaceAll(A, "A").replaceAll(B, "B")} ${own ? "is" : "is not"} in a container: ${because}`, () =>
    assert.equal(ownContainerCgroupIn(file, PLACES), own));
