import assert from "node:assert/strict";
import { test } from "node:test";
import { findConnectionOwner } from "../../src/kernel/connection-owner.ts";
import { METADATA_ADDRESSES } from "../../src/kernel/intercepted-address.ts";
import type { CommandOutcome } from "../../src/kit/run-command.ts";

const A = "a1".repeat(32);
const B = "b2".repeat(32);
const PEER = { address: "198.18.0.1", port: 5000, isOnThisHost: true };

const line = (local: string, remote: string, id: string): string =>
  `ESTAB 0 0 ${local} ${remote} ino:1 sk:1 cgroup:/docker/${id} <->`;
const OURS = line("198.18.0.1:5000", "169.254.169.254:80", A);

function ownerAmong(outcome: CommandOutcome) {
  const cgroups = { parents: ["docker"], servicesSlice: "system.slice", pathOf: () => undefined };
  return findConnectionOwner({ run: () => Promise.resolve(outcome), addresses: METADATA_ADDRESSES, cgroups }, PEER);
}
const printed = (...lines: readonly string[]): CommandOutcome => ({
  kind: "exited",
  code: 0,
  stdout: lines.join("\n"),
  stderr: "",
});

test("only the socket with both ends of the connection counts, whatever else is listed", async () => {
  const others = [
    line("198.18.0.1:5001", "169.254.169.254:80", B),
    line("198.18.0.2:5000", "169.254.169.254:80", B),
    line("198.18.0.1:5000", "169.254.169.254:443", B),
    line("198.18.0.1:5000", "93.184.216.34:80", B),
  ];
  assert.deepEqual(await ownerAmong(printed(...others, OURS)), { kind: "container", containerId: A });
  assert.equal((await ownerAmong(printed(...others))).kind, "nobody-known");
});

test("two sockets of one container are its own", async () => {
  const second = line("198.18.0.1:5000", "[fd00:ec2::254]:80", A);
  assert.deepEqual(await ownerAmong(printed(OURS, second)), { kind: "container", containerId: A });
});

test("an ss that fails or is missing tells nobody", async () => {
  for (const outcome of [{ kind: "missing" }, { ...printed(OURS), code: 1 }] as CommandOutcome[])
    assert.deepEqual(await ownerAmong(outcome), {
      kind: "nobody-known",
      reason: "ss (iproute2) cannot list its socket",
    });
});
