import assert from "node:assert/strict";
import { test } from "node:test";
import { MappedWorkloads, type RoleMap } from "../../src/broker/mapped-workloads.ts";
import { workload } from "../support/workloads.ts";

/** A map of addresses to names; the second word is what is written of them. */
const mapOf = (given: Readonly<Record<string, string>>): RoleMap => ({
  workloadAt: (address) => {
    const [name, life = "1"] = given[address]?.split(" ") ?? [];
    return name === undefined ? undefined : { ...workload(name), startedAt: life };
  },
});

function bench(given: Readonly<Record<string, string>>) {
  const told: string[] = [];
  const engine = { addresses: new Set<string>(), asked: [] as string[] };
  const ask = (how: string) => async (address: string) => {
    engine.asked.push(how);
    return engine.addresses.has(address);
  };
  const workloads = new MappedWorkloads({
    networks: { contains: ask("known"), containsNow: ask("now") },
    onBegan: ({ address }) => told.push(`began ${address}`),
    onEnded: ({ address }) => told.push(`ended ${address}`),
    onLetGo: ({ address }) => told.push(`let go ${address}`),
  });
  workloads.replace(mapOf(given));
  return { workloads, told, engine };
}

test("an address of the map is its workload, and the same binding while it holds", async () => {
  const { workloads, told } = bench({ "10.0.5.7": "vm" });
  const binding = await workloads.resolve({ address: "10.0.5.7" });
  assert.equal(binding?.workload.name, "vm");
  assert.equal(await workloads.resolve({ address: "10.0.5.7" }), binding);
  assert.ok(binding?.isCurrent());
  assert.deepEqual(told, ["began 10.0.5.7"]);
});

test("of an address that is in no map no engine is asked", async () => {
  const { workloads, engine } = bench({ "10.0.5.7": "vm" });
  assert.equal(await workloads.resolve({ address: "10.0.5.8" }), undefined);
  assert.deepEqual(engine.asked, []);
});

test("an engine is asked anew before an address is bound, and what it is known to say is enough afterwards", async () => {
  const { workloads, engine } = bench({ "10.0.5.7": "vm" });
  for (let i = 0; i < 3; i += 1) await workloads.resolve({ address: "10.0.5.7" });
  assert.deepEqual(engine.asked, ["now", "known", "known"]);
});

test("an address of an engine's network is never the map's, also once it was", async () => {
  const { workloads, told, engine } = bench({ "10.0.5.7": "vm", "10.0.5.8": "vm2" });
  const binding = await workloads.resolve({ address: "10.0.5.7" });
  engine.addresses.add("10.0.5.7").add("10.0.5.8");
  assert.equal(await workloads.resolve({ address: "10.0.5.7" }), undefined);
  assert.equal(await workloads.resolve({ address: "10.0.5.8" }), undefined);
  assert.equal(binding?.isCurrent(), false);
  assert.deepEqual(told, ["began 10.0.5.7", "ended 10.0.5.7"]);
});

test("another map lets go of whom it says something else of, and of nobody else: what is under way may finish", async () => {
  const { workloads, told } = bench({ "10.0.5.7": "same", "10.0.5.8": "other 1", "10.0.5.9": "gone" });
  const [same, other, gone] = await Promise.all(
    ["10.0.5.7", "10.0.5.8", "10.0.5.9"].map((address) => workloads.resolve({ address })),
  );
  told.length = 0;
  workloads.replace(mapOf({ "10.0.5.7": "same", "10.0.5.8": "other 2" }));
  assert.deepEqual([same?.isCurrent(), other?.isCurrent(), gone?.isCurrent()], [true, true, true]);
  assert.deepEqual(told, ["let go 10.0.5.8", "let go 10.0.5.9"]);
  assert.equal((await workloads.resolve({ address: "10.0.5.8" }))?.workload.startedAt, "2");
  assert.equal(await workloads.resolve({ address: "10.0.5.9" }), undefined);
});

test("a map that comes while an engine is asked is the one that counts", async () => {
  const { workloads } = bench({ "10.0.5.7": "vm 1" });
  const asking = workloads.resolve({ address: "10.0.5.7" });
  workloads.replace(mapOf({ "10.0.5.7": "vm 2" }));
  assert.equal((await asking)?.workload.startedAt, "2");
});

test("of more addresses than are kept, those that have been silent longest are let go", async () => {
  const all = Array.from({ length: 4_098 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
  const { workloads, told } = bench(Object.fromEntries(all.map((address) => [address, address])));
  const first = await workloads.resolve({ address: all[0] ?? "" });
  for (const address of all.slice(1, 4_096)) await workloads.resolve({ address });
  await workloads.resolve({ address: all[0] ?? "" }); // speaks again
  for (const address of all.slice(4_096)) await workloads.resolve({ address });
  assert.deepEqual(
    told.filter((line) => line.startsWith("let go")),
    [`let go ${all[1]}`, `let go ${all[2]}`],
  );
  assert.ok(first?.isCurrent());
});
