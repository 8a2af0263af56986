import assert from "node:assert/strict";
import { test } from "node:test";
import { explainFailure } from "../../src/audit/explain-failure.ts";
import { EnforcementError } from "../../src/broker/address-enforcement.ts";
import type { Refusal } from "../../src/core/failure.ts";
import { bench, bindingAt, eventually, isRefusal } from "./bench.ts";
import { FakeKernel } from "./fake-kernel.ts";

const ADDRESS = "172.17.0.2";

const MAC = "02:42:ac:11:00:02";

async function setting(t: Parameters<typeof bench>[0]) {
  const kernel = new FakeKernel();
  const all = await bench(t, { enforce: kernel.enforce });
  await all.waitForStream();
  const web = all.engine.run({ network: all.bridge, name: "web" });
  all.engine.connect(all.bridge, web.Id, { IPv4Address: `${ADDRESS}/16`, MacAddress: MAC });
  return { ...all, kernel, web };
}

test("a container is served only once the kernel ties its address to it, by its process and hardware address", async (t) => {
  const { kernel, nameAt, web, log } = await setting(t);
  kernel.gate = Promise.withResolvers();
  const asked = nameAt(ADDRESS);
  await eventually(() => assert.equal(kernel.asked.length, 1));
  assert.ok(!log.includes(`bound web ${ADDRESS}`), "before the kernel has answered");
  kernel.gate.resolve();
  assert.equal(await asked, "web");
  const { address, macAddress, pid } = kernel.asked[0] ?? assert.fail();
  assert.deepEqual({ address, macAddress, pid }, { address: ADDRESS, macAddress: MAC, pid: web.Pid });
});

test("many first requests at once are one question to the kernel, and one binding", async (t) => {
  const { kernel, workloads } = await setting(t);
  const bindings = await Promise.all(Array.from({ length: 20 }, () => bindingAt(workloads, ADDRESS)));
  assert.equal(kernel.asked.length, 1);
  assert.equal(new Set(bindings).size, 1);
  assert.equal(kernel.released, 0);
});

test("an address that cannot be tied is looked at again, and refused with the reason when the hold is over", async (t) => {
  const { kernel, workloads, processes, nameAt } = await setting(t);
  kernel.trouble = new Error("no link of process 7 is on the bridge docker0");
  await assert.rejects(workloads.resolve({ address: ADDRESS }), (error: Error) => {
    assert.ok(isRefusal("identity-unavailable")(error));
    assert.match(JSON.stringify(error), /no link of process 7/);
    return true;
  });
  assert.ok(kernel.asked.length > 2, `${kernel.asked.length} tries`);
  assert.equal(processes.open, 0, "a process is watched for nothing");
  kernel.trouble = undefined;
  assert.equal(await nameAt(ADDRESS), "web");
});

test("what the operator can do about an address that cannot be tied goes with the refusal", async (t) => {
  const { kernel, workloads } = await setting(t);
  kernel.trouble = new EnforcementError("/proc/7/ns/net cannot be read", { remedy: "give it what it lacks" });
  await assert.rejects(workloads.resolve({ address: ADDRESS }), (error: Refusal) => {
    assert.equal(explainFailure(error.failure).remedy, "give it what it lacks");
    return true;
  });
});

test("when the kernel's rules are lost the binding ends at once, and is made anew for the next request", async (t) => {
  const { kernel, workloads, log } = await setting(t);
  const before = await bindingAt(workloads, ADDRESS);
  kernel.lose();
  assert.equal(before.isCurrent(), false);
  const after = await bindingAt(workloads, ADDRESS);
  assert.notEqual(after, before);
  assert.equal(after.isCurrent(), true);
  assert.equal(before.isCurrent(), false, "what has ended once has ended for good");
  assert.ok(log.includes(`evicted web ${ADDRESS}: the kernel no longer ties the address to it`), log.join("\n"));
});

test("a container that is at its address by another link when an event has it looked at is bound anew", async (t) => {
  const { engine, kernel, web, workloads, log } = await setting(t);
  const before = await bindingAt(workloads, ADDRESS);
  kernel.replaceLinks();
  engine.sendPodmanNetwork("disconnect", undefined, web.Id);
  await eventually(() => assert.equal(log.at(-2), `evicted web ${ADDRESS}: its link is gone`));
  assert.equal(log.at(-1), `bound web ${ADDRESS}`);
  assert.deepEqual([before.isCurrent(), kernel.asked.length, kernel.released], [false, 2, 1]);
});

test("of a container whose process died it is said so, not that the kernel let go of its address", async (t) => {
  const { workloads, processes, web, log } = await setting(t);
  const before = await bindingAt(workloads, ADDRESS);
  processes.dead.add(web.Pid);
  assert.equal(before.isCurrent(), false);
  await workloads.resolve({ address: ADDRESS }).catch(() => {});
  assert.ok(log.includes(`evicted web ${ADDRESS}: its process ended`), log.join("\n"));
});

test("an end that comes while the kernel is asked is not undone by its answer", async (t) => {
  const { engine, kernel, web, heard, nameAt, processes } = await setting(t);
  kernel.gate = Promise.withResolvers();
  const asked = nameAt(ADDRESS);
  await eventually(() => assert.equal(kernel.asked.length, 1));
  engine.remove(web.Id);
  engine.sendContainer("die", web.Id);
  await heard();
  kernel.gate.resolve();
  assert.equal(await asked, undefined);
  assert.equal(kernel.released, 1);
  assert.equal(processes.open, 0);
});

test("an ended container's address is released", async (t) => {
  const { engine, kernel, web, workloads, heard } = await setting(t);
  await bindingAt(workloads, ADDRESS);
  engine.remove(web.Id);
  engine.sendContainer("die", web.Id);
  await heard();
  assert.equal(kernel.released, 1);
});
