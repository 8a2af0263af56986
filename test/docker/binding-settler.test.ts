import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressGuard } from "../../src/docker/address-guard.ts";
import type { OwnedSighting } from "../../src/docker/address-lookup.ts";
import { BindingIndex } from "../../src/docker/binding-index.ts";
import { BindingSettler } from "../../src/docker/binding-settler.ts";
import type { ContainerDetails } from "../../src/docker/engine.ts";
import { EvictionJournal } from "../../src/docker/eviction-journal.ts";
import { workloadOf } from "../../src/docker/workload-claims.ts";

const ADDRESS = "172.17.0.2";
const ID = "a".repeat(64);
const BRIDGE = { id: "b".repeat(64), name: "bridge", driver: "bridge", subnets: ["172.17.0.0/16"] };

/** What is seen of one life of one container. @param networks that it is on, by name */
function seen(networks: readonly string[]): OwnedSighting {
  const member = { containerId: ID, addresses: [ADDRESS], macAddress: "02:42:ac:11:00:02" };
  const attachments = networks.map((networkName) => ({ ...member, networkName, networkId: networkName }));
  const text = { image: "busybox", imageId: "", userNamespace: "", startedAt: "2026-01-01T00:00:00Z" };
  const container: ContainerDetails = {
    ...{ id: ID, name: "web", running: true, pid: 7, labels: {}, env: [], ...text },
    ...{ attachments, guestOf: undefined },
  };
  return { kind: "owned", claim: { address: ADDRESS, network: BRIDGE, member, isLabelled: false }, container };
}

function setting() {
  const told: (readonly string[] | undefined)[] = [];
  const journal = new EvictionJournal();
  const settler = new BindingSettler({
    index: new BindingIndex(() => assert.fail("nothing ends")),
    journal,
    guard: new AddressGuard({ watchProcess: () => undefined, enforce: undefined }),
    toWorkload: workloadOf,
    onBound: ({ workload }) => told.push(workload.traits?.networks),
  });
  return { journal, settler, told };
}

test("of two looks at a container, the later one says which networks it is on, whichever comes back first", async () => {
  const { journal, settler, told } = setting();
  const binding = await settler.settle(seen(["bridge"]), journal.next());
  const [former, latter] = [journal.next(), journal.next()];

  assert.equal(await settler.settle(seen(["bridge", "later"]), latter), binding);
  assert.equal(await settler.settle(seen(["bridge", "former"]), former), undefined, "it is worth looking again");
  assert.deepEqual(binding?.workload.traits?.networks, ["bridge", "later"]);
  assert.deepEqual(told, [["bridge"], ["bridge", "later"]]);
});

test("an older look that says the same is as good as a later one", async () => {
  const { journal, settler } = setting();
  const binding = await settler.settle(seen(["bridge"]), journal.next());
  const [former, latter] = [journal.next(), journal.next()];
  await settler.settle(seen(["bridge"]), latter);
  assert.equal(await settler.settle(seen(["bridge"]), former), binding);
});
